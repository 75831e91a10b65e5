package differential

import (
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// What a comparison must notice, and what it must not.
func TestDifferences(t *testing.T) {
	f := func(kafka, troupe []Line, want ...string) {
		t.Helper()
		var got []string
		for _, d := range differences("case", "p-", kafka, troupe) {
			got = append(got, d.Path+": "+d.Kafka+" / "+d.Troupe)
		}
		if strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	f([]Line{{"a", "1"}}, []Line{{"a", "1"}})
	f([]Line{{"a", "1"}}, []Line{{"a", "2"}}, "a: 1 / 2")
	f([]Line{{"a", "1"}, {"b", "2"}}, []Line{{"a", "1"}}, "b: 2 / ")
	f([]Line{{"a", "1"}}, []Line{{"a", "1"}, {"b", "2"}}, "b:  / 2")
	f([]Line{{"p-a", "p-1"}}, nil, "a: 1 / ")
	f([]Line{{"abandoned", "x"}}, []Line{{"abandoned", "x"}}, "abandoned: x / x") // nothing was compared
}

// Two answers that differ only in what two brokers cannot share read the same; any other field shows.
func TestTranscript(t *testing.T) {
	epoch := time.Now().Add(-time.Hour).Truncate(time.Second)
	tell := func(change func(*kmsg.FetchResponse)) string {
		s := newSide("", "p-", epoch)
		s.topicIDs[[16]byte{1}], s.topicIDs[[16]byte{2}] = "p-t", "p-t"
		resp := kmsg.NewPtrFetchResponse()
		resp.Version, resp.SessionID = 16, 77
		topic, p := kmsg.NewFetchResponseTopic(), kmsg.NewFetchResponseTopicPartition()
		topic.TopicID = [16]byte{1}
		b := s.batchOf("a", "b")
		b.pid, b.epoch, b.seq = 5, 0, 0
		p.RecordBatches = b.bytes()
		topic.Partitions = append(topic.Partitions, p)
		resp.Topics = append(resp.Topics, topic)
		change(resp)
		s.show("1", resp)
		var out strings.Builder
		for _, l := range s.lines {
			out.WriteString(l.Path + "=" + l.Value + "\n")
		}
		return out.String()
	}
	part := func(r *kmsg.FetchResponse) *kmsg.FetchResponseTopicPartition { return &r.Topics[0].Partitions[0] }
	want := tell(func(*kmsg.FetchResponse) {})
	same := map[string]func(*kmsg.FetchResponse){
		"topic id":   func(r *kmsg.FetchResponse) { r.Topics[0].TopicID = [16]byte{2} },
		"session id": func(r *kmsg.FetchResponse) { r.SessionID = 123456 },
	}
	for name, change := range same {
		if got := tell(change); got != want {
			t.Errorf("%s shows:\n%s\nand\n%s", name, want, got)
		}
	}
	different := map[string]func(*kmsg.FetchResponse){
		"no session":     func(r *kmsg.FetchResponse) { r.SessionID = 0 },
		"unknown id":     func(r *kmsg.FetchResponse) { r.Topics[0].TopicID = [16]byte{9} },
		"error":          func(r *kmsg.FetchResponse) { part(r).ErrorCode = 1 },
		"high watermark": func(r *kmsg.FetchResponse) { part(r).HighWatermark = 1 },
		"a flipped byte": func(r *kmsg.FetchResponse) { b := part(r).RecordBatches; b[len(b)-2] ^= 1 },
		"a cut batch":    func(r *kmsg.FetchResponse) { b := part(r).RecordBatches; part(r).RecordBatches = b[:len(b)-1] },
		"no records":     func(r *kmsg.FetchResponse) { part(r).RecordBatches = nil },
		"empty, not null": func(r *kmsg.FetchResponse) {
			part(r).AbortedTransactions = []kmsg.FetchResponseTopicPartitionAbortedTransaction{}
		},
	}
	for name, change := range different {
		if got := tell(change); got == want {
			t.Errorf("%s does not show in\n%s", name, got)
		}
	}
}

// An acceptance is for the values it names, not for anything that happens at the place.
func TestReasons(t *testing.T) {
	accepted := Difference{Case: "ListOffsets/isolation levels v5", Path: "003 ListOffsets v5 Topics[t] Partitions[0] ErrorCode", Kafka: "-1", Troupe: "42"}
	if why, _ := reason(accepted); why == "" {
		t.Errorf("%+v is not accepted", accepted)
	}
	for _, d := range []Difference{
		{accepted.Case, accepted.Path, "-1", "0", "", 0}, {accepted.Case, accepted.Path, "0", "42", "", 0}, {"ListOffsets/by timestamp v5", accepted.Path, "-1", "42", "", 0},
		{"ApiVersions/keys v4", "001 ApiVersions v4 ApiKeys[3] MaxVersion", "13", "12", "", 0}, {"ApiVersions/keys v4", "001 ApiVersions v4 ApiKeys[3] MaxVersion", "13", "", "", 0},
	} {
		if why, _ := reason(d); why != "" {
			t.Errorf("%+v is accepted: %s", d, why)
		}
	}
	for _, a := range acceptedDifferences {
		if a.reason == "" || a.cases+a.path == "" {
			t.Errorf("%+v accepts without a reason or everywhere", a)
		}
	}
}
