package differential

import (
	"math"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// forgetting adds forgotten partitions to a fetch.
func (s *Side) forgetting(req *kmsg.FetchRequest, topic string, partitions ...int32) *kmsg.FetchRequest {
	f := kmsg.NewFetchRequestForgottenTopic()
	f.Topic, f.Partitions = topic, partitions
	if req.Version >= 13 {
		f.TopicID = s.idOrMadeUp(topic)
	}
	req.ForgottenTopics = append(req.ForgottenTopics, f)
	return req
}

var fetchEdgeCases = []Case{
	{"numbers at their ends", 4, 18, func(s *Side, v int16) {
		t := s.filled()
		f := func(change func(*kmsg.FetchRequest, *kmsg.FetchRequestTopicPartition)) {
			req := s.fetch(v, 0, at{topic: t})
			change(req, &req.Topics[0].Partitions[0])
			s.Ask(v, req)
		}
		f(func(r *kmsg.FetchRequest, _ *kmsg.FetchRequestTopicPartition) { r.MaxWaitMillis = math.MaxInt32 })
		f(func(r *kmsg.FetchRequest, _ *kmsg.FetchRequestTopicPartition) { r.MaxWaitMillis = math.MinInt32 })
		f(func(r *kmsg.FetchRequest, _ *kmsg.FetchRequestTopicPartition) { r.MinBytes = -1 })
		f(func(r *kmsg.FetchRequest, _ *kmsg.FetchRequestTopicPartition) { r.MinBytes = math.MaxInt32 })
		f(func(r *kmsg.FetchRequest, _ *kmsg.FetchRequestTopicPartition) { r.MaxBytes = math.MaxInt32 })
		f(func(_ *kmsg.FetchRequest, p *kmsg.FetchRequestTopicPartition) { p.PartitionMaxBytes = math.MaxInt32 })
		f(func(_ *kmsg.FetchRequest, p *kmsg.FetchRequestTopicPartition) { p.FetchOffset = math.MaxInt64 })
		f(func(_ *kmsg.FetchRequest, p *kmsg.FetchRequestTopicPartition) { p.FetchOffset = math.MinInt64 })
		f(func(_ *kmsg.FetchRequest, p *kmsg.FetchRequestTopicPartition) { p.LogStartOffset = 99 })
		f(func(_ *kmsg.FetchRequest, p *kmsg.FetchRequestTopicPartition) { p.LogStartOffset = -5 })
		f(func(_ *kmsg.FetchRequest, p *kmsg.FetchRequestTopicPartition) { p.Partition = math.MaxInt32 })
		f(func(_ *kmsg.FetchRequest, p *kmsg.FetchRequestTopicPartition) { p.CurrentLeaderEpoch = math.MaxInt32 })
		f(func(_ *kmsg.FetchRequest, p *kmsg.FetchRequestTopicPartition) { p.CurrentLeaderEpoch = math.MinInt32 })
	}},
	{"last fetched epochs", 12, 18, func(s *Side, v int16) {
		t := s.filled()
		for _, epoch := range []int32{-1, 0, 1, math.MaxInt32, -2, math.MinInt32} {
			for _, offset := range []int64{0, 6, 7, 99} {
				req := s.fetch(v, 0, at{topic: t, offset: offset, epoch: 1})
				req.Topics[0].Partitions[0].LastFetchedEpoch = epoch
				s.Ask(v, req)
			}
		}
	}},
	{"diverging, committed", 12, 18, func(s *Side, v int16) {
		t := s.filled()
		for level := range int8(2) {
			req := s.fetch(v, 0, at{topic: t, offset: 7, lastEpoch: 1}, at{topic: t, partition: 4, lastEpoch: 1})
			req.IsolationLevel = level
			s.Ask(v, req)
		}
	}},
	{"replica ids and epochs", 9, 18, func(s *Side, v int16) {
		t := s.filled()
		for _, epoch := range []int32{-2, -1, 0, 1, math.MaxInt32} {
			req := s.fetch(v, 0, at{topic: t, offset: 99, epoch: epoch + 1})
			req.ReplicaID, req.ReplicaState.ID = 7, 7
			if v < 15 {
				req.ReplicaState = kmsg.NewFetchRequestReplicaState()
			}
			s.Ask(v, req)
		}
	}},
	{"other replica ids", 4, 18, func(s *Side, v int16) {
		t := s.filled()
		for _, id := range []int32{-2, -3, 1, 0, math.MaxInt32} {
			req := s.fetch(v, 0, at{topic: t})
			req.ReplicaID = id
			if v >= 15 {
				req.ReplicaState.ID = id
			}
			s.Ask(v, req)
		}
	}},
	{"topic twice", 4, 18, func(s *Side, v int16) {
		t, u := s.Topic("t", 2), s.Topic("u", 1)
		for p := range int32(2) {
			s.Put(t, p, s.batchOf("a"))
		}
		s.Put(u, 0, s.batchOf("b"))
		s.Ask(v, s.fetch(v, 0, at{topic: t}, at{topic: u}, at{topic: t, partition: 1}))
		s.Ask(v, s.fetch(v, 0, at{topic: t}, at{topic: s.Name("none")}, at{topic: u}, at{topic: s.Name("none"), partition: 1}))
	}},
	{"below the log start", 4, 18, func(s *Side, v int16) {
		t := s.ten()
		s.Must(2, deleteRecords(cut{t, 0, 4}))
		for _, offset := range []int64{0, 3, 4, 6, 10} {
			s.Timed(2000, func() {
				s.Ask(v, s.fetch(v, 2000*int32(max(0, 1-offset)), at{topic: t, offset: offset, epoch: 1, lastEpoch: 1}))
			})
		}
	}},
	{"several limits", 4, 18, func(s *Side, v int16) {
		t := s.filled()
		for _, x := range [][2]int32{{0, 1 << 20}, {1, 1 << 20}, {80, 80}, {1 << 20, 0}, {0, 0}} {
			req := s.fetch(v, 0, at{topic: t, maxBytes: 1})
			req.MaxBytes, req.Topics[0].Partitions[0].PartitionMaxBytes = x[0], x[1]
			s.Ask(v, req)
		}
	}},
	{"min bytes over max bytes", 4, 18, func(s *Side, v int16) {
		t := s.filled()
		req := s.fetch(v, 400, at{topic: t, maxBytes: 10})
		req.MinBytes, req.MaxBytes = 1000, 100
		s.Timed(400, func() { s.Ask(v, req) })
	}},
}

var sessionEdgeCases = []Case{
	{"forgotten without a session", 7, 18, func(s *Side, v int16) {
		t := s.filled()
		req := s.fetch(v, 0, at{topic: t})
		req.Version = v
		s.Ask(v, s.forgetting(req, t, 0))
		s.Ask(v, within(req, 0, 0))
	}},
	{"forgotten that was never there", 7, 18, func(s *Side, v int16) {
		t := s.Topic("t", 3)
		s.Put(t, 0, s.batchOf("a"))
		id := s.open(v, at{topic: t})
		req := s.fetch(v, 0)
		req.Version = v
		s.forgetting(s.forgetting(req, t, 1, -1, 99), s.Name("none"), 0)
		s.Ask(v, within(req, id, 1))
		s.Ask(v, within(s.fetch(v, 0), id, 2))
	}},
	{"forgotten and named at once", 7, 18, func(s *Side, v int16) {
		t := s.Topic("t", 2)
		for p := range int32(2) {
			s.Put(t, p, s.batchOf("a"))
		}
		id := s.open(v, at{topic: t}, at{topic: t, partition: 1})
		req := s.fetch(v, 0, at{topic: t, offset: 0})
		req.Version = v
		s.Ask(v, within(s.forgetting(req, t, 0, 1), id, 1))
		s.Ask(v, within(s.fetch(v, 0), id, 2))
	}},
	{"all forgotten", 7, 18, func(s *Side, v int16) {
		t := s.filled()
		id := s.open(v, at{topic: t})
		req := s.fetch(v, 0)
		req.Version = v
		s.Ask(v, within(s.forgetting(req, t, 0), id, 1))
		s.Ask(v, within(s.fetch(v, 0), id, 2))
		s.Ask(v, within(s.fetch(v, 0, at{topic: t}), id, 2))
	}},
	{"strange ids and epochs", 7, 18, func(s *Side, v int16) {
		t := s.filled()
		for _, x := range [][2]int32{{-1, -1}, {-1, 0}, {-1, 1}, {0, -2}, {0, math.MaxInt32}, {0, math.MinInt32}, {7, -2}} {
			s.Ask(v, within(s.fetch(v, 0, at{topic: t, offset: 5}), x[0], x[1]))
		}
		id := s.open(v, at{topic: t, offset: 5})
		for _, epoch := range []int32{-2, math.MinInt32, math.MaxInt32, 1} {
			s.Ask(v, within(s.fetch(v, 0), id, epoch))
		}
	}},
	{"other limits in a session", 7, 18, func(s *Side, v int16) {
		t := s.Topic("t", 1)
		s.Put(t, 0, s.batchOf(strings.Repeat("x", 200)), s.batchOf(strings.Repeat("y", 200)))
		id := s.open(v, at{topic: t, maxBytes: 300})
		s.Ask(v, within(s.fetch(v, 0, at{topic: t, maxBytes: 1000}), id, 1))
		s.Ask(v, within(s.fetch(v, 0, at{topic: t, offset: 1, maxBytes: 1}), id, 2))
		s.Ask(v, within(s.fetch(v, 0), id, 3))
		req := within(s.fetch(v, 0), id, 4)
		req.IsolationLevel = 1
		s.Ask(v, req)
	}},
	{"a partition appears", 7, 18, func(s *Side, v int16) {
		t := s.filled()
		id := s.open(v, at{topic: t, offset: 6}, at{topic: t, partition: 1})
		s.Must(3, createPartitions(t, 2))
		s.WaitTopic(t, 2)
		s.Put(t, 1, s.batchOf("n"))
		s.Ask(v, within(s.fetch(v, 0), id, 1))
		s.Ask(v, within(s.fetch(v, 0, at{topic: t, partition: 1, offset: 1}), id, 2))
		s.Ask(v, within(s.fetch(v, 0), id, 3))
	}},
	{"a topic appears", 7, 12, func(s *Side, v int16) {
		id := s.open(v, at{topic: s.Name("t")})
		s.filled()
		s.Ask(v, within(s.fetch(v, 0), id, 1))
		s.Ask(v, within(s.fetch(v, 0), id, 2))
	}},
	{"records are deleted", 7, 18, func(s *Side, v int16) {
		t := s.ten()
		id := s.open(v, at{topic: t, offset: 10})
		s.Must(2, deleteRecords(cut{t, 0, 4}))
		s.Ask(v, within(s.fetch(v, 0), id, 1))
		s.Ask(v, within(s.fetch(v, 0), id, 2))
		s.Ask(v, within(s.fetch(v, 0, at{topic: t, offset: 2}), id, 3))
		s.Ask(v, within(s.fetch(v, 0), id, 4))
	}},
	{"twice in a session", 7, 18, func(s *Side, v int16) {
		t := s.filled()
		id := s.open(v, at{topic: t, offset: 0}, at{topic: t, offset: 5})
		s.Ask(v, within(s.fetch(v, 0, at{topic: t, offset: 6}, at{topic: t, offset: 2}), id, 1))
	}},
	{"unknown id in a session", 13, 18, func(s *Side, v int16) {
		t := s.filled()
		id := s.open(v, at{topic: t, offset: 5})
		req := s.fetch(v, 0, at{topic: t, offset: 5}, at{topic: s.Name("none")})
		s.Ask(v, within(req, id, 1))
		zero := s.fetch(v, 0, at{topic: t, offset: 5})
		zero.Topics[0].TopicID = [16]byte{}
		s.Ask(v, within(zero, id, 2))
		s.Ask(v, within(s.fetch(v, 0), id, 3))
	}},
}

var listOffsetsEdgeCases = []Case{
	{"timestamps at their ends", 1, 11, func(s *Side, v int16) {
		t := s.stamped()
		for _, stamp := range []int64{math.MinInt64, -100, math.MinInt32, math.MaxInt32, math.MaxInt64 - 1} {
			s.Ask(v, listOffsets(when{topic: t, stamp: stamp}))
		}
	}},
	{"read committed and special", 2, 11, func(s *Side, v int16) {
		t := s.stamped()
		for stamp := int64(-1); stamp >= -7; stamp-- {
			req := listOffsets(when{topic: t, stamp: stamp})
			req.IsolationLevel = 1
			s.Ask(v, req)
		}
	}},
	{"after records were deleted", 1, 11, func(s *Side, v int16) {
		t := s.ten()
		for _, to := range []int64{4, 10} {
			s.Must(2, deleteRecords(cut{t, 0, to}))
			for stamp := int64(-1); stamp >= -6; stamp-- {
				s.Ask(v, listOffsets(when{topic: t, stamp: stamp}))
			}
			s.Ask(v, listOffsets(when{topic: t, stamp: 0}))
			s.Ask(v, listOffsets(when{topic: t, stamp: s.Stamp(1)}))
		}
	}},
	{"mixed", 1, 11, func(s *Side, v int16) {
		t, u := s.stamped(), s.Topic("u", 2)
		s.Ask(v, listOffsets(when{topic: t, stamp: -1}, when{topic: u, stamp: -2}, when{topic: u, partition: 1, stamp: 5}, when{topic: s.Name("none"), stamp: -3}, when{topic: u, partition: 9, stamp: -7}))
		s.Ask(v, listOffsets(when{topic: t, stamp: -1}, when{topic: u, stamp: -2}, when{topic: t, partition: 1, stamp: -1}))
		s.Ask(v, listOffsets(when{topic: t, stamp: -1}, when{topic: u, stamp: -2}, when{topic: t, stamp: -2}))
		s.Ask(v, listOffsets(when{topic: t, stamp: -1}, when{topic: t, stamp: -1}, when{topic: t, stamp: -1}))
		s.Ask(v, listOffsets(when{topic: s.Name("none"), stamp: -1}, when{topic: s.Name("none"), stamp: -1}))
	}},
	{"no partitions", 1, 11, func(s *Side, v int16) {
		req := listOffsets(when{topic: s.Topic("t", 1)}, when{topic: s.Name("none")})
		req.Topics[0].Partitions, req.Topics[1].Partitions = nil, nil
		s.Ask(v, req)
	}},
	{"time-outs", 10, 11, func(s *Side, v int16) {
		t := s.stamped()
		for _, ms := range []int32{0, -1, math.MaxInt32} {
			req := listOffsets(when{topic: t, stamp: -1}, when{topic: t, partition: 1, stamp: -1})
			req.TimeoutMillis = ms
			s.Ask(v, req)
		}
	}},
	{"other epochs", 4, 11, func(s *Side, v int16) {
		t := s.stamped()
		for _, epoch := range []int32{-2, math.MinInt32, math.MaxInt32} {
			for _, stamp := range []int64{-1, -2, -3, 0, -7} {
				req := listOffsets(when{topic: t, stamp: stamp})
				req.Topics[0].Partitions[0].CurrentLeaderEpoch = epoch
				s.Ask(v, req)
			}
		}
	}},
	{"other replica ids", 1, 11, func(s *Side, v int16) {
		t := s.stamped()
		for _, id := range []int32{1, 0, -3, math.MaxInt32, math.MinInt32} {
			for _, stamp := range []int64{-1, -2, 0} {
				req := listOffsets(when{topic: t, stamp: stamp})
				req.ReplicaID = id
				s.Ask(v, req)
			}
		}
	}},
	{"under LogAppendTime", 1, 11, func(s *Side, v int16) {
		t := s.Topic("t", 1, "message.timestamp.type=LogAppendTime")
		s.Put(t, 0, s.batchOf("a", "b"))
		time.Sleep(5 * time.Millisecond) // not within the same one
		s.Put(t, 0, s.batchOf("c"))
		for _, stamp := range []int64{-1, -2, -3, 0, s.Stamp(0), math.MaxInt64} {
			s.Ask(v, listOffsets(when{topic: t, stamp: stamp}))
		}
	}},
}

var leaderEpochEdgeCases = []Case{
	{"at their ends", 2, 4, func(s *Side, v int16) {
		t := s.stamped()
		for _, epoch := range []int32{math.MaxInt32, math.MinInt32} {
			s.Ask(v, leaderEpoch(t, 0, epoch, -1))
			s.Ask(v, leaderEpoch(t, 0, 0, epoch))
		}
		s.Ask(v, leaderEpoch(t, 0, 5, 3))
		s.Ask(v, leaderEpoch(t, 0, 0, -2))
	}},
	{"after records were deleted", 2, 4, func(s *Side, v int16) {
		t := s.ten()
		for _, to := range []int64{4, 10} {
			s.Must(2, deleteRecords(cut{t, 0, to}))
			s.Ask(v, leaderEpoch(t, 0, 0, -1))
		}
	}},
	{"several", 2, 4, func(s *Side, v int16) {
		t, u := s.stamped(), s.Topic("u", 2)
		req := leaderEpoch(t, 0, 0, 0)
		for _, x := range []*kmsg.OffsetForLeaderEpochRequest{leaderEpoch(u, 1, 0, 0), leaderEpoch(s.Name("none"), 0, 0, 0), leaderEpoch(t, 1, 0, 0), leaderEpoch(u, 0, 1, 2)} {
			req.Topics = append(req.Topics, x.Topics...)
		}
		s.Ask(v, req)
		req = leaderEpoch(t, 0, 0, 0)
		req.Topics[0].Partitions = nil
		s.Ask(v, req)
	}},
	{"replica ids", 3, 4, func(s *Side, v int16) {
		t := s.stamped()
		for _, id := range []int32{-2, -3, 0, 1, math.MaxInt32} {
			req := leaderEpoch(t, 0, 0, -1)
			req.ReplicaID = id
			s.Ask(v, req)
		}
	}},
}
