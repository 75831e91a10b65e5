package differential

import (
	"math"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// createEdgeCases: of two mistakes in one topic, which is told; and what a request says of itself.
var createEdgeCases = []Case{
	once("two mistakes", func(s *Side, t string) []kmsg.CreateTopicsRequestTopic {
		bad := func(topic kmsg.CreateTopicsRequestTopic) kmsg.CreateTopicsRequestTopic {
			return withConfig(topic, "nonsense", ptr("1"))
		}
		return []kmsg.CreateTopicsRequestTopic{
			newTopic(t, 1, 1), bad(newTopic(t, 1, 1)), newTopic(t, 0, 1), newTopic(t, 1, 9), newTopic(t, 1, 1, []int32{1}), newTopic(t, -1, -1, []int32{7}),
			bad(newTopic("a/b", 1, 1)), newTopic("a/b", 0, 0), newTopic("", 1, 9), bad(newTopic(s.Name("u"), 0, 1)), bad(newTopic(s.Name("u"), 1, 9)), newTopic(s.Name("u"), 0, 0),
			newTopic(s.Name("u"), 0, 9), bad(newTopic(s.Name("u"), -1, -1, []int32{7})), bad(newTopic(s.Name("u"), 5, -1, []int32{1})), newTopic(s.Name("u"), 5, 1, []int32{7}),
			newTopic(s.Name("u"), -1, 1, []int32{1}), newTopic(s.Name("u"), 1, -1, []int32{1}), newTopic(s.Name("u"), 1, 1, []int32{1}),
			withConfig(bad(newTopic(s.Name("w"), 1, 1)), "retention.ms", nil), bad(withConfig(newTopic(s.Name("w"), 1, 1), "retention.ms", nil)),
			withConfig(bad(newTopic(s.Name("w"), 1, 1)), "retention.ms", ptr("x")), bad(withConfig(newTopic(s.Name("w"), 1, 1), "retention.ms", ptr("x"))),
		}
	}),
	once("several mistakes in settings", func(s *Side, t string) []kmsg.CreateTopicsRequestTopic {
		var out []kmsg.CreateTopicsRequestTopic
		for _, pairs := range [][]string{
			{"cleanup.policy", "none", "retention.ms", "x"}, {"compression.type", "x", "segment.bytes", "5"}, {"preallocate", "x", "max.message.bytes", "-1", "compression.type", "y"},
			{"compression.type", "x", "nonsense", "1"}, {"min.insync.replicas", "0", "unclean.leader.election.enable", "x"}, {"flush.ms", "-1", "segment.ms", "0", "flush.messages", "0"},
			{"remote.storage.enable", "true", "local.retention.ms", "-7"}, {"min.compaction.lag.ms", "9", "max.compaction.lag.ms", "8", "remote.storage.enable", "true"},
			{"message.timestamp.type", "x", "message.timestamp.before.max.ms", "-1"}, {"leader.replication.throttled.replicas", "x", "remote.storage.enable", "x", "retention.bytes", "x"},
			{"local.retention.bytes", "-9", "local.retention.ms", "-9"}, {"local.retention.ms", "50", "retention.ms", "40"}, {"local.retention.bytes", "50", "retention.bytes", "40"},
		} {
			topic := newTopic(s.Name("w"), 1, 1)
			for i := 0; i < len(pairs); i += 2 {
				topic = withConfig(topic, pairs[i], &pairs[i+1])
			}
			out = append(out, topic)
		}
		return append(out, withConfig(withConfig(newTopic(s.Name("w"), 1, 1), "retention.ms", nil), "nonsense", nil), newTopic(s.Name("w"), -1, -1, []int32{1, 1, 2}),
			newTopic(s.Name("w"), -1, -1, []int32{2, -1}))
	}),
	created("twice, one of them bad", func(s *Side, t string) []*kmsg.CreateTopicsRequest {
		return []*kmsg.CreateTopicsRequest{
			createTopics(newTopic(t, 1, 1), newTopic(t, 1, 9)), createTopics(newTopic("a/b", 1, 1), newTopic("a/b", 1, 1)), createTopics(newTopic("", 1, 1), newTopic("", 1, 1)),
			createTopics(newTopic(t, 1, 1), newTopic(t, 1, 1), newTopic(t, 1, 1)),
		}
	}),
	created("only tried", func(s *Side, t string) []*kmsg.CreateTopicsRequest {
		var out []*kmsg.CreateTopicsRequest
		for _, topics := range [][]kmsg.CreateTopicsRequestTopic{
			{newTopic(t, -1, -1)}, {newTopic(t, -1, -1, []int32{1}, []int32{1})}, {newTopic(t, 1, 1), newTopic(t, 1, 1)}, {withConfig(newTopic(t, 1, 1), "retention.ms", ptr("5"))},
			{newTopic(s.Name("a.b"), 1, 1), newTopic(s.Name("a_b"), 1, 1)}, {},
		} {
			req := createTopics(topics...)
			req.ValidateOnly = true
			out = append(out, req)
		}
		return out
	}),
	created("time-outs", func(s *Side, t string) []*kmsg.CreateTopicsRequest {
		var out []*kmsg.CreateTopicsRequest
		for i, ms := range []int32{-1, math.MinInt32, math.MaxInt32} {
			req := createTopics(newTopic(s.Name("t"+string(rune('a'+i))), 1, 1))
			req.TimeoutMillis = ms
			out = append(out, req)
		}
		return out
	}),
	created("no time, and mistakes", func(s *Side, t string) []*kmsg.CreateTopicsRequest {
		var out []*kmsg.CreateTopicsRequest
		u := newTopic(s.Name("u"), 1, 1)
		for _, topics := range [][]kmsg.CreateTopicsRequestTopic{
			{u, u}, {u, u, newTopic(s.Name("w"), 1, 1)}, {newTopic(metadataLog, 1, 1)}, {newTopic(metadataLog, 1, 1), u}, {newTopic("a/b", 1, 1)}, {newTopic("a/b", 1, 1), u}, {},
		} {
			req := createTopics(topics...)
			req.TimeoutMillis = 0
			out = append(out, req)
		}
		return out
	}),
	created("names", func(s *Side, t string) []*kmsg.CreateTopicsRequest {
		var out []*kmsg.CreateTopicsRequest
		for _, n := range []string{"...", "-", "_", "a\nb", "a\x00", "A", "a:b", "日本", "a,b", "a;b", " a", "a "} {
			req := createTopics(newTopic(n, 1, 1))
			req.ValidateOnly = true
			out = append(out, req)
		}
		return append(out, createTopics(newTopic(s.Name("T"), 1, 1)), createTopics(newTopic(s.Name(strings.Repeat("y", 249-len(s.prefix))), 1, 1)))
	}),
	configured("configs at their ends", "retention.ms=9223372036854775807", "retention.ms=9223372036854775808", "retention.bytes=-1", "retention.bytes=-2", "segment.ms=0", "segment.ms=1",
		"segment.bytes=2147483647", "segment.bytes=2147483648", "max.message.bytes=2147483647", "min.insync.replicas=2147483647", "min.cleanable.dirty.ratio=0", "min.cleanable.dirty.ratio=-0.1",
		"flush.ms=0", "flush.ms=-1", "index.interval.bytes=-1", "segment.index.bytes=3", "segment.index.bytes=4", "segment.jitter.ms=-1", "file.delete.delay.ms=-1", "min.compaction.lag.ms=-1",
		"max.compaction.lag.ms=0", "preallocate=yes", "compression.gzip.level=0", "compression.gzip.level=10", "compression.lz4.level=18", "compression.zstd.level=23"),
	configured("configs that depend on others", "remote.storage.enable=true", "local.retention.ms=5", "local.retention.ms=-3", "local.retention.bytes=-2", "message.timestamp.before.max.ms=-1",
		"message.timestamp.after.max.ms=-1", "message.downconversion.enable=false", "message.format.version=3.0", "message.timestamp.difference.max.ms=5", "leader.replication.throttled.replicas=*",
		"leader.replication.throttled.replicas=0:1", "leader.replication.throttled.replicas=x", "follower.replication.throttled.replicas=none", "cleanup.policy=delete,compact,delete", "cleanup.policy=DELETE",
		"compression.type=ZSTD", "message.timestamp.type=logappendtime", "flush.policy=never", "remote.log.copy.disable=true"),
	once("two configs that contradict", func(s *Side, t string) []kmsg.CreateTopicsRequestTopic {
		two := func(n, a, x, b, y string) kmsg.CreateTopicsRequestTopic {
			return withConfig(withConfig(newTopic(s.Name(n), 1, 1), a, &x), b, &y)
		}
		return []kmsg.CreateTopicsRequestTopic{
			two("a", "min.compaction.lag.ms", "10", "max.compaction.lag.ms", "5"), two("b", "retention.ms", "5", "local.retention.ms", "10"), two("c", "retention.bytes", "5", "local.retention.bytes", "10"),
			two("d", "cleanup.policy", "compact", "remote.storage.enable", "true"), two("e", "segment.bytes", "1048576", "max.message.bytes", "5000000"),
		}
	}),
}

var createPartitionsEdgeCases = []Case{
	{"two mistakes", 0, 3, func(s *Side, v int16) {
		t := s.Topic("t", 2)
		s.Ask(v, createPartitions(s.Name("none"), -1))
		s.Ask(v, createPartitions("a/b", 0, []int32{9}))
		s.Ask(v, createPartitions(t, 1, []int32{9}))
		s.Ask(v, createPartitions(t, 2, []int32{1}))
		s.Ask(v, createPartitions(t, 4, []int32{9}))
		s.Ask(v, createPartitions(t, 3, []int32{-1}))
		s.Ask(v, createPartitions(t, 3, []int32{1, 9}))
		empty := createPartitions(t, 3)
		empty.Topics[0].Assignment = []kmsg.CreatePartitionsRequestTopicAssignment{}
		s.Ask(v, empty)
		s.Ask(12, byName(t))
	}},
	{"several", 0, 3, func(s *Side, v int16) {
		t, u := s.Topic("t", 1), s.Topic("u", 1)
		req := createPartitions(t, 2)
		for _, x := range []*kmsg.CreatePartitionsRequest{createPartitions(s.Name("none"), 2), createPartitions(u, 1), createPartitions("", 5)} {
			req.Topics = append(req.Topics, x.Topics...)
		}
		s.Ask(v, req)
		req = createPartitions(u, 2)
		req.Topics = append(req.Topics, createPartitions(s.Name("none"), 2).Topics[0], createPartitions(s.Name("none"), 3).Topics[0])
		s.Ask(v, req)
	}},
	{"time-outs", 0, 3, func(s *Side, v int16) {
		for i, ms := range []int32{0, -1, math.MaxInt32} {
			req := createPartitions(s.Topic("t"+string(rune('a'+i)), 1), 2)
			req.TimeoutMillis = ms
			s.Ask(v, req)
		}
	}},
	{"no time, and mistakes", 0, 3, func(s *Side, v int16) {
		t, u := s.Topic("t", 1), s.Topic("u", 1)
		for _, names := range [][]string{{t, t}, {t, t, u}, {s.Name("none")}, {s.Name("none"), u}, {}} {
			req := createPartitions(t, 2)
			req.TimeoutMillis, req.Topics = 0, nil
			for _, n := range names {
				req.Topics = append(req.Topics, createPartitions(n, 2).Topics...)
			}
			s.Ask(v, req)
		}
	}},
	{"only tried", 0, 3, func(s *Side, v int16) {
		t := s.Topic("t", 1)
		for _, req := range []*kmsg.CreatePartitionsRequest{
			createPartitions(t, 3, []int32{1}), createPartitions(t, 2, []int32{1}), createPartitions(s.Name("none"), 2), createPartitions(t, 10002), createPartitions(t, 2, []int32{1, 1}),
		} {
			req.ValidateOnly = true
			s.Ask(v, req)
		}
	}},
}

var deleteTopicsEdgeCases = []Case{
	{"ids twice and mixed", 6, 6, func(s *Side, v int16) {
		t, u := s.Topic("t", 1), s.Topic("u", 1)
		id, none := s.ID(t), s.idOrMadeUp(s.Name("none"))
		join := func(reqs ...*kmsg.DeleteTopicsRequest) *kmsg.DeleteTopicsRequest {
			for _, r := range reqs[1:] {
				reqs[0].Topics = append(reqs[0].Topics, r.Topics...)
			}
			return reqs[0]
		}
		s.Ask(v, join(deleteID(id, nil), deleteID(id, nil)))
		s.Ask(v, join(deleteID(none, nil), deleteID(none, nil)))
		s.Ask(v, join(deleteTopics(6, s.Name("none")), deleteID(none, nil), deleteID([16]byte{}, nil), deleteTopics(6, "")))
		s.Ask(v, join(deleteID(id, ptr(s.Name("other"))), deleteID([16]byte{}, ptr(u))))
		s.Missing(u)
		s.Ask(12, byName(t, u))
		s.Ask(v, join(deleteID(id, nil), deleteTopics(6, u)))
	}},
	{"no time, and mistakes", 1, 6, func(s *Side, v int16) {
		t, u := s.Topic("t", 1), s.Topic("u", 1)
		for _, names := range [][]string{{t, t}, {t, t, u}, {s.Name("none")}, {s.Name("none"), s.Name("none")}, {}} {
			req := deleteTopics(v, names...)
			req.TimeoutMillis = 0
			s.Ask(v, req)
		}
		if v < 6 {
			return
		}
		for _, first := range []*kmsg.DeleteTopicsRequest{deleteID(s.ID(t), &t), deleteID([16]byte{}, nil), deleteID(s.idOrMadeUp(s.Name("none")), nil)} {
			s.Ask(v, untimed(first))
			first.Topics = append(first.Topics, first.Topics[0])
			s.Ask(v, untimed(first))
			first.Topics = append(first.Topics, deleteTopics(6, u).Topics...)
			s.Ask(v, untimed(first))
		}
	}},
	{"both twice", 6, 6, func(s *Side, v int16) {
		t := s.Topic("t", 1)
		for _, first := range []*kmsg.DeleteTopicsRequest{deleteID(s.ID(t), &t), deleteID([16]byte{}, nil)} {
			first.Topics = append(first.Topics, first.Topics[0])
			s.Ask(v, first)
		}
	}},
	{"three times", 1, 6, func(s *Side, v int16) {
		t, u := s.Topic("t", 1), s.Topic("u", 1)
		s.Ask(v, deleteTopics(v, t, t, t, u))
		s.Missing(u)
		s.Ask(12, byName(t))
	}},
	{"time-outs", 1, 6, func(s *Side, v int16) {
		for i, ms := range []int32{-1, math.MinInt32, math.MaxInt32} {
			req := deleteTopics(v, s.Topic("t"+string(rune('a'+i)), 1))
			req.TimeoutMillis = ms
			s.Ask(v, req)
		}
	}},
}

// untimed leaves no time.
func untimed(req *kmsg.DeleteTopicsRequest) *kmsg.DeleteTopicsRequest {
	req.TimeoutMillis = 0
	return req
}

var metadataEdgeCases = []Case{
	{"ids twice", 12, 13, func(s *Side, v int16) {
		t := s.Topic("t", 1)
		join := func(reqs ...*kmsg.MetadataRequest) *kmsg.MetadataRequest {
			for _, r := range reqs[1:] {
				reqs[0].Topics = append(reqs[0].Topics, r.Topics...)
			}
			return reqs[0]
		}
		none := [16]byte{9, 9, 9}
		s.Ask(v, join(byID(s.ID(t), nil), byID(s.ID(t), nil)))
		s.Ask(v, join(byID(none, nil), byID(none, nil), byID([16]byte{9, 9, 8}, nil)))
		s.Ask(v, join(byID(none, nil), byID(s.ID(t), nil)))
		s.Ask(v, join(byName(t), byID(s.ID(t), nil)))
		s.Ask(v, join(byName(s.Name("none")), byID(none, nil)))
		s.Ask(v, byID(none, ptr(t)))
	}},
	{"operations by id", 12, 13, func(s *Side, v int16) {
		t := s.Topic("t", 1)
		for _, id := range [][16]byte{s.ID(t), {9, 9, 9}} {
			req := byID(id, nil)
			req.IncludeTopicAuthorizedOperations = true
			s.Ask(v, req)
		}
	}},
	{"operations of all", 8, 13, func(s *Side, v int16) {
		s.Topic("t", 1)
		s.own = true
		req := byName()
		req.Topics, req.IncludeTopicAuthorizedOperations, req.IncludeClusterAuthorizedOperations = nil, true, v <= 10
		s.Ask(v, req)
		req.Topics = []kmsg.MetadataRequestTopic{}
		s.Ask(v, req)
	}},
	{"made by asking, illegal and operations", 8, 13, func(s *Side, v int16) {
		req := byName("a/b", "")
		req.AllowAutoTopicCreation, req.IncludeTopicAuthorizedOperations = true, true
		s.Ask(v, req)
	}},
	{"all, and to be made", 4, 13, func(s *Side, v int16) {
		s.own = true
		req := byName()
		req.Topics, req.AllowAutoTopicCreation = nil, true
		s.Ask(v, req)
	}},
}
