package api

import (
	"fmt"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"troupe/actors/meta"
	"troupe/kafka/code"
)

// newTopic is a topic to create; configs are pairs of key and value.
func newTopic(name string, partitions int32, rf int16, configs ...string) kmsg.CreateTopicsRequestTopic {
	t := kmsg.NewCreateTopicsRequestTopic()
	t.Topic, t.NumPartitions, t.ReplicationFactor = name, partitions, rf
	for i := 0; i < len(configs); i += 2 {
		t.Configs = append(t.Configs, kmsg.CreateTopicsRequestTopicConfig{Name: configs[i], Value: &configs[i+1]})
	}
	return t
}

// assigned is a topic to create with replicas chosen by the client.
func assigned(t kmsg.CreateTopicsRequestTopic, first int32, replicas ...[]int32) kmsg.CreateTopicsRequestTopic {
	for i, r := range replicas {
		t.ReplicaAssignment = append(t.ReplicaAssignment, kmsg.CreateTopicsRequestTopicReplicaAssignment{Partition: first + int32(i), Replicas: r})
	}
	return t
}

func (w *world) create(version int16, topics ...kmsg.CreateTopicsRequestTopic) *kmsg.CreateTopicsResponse {
	w.t.Helper()
	r := kmsg.NewPtrCreateTopicsRequest()
	r.Topics = topics
	return w.ask(version, r).(*kmsg.CreateTopicsResponse)
}

// created is the answer in short: name:code(partitions×replicas).
func created(resp *kmsg.CreateTopicsResponse) string {
	var out []string
	for _, t := range resp.Topics {
		out = append(out, fmt.Sprintf("%s:%d(%dx%d)", t.Topic, t.ErrorCode, t.NumPartitions, t.ReplicationFactor))
	}
	return strings.Join(out, " ")
}

func TestCreateTopicsEveryVersion(t *testing.T) {
	w := newWorld(t, 3, map[string]string{"num.partitions": "4", "log.retention.hours": "1"})
	for v := int16(2); v <= 7; v++ {
		name := fmt.Sprint("t", v)
		resp := w.create(v, newTopic(name, -1, -1), newTopic(name+"b", 2, 1, "max.message.bytes", "5"))
		want := fmt.Sprintf("%s:0(4x3) %sb:0(2x1)", name, name)
		if v < 5 {
			want = fmt.Sprintf("%s:0(-1x-1) %sb:0(-1x-1)", name, name)
		}
		expect(t, fmt.Sprint("v", v), created(resp), want)
		top := w.img.Topic(name)
		if top == nil || !top.RFAuto || !top.MinISRAuto || w.img.Topic(name+"b").RFAuto {
			t.Fatalf("v%d: %+v", v, top)
		}
		if (resp.Topics[0].TopicID == top.ID) != (v >= 7) || resp.Topics[0].ErrorMessage != nil {
			t.Errorf("v%d: %+v", v, resp.Topics[0])
		}
		if (len(resp.Topics[0].Configs) == len(meta.TopicConfigKeys())) != (v >= 5) {
			t.Errorf("v%d: %d configs", v, len(resp.Topics[0].Configs))
		}
		for _, x := range resp.Topics[1].Configs {
			want := map[string]string{"max.message.bytes": "5 1", "retention.ms": "3600000 4", "min.insync.replicas": "1 5"}[x.Name]
			if want != "" {
				expect(t, x.Name, fmt.Sprint(*x.Value, " ", x.Source), want)
			}
		}
		for _, x := range resp.Topics[0].Configs {
			if x.Name == "min.insync.replicas" && *x.Value != "2" {
				t.Errorf("min.insync.replicas %s of an automatic topic with 3 replicas", *x.Value)
			}
		}
	}
}

func TestCreateTopicsErrors(t *testing.T) {
	w := newWorld(t, 2, nil)
	w.topic("have", []int32{1})
	w.topic("dot.ted", []int32{1})
	f := func(want string, topics ...kmsg.CreateTopicsRequestTopic) {
		t.Helper()
		resp := w.create(7, topics...)
		got := ""
		for _, x := range resp.Topics {
			got += fmt.Sprintf("%.12s:%d ", x.Topic, x.ErrorCode)
			if (x.ErrorCode == 0) != (x.ErrorMessage == nil) || x.Configs == nil || x.ErrorCode != 0 && (x.TopicID != [16]byte{} || x.NumPartitions != -1 || x.ReplicationFactor != -1) {
				t.Errorf("%s: %+v", x.Topic, x)
			}
		}
		expect(t, "codes", strings.TrimSpace(got), want)
	}
	f("ok1:0 twice:42", newTopic("twice", 1, 1), newTopic("ok1", 1, 1), newTopic("twice", 2, 1), newTopic("twice", 2, 1))
	f("have:36 dot_ted:17", newTopic("have", 0, 1), newTopic("dot_ted", 1, 1))
	f("x.y:0 x_y:17", newTopic("x.y", 1, 1), newTopic("x_y", 1, 1))
	f(":17 ..:17 a/b:17 nnnnnnnnnnnn:17 __cluster_me:42", newTopic("", 1, 1), newTopic("..", 1, 1), newTopic("a/b", 1, 1),
		newTopic(strings.Repeat("n", 250), 1, 1), newTopic("__cluster_metadata", 1, 1))
	f("c1:37 c2:37 c3:38 c4:38 c5:38 c6:38", newTopic("c1", 0, 1), newTopic("c2", -2, 1), newTopic("c3", 1, 0), newTopic("c4", 1, -2), newTopic("c5", 1, 3), newTopic("c6", 0, 0))
	null := newTopic("f3", 1, 1)
	null.Configs = []kmsg.CreateTopicsRequestTopicConfig{{Name: "retention.ms"}}
	f("f1:40 f2:40 f3:40 f4:0 f5:0 f6:40", newTopic("f1", 0, 1, "nope", "1"), newTopic("f2", 1, 1, "retention.ms", "x"), null,
		newTopic("f4", 1, 1, "retention.ms", "1", "retention.ms", "2"), newTopic("f5", 1, 1, "cleanup.policy", ""), newTopic("f6", 1, 1, "segment.bytes", "1048575"))
	expect(t, "a setting given twice", w.img.Topic("f4").Configs["retention.ms"], "2")
	f("a1:42 a2:42 a3:39 a4:39 a5:39 a6:39 a7:39 a8:39 a9:0", assigned(newTopic("a1", 1, -1), 0, []int32{1}), assigned(newTopic("a2", -1, 1), 0, []int32{1}),
		assigned(newTopic("a3", -1, -1), 1, []int32{1}), assigned(newTopic("a4", -1, -1), 0, []int32{9}), assigned(newTopic("a5", -1, -1), 0, []int32{1, 1}),
		assigned(newTopic("a6", -1, -1), 0, []int32{}), assigned(assigned(newTopic("a7", -1, -1), 0, []int32{1}), 0, []int32{1}),
		assigned(newTopic("a8", -1, -1), 0, []int32{1}, []int32{1, 2}), assigned(newTopic("a9", -1, -1), 0, []int32{2, 1}, []int32{1, 2}))
	if p := w.img.Topic("a9").Partitions; len(p) != 2 || p[0].Leader != 2 || p[1].Leader != 1 {
		t.Errorf("chosen replicas: %+v", p)
	}
	f("m1:44 m2:44 m3:44", newTopic("m1", 9999, 1), newTopic("m2", 2, 1), newTopic("m3", 0, 1))
	f("m4:44", newTopic("m4", 10000, 1))
	f("", []kmsg.CreateTopicsRequestTopic{}...)
	f("__consumer_o:0", newTopic("__consumer_offsets", 1, 1))
	if !w.img.Topic("__consumer_offsets").Internal {
		t.Error("not internal")
	}
}

func TestCreateTopicsWithoutLeaderOrTime(t *testing.T) {
	w := newWorld(t, 1, nil)
	r := kmsg.NewPtrCreateTopicsRequest()
	r.Topics = []kmsg.CreateTopicsRequestTopic{newTopic("a", 1, 1), newTopic("b", 0, 1), newTopic("a", 1, 1)}
	for _, ms := range []int32{0, -1} {
		r.TimeoutMillis = ms
		expect(t, "no time", created(w.ask(7, r).(*kmsg.CreateTopicsResponse)), "a:7(-1x-1) b:7(-1x-1) a:7(-1x-1)")
		twice := *r
		twice.Topics = []kmsg.CreateTopicsRequestTopic{newTopic("a", 1, 1), newTopic("a", 1, 1), newTopic("__cluster_metadata", 1, 1)}
		expect(t, "no time, and nothing that needs any", created(w.ask(7, &twice).(*kmsg.CreateTopicsResponse)), "__cluster_metadata:42(-1x-1) a:42(-1x-1)")
	}
	r.TimeoutMillis, r.Topics = 5, r.Topics[:2]
	for e, want := range map[code.Code]string{code.RequestTimedOut: "a:7(-1x-1) b:37(-1x-1)", code.CoordinatorNotAvailable: "a:41(-1x-1) b:37(-1x-1)"} {
		w.down = true
		f := w.begin(7, r)
		if ms := w.held[0].Timeout.Milliseconds(); ms != 5 {
			t.Errorf("%d ms", ms)
		}
		w.refuseHeld(e)
		expect(t, "refused", created(f.answer().(*kmsg.CreateTopicsResponse)), want)
	}
}

func TestCreateTopicsValidateOnly(t *testing.T) {
	w := newWorld(t, 1, nil)
	r := kmsg.NewPtrCreateTopicsRequest()
	r.Topics = []kmsg.CreateTopicsRequestTopic{newTopic("a", 3, -1, "retention.ms", "7"), newTopic("b", 0, 1)}
	r.ValidateOnly = true
	resp := w.ask(7, r).(*kmsg.CreateTopicsResponse)
	expect(t, "answer", created(resp), "a:0(3x1) b:37(-1x-1)")
	if len(w.asked) != 0 || len(resp.Topics[0].Configs) == 0 {
		t.Errorf("%d proposals, %d settings", len(w.asked), len(resp.Topics[0].Configs))
	}
}

// Another broker makes the topic between the plan and the commit.
func TestCreateTopicsRace(t *testing.T) {
	w := newWorld(t, 1, nil)
	w.down = true
	r := kmsg.NewPtrCreateTopicsRequest()
	r.Topics = []kmsg.CreateTopicsRequestTopic{newTopic("a", 1, 1), newTopic("b", 1, 1)}
	f := w.begin(7, r)
	w.topic("a", []int32{1})
	w.down = false
	w.metadata(w.held[0])
	w.run()
	expect(t, "answer", created(f.answer().(*kmsg.CreateTopicsResponse)), "a:36(-1x-1) b:0(1x1)")
}

func TestNewTopicID(t *testing.T) {
	w := newWorld(t, 1, nil)
	for range 1000 {
		id := newTopicID(worldContext{w, nil})
		if id[6]>>4 != 4 || id[8]>>6 != 2 || id.String()[0] == '-' {
			t.Fatalf("%x %s", id, id)
		}
	}
}
