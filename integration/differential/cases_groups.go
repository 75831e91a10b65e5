package differential

import (
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// fetchAll asks for all offsets of a group, in the form of versions 2 to 7.
func fetchAll(group string) *kmsg.OffsetFetchRequest {
	req := kmsg.NewPtrOffsetFetchRequest()
	req.Group = group
	return req
}

var findCoordinatorCases = []Case{
	{"groups", 0, 6, func(s *Side, v int16) {
		s.Coordinated("g")
		for _, key := range []string{s.Name("g"), "", "ü", s.Name("a b/c")} {
			req := kmsg.NewPtrFindCoordinatorRequest()
			req.CoordinatorKey, req.CoordinatorKeys = key, []string{key}
			s.Ask(v, req)
		}
	}},
	{"several", 4, 6, func(s *Side, v int16) {
		s.Coordinated("g")
		for _, keys := range [][]string{{}, {s.Name("g"), s.Name("h"), s.Name("g")}, {"", ""}} {
			req := kmsg.NewPtrFindCoordinatorRequest()
			req.CoordinatorKeys = keys
			s.Ask(v, req)
		}
	}},
	{"unknown kinds", 1, 6, func(s *Side, v int16) {
		for _, kind := range []int8{3, -1, 127} {
			req := kmsg.NewPtrFindCoordinatorRequest()
			req.CoordinatorType, req.CoordinatorKey, req.CoordinatorKeys = kind, s.Name("g"), []string{s.Name("g")}
			s.Ask(v, req)
		}
	}},
	{"transactions", 3, 4, func(s *Side, v int16) {
		req := kmsg.NewPtrFindCoordinatorRequest()
		req.CoordinatorType, req.CoordinatorKey, req.CoordinatorKeys = 1, s.Name("t"), []string{s.Name("t")}
		s.Ask(v, req)
	}},
	{"share groups", 1, 6, func(s *Side, v int16) {
		req := kmsg.NewPtrFindCoordinatorRequest()
		req.CoordinatorType, req.CoordinatorKey, req.CoordinatorKeys = 2, s.Name("t"), []string{s.Name("t")}
		s.Ask(v, req)
	}},
}

var joinGroupCases = []Case{
	{"alone", 0, 9, func(s *Side, v int16) {
		m := s.consumer("a", s.Coordinated("g"))
		m.join(v)
		s.describe(5, m.group)
		m.sync(3, m.id)
		m.beat(3)
		s.describe(5, m.group)
		m.leave(2)
		s.describe(5, m.group)
	}},
	{"two, one after the other", 0, 9, func(s *Side, v int16) {
		a, b := s.consumer("a", s.Coordinated("g")), s.consumer("b", s.Name("g"))
		a.join(v)
		a.sync(3, a.id)
		second := b.begin(v).Waits()
		a.beat(3)
		s.describe(5, a.group)
		a.join(v)
		b.joined(second)
		waits := s.On("b").Begin(3, b.syncing()).Waits()
		a.sync(3, a.id, b.id)
		waits.End()
		b.beat(3)
		b.leave(2)
		a.beat(3)
	}},
	{"bad requests", 0, 9, func(s *Side, v int16) {
		g := s.Coordinated("g")
		f := func(change func(*member)) {
			m := s.consumer("a", g)
			change(m)
			s.On("a").Ask(v, m.joining())
		}
		f(func(m *member) { m.group = "" })
		f(func(m *member) { m.session = 0 })
		f(func(m *member) { m.session = -1 })
		f(func(m *member) { m.session = 5999 })
		f(func(m *member) { m.session = 1_800_001 })
		f(func(m *member) { m.id = "stranger" })
		f(func(m *member) { m.protocols = nil })
		f(func(m *member) { m.kind = "" })
		f(func(m *member) { m.id, m.group = "stranger", s.Name("none") })
	}},
	{"after a refused one", 5, 5, func(s *Side, v int16) {
		m := s.consumer("a", s.Coordinated("g"))
		m.protocols = nil
		s.On("a").Ask(v, m.joining())
		s.describe(5, m.group)
	}},
	{"no protocols in a group", 0, 9, func(s *Side, v int16) {
		a := s.stable("g")
		f := func(change func(*member)) {
			m := s.consumer("b", a.group)
			change(m)
			s.On("b").Ask(v, m.joining())
		}
		f(func(m *member) { m.protocols = nil })
		f(func(m *member) { m.kind = "" })
		f(func(m *member) { m.kind = "connect" })
		f(func(m *member) { m.protocols = []string{"other"} })
		f(func(m *member) { m.id = "stranger" })
		a.beat(3)
		s.describe(5, a.group)
	}},
	{"a known member again", 0, 9, func(s *Side, v int16) {
		a := s.stable("g")
		a.join(v)
		a.beat(3)
		a.sync(3, a.id)
		a.metadata = subscription("other")
		a.join(v)
		a.sync(3, a.id)
		a.protocols = []string{"sticky"}
		a.join(v)
	}},
	{"a follower again", 0, 9, func(s *Side, v int16) {
		a, b := s.consumer("a", s.Coordinated("g")), s.consumer("b", s.Name("g"))
		a.join(v)
		second := b.begin(v).Waits()
		a.join(v)
		b.joined(second)
		b.join(v)
		a.sync(3, a.id, b.id)
		b.sync(3)
		b.join(v)
		b.beat(3)
		b.metadata = subscription("more")
		third := b.begin(v).Waits()
		a.beat(3)
		a.join(v)
		b.joined(third)
	}},
	{"votes", 0, 9, func(s *Side, v int16) {
		a, b := s.consumer("a", s.Coordinated("g")), s.consumer("b", s.Name("g"))
		a.protocols, b.protocols = []string{"x", "y", "z"}, []string{"z", "y"}
		a.join(v)
		second := b.begin(v).Waits()
		a.join(v)
		b.joined(second)
	}},
	{"other kinds", 0, 9, func(s *Side, v int16) {
		m := s.consumer("a", s.Coordinated("g"))
		m.kind, m.metadata, m.protocols = "connect", []byte("anything"), []string{"default", "compatible"}
		m.join(v)
		s.describe(5, m.group)
	}},
	{"empty metadata of another kind", 0, 9, func(s *Side, v int16) {
		m := s.consumer("a", s.Coordinated("g"))
		m.kind, m.metadata = "other", nil
		m.join(v)
	}},
	{"a member that left", 0, 9, func(s *Side, v int16) {
		a := s.stable("g")
		a.leave(2)
		s.On("a").Ask(v, a.joining())
	}},
	{"an id that was given, twice", 4, 9, func(s *Side, v int16) {
		m := s.consumer("a", s.Coordinated("g"))
		s.On("a").Ask(v, m.joining())
		s.On("a").Ask(v, m.joining())
		s.describe(5, m.group)
		m.join(v)
	}},
	{"given id leaves", 4, 9, func(s *Side, v int16) {
		m := s.consumer("a", s.Coordinated("g"))
		m.id = s.On("a").Ask(v, m.joining()).(*kmsg.JoinGroupResponse).MemberID
		m.beat(3)
		m.leave(3)
		s.On("a").Ask(v, m.joining())
	}},
	{"a reason", 8, 9, func(s *Side, v int16) {
		m := s.consumer("a", s.Coordinated("g"))
		req := m.joining()
		req.Reason = ptr("because")
		m.id = s.On("a").Ask(v, req).(*kmsg.JoinGroupResponse).MemberID
		req.MemberID = m.id
		s.Ask(v, req)
	}},
	{"joined twice at once", 5, 5, func(s *Side, v int16) {
		a, b := s.stable("g"), s.consumer("b", s.Name("g"))
		first := b.begin(5).Waits()
		req := b.joining()
		if b.id == "" {
			panic(abandon{"no id"})
		}
		again := s.On("c").Begin(v, req)
		first.Waits()
		again.Waits()
		a.join(5)
		first.Waits()
		b.joined(again)
	}},
	{"long before the others", 1, 9, func(s *Side, v int16) {
		a, b := s.consumer("a", s.Coordinated("g")), s.consumer("b", s.Name("g"))
		a.rebalance, b.rebalance = 1000, 1000
		a.settle()
		p := b.begin(v).Waits()
		b.joined(p) // a did not come back in time
		s.describe(5, a.group)
		a.beat(3)
	}},
}

var syncGroupCases = []Case{
	{"strangers", 0, 5, func(s *Side, v int16) {
		g := s.Coordinated("g")
		m := s.consumer("a", g)
		m.id, m.generation = "stranger", 1
		m.sync(v)
		m.group = ""
		m.sync(v)
		a := s.stable("h")
		m.group = a.group
		m.sync(v)
		a.generation++
		a.sync(v)
		a.generation = -1
		a.sync(v)
	}},
	{"again", 0, 5, func(s *Side, v int16) {
		a := s.stable("g")
		a.sync(v)
		a.sync(v, a.id)
		a.sync(v, "stranger")
		a.beat(3)
	}},
	{"assignments for strangers, none for a member", 0, 5, func(s *Side, v int16) {
		a, b := s.consumer("a", s.Coordinated("g")), s.consumer("b", s.Name("g"))
		a.join(5)
		second := b.begin(5).Waits()
		a.join(5)
		b.joined(second)
		a.sync(v, "stranger", a.id)
		b.sync(v)
		s.describe(5, a.group)
	}},
	{"nothing assigned", 0, 5, func(s *Side, v int16) {
		m := s.consumer("a", s.Coordinated("g"))
		m.join(5)
		m.sync(v)
		m.beat(3)
		s.describe(5, m.group)
	}},
	{"while preparing", 0, 5, func(s *Side, v int16) {
		a, b := s.stable("g"), s.consumer("b", s.Name("g"))
		b.begin(5).Waits()
		a.sync(v)
		s.describe(5, a.group)
	}},
	{"a member joins meanwhile", 0, 5, func(s *Side, v int16) {
		a, b, c := s.consumer("a", s.Coordinated("g")), s.consumer("b", s.Name("g")), s.consumer("c", s.Name("g"))
		a.join(5)
		second := b.begin(5).Waits()
		a.join(5)
		b.joined(second)
		waits := s.On("b").Begin(v, b.syncing()).Waits()
		c.begin(5)
		waits.End()
		a.sync(v, a.id)
	}},
	{"the leader leaves meanwhile", 0, 5, func(s *Side, v int16) {
		a, b := s.consumer("a", s.Coordinated("g")), s.consumer("b", s.Name("g"))
		a.join(5)
		second := b.begin(5).Waits()
		a.join(5)
		b.joined(second)
		waits := s.On("b").Begin(v, b.syncing()).Waits()
		a.leave(2)
		waits.End()
		b.beat(3)
		b.join(5)
	}},
	{"other protocols", 5, 5, func(s *Side, v int16) {
		a := s.stable("g")
		for _, x := range [][2]*string{{nil, nil}, {ptr("consumer"), nil}, {nil, ptr("range")}, {ptr("connect"), ptr("range")}, {ptr("consumer"), ptr("sticky")}, {ptr(""), ptr("")}} {
			req := a.syncing()
			req.ProtocolType, req.Protocol = x[0], x[1]
			s.On("a").Ask(v, req)
		}
	}},
}

var heartbeatCases = []Case{
	{"strangers", 0, 4, func(s *Side, v int16) {
		g := s.Coordinated("g")
		m := s.consumer("a", g)
		m.beat(v)
		m.id, m.generation = "stranger", 1
		m.beat(v)
		m.group = ""
		m.beat(v)
		a := s.stable("h")
		m.group = a.group
		m.beat(v)
		a.beat(v)
		a.generation++
		a.beat(v)
		a.generation = -1
		a.beat(v)
	}},
	{"while a rebalance goes on", 0, 4, func(s *Side, v int16) {
		a, b := s.stable("g"), s.consumer("b", s.Name("g"))
		second := b.begin(5).Waits()
		a.beat(v)
		a.join(5)
		b.joined(second)
		a.beat(v)
		b.beat(v)
		a.sync(3, a.id)
		a.beat(v)
		b.beat(v)
	}},
	{"after leaving", 0, 4, func(s *Side, v int16) {
		a := s.stable("g")
		a.leave(2)
		a.beat(v)
	}},
	{"instances", 3, 4, func(s *Side, v int16) {
		a := s.stable("g")
		a.instance = ptr("nobody")
		a.beat(v)
		a.id = ""
		a.beat(v)
	}},
	{"silence", 0, 4, func(s *Side, v int16) {
		a, b := s.consumer("a", s.Coordinated("g")), s.consumer("b", s.Name("g"))
		a.session, b.session = 6000, 30_000
		a.settle()
		second := b.begin(5).Waits()
		a.join(5)
		b.joined(second)
		a.sync(3, a.id, b.id)
		time.Sleep(7 * time.Second)
		b.beat(v)
		a.beat(v)
		b.join(5)
	}},
}

var leaveGroupCases = []Case{
	{"strangers", 0, 5, func(s *Side, v int16) {
		m := s.consumer("a", s.Coordinated("g"))
		m.leave(v)
		m.id = "stranger"
		m.leave(v)
		a := s.stable("h")
		m.group = a.group
		m.leave(v)
		m.group = ""
		m.leave(v)
		a.beat(3)
	}},
	{"alone", 0, 5, func(s *Side, v int16) {
		a := s.stable("g")
		a.leave(v)
		a.leave(v)
		s.describe(5, a.group)
	}},
	{"one of two", 0, 5, func(s *Side, v int16) {
		a, b := s.stable("g"), s.consumer("b", s.Name("g"))
		second := b.begin(5).Waits()
		a.join(5)
		b.joined(second)
		a.sync(3, a.id, b.id)
		b.sync(3)
		a.leave(v)
		b.beat(3)
		b.join(5)
	}},
	{"while others wait for it", 0, 5, func(s *Side, v int16) {
		a, b := s.stable("g"), s.consumer("b", s.Name("g"))
		second := b.begin(5).Waits()
		a.leave(v)
		b.joined(second)
	}},
	{"while it waits itself", 0, 5, func(s *Side, v int16) {
		a, b := s.stable("g"), s.consumer("b", s.Name("g"))
		second := b.begin(5).Waits()
		s.On("c").Ask(v, b.leaving())
		second.Waits()
		a.beat(3)
		a.join(5)
		s.describe(5, a.group)
	}},
	{"several", 3, 5, func(s *Side, v int16) {
		a, b := s.stable("g"), s.consumer("b", s.Name("g"))
		second := b.begin(5).Waits()
		a.join(5)
		b.joined(second)
		a.sync(3, a.id, b.id)
		x := s.consumer("x", a.group)
		x.id = "stranger"
		s.On("c").Ask(v, a.leaving(x, b, a))
		s.describe(5, a.group)
		empty := a.leaving()
		empty.Members = []kmsg.LeaveGroupRequestMember{}
		s.On("c").Ask(v, empty)
	}},
}
