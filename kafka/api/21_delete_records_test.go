package api

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"troupe/actors/meta"
	"troupe/kafka/code"
)

// trims are offsets to delete up to, of one topic.
func trims(topic string, pairs ...int64) kmsg.DeleteRecordsRequestTopic {
	t := kmsg.DeleteRecordsRequestTopic{Topic: topic}
	for i := 0; i < len(pairs); i += 2 {
		t.Partitions = append(t.Partitions, kmsg.DeleteRecordsRequestTopicPartition{Partition: int32(pairs[i]), Offset: pairs[i+1]})
	}
	return t
}

func TestDeleteRecords(t *testing.T) {
	w := newWorld(t, 2, nil)
	w.topic("a", []int32{1}, []int32{2}, []int32{1}, []int32{1}, []int32{1})
	for _, i := range []int{0, 2, 3, 4} {
		w.part("a", i).end = 10
	}
	w.part("a", 2).resign()
	w.part("a", 3).reply = code.PolicyViolation
	w.part("a", 4).deaf = true
	if r := w.apply(meta.CreateTopics{Topics: []meta.NewTopic{{Name: "__in", ID: newTopicID(worldContext{w, nil}), Assignments: [][]int32{{1}}, Internal: true}}}); r.Code != code.OK {
		t.Fatal(r)
	}
	f := func(want string, topics ...kmsg.DeleteRecordsRequestTopic) {
		t.Helper()
		req := kmsg.NewPtrDeleteRecordsRequest()
		req.TimeoutMillis, req.Topics = 1000, topics
		var got []string
		for _, x := range w.ask(2, req).(*kmsg.DeleteRecordsResponse).Topics {
			for _, p := range x.Partitions {
				got = append(got, fmt.Sprintf("%s-%d %d@%d", x.Topic, p.Partition, p.ErrorCode, p.LowWatermark))
			}
		}
		expect(t, "deleted", strings.Join(got, ", "), want)
	}
	f("")
	f("", trims("a"))
	f("a-0 0@3", trims("a", 0, 3))
	f("a-0 0@3", trims("a", 0, 1))
	f("a-0 1@-1", trims("a", 0, 11))
	f("a-1 6@-1, a-2 6@-1, a-3 44@-1, a-4 7@-1, a-0 0@4", trims("a", 1, 1, 2, 1, 3, 1, 4, 1, 0, 4))
	f("a-9 3@-1, a--1 3@-1, nope-0 3@-1, a/b-0 3@-1, -0 3@-1", trims("a", 9, 1, -1, 1), trims("nope", 0, 1), trims("a/b", 0, 1), trims("", 0, 1))
	f("a-0 0@5, nope-0 3@-1", trims("a", 0, 9, 0, 5), trims("nope", 0, 1), trims("a", 0, 5)) // the last one wins
	f("__in-0 17@-1, __in-1 3@-1", trims("__in", 0, 0, 1, 0))
}

// The timeout is the client's, but an fsync gets its second.
func TestDeleteRecordsTimeout(t *testing.T) {
	w := newWorld(t, 1, nil)
	w.topic("a", []int32{1})
	w.part("a", 0).deaf = true
	for _, ms := range []int32{-1, 0, 20, 5000} {
		req := kmsg.NewPtrDeleteRecordsRequest()
		req.TimeoutMillis, req.Topics = ms, []kmsg.DeleteRecordsRequestTopic{trims("a", 0, 0)}
		f := w.begin(0, req)
		due := max(time.Duration(ms)*time.Millisecond, time.Second)
		if w.pass(due - 1); f.resp != nil {
			t.Errorf("%d ms: answered before its time", ms)
		}
		if w.pass(1); f.resp == nil {
			t.Errorf("%d ms: not answered", ms)
		}
	}
}
