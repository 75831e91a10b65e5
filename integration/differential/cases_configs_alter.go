package differential

import (
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// The operations of IncrementalAlterConfigs.
const (
	opSet kmsg.IncrementalAlterConfigOp = iota
	opDelete
	opAppend
	opSubtract
)

// A change is one resource and what becomes of its settings, for both kinds of requests.
type change struct {
	kind kmsg.ConfigResourceType
	name string
	ops  []string // KEY=VALUE, -KEY, KEY+=VALUE, KEY-=VALUE; KEY! is a null value, KEY-! a null to delete
}

func changed(kind kmsg.ConfigResourceType, name string, ops ...string) change {
	return change{kind, name, ops}
}

// parseOp reads one operation.
func parseOp(text string) (key string, op kmsg.IncrementalAlterConfigOp, value *string) {
	if key, ok := strings.CutPrefix(text, "-"); ok {
		return key, opDelete, nil
	}
	if key, ok := strings.CutSuffix(text, "!"); ok {
		return key, opSet, nil
	}
	key, v, _ := strings.Cut(text, "=")
	switch {
	case strings.HasSuffix(key, "+"):
		return strings.TrimSuffix(key, "+"), opAppend, &v
	case strings.HasSuffix(key, "-"):
		return strings.TrimSuffix(key, "-"), opSubtract, &v
	}
	return key, opSet, &v
}

// altering builds an incremental request.
func altering(changes ...change) *kmsg.IncrementalAlterConfigsRequest {
	req := kmsg.NewPtrIncrementalAlterConfigsRequest()
	for _, c := range changes {
		r := kmsg.NewIncrementalAlterConfigsRequestResource()
		r.ResourceType, r.ResourceName = c.kind, c.name
		for _, text := range c.ops {
			x := kmsg.NewIncrementalAlterConfigsRequestResourceConfig()
			x.Name, x.Op, x.Value = parseOp(text)
			r.Configs = append(r.Configs, x)
		}
		req.Resources = append(req.Resources, r)
	}
	return req
}

// replacing builds a request of the old kind, which names all settings that shall be.
func replacing(changes ...change) *kmsg.AlterConfigsRequest {
	req := kmsg.NewPtrAlterConfigsRequest()
	for _, c := range changes {
		r := kmsg.NewAlterConfigsRequestResource()
		r.ResourceType, r.ResourceName = c.kind, c.name
		for _, text := range c.ops {
			x := kmsg.NewAlterConfigsRequestResourceConfig()
			x.Name, _, x.Value = parseOp(text)
			r.Configs = append(r.Configs, x)
		}
		req.Resources = append(req.Resources, r)
	}
	return req
}

// tried makes a case that tries each list of operations on its own, and shows what then stands.
func tried(name string, kind kmsg.ConfigResourceType, resource string, lists ...[]string) Case {
	return Case{name, 0, 1, func(s *Side, v int16) {
		target, used := resource, []string(nil)
		if kind == configTopic {
			target = s.Topic("t", 1)
		}
		for _, ops := range lists {
			s.Ask(v, altering(changed(kind, target, ops...)))
			keys := make([]string, 0, len(ops))
			for _, text := range ops {
				key, _, _ := parseOp(text)
				keys = append(keys, key)
			}
			if len(keys) > 0 {
				s.settled()
				s.Ask(4, describing(described(kind, target, keys...)))
			}
			used = append(used, keys...)
		}
		if kind == configBroker { // which other cases share
			for _, key := range used {
				s.Must(1, altering(changed(kind, target, "-"+key)))
			}
			s.settled()
		}
	}}
}

func ops(list ...string) []string { return list }

var incrementalAlterConfigsCases = []Case{
	tried("topic: set and delete", configTopic, "", ops("retention.ms=1000"), ops("retention.ms=1000"), ops("-retention.ms"), ops("-retention.ms"),
		ops("retention.ms=5", "segment.ms= 07 ", "compression.type=zstd"), ops("-segment.ms", "retention.ms=6"), ops("min.insync.replicas=2"), ops("-min.insync.replicas")),
	tried("topic: lists", configTopic, "", ops("cleanup.policy+=compact"), ops("cleanup.policy-=delete"), ops("cleanup.policy-=compact"), ops("cleanup.policy+=delete"),
		ops("cleanup.policy+=delete"), ops("cleanup.policy+=compact,delete,compact"), ops("cleanup.policy-=delete,none"), ops("cleanup.policy+= delete"), ops("cleanup.policy="),
		ops("cleanup.policy+="), ops("cleanup.policy-="), ops("cleanup.policy+=nonsense"), ops("retention.ms+=5"), ops("retention.ms-=5"), ops("nonsense+=5"),
		ops("leader.replication.throttled.replicas+=0:1"), ops("leader.replication.throttled.replicas+=1:1,2:1"), ops("leader.replication.throttled.replicas-=1:1"),
		ops("leader.replication.throttled.replicas=*"), ops("leader.replication.throttled.replicas=0-1"), ops("cleanup.policy=delete,delete"), ops("cleanup.policy=delete,,compact")),
	tried("topic: wrong values", configTopic, "", ops("retention.ms=x"), ops("retention.ms="), ops("retention.ms=-2"), ops("segment.bytes=100"), ops("segment.bytes=99999999999"),
		ops("cleanup.policy=x"), ops("compression.type=lzo"), ops("compression.type=GZIP"), ops("min.insync.replicas=0"), ops("min.cleanable.dirty.ratio=1.1"), ops("preallocate=yes"),
		ops("message.timestamp.type=x"), ops("compression.gzip.level=0"), ops("compression.gzip.level=10"), ops("compression.zstd.level=23"), ops("compression.lz4.level=18"),
		ops("max.message.bytes=-1"), ops("max.message.bytes=1.5"), ops("retention.bytes=9223372036854775808"), ops("min.compaction.lag.ms=10", "max.compaction.lag.ms=5"),
		ops("remote.storage.enable=true"), ops("local.retention.ms=-3"), ops("local.retention.ms=999999999999"), ops("local.retention.bytes=5"), ops("segment.ms=0"), ops("flush.messages=0"),
		ops("index.interval.bytes=-1"), ops("message.format.version=3.0"), ops("message.timestamp.difference.max.ms=1"), ops("message.downconversion.enable=true"), ops("flush.ms=-1"),
		ops("segment.jitter.ms=-1"), ops("delete.retention.ms=-1"), ops("file.delete.delay.ms=-1"), ops("segment.index.bytes=3"), ops("unclean.leader.election.enable=1")),
	tried("topic: unknown and null", configTopic, "", ops("nonsense=1"), ops("-nonsense"), ops("=1"), ops("retention.ms!"), ops("retention.ms!", "segment.ms!"), ops("Retention.ms=1"),
		ops("nonsense=1", "retention.ms=5"), ops("retention.ms=5", "retention.ms=6"), ops("-retention.ms", "retention.ms=6"), ops(), ops("nonsense+!"), ops("log.retention.ms=5")),
	{"unknown operations", 0, 1, func(s *Side, v int16) {
		for _, kind := range []kmsg.ConfigResourceType{configTopic, configBroker} {
			name := "1"
			if kind == configTopic {
				name = s.Topic("t", 1)
			}
			req := altering(changed(kind, name, "retention.ms=5"))
			req.Resources[0].Configs[0].Op = 4
			s.Ask(v, req)
			req.Resources[0].Configs[0].Op = -1
			s.Ask(v, req)
		}
	}},
	{"topics that are not", 0, 1, func(s *Side, v int16) {
		s.Ask(v, altering(changed(configTopic, s.Name("none"), "retention.ms=5")))
		s.Ask(v, altering(changed(configTopic, s.Name("none"), "retention.ms=x")))
		s.Ask(v, altering(changed(configTopic, "", "retention.ms=5")))
		s.Ask(v, altering(changed(configTopic, "a/b", "retention.ms=5")))
		s.Ask(v, altering(changed(configTopic, "..", "retention.ms=5")))
		s.Ask(v, altering(changed(configTopic, strings.Repeat("x", 250), "retention.ms=5")))
		s.Ask(v, altering(changed(configTopic, "__cluster_metadata", "retention.ms=5")))
		s.Ask(v, altering(changed(configTopic, s.Name("none"))))
	}},
	{"several resources", 0, 1, func(s *Side, v int16) {
		t, u := s.Topic("t", 1), s.Topic("u", 1)
		s.Ask(v, altering(changed(configTopic, t, "retention.ms=5"), changed(configTopic, s.Name("none"), "retention.ms=5"), changed(configTopic, u, "retention.ms=x")))
		s.Ask(v, altering(changed(configTopic, t, "retention.ms=6"), changed(configTopic, t, "retention.ms=7"), changed(configTopic, u, "retention.ms=8")))
		s.Ask(v, altering(changed(configTopic, t, "retention.ms=9"), changed(configTopic, t, "retention.ms=10"), changed(configTopic, t, "retention.ms=11")))
		s.settled()
		s.Ask(4, brief(described(configTopic, t, "retention.ms"), described(configTopic, u, "retention.ms")))
		s.Ask(v, altering())
	}},
	{"validate only", 0, 1, func(s *Side, v int16) {
		t := s.Topic("t", 1)
		for _, c := range []change{changed(configTopic, t, "retention.ms=5"), changed(configTopic, t, "retention.ms=x"), changed(configTopic, s.Name("none"), "retention.ms=5"),
			changed(configBroker, "1", "log.cleaner.threads=2"), changed(configBroker, "", "log.cleaner.threads=2"), changed(configBroker, "", "log.cleaner.threads=x")} {
			req := altering(c)
			req.ValidateOnly = true
			s.Ask(v, req)
		}
		s.settled()
		s.Ask(4, describing(described(configTopic, t, "retention.ms"), described(configBroker, "1", "log.cleaner.threads")))
	}},
	{"kinds that are not", 0, 1, func(s *Side, v int16) {
		for _, kind := range []kmsg.ConfigResourceType{0, 1, 3, 64, -1} {
			s.Ask(v, altering(changed(kind, "x", "a=b")))
		}
		s.Ask(v, altering(changed(0, "x", "a=b"), changed(configTopic, s.Topic("t", 1), "retention.ms=5")))
	}},
}

var brokerConfigsCases = []Case{
	tried("one broker: set and delete", configBroker, "1", ops("log.cleaner.backoff.ms=12345"), ops("log.cleaner.backoff.ms= 06 "), ops("-log.cleaner.backoff.ms"), ops("-log.cleaner.backoff.ms"),
		ops("log.retention.ms=700000000", "log.segment.delete.delay.ms=5"), ops("-log.retention.ms", "-log.segment.delete.delay.ms"), ops("nonsense=5"), ops("-nonsense"), ops("-nonsense"), ops()),
	tried("all brokers: set and delete", configBroker, "", ops("log.cleaner.backoff.ms=12345"), ops("-log.cleaner.backoff.ms"), ops("-log.cleaner.backoff.ms"),
		ops("log.retention.ms=700000000", "nonsense=5"), ops("-log.retention.ms", "-nonsense"), ops()),
	tried("one broker: wrong", configBroker, "1", ops("num.partitions=2"), ops("-num.partitions"), ops("num.partitions=x"),
		ops("log.cleaner.threads=x"), ops("log.cleaner.threads=0"), ops("log.cleaner.threads=100"), ops("num.io.threads=0"), ops("num.io.threads=100"), ops("num.io.threads=3"), ops("background.threads=1"),
		ops("num.replica.fetchers=9"), ops("num.network.threads=99"), ops("log.retention.ms=0"), ops("log.retention.ms=x"), ops("log.roll.ms=0"), ops("log.cleanup.policy=x"), ops("log.cleanup.policy="),
		ops("compression.type=x"), ops("max.connections=-1"), ops("max.connections.per.ip=-1"), ops("max.connections.per.ip.overrides=x"), ops("max.connections.per.ip.overrides=127.0.0.1:x"),
		ops("message.max.bytes=-1"), ops("log.segment.bytes=1"), ops("min.insync.replicas=0"), ops("min.insync.replicas=2"), ops("ssl.keystore.location=x"), ops("sasl.jaas.config=x"),
		ops("log.message.timestamp.type=x"), ops("metric.reporters=nonsense"), ops("producer.id.expiration.ms=0"), ops("log.cleaner.dedupe.buffer.size=1"), ops("log.cleaner.io.buffer.load.factor=x"),
		ops("leader.replication.throttled.rate=-1"), ops("leader.replication.throttled.rate=x"), ops("transaction.partition.verification.enable=x"), ops("unclean.leader.election.enable=x"),
		ops("log.retention.bytes=x"), ops("log.cleaner.min.cleanable.ratio=2"), ops("log.cleaner.delete.retention.ms=-1"), ops("log.flush.interval.messages=0"), ops("log.cleaner.backoff.ms!"),
		ops("log.cleaner.backoff.ms=1", "log.cleaner.backoff.ms=2"), ops("listeners=x"), ops("advertised.listeners=PLAINTEXT://localhost:1"), ops("listener.name.plaintext.max.connections=x"),
		ops("log.local.retention.ms=5", "log.retention.ms=4"), ops("log.index.size.max.bytes=1"), ops("group.coordinator.cached.buffer.max.bytes=1"), ops("principal.builder.class=x")),
	tried("all brokers: wrong", configBroker, "", ops("num.partitions=2"), ops("ssl.keystore.location=x"), ops("listener.name.plaintext.ssl.keystore.location=x"), ops("listeners=x"),
		ops("log.cleaner.threads=x"), ops("log.retention.ms=0"), ops("sasl.jaas.config=x"), ops("max.connections=-1"), ops("min.insync.replicas=0"), ops("log.cleanup.policy=x"), ops("log.cleaner.backoff.ms!")),
	tried("brokers: lists", configBroker, "1", ops("log.cleanup.policy+=compact"), ops("log.cleanup.policy-=delete"), ops("log.cleanup.policy+=delete,compact"), ops("-log.cleanup.policy"),
		ops("log.retention.ms+=5"), ops("log.retention.ms-=5"), ops("nonsense+=5"), ops("nonsense-=5"), ops("log.cleanup.policy-=delete"), ops("-log.cleanup.policy"), ops("listeners+=x"), ops("ssl.cipher.suites+=x")),
	{"precedence", 0, 1, func(s *Side, v int16) {
		key, t := "message.max.bytes", s.Topic("t", 1)
		look := func() {
			s.settled()
			s.Ask(4, describing(described(configBroker, "1", key), described(configBroker, "", key), described(configTopic, t, "max.message.bytes")))
		}
		s.Ask(v, altering(changed(configBroker, "", key+"=1100000")))
		look()
		s.Ask(v, altering(changed(configBroker, "1", key+"=1200000")))
		look()
		s.Ask(v, altering(changed(configTopic, t, "max.message.bytes=1300000")))
		look()
		s.Ask(v, altering(changed(configBroker, "", "-"+key)))
		look()
		s.Ask(v, altering(changed(configBroker, "1", "-"+key)))
		look()
	}},
	{"retention in three units", 0, 1, func(s *Side, v int16) {
		t := s.Topic("t", 1)
		s.Ask(v, altering(changed(configBroker, "1", "log.retention.ms=86400000", "log.roll.ms=3600000", "log.roll.jitter.ms=7", "log.flush.interval.ms=99999")))
		s.settled()
		s.Ask(4, describing(described(configBroker, "1", "log.retention.ms", "log.retention.hours", "log.roll.ms", "log.roll.hours", "log.roll.jitter.ms", "log.flush.interval.ms"),
			described(configTopic, t, "retention.ms", "segment.ms", "segment.jitter.ms", "flush.ms")))
		s.Ask(v, altering(changed(configBroker, "1", "-log.retention.ms", "-log.roll.ms", "-log.roll.jitter.ms", "-log.flush.interval.ms")))
		s.settled()
		s.Ask(4, describing(described(configTopic, t, "retention.ms", "segment.ms", "segment.jitter.ms", "flush.ms")))
	}},
	{"bad broker ids", 0, 1, func(s *Side, v int16) {
		for _, id := range []string{"2", "x", "-1", "99999999999", " 1", "01", "+1"} {
			s.Ask(v, altering(changed(configBroker, id, "log.cleaner.backoff.ms=15000")))
			s.Ask(v, altering(changed(configBroker, id, "-log.cleaner.backoff.ms")))
		}
	}},
	{"throttles", 0, 1, func(s *Side, v int16) {
		s.Ask(v, altering(changed(configBroker, "1", "leader.replication.throttled.rate=1000", "follower.replication.throttled.rate=2000", "replica.alter.log.dirs.io.max.bytes.per.second=3000")))
		s.settled()
		s.Ask(4, describing(described(configBroker, "1", "leader.replication.throttled.rate", "follower.replication.throttled.rate", "replica.alter.log.dirs.io.max.bytes.per.second")))
		s.Ask(v, altering(changed(configBroker, "1", "-leader.replication.throttled.rate", "-follower.replication.throttled.rate", "-replica.alter.log.dirs.io.max.bytes.per.second")))
	}},
}

var loggerCases = []Case{
	tried("set and delete", configLogger, "1", ops("root=DEBUG"), ops("root=INFO"), ops("root=info"), ops("root=nonsense"), ops("root="), ops("-root"), ops("nonsense=INFO"), ops("-nonsense"),
		ops("root+=INFO"), ops("root-=INFO"), ops("root!"), ops("root=INFO", "root=WARN"), ops("=INFO"), ops("root=FATAL"), ops("root=TRACE"), ops("root=OFF"), ops("root=INFO")),
	{"brokers", 0, 1, func(s *Side, v int16) {
		for _, id := range []string{"", "2", "x", "01"} {
			s.Ask(v, altering(changed(configLogger, id, "root=INFO")))
		}
		req := altering(changed(configLogger, "1", "root=DEBUG"))
		req.ValidateOnly = true
		s.Ask(v, req)
		s.Ask(4, describing(described(configLogger, "1", "root")))
	}},
}

var groupConfigsCases = []Case{
	{"defaults", 0, 1, func(s *Side, v int16) {
		s.Ask(4, describing(described(configGroup, s.Name("g"))))
		s.Ask(1, brief(described(configGroup, s.Name("g"), "consumer.session.timeout.ms", "nonsense")))
	}},
	{"set and delete", 0, 1, func(s *Side, v int16) {
		g := s.Name("g")
		for _, list := range [][]string{ops("consumer.session.timeout.ms=50000"), ops("consumer.heartbeat.interval.ms=6000", "share.auto.offset.reset=earliest"), ops("-consumer.session.timeout.ms"),
			ops("streams.num.standby.replicas=1"), ops("-consumer.heartbeat.interval.ms", "-share.auto.offset.reset", "-streams.num.standby.replicas"), ops("-nonsense")} {
			s.Ask(v, altering(changed(configGroup, g, list...)))
			s.settled()
			s.Ask(4, describing(described(configGroup, g)))
		}
	}},
	{"wrong", 0, 1, func(s *Side, v int16) {
		g := s.Name("g")
		for _, list := range [][]string{ops("nonsense=1"), ops("consumer.session.timeout.ms=x"), ops("consumer.session.timeout.ms=0"), ops("consumer.session.timeout.ms=1"), ops("consumer.session.timeout.ms=60001"),
			ops("consumer.heartbeat.interval.ms=1"), ops("consumer.heartbeat.interval.ms=15001"), ops("share.session.timeout.ms=1"), ops("share.session.timeout.ms=60001"), ops("share.heartbeat.interval.ms=1"),
			ops("share.heartbeat.interval.ms=15001"), ops("share.record.lock.duration.ms=1"), ops("share.record.lock.duration.ms=14999"), ops("share.record.lock.duration.ms=60001"), ops("share.auto.offset.reset=x"),
			ops("share.auto.offset.reset=by_duration:PT1H"), ops("share.auto.offset.reset=by_duration:x"), ops("share.auto.offset.reset=by_duration:-PT1H"), ops("share.isolation.level=x"), ops("streams.session.timeout.ms=1"), ops("streams.session.timeout.ms=60001"),
			ops("streams.heartbeat.interval.ms=1"), ops("streams.heartbeat.interval.ms=15001"), ops("streams.num.standby.replicas=-1"), ops("streams.num.standby.replicas=3"), ops("streams.initial.rebalance.delay.ms=-1"),
			ops("consumer.session.timeout.ms!"), ops("consumer.session.timeout.ms+=5"), ops("consumer.assignment.interval.ms=15001"), ops("share.delivery.count.limit=1"), ops("share.delivery.count.limit=11"),
			ops("share.partition.max.record.locks=99"), ops("share.partition.max.record.locks=4001"), ops("share.renew.acknowledge.enable=x")} {
			s.Ask(v, altering(changed(configGroup, g, list...)))
		}
		s.Ask(v, altering(changed(configGroup, "", "consumer.session.timeout.ms=50000")))
		s.settled()
		s.Ask(4, describing(described(configGroup, g)))
	}},
}

var clientMetricsCases = []Case{
	{"defaults", 0, 1, func(s *Side, v int16) {
		s.Ask(4, describing(described(configMetrics, s.Name("m"))))
		s.Ask(1, brief(described(configMetrics, s.Name("m"), "interval.ms", "nonsense")))
	}},
	{"set and delete", 0, 1, func(s *Side, v int16) {
		m := s.Name("m")
		for _, list := range [][]string{ops("interval.ms=1000"), ops("metrics=a.b,c.d", "match=client_id=x,client_software_name= y "), ops("metrics+=e"), ops("metrics-=a.b"), ops("-interval.ms"), ops("metrics=*"),
			ops("metrics="), ops("match="), ops("-metrics", "-match"), ops("-nonsense")} {
			s.Ask(v, altering(changed(configMetrics, m, list...)))
			s.settled()
			s.Ask(4, describing(described(configMetrics, m)))
		}
		s.Ask(4, describing(described(configMetrics, m, "interval.ms")))
	}},
	{"wrong", 0, 1, func(s *Side, v int16) {
		m := s.Name("m")
		for _, list := range [][]string{ops("nonsense=1"), ops("interval.ms=x"), ops("interval.ms=99"), ops("interval.ms=3600001"), ops("match=x"), ops("match=x=y"), ops("match=client_id=["), ops("match=client_id=a=b"),
			ops("interval.ms!"), ops("interval.ms+=5"), ops("interval.ms=5", "interval.ms=6"), ops("metrics=a,a"), ops("metrics=a,,b")} {
			s.Ask(v, altering(changed(configMetrics, m, list...)))
		}
		s.Ask(v, altering(changed(configMetrics, "", "interval.ms=1000")))
		s.settled()
		s.Ask(4, describing(described(configMetrics, m)))
	}},
}

// alterConfigsCases are those of the old kind: what is not named is deleted.
var alterConfigsCases = []Case{
	{"topic", 0, 2, func(s *Side, v int16) {
		t := s.Topic("t", 1, "retention.ms=1000", "segment.ms=5")
		for _, list := range [][]string{ops("retention.ms=7", "cleanup.policy=compact"), ops("retention.ms=x"), ops("nonsense=1"), ops("retention.ms!"), ops("retention.ms=5", "retention.ms=6"),
			ops("min.compaction.lag.ms=10", "max.compaction.lag.ms=5"), ops("preallocate=TRUE"), ops()} {
			s.Ask(v, replacing(changed(configTopic, t, list...)))
			s.settled()
			s.Ask(4, describing(described(configTopic, t, "retention.ms", "segment.ms", "cleanup.policy", "preallocate")))
		}
	}},
	{"topics that are not", 0, 2, func(s *Side, v int16) {
		for _, name := range []string{s.Name("none"), "", "a/b", "..", "__cluster_metadata"} {
			s.Ask(v, replacing(changed(configTopic, name, "retention.ms=5")))
		}
		s.Ask(v, replacing(changed(configTopic, s.Name("none"))))
	}},
	{"several resources", 0, 2, func(s *Side, v int16) {
		t, u := s.Topic("t", 1), s.Topic("u", 1)
		s.Ask(v, replacing(changed(configTopic, t, "retention.ms=5"), changed(configTopic, s.Name("none"), "retention.ms=5"), changed(configTopic, u, "retention.ms=x")))
		s.settled()
		s.Ask(4, brief(described(configTopic, t, "retention.ms"), described(configTopic, u, "retention.ms")))
		s.Ask(v, replacing())
	}},
	{"the same resource twice", 0, 2, func(s *Side, v int16) {
		t := s.Topic("t", 1)
		s.Ask(v, replacing(changed(configTopic, t, "retention.ms=5"), changed(configTopic, t, "retention.ms=6")))
	}},
	{"validate only", 0, 2, func(s *Side, v int16) {
		t := s.Topic("t", 1)
		for _, c := range []change{changed(configTopic, t, "retention.ms=5"), changed(configTopic, t, "retention.ms=x"), changed(configTopic, s.Name("none"), "retention.ms=5")} {
			req := replacing(c)
			req.ValidateOnly = true
			s.Ask(v, req)
		}
		s.settled()
		s.Ask(4, brief(described(configTopic, t, "retention.ms")))
	}},
	{"brokers", 0, 2, func(s *Side, v int16) {
		for _, c := range []change{changed(configBroker, "1", "log.cleaner.backoff.ms=5", "log.segment.delete.delay.ms=6"), changed(configBroker, "1", "log.segment.delete.delay.ms=7"), changed(configBroker, "1", "num.partitions=2"),
			changed(configBroker, "1"), changed(configBroker, "2", "log.cleaner.backoff.ms=5"), changed(configBroker, "x", "log.cleaner.backoff.ms=5")} {
			s.Ask(v, replacing(c))
			s.settled()
			s.Ask(4, describing(described(configBroker, "1", "log.cleaner.backoff.ms", "log.segment.delete.delay.ms")))
		}
	}},
	{"other kinds", 0, 2, func(s *Side, v int16) {
		for _, kind := range []kmsg.ConfigResourceType{0, 1, 3, 64, -1, configLogger} {
			s.Ask(v, replacing(changed(kind, "1", "root=INFO")))
		}
		g, m := s.Name("g"), s.Name("m")
		s.Ask(v, replacing(changed(configGroup, g, "consumer.session.timeout.ms=50000"), changed(configMetrics, m, "interval.ms=1000")))
		s.settled()
		s.Ask(4, describing(described(configGroup, g), described(configMetrics, m)))
		s.Ask(v, replacing(changed(configGroup, g), changed(configMetrics, m)))
		s.settled()
		s.Ask(4, describing(described(configMetrics, m)))
	}},
}

// listResources asks for the resources of some kinds.
func listResources(kinds ...int8) *kmsg.ListConfigResourcesRequest {
	req := kmsg.NewPtrListConfigResourcesRequest()
	req.ResourceTypes = kinds
	return req
}

var listConfigResourcesCases = []Case{
	{"client metrics", 0, 1, func(s *Side, v int16) {
		s.own = true
		s.Must(1, altering(changed(configMetrics, s.Name("m"), "interval.ms=1000"), changed(configMetrics, s.Name("n"), "metrics=x")))
		s.settled()
		s.Ask(v, listResources(16))
		s.Must(1, altering(changed(configMetrics, s.Name("m"), "-interval.ms"), changed(configMetrics, s.Name("n"), "-metrics")))
		s.settled()
		s.Ask(v, listResources(16))
	}},
	{"kinds", 1, 1, func(s *Side, v int16) {
		s.own = true
		s.Topic("t", 1)
		s.Must(1, altering(changed(configGroup, s.Name("g"), "consumer.session.timeout.ms=50000")))
		s.settled()
		for _, kinds := range [][]int8{{2}, {4}, {8}, {32}, {2, 4, 8, 16, 32}, {2, 2}, {}, {0}, {1}, {3}, {64}, {-1}, {2, 64}} {
			s.Ask(v, listResources(kinds...))
		}
		s.Must(1, altering(changed(configGroup, s.Name("g"), "-consumer.session.timeout.ms")))
	}},
}
