package differential

import (
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// At goes on with a connection to that node of a cluster.
func (s *Side) At(node int) *Side {
	s.On(fmt.Sprint("node ", node))
	s.addr = s.nodes[node-1]
	return s
}

// placed makes a topic with these replicas on each partition, and waits until every node knows it and every leader serves.
func (s *Side) placed(suffix string, replicas ...[]int32) string {
	t := s.Name(suffix)
	made := s.At(1).Must(7, createTopics(newTopic(t, -1, -1, replicas...))).(*kmsg.CreateTopicsResponse)
	if made.Topics[0].ErrorCode != 0 {
		panic(abandon{fmt.Sprintf("topic %s could not be made: %+v", t, made.Topics)})
	}
	s.spread(t, replicas...)
	return t
}

// spread waits until all nodes show these replicas, all of them in sync, and the first ones lead and serve.
func (s *Side) spread(t string, replicas ...[]int32) {
	for range 400 {
		done := true
		for node := 1; node <= len(s.nodes) && done; node++ {
			got := s.At(node).Must(12, byName(t)).(*kmsg.MetadataResponse).Topics[0]
			done = len(got.Partitions) == len(replicas)
			if got.TopicID != ([16]byte{}) {
				s.topicIDs[got.TopicID] = t
			}
			for _, p := range got.Partitions {
				want := replicas[min(int(p.Partition), len(replicas)-1)]
				done = done && p.Leader == want[0] && len(p.ISR) == len(want) && fmt.Sprint(p.Replicas) == fmt.Sprint(want)
			}
		}
		for p := 0; p < len(replicas) && done; p++ {
			got := s.At(int(replicas[p][0])).Must(5, listOffsets(when{topic: t, partition: int32(p), stamp: -1})).(*kmsg.ListOffsetsResponse)
			done = got.Topics[0].Partitions[0].ErrorCode == 0
		}
		if s.At(1); done {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	panic(abandon{"topic " + t + " does not come to its places"})
}

// everywhere asks all nodes the same.
func (s *Side) everywhere(v int16, ask func() kmsg.Request) {
	for node := range s.nodes {
		s.At(node+1).Ask(v, ask())
	}
}

// clusterGroups are told to clusters of three nodes.
var clusterGroups = []Group{
	{"cluster/Metadata", []Case{
		{"brokers", 4, 13, func(s *Side, v int16) {
			s.own = true
			s.everywhere(v, func() kmsg.Request { return byName(s.Name("none")) })
		}},
		{"topics", 4, 13, func(s *Side, v int16) {
			t := s.placed("t", []int32{2, 3, 1}, []int32{3, 1, 2}, []int32{1, 2, 3}, []int32{3, 2, 1})
			s.everywhere(v, func() kmsg.Request { return byName(t) })
		}},
		{"pages", 0, 0, func(s *Side, v int16) {
			t := s.placed("t", []int32{2, 3}, []int32{3, 1}, []int32{1, 2})
			s.everywhere(v, func() kmsg.Request { return describeTopics(2, nil, t) })
		}},
		{"cluster", 0, 2, func(s *Side, v int16) {
			s.everywhere(v, func() kmsg.Request { return kmsg.NewPtrDescribeClusterRequest() })
		}},
	}},
	{"cluster/CreateTopics", []Case{
		{"replicas", 2, 7, func(s *Side, v int16) {
			for i, x := range []kmsg.CreateTopicsRequestTopic{
				newTopic(s.Name("a"), 3, 3), newTopic(s.Name("b"), 3, 2), newTopic(s.Name("c"), 1, 4), newTopic(s.Name("e"), -1, -1, []int32{2, 1}, []int32{3, 2}),
				newTopic(s.Name("f"), -1, -1, []int32{2, 1}, []int32{3}), newTopic(s.Name("g"), -1, -1, []int32{1, 4}), newTopic(s.Name("h"), -1, -1, []int32{2, 2}),
				newTopic(s.Name("i"), -1, -1, []int32{3, 1, 2, 1}), newTopic(s.Name("j"), -1, -1, []int32{1, 2, 3, 4}), newTopic(s.Name("k"), -1, -1, []int32{-1, 1}),
			} {
				s.At(i%3+1).Ask(v, createTopics(x))
			}
		}},
		{"partitions", 0, 3, func(s *Side, v int16) {
			t := s.placed("t", []int32{2, 3})
			for i, x := range [][]int32{{1}, {1, 2, 3}, {4, 1}, {1, 1}, {3, 1}} {
				s.At(i%3+1).Ask(v, createPartitions(t, 2, x))
			}
			s.spread(t, []int32{2, 3}, []int32{3, 1})
			s.everywhere(12, func() kmsg.Request { return byName(t) })
		}},
		{"deleted elsewhere", 1, 6, func(s *Side, v int16) {
			t := s.placed("t", []int32{2, 3})
			s.At(3).Ask(v, deleteTopics(v, t))
			s.Missing(t)
		}},
	}},
	{"cluster/leaders", []Case{
		{"produce elsewhere", 3, 13, func(s *Side, v int16) {
			t := s.placed("t", []int32{2, 3}, []int32{1, 3})
			for _, acks := range []int16{1, -1} { // what waits for all comes last, so that all of it can be read
				s.everywhere(v, func() kmsg.Request {
					return s.produce(v, acks, part{t, 0, s.batchOf("a").bytes()}, part{t, 1, s.batchOf("b").bytes()}, part{t, 2, s.batchOf("b").bytes()})
				})
			}
			s.At(2).Back(t, 0)
		}},
		{"fetch elsewhere", 4, 18, func(s *Side, v int16) {
			t := s.placed("t", []int32{2, 3}, []int32{1, 3})
			s.At(2).Put(t, 0, s.batchOf("a", "b"))
			time.Sleep(1200 * time.Millisecond) // Kafka's followers hear of the high watermark with their next fetch
			for _, epoch := range []int32{-1, 0, 1} {
				s.everywhere(v, func() kmsg.Request {
					return s.fetch(v, 0, at{topic: t, epoch: epoch + 1}, at{topic: t, partition: 1, epoch: epoch + 1})
				})
			}
			s.Timed(3000, func() { s.At(1).Ask(v, s.fetch(v, 3000, at{topic: t})) })
		}},
		{"offsets elsewhere", 1, 11, func(s *Side, v int16) {
			t := s.placed("t", []int32{2, 3})
			for _, stamp := range []int64{-1, -2, 5, -7} {
				for _, epoch := range []int32{-1, 0, 7} {
					s.everywhere(v, func() kmsg.Request { return listOffsets(when{topic: t, stamp: stamp, epoch: epoch + 1}) })
				}
			}
		}},
		{"epochs elsewhere", 2, 4, func(s *Side, v int16) {
			t := s.placed("t", []int32{2, 3})
			for _, epoch := range []int32{-1, 0, 7} {
				s.everywhere(v, func() kmsg.Request { return leaderEpoch(t, 0, 0, epoch) })
			}
		}},
		{"records deleted elsewhere", 0, 2, func(s *Side, v int16) {
			t := s.placed("t", []int32{2, 3})
			s.At(2).Put(t, 0, s.batchOf("a", "b"))
			s.everywhere(v, func() kmsg.Request { return deleteRecords(cut{t, 0, 1}) })
		}},
		{"producers and folders elsewhere", 0, 0, func(s *Side, v int16) {
			t := s.placed("t", []int32{2, 3})
			pid, _ := s.Producer()
			s.At(2).Put(t, 0, s.numbered(pid, send{0, 0, 2}))
			time.Sleep(1200 * time.Millisecond) // until all have it
			s.everywhere(v, func() kmsg.Request { return producersOf(of(t, 0)) })
			s.everywhere(4, func() kmsg.Request { return logDirs(of(t, 0)) })
		}},
	}},
	{"cluster/moves", []Case{
		{"another order, then an election", 0, 2, func(s *Side, v int16) {
			t := s.placed("t", []int32{1, 2, 3})
			s.At(3).Ask(v, elect(preferred, of(t, 0)))
			s.At(2).Ask(1, reassign(reassigned(t, assigned(0, 2, 1, 3))))
			s.ordered(t, 2, 1, 3)
			s.At(1).Ask(12, byName(t))
			s.At(1).Ask(v, elect(preferred, of(t, 0), of(s.Name("none"), 0)))
			s.spread(t, []int32{2, 1, 3})
			s.everywhere(12, func() kmsg.Request { return byName(t) })
			s.At(2).Ask(v, elect(preferred, of(t, 0)))
			if v > 0 {
				s.At(2).Ask(v, elect(unclean, of(t, 0)))
			}
		}},
		{"to another node", 0, 1, func(s *Side, v int16) {
			t := s.placed("t", []int32{1}, []int32{1})
			s.At(1).Put(t, 0, s.batchOf("a", "b"))
			s.At(3).Ask(v, reassign(reassigned(t, assigned(0, 2), assigned(1, 3))))
			s.spread(t, []int32{2}, []int32{3})
			s.everywhere(12, func() kmsg.Request { return byName(t) })
			s.At(2).Back(t, 0)
			s.At(1).Ask(0, reassignments(of(t, 0, 1)))
		}},
		{"impossible", 0, 1, func(s *Side, v int16) {
			t := s.placed("t", []int32{1, 2})
			for i, x := range [][]int32{{1, 4}, {2, 2}, {1, 2, 3, 4}, {-1, 1}} {
				s.At(i%3+1).Ask(v, reassign(reassigned(t, assigned(0, x...))))
			}
			s.At(2).Ask(v, reassign(reassigned(t, assigned(0))))
			s.everywhere(12, func() kmsg.Request { return byName(t) })
		}},
	}},
	{"cluster/quorum", []Case{
		{"described", 0, 2, func(s *Side, v int16) { s.everywhere(v, func() kmsg.Request { return quorum(of(metadataLog, 0)) }) }},
		{"configs of another broker", 1, 4, func(s *Side, v int16) {
			for _, id := range []string{"2", "3", "4"} {
				s.At(1).Ask(v, brief(described(configBroker, id, "num.io.threads")))
			}
		}},
		{"coordinators agree", 4, 6, func(s *Side, v int16) {
			for _, g := range []string{"a", "b", "c"} {
				s.At(1).found(g)
				seen := map[int32]bool{}
				for node := range s.nodes {
					req := kmsg.NewPtrFindCoordinatorRequest()
					req.CoordinatorKeys = []string{s.Name(g)}
					seen[s.At(node+1).Must(v, req).(*kmsg.FindCoordinatorResponse).Coordinators[0].NodeID] = true
				}
				s.note(s.step("coordinators"), fmt.Sprint(len(seen)))
			}
		}},
	}},
}

// found waits until the coordinator of a group is known to all nodes.
func (s *Side) found(group string) {
	for range 400 {
		known := 0
		for node := range s.nodes {
			req := kmsg.NewPtrFindCoordinatorRequest()
			req.CoordinatorKeys = []string{s.Name(group)}
			if s.At(node+1).Must(4, req).(*kmsg.FindCoordinatorResponse).Coordinators[0].ErrorCode == 0 {
				known++
			}
		}
		if known == len(s.nodes) {
			return
		}
		time.Sleep(25 * time.Millisecond)
	}
	panic(abandon{"group " + group + " gets no coordinator"})
}

// ordered waits until all nodes show the replicas of partition 0 in this order, whoever leads.
func (s *Side) ordered(t string, replicas ...int32) {
	for range 400 {
		seen := 0
		for node := range s.nodes {
			if p := s.At(node+1).Must(12, byName(t)).(*kmsg.MetadataResponse).Topics[0].Partitions; len(p) > 0 && fmt.Sprint(p[0].Replicas) == fmt.Sprint(replicas) {
				seen++
			}
		}
		if s.At(1); seen == len(s.nodes) {
			return
		}
		time.Sleep(25 * time.Millisecond)
	}
	panic(abandon{"the replicas of topic " + t + " do not change"})
}

// complete waits until all nodes show all nodes.
func complete(nodes []string) bool {
	s := newSide("", "", time.Now())
	s.nodes = nodes
	defer s.hangUp()
	for range 400 {
		seen := 0
		for node := range nodes {
			if len(s.At(node+1).Must(12, byName()).(*kmsg.MetadataResponse).Brokers) == len(nodes) {
				seen++
			}
		}
		if seen == len(nodes) {
			return true
		}
		time.Sleep(50 * time.Millisecond)
	}
	return false
}
