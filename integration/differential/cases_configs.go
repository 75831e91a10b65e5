package differential

import "github.com/twmb/franz-go/pkg/kmsg"

// The kinds of resources of DescribeConfigs.
const (
	configTopic   kmsg.ConfigResourceType = 2
	configBroker  kmsg.ConfigResourceType = 4
	configLogger  kmsg.ConfigResourceType = 8
	configMetrics kmsg.ConfigResourceType = 16
	configGroup   kmsg.ConfigResourceType = 32
)

// described is a resource to describe; without keys all are asked for, by null.
func described(kind kmsg.ConfigResourceType, name string, keys ...string) kmsg.DescribeConfigsRequestResource {
	r := kmsg.NewDescribeConfigsRequestResource()
	r.ResourceType, r.ResourceName, r.ConfigNames = kind, name, keys
	return r
}

// describing asks for resources with synonyms and documentation.
func describing(resources ...kmsg.DescribeConfigsRequestResource) *kmsg.DescribeConfigsRequest {
	req := kmsg.NewPtrDescribeConfigsRequest()
	req.Resources, req.IncludeSynonyms, req.IncludeDocumentation = resources, true, true
	return req
}

// brief asks for resources without either.
func brief(resources ...kmsg.DescribeConfigsRequestResource) *kmsg.DescribeConfigsRequest {
	req := describing(resources...)
	req.IncludeSynonyms, req.IncludeDocumentation = false, false
	return req
}

var describeConfigsCases = []Case{
	{"topic", 1, 4, func(s *Side, v int16) {
		t := s.Topic("t", 1)
		s.Ask(v, describing(described(configTopic, t)))
		s.Ask(v, brief(described(configTopic, t)))
	}},
	{"topic with settings", 1, 4, func(s *Side, v int16) {
		t := s.Topic("t", 2, "retention.ms=1000", "cleanup.policy=compact,delete", "compression.type=gzip", "min.insync.replicas=1", "flush.messages=9223372036854775807")
		s.Ask(v, describing(described(configTopic, t)))
		s.Ask(v, brief(described(configTopic, t, "retention.ms", "cleanup.policy", "segment.ms")))
	}},
	{"topic with values in other words", 4, 4, func(s *Side, v int16) {
		t := s.Topic("t", 1, "cleanup.policy= compact , delete ", "preallocate=FALSE", "segment.bytes= 01048576", "retention.ms=+7", "min.cleanable.dirty.ratio=0.250",
			"compression.type= zstd ")
		s.Ask(v, describing(described(configTopic, t)))
		t = s.Topic("u", 1, "cleanup.policy=", "min.cleanable.dirty.ratio=1", "unclean.leader.election.enable=True")
		s.Ask(v, describing(described(configTopic, t)))
		s.Ask(v, describing(described(configTopic, s.Topic("w", 1, "min.cleanable.dirty.ratio=0.0001"))))
	}},
	{"named settings", 1, 4, func(s *Side, v int16) {
		t := s.Topic("t", 1)
		s.Ask(v, describing(described(configTopic, t, "retention.ms", "nonsense", "retention.ms", "")))
		s.Ask(v, describing(described(configTopic, t, "nonsense")))
		none := described(configTopic, t)
		none.ConfigNames = []string{}
		s.Ask(v, brief(none))
	}},
	{"documentation without synonyms", 1, 4, func(s *Side, v int16) {
		req := describing(described(configTopic, s.Topic("t", 1)), described(configBroker, "1", "log.retention.ms"))
		req.IncludeSynonyms = false
		s.Ask(v, req)
	}},
	{"unknown and illegal topics", 1, 4, func(s *Side, v int16) {
		s.Ask(v, describing(described(configTopic, s.Name("none")), described(configTopic, "a/b"), described(configTopic, ""), described(configTopic, ".."),
			described(configTopic, "__cluster_metadata"), described(configTopic, s.Topic("t", 1), "segment.ms")))
	}},
	{"broker", 1, 4, func(s *Side, v int16) {
		s.Ask(v, describing(described(configBroker, "1")))
		s.Ask(v, brief(described(configBroker, "1")))
	}},
	{"broker, named settings", 1, 4, func(s *Side, v int16) {
		s.Ask(v, describing(described(configBroker, "1", "num.io.threads", "nonsense", "log.retention.ms", "log.retention.hours", "ssl.key.password")))
		s.Ask(v, describing(described(configBroker, "01", "num.io.threads"), described(configBroker, "+1", "num.io.threads")))
		s.Ask(v, describing(described(configBroker, "1", "leader.replication.throttled.rate", "listener.name.plaintext.max.connections")))
	}},
	{"all brokers", 1, 4, func(s *Side, v int16) {
		s.Ask(v, describing(described(configBroker, "")))
		s.Ask(v, describing(described(configBroker, "", "num.io.threads")))
	}},
	{"bad broker ids", 1, 4, func(s *Side, v int16) {
		for _, id := range []string{"2", "x", "-1", "99999999999", " 1", "1 ", "1_0", "0x1", "1.0"} {
			s.Ask(v, describing(described(configBroker, id)))
		}
	}},
	{"resources twice", 1, 4, func(s *Side, v int16) {
		t := s.Topic("t", 1)
		s.Ask(v, describing(described(configTopic, t, "segment.ms"), described(configTopic, t, "segment.ms"), described(configBroker, "1", "num.io.threads"),
			described(configBroker, "1", "num.io.threads"), described(configTopic, s.Name("none")), described(configTopic, s.Name("none"))))
	}},
	{"other kinds", 1, 4, func(s *Side, v int16) {
		s.Ask(v, describing(described(0, "x"), described(1, ""), described(3, "x"), described(64, "x"), described(-1, "x")))
		s.Ask(v, describing(described(configLogger, "2"), described(configLogger, ""), described(configLogger, "x"), described(configMetrics, ""), described(configGroup, "")))
	}},
	{"an unknown kind among others", 1, 4, func(s *Side, v int16) {
		t := s.Topic("t", 1)
		s.Ask(v, describing(described(configTopic, t, "segment.ms"), described(3, "x"), described(configBroker, "1", "num.io.threads"), described(configTopic, s.Name("none")), described(configTopic, "a/b")))
	}},
	{"loggers", 1, 4, func(s *Side, v int16) {
		s.Ask(v, describing(described(configLogger, "1", "root"), described(configLogger, "01", "root"), described(configLogger, "1", "nonsense")))
		s.Ask(v, brief(described(configLogger, "1")))
	}},
	{"groups and client metrics", 1, 4, func(s *Side, v int16) {
		s.Ask(v, describing(described(configMetrics, s.Name("m")), described(configGroup, s.Name("g"))))
		s.Ask(v, brief(described(configMetrics, s.Name("m")), described(configGroup, s.Name("g"), "nonsense", "consumer.session.timeout.ms")))
	}},
	{"nothing", 1, 4, func(s *Side, v int16) { s.Ask(v, describing()) }},
}
