package api

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"troupe/actors/meta"
	"troupe/kafka/code"
)

// changeOf is one resource of an incremental request: KEY=VALUE sets, -KEY deletes, KEY+=VALUE appends, KEY-=VALUE subtracts, KEY! sets null.
func changeOf(kind kmsg.ConfigResourceType, name string, ops ...string) kmsg.IncrementalAlterConfigsRequestResource {
	r := kmsg.NewIncrementalAlterConfigsRequestResource()
	r.ResourceType, r.ResourceName = kind, name
	for _, text := range ops {
		x := kmsg.NewIncrementalAlterConfigsRequestResourceConfig()
		key, value, found := strings.Cut(text, "=")
		switch {
		case text[0] == '-':
			x.Name, x.Op = text[1:], kmsg.IncrementalAlterConfigOpDelete
		case !found:
			x.Name = strings.TrimSuffix(text, "!")
		case strings.HasSuffix(key, "+"):
			x.Name, x.Op, x.Value = strings.TrimSuffix(key, "+"), kmsg.IncrementalAlterConfigOpAppend, &value
		case strings.HasSuffix(key, "-"):
			x.Name, x.Op, x.Value = strings.TrimSuffix(key, "-"), kmsg.IncrementalAlterConfigOpSubtract, &value
		default:
			x.Name, x.Value = key, &value
		}
		r.Configs = append(r.Configs, x)
	}
	return r
}

// alter sends changes and writes the answer, one word for each resource that went well, the error for others.
func (w *world) alter(version int16, validateOnly bool, changes ...kmsg.IncrementalAlterConfigsRequestResource) string {
	w.t.Helper()
	req := kmsg.NewPtrIncrementalAlterConfigsRequest()
	req.Resources, req.ValidateOnly = changes, validateOnly
	var out []string
	for i, r := range w.ask(version, req).(*kmsg.IncrementalAlterConfigsResponse).Resources {
		if r.ResourceType != changes[i].ResourceType || r.ResourceName != changes[i].ResourceName {
			w.t.Errorf("answer %d is about %v %q", i, r.ResourceType, r.ResourceName)
		}
		out = append(out, answered(r.ErrorCode, r.ErrorMessage))
	}
	return strings.Join(out, "\n")
}

func answered(e int16, why *string) string {
	switch {
	case e == 0 && why == nil:
		return "ok"
	case why == nil:
		return fmt.Sprint(e)
	}
	return fmt.Sprintf("%d %s", e, *why)
}

func TestAlterTopicConfigs(t *testing.T) {
	w := newWorld(t, 1, nil)
	w.topic("t", []int32{1})
	f := func(want string, ops ...string) {
		t.Helper()
		for v := int16(0); v <= 1; v++ {
			expect(t, fmt.Sprint(ops), w.alter(v, false, changeOf(2, "t", ops...)), want)
		}
	}
	f("ok", "retention.ms=5", "cleanup.policy+=compact", "-nonsense")
	expect(t, "set", w.configsOf(4, 2, "t", "retention.ms", "cleanup.policy"),
		"cleanup.policy=delete,compact/1 <cleanup.policy=delete,compact/1 <log.cleanup.policy=delete/5\nretention.ms=5/1 <retention.ms=5/1")
	f("ok", "-retention.ms", "cleanup.policy-=delete,compact")
	expect(t, "deleted", w.configsOf(4, 2, "t", "retention.ms", "cleanup.policy"),
		"cleanup.policy=/1 <cleanup.policy=/1 <log.cleanup.policy=delete/5\nretention.ms=604800000/5")
	f("40 Invalid value x for configuration retention.ms: Not a number of type LONG", "retention.ms=x")
	f("40 Unknown topic config name: nonsense", "nonsense=1", "retention.ms=9")
	f("40 Can't SUBTRACT to key retention.ms because its type is not LIST.", "retention.ms-=1")
	f("42 Null value not supported for : retention.ms, segment.ms", "retention.ms!", "segment.ms!")
	f("42 Error due to duplicate config keys", "retention.ms=1", "-retention.ms")
	expect(t, "what a refused change left", w.configsOf(4, 2, "t", "retention.ms", "cleanup.policy"),
		"cleanup.policy=/1 <cleanup.policy=/1 <log.cleanup.policy=delete/5\nretention.ms=604800000/5")
	expect(t, "each by itself", w.alter(1, false, changeOf(2, "t", "retention.ms=1"), changeOf(2, "none", "retention.ms=1"), changeOf(2, "", "retention.ms=1"),
		changeOf(2, "a/b"), changeOf(7, "x")), "ok\n3 The topic 'none' does not exist.\n42 Default topic resources are not allowed.\n"+
		"17 Topic name is invalid: 'a/b' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'\n42 Unknown resource type 7")
	expect(t, "twice", w.alter(1, false, changeOf(2, "t", "retention.ms=2"), changeOf(2, "t", "retention.ms=3")),
		"42 Each resource must appear at most once.\n42 Each resource must appear at most once.")
	before := len(w.asked)
	expect(t, "only asked", w.alter(1, true, changeOf(2, "t", "retention.ms=4"), changeOf(2, "t2", "retention.ms=4")), "ok\n3 The topic 't2' does not exist.")
	if len(w.asked) != before || w.img.Topic("t").Configs["retention.ms"] != "1" {
		t.Error("a question changed something")
	}
	clear := changeOf(2, "t", "retention.ms=2")
	clear.Configs[0].Op = kmsg.IncrementalAlterConfigOp(meta.ConfigClear)
	if got := w.alter(1, false, clear); got != "42 Unknown operations type 101" {
		t.Error("a client cleared a topic's settings: " + got)
	}
}

// What a request may hold is bounded, and what the metadata log cannot take is answered.
func TestAlterConfigsLimits(t *testing.T) {
	w := newWorld(t, 1, nil)
	w.topic("t", []int32{1})
	many := changeOf(2, "t")
	for i := range meta.MaxConfigOps + 1 {
		many.Configs = append(many.Configs, changeOf(2, "t", fmt.Sprintf("-k%d", i)).Configs...)
	}
	expect(t, "too many", w.alter(1, false, many), "44 Unable to perform excessively large batch operation.")
	long := strings.Repeat("x", meta.MaxConfigText+1)
	for _, c := range []kmsg.IncrementalAlterConfigsRequestResource{changeOf(2, "t", "retention.ms="+long), changeOf(4, "", "k="+long), changeOf(32, "g", long+"=1")} {
		if got := w.alter(1, false, c); !strings.HasPrefix(got, "40 ") || !strings.Contains(got, "is longer than 32767 bytes") || len(got) > 300 {
			t.Errorf("%.400s", got)
		}
	}
	w.down = true
	req := kmsg.NewPtrIncrementalAlterConfigsRequest()
	req.Resources = []kmsg.IncrementalAlterConfigsRequestResource{changeOf(2, "t", "retention.ms=5"), changeOf(9, "")}
	f := w.begin(1, req)
	w.refuseHeld(code.NotLeaderForPartition)
	resp := f.resp.(encoded).Response.(*kmsg.IncrementalAlterConfigsResponse)
	if resp.Resources[0].ErrorCode != int16(code.NotController) || resp.Resources[1].ErrorCode != int16(code.InvalidRequest) {
		t.Errorf("%+v", resp)
	}
}

func TestAlterBrokerConfigs(t *testing.T) {
	w := newWorld(t, 2, map[string]string{"num.io.threads": "4"})
	f := func(name, want string, ops ...string) {
		t.Helper()
		expect(t, fmt.Sprint(name, ops), w.alter(1, false, changeOf(4, name, ops...)), want)
	}
	f("1", "ok", "log.retention.ms=5", "un.known=1")
	f("", "ok", "log.retention.ms=6")
	f("+01", "ok", "log.roll.ms=7")
	expect(t, "own before all", w.configsOf(1, 4, "1", "log.retention.ms", "log.roll.ms"), "log.retention.ms=5/2 <log.retention.ms=5/2 <log.retention.ms=6/3 <log.retention.hours=168/5\n"+
		"log.roll.ms=7/2 <log.roll.ms=7/2 <log.roll.hours=168/5")
	f("2", "42 Unexpected broker id, expected 1, but received 2", "log.retention.ms=5")
	f("x", "42 Node id must be an integer, but it is: x", "log.retention.ms=5")
	f("1", "42 Cannot update these configs dynamically: [num.partitions]", "num.partitions=2", "log.retention.ms=7")
	f("1", "42 Dynamic thread count update validation failed for num.io.threads=9, value should not be greater than double the current value 4", "num.io.threads=9")
	f("1", "ok", "num.io.threads=8")
	f("1", "42 Dynamic thread count update validation failed for num.io.threads=3, value should be at least half the current value 8", "num.io.threads=3")
	f("", "42 Cannot update these configs at default cluster level, broker id must be specified: [listener.name.a.ssl.protocol, ssl.protocol]", "ssl.protocol=x", "listener.name.a.ssl.protocol=x")
	f("", "ok", "listener.name.a.max.connections=5")
	f("1", "42 These security configs can be dynamically updated only per-listener using the listener prefix: [ssl.key.password]", "ssl.key.password=x")
	f("1", "40 Broker-level min.insync.replicas cannot be altered while ELR is enabled.", "min.insync.replicas=2")
	f("1", "42 Invalid value nonsense for configuration metric.reporters: Class nonsense could not be found.", "metric.reporters=nonsense")
	f("1", "42 requirement failed: max.connections.per.ip can be set to zero only if max.connections.per.ip.overrides property is set.", "max.connections.per.ip=0")
	f("1", "ok", "max.connections.per.ip=0", "max.connections.per.ip.overrides=127.0.0.1:5,[::1]:7")
	f("1", `42 Error parsing configuration property 'max.connections.per.ip.overrides': "localhost" is not an address`, "max.connections.per.ip.overrides=localhost:5")
	f("1", "42 listeners cannot be altered while the broker runs: change it at start, with --listen and --advertise", "listeners=PLAINTEXT://127.0.0.1:1")
	f("1", "40 Unknown config name: nonsense", "nonsense+=1")
	f("1", "40 Config value append is not allowed for config key: log.retention.ms", "log.retention.ms+=1")
	f("1", "ok", "log.cleanup.policy+=compact")
	expect(t, "appended to the default", w.configsOf(1, 4, "1", "log.cleanup.policy"), "log.cleanup.policy=delete,compact/2 <log.cleanup.policy=delete,compact/2 <log.cleanup.policy=delete/5")
	f("1", "ok", "-num.partitions", "-log.cleanup.policy")
}

// Unknown settings of a broker may be a plug-in's, and are kept; but not without end.
func TestUnknownBrokerConfigsAreBounded(t *testing.T) {
	w := newWorld(t, 1, nil)
	change := changeOf(4, "")
	for i := range meta.MaxConfigsOfResource {
		change.Configs = append(change.Configs, changeOf(4, "", fmt.Sprintf("k%d=v", i)).Configs...)
	}
	expect(t, "many", w.alter(1, false, change), "ok")
	expect(t, "one more", w.alter(1, false, changeOf(4, "", "more=1")), "44 More than 1000 settings of a broker are not known here.")
	expect(t, "known ones", w.alter(1, false, changeOf(4, "", "log.retention.ms=5", "-k0")), "ok")
}

func TestAlterLogLevels(t *testing.T) {
	w := newWorld(t, 1, nil)
	f := func(name, want string, ops ...string) {
		t.Helper()
		expect(t, fmt.Sprint(name, ops), w.alter(1, false, changeOf(8, name, ops...)), want)
	}
	f("1", "42 The log level of this broker is fixed.", "root=DEBUG")
	w.env.LogLevel = &slog.LevelVar{}
	for _, name := range []string{"TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"} {
		f("1", "ok", "root="+name)
		expect(t, name, w.configsOf(1, 8, "1"), "root="+name+"/6")
	}
	f("1", "ok", "root=DEBUG")
	if w.env.LogLevel.Level() != slog.LevelDebug {
		t.Error("the level did not change")
	}
	const levels = " as it is not a supported log level. Valid log levels are DEBUG, ERROR, FATAL, INFO, TRACE, WARN"
	f("1", "40 Cannot set the log level of root to info"+levels, "root=info")
	f("1", "42 Removing the log level of the root logger is not allowed", "-root")
	f("1", "40 Logger kafka.server does not exist!", "root=INFO", "kafka.server=INFO")
	f("1", "42 APPEND operation is not allowed for the BROKER_LOGGER resource", "root+=INFO")
	f("2", "42 Unexpected node id. Expected 1, but received 2", "root=INFO")
	f("", "42 Node id must be an integer, but it is: ", "root=INFO")
	expect(t, "only asked", w.alter(1, true, changeOf(8, "1", "root=INFO")), "ok")
	if w.env.LogLevel.Level() != slog.LevelDebug || len(w.asked) != 0 {
		t.Error("a refused change, or a question, changed the level")
	}
	expect(t, "described", w.configsOf(4, 8, ""), "42 Broker id must not be empty")
	expect(t, "described", w.configsOf(4, 8, "2"), "42 Unexpected broker id, expected 1 but received 2")
	expect(t, "described", w.configsOf(4, 8, "1", "nonsense"), "")
}

func TestAlterGroupsAndClientMetrics(t *testing.T) {
	w := newWorld(t, 1, map[string]string{"group.consumer.max.session.timeout.ms": "50000", "group.share.session.timeout.ms": "46000"})
	group := func(want string, ops ...string) {
		t.Helper()
		expect(t, fmt.Sprint(ops), w.alter(1, false, changeOf(32, "g", ops...)), want)
	}
	group("ok", "consumer.session.timeout.ms=50000", "share.auto.offset.reset=by_duration:P1DT2.5S")
	group("40 consumer.session.timeout.ms must be less than or equal to group.consumer.max.session.timeout.ms", "consumer.session.timeout.ms=50001")
	group("40 Unknown group config name: nonsense", "nonsense=1")
	group("40 Can't APPEND to key consumer.session.timeout.ms because its type is not LIST.", "consumer.session.timeout.ms+=5")
	expect(t, "no name", w.alter(1, false, changeOf(32, "", "consumer.session.timeout.ms=50000")), "42 Default group resources are not allowed.")
	for _, wrong := range []string{"by_duration:P", "by_duration:PT", "by_duration:P1DT", "by_duration:", "by_duration:-PT1S", "Latest"} {
		if got := w.alter(1, false, changeOf(32, "g", "share.auto.offset.reset="+wrong)); !strings.HasPrefix(got, "40 Invalid value "+wrong) {
			t.Errorf("%s: %s", wrong, got)
		}
	}
	expect(t, "shown", w.configsOf(4, 32, "g", "consumer.session.timeout.ms", "share.session.timeout.ms", "share.auto.offset.reset"),
		"consumer.session.timeout.ms=50000/8 <consumer.session.timeout.ms=50000/8 <group.consumer.session.timeout.ms=45000/5\n"+
			"share.auto.offset.reset=by_duration:P1DT2.5S/8 <share.auto.offset.reset=by_duration:P1DT2.5S/8 <share.auto.offset.reset=latest/5\n"+
			"share.session.timeout.ms=46000/4 <group.share.session.timeout.ms=46000/4 <group.share.session.timeout.ms=45000/5")
	if got := strings.Count(w.configsOf(4, 32, "another"), "\n") + 1; got != len(meta.GroupConfigKeys()) {
		t.Errorf("%d settings of a group that nobody knows", got)
	}

	metrics := func(want string, ops ...string) {
		t.Helper()
		expect(t, fmt.Sprint(ops), w.alter(1, false, changeOf(16, "m", ops...)), want)
	}
	metrics("ok", "metrics=a,b,a", "match=client_id=x.*,client_software_name= y")
	metrics("40 Configuration 'metrics' values must not be empty.", "metrics=a,,b")
	metrics("42 Invalid value 99 for interval.ms, interval must be between 100 and 3600000 (1 hour)", "interval.ms=99")
	for _, wrong := range []string{"x", "x=y", "client_id=[", "client_id=a=b", "client_id="} {
		metrics("40 Illegal client matching pattern: "+wrong, "match="+wrong)
	}
	metrics("42 Unknown client metrics configuration: nonsense", "nonsense=1")
	metrics("40 Can't APPEND to key metrics because its type is not LIST.", "metrics+=c")
	expect(t, "no name", w.alter(1, false, changeOf(16, "", "metrics=a")), "42 Subscription name can't be empty")
	expect(t, "shown", w.configsOf(4, 16, "m"), "interval.ms=300000/5\nmatch=client_id=x.*,client_software_name= y/7 <match=client_id=x.*,client_software_name= y/7\n"+
		"metrics=a,b/7 <metrics=a,b/7")
	expect(t, "no name", w.configsOf(4, 16, ""), "42 Client metrics subscription name must not be empty")
	expect(t, "no name", w.configsOf(4, 32, ""), "42 Group name must not be empty")

	expect(t, "listed", w.resources(0), "16 m")
	expect(t, "listed", w.resources(1, 32), "32 g")
	group("ok", "-consumer.session.timeout.ms", "-share.auto.offset.reset")
	expect(t, "no settings, no resource", w.resources(1, 32), "")
}

// AlterConfigs replaces all settings of a resource.
func TestReplaceConfigs(t *testing.T) {
	w := newWorld(t, 1, nil)
	w.topic("t", []int32{1})
	f := func(kind kmsg.ConfigResourceType, name, want string, ops ...string) {
		t.Helper()
		for v := int16(0); v <= 2; v++ {
			req := kmsg.NewPtrAlterConfigsRequest()
			r := kmsg.NewAlterConfigsRequestResource()
			r.ResourceType, r.ResourceName = kind, name
			for _, x := range changeOf(kind, name, ops...).Configs {
				r.Configs = append(r.Configs, kmsg.AlterConfigsRequestResourceConfig{Name: x.Name, Value: x.Value})
			}
			req.Resources = append(req.Resources, r)
			x := w.ask(v, req).(*kmsg.AlterConfigsResponse).Resources[0]
			expect(t, fmt.Sprint(name, ops), answered(x.ErrorCode, x.ErrorMessage), want)
		}
	}
	f(2, "t", "ok", "retention.ms=5", "segment.ms=6")
	f(2, "t", "ok", "segment.ms=7")
	f(2, "t", "40 Invalid value x for configuration retention.ms: Not a number of type LONG", "retention.ms=x")
	if got := w.img.Topic("t").Configs; len(got) != 1 || got["segment.ms"] != "7" {
		t.Errorf("%v", got)
	}
	f(2, "t", "42 Null value not supported for : retention.ms", "retention.ms!")
	f(2, "none", "3 The topic 'none' does not exist.")
	f(4, "1", "ok", "log.retention.ms=5", "log.roll.ms=6")
	f(4, "1", "ok", "log.roll.ms=7")
	f(4, "1", "42 Cannot update these configs dynamically: [num.partitions]", "num.partitions=7")
	if got := w.img.BrokerConfigs("1"); len(got) != 1 || got["log.roll.ms"] != "7" {
		t.Errorf("%v", got)
	}
	f(8, "1", "42 Unknown resource type 8", "root=INFO")
	f(2, "t", "ok")
	if got := w.img.Topic("t").Configs; len(got) != 0 {
		t.Errorf("%v", got)
	}
}

// resources lists the resources of some kinds, one a line.
func (w *world) resources(version int16, kinds ...int8) string {
	w.t.Helper()
	req := kmsg.NewPtrListConfigResourcesRequest()
	req.ResourceTypes = kinds
	resp := w.ask(version, req).(*kmsg.ListConfigResourcesResponse)
	if resp.ErrorCode != 0 {
		return fmt.Sprint("error ", resp.ErrorCode)
	}
	var out []string
	for _, r := range resp.ConfigResources {
		kind := r.Type
		if version == 0 {
			kind = 16
		}
		out = append(out, fmt.Sprint(kind, " ", r.Name))
	}
	return strings.Join(out, "\n")
}

func TestListConfigResources(t *testing.T) {
	w := newWorld(t, 2, nil)
	w.topic("t", []int32{1})
	expect(t, "nothing", w.resources(0), "")
	expect(t, "all", w.resources(1), "2 t\n4 1\n4 2\n8 1\n8 2")
	expect(t, "some", w.resources(1, 4, 2, 4), "2 t\n4 1\n4 2")
	for _, kind := range []int8{0, 1, 3, 64, -1} {
		expect(t, fmt.Sprint("kind ", kind), w.resources(1, 2, kind), "error 35")
	}
}

func goldenConfigs(req kmsg.Request) kmsg.Request {
	switch req := req.(type) {
	case *kmsg.IncrementalAlterConfigsRequest:
		req.Resources = []kmsg.IncrementalAlterConfigsRequestResource{changeOf(2, "a", "retention.ms=5", "-segment.ms", "cleanup.policy+=compact"),
			changeOf(2, "nope", "retention.ms=5"), changeOf(4, "1", "num.partitions=2"), changeOf(4, "", "log.retention.ms=5")}
	case *kmsg.AlterConfigsRequest:
		for _, c := range []kmsg.IncrementalAlterConfigsRequestResource{changeOf(2, "a", "retention.ms=5"), changeOf(2, "nope"), changeOf(4, "1", "log.roll.ms!")} {
			r := kmsg.AlterConfigsRequestResource{ResourceType: c.ResourceType, ResourceName: c.ResourceName}
			for _, x := range c.Configs {
				r.Configs = append(r.Configs, kmsg.AlterConfigsRequestResourceConfig{Name: x.Name, Value: x.Value})
			}
			req.Resources = append(req.Resources, r)
		}
	case *kmsg.ListConfigResourcesRequest:
		req.ResourceTypes = []int8{2, 4}
	}
	return req
}
