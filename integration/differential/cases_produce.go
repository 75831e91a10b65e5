package differential

import (
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// produceCases: routing, acks, limits and what is stored. What is wrong inside a batch is in cases_batch.go.
var produceCases = []Case{
	{"versions 0 to 2", 0, 2, func(s *Side, v int16) {
		t := s.Topic("t", 1)
		s.Ask(v, s.produce(v, 1, part{t, 0, s.batchOf("a").bytes()}))
	}},
	{"acks 1", 3, 13, func(s *Side, v int16) {
		t := s.Topic("t", 2)
		s.Ask(v, s.produce(v, 1, part{t, 1, s.batchOf("a", "b", "c").bytes()}))
		s.Ask(v, s.produce(v, 1, part{t, 1, s.batchOf("d").bytes()}))
		s.Back(t, 1)
		s.Back(t, 0)
	}},
	{"acks all", 3, 13, func(s *Side, v int16) {
		t := s.Topic("t", 1)
		s.Ask(v, s.produce(v, -1, part{t, 0, s.batchOf("a", "b").bytes()}))
		s.Back(t, 0)
	}},
	{"acks 0", 3, 13, func(s *Side, v int16) {
		t := s.Topic("t", 1)
		s.unanswered(s.produce(v, 0, part{t, 0, s.batchOf("a").bytes()}))
		s.Alive()
		s.Back(t, 0)
	}},
	{"acks 0 and an unknown topic", 3, 13, func(s *Side, v int16) {
		s.unanswered(s.produce(v, 0, part{s.Name("none"), 0, s.batchOf("a").bytes()}))
		s.Alive()
	}},
	{"acks 0 and a bad batch", 3, 13, func(s *Side, v int16) {
		t := s.Topic("t", 1)
		b := s.batchOf("a")
		b.crc = ptr(uint32(1))
		s.unanswered(s.produce(v, 0, part{t, 0, b.bytes()}))
		s.Alive()
		s.Back(t, 0)
	}},
	{"acks 2 and -2", 3, 13, func(s *Side, v int16) {
		t := s.Topic("t", 1)
		s.Ask(v, s.produce(v, 2, part{t, 0, s.batchOf("a").bytes()}))
		s.Ask(v, s.produce(v, -2, part{t, 0, s.batchOf("a").bytes()}))
		s.Ask(v, s.produce(v, 2, part{s.Name("none"), 0, s.batchOf("a").bytes()}))
		s.Back(t, 0)
	}},
	{"no topics", 3, 13, func(s *Side, v int16) {
		s.Ask(v, s.produce(v, 1))
		s.Alive()
	}},
	{"no partitions", 3, 13, func(s *Side, v int16) {
		req := s.produce(v, 1, part{s.Topic("t", 1), 0, nil})
		req.Topics[0].Partitions = nil
		s.Ask(v, req)
	}},
	{"unknown topic and partition", 3, 13, func(s *Side, v int16) {
		t := s.Topic("t", 1)
		s.Ask(v, s.produce(v, 1, part{s.Name("none"), 0, s.batchOf("a").bytes()}))
		s.Ask(v, s.produce(v, 1, part{t, 1, s.batchOf("a").bytes()}))
		s.Ask(v, s.produce(v, 1, part{t, -1, s.batchOf("a").bytes()}))
	}},
	{"one good and two bad", 3, 13, func(s *Side, v int16) {
		t := s.Topic("t", 2)
		u := s.Topic("u", 1)
		b := s.batchOf("a")
		b.magic = 1
		s.Ask(v, s.produce(v, -1, part{t, 0, s.batchOf("a").bytes()}, part{t, 7, s.batchOf("a").bytes()}, part{u, 0, b.bytes()}))
		s.Back(t, 0)
		s.Back(u, 0)
	}},
	{"illegal name", 3, 12, func(s *Side, v int16) {
		for _, name := range []string{"", ".", "..", "a/b", "a b", strings.Repeat("x", 250)} {
			s.Ask(v, s.produce(v, 1, part{name, 0, s.batchOf("a").bytes()}))
		}
	}},
	{"internal topic", 3, 12, func(s *Side, v int16) {
		s.Coordinated("g") // made with as many partitions as the coordinator expects: with another number Kafka serves no group any more
		s.Ask(v, s.produce(v, 1, part{"__consumer_offsets", 0, s.batchOf("a").bytes()}))
	}},
	{"zero id", 13, 13, func(s *Side, v int16) {
		req := s.produce(v, 1, part{s.Topic("t", 1), 0, s.batchOf("a").bytes()})
		req.Topics[0].TopicID = [16]byte{}
		s.Ask(v, req)
	}},
	{"id of a deleted topic", 13, 13, func(s *Side, v int16) {
		t := s.Topic("t", 1)
		req := s.produce(v, 1, part{t, 0, s.batchOf("a").bytes()})
		s.delete(t)
		s.Ask(v, req)
	}},
	{"partition twice", 3, 13, func(s *Side, v int16) {
		t := s.Topic("t", 1)
		s.Ask(v, s.produce(v, 1, part{t, 0, s.batchOf("first").bytes()}, part{t, 0, s.batchOf("second", "third").bytes()}))
		s.Back(t, 0)
	}},
	{"topic twice", 3, 13, func(s *Side, v int16) {
		t := s.Topic("t", 2)
		u := s.Topic("u", 1)
		s.Ask(v, s.produce(v, 1, part{t, 0, s.batchOf("a").bytes()}, part{u, 0, s.batchOf("b").bytes()}, part{t, 1, s.batchOf("c").bytes()}))
		s.Back(t, 1)
	}},
	{"min.insync.replicas over the replicas", 3, 13, func(s *Side, v int16) {
		t := s.Topic("t", 1, "min.insync.replicas=2")
		s.Ask(v, s.produce(v, -1, part{t, 0, s.batchOf("a").bytes()}))
		s.Ask(v, s.produce(v, 1, part{t, 0, s.batchOf("a").bytes()}))
	}},
	{"too large", 3, 13, func(s *Side, v int16) {
		t := s.Topic("t", 1, "max.message.bytes=1000")
		fits := s.batchOf("")
		fits.records[0].value = make([]byte, 1000-len(fits.bytes())-2) // two bytes more for the longer varints
		s.Ask(v, s.produce(v, 1, part{t, 0, fits.bytes()}))
		over := s.batchOf(strings.Repeat("x", 1000))
		s.Ask(v, s.produce(v, 1, part{t, 0, over.bytes()}))
		s.Back(t, 0)
	}},
	{"too large by default", 9, 9, func(s *Side, v int16) {
		t := s.Topic("t", 1)
		s.Ask(v, s.produce(v, 1, part{t, 0, s.batchOf(strings.Repeat("x", 1048588)).bytes()}))
		s.Ask(v, s.produce(v, 1, part{t, 0, s.batchOf(strings.Repeat("x", 1048000)).bytes()}))
		s.Back(t, 0)
	}},
	{"LogAppendTime", 3, 13, func(s *Side, v int16) {
		t := s.Topic("t", 1, "message.timestamp.type=LogAppendTime")
		s.Ask(v, s.produce(v, 1, part{t, 0, s.batchOf("a", "b").bytes()}))
		b := s.batchOf("c")
		b.attrs, b.firstStamp = gzipped, 5
		s.Ask(v, s.produce(v, 1, part{t, 0, b.bytes()}))
		s.Back(t, 0)
	}},
	{"transactional id without a transaction", 3, 13, func(s *Side, v int16) {
		req := s.produce(v, -1, part{s.Topic("t", 1), 0, s.batchOf("a").bytes()})
		req.TransactionID = ptr(s.Name("tx"))
		s.Ask(v, req)
	}},
	{"transactional bit without transactional id", 3, 13, func(s *Side, v int16) {
		t := s.Topic("t", 1)
		b := s.batchOf("a")
		b.attrs, b.pid, b.epoch, b.seq = 1<<4, madeUp+1, 0, 0
		s.Ask(v, s.produce(v, -1, part{t, 0, b.bytes()}))
		b.pid, b.epoch, b.seq = -1, -1, -1
		s.Ask(v, s.produce(v, -1, part{t, 0, b.bytes()}))
	}},
	{"pipelined", 9, 9, func(s *Side, v int16) {
		t := s.Topic("t", 1)
		w := s.wire()
		var all []byte
		for i := range 5 {
			req := s.produce(v, -1, part{t, 0, s.batchOf("a").bytes()})
			all = append(all, frame(encode(req, int32(i)))...)
		}
		_ = w.write(all)
		for range 5 {
			payload, err := w.read(answerTime)
			if err != nil {
				s.note(s.step("pipelined"), err.Error())
				return
			}
			resp, id, _, err := decode(s.produce(v, -1), payload)
			if err != nil {
				s.note(s.step("pipelined"), err.Error())
				return
			}
			at := s.step("pipelined")
			s.note(at, "answer")
			s.note(at+" correlation", strings.Repeat("i", int(id)))
			s.show(at, resp)
		}
	}},
}

// unanswered sends a request that is to have no answer.
func (s *Side) unanswered(req kmsg.Request) {
	w := s.wire()
	w.next++
	if err := w.write(frame(encode(req, w.next))); err != nil {
		s.note(s.step("send"), err.Error())
	}
	// Kafka answers a later request while it still appends, so give the append a moment.
	time.Sleep(50 * time.Millisecond)
}

// delete removes a topic outside the transcript.
func (s *Side) delete(topic string) {
	req := kmsg.NewPtrDeleteTopicsRequest()
	req.TimeoutMillis = 10000
	req.TopicNames = []string{topic}
	s.Must(5, req)
	s.Missing(topic)
}
