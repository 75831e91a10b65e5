package differential

import (
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// created makes a case of requests to create topics, followed by what metadata then says of topic t.
func created(name string, build func(s *Side, t string) []*kmsg.CreateTopicsRequest) Case {
	return Case{name, 2, 7, func(s *Side, v int16) {
		t := s.Name("t")
		for _, req := range build(s, t) {
			r, ok := s.Ask(v, req).(*kmsg.CreateTopicsResponse)
			if !ok || req.ValidateOnly {
				continue
			}
			for _, made := range r.Topics {
				if made.Topic == t && made.ErrorCode == 0 {
					s.settle(t)
				}
			}
		}
		s.Ask(12, byName(t))
	}}
}

// settle waits until metadata shows the topic with leaders, however many partitions it has.
func (s *Side) settle(topic string) {
	for range 200 {
		got := s.Must(12, byName(topic)).(*kmsg.MetadataResponse)
		if got.Topics[0].ErrorCode == 0 {
			s.WaitTopic(topic, len(got.Topics[0].Partitions))
			return
		}
		time.Sleep(25 * time.Millisecond)
	}
	panic(abandon{"topic " + topic + " does not appear"})
}

// once makes a case of one request for each of the topics that build gives.
func once(name string, build func(s *Side, t string) []kmsg.CreateTopicsRequestTopic) Case {
	return created(name, func(s *Side, t string) []*kmsg.CreateTopicsRequest {
		var out []*kmsg.CreateTopicsRequest
		for _, topic := range build(s, t) {
			out = append(out, createTopics(topic))
		}
		return out
	})
}

// configured tries each pair of a config's name and value on a topic of its own.
func configured(name string, pairs ...string) Case {
	return once(name, func(s *Side, t string) []kmsg.CreateTopicsRequestTopic {
		var out []kmsg.CreateTopicsRequestTopic
		for i, pair := range pairs {
			key, value, _ := strings.Cut(pair, "=")
			topic := newTopic(s.Name("c"+string(rune('a'+i))), 1, 1)
			out = append(out, withConfig(topic, key, &value))
		}
		return out
	})
}

var createTopicsCases = []Case{
	once("plain", func(s *Side, t string) []kmsg.CreateTopicsRequestTopic {
		return []kmsg.CreateTopicsRequestTopic{newTopic(t, 3, 1), newTopic(t, 3, 1)}
	}),
	once("defaults", func(s *Side, t string) []kmsg.CreateTopicsRequestTopic {
		return []kmsg.CreateTopicsRequestTopic{newTopic(t, -1, -1), newTopic(s.Name("u"), -1, 1), newTopic(s.Name("w"), 2, -1)}
	}),
	once("impossible counts", func(s *Side, t string) []kmsg.CreateTopicsRequestTopic {
		return []kmsg.CreateTopicsRequestTopic{
			newTopic(t, 0, 1), newTopic(t, -2, 1), newTopic(t, 1, 0), newTopic(t, 1, -2), newTopic(t, 1, 2), newTopic(t, 10001, 1), newTopic(t, 2147483647, 1),
		}
	}),
	once("illegal names", func(s *Side, t string) []kmsg.CreateTopicsRequestTopic {
		var out []kmsg.CreateTopicsRequestTopic
		for _, n := range []string{"", ".", "..", "a/b", "a b", "ü", strings.Repeat("x", 250), "__cluster_metadata"} {
			out = append(out, newTopic(n, 1, 1))
		}
		return out
	}),
	once("colliding names", func(s *Side, t string) []kmsg.CreateTopicsRequestTopic {
		return []kmsg.CreateTopicsRequestTopic{newTopic(s.Name("a.b"), 1, 1), newTopic(s.Name("a_b"), 1, 1)}
	}),
	once("assigned", func(s *Side, t string) []kmsg.CreateTopicsRequestTopic {
		return []kmsg.CreateTopicsRequestTopic{
			newTopic(t, -1, -1, []int32{1}, []int32{1}),
			newTopic(s.Name("a"), 2, 1, []int32{1}, []int32{1}),
			newTopic(s.Name("b"), -1, -1, []int32{1, 1}),
			newTopic(s.Name("c"), -1, -1, []int32{7}),
			newTopic(s.Name("d"), -1, -1, []int32{}),
			newTopic(s.Name("e"), -1, -1, []int32{1}, []int32{}),
			newTopic(s.Name("f"), 3, -1, []int32{1}),
			newTopic(s.Name("g"), -1, -1, []int32{-1}),
		}
	}),
	created("assigned with gaps", func(s *Side, t string) []*kmsg.CreateTopicsRequest {
		gap, twice, negative := newTopic(t, -1, -1, []int32{1}, []int32{1}), newTopic(t, -1, -1, []int32{1}, []int32{1}), newTopic(t, -1, -1, []int32{1})
		gap.ReplicaAssignment[1].Partition = 2
		twice.ReplicaAssignment[1].Partition = 0
		negative.ReplicaAssignment[0].Partition = -1
		return []*kmsg.CreateTopicsRequest{createTopics(gap), createTopics(twice), createTopics(negative)}
	}),
	created("several, some bad", func(s *Side, t string) []*kmsg.CreateTopicsRequest {
		return []*kmsg.CreateTopicsRequest{createTopics(newTopic(t, 1, 1), newTopic("a/b", 1, 1), newTopic(s.Name("u"), 1, 9), newTopic(s.Name("w"), 2, 1))}
	}),
	created("twice in one request", func(s *Side, t string) []*kmsg.CreateTopicsRequest {
		return []*kmsg.CreateTopicsRequest{createTopics(newTopic(t, 1, 1), newTopic(t, 2, 1), newTopic(s.Name("u"), 1, 1))}
	}),
	created("colliding in one request", func(s *Side, t string) []*kmsg.CreateTopicsRequest {
		return []*kmsg.CreateTopicsRequest{createTopics(newTopic(s.Name("x.y"), 1, 1), newTopic(s.Name("x_y"), 1, 1))}
	}),
	created("nothing", func(s *Side, t string) []*kmsg.CreateTopicsRequest {
		return []*kmsg.CreateTopicsRequest{createTopics()}
	}),
	created("validate only", func(s *Side, t string) []*kmsg.CreateTopicsRequest {
		var out []*kmsg.CreateTopicsRequest
		for _, topic := range []kmsg.CreateTopicsRequestTopic{newTopic(t, 2, 1), newTopic(t, 2, 5), withConfig(newTopic(t, 2, 1), "nonsense", ptr("1")), newTopic("a/b", 1, 1)} {
			req := createTopics(topic)
			req.ValidateOnly = true
			out = append(out, req)
		}
		return out
	}),
	created("time-out of zero", func(s *Side, t string) []*kmsg.CreateTopicsRequest {
		req := createTopics(newTopic(s.Name("u"), 1, 1))
		req.TimeoutMillis = 0
		return []*kmsg.CreateTopicsRequest{req}
	}),
	configured("good configs", "cleanup.policy=compact", "cleanup.policy=compact,delete", "cleanup.policy=", "retention.ms=-1", "retention.bytes=1000",
		"segment.bytes=1048576", "max.message.bytes=0", "compression.type=zstd", "message.timestamp.type=LogAppendTime", "min.insync.replicas=5",
		"unclean.leader.election.enable=true", "min.cleanable.dirty.ratio=0.1", "flush.messages=1", "segment.ms=1", "delete.retention.ms=0"),
	configured("bad configs", "nonsense=1", "retention.ms=x", "retention.ms=-2", "segment.bytes=1048575", "segment.bytes=14", "cleanup.policy=shred",
		"compression.type=rar", "message.timestamp.type=Never", "min.insync.replicas=0", "max.message.bytes=-1", "unclean.leader.election.enable=maybe",
		"min.cleanable.dirty.ratio=2", "flush.messages=0", "retention.ms=", "=1", "segment.bytes=99999999999"),
	once("null config", func(s *Side, t string) []kmsg.CreateTopicsRequestTopic {
		return []kmsg.CreateTopicsRequestTopic{withConfig(newTopic(t, 1, 1), "retention.ms", nil), withConfig(newTopic(t, 1, 1), "nonsense", nil)}
	}),
	once("config twice", func(s *Side, t string) []kmsg.CreateTopicsRequestTopic {
		return []kmsg.CreateTopicsRequestTopic{withConfig(withConfig(newTopic(t, 1, 1), "retention.ms", ptr("1000")), "retention.ms", ptr("2000"))}
	}),
	once("several configs", func(s *Side, t string) []kmsg.CreateTopicsRequestTopic {
		return []kmsg.CreateTopicsRequestTopic{withConfig(withConfig(newTopic(t, 1, 1), "cleanup.policy", ptr("compact")), "segment.ms", ptr("60000"))}
	}),
}

// deleteTopics deletes by name, in the form of the version.
func deleteTopics(v int16, names ...string) *kmsg.DeleteTopicsRequest {
	req := kmsg.NewPtrDeleteTopicsRequest()
	req.TimeoutMillis = 10000
	for _, n := range names {
		if v < 6 {
			req.TopicNames = append(req.TopicNames, n)
			continue
		}
		t := kmsg.NewDeleteTopicsRequestTopic()
		t.Topic = &n
		req.Topics = append(req.Topics, t)
	}
	return req
}

// deleteID deletes by id, with a name or without.
func deleteID(id [16]byte, name *string) *kmsg.DeleteTopicsRequest {
	req := deleteTopics(6)
	t := kmsg.NewDeleteTopicsRequestTopic()
	t.TopicID, t.Topic = id, name
	req.Topics = append(req.Topics, t)
	return req
}

var deleteTopicsCases = []Case{
	{"plain", 1, 6, func(s *Side, v int16) {
		t := s.filled()
		s.Ask(v, deleteTopics(v, t))
		s.Missing(t)
		s.Ask(v, deleteTopics(v, t))
		s.Ask(12, s.fetch(12, 0, at{topic: t}))
	}},
	{"made again", 1, 6, func(s *Side, v int16) {
		t := s.filled()
		s.Ask(v, deleteTopics(v, t))
		s.Missing(t)
		s.Topic("t", 2)
		s.Back(t, 0)
		s.Put(t, 0, s.batchOf("new"))
		s.Back(t, 0)
	}},
	{"several, some unknown", 1, 6, func(s *Side, v int16) {
		t, u := s.Topic("t", 1), s.Topic("u", 1)
		s.Ask(v, deleteTopics(v, t, s.Name("none"), u))
	}},
	{"illegal and empty names", 1, 6, func(s *Side, v int16) { s.Ask(v, deleteTopics(v, "a/b", "", "..")) }},
	{"twice", 1, 6, func(s *Side, v int16) {
		t := s.Topic("t", 1)
		s.Ask(v, deleteTopics(v, t, t))
		s.Ask(v, deleteTopics(v, s.Name("none"), s.Name("none")))
		s.Ask(12, byName(t))
	}},
	{"nothing", 1, 6, func(s *Side, v int16) { s.Ask(v, deleteTopics(v)) }},
	{"time-out of zero", 1, 6, func(s *Side, v int16) {
		req := deleteTopics(v, s.Topic("t", 1))
		req.TimeoutMillis = 0
		s.Ask(v, req)
	}},
	{"by id", 6, 6, func(s *Side, v int16) {
		t := s.Topic("t", 1)
		id := s.ID(t)
		s.Ask(v, deleteID(id, nil))
		s.Missing(t)
		s.Ask(v, deleteID(id, nil))
		s.Ask(v, deleteID([16]byte{1, 2, 3}, nil))
	}},
	{"id and name", 6, 6, func(s *Side, v int16) {
		t := s.Topic("t", 1)
		s.Ask(v, deleteID(s.ID(t), &t))
		s.Ask(v, deleteID([16]byte{}, nil))
		req := deleteID(s.ID(t), nil)
		req.Topics = append(req.Topics, deleteTopics(6, t).Topics...)
		s.Ask(v, req)
		s.Ask(12, byName(t))
	}},
}

// createPartitions asks for a count; assignment is one list of replicas for each new partition.
func createPartitions(topic string, count int32, assignment ...[]int32) *kmsg.CreatePartitionsRequest {
	req := kmsg.NewPtrCreatePartitionsRequest()
	req.TimeoutMillis = 10000
	t := kmsg.NewCreatePartitionsRequestTopic()
	t.Topic, t.Count = topic, count
	for _, replicas := range assignment {
		a := kmsg.NewCreatePartitionsRequestTopicAssignment()
		a.Replicas = replicas
		t.Assignment = append(t.Assignment, a)
	}
	req.Topics = append(req.Topics, t)
	return req
}

var createPartitionsCases = []Case{
	{"grow", 0, 3, func(s *Side, v int16) {
		t := s.filled()
		s.Ask(v, createPartitions(t, 4))
		s.WaitTopic(t, 4)
		s.Ask(12, byName(t))
		s.Back(t, 0)
		s.Put(t, 3, s.batchOf("x"))
		s.Back(t, 3)
	}},
	{"same, fewer, none", 0, 3, func(s *Side, v int16) {
		t := s.Topic("t", 3)
		for _, n := range []int32{3, 2, 0, -1} {
			s.Ask(v, createPartitions(t, n))
		}
	}},
	{"unknown and illegal", 0, 3, func(s *Side, v int16) {
		for _, name := range []string{s.Name("none"), "a/b", ""} {
			s.Ask(v, createPartitions(name, 3))
		}
	}},
	{"assigned", 0, 3, func(s *Side, v int16) {
		t := s.Topic("t", 1)
		s.Ask(v, createPartitions(t, 3, []int32{1}))
		s.Ask(v, createPartitions(t, 3, []int32{1}, []int32{1}, []int32{1}))
		s.Ask(v, createPartitions(t, 2, []int32{9}))
		s.Ask(v, createPartitions(t, 2, []int32{1, 1}))
		s.Ask(v, createPartitions(t, 2, []int32{2, 1, 1}))
		s.Ask(v, createPartitions(t, 2, []int32{9, -1}))
		s.Ask(v, createPartitions(t, 2, []int32{}))
		s.Ask(v, createPartitions(t, 3, []int32{1}, []int32{1}))
		s.WaitTopic(t, 3)
	}},
	{"twice", 0, 3, func(s *Side, v int16) {
		t := s.Topic("t", 1)
		req := createPartitions(t, 2)
		req.Topics = append(req.Topics, createPartitions(t, 3).Topics...)
		s.Ask(v, req)
		s.Ask(12, byName(t))
	}},
	{"validate only", 0, 3, func(s *Side, v int16) {
		t := s.Topic("t", 1)
		for _, n := range []int32{2, 1} {
			req := createPartitions(t, n)
			req.ValidateOnly = true
			s.Ask(v, req)
		}
		s.Ask(12, byName(t))
	}},
	{"nothing", 0, 3, func(s *Side, v int16) {
		req := kmsg.NewPtrCreatePartitionsRequest()
		req.TimeoutMillis = 1000
		s.Ask(v, req)
	}},
	{"far too many", 3, 3, func(s *Side, v int16) { s.Ask(v, createPartitions(s.Topic("t", 1), 2147483647)) }},
}
