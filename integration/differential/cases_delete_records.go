package differential

import "github.com/twmb/franz-go/pkg/kmsg"

// A cut says up to which offset the records of a partition are deleted.
type cut struct {
	topic     string
	partition int32
	offset    int64
}

// deleteRecords asks for cuts; neighbours of one topic share its entry.
func deleteRecords(cuts ...cut) *kmsg.DeleteRecordsRequest {
	req := kmsg.NewPtrDeleteRecordsRequest()
	req.TimeoutMillis = 5000
	for _, c := range cuts {
		if n := len(req.Topics); n == 0 || req.Topics[n-1].Topic != c.topic {
			req.Topics = append(req.Topics, kmsg.DeleteRecordsRequestTopic{Topic: c.topic})
		}
		t := &req.Topics[len(req.Topics)-1]
		t.Partitions = append(t.Partitions, kmsg.DeleteRecordsRequestTopicPartition{Partition: c.partition, Offset: c.offset})
	}
	return req
}

// ten makes a topic of ten records in batches of three, three and four.
func (s *Side) ten(configs ...string) string {
	t := s.Topic("t", 1, configs...)
	for _, n := range []int{3, 3, 4} {
		s.Put(t, 0, s.batchOf(make([]string, n)...))
	}
	return t
}

// ends shows the first and the last offset of a partition.
func (s *Side) ends(topic string) {
	s.Ask(6, listOffsets(when{topic: topic, stamp: -2}))
	s.Ask(6, listOffsets(when{topic: topic, stamp: -1}))
}

var deleteRecordsCases = []Case{
	{"to a batch's begin", 0, 2, func(s *Side, v int16) {
		t := s.ten()
		s.Ask(v, deleteRecords(cut{t, 0, 3}))
		s.ends(t)
		s.Ask(12, s.fetch(12, 0, at{topic: t, offset: 3}))
		s.Ask(12, s.fetch(12, 0, at{topic: t, offset: 2}))
	}},
	{"into a batch", 0, 2, func(s *Side, v int16) {
		t := s.ten()
		s.Ask(v, deleteRecords(cut{t, 0, 4}))
		s.ends(t)
		s.Ask(12, s.fetch(12, 0, at{topic: t, offset: 4}))
		s.Ask(12, s.fetch(12, 0, at{topic: t, offset: 3}))
	}},
	{"all", 0, 2, func(s *Side, v int16) {
		t := s.ten()
		s.Ask(v, deleteRecords(cut{t, 0, 10}))
		s.ends(t)
		s.Ask(12, s.fetch(12, 0, at{topic: t, offset: 10}))
		s.Put(t, 0, s.batchOf("after"))
		s.Ask(12, s.fetch(12, 0, at{topic: t, offset: 10}))
	}},
	{"to the high watermark", 0, 2, func(s *Side, v int16) {
		t := s.ten()
		s.Ask(v, deleteRecords(cut{t, 0, -1}))
		s.ends(t)
		s.Ask(v, deleteRecords(cut{t, 0, -1}))
	}},
	{"does not go back", 0, 2, func(s *Side, v int16) {
		t := s.ten()
		for _, o := range []int64{0, 5, 5, 3, 0, 6} {
			s.Ask(v, deleteRecords(cut{t, 0, o}))
		}
		s.ends(t)
	}},
	{"bad offsets", 0, 2, func(s *Side, v int16) {
		t := s.ten()
		for _, o := range []int64{11, 1 << 62, -2, -1 << 63} {
			s.Ask(v, deleteRecords(cut{t, 0, o}))
		}
		s.ends(t)
	}},
	{"empty partition", 0, 2, func(s *Side, v int16) {
		t := s.Topic("t", 1)
		for _, o := range []int64{0, -1, 1} {
			s.Ask(v, deleteRecords(cut{t, 0, o}))
		}
	}},
	{"partition twice", 0, 2, func(s *Side, v int16) {
		t := s.ten()
		s.Ask(v, deleteRecords(cut{t, 0, 8}, cut{t, 0, 2}))
		s.ends(t)
		s.Ask(v, deleteRecords(cut{t, 0, 3}, cut{s.Name("none"), 0, 0}, cut{t, 0, 4}))
		s.ends(t)
	}},
	{"unknown topics and partitions", 0, 2, func(s *Side, v int16) {
		t := s.ten()
		s.Ask(v, deleteRecords(cut{t, 0, 1}, cut{t, 1, 0}, cut{t, -1, 0}, cut{s.Name("none"), 0, 0}, cut{"", 0, 0}, cut{"a/b", 0, 0}, cut{"..", 0, 0}))
	}},
	{"compacted", 0, 2, func(s *Side, v int16) {
		t := s.Topic("t", 1, "cleanup.policy=compact")
		for _, o := range []int64{0, -1, 1, -2} {
			s.Ask(v, deleteRecords(cut{t, 0, o}))
		}
	}},
	{"compacted and deleted", 0, 2, func(s *Side, v int16) {
		t := s.Topic("t", 1, "cleanup.policy=compact,delete")
		s.Ask(v, deleteRecords(cut{t, 0, 0}))
		s.Ask(v, deleteRecords(cut{t, 0, 1}))
	}},
	{"nothing", 0, 2, func(s *Side, v int16) {
		s.Ask(v, deleteRecords())
		req := deleteRecords()
		req.Topics = []kmsg.DeleteRecordsRequestTopic{{Topic: s.Topic("t", 1)}, {Topic: s.Name("none")}}
		s.Ask(v, req)
	}},
	{"no time", 0, 2, func(s *Side, v int16) {
		t := s.ten()
		for i, ms := range []int32{0, -1} {
			req := deleteRecords(cut{t, 0, int64(i) + 1})
			req.TimeoutMillis = ms
			s.Ask(v, req)
		}
		s.ends(t)
	}},
}
