package differential

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// A member is one consumer as a case plays it, on a connection of its own.
type member struct {
	s          *Side
	conn       string
	group      string
	id         string
	instance   *string
	generation int32
	kind       string   // protocol type
	protocols  []string // by preference
	metadata   []byte
	session    int32
	rebalance  int32
}

// member makes a consumer of a group; its name is that of its connection.
func (s *Side) consumer(name, group string) *member {
	return &member{s: s, conn: name, group: group, generation: -1, kind: "consumer", protocols: []string{"range"}, metadata: subscription("topic"),
		session: 10_000, rebalance: 10_000}
}

// subscription is what a consumer sends as a protocol's metadata (ConsumerProtocolSubscription, version 0).
func subscription(topics ...string) []byte {
	b := binary.BigEndian.AppendUint16(nil, 0)
	b = binary.BigEndian.AppendUint32(b, uint32(len(topics)))
	for _, t := range topics {
		b = binary.BigEndian.AppendUint16(b, uint16(len(t)))
		b = append(b, t...)
	}
	return binary.BigEndian.AppendUint32(b, 0xffffffff)
}

func (m *member) static(instance string) *member { m.instance = &instance; return m }

func (m *member) joining() *kmsg.JoinGroupRequest {
	req := kmsg.NewPtrJoinGroupRequest()
	req.Group, req.MemberID, req.InstanceID, req.ProtocolType = m.group, m.id, m.instance, m.kind
	req.SessionTimeoutMillis, req.RebalanceTimeoutMillis = m.session, m.rebalance
	for _, p := range m.protocols {
		req.Protocols = append(req.Protocols, kmsg.JoinGroupRequestProtocol{Name: p, Metadata: m.metadata})
	}
	return req
}

// Begin sends a join; in versions that give the member an id first, the second one.
func (m *member) begin(v int16) *Pending {
	m.s.On(m.conn)
	if v >= 4 && m.id == "" && m.instance == nil {
		r, ok := m.s.Ask(v, m.joining()).(*kmsg.JoinGroupResponse)
		if !ok || r.ErrorCode != 79 {
			panic(abandon{"no member id was given"})
		}
		m.id = r.MemberID
	}
	return m.s.Begin(v, m.joining())
}

// joined takes the answer of a join.
func (m *member) joined(p *Pending) *kmsg.JoinGroupResponse {
	r, ok := p.End().(*kmsg.JoinGroupResponse)
	if !ok {
		panic(abandon{"no answer to a join"})
	}
	if r.ErrorCode == 0 {
		m.id, m.generation = r.MemberID, r.Generation
	}
	return r
}

// join joins and waits for the answer.
func (m *member) join(v int16) *kmsg.JoinGroupResponse { return m.joined(m.begin(v)) }

func (m *member) syncing(assign ...string) *kmsg.SyncGroupRequest {
	req := kmsg.NewPtrSyncGroupRequest()
	req.Group, req.Generation, req.MemberID, req.InstanceID = m.group, m.generation, m.id, m.instance
	req.ProtocolType, req.Protocol = &m.kind, &m.protocols[0]
	for _, id := range assign {
		req.GroupAssignment = append(req.GroupAssignment, kmsg.SyncGroupRequestGroupAssignment{MemberID: id, MemberAssignment: fmt.Appendf(nil, "for number %d", len(req.GroupAssignment))})
	}
	return req
}

func (m *member) sync(v int16, assign ...string) kmsg.Response {
	return m.s.On(m.conn).Ask(v, m.syncing(assign...))
}

func (m *member) beating() *kmsg.HeartbeatRequest {
	req := kmsg.NewPtrHeartbeatRequest()
	req.Group, req.Generation, req.MemberID, req.InstanceID = m.group, m.generation, m.id, m.instance
	return req
}

func (m *member) beat(v int16) kmsg.Response { return m.s.On(m.conn).Ask(v, m.beating()) }

// leaving takes this member out, and with others, these.
func (m *member) leaving(others ...*member) *kmsg.LeaveGroupRequest {
	req := kmsg.NewPtrLeaveGroupRequest()
	req.Group, req.MemberID = m.group, m.id
	for _, x := range append([]*member{m}, others...) {
		y := kmsg.NewLeaveGroupRequestMember()
		y.MemberID, y.InstanceID = x.id, x.instance
		req.Members = append(req.Members, y)
	}
	return req
}

func (m *member) leave(v int16) kmsg.Response { return m.s.On(m.conn).Ask(v, m.leaving()) }

// described shows the group on a connection of its own.
func (s *Side) describe(v int16, groups ...string) {
	req := kmsg.NewPtrDescribeGroupsRequest()
	req.Groups = groups
	s.On("describe").Ask(v, req)
}

// stable makes a group of one member that has its assignment, told in the newest versions and outside the transcript.
func (s *Side) stable(suffix string) *member {
	m := s.consumer("a", s.Coordinated(suffix))
	m.settle()
	return m
}

// settle joins and syncs outside the transcript, alone.
func (m *member) settle() {
	m.s.On(m.conn)
	r := m.s.Must(5, m.joining()).(*kmsg.JoinGroupResponse)
	if r.ErrorCode == 79 {
		m.id = r.MemberID
		r = m.s.Must(5, m.joining()).(*kmsg.JoinGroupResponse)
	}
	if r.ErrorCode != 0 {
		panic(abandon{fmt.Sprint("join while preparing: error ", r.ErrorCode)})
	}
	m.id, m.generation = r.MemberID, r.Generation
	m.s.member(m.id)
	if r := m.s.Must(3, m.syncing(m.id)).(*kmsg.SyncGroupResponse); r.ErrorCode != 0 {
		panic(abandon{fmt.Sprint("sync while preparing: error ", r.ErrorCode)})
	}
}

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

var staticMemberCases = []Case{
	{"joins", 5, 9, func(s *Side, v int16) {
		m := s.consumer("a", s.Coordinated("g")).static("one")
		m.join(v)
		m.sync(3, m.id)
		m.beat(3)
		s.describe(5, m.group)
	}},
	{"comes back", 5, 9, func(s *Side, v int16) {
		a := s.consumer("a", s.Coordinated("g")).static("one")
		a.settle()
		old := *a
		a.id, a.conn = "", "b"
		a.join(v)
		a.sync(3)
		old.beat(3)
		old.instance = nil
		old.beat(3)
		a.beat(3)
		old.instance = a.instance
		s.On("old").Ask(v, old.joining())
		old.sync(3)
		s.describe(5, a.group)
	}},
	{"comes back with something else", 5, 9, func(s *Side, v int16) {
		a := s.consumer("a", s.Coordinated("g")).static("one")
		a.settle()
		a.id, a.conn, a.metadata = "", "b", subscription("other")
		a.join(v)
		a.beat(3)
		a.protocols = []string{"sticky"}
		a.id = ""
		s.On("b").Ask(v, a.joining())
	}},
	{"unknown", 5, 9, func(s *Side, v int16) {
		a := s.consumer("a", s.Coordinated("g")).static("one")
		a.id = "stranger"
		s.On("a").Ask(v, a.joining())
		a.settled()
		b := s.consumer("b", a.group).static("two")
		b.id = "stranger"
		s.On("b").Ask(v, b.joining())
		b.id = a.id
		s.On("b").Ask(v, b.joining())
		b.instance = a.instance
		b.id = "stranger"
		s.On("b").Ask(v, b.joining())
	}},
	{"names", 5, 9, func(s *Side, v int16) {
		for i, name := range []string{"", " ", "a/b", "."} {
			m := s.consumer(fmt.Sprint("c", i), s.Coordinated(fmt.Sprint("g", i))).static(name)
			m.join(v)
		}
	}},
	{"leaves", 3, 5, func(s *Side, v int16) {
		a := s.consumer("a", s.Coordinated("g")).static("one")
		a.settle()
		nobody := &member{s: s, conn: "a", group: a.group, instance: ptr("nobody")}
		byName := &member{s: s, conn: "a", group: a.group, instance: ptr("one")}
		wrong := &member{s: s, conn: "a", group: a.group, instance: ptr("one"), id: "stranger"}
		s.Ask(v, wrong.leaving(nobody))
		a.beat(3)
		s.On("a").Ask(v, byName.leaving(byName))
		a.beat(3)
		s.describe(5, a.group)
	}},
	{"two", 5, 9, func(s *Side, v int16) {
		a, b := s.consumer("a", s.Coordinated("g")).static("one"), s.consumer("b", s.Name("g")).static("two")
		a.join(v)
		second := b.begin(v).Waits()
		a.join(v)
		b.joined(second)
		a.sync(3, a.id, b.id)
		b.sync(3)
		b.id = ""
		b.join(v)
		b.beat(3)
		a.beat(3)
		a.id = ""
		a.join(v)
	}},
	{"fenced everywhere", 3, 3, func(s *Side, v int16) {
		t := s.Topic("t", 1)
		a := s.consumer("a", s.Coordinated("g")).static("one")
		a.settle()
		a.instance = ptr("other")
		a.beat(v)
		a.sync(v)
		s.Ask(7, a.committing(commitAt{t, 0, 1}))
		a.instance, a.id = ptr("one"), "stranger"
		a.beat(v)
		a.sync(v)
		s.Ask(7, a.committing(commitAt{t, 0, 1}))
		a.leave(3)
	}},
}

// settled is settle for a member whose id was made up.
func (m *member) settled() { m.id = ""; m.settle() }

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
