package api

import (
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"troupe/actors/meta"
	"troupe/actors/node"
	"troupe/actors/partition"
	"troupe/kafka/code"
)

// Requests for the controller go to a broker that takes them, whoever leads the metadata log.
func TestControllerServes(t *testing.T) {
	w := newWorld(t, 3, nil)
	f := func(leader int32, want int32) {
		t.Helper()
		w.env.Published.Set(node.ViewWith(w.img, leader, w.refs))
		m, c := w.metadataFor(9, metadataOf()), w.ask(0, kmsg.NewPtrDescribeClusterRequest()).(*kmsg.DescribeClusterResponse)
		if m.ControllerID != want || c.ControllerID != want {
			t.Errorf("leader %d: controllers %d and %d, want %d", leader, m.ControllerID, c.ControllerID, want)
		}
	}
	f(3, 3)
	f(-1, 1)
	f(7, 1)
	w.fence(3)
	f(3, 1)
	w.fence(1)
	f(3, 2)
	w.fence(2)
	f(3, -1)
}

// A topic whose replication factor is left open gets as many replicas as there are brokers in service, and grows later.
func TestAutomaticReplicationCountsWhoServes(t *testing.T) {
	w := newWorld(t, 4, nil)
	f := func(name string, want int) {
		t.Helper()
		w.metadataFor(9, &kmsg.MetadataRequest{Topics: []kmsg.MetadataRequestTopic{{Topic: &name}}, AllowAutoTopicCreation: true})
		top := w.img.Topic(name)
		if top == nil || !top.RFAuto || len(top.Partitions[0].Replicas) != want || len(top.Partitions[0].ISR) != want {
			t.Errorf("%+v", top)
		}
	}
	f("a", 3)
	w.fence(2)
	w.fence(3)
	f("b", 2)
	w.fence(4)
	f("c", 1)
	w.unfence(4)
	w.fence(1)
	f("d", 1)
}

// What a client knows of a topic may be ahead of this broker by a moment.
func TestTopicsThatAreNotHereYet(t *testing.T) {
	w := newWorld(t, 3, nil)
	w.topic("a", []int32{1, 2})
	a := w.img.Topic("a")
	late := &meta.Topic{Name: "late", ID: meta.TopicID{9}}
	asks := map[string]func() *inFlight{
		"fetch by id":   func() *inFlight { return w.begin(13, fetchOf(late, "0@0")) },
		"fetch by name": func() *inFlight { return w.begin(12, fetchOf(late, "0@0")) },
		"metadata by id": func() *inFlight {
			return w.begin(12, &kmsg.MetadataRequest{Topics: []kmsg.MetadataRequestTopic{{TopicID: late.ID}}})
		},
		"offsets": func() *inFlight {
			return w.begin(5, &kmsg.ListOffsetsRequest{Topics: []kmsg.ListOffsetsRequestTopic{{Topic: "late", Partitions: []kmsg.ListOffsetsRequestTopicPartition{{Timestamp: -1, CurrentLeaderEpoch: -1}}}}})
		},
		"epochs": func() *inFlight {
			return w.begin(4, &kmsg.OffsetForLeaderEpochRequest{Topics: []kmsg.OffsetForLeaderEpochRequestTopic{{Topic: "late", Partitions: []kmsg.OffsetForLeaderEpochRequestTopicPartition{{CurrentLeaderEpoch: -1}}}}})
		},
	}
	code := func(f *inFlight) code.Code {
		switch x := f.answer().(type) {
		case *kmsg.OffsetCommitResponse:
			return code.Code(x.Topics[0].Partitions[0].ErrorCode)
		case *kmsg.FetchResponse:
			return code.Code(x.Topics[0].Partitions[0].ErrorCode)
		case *kmsg.MetadataResponse:
			return code.Code(x.Topics[0].ErrorCode)
		case *kmsg.ListOffsetsResponse:
			return code.Code(x.Topics[0].Partitions[0].ErrorCode)
		case *kmsg.OffsetForLeaderEpochResponse:
			return code.Code(x.Topics[0].Partitions[0].ErrorCode)
		}
		return -1
	}
	commits := func() *inFlight {
		return w.begin(8, &kmsg.OffsetCommitRequest{Group: "g", Generation: -1, Topics: []kmsg.OffsetCommitRequestTopic{{Topic: "late", Partitions: []kmsg.OffsetCommitRequestTopicPartition{{}}}}})
	}
	w.quorum.Leader = 2
	if f := commits(); f.resp != nil {
		t.Error("a commit: answered at once")
	} else if w.pass(time.Second); code(f) != 3 {
		t.Errorf("a commit: %v", code(f))
	}
	before := w.img
	for name, ask := range asks {
		w.quorum.Leader = 2 // this broker may be behind
		f := ask()
		w.pass(BehindWait - LookEvery)
		if f.resp != nil {
			t.Errorf("%s: answered at once", name)
		}
		w.pass(time.Second)
		if e := code(f); e != 3 && e != 100 {
			t.Errorf("%s: %v when nothing has come", name, e)
		}
		f = ask()
		w.apply(meta.CreateTopics{Topics: []meta.NewTopic{{Name: "late", ID: late.ID, Assignments: [][]int32{{1, 2}}}}})
		w.pass(LookEvery)
		w.run()
		if name == "fetch by id" || name == "fetch by name" {
			w.pass(time.Second) // it polls
		}
		if e := code(f); e != 0 {
			t.Errorf("%s: %v when the topic had come", name, e)
		}
		w.img = before
		w.env.Published.Set(node.ViewWith(w.img, 1, w.refs))
		w.quorum.Leader = 1
		if f = ask(); f.resp == nil && name[:5] != "fetch" {
			t.Errorf("%s: waits although nobody knows more", name)
		}
		w.pass(time.Minute)
	}
	w.quorum.Leader = 2
	if f := w.begin(13, fetchOf(a, "0@0")); w.part("a", 0).reads != 1 || f.resp != nil {
		t.Error("a topic that is known waits")
	}
}

// The answer tells the leader by what this broker knows at its end, not at its beginning.
func TestProduceTellsTheNewestLeader(t *testing.T) {
	p := newProducing(t)
	p.hold = true
	got := p.produce(10, batches(-1, rec{"a", 0, one("x")}))
	p.fence(1)
	now := &p.img.Topic("a").Partitions[0]
	for _, i := range p.held {
		partition.Append{Item: i}.Refuse()
	}
	p.run()
	r := got.resp.Topics[0].Partitions[0]
	expect(t, "leader", fmt.Sprint(r.ErrorCode, r.CurrentLeader.LeaderID, r.CurrentLeader.LeaderEpoch, len(got.resp.Brokers)), fmt.Sprint(6, 2, now.LeaderEpoch, 1))
	if now.LeaderEpoch == 0 {
		t.Error("the leader has not changed")
	}
}
