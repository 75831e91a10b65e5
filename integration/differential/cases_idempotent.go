package differential

import "github.com/twmb/franz-go/pkg/kmsg"

// A send is one batch of a producer: its epoch, first sequence and number of records.
type send struct {
	epoch int16
	seq   int32
	n     int
}

// sequence makes a case in which one producer sends batches one after the other to one partition.
func sequence(name string, sends ...send) Case {
	return Case{name, 3, 13, func(s *Side, v int16) {
		t := s.Topic("t", 1)
		pid, _ := s.Producer()
		for _, x := range sends {
			s.Ask(v, s.produce(v, -1, part{t, 0, s.numbered(pid, x).bytes()}))
		}
		s.Back(t, 0)
	}}
}

func (s *Side) numbered(pid int64, x send) batch {
	values := make([]string, x.n)
	for i := range values {
		values[i] = "v"
	}
	b := s.batchOf(values...)
	b.pid, b.epoch, b.seq = pid, x.epoch, x.seq
	return b
}

// idempotentCases: sequences, epochs and duplicates of producers without transactions.
var idempotentCases = []Case{
	sequence("in order", send{0, 0, 2}, send{0, 2, 3}, send{0, 5, 1}),
	sequence("starts anywhere", send{0, 17, 2}, send{0, 19, 1}),
	sequence("gap", send{0, 0, 2}, send{0, 3, 1}, send{0, 2, 1}),
	sequence("overlap", send{0, 0, 3}, send{0, 1, 3}, send{0, 2, 2}),
	sequence("duplicate of the last", send{0, 0, 2}, send{0, 0, 2}, send{0, 2, 1}, send{0, 2, 1}),
	sequence("duplicate of each of five", send{0, 0, 1}, send{0, 1, 1}, send{0, 2, 1}, send{0, 3, 1}, send{0, 4, 1}, send{0, 0, 1}, send{0, 2, 1}, send{0, 4, 1}),
	sequence("duplicate of the sixth last", send{0, 0, 1}, send{0, 1, 1}, send{0, 2, 1}, send{0, 3, 1}, send{0, 4, 1}, send{0, 5, 1}, send{0, 0, 1}),
	sequence("duplicate with another count", send{0, 0, 3}, send{0, 0, 2}),
	sequence("newer epoch at 0", send{0, 0, 2}, send{1, 0, 1}, send{1, 1, 1}),
	sequence("newer epoch not at 0", send{0, 0, 2}, send{1, 2, 1}),
	sequence("older epoch", send{3, 0, 2}, send{2, 2, 1}, send{3, 2, 1}),
	sequence("epoch -1", send{-1, 0, 1}),
	sequence("negative sequence", send{0, -1, 1}, send{0, -7, 1}),
	sequence("sequence wraps", send{0, 2147483646, 2}, send{0, 0, 1}),
	sequence("sequence wraps inside", send{0, 2147483646, 4}, send{0, 2, 1}),
	{"unknown producer id", 3, 13, func(s *Side, v int16) {
		t := s.Topic("t", 1)
		s.Ask(v, s.produce(v, -1, part{t, 0, s.numbered(madeUp+5, send{0, 0, 1}).bytes()}))
		s.Ask(v, s.produce(v, -1, part{t, 0, s.numbered(madeUp+6, send{4, 9, 1}).bytes()}))
	}},
	{"two partitions, own sequences", 3, 13, func(s *Side, v int16) {
		t := s.Topic("t", 2)
		pid, _ := s.Producer()
		for _, seq := range []int32{0, 1, 1, 3} {
			s.Ask(v, s.produce(v, -1,
				part{t, 0, s.numbered(pid, send{0, seq, 1}).bytes()}, part{t, 1, s.numbered(pid, send{0, seq * 2, 2}).bytes()}))
		}
		s.Back(t, 0)
		s.Back(t, 1)
	}},
	{"duplicate on another connection", 3, 13, func(s *Side, v int16) {
		t := s.Topic("t", 1)
		pid, _ := s.Producer()
		for range 3 {
			s.Ask(v, s.produce(v, -1, part{t, 0, s.numbered(pid, send{0, 0, 2}).bytes()}))
			s.redial()
		}
		s.Back(t, 0)
	}},
	{"acks 1 keeps sequences too", 3, 13, func(s *Side, v int16) {
		t := s.Topic("t", 1)
		pid, _ := s.Producer()
		for _, seq := range []int32{0, 0, 1, 5} {
			s.Ask(v, s.produce(v, 1, part{t, 0, s.numbered(pid, send{0, seq, 1}).bytes()}))
		}
		s.Back(t, 0)
	}},
	{"duplicate under LogAppendTime", 9, 9, func(s *Side, v int16) {
		t := s.Topic("t", 1, "message.timestamp.type=LogAppendTime")
		pid, _ := s.Producer()
		for range 2 {
			s.Ask(v, s.produce(v, -1, part{t, 0, s.numbered(pid, send{0, 0, 1}).bytes()}))
		}
	}},
}

// initProducerIDCases: producer ids without transactions.
var initProducerIDCases = []Case{
	{"new", 0, 5, func(s *Side, v int16) {
		s.Ask(v, kmsg.NewPtrInitProducerIDRequest())
		s.Ask(v, kmsg.NewPtrInitProducerIDRequest())
	}},
	{"time-out of zero", 0, 5, func(s *Side, v int16) {
		req := kmsg.NewPtrInitProducerIDRequest()
		req.TransactionTimeoutMillis = 0
		s.Ask(v, req)
		req.TransactionTimeoutMillis = -5
		s.Ask(v, req)
	}},
	{"given id and epoch are ignored", 3, 5, func(s *Side, v int16) {
		pid, _ := s.Producer()
		req := kmsg.NewPtrInitProducerIDRequest()
		req.ProducerID, req.ProducerEpoch = pid, 3
		s.Ask(v, req)
		req.ProducerID, req.ProducerEpoch = madeUp+9, 0
		s.Ask(v, req)
	}},
	{"epoch without id", 3, 5, func(s *Side, v int16) {
		req := kmsg.NewPtrInitProducerIDRequest()
		req.ProducerID, req.ProducerEpoch = -1, 3
		s.Ask(v, req)
		req.ProducerID, req.ProducerEpoch = 7, -1
		s.Ask(v, req)
	}},
	{"empty transactional id", 0, 5, func(s *Side, v int16) {
		req := kmsg.NewPtrInitProducerIDRequest()
		req.TransactionalID = ptr("")
		req.TransactionTimeoutMillis = 1000
		s.Ask(v, req)
	}},
}
