package differential

import (
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// A commitAt is one offset to commit.
type commitAt struct {
	topic     string
	partition int32
	offset    int64
}

// committing commits without being a member.
func (s *Side) committing(v int16, group string, list ...commitAt) *kmsg.OffsetCommitRequest {
	req := kmsg.NewPtrOffsetCommitRequest()
	req.Group, req.Generation, req.RetentionTimeMillis = group, -1, -1
	for _, c := range list {
		n := len(req.Topics)
		if n == 0 || req.Topics[n-1].Topic != c.topic {
			t := kmsg.NewOffsetCommitRequestTopic()
			t.Topic = c.topic
			if v >= 10 {
				t.TopicID = s.idOrMadeUp(c.topic)
			}
			req.Topics = append(req.Topics, t)
			n++
		}
		p := kmsg.NewOffsetCommitRequestTopicPartition()
		p.Partition, p.Offset, p.LeaderEpoch, p.Metadata = c.partition, c.offset, -1, ptr("note")
		req.Topics[n-1].Partitions = append(req.Topics[n-1].Partitions, p)
	}
	return req
}

// committing commits as a member does, in versions before topic ids.
func (m *member) committing(list ...commitAt) *kmsg.OffsetCommitRequest {
	req := m.s.committing(9, m.group, list...)
	req.Generation, req.MemberID, req.InstanceID = m.generation, m.id, m.instance
	return req
}

// committed commits outside the transcript.
func (s *Side) committed(group string, list ...commitAt) {
	for _, t := range s.Must(7, s.committing(7, group, list...)).(*kmsg.OffsetCommitResponse).Topics {
		for _, p := range t.Partitions {
			if p.ErrorCode != 0 {
				panic(abandon{"a commit while preparing failed"})
			}
		}
	}
}

// fetching asks for partitions 0 and 1 of topics; none: of all.
func (s *Side) fetching(v int16, group string, topics ...string) *kmsg.OffsetFetchRequest {
	req := fetchAll(group)
	g := kmsg.NewOffsetFetchRequestGroup()
	g.Group = group
	for _, t := range topics {
		req.Topics = append(req.Topics, kmsg.OffsetFetchRequestTopic{Topic: t, Partitions: []int32{0, 1}})
		x := kmsg.OffsetFetchRequestGroupTopic{Topic: t, Partitions: []int32{0, 1}}
		if v >= 10 {
			x.TopicID = s.idOrMadeUp(t)
		}
		g.Topics = append(g.Topics, x)
	}
	req.Groups = append(req.Groups, g)
	return req
}

var offsetCommitCases = []Case{
	{"without members", 2, 10, func(s *Side, v int16) {
		t, g := s.Topic("t", 2), s.Coordinated("g")
		s.Ask(v, s.committing(v, g, commitAt{t, 0, 5}, commitAt{t, 1, 1 << 40}))
		s.Ask(8, s.fetching(8, g))
		s.Ask(v, s.committing(v, g, commitAt{t, 0, 3}))
		s.Ask(8, s.fetching(8, g, t))
		s.describe(5, g)
	}},
	{"strange offsets and metadata", 2, 10, func(s *Side, v int16) {
		t, g := s.Topic("t", 2), s.Coordinated("g")
		f := func(change func(*kmsg.OffsetCommitRequestTopicPartition)) {
			req := s.committing(v, g, commitAt{t, 0, 5})
			change(&req.Topics[0].Partitions[0])
			s.Ask(v, req)
			s.Ask(8, s.fetching(8, g))
		}
		f(func(p *kmsg.OffsetCommitRequestTopicPartition) { p.Offset = -1 })
		f(func(p *kmsg.OffsetCommitRequestTopicPartition) { p.Offset = -7 })
		f(func(p *kmsg.OffsetCommitRequestTopicPartition) { p.Metadata = nil })
		f(func(p *kmsg.OffsetCommitRequestTopicPartition) { p.Metadata = ptr("") })
		f(func(p *kmsg.OffsetCommitRequestTopicPartition) { p.Metadata = ptr(strings.Repeat("x", 4096)) })
		f(func(p *kmsg.OffsetCommitRequestTopicPartition) { p.Metadata = ptr(strings.Repeat("x", 4097)) })
		f(func(p *kmsg.OffsetCommitRequestTopicPartition) { p.Metadata = ptr(strings.Repeat("ü", 3000)) })
		f(func(p *kmsg.OffsetCommitRequestTopicPartition) { p.LeaderEpoch = 3 })
		f(func(p *kmsg.OffsetCommitRequestTopicPartition) { p.LeaderEpoch = -5 })
	}},
	{"retention", 2, 4, func(s *Side, v int16) {
		t, g := s.Topic("t", 2), s.Coordinated("g")
		for _, ms := range []int64{0, 1, -2, 1 << 40} {
			req := s.committing(v, g, commitAt{t, 0, 5})
			req.RetentionTimeMillis = ms
			s.Ask(v, req)
			s.Ask(5, fetchAll(g))
		}
	}},
	{"unknown partitions", 2, 10, func(s *Side, v int16) {
		t, g := s.Topic("t", 2), s.Coordinated("g")
		s.Ask(v, s.committing(v, g, commitAt{t, 2, 5}, commitAt{t, 0, 5}, commitAt{t, -1, 5}, commitAt{s.Name("none"), 0, 5}, commitAt{"a/b", 0, 5}))
		s.Ask(v, s.committing(v, g, commitAt{s.Name("none"), 0, 5}))
		s.Ask(v, s.committing(v, s.Name("another"), commitAt{s.Name("none"), 0, 5}))
		s.Ask(v, s.committing(v, g))
		s.Ask(8, s.fetching(8, g))
		s.describe(5, g, s.Name("another"))
	}},
	{"twice in one request", 2, 10, func(s *Side, v int16) {
		t, u, g := s.Topic("t", 2), s.Topic("u", 1), s.Coordinated("g")
		s.Ask(v, s.committing(v, g, commitAt{t, 0, 5}, commitAt{t, 0, 6}))
		s.Ask(8, s.fetching(8, g))
		s.Ask(v, s.committing(v, g, commitAt{t, 0, 7}, commitAt{s.Name("none"), 0, 0}, commitAt{t, 1, 8}))
		s.Ask(8, s.fetching(8, g))
		s.Ask(v, s.committing(v, g, commitAt{t, 0, 9}, commitAt{u, 0, 0}, commitAt{t, 1, 10}))
		s.Ask(8, s.fetching(8, g))
		req := s.committing(v, g, commitAt{t, 0, 9}, commitAt{u, 0, 0}, commitAt{t, 1, 10})
		req.MemberID = "stranger"
		s.Ask(v, req)
	}},
	{"zero id", 10, 10, func(s *Side, v int16) {
		t, g := s.Topic("t", 1), s.Coordinated("g")
		req := s.committing(v, g, commitAt{t, 0, 5}, commitAt{s.Name("x"), 0, 5})
		req.Topics[1].TopicID = [16]byte{}
		s.Ask(v, req)
		fetch := s.fetching(v, g, t)
		fetch.Groups[0].Topics = append(fetch.Groups[0].Topics, kmsg.OffsetFetchRequestGroupTopic{Partitions: []int32{0}})
		s.Ask(v, fetch)
	}},
	{"by members", 2, 10, func(s *Side, v int16) {
		t, u := s.Topic("t", 2), s.Topic("u", 1)
		a := s.stable("g")
		f := func(change func(*kmsg.OffsetCommitRequest)) {
			req := s.committing(v, a.group, commitAt{t, 0, 5}, commitAt{u, 0, 6})
			req.Generation, req.MemberID = a.generation, a.id
			change(req)
			s.On("a").Ask(v, req)
		}
		f(func(*kmsg.OffsetCommitRequest) {})
		f(func(r *kmsg.OffsetCommitRequest) { r.Generation++ })
		f(func(r *kmsg.OffsetCommitRequest) { r.Generation = 0 })
		f(func(r *kmsg.OffsetCommitRequest) { r.Generation = -1 })
		f(func(r *kmsg.OffsetCommitRequest) { r.MemberID = "stranger" })
		f(func(r *kmsg.OffsetCommitRequest) { r.Generation, r.MemberID = -1, "" })
		f(func(r *kmsg.OffsetCommitRequest) { r.Generation, r.MemberID = -1, "stranger" })
		f(func(r *kmsg.OffsetCommitRequest) { r.MemberID = "" })
		f(func(r *kmsg.OffsetCommitRequest) { r.Group = s.Name("none") })
		f(func(r *kmsg.OffsetCommitRequest) { r.Group, r.Generation = s.Name("none"), 0 })
		f(func(r *kmsg.OffsetCommitRequest) { r.Group, r.Generation = s.Name("new"), -2 })
		s.Ask(8, s.fetching(8, a.group))
		s.describe(5, s.Name("none"), s.Name("new"))
	}},
	{"while a rebalance goes on", 2, 9, func(s *Side, v int16) {
		t := s.Topic("t", 2)
		a, b := s.stable("g"), s.consumer("b", s.Name("g"))
		second := b.begin(5).Waits()
		s.On("a").Ask(v, a.committing(commitAt{t, 0, 5}))
		old := *a
		a.join(5)
		b.joined(second)
		s.On("a").Ask(v, a.committing(commitAt{t, 0, 6}))
		s.On("a").Ask(v, old.committing(commitAt{t, 0, 7}))
		a.sync(3, a.id)
		s.On("a").Ask(v, a.committing(commitAt{t, 0, 8}))
		s.Ask(8, s.fetching(8, a.group))
	}},
	{"of a group that is empty again", 2, 9, func(s *Side, v int16) {
		t := s.Topic("t", 2)
		a := s.stable("g")
		a.leave(2)
		s.On("a").Ask(v, a.committing(commitAt{t, 0, 5}))
		s.Ask(v, s.committing(v, a.group, commitAt{t, 0, 6}))
		s.Ask(8, s.fetching(8, a.group))
		s.describe(5, a.group)
	}},
	{"instances", 7, 9, func(s *Side, v int16) {
		t := s.Topic("t", 2)
		a := s.consumer("a", s.Coordinated("g")).static("one")
		a.settle()
		f := func(id string, instance *string) {
			req := a.committing(commitAt{t, 0, 5})
			req.MemberID, req.InstanceID = id, instance
			s.On("a").Ask(v, req)
		}
		f(a.id, a.instance)
		f(a.id, nil)
		f(a.id, ptr("two"))
		f("stranger", a.instance)
		f("", a.instance)
	}},
	{"topic gone and made again", 2, 10, func(s *Side, v int16) {
		t, g := s.Topic("t", 1), s.Coordinated("g")
		s.Ask(v, s.committing(v, g, commitAt{t, 0, 5}))
		s.Must(5, deleteTopics(5, t))
		s.Missing(t)
		s.wanes(g)
		s.Ask(8, s.fetching(8, g))
		s.Topic("t", 1)
		s.Ask(8, s.fetching(8, g, t))
	}},
}

// wanes waits until a group has no offsets: those of deleted topics go a moment later.
func (s *Side) wanes(group string) {
	for range 200 {
		if len(s.Must(5, fetchAll(group)).(*kmsg.OffsetFetchResponse).Topics) == 0 {
			return
		}
		time.Sleep(25 * time.Millisecond)
	}
	panic(abandon{"offsets of a deleted topic stay"})
}

// emptyGroupCases are about the one group that has no name, so that cases cannot have it to themselves.
var emptyGroupCases = []Case{
	{"empty group id", 2, 10, func(s *Side, v int16) {
		t := s.Topic("t", 1)
		s.Coordinated("g")
		s.Ask(v, s.committing(v, "", commitAt{t, 0, 5}))
		s.Ask(8, s.fetching(8, "", t))
		s.describe(5, "")
		s.Ask(2, deleteGroups("", s.Name("nobody")))
	}},
}

var offsetFetchCases = []Case{
	{"named", 1, 10, func(s *Side, v int16) {
		t, u, g := s.Topic("t", 2), s.Topic("u", 1), s.Coordinated("g")
		s.committed(g, commitAt{t, 0, 5}, commitAt{u, 0, 6})
		s.Ask(v, s.fetching(v, g, t, u, s.Name("none")))
		s.Ask(v, s.fetching(v, s.Name("nobody"), t))
	}},
	{"all", 2, 10, func(s *Side, v int16) {
		t, u, g := s.Topic("t", 2), s.Topic("u", 1), s.Coordinated("g")
		s.committed(g, commitAt{t, 1, 5}, commitAt{u, 0, 6})
		s.Ask(v, s.fetching(v, g))
		s.Ask(v, s.fetching(v, s.Name("nobody")))
	}},
	{"nothing", 1, 10, func(s *Side, v int16) {
		g := s.Coordinated("g")
		req := s.fetching(v, g)
		req.Topics, req.Groups[0].Topics = []kmsg.OffsetFetchRequestTopic{}, []kmsg.OffsetFetchRequestGroupTopic{}
		s.Ask(v, req)
	}},
	{"strange partitions", 1, 10, func(s *Side, v int16) {
		t, g := s.Topic("t", 2), s.Coordinated("g")
		s.committed(g, commitAt{t, 0, 5})
		req := s.fetching(v, g, t)
		for _, list := range [][]int32{{}, {-1, 99, 0}, {0, 0}} {
			req.Topics[0].Partitions, req.Groups[0].Topics[0].Partitions = list, list
			s.Ask(v, req)
		}
		s.Ask(v, s.fetching(v, g, t, t))
	}},
	{"several groups", 8, 10, func(s *Side, v int16) {
		t, g, h := s.Topic("t", 2), s.Coordinated("g"), s.Coordinated("h")
		s.committed(g, commitAt{t, 0, 5})
		s.committed(h, commitAt{t, 1, 6})
		req := s.fetching(v, g, t)
		req.Groups = append(req.Groups, s.fetching(v, h).Groups[0], s.fetching(v, s.Name("nobody"), t).Groups[0], s.fetching(v, "", t).Groups[0])
		s.Ask(v, req)
		req.Groups = append(req.Groups, req.Groups[1])
		s.Ask(v, req)
		req.Groups = []kmsg.OffsetFetchRequestGroup{}
		s.Ask(v, req)
	}},
	{"stable ones", 7, 10, func(s *Side, v int16) {
		t, g := s.Topic("t", 2), s.Coordinated("g")
		s.committed(g, commitAt{t, 0, 5})
		req := s.fetching(v, g, t)
		req.RequireStable = true
		s.Ask(v, req)
	}},
	{"members and epochs", 9, 10, func(s *Side, v int16) {
		t := s.Topic("t", 2)
		a := s.stable("g")
		s.On("").committed(s.Coordinated("h"), commitAt{t, 0, 5})
		for _, g := range []string{a.group, s.Name("h"), s.Name("nobody")} {
			for _, id := range []*string{nil, ptr(""), ptr("stranger"), &a.id} {
				for _, epoch := range []int32{-1, 0, 1, 2} {
					req := s.fetching(v, g, t)
					req.Groups[0].MemberID, req.Groups[0].MemberEpoch = id, epoch
					s.Ask(v, req)
				}
			}
		}
	}},
	{"unknown ids", 10, 10, func(s *Side, v int16) {
		t, g := s.Topic("t", 2), s.Coordinated("g")
		s.Ask(v, s.fetching(v, g, t, s.Name("none"), s.Name("other none")))
		s.Ask(v, s.fetching(v, s.Name("nobody"), s.Name("none")))
	}},
}

// forget asks to delete the offsets of partitions.
func forget(group string, list ...commitAt) *kmsg.OffsetDeleteRequest {
	req := kmsg.NewPtrOffsetDeleteRequest()
	req.Group = group
	for _, c := range list {
		if n := len(req.Topics); n == 0 || req.Topics[n-1].Topic != c.topic {
			req.Topics = append(req.Topics, kmsg.OffsetDeleteRequestTopic{Topic: c.topic})
		}
		t := &req.Topics[len(req.Topics)-1]
		t.Partitions = append(t.Partitions, kmsg.OffsetDeleteRequestTopicPartition{Partition: c.partition})
	}
	return req
}

var offsetDeleteCases = []Case{
	{"without members", 0, 0, func(s *Side, v int16) {
		t, u, g := s.Topic("t", 2), s.Topic("u", 1), s.Coordinated("g")
		s.committed(g, commitAt{t, 0, 5}, commitAt{t, 1, 6}, commitAt{u, 0, 7})
		s.Ask(v, forget(g, commitAt{t, 0, 0}, commitAt{t, 7, 0}, commitAt{u, 0, 0}, commitAt{s.Name("none"), 0, 0}))
		s.Ask(8, s.fetching(8, g))
		s.Ask(v, forget(g, commitAt{t, 0, 0}))
		s.Ask(v, forget(g))
		s.Ask(v, forget(g, commitAt{t, 1, 0}))
		s.Ask(8, s.fetching(8, g))
	}},
	{"all of them", 0, 0, func(s *Side, v int16) {
		t, g := s.Topic("t", 1), s.Coordinated("g")
		s.committed(g, commitAt{t, 0, 5})
		s.Ask(v, forget(g, commitAt{t, 0, 0}))
		s.describe(5, g)
	}},
	{"unknown group", 0, 0, func(s *Side, v int16) {
		t := s.Topic("t", 1)
		s.Coordinated("g")
		s.Ask(v, forget(s.Name("nobody"), commitAt{t, 0, 0}))
		s.Ask(v, forget(s.Name("nobody")))
		s.Ask(v, forget("", commitAt{t, 0, 0}))
		s.Ask(v, forget(s.Name("nobody"), commitAt{s.Name("none"), 0, 0}))
	}},
	{"of members", 0, 0, func(s *Side, v int16) {
		t, u := s.Topic("t", 1), s.Topic("u", 1)
		a := s.consumer("a", s.Coordinated("g"))
		a.metadata = subscription(t)
		a.settle()
		s.Must(7, a.committing(commitAt{t, 0, 5}, commitAt{u, 0, 6}))
		s.Ask(v, forget(a.group, commitAt{t, 0, 0}, commitAt{u, 0, 0}))
		s.Ask(8, s.fetching(8, a.group))
		a.leave(2)
		s.Ask(v, forget(a.group, commitAt{t, 0, 0}))
		s.Ask(8, s.fetching(8, a.group))
	}},
	{"of members of another kind", 0, 0, func(s *Side, v int16) {
		t := s.Topic("t", 1)
		a := s.consumer("a", s.Coordinated("g"))
		a.kind, a.metadata = "connect", []byte("x")
		a.settle()
		s.Must(7, a.committing(commitAt{t, 0, 5}))
		s.Ask(v, forget(a.group, commitAt{t, 0, 0}))
		a.leave(2)
		s.Ask(v, forget(a.group, commitAt{t, 0, 0}))
	}},
}

var describeGroupsCases = []Case{
	{"states", 0, 6, func(s *Side, v int16) {
		t := s.Topic("t", 1)
		a, b := s.consumer("a", s.Coordinated("g")), s.consumer("b", s.Name("g"))
		s.describe(v, a.group)
		s.On("").committed(a.group, commitAt{t, 0, 5})
		s.describe(v, a.group)
		a.settle()
		s.describe(v, a.group)
		second := b.begin(5).Waits()
		s.describe(v, a.group)
		a.join(5)
		b.joined(second)
		s.describe(v, a.group)
		a.leave(2)
		b.leave(2)
		s.describe(v, a.group)
	}},
	{"several", 0, 6, func(s *Side, v int16) {
		a := s.stable("g")
		s.describe(v, a.group, s.Name("nobody"), "")
		s.describe(v)
		s.describe(v, s.Name("nobody"), s.Name("nobody"))
	}},
	{"operations", 3, 6, func(s *Side, v int16) {
		a := s.stable("g")
		req := kmsg.NewPtrDescribeGroupsRequest()
		req.Groups, req.IncludeAuthorizedOperations = []string{a.group, s.Name("nobody")}, true
		s.Ask(v, req)
	}},
	{"instances", 0, 6, func(s *Side, v int16) {
		a := s.consumer("a", s.Coordinated("g")).static("one")
		a.settle()
		s.describe(v, a.group)
	}},
}

// deleteGroups asks to delete groups.
func deleteGroups(groups ...string) *kmsg.DeleteGroupsRequest {
	req := kmsg.NewPtrDeleteGroupsRequest()
	req.Groups = groups
	return req
}

// listing asks for the groups of this case.
func (s *Side) listing(v int16, states, types []string) {
	s.own = true
	req := kmsg.NewPtrListGroupsRequest()
	req.StatesFilter, req.TypesFilter = states, types
	s.Ask(v, req)
}

var listGroupsCases = []Case{
	{"all", 0, 5, func(s *Side, v int16) {
		t := s.Topic("t", 1)
		a, b := s.stable("g"), s.consumer("b", s.Coordinated("busy"))
		b.settle()
		s.consumer("c", b.group).begin(5).Waits()
		s.On("").committed(s.Coordinated("simple"), commitAt{t, 0, 5})
		x := s.consumer("d", s.Coordinated("other"))
		x.kind, x.metadata = "connect", []byte("x")
		x.settle()
		s.listing(v, nil, nil)
		a.leave(2)
		s.listing(v, nil, nil)
	}},
	{"states and types", 4, 5, func(s *Side, v int16) {
		t := s.Topic("t", 1)
		s.stable("g")
		s.On("").committed(s.Coordinated("simple"), commitAt{t, 0, 5})
		for _, states := range [][]string{{"Stable"}, {"STABLE", "nonsense"}, {"empty"}, {"Empty", "Stable"}, {"nonsense"}, {""}, {"Dead"}, {"PreparingRebalance"}, {"Assigning"}} {
			s.listing(v, states, nil)
		}
		if v >= 5 {
			for _, types := range [][]string{{"classic"}, {"Consumer"}, {"CLASSIC", "consumer"}, {"nonsense"}, {"share"}, {""}, {"unknown"}, {"streams"}} {
				s.listing(v, nil, types)
			}
			s.listing(v, []string{"Stable"}, []string{"classic"})
		}
	}},
}

var deleteGroupsCases = []Case{
	{"kinds", 0, 2, func(s *Side, v int16) {
		t := s.Topic("t", 1)
		a := s.stable("g")
		s.On("").committed(s.Coordinated("simple"), commitAt{t, 0, 5})
		s.Ask(v, deleteGroups(a.group, s.Name("simple"), s.Name("nobody")))
		s.Ask(8, s.fetching(8, s.Name("simple"), t))
		s.describe(5, s.Name("simple"))
		a.leave(2)
		s.Ask(v, deleteGroups(a.group))
		s.describe(5, a.group)
		a.beat(3)
		a.id = ""
		a.settle()
		s.describe(5, a.group)
	}},
	{"twice and none", 0, 2, func(s *Side, v int16) {
		t := s.Topic("t", 1)
		s.committed(s.Coordinated("simple"), commitAt{t, 0, 5})
		s.Ask(v, deleteGroups(s.Name("simple"), s.Name("simple")))
		s.Ask(v, deleteGroups())
	}},
	{"while a member has an id only", 0, 2, func(s *Side, v int16) {
		m := s.consumer("a", s.Coordinated("g"))
		m.id = s.On("a").Ask(5, m.joining()).(*kmsg.JoinGroupResponse).MemberID
		s.Ask(v, deleteGroups(m.group))
		s.Ask(5, m.joining())
	}},
	{"while joining", 0, 2, func(s *Side, v int16) {
		a, b := s.stable("g"), s.consumer("b", s.Name("g"))
		second := b.begin(5).Waits()
		s.On("").Ask(v, deleteGroups(a.group))
		a.leave(2)
		b.joined(second)
	}},
}

var internalTopicCases = []Case{
	{"shown", 0, 12, func(s *Side, v int16) {
		s.Coordinated("g")
		s.Ask(v, byName("__consumer_offsets"))
	}},
	{"produced to", 3, 12, func(s *Side, v int16) {
		s.Coordinated("g")
		s.Ask(v, s.produce(v, -1, part{"__consumer_offsets", 0, s.batchOf("x").bytes()}))
	}},
	{"made by hand", 2, 7, func(s *Side, v int16) {
		s.Coordinated("g")
		s.Ask(v, createTopics(newTopic("__consumer_offsets", 1, 1)))
	}},
}
