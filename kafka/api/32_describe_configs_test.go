package api

import (
	"fmt"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"troupe/actors/meta"
	"troupe/kafka/code"
)

// configsOf asks for one resource and writes its answer: the error, or each setting with its synonyms.
func (w *world) configsOf(version int16, kind kmsg.ConfigResourceType, name string, keys ...string) string {
	w.t.Helper()
	req := kmsg.NewPtrDescribeConfigsRequest()
	req.IncludeSynonyms, req.IncludeDocumentation = true, true
	r := kmsg.NewDescribeConfigsRequestResource()
	r.ResourceType, r.ResourceName, r.ConfigNames = kind, name, keys
	req.Resources = append(req.Resources, r)
	x := w.ask(version, req).(*kmsg.DescribeConfigsResponse).Resources[0]
	if x.ResourceType != kind || x.ResourceName != name || x.ErrorMessage == nil {
		w.t.Errorf("%+v", x)
	}
	if x.ErrorCode != 0 {
		return fmt.Sprintf("%d %s", x.ErrorCode, *x.ErrorMessage)
	}
	var out []string
	for _, c := range x.Configs {
		s := fmt.Sprintf("%s=%s/%d", c.Name, orNull(c.Value), int8(c.Source))
		if c.ReadOnly {
			s += " fixed"
		}
		if c.IsSensitive {
			s += " secret"
		}
		if version >= 3 && c.Documentation == nil {
			s += " undocumented"
		}
		for _, y := range c.ConfigSynonyms {
			s += fmt.Sprintf(" <%s=%s/%d", y.Name, orNull(y.Value), int8(y.Source))
		}
		out = append(out, s)
	}
	return strings.Join(out, "\n")
}

func orNull(s *string) string {
	if s == nil {
		return "null"
	}
	return *s
}

func (w *world) alterBroker(id string, pairs ...string) {
	w.t.Helper()
	x := meta.AlterResource{Type: meta.BrokerResource, Name: id}
	for i := 0; i < len(pairs); i += 2 {
		x.Ops = append(x.Ops, meta.AlterOp{Op: meta.ConfigSet, Key: pairs[i], Value: pairs[i+1]})
	}
	r := w.apply(meta.IncrementalAlterConfigs{Resources: []meta.AlterResource{x}})
	if y := r.Value.([]meta.ConfigResult)[0]; y.Code != code.OK {
		w.t.Fatalf("%v: %v %s", pairs, y.Code, y.Message)
	}
}

func TestDescribeTopicConfigs(t *testing.T) {
	w := newWorld(t, 3, map[string]string{"message.max.bytes": "2000", "log.retention.hours": "1"})
	w.topic("t", []int32{1, 2, 3})
	w.apply(meta.IncrementalAlterConfigs{Resources: []meta.AlterResource{{Type: meta.TopicResource, Name: "t", Ops: []meta.AlterOp{
		{Op: meta.ConfigSet, Key: "cleanup.policy", Value: " delete , compact"}}}}})
	for v := int16(1); v <= 4; v++ {
		if got := strings.Count(w.configsOf(v, 2, "t"), "\n") + 1; got != len(meta.TopicConfigKeys()) {
			t.Errorf("v%d: %d settings", v, got)
		}
		expect(t, fmt.Sprint("v", v), w.configsOf(v, 2, "t", "cleanup.policy", "max.message.bytes", "none", "retention.ms", "flush.ms", "cleanup.policy"),
			"cleanup.policy=delete,compact/1 <cleanup.policy=delete,compact/1 <log.cleanup.policy=delete/5\n"+
				"flush.ms=9223372036854775807/5\n"+
				"max.message.bytes=2000/4 <message.max.bytes=2000/4 <message.max.bytes=1048588/5\n"+
				"retention.ms=3600000/5")
		expect(t, "nothing known", w.configsOf(v, 2, "t", "none"), "")
		expect(t, "unknown", w.configsOf(v, 2, "none"), "3 ")
		if got := w.configsOf(v, 2, "a/b"); !strings.HasPrefix(got, "17 Topic name is invalid: ") || strings.Count(got, "invalid") != 1 {
			t.Error(got)
		}
	}
	w.alterBroker("", "min.insync.replicas", "2")
	expect(t, "dynamic default", w.configsOf(4, 2, "t", "min.insync.replicas"), "min.insync.replicas=2/3 <min.insync.replicas=2/3 <min.insync.replicas=1/5")
}

func TestDescribeBrokerConfigs(t *testing.T) {
	w := newWorld(t, 2, map[string]string{"num.partitions": " 04", "ssl.key.password": "hush", "listener.name.inner.max.connections": "9"})
	w.alterBroker("", "log.retention.ms", " 6000", "un.known", "hush", "leader.replication.throttled.rate", "100")
	w.alterBroker("1", "log.retention.ms", " 5000", "listener.name.inner.ssl.key.password", "hush")
	for v := int16(1); v <= 4; v++ {
		expect(t, fmt.Sprint("own, v", v), strings.ReplaceAll(w.configsOf(v, 4, "1", "num.partitions", "ssl.key.password", "log.retention.ms", "un.known", "broker.rack",
			"leader.replication.throttled.rate", "follower.replication.throttled.rate", "listener.name.inner.max.connections", "default.replication.factor"), " undocumented", ""),
			"broker.rack=null/5 fixed\n"+
				"default.replication.factor=2/5 fixed <default.replication.factor=2/5\n"+
				"leader.replication.throttled.rate=100/3 <leader.replication.throttled.rate=100/3\n"+
				"listener.name.inner.max.connections=9/4 fixed <listener.name.inner.max.connections=9/4 <max.connections=2147483647/5\n"+
				"log.retention.ms=5000/2 <log.retention.ms= 5000/2 <log.retention.ms= 6000/3 <log.retention.hours=168/5\n"+
				"num.partitions=4/4 fixed <num.partitions= 04/4 <num.partitions=1/5\n"+
				"ssl.key.password=null/4 secret <ssl.key.password=null/4\n"+
				"un.known=null/3 fixed secret <un.known=null/3")
		expect(t, "all brokers", w.configsOf(v, 4, "", "log.retention.ms", "un.known", "num.partitions"),
			strings.ReplaceAll("log.retention.ms= 6000/3 <log.retention.ms= 6000/3\nun.known=null/3 fixed secret@ <un.known=null/3", "@", map[bool]string{true: " undocumented"}[v >= 3]))
		expect(t, "other", w.configsOf(v, 4, "2"), "42 Unexpected broker id, expected 1 or empty string, but received 2")
		expect(t, "no number", w.configsOf(v, 4, "x"), "42 Broker id must be an integer, but it is: x")
		for _, kind := range []kmsg.ConfigResourceType{-1, 0, 1, 3, 64} {
			expect(t, fmt.Sprint("kind ", kind), w.configsOf(v, kind, "1"), fmt.Sprint("42 Unknown resource type ", int8(kind)))
		}
	}
	all := "\n" + w.configsOf(4, 4, "1")
	for _, key := range meta.BrokerConfigKeys() {
		set := key != "follower.replication.throttled.rate" && key != "replica.alter.log.dirs.io.max.bytes.per.second"
		if strings.Contains(all, "\n"+key+"=") != set {
			t.Errorf("%s: shown is %v", key, !set)
		}
	}
	if strings.Contains(all, "hush") {
		t.Error("a secret is shown")
	}
}

// What is not asked for is not there, and a resource that is named twice is answered twice.
func TestDescribeConfigsPlain(t *testing.T) {
	w := newWorld(t, 1, nil)
	w.topic("t", []int32{1})
	req := kmsg.NewPtrDescribeConfigsRequest()
	for range 2 {
		req.Resources = append(req.Resources, kmsg.DescribeConfigsRequestResource{ResourceType: 2, ResourceName: "t", ConfigNames: []string{}})
	}
	x := w.ask(4, req).(*kmsg.DescribeConfigsResponse)
	if len(x.Resources) != 2 {
		t.Fatalf("%+v", x)
	}
	for _, r := range x.Resources {
		if len(r.Configs) != len(meta.TopicConfigKeys()) {
			t.Errorf("%d settings", len(r.Configs))
		}
		for _, c := range r.Configs {
			if len(c.ConfigSynonyms) != 0 || c.Documentation != nil {
				t.Errorf("%+v", c)
			}
		}
	}
}

// A kind of resource that nobody knows refuses the whole request.
func TestDescribeConfigsOfStrangeKinds(t *testing.T) {
	w := newWorld(t, 1, nil)
	w.topic("t", []int32{1})
	req := kmsg.NewPtrDescribeConfigsRequest()
	req.Resources = []kmsg.DescribeConfigsRequestResource{{ResourceType: 2, ResourceName: "t"}, {ResourceType: 3, ResourceName: "x"}, {ResourceType: 4, ResourceName: "9"}}
	x := w.ask(4, req).(*kmsg.DescribeConfigsResponse)
	if len(x.Resources) != 3 {
		t.Fatalf("%+v", x)
	}
	for _, r := range x.Resources {
		if r.ErrorCode != int16(code.InvalidRequest) || len(r.Configs) != 0 {
			t.Errorf("%+v", r)
		}
	}
}

// A small request cannot make an answer larger than the cluster, but for a bounded number of repetitions.
func TestDescribeConfigsRepeated(t *testing.T) {
	w := newWorld(t, 1, nil)
	w.topic("t", []int32{1})
	for _, r := range []kmsg.DescribeConfigsRequestResource{{ResourceType: 2, ResourceName: "t"}, {ResourceType: 4, ResourceName: "1"}, {ResourceType: 4}} {
		req := kmsg.NewPtrDescribeConfigsRequest()
		for range maxRepeatedResources + 2 {
			r.ConfigNames = []string{"segment.ms"}
			req.Resources = append(req.Resources, r)
		}
		x := w.ask(4, req).(*kmsg.DescribeConfigsResponse).Resources
		if n := len(x); n != maxRepeatedResources+2 || x[n-2].ErrorCode != 0 || x[n-1].ErrorCode != int16(code.PolicyViolation) || len(x[n-1].Configs) != 0 {
			t.Errorf("%d %q: %d answers, %+v", r.ResourceType, r.ResourceName, n, x[n-1])
		}
	}
}
