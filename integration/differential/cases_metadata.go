package differential

import (
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// byID asks for the metadata of one topic by its id.
func byID(id [16]byte, name *string) *kmsg.MetadataRequest {
	req := kmsg.NewPtrMetadataRequest()
	t := kmsg.NewMetadataRequestTopic()
	t.TopicID, t.Topic = id, name
	req.Topics = append(req.Topics, t)
	return req
}

var metadataCases = []Case{
	{"named", 0, 13, func(s *Side, v int16) {
		t, u := s.Topic("t", 3), s.Topic("u", 1)
		s.Ask(v, byName(t))
		s.Ask(v, byName(u, t))
	}},
	{"all", 0, 13, func(s *Side, v int16) {
		s.Topic("t", 2)
		s.Topic("u", 1)
		s.own = true
		req := byName()
		if v >= 1 {
			req.Topics = nil
		}
		s.Ask(v, req)
	}},
	{"none", 1, 13, func(s *Side, v int16) { s.Ask(v, byName()) }},
	{"unknown, not to be made", 4, 13, func(s *Side, v int16) {
		s.Ask(v, byName(s.Name("none")))
		time.Sleep(100 * time.Millisecond)
		s.Ask(v, byName(s.Name("none")))
	}},
	{"made by asking", 0, 13, func(s *Side, v int16) {
		name := s.Name("auto")
		req := byName(name)
		req.AllowAutoTopicCreation = true
		s.Ask(v, req)
		s.WaitTopic(name, 1)
		s.Ask(v, req)
	}},
	{"several made by asking", 4, 13, func(s *Side, v int16) {
		t := s.Topic("t", 1)
		req := byName(s.Name("auto1"), t, s.Name("auto2"), "a/b")
		req.AllowAutoTopicCreation = true
		s.Ask(v, req)
		s.WaitTopic(s.Name("auto1"), 1)
		s.WaitTopic(s.Name("auto2"), 1)
		s.Ask(v, req)
	}},
	{"illegal names", 4, 13, func(s *Side, v int16) {
		for _, allow := range []bool{false, true} {
			for _, name := range []string{"", ".", "..", "a/b", "a b", "ü", strings.Repeat("x", 250), "a\x00b", "${x}"} {
				req := byName(name)
				req.AllowAutoTopicCreation = allow
				s.Ask(v, req)
			}
		}
	}},
	{"longest name", 4, 13, func(s *Side, v int16) {
		name := s.Name(strings.Repeat("x", 249-len(s.prefix)))
		req := byName(name)
		req.AllowAutoTopicCreation = true
		s.Ask(v, req)
		s.WaitTopic(name, 1)
		s.Ask(v, req)
	}},
	{"colliding names", 4, 13, func(s *Side, v int16) {
		s.Topic("a.b", 1)
		req := byName(s.Name("a_b"))
		req.AllowAutoTopicCreation = true
		s.Ask(v, req)
	}},
	{"twice", 0, 13, func(s *Side, v int16) {
		t := s.Topic("t", 1)
		s.Ask(v, byName(t, t))
		if v >= 4 {
			s.Ask(v, byName(s.Name("none"), s.Name("none")))
		}
	}},
	{"by id", 12, 13, func(s *Side, v int16) {
		t := s.Topic("t", 2)
		s.Ask(v, byID(s.ID(t), nil))
		s.Ask(v, byID([16]byte{9, 9, 9}, nil))
		s.Ask(v, byID(s.ID(t), &t))
		s.Ask(v, byID(s.ID(t), ptr(s.Name("other"))))
	}},
	{"by id and by name", 12, 13, func(s *Side, v int16) {
		t, u := s.Topic("t", 1), s.Topic("u", 1)
		req := byName(u)
		req.Topics = append(req.Topics, byID(s.ID(t), nil).Topics...)
		s.Ask(v, req)
	}},
	{"id of a deleted topic", 12, 13, func(s *Side, v int16) {
		t := s.Topic("t", 1)
		id := s.ID(t)
		s.delete(t)
		s.Ask(v, byID(id, nil))
	}},
	{"by id before its time", 10, 11, func(s *Side, v int16) {
		t := s.Topic("t", 1)
		s.Ask(v, byID(s.ID(t), nil))
		s.Ask(v, byID(s.ID(t), &t))
	}},
	{"null name and zero id", 10, 13, func(s *Side, v int16) {
		s.Ask(v, byID([16]byte{}, nil))
		req := byName(s.Topic("t", 1))
		req.Topics = append(req.Topics, byID([16]byte{}, nil).Topics...)
		s.Ask(v, req)
	}},
	{"authorised operations", 8, 13, func(s *Side, v int16) {
		t := s.Topic("t", 1)
		for _, of := range [][2]bool{{true, false}, {false, true}, {true, true}} {
			req := byName(t, s.Name("none"))
			req.IncludeClusterAuthorizedOperations, req.IncludeTopicAuthorizedOperations = of[0] && v <= 10, of[1]
			s.Ask(v, req)
		}
	}},
	{"deleted", 0, 13, func(s *Side, v int16) {
		t := s.Topic("t", 1)
		s.delete(t)
		if v >= 4 {
			s.Ask(v, byName(t))
		}
	}},
	{"internal", 4, 13, func(s *Side, v int16) {
		s.Ask(v, byName("__cluster_metadata"))
	}},
}

var describeClusterCases = []Case{
	{"brokers", 0, 2, func(s *Side, v int16) { s.Ask(v, kmsg.NewPtrDescribeClusterRequest()) }},
	{"authorised operations", 0, 2, func(s *Side, v int16) {
		req := kmsg.NewPtrDescribeClusterRequest()
		req.IncludeClusterAuthorizedOperations = true
		s.Ask(v, req)
	}},
	{"endpoint types", 1, 2, func(s *Side, v int16) {
		for _, kind := range []int8{0, 1, 2, 3, -1} {
			req := kmsg.NewPtrDescribeClusterRequest()
			req.EndpointType = kind
			s.Ask(v, req)
		}
	}},
	{"fenced brokers", 2, 2, func(s *Side, v int16) {
		req := kmsg.NewPtrDescribeClusterRequest()
		req.IncludeFencedBrokers = true
		s.Ask(v, req)
	}},
}

// describeTopics asks in pages; cursor is nil or where to go on.
func describeTopics(limit int32, cursor *kmsg.DescribeTopicPartitionsRequestCursor, names ...string) *kmsg.DescribeTopicPartitionsRequest {
	req := kmsg.NewPtrDescribeTopicPartitionsRequest()
	req.ResponsePartitionLimit, req.Cursor = limit, cursor
	for _, n := range names {
		t := kmsg.NewDescribeTopicPartitionsRequestTopic()
		t.Topic = n
		req.Topics = append(req.Topics, t)
	}
	return req
}

func cursor(topic string, partition int32) *kmsg.DescribeTopicPartitionsRequestCursor {
	c := kmsg.NewDescribeTopicPartitionsRequestCursor()
	c.Topic, c.Partition = topic, partition
	return &c
}

var describeTopicPartitionsCases = []Case{
	{"sorted, duplicates merged", 0, 0, func(s *Side, v int16) {
		t, u := s.Topic("t", 2), s.Topic("u", 1)
		s.Ask(v, describeTopics(2000, nil, u, t, u))
	}},
	{"pages", 0, 0, func(s *Side, v int16) {
		t, u, w := s.Topic("t", 3), s.Topic("u", 2), s.Topic("w", 1)
		var next *kmsg.DescribeTopicPartitionsRequestCursor
		for range 6 {
			r, ok := s.Ask(v, describeTopics(2, next, t, u, w)).(*kmsg.DescribeTopicPartitionsResponse)
			if !ok || r.NextCursor == nil {
				return
			}
			next = cursor(r.NextCursor.Topic, r.NextCursor.Partition)
		}
	}},
	{"limits", 0, 0, func(s *Side, v int16) {
		t, u := s.Topic("t", 3), s.Topic("u", 2)
		for _, limit := range []int32{0, -1, 1, 3, 4, 5, 100000} {
			s.Ask(v, describeTopics(limit, nil, t, u))
		}
	}},
	{"cursors", 0, 0, func(s *Side, v int16) {
		t, u := s.Topic("t", 3), s.Topic("u", 2)
		for _, c := range []*kmsg.DescribeTopicPartitionsRequestCursor{
			cursor(t, 1), cursor(t, 2), cursor(t, 3), cursor(t, 99), cursor(u, 0), cursor(t, -1), cursor(s.Name("none"), 0), cursor("", 0), cursor(s.Name("tt"), 0),
		} {
			s.Ask(v, describeTopics(2000, c, t, u))
		}
	}},
	{"cursor of an unknown topic that was asked for", 0, 0, func(s *Side, v int16) {
		s.Ask(v, describeTopics(2000, cursor(s.Name("none"), 0), s.Topic("t", 1), s.Name("none")))
	}},
	{"unknown", 0, 0, func(s *Side, v int16) {
		s.Ask(v, describeTopics(2000, nil, s.Name("none"), s.Topic("t", 1)))
	}},
	{"illegal name", 0, 0, func(s *Side, v int16) {
		s.Ask(v, describeTopics(2000, nil, "a/b", s.Topic("t", 1)))
	}},
	{"empty name", 0, 0, func(s *Side, v int16) {
		s.Ask(v, describeTopics(2000, nil, ""))
	}},
}
