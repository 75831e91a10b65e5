package api

import (
	"fmt"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"troupe/actors/meta"
	"troupe/kafka/code"
)

func moreOf(name string, count int32, replicas ...[]int32) kmsg.CreatePartitionsRequestTopic {
	t := kmsg.CreatePartitionsRequestTopic{Topic: name, Count: count}
	for _, r := range replicas {
		t.Assignment = append(t.Assignment, kmsg.CreatePartitionsRequestTopicAssignment{Replicas: r})
	}
	return t
}

func grown(resp *kmsg.CreatePartitionsResponse) string {
	var out []string
	for _, t := range resp.Topics {
		out = append(out, fmt.Sprintf("%s:%d", t.Topic, t.ErrorCode))
	}
	return strings.Join(out, " ")
}

func TestCreatePartitions(t *testing.T) {
	w := newWorld(t, 2, nil)
	w.topic("a", []int32{1, 2})
	f := func(version int16, want string, topics ...kmsg.CreatePartitionsRequestTopic) *kmsg.CreatePartitionsResponse {
		t.Helper()
		r := kmsg.NewPtrCreatePartitionsRequest()
		r.Topics = topics
		resp := w.ask(version, r).(*kmsg.CreatePartitionsResponse)
		expect(t, fmt.Sprint("v", version), grown(resp), want)
		return resp
	}
	for v := int16(0); v <= 3; v++ {
		f(v, "a:0", moreOf("a", int32(v)+2))
		if n := len(w.img.Topic("a").Partitions); n != int(v)+2 {
			t.Errorf("v%d: %d partitions", v, n)
		}
	}
	w.topic("b", []int32{1, 2})
	resp := f(3, "a:37 b:37 none:3 :3", moreOf("a", 5), moreOf("b", 0), moreOf("none", 2), moreOf("", 2))
	if resp.Topics[2].ErrorMessage != nil || *resp.Topics[0].ErrorMessage != "Topic already has 5 partition(s)." {
		t.Errorf("texts: %+v", resp.Topics)
	}
	f(3, "a:42 b:37", moreOf("a", 7), moreOf("a", 8), moreOf("b", -1), moreOf("a", 8))
	f(3, "a:39 b:39", moreOf("a", 7, []int32{1, 2}), moreOf("b", 2, []int32{1, 2}, []int32{1, 2}))
	f(3, "a:39 b:39", moreOf("a", 6, []int32{1}), moreOf("b", 2, []int32{1, 9}))
	f(3, "a:39 b:39", moreOf("a", 6, []int32{1, 1}), moreOf("b", 2, []int32{}))
	none := moreOf("a", 6)
	none.Assignment = []kmsg.CreatePartitionsRequestTopicAssignment{} // not null, which would mean any
	f(3, "a:39", none)
	f(3, "a:44 b:0", moreOf("a", 20_000), moreOf("b", 2, []int32{2, 1}))
	if p := w.img.Topic("b").Partitions[1]; p.Leader != 2 {
		t.Errorf("%+v", p)
	}
	if len(w.img.Topic("a").Partitions) != 5 {
		t.Error("an error changed the topic")
	}
}

func TestCreatePartitionsWithoutLeaderOrTime(t *testing.T) {
	w := newWorld(t, 1, nil)
	w.topic("a", []int32{1})
	r := kmsg.NewPtrCreatePartitionsRequest()
	r.Topics = append(r.Topics, moreOf("a", 2))
	r.ValidateOnly = true
	expect(t, "validate only", grown(w.ask(3, r).(*kmsg.CreatePartitionsResponse)), "a:0")
	r.ValidateOnly, r.TimeoutMillis = false, 0
	expect(t, "no time", grown(w.ask(3, r).(*kmsg.CreatePartitionsResponse)), "a:7")
	twice := *r
	twice.Topics = []kmsg.CreatePartitionsRequestTopic{moreOf("a", 2), moreOf("a", 2)}
	expect(t, "no time, and nothing that needs any", grown(w.ask(3, &twice).(*kmsg.CreatePartitionsResponse)), "a:42")
	twice.Topics = append(twice.Topics, moreOf("none", 2))
	expect(t, "no time for one of them", grown(w.ask(3, &twice).(*kmsg.CreatePartitionsResponse)), "a:7 a:7 none:7")
	if len(w.asked) != 0 {
		t.Errorf("%v was proposed", w.asked)
	}
	r.TimeoutMillis, w.down = 5, true
	f := w.begin(3, r)
	w.refuseHeld(code.RequestTimedOut)
	expect(t, "timed out", grown(f.answer().(*kmsg.CreatePartitionsResponse)), "a:7")
	f = w.begin(3, r)
	g := w.begin(3, r) // both from one to two: the second comes too late
	w.down = false
	for _, p := range w.held {
		w.metadata(p)
	}
	w.run()
	expect(t, "first", grown(f.answer().(*kmsg.CreatePartitionsResponse)), "a:0")
	expect(t, "second", grown(g.answer().(*kmsg.CreatePartitionsResponse)), "a:37")
}

// While the first partition moves it has more replicas than the topic's partitions have otherwise.
func TestCreatePartitionsWhileOneMoves(t *testing.T) {
	w := newWorld(t, 3, nil)
	a := w.topic("a", []int32{1, 2})
	w.fence(3)
	w.unfence(3)
	w.apply(meta.AlterReassignments{Partitions: []meta.Reassignment{{PartitionRef: meta.PartitionRef{Topic: a.ID}, Target: []int32{3, 2}}}})
	if n := len(w.img.Topic("a").Partitions[0].Replicas); n != 3 {
		t.Fatalf("%d replicas: the partition does not move", n)
	}
	r := kmsg.NewPtrCreatePartitionsRequest()
	r.TimeoutMillis, r.Topics = 1000, []kmsg.CreatePartitionsRequestTopic{moreOf("a", 2)}
	expect(t, "one more", grown(w.ask(3, r).(*kmsg.CreatePartitionsResponse)), "a:0")
	r.Topics = []kmsg.CreatePartitionsRequestTopic{moreOf("a", 3, []int32{1, 2})}
	expect(t, "by hand", grown(w.ask(3, r).(*kmsg.CreatePartitionsResponse)), "a:0")
}
