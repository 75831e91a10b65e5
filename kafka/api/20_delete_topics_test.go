package api

import (
	"fmt"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"troupe/actors/meta"
	"troupe/kafka/code"
)

// deletionOf asks to delete topics by what it is given: names or ids.
func deletionOf(what ...any) *kmsg.DeleteTopicsRequest {
	r := kmsg.NewPtrDeleteTopicsRequest()
	for _, x := range what {
		switch x := x.(type) {
		case string:
			r.TopicNames = append(r.TopicNames, x)
			r.Topics = append(r.Topics, kmsg.DeleteTopicsRequestTopic{Topic: &x})
		case meta.TopicID:
			r.Topics = append(r.Topics, kmsg.DeleteTopicsRequestTopic{TopicID: x})
		}
	}
	return r
}

// deleted is the answer in short: name/has an id:code.
func (w *world) deleted(version int16, r *kmsg.DeleteTopicsRequest) string {
	w.t.Helper()
	return deletedText(w.ask(version, r).(*kmsg.DeleteTopicsResponse))
}

func deletedText(resp *kmsg.DeleteTopicsResponse) string {
	var out []string
	for _, t := range resp.Topics {
		name := "null"
		if t.Topic != nil {
			name = *t.Topic
		}
		out = append(out, fmt.Sprintf("%s/%v:%d", name, t.TopicID != [16]byte{}, t.ErrorCode))
	}
	return strings.Join(out, " ")
}

func TestDeleteTopics(t *testing.T) {
	w := newWorld(t, 1, nil)
	for v := int16(1); v <= 6; v++ {
		a, b := w.topic("a", []int32{1}), w.topic("b", []int32{1})
		if v == 6 {
			expect(t, "v6", w.deleted(v, deletionOf("a", b.ID, "none", meta.TopicID{9})), "a/true:0 b/true:0 none/false:3 null/true:100")
		} else {
			expect(t, fmt.Sprint("v", v), w.deleted(v, deletionOf("a", "b", "none")), "a/false:0 b/false:0 none/false:3")
		}
		if w.img.TopicCount() != 0 {
			t.Fatalf("v%d: topics are left of %v", v, []*meta.Topic{a, b})
		}
	}
}

func TestDeleteTopicsErrors(t *testing.T) {
	w := newWorld(t, 1, nil)
	a := w.topic("a", []int32{1})
	both := deletionOf("a", meta.TopicID{}, "", "bad/name")
	both.Topics[0].TopicID = a.ID
	expect(t, "name and id, or neither", w.deleted(6, both), "a/true:42 null/false:42 /false:3 bad/name/false:3")
	expect(t, "a name twice", w.deleted(6, deletionOf("a", "a", "none", "none")), "a/false:42 none/false:42")
	expect(t, "an id twice", w.deleted(6, deletionOf(a.ID, a.ID)), "null/true:42")
	expect(t, "the same topic in two ways", w.deleted(6, deletionOf("a", a.ID)), "a/true:42")
	r := deletionOf("a", "a", "none")
	r.TimeoutMillis = 0
	expect(t, "no time", w.deleted(6, r), "a/false:7 a/false:7 none/false:7")
	r = deletionOf("a", "a")
	r.TimeoutMillis, both.TimeoutMillis, both.Topics = 0, 0, append(both.Topics[:2:2], both.Topics[:2]...)
	expect(t, "no time, and nothing that needs any", w.deleted(6, r), "a/false:42")
	expect(t, "in both ways, and in none, twice", w.deleted(6, both), "a/true:42 null/false:42 a/true:42 null/false:42")
	if len(w.asked) != 0 {
		t.Errorf("%v was proposed", w.asked)
	}
	w.down = true
	f := w.begin(6, deletionOf("a", "none"))
	w.refuseHeld(code.CoordinatorNotAvailable)
	expect(t, "no leader", deletedText(f.answer().(*kmsg.DeleteTopicsResponse)), "a/true:41 none/false:3")
	f = w.begin(6, deletionOf("a"))
	w.apply(meta.DeleteTopics{IDs: []meta.TopicID{a.ID}})
	w.down = false
	w.metadata(w.held[0])
	w.run()
	expect(t, "deleted by another", deletedText(f.answer().(*kmsg.DeleteTopicsResponse)), "a/true:3")
}

func TestDeleteTopicsSwitchedOff(t *testing.T) {
	w := newWorld(t, 1, map[string]string{"delete.topic.enable": "false"})
	w.topic("a", []int32{1})
	for v, want := range map[int16]string{2: "a/false:42", 3: "a/false:73", 6: "a/false:73"} {
		expect(t, fmt.Sprint("v", v), w.deleted(v, deletionOf("a")), want)
	}
}
