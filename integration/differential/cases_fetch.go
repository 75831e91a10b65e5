package differential

import (
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// filled makes a topic of one partition with three batches of 2, 3 and 1 records.
func (s *Side) filled(configs ...string) string {
	t := s.Topic("t", 1, configs...)
	s.Put(t, 0, s.batchOf("a", "b"), s.batchOf("c", "d", "e"), s.batchOf("f"))
	return t
}

// fetchCases: Fetch without sessions.
var fetchCases = []Case{
	{"each offset", 4, 18, func(s *Side, v int16) {
		t := s.filled()
		for offset := int64(0); offset <= 6; offset++ {
			s.Ask(v, s.fetch(v, 0, at{topic: t, offset: offset}))
		}
	}},
	{"out of range", 4, 18, func(s *Side, v int16) {
		t := s.filled()
		for _, offset := range []int64{7, 1000, -1, -2} {
			s.Ask(v, s.fetch(v, 0, at{topic: t, offset: offset}))
		}
	}},
	{"empty partition", 4, 18, func(s *Side, v int16) {
		s.Ask(v, s.fetch(v, 0, at{topic: s.Topic("t", 1)}))
	}},
	{"no topics", 4, 18, func(s *Side, v int16) {
		s.Ask(v, s.fetch(v, 0))
	}},
	{"no partitions", 4, 18, func(s *Side, v int16) {
		req := s.fetch(v, 0, at{topic: s.Topic("t", 1)})
		req.Topics[0].Partitions = nil
		s.Ask(v, req)
	}},
	{"unknown topic and partition", 4, 18, func(s *Side, v int16) {
		t := s.filled()
		s.Ask(v, s.fetch(v, 0, at{topic: s.Name("none")}))
		s.Ask(v, s.fetch(v, 0, at{topic: t, partition: 4}))
		s.Ask(v, s.fetch(v, 0, at{topic: t, partition: -1}))
		s.Ask(v, s.fetch(v, 0, at{topic: s.Name("none")}, at{topic: t}))
		if v < 13 {
			s.Ask(v, s.fetch(v, 0, at{topic: "a/b"}))
		}
	}},
	{"zero id", 13, 18, func(s *Side, v int16) {
		req := s.fetch(v, 0, at{topic: s.filled()})
		req.Topics[0].TopicID = [16]byte{}
		s.Ask(v, req)
	}},
	{"id of a deleted topic", 13, 18, func(s *Side, v int16) {
		t := s.filled()
		req := s.fetch(v, 0, at{topic: t})
		s.delete(t)
		s.Ask(v, req)
	}},
	{"partition twice", 4, 18, func(s *Side, v int16) {
		t := s.filled()
		s.Ask(v, s.fetch(v, 0, at{topic: t, offset: 0}, at{topic: t, offset: 5}))
		s.Ask(v, s.fetch(v, 0, at{topic: t, offset: 5}, at{topic: t, offset: 99}))
	}},
	{"read committed", 4, 18, func(s *Side, v int16) {
		t := s.filled()
		for _, a := range []at{{topic: t}, {topic: t, offset: 6}, {topic: t, offset: 77}, {topic: t, partition: 3}, {topic: s.Name("none")}} {
			req := s.fetch(v, 0, a)
			req.IsolationLevel = 1
			s.Ask(v, req)
		}
	}},
	{"isolation level 2", 4, 18, func(s *Side, v int16) {
		req := s.fetch(v, 0, at{topic: s.filled()})
		req.IsolationLevel = 2
		s.Ask(v, req)
	}},
	{"max bytes", 4, 18, func(s *Side, v int16) {
		t := s.filled()
		for _, n := range []int32{0, 1, 60, 100, 200, 250} {
			req := s.fetch(v, 0, at{topic: t})
			req.MaxBytes = n
			s.Ask(v, req)
			s.Ask(v, s.fetch(v, 0, at{topic: t, maxBytes: max(1, n)}))
		}
	}},
	{"partition max bytes of zero", 4, 18, func(s *Side, v int16) {
		req := s.fetch(v, 0, at{topic: s.filled()})
		req.Topics[0].Partitions[0].PartitionMaxBytes = 0
		s.Ask(v, req)
	}},
	{"negative max bytes", 4, 18, func(s *Side, v int16) {
		t := s.filled()
		req := s.fetch(v, 0, at{topic: t})
		req.MaxBytes = -1
		s.Ask(v, req)
	}},
	{"negative partition max bytes", 4, 18, func(s *Side, v int16) {
		s.Ask(v, s.fetch(v, 0, at{topic: s.filled(), maxBytes: -1}))
	}},
	{"max bytes over partitions", 4, 18, func(s *Side, v int16) {
		t := s.Topic("t", 3)
		for p := range int32(3) {
			s.Put(t, p, s.batchOf(strings.Repeat("x", 300)), s.batchOf(strings.Repeat("y", 300)))
		}
		for _, n := range []int32{1, 400, 900, 5000} {
			req := s.fetch(v, 0, at{topic: t, partition: 2}, at{topic: t, partition: 0}, at{topic: t, partition: 1})
			req.MaxBytes = n
			s.Ask(v, req)
		}
		s.Ask(v, s.fetch(v, 0, at{topic: t, partition: 2, maxBytes: 10}, at{topic: t, partition: 0, maxBytes: 10}, at{topic: t, partition: 1, offset: 1}))
	}},
	{"a batch larger than any limit", 4, 18, func(s *Side, v int16) {
		t := s.Topic("t", 1)
		s.Put(t, 0, s.batchOf(strings.Repeat("x", 100000)), s.batchOf("y"))
		req := s.fetch(v, 0, at{topic: t, maxBytes: 1000})
		req.MaxBytes = 1000
		s.Ask(v, req)
	}},
	{"compressed batch from its middle", 4, 18, func(s *Side, v int16) {
		t := s.Topic("t", 1)
		b := s.batchOf("a", "b", "c")
		b.attrs = gzipped
		s.Put(t, 0, b)
		s.Ask(v, s.fetch(v, 0, at{topic: t, offset: 2}))
	}},
	{"current leader epoch", 9, 18, func(s *Side, v int16) {
		t := s.filled()
		for _, epoch := range []int32{0, 1, 7} {
			s.Ask(v, s.fetch(v, 0, at{topic: t, epoch: epoch + 1}))
		}
		s.Ask(v, s.fetch(v, 0, at{topic: t, offset: 99, epoch: 8}))
		req := s.fetch(v, 0, at{topic: t})
		req.Topics[0].Partitions[0].CurrentLeaderEpoch = -2
		s.Ask(v, req)
	}},
	{"last fetched epoch", 12, 18, func(s *Side, v int16) {
		t := s.filled()
		for _, a := range []at{{topic: t, offset: 2, lastEpoch: 1}, {topic: t, offset: 6, lastEpoch: 1}, {topic: t, offset: 2, lastEpoch: 9}, {topic: t, offset: 0, lastEpoch: 1}} {
			s.Ask(v, s.fetch(v, 0, a))
		}
	}},
	{"wrong cluster id", 12, 18, func(s *Side, v int16) {
		req := s.fetch(v, 0, at{topic: s.filled()})
		req.ClusterID = ptr("another cluster")
		s.Ask(v, req)
	}},
	{"replica id 77", 4, 18, func(s *Side, v int16) {
		req := s.fetch(v, 0, at{topic: s.filled()})
		req.ReplicaID = 77
		if v >= 15 {
			req.ReplicaState.ID = 77
		}
		s.Ask(v, req)
	}},
	{"rack", 11, 18, func(s *Side, v int16) {
		req := s.fetch(v, 0, at{topic: s.filled()})
		req.Rack = "somewhere"
		s.Ask(v, req)
	}},
	{"max wait of zero and below", 4, 18, func(s *Side, v int16) {
		t := s.Topic("t", 1)
		for _, wait := range []int32{0, -1} {
			s.Timed(1500, func() { s.Ask(v, s.fetch(v, wait, at{topic: t})) })
		}
	}},
	{"long poll", 4, 18, func(s *Side, v int16) {
		t := s.filled()
		s.Timed(600, func() { s.Ask(v, s.fetch(v, 600, at{topic: t, offset: 6})) })
		s.Timed(3000, func() { s.Ask(v, s.fetch(v, 3000, at{topic: t, offset: 5})) })
		s.Timed(3000, func() { s.Ask(v, s.fetch(v, 3000, at{topic: t, offset: 9})) })
		s.Timed(600, func() { s.Ask(v, s.fetch(v, 600, at{topic: s.Name("none")})) })
		s.Timed(3000, func() { s.Ask(v, s.fetch(v, 3000)) })
	}},
	{"long poll ended by a record", 4, 18, func(s *Side, v int16) {
		t := s.filled()
		other := newSide(s.addr, s.prefix, s.epoch)
		done := make(chan struct{})
		go func() {
			defer close(done)
			defer func() { _ = recover() }()
			time.Sleep(150 * time.Millisecond)
			other.Put(t, 0, other.batchOf("late"))
			other.redial()
		}()
		s.Timed(5000, func() { s.Ask(v, s.fetch(v, 5000, at{topic: t, offset: 6})) })
		<-done
	}},
	{"min bytes", 4, 18, func(s *Side, v int16) {
		t := s.filled()
		req := s.fetch(v, 500, at{topic: t})
		req.MinBytes = 1 << 20
		s.Timed(500, func() { s.Ask(v, req) })
		req.MinBytes = 0
		req.Topics[0].Partitions[0].FetchOffset = 6
		s.Timed(500, func() { s.Ask(v, req) })
		req.MinBytes, req.MaxBytes = 1<<20, 10
		req.Topics[0].Partitions[0].FetchOffset = 0
		s.Timed(500, func() { s.Ask(v, req) })
	}},
	{"pipelined long poll keeps its place", 12, 12, func(s *Side, v int16) {
		t := s.filled()
		slow, quick := s.fetch(v, 500, at{topic: t, offset: 6}), byName(t)
		quick.SetVersion(9)
		w := s.wire()
		_ = w.write(append(frame(encode(slow, 1)), frame(encode(quick, 2))...))
		for _, req := range []kmsg.Request{slow, quick} {
			at := s.step("pipelined")
			payload, err := w.read(answerTime)
			if err != nil {
				s.note(at, err.Error())
				return
			}
			resp, id, _, err := decode(req, payload)
			if err != nil {
				s.note(at, err.Error())
				return
			}
			s.note(at, map[int32]string{1: "first", 2: "second"}[id])
			s.show(at, resp)
		}
	}},
}
