package differential

import (
	"math"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// groupNames are names that a group may have: any.
var groupNames = []string{" ", "a/b", "ü", "..", "a\x00b", strings.Repeat("x", 300), strings.Repeat("y", 32000)}

var groupEdgeCases = []Case{
	{"strange names", 5, 9, func(s *Side, v int16) {
		s.Coordinated("g")
		for _, name := range groupNames {
			m := s.consumer("a", s.Name(name))
			s.awaitCoordinator(m.group)
			m.join(v)
			m.sync(3, m.id)
			m.leave(2)
			s.On("")
		}
	}},
	{"time-outs", 1, 9, func(s *Side, v int16) {
		for i, ms := range []int32{0, -1, math.MinInt32, math.MaxInt32} {
			m := s.consumer("a", s.Coordinated("g"+string(rune('a'+i))))
			m.rebalance = ms
			m.join(v)
			s.On("")
		}
		for i, ms := range []int32{6000, 1_800_000, math.MaxInt32, math.MinInt32, 1_799_999} {
			m := s.consumer("b", s.Coordinated("s"+string(rune('a'+i))))
			m.session = ms
			s.On("b").Ask(v, m.joining())
			s.On("")
		}
	}},
	{"protocols", 1, 9, func(s *Side, v int16) {
		for i, protocols := range [][]string{{""}, {"x", ""}, {strings.Repeat("p", 1000)}, {"ü"}} {
			m := s.consumer("a", s.Coordinated("g"+string(rune('a'+i))))
			m.protocols = protocols
			m.join(v)
			m.sync(3, m.id)
			s.describe(5, m.group)
			s.On("")
		}
	}},
	{"protocol twice", 5, 5, func(s *Side, v int16) {
		m := s.consumer("a", s.Coordinated("g"))
		m.protocols = []string{"x", "x"}
		m.join(v)
	}},
	{"kinds", 1, 9, func(s *Side, v int16) {
		for i, kind := range []string{" ", "Consumer", "ü", strings.Repeat("k", 500)} {
			m := s.consumer("a", s.Coordinated("g"+string(rune('a'+i))))
			m.kind, m.metadata = kind, []byte{}
			m.join(v)
			s.describe(5, m.group)
			s.On("")
		}
	}},
	{"assignment twice", 0, 5, func(s *Side, v int16) {
		m := s.consumer("a", s.Coordinated("g"))
		m.join(5)
		m.sync(v, m.id, m.id)
		s.describe(5, m.group)
	}},
	{"empty assignment", 0, 5, func(s *Side, v int16) {
		m := s.consumer("a", s.Coordinated("g"))
		m.join(5)
		req := m.syncing(m.id)
		req.GroupAssignment[0].MemberAssignment = []byte{}
		s.On("a").Ask(v, req)
		m.beat(3)
	}},
	{"generations at their ends", 0, 4, func(s *Side, v int16) {
		m := s.stable("g")
		for _, g := range []int32{math.MaxInt32, math.MinInt32, -2, 0} {
			n := *m
			n.generation = g
			n.beat(v)
			n.sync(3)
		}
	}},
	{"empty and strange ids", 0, 4, func(s *Side, v int16) {
		m := s.stable("g")
		for _, id := range []string{"", " ", strings.Repeat("m", 1000)} {
			n := *m
			n.id = id
			n.beat(v)
			n.sync(3)
			n.leave(3)
		}
		m.beat(v)
	}},
	{"leaving twice at once, and with instances", 3, 5, func(s *Side, v int16) {
		a := s.stable("g")
		b := s.consumer("b", a.group)
		b.id, b.instance = a.id, ptr("nobody")
		s.On("c").Ask(v, b.leaving())
		b.id = ""
		s.On("c").Ask(v, b.leaving())
		s.On("c").Ask(v, a.leaving(a, a))
		b.group = s.Name("nobody")
		s.On("c").Ask(v, b.leaving(a))
		b.group = ""
		s.On("c").Ask(v, b.leaving(a))
	}},
	{"described twice", 0, 6, func(s *Side, v int16) {
		a := s.stable("g")
		s.describe(v, a.group, a.group)
		s.describe(v, s.Name("nobody"), a.group, "", s.Name("nobody"), strings.Repeat("z", 500))
	}},
	{"commit: numbers at their ends", 2, 10, func(s *Side, v int16) {
		t, g := s.Topic("t", 2), s.Coordinated("g")
		for _, x := range []struct {
			partition int32
			offset    int64
			epoch     int32
		}{{0, math.MaxInt64, 0}, {0, math.MinInt64, 0}, {0, 1, math.MaxInt32}, {0, 1, math.MinInt32}, {math.MaxInt32, 1, -1}, {math.MinInt32, 1, -1}} {
			req := s.committing(v, g, commitAt{t, x.partition, x.offset})
			req.Topics[0].Partitions[0].LeaderEpoch = x.epoch
			s.Ask(v, req)
			s.Ask(8, s.fetching(8, g))
		}
	}},
	{"commit: no partitions", 2, 10, func(s *Side, v int16) {
		t, g := s.Topic("t", 2), s.Coordinated("g")
		req := s.committing(v, g, commitAt{t, 0, 1}, commitAt{s.Name("none"), 0, 1})
		req.Topics[0].Partitions, req.Topics[1].Partitions = nil, nil
		s.Ask(v, req)
		s.describe(5, g)
	}},
	{"fetch: the same topic and partition again", 1, 10, func(s *Side, v int16) {
		t, u, g := s.Topic("t", 2), s.Topic("u", 1), s.Coordinated("g")
		s.committed(g, commitAt{t, 0, 5}, commitAt{u, 0, 6})
		s.Ask(v, s.fetching(v, g, t, u, t))
		s.Ask(v, s.fetching(v, "", t))
		s.Ask(v, s.fetching(v, g, "a/b", ""))
	}},
	{"delete offsets: again and nothing", 0, 0, func(s *Side, v int16) {
		t, g := s.Topic("t", 2), s.Coordinated("g")
		s.committed(g, commitAt{t, 0, 5}, commitAt{t, 1, 6})
		s.Ask(v, forget(g, commitAt{t, 0, 0}, commitAt{t, 0, 0}))
		req := forget(g, commitAt{t, 1, 0})
		req.Topics[0].Partitions = nil
		s.Ask(v, req)
		s.Ask(v, forget(g, commitAt{t, 1, 0}, commitAt{s.Name("none"), 0, 0}, commitAt{t, 1, 0}))
		s.committed(g, commitAt{t, 0, 5}, commitAt{t, 1, 6})
		req = forget(g, commitAt{s.Name("none"), 0, 0}, commitAt{t, 0, 0}, commitAt{"a/b", 0, 0})
		req.Topics[0].Partitions, req.Topics[1].Partitions = nil, nil
		s.Ask(v, req)
		s.Ask(v, forget(g, commitAt{t, math.MaxInt32, 0}, commitAt{t, -1, 0}, commitAt{"", 0, 0}))
	}},
	{"list: filters with nothing and twice", 4, 5, func(s *Side, v int16) {
		s.stable("g")
		s.listing(v, []string{}, []string{})
		s.listing(v, []string{"Stable", "Stable"}, nil)
		s.listing(v, []string{" Stable"}, nil)
		if v >= 5 {
			s.listing(v, nil, []string{" classic"})
		}
	}},
	{"find: names", 0, 6, func(s *Side, v int16) {
		s.Coordinated("g")
		for _, key := range groupNames {
			req := kmsg.NewPtrFindCoordinatorRequest()
			req.CoordinatorKey, req.CoordinatorKeys = key, []string{key, s.Name("g"), key}
			s.Ask(v, req)
		}
	}},
}
