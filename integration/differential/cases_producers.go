package differential

import "github.com/twmb/franz-go/pkg/kmsg"

// producersOf asks who has written to partitions.
func producersOf(named ...parts) *kmsg.DescribeProducersRequest {
	req := kmsg.NewPtrDescribeProducersRequest()
	for _, p := range named {
		req.Topics = append(req.Topics, kmsg.DescribeProducersRequestTopic{Topic: p.topic, Partitions: p.partitions})
	}
	return req
}

var describeProducersCases = []Case{
	{"nobody", 0, 0, func(s *Side, v int16) { s.Ask(v, producersOf(of(s.Topic("t", 2), 0, 1))) }},
	{"records without a producer", 0, 0, func(s *Side, v int16) {
		t := s.Topic("t", 1)
		s.Put(t, 0, s.batchOf("a"))
		s.Ask(v, producersOf(of(t, 0)))
	}},
	{"one", 0, 0, func(s *Side, v int16) {
		t := s.Topic("t", 2)
		pid, _ := s.Producer()
		for _, x := range []send{{0, 0, 3}, {0, 3, 1}, {0, 4, 7}} {
			b := s.numbered(pid, x)
			b.firstStamp += 10 * int64(x.seq)
			s.Put(t, 0, b)
			s.Ask(v, producersOf(of(t, 0, 1)))
		}
	}},
	{"newer epoch", 0, 0, func(s *Side, v int16) {
		t := s.Topic("t", 1)
		pid, _ := s.Producer()
		s.Put(t, 0, s.numbered(pid, send{2, 0, 3}), s.numbered(pid, send{7, 0, 1}))
		s.Ask(v, producersOf(of(t, 0)))
	}},
	{"two", 0, 0, func(s *Side, v int16) {
		t := s.Topic("t", 1)
		for range 2 {
			pid, _ := s.Producer()
			s.Put(t, 0, s.numbered(pid, send{0, 0, 1}))
		}
		s.Ask(v, producersOf(of(t, 0)))
	}},
	{"time of the append", 0, 0, func(s *Side, v int16) {
		t := s.Topic("t", 1, "message.timestamp.type=LogAppendTime")
		pid, _ := s.Producer()
		s.Put(t, 0, s.numbered(pid, send{0, 0, 1}))
		s.Ask(v, producersOf(of(t, 0)))
	}},
	{"unknown topics and partitions", 0, 0, func(s *Side, v int16) {
		s.Ask(v, producersOf(of(s.Topic("t", 1), 0, 1, -1), of(s.Name("none"), 0), of("", 0), of("a/b", 0, 1), of("..", 0), of(s.Name("none2"))))
	}},
	{"twice", 0, 0, func(s *Side, v int16) {
		t := s.Topic("t", 2)
		s.Ask(v, producersOf(of(t, 0, 0)))
		s.Ask(v, producersOf(of(t, 0), of(t, 1)))
	}},
	{"nothing", 0, 0, func(s *Side, v int16) {
		s.Ask(v, producersOf())
		s.Ask(v, producersOf(of(s.Topic("t", 1))))
	}},
}
