package api

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"troupe/actors/kit"
	"troupe/actors/meta"
	"troupe/kafka/code"
)

// metadataOf asks for topics by name.
func metadataOf(names ...string) *kmsg.MetadataRequest {
	r := kmsg.NewPtrMetadataRequest()
	r.Topics = []kmsg.MetadataRequestTopic{}
	for _, n := range names {
		r.Topics = append(r.Topics, kmsg.MetadataRequestTopic{Topic: &n})
	}
	return r
}

// topicsShown is the answer's topics in short: name:code[partition:code=leader/replicas/isr/offline].
func topicsShown(resp *kmsg.MetadataResponse) string {
	var b strings.Builder
	for _, t := range resp.Topics {
		name := "null"
		if t.Topic != nil {
			name = *t.Topic
		}
		fmt.Fprintf(&b, "%s:%d[", name, t.ErrorCode)
		for _, p := range t.Partitions {
			fmt.Fprintf(&b, "%d:%d=%d%v%v%v", p.Partition, p.ErrorCode, p.Leader, p.Replicas, p.ISR, p.OfflineReplicas)
		}
		b.WriteString("] ")
	}
	return strings.TrimSpace(b.String())
}

func (w *world) metadataFor(version int16, r *kmsg.MetadataRequest) *kmsg.MetadataResponse {
	w.t.Helper()
	return w.ask(version, r).(*kmsg.MetadataResponse)
}

func TestMetadataEveryVersion(t *testing.T) {
	w := newWorld(t, 3, nil)
	w.topic("b", []int32{1, 2})
	w.topic("a", []int32{1, 3}, []int32{3, 1})
	w.apply(meta.FenceBroker{BrokerID: 3, BrokerEpoch: w.img.Broker(3).Epoch})
	for v := int16(0); v <= 13; v++ {
		r := kmsg.NewPtrMetadataRequest() // all
		resp := w.metadataFor(v, r)
		want := "a:0[0:0=1[1 3][1][3]1:0=1[3 1][1][3]] b:0[0:0=1[1 2][1 2][]]"
		switch {
		case v == 0:
			want = "a:0[0:9=1[1][1][]1:9=1[1][1][]] b:0[0:0=1[1 2][1 2][]]"
		case v < 5:
			want = strings.ReplaceAll(want, "[3]", "[]")
		}
		expect(t, fmt.Sprint("v", v), topicsShown(resp), want)
		if len(resp.Brokers) != 2 || resp.Brokers[1].NodeID != 2 || resp.Brokers[1].Host != "h2" || resp.Brokers[1].Port != 9092 || v > 0 && *resp.Brokers[1].Rack != "r2" {
			t.Errorf("v%d brokers %+v", v, resp.Brokers)
		}
		if v >= 1 && resp.ControllerID != 1 || v >= 2 && *resp.ClusterID != "troupeTestCluster00001" {
			t.Errorf("v%d controller %d cluster %v", v, resp.ControllerID, resp.ClusterID)
		}
		if v >= 10 && resp.Topics[0].TopicID != w.img.Topic("a").ID || v >= 7 && resp.Topics[0].Partitions[1].LeaderEpoch != 1 {
			t.Errorf("v%d %+v", v, resp.Topics[0])
		}
		if n := len(w.metadataFor(v, metadataOf()).Topics); n != 0 && v > 0 || n != 2 && v == 0 {
			t.Errorf("v%d: an empty list gives %d topics", v, n)
		}
	}
}

func TestMetadataNames(t *testing.T) {
	w := newWorld(t, 1, nil)
	a := w.topic("a", []int32{1})
	r := metadataOf("none", "a", "bad/name", "", "a")
	r.IncludeTopicAuthorizedOperations, r.IncludeClusterAuthorizedOperations = true, true
	resp := w.metadataFor(9, r)
	expect(t, "names", topicsShown(resp), "none:3[] a:0[0:0=1[1][1][]] bad/name:17[] :17[]")
	if resp.AuthorizedOperations != 8096 || resp.Topics[0].AuthorizedOperations != 3576 || resp.Topics[1].AuthorizedOperations != 3576 {
		t.Errorf("operations %d %d", resp.AuthorizedOperations, resp.Topics[0].AuthorizedOperations)
	}
	r = metadataOf("other", "a")
	r.Topics[0].TopicID = a.ID
	r.Topics = append(r.Topics, kmsg.MetadataRequestTopic{TopicID: [16]byte{7}})
	r.AllowAutoTopicCreation, r.IncludeTopicAuthorizedOperations = true, true
	resp = w.metadataFor(12, r)
	expect(t, "ids", topicsShown(resp), "a:0[0:0=1[1][1][]] null:100[]")
	if resp.Topics[1].TopicID != [16]byte{7} || resp.Topics[1].AuthorizedOperations != -2147483648 {
		t.Errorf("%+v", resp.Topics[1])
	}
	for v := int16(10); v <= 13; v++ {
		r = metadataOf("a")
		if r.Topics = append(r.Topics, kmsg.MetadataRequestTopic{}); v < 12 {
			r.Topics[1].Topic = nil
		}
		resp = w.metadataFor(v, r)
		expect(t, fmt.Sprint("null name in v", v), topicsShown(resp), "a:42[] :42[]")
		if len(resp.Brokers) != 0 || resp.ClusterID != nil || resp.ControllerID != -1 {
			t.Errorf("v%d: %+v", v, resp)
		}
	}
	r = metadataOf("a")
	r.Topics[0].TopicID = a.ID
	expect(t, "an id in v11", topicsShown(w.metadataFor(11, r)), "a:42[]")
	if len(w.asked) != 0 {
		t.Errorf("proposals %v", w.asked)
	}
}

func TestMetadataWithoutLeader(t *testing.T) {
	w := newWorld(t, 2, nil)
	w.topic("a", []int32{2})
	w.apply(meta.FenceBroker{BrokerID: 2, BrokerEpoch: w.img.Broker(2).Epoch})
	expect(t, "v1", topicsShown(w.metadataFor(1, metadataOf("a"))), "a:0[0:5=-1[2][][]]")
	expect(t, "v0", topicsShown(w.metadataFor(0, metadataOf("a"))), "a:0[0:5=-1[][][]]")
}

func TestMetadataCreates(t *testing.T) {
	w := newWorld(t, 3, map[string]string{"num.partitions": "2"})
	for v := int16(0); v <= 13; v++ {
		name := fmt.Sprint("auto", v)
		r := metadataOf(name)
		r.AllowAutoTopicCreation = true
		resp := w.metadataFor(v, r)
		x := resp.Topics[0]
		if x.ErrorCode != 0 || len(x.Partitions) != 2 || len(x.Partitions[0].Replicas) != 3 || x.Partitions[0].Leader < 1 {
			t.Errorf("v%d: %s", v, topicsShown(resp))
		}
		if top := w.img.Topic(name); top == nil || !top.RFAuto || !top.MinISRAuto || top.Internal {
			t.Errorf("v%d: %+v", v, top)
		}
	}
	if n := len(w.asked); n != 14 {
		t.Errorf("%d proposals for 14 topics", n)
	}
	w.metadataFor(4, metadataOf("declined"))
	r := metadataOf("bad/name", "__cluster_metadata", "auto0")
	r.AllowAutoTopicCreation = true
	if got := topicsShown(w.metadataFor(9, r)); !strings.HasPrefix(got, "bad/name:17[] __cluster_metadata:3[] auto0:0[") {
		t.Error(got)
	}
	if n := len(w.asked); n != 14 {
		t.Errorf("%v proposed", w.asked[14:])
	}
	w.topic("taken.name", []int32{1})
	r = metadataOf("taken_name", "new", "__consumer_offsets")
	r.AllowAutoTopicCreation = true
	resp := w.metadataFor(9, r)
	if resp.Topics[0].ErrorCode != 3 || resp.Topics[1].ErrorCode != 0 || len(resp.Topics[2].Partitions) != 50 || !resp.Topics[2].IsInternal {
		t.Error(topicsShown(resp))
	}
	if c := w.img.Topic("__consumer_offsets").Configs["cleanup.policy"]; c != "compact" {
		t.Errorf("cleanup.policy %q", c)
	}
}

func TestMetadataCreationSwitchedOff(t *testing.T) {
	w := newWorld(t, 1, map[string]string{"auto.create.topics.enable": "false"})
	expect(t, "v0", topicsShown(w.metadataFor(0, metadataOf("a"))), "a:3[]")
	if len(w.asked) != 0 {
		t.Error("a topic was proposed")
	}
}

// Many connections ask for the same topics: each is proposed once, and all hear of it when it is there.
func TestMetadataCreatesOnce(t *testing.T) {
	w := newWorld(t, 1, nil)
	w.down = true
	ask := func(names ...string) *inFlight {
		r := metadataOf(names...)
		r.AllowAutoTopicCreation = true
		return w.begin(9, r)
	}
	calls := []*inFlight{ask("a"), ask("a", "b"), ask("b"), ask("a", "b"), ask("c")}
	if len(w.asked) != 3 {
		t.Fatalf("%d proposals: %v", len(w.asked), w.asked)
	}
	w.down = false
	for i, p := range w.held {
		w.held[i] = nil
		w.metadata(p)
		w.run()
		switch i {
		case 0:
			if calls[0].resp == nil || calls[1].resp != nil || calls[2].resp != nil {
				t.Error("who waits for a is not told, or who waits for b is")
			}
		case 1:
			if calls[1].resp == nil || calls[2].resp == nil || calls[3].resp == nil || calls[4].resp != nil {
				t.Error("who waits for b is not told")
			}
		}
	}
	for i, f := range calls {
		for _, x := range f.answer().(*kmsg.MetadataResponse).Topics {
			if x.ErrorCode != 0 {
				t.Errorf("call %d: %s has %d", i, *x.Topic, x.ErrorCode)
			}
		}
	}
}

func TestMetadataCreationFails(t *testing.T) {
	w := newWorld(t, 1, nil)
	w.down = true
	r := metadataOf("a")
	r.AllowAutoTopicCreation = true
	f := w.begin(9, r)
	if w.held[0].Timeout != autoCreateWait || autoCreateWait > 10*time.Second {
		t.Errorf("held for %v", w.held[0].Timeout)
	}
	w.refuseHeld(code.RequestTimedOut)
	expect(t, "answer", topicsShown(f.answer().(*kmsg.MetadataResponse)), "a:3[]")
	f = w.begin(9, r) // and may try again
	if len(w.held) != 1 {
		t.Fatal("not proposed again")
	}
	w.env.TopicMaker.Tell(kit.Stopping{})
	w.run()
	expect(t, "answer of a broker that stops", topicsShown(f.answer().(*kmsg.MetadataResponse)), "a:3[]")
}

func TestTopicMakerIsBounded(t *testing.T) {
	w := newWorld(t, 1, nil)
	w.down = true
	names := make([]string, maxTopicsInMaking)
	for i := range names {
		names[i] = fmt.Sprint("t", i)
	}
	r := metadataOf(names...)
	r.AllowAutoTopicCreation = true
	w.begin(9, r)
	r = metadataOf("onemore", "t5")
	r.AllowAutoTopicCreation = true
	f := w.begin(9, r)
	if len(w.held) != 1 || f.resp != nil {
		t.Errorf("%d proposals", len(w.held))
	}
	w.refuseHeld(code.RequestTimedOut)
	expect(t, "answer", topicsShown(f.answer().(*kmsg.MetadataResponse)), "onemore:3[] t5:3[]")
}
