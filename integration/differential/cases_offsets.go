package differential

import "github.com/twmb/franz-go/pkg/kmsg"

// A when is one question of ListOffsets.
type when struct {
	topic     string
	partition int32
	stamp     int64
	epoch     int32 // CurrentLeaderEpoch + 1
}

func listOffsets(whens ...when) *kmsg.ListOffsetsRequest {
	req := kmsg.NewPtrListOffsetsRequest()
	req.ReplicaID, req.TimeoutMillis = -1, 5000
	for _, w := range whens {
		n := len(req.Topics)
		if n == 0 || req.Topics[n-1].Topic != w.topic {
			t := kmsg.NewListOffsetsRequestTopic()
			t.Topic = w.topic
			req.Topics = append(req.Topics, t)
			n++
		}
		p := kmsg.NewListOffsetsRequestTopicPartition()
		p.Partition, p.Timestamp, p.CurrentLeaderEpoch = w.partition, w.stamp, w.epoch-1
		req.Topics[n-1].Partitions = append(req.Topics[n-1].Partitions, p)
	}
	return req
}

// stamped makes a topic whose batches have known times: 0 and 10, then 500 and 400, then 100.
func (s *Side) stamped() string {
	t := s.Topic("t", 1)
	one, two, three := s.batchOf("a", "b"), s.batchOf("c", "d"), s.batchOf("e")
	one.records[1].stampDelta = 10
	two.firstStamp += 500
	two.records[1].stampDelta = -100
	three.firstStamp += 100
	s.Put(t, 0, one, two, three)
	return t
}

var listOffsetsCases = []Case{
	{"special timestamps", 1, 11, func(s *Side, v int16) {
		t := s.stamped()
		for stamp := int64(-1); stamp >= -8; stamp-- {
			s.Ask(v, listOffsets(when{topic: t, stamp: stamp}))
		}
	}},
	{"special timestamps of an empty partition", 1, 11, func(s *Side, v int16) {
		t := s.Topic("t", 1)
		for stamp := int64(0); stamp >= -6; stamp-- {
			s.Ask(v, listOffsets(when{topic: t, stamp: stamp}))
		}
	}},
	{"by timestamp", 1, 11, func(s *Side, v int16) {
		t := s.stamped()
		for _, ms := range []int64{-1000, 0, 1, 10, 11, 100, 101, 399, 400, 401, 500, 501, 100000} {
			s.Ask(v, listOffsets(when{topic: t, stamp: s.Stamp(ms)}))
		}
		s.Ask(v, listOffsets(when{topic: t, stamp: 0}))
		s.Ask(v, listOffsets(when{topic: t, stamp: 1<<63 - 1}))
	}},
	{"by timestamp in compressed batches", 1, 11, func(s *Side, v int16) {
		t := s.Topic("t", 1)
		b := s.batchOf("a", "b", "c")
		b.attrs = lz4ed
		s.Put(t, 0, b, b)
		s.Ask(v, listOffsets(when{topic: t, stamp: s.Stamp(1)}))
		if v >= 7 {
			s.Ask(v, listOffsets(when{topic: t, stamp: -3}))
		}
	}},
	{"unknown topic and partition", 1, 11, func(s *Side, v int16) {
		t := s.Topic("t", 1)
		s.Ask(v, listOffsets(when{topic: s.Name("none"), stamp: -1}))
		s.Ask(v, listOffsets(when{topic: t, partition: 5, stamp: -1}))
		s.Ask(v, listOffsets(when{topic: t, partition: -1, stamp: -1}))
		s.Ask(v, listOffsets(when{topic: "a/b", stamp: -1}))
		s.Ask(v, listOffsets(when{topic: t, partition: 5, stamp: -1}, when{topic: t, stamp: -2}))
	}},
	{"partition twice", 1, 11, func(s *Side, v int16) {
		t := s.stamped()
		s.Ask(v, listOffsets(when{topic: t, stamp: -1}, when{topic: t, stamp: -2}))
	}},
	{"no topics", 1, 11, func(s *Side, v int16) {
		s.Ask(v, listOffsets())
	}},
	{"isolation levels", 2, 11, func(s *Side, v int16) {
		t := s.stamped()
		for _, level := range []int8{1, 3} {
			for _, stamp := range []int64{-1, s.Stamp(0)} {
				req := listOffsets(when{topic: t, stamp: stamp})
				req.IsolationLevel = level
				s.Ask(v, req)
			}
		}
	}},
	{"current leader epoch", 4, 11, func(s *Side, v int16) {
		t := s.stamped()
		for _, epoch := range []int32{0, 1, 9} {
			s.Ask(v, listOffsets(when{topic: t, stamp: -1, epoch: epoch + 1}))
			s.Ask(v, listOffsets(when{topic: t, stamp: s.Stamp(0), epoch: epoch + 1}))
		}
	}},
	{"replica ids", 1, 11, func(s *Side, v int16) {
		t := s.stamped()
		for _, id := range []int32{-2, 77} {
			req := listOffsets(when{topic: t, stamp: -1})
			req.ReplicaID = id
			s.Ask(v, req)
		}
	}},
	{"latest grows", 1, 11, func(s *Side, v int16) {
		t := s.Topic("t", 1)
		for range 3 {
			s.Put(t, 0, s.batchOf("a", "b"))
			s.Ask(v, listOffsets(when{topic: t, stamp: -1}))
		}
	}},
}

// leaderEpoch asks for the end of an epoch, as consumers do after a change of leaders.
func leaderEpoch(topic string, partition, epoch, current int32) *kmsg.OffsetForLeaderEpochRequest {
	req := kmsg.NewPtrOffsetForLeaderEpochRequest()
	req.ReplicaID = -1
	t := kmsg.NewOffsetForLeaderEpochRequestTopic()
	t.Topic = topic
	p := kmsg.NewOffsetForLeaderEpochRequestTopicPartition()
	p.Partition, p.LeaderEpoch, p.CurrentLeaderEpoch = partition, epoch, current
	t.Partitions = append(t.Partitions, p)
	req.Topics = append(req.Topics, t)
	return req
}

var leaderEpochCases = []Case{
	{"epochs", 2, 4, func(s *Side, v int16) {
		t := s.stamped()
		for _, epoch := range []int32{0, 1, 7, -1, -2} {
			s.Ask(v, leaderEpoch(t, 0, epoch, -1))
		}
	}},
	{"empty log", 2, 4, func(s *Side, v int16) {
		t := s.Topic("t", 1)
		s.Ask(v, leaderEpoch(t, 0, 0, -1))
		s.Ask(v, leaderEpoch(t, 0, 1, -1))
	}},
	{"current epoch", 2, 4, func(s *Side, v int16) {
		t := s.stamped()
		for _, current := range []int32{0, 1, 7} {
			s.Ask(v, leaderEpoch(t, 0, 0, current))
		}
	}},
	{"unknown topic and partition", 2, 4, func(s *Side, v int16) {
		t := s.Topic("t", 1)
		s.Ask(v, leaderEpoch(s.Name("none"), 0, 0, -1))
		s.Ask(v, leaderEpoch(t, 3, 0, -1))
		s.Ask(v, leaderEpoch(t, -1, 0, -1))
		s.Ask(v, leaderEpoch("a/b", 0, 0, -1))
	}},
	{"no topics", 2, 4, func(s *Side, v int16) {
		s.Ask(v, kmsg.NewPtrOffsetForLeaderEpochRequest())
	}},
	{"partition twice", 2, 4, func(s *Side, v int16) {
		req := leaderEpoch(s.stamped(), 0, 0, -1)
		req.Topics[0].Partitions = append(req.Topics[0].Partitions, req.Topics[0].Partitions[0])
		req.Topics[0].Partitions[1].LeaderEpoch = 5
		s.Ask(v, req)
	}},
	{"replica id", 3, 4, func(s *Side, v int16) {
		req := leaderEpoch(s.stamped(), 0, 0, -1)
		req.ReplicaID = 7
		s.Ask(v, req)
	}},
}
