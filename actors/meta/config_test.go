package meta

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"troupe/kafka/code"
)

// configChecks gives three ways to state a line: f says what must come out, no how a value is refused, atLeast the lowest value.
func configChecks(t *testing.T) (f, no func(key, value, want string), atLeast func(key string, min int64)) {
	f = func(key, value, want string) {
		t.Helper()
		c, why := ValidateTopicConfigs(map[string]string{key: value})
		if why != want || (c == code.OK) != (want == "") || c != code.OK && c != code.InvalidConfig {
			t.Errorf("%s=%s: %s %q, want %q", key, value, c, why, want)
		}
	}
	no = func(key, value, why string) {
		t.Helper()
		f(key, value, "Invalid value "+value+" for configuration "+key+": "+why)
	}
	atLeast = func(key string, min int64) {
		t.Helper()
		f(key, strconv.FormatInt(min, 10), "")
		no(key, strconv.FormatInt(min-1, 10), "Value must be at least "+strconv.FormatInt(min, 10))
	}
	return f, no, atLeast
}

// TestTopicNumbers lists what Apache Kafka 4.3.1 accepts and refuses, and how it words it.
func TestTopicNumbers(t *testing.T) {
	f, no, atLeast := configChecks(t)
	atLeast("segment.bytes", 1048576)
	no("segment.bytes", "99999999999", "Not a number of type INT")
	no("segment.bytes", "abc", "Not a number of type INT")
	no("segment.bytes", "", "Not a number of type INT")
	f("segment.bytes", " 100000000", "")
	atLeast("segment.ms", 1)
	atLeast("segment.jitter.ms", 0)
	atLeast("segment.index.bytes", 4)
	atLeast("flush.messages", 1)
	atLeast("flush.ms", 0)
	f("retention.bytes", "-2", "")
	atLeast("retention.ms", -1)
	atLeast("max.message.bytes", 0)
	atLeast("index.interval.bytes", 0)
	atLeast("delete.retention.ms", 0)
	atLeast("min.compaction.lag.ms", 0)
	atLeast("max.compaction.lag.ms", 1)
	atLeast("file.delete.delay.ms", 0)
	no("min.cleanable.dirty.ratio", "1.1", "Value must be no more than 1")
	no("min.cleanable.dirty.ratio", "-0.1", "Value must be at least 0")
	f("min.cleanable.dirty.ratio", "1e-1", "")
	no("min.cleanable.dirty.ratio", "x", "Not a number of type DOUBLE")
	atLeast("min.insync.replicas", 1)
	for _, v := range []string{"0", "10", "-2"} {
		no("compression.gzip.level", v, "Value must be between 1 and 9 or equal to -1")
	}
	f("compression.gzip.level", "-1", "")
	no("compression.zstd.level", "23", "Value must be no more than 22")
	atLeast("compression.zstd.level", -131072)
	f("compression.zstd.level", "0", "")
	atLeast("compression.lz4.level", 1)
	no("compression.lz4.level", "18", "Value must be no more than 17")
	atLeast("message.timestamp.before.max.ms", 0)
	atLeast("message.timestamp.after.max.ms", 0)
	atLeast("local.retention.ms", -2)
	atLeast("local.retention.bytes", -2)
}

// TestTopicWords does the same for what is not a number.
func TestTopicWords(t *testing.T) {
	f, no, _ := configChecks(t)
	no("cleanup.policy", "foo", "String must be one of: compact, delete")
	no("cleanup.policy", "Compact", "String must be one of: compact, delete")
	f("cleanup.policy", "compact,compact", "")
	f("cleanup.policy", " compact , delete", "")
	f("cleanup.policy", "", "")
	f("cleanup.policy", ",", "Configuration 'cleanup.policy' values must not be empty.")
	no("unclean.leader.election.enable", "maybe", "Expected value to be either true or false")
	f("unclean.leader.election.enable", "TRUE", "")
	no("preallocate", "1", "Expected value to be either true or false")
	no("compression.type", "none", "String must be one of: uncompressed, zstd, lz4, snappy, gzip, producer")
	no("compression.type", "ZSTD", "String must be one of: uncompressed, zstd, lz4, snappy, gzip, producer")
	no("message.timestamp.type", "createtime", "String must be one of: CreateTime, LogAppendTime")
	for _, k := range []string{"leader.replication.throttled.replicas", "follower.replication.throttled.replicas"} {
		how := k + " must be the literal '*' or a list of replicas in the following format: [partitionId]:[brokerId],[partitionId]:[brokerId],..."
		f(k, "x", "Invalid value [x] for configuration "+k+": "+how)
		f(k, "none", "Invalid value [none] for configuration "+k+": "+how)
		f(k, "0:1,1:2", "")
		f(k, "*", "")
	}
	f("remote.storage.enable", "true", "Tiered Storage functionality is disabled in the broker. Topic cannot be configured with remote log storage.")
	f("remote.log.copy.disable", "true", "")
	f("nope", "1", "Unknown topic config name: nope")
	f("message.format.version", "3.0", "Unknown topic config name: message.format.version")
	f("flush.policy", "os", "")
	no("flush.policy", "never", "String must be one of: fsync, os")
	if _, why := ValidateTopicConfigs(map[string]string{"min.compaction.lag.ms": "10", "max.compaction.lag.ms": "5"}); why !=
		"conflict topic config setting min.compaction.lag.ms (10) > max.compaction.lag.ms (5)" {
		t.Errorf("%q", why)
	}
}

// Of several wrong settings the first is told as Kafka finds it: names before values, values in the order of the definitions.
func TestSeveralWrongSettings(t *testing.T) {
	f := func(configs map[string]string, want string) {
		t.Helper()
		if _, why := ValidateTopicConfigs(configs); !strings.Contains(why, want) {
			t.Errorf("%v: %q, want %q", configs, why, want)
		}
	}
	f(map[string]string{"cleanup.policy": "none", "nonsense": "1"}, "Unknown topic config name: nonsense")
	f(map[string]string{"cleanup.policy": "none", "retention.ms": "x"}, "configuration retention.ms")
	f(map[string]string{"compression.type": "x", "segment.bytes": "5", FlushPolicyKey: "x"}, "configuration segment.bytes")
	if got, want := slices.Sorted(slices.Values(topicJudged)), TopicConfigKeys(); !slices.Equal(got, want) {
		t.Errorf("judged are %v, there are %v", got, want)
	}
}

func TestDefinitionsAreWhole(t *testing.T) {
	if n := len(TopicConfigKeys()); n != 34 {
		t.Errorf("%d topic settings, Kafka 4.3.1 has 33 and we one more", n)
	}
	if n := len(BrokerConfigKeys()); n != 344 {
		t.Errorf("%d broker settings, Kafka 4.3.1 has 340 and we know four more", n)
	}
	for _, k := range TopicConfigKeys() {
		d := TopicConfigDef(k)
		if d.Doc == "" || d.Type <= TypeUnknown || !d.HasDefault || d.Check(d.Default) != "" {
			t.Errorf("%+v", d)
		}
		for _, s := range d.Synonyms {
			b := BrokerConfigDef(s.Name)
			if b == nil || s.Scale == 0 || s.Scale == 1 && b.Type != d.Type {
				t.Errorf("%s: synonym %+v", k, s)
			}
			if b != nil && b.HasDefault && scaled(b.Default, s.Scale) != d.Default {
				t.Errorf("%s is %s and its synonym %s is %s", k, d.Default, s.Name, b.Default)
			}
		}
	}
	for _, k := range BrokerConfigKeys() {
		d := BrokerConfigDef(k)
		if d.Type <= TypeUnknown || d.HasDefault && d.Check(d.Default) != "" {
			t.Errorf("%+v: %s", d, d.Check(d.Default))
		}
	}
	for k := range brokerDocs {
		if BrokerConfigDef(k) == nil {
			t.Errorf("a text for %s, which is not there", k)
		}
	}
}

func TestBrokerConfigAtStart(t *testing.T) {
	f := func(key, value, want string) {
		t.Helper()
		if got := CheckBrokerConfig(key, value); got != want {
			t.Errorf("%s=%s: %q, want %q", key, value, got, want)
		}
	}
	f("num.partitions", "3", "")
	f("num.partitions", "0", "Invalid value 0 for configuration num.partitions: Value must be at least 1")
	f("num.partitons", "3", `unknown configuration key "num.partitons": did you mean num.partitions?`)
	f("message.max.byte", "3", `unknown configuration key "message.max.byte": did you mean message.max.bytes?`)
	f("log.retention.hour", "3", `unknown configuration key "log.retention.hour": did you mean log.retention.hours?`)
	f("auto.create.topic.enable", "true", `unknown configuration key "auto.create.topic.enable": did you mean auto.create.topics.enable?`)
	f("colour", "blue", `unknown configuration key "colour"`)
	f("listener.name.internal.ssl.keystore.location", "/x", "")
	f("listener.name.internal.plain.sasl.jaas.config", "x", "")
	f("listener.name.internal.nonsense", "x", `unknown configuration key "listener.name.internal.nonsense"`)
	f("group.consumer.migration.policy", "Upgrade", "")
	f("log.flush.policy", "os", "")
	if s := SuggestTopic("retention.m"); s != "retention.ms" {
		t.Errorf("%q", s)
	}
}

func TestEditDistance(t *testing.T) {
	f := func(a, b string, want int) {
		t.Helper()
		if got := editDistance(a, b, 9); got != want {
			t.Errorf("%s, %s: %d, want %d", a, b, got, want)
		}
	}
	f("", "", 0)
	f("", "abc", 3)
	f("abc", "", 3)
	f("abc", "abd", 1)
	f("abc", "acb", 1) // neighbours swapped
	f("abcd", "bcd", 1)
	f("kitten", "sitting", 3)
	f("aaaaaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbbbb", 9) // the limit
	if got := editDistance("abcdef", "uvwxyz", 3); got != 3 {
		t.Errorf("%d", got)
	}
}

func TestEffective(t *testing.T) {
	c := newCluster(t, 1)
	topic := c.topic("t", 1, map[string]string{"segment.bytes": "2000000"}, []int32{1})
	d := Defaults{BrokerID: 1, Static: map[string]string{"log.retention.hours": "2", "log.roll.hours": " 1", "message.max.bytes": "9"}}
	f := func(key, want string, src Source) {
		t.Helper()
		if got, s := Effective(c.img, topic, d, key); got != want || s != src {
			t.Errorf("%s is %q from %d, want %q from %d", key, got, s, want, src)
		}
	}
	dynamic := func(id, key, value string) {
		t.Helper()
		c.ok(IncrementalAlterConfigs{[]AlterResource{{BrokerResource, id, []AlterOp{{ConfigSet, key, value}}}}})
	}
	f("segment.bytes", "2000000", SourceTopic)
	f("retention.ms", "7200000", SourceStaticBroker)
	f("segment.ms", "3600000", SourceStaticBroker)
	f("max.message.bytes", "9", SourceStaticBroker)
	f("retention.bytes", "-1", SourceDefault)
	f("min.insync.replicas", "1", SourceDefault)
	dynamic("", "message.max.bytes", "10")
	f("max.message.bytes", "10", SourceDynamicDefault)
	dynamic("1", "message.max.bytes", "11")
	f("max.message.bytes", "11", SourceDynamicBroker)
	dynamic("", "log.retention.ms", "-1") // before minutes and hours, wherever they come from
	f("retention.ms", "-1", SourceDynamicDefault)
	dynamic("", "min.insync.replicas", "2")
	f("min.insync.replicas", "2", SourceDynamicDefault)
	d.Static["log.retention.minutes"] = "9223372036854775807"
	c.ok(IncrementalAlterConfigs{[]AlterResource{{BrokerResource, "", []AlterOp{{ConfigDelete, "log.retention.ms", ""}}}}})
	f("retention.ms", "9223372036854775807", SourceStaticBroker) // no overflow
	d.Static["log.retention.minutes"] = "-1"
	f("retention.ms", "-1", SourceStaticBroker)

	syn := TopicSynonyms(c.img, topic, d, "max.message.bytes")
	var text []string
	for _, s := range syn {
		text = append(text, s.Name+"="+s.Value+"/"+strconv.Itoa(int(s.Source)))
	}
	if got := strings.Join(text, " "); got != "message.max.bytes=11/2 message.max.bytes=10/3 message.max.bytes=9/4 message.max.bytes=1048588/5" {
		t.Error(got)
	}
	if got := TopicSynonyms(c.img, topic, Defaults{}, "retention.ms"); len(got) != 0 {
		t.Errorf("Kafka shows none here: %v", got)
	}
	if got := TopicSynonyms(c.img, topic, Defaults{Static: map[string]string{"log.retention.minutes": "7"}}, "retention.ms"); len(got) != 0 {
		t.Errorf("Kafka shows none here either: %v", got)
	}
	units := Defaults{Static: map[string]string{"log.retention.ms": " 5", "listener.name.inner.max.connections": "9"}}
	for key, want := range map[string]string{
		"log.retention.ms": "[{log.retention.ms  5 false 4} {log.retention.hours 168 false 5}]", "log.retention.minutes": "[]",
		"log.retention.hours":                 "[{log.retention.hours 168 false 5}]",
		"listener.name.inner.max.connections": "[{listener.name.inner.max.connections 9 false 4} {max.connections 2147483647 false 5}]",
	} {
		if got := fmt.Sprint(BrokerSynonyms(c.img, units, key)); got != want {
			t.Errorf("%s: %s, want %s", key, got, want)
		}
	}
	if got := fmt.Sprint(TopicSynonyms(c.img, topic, units, "retention.ms")); got != "[{log.retention.ms  5 false 4} {log.retention.hours 168 false 5}]" {
		t.Error(got)
	}
	if got := BrokerSynonyms(c.img, d, "message.max.bytes"); !slices.Equal(got, syn) {
		t.Errorf("%+v, want %+v", got, syn)
	}
	if v := EffectiveBroker(c.img, d, "un.known"); !v.Null || v.Source != SourceDefault || BrokerInt(c.img, d, "un.known") != 0 {
		t.Errorf("%+v", v)
	}
	if v := EffectiveBroker(c.img, d, "message.max.bytes"); v.Value != "11" || v.Source != SourceDynamicBroker {
		t.Errorf("%+v", v)
	}
	if v := EffectiveBroker(c.img, d, "log.retention.ms"); !v.Null || v.Source != SourceDefault {
		t.Errorf("%+v", v)
	}
	if n := BrokerInt(c.img, d, "num.partitions"); n != 1 {
		t.Errorf("%d", n)
	}
	if !BrokerBool(c.img, d, "auto.create.topics.enable") {
		t.Error("topics are made when asked for")
	}
}

func TestSettings(t *testing.T) {
	c := newCluster(t, 3)
	topic := c.topic("t", 1, map[string]string{"cleanup.policy": "compact, delete", "message.timestamp.type": "LogAppendTime", "flush.policy": "os",
		"min.insync.replicas": "2", "compression.type": "zstd", "unclean.leader.election.enable": "TRUE", "retention.ms": " 77 "}, []int32{1, 2, 3})
	got := SettingsOf(c.img, topic, Defaults{BrokerID: 1})
	want := Settings{RetentionMs: 77, RetentionBytes: -1, SegmentBytes: 1 << 30, SegmentMs: 604800000, MaxMessageBytes: 1048588,
		IndexIntervalBytes: 4096, Delete: true, Compact: true, DeleteRetentionMs: 86400000, MinCleanableRatio: 0.5, MaxCompactionLagMs: 1<<63 - 1,
		LogAppendTime: true, TimestampBeforeMaxMs: 1<<63 - 1, TimestampAfterMaxMs: 3600000, MinISR: 2, CompressionType: "zstd", CompressionLevel: 3,
		FlushPolicy: FlushOS, UncleanElection: true}
	if got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

func TestCanonical(t *testing.T) {
	for _, x := range [][3]string{
		{"cleanup.policy", " delete , compact ", "delete,compact"}, {"cleanup.policy", "", ""}, {"preallocate", " TRUE", "true"},
		{"segment.bytes", " 01048576 ", "1048576"}, {"retention.ms", "+7", "7"}, {"retention.ms", "x", "x"}, {"compression.type", " gzip ", "gzip"},
		{"min.cleanable.dirty.ratio", "0.250", "0.25"}, {"min.cleanable.dirty.ratio", "1", "1.0"}, {"min.cleanable.dirty.ratio", "0", "0.0"},
		{"min.cleanable.dirty.ratio", "0.0001", "1.0E-4"},
	} {
		if got := TopicConfigDef(x[0]).Canonical(x[1]); got != x[2] {
			t.Errorf("%s: %q becomes %q, want %q", x[0], x[1], got, x[2])
		}
	}
	for _, key := range BrokerConfigKeys() {
		if d := BrokerConfigDef(key); d.HasDefault && d.Canonical(d.Default) != d.Default {
			t.Errorf("the default of %s becomes %q", key, d.Canonical(d.Default))
		}
	}
	for _, key := range TopicConfigKeys() {
		if d := TopicConfigDef(key); d.Canonical(d.Default) != d.Default {
			t.Errorf("the default of %s becomes %q", key, d.Canonical(d.Default))
		}
	}
}
