package api

import (
	"fmt"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"troupe/kafka/code"
)

// offsetsOf asks for offsets of topic a: pairs of partition and timestamp.
func offsetsOf(pairs ...int64) *kmsg.ListOffsetsRequest {
	r := kmsg.NewPtrListOffsetsRequest()
	t := kmsg.ListOffsetsRequestTopic{Topic: "a"}
	for i := 0; i < len(pairs); i += 2 {
		p := kmsg.NewListOffsetsRequestTopicPartition()
		p.Partition, p.Timestamp = int32(pairs[i]), pairs[i+1]
		t.Partitions = append(t.Partitions, p)
	}
	r.Topics = append(r.Topics, t)
	return r
}

// offsets is the answer in short: partition:code=offset@timestamp/epoch.
func (w *world) offsets(version int16, r *kmsg.ListOffsetsRequest) string {
	w.t.Helper()
	var b strings.Builder
	for _, t := range w.ask(version, r).(*kmsg.ListOffsetsResponse).Topics {
		for _, p := range t.Partitions {
			fmt.Fprintf(&b, "%d:%d=%d@%d/%d ", p.Partition, p.ErrorCode, p.Offset, p.Timestamp, p.LeaderEpoch)
		}
	}
	return strings.TrimSpace(b.String())
}

func TestListOffsets(t *testing.T) {
	w := newWorld(t, 2, nil)
	w.topic("a", []int32{1}, []int32{1}, []int32{2})
	for _, ts := range []int64{1000, 1200, 1100} {
		w.part("a", 0).add(10, 5, ts, false)
	}
	f := func(version int16, want string, pairs ...int64) {
		t.Helper()
		expect(t, fmt.Sprint(version, pairs), w.offsets(version, offsetsOf(pairs...)), want)
	}
	f(1, "0:0=30@-1/-1", 0, -1)
	f(4, "0:0=30@-1/0 1:0=0@-1/0", 0, -1, 1, -2)
	f(11, "0:0=19@1209/0 1:0=-1@-1/-1", 0, -3, 1, -3)
	f(5, "0:0=15@1205/0 1:0=-1@-1/-1", 0, 1205, 1, 5)
	f(5, "0:0=10@1200/0", 0, 1010)
	f(5, "0:0=-1@-1/-1", 0, 1210)
	f(5, "0:0=0@1000/0", 0, 0)
	for ts, since := range map[int64]int16{-3: 7, -4: 8, -5: 9, -6: 11} {
		for v := int16(1); v <= 11; v++ {
			if got := w.offsets(v, offsetsOf(1, ts)); strings.HasPrefix(got, "1:35=-1@-1/-1") != (v < since) {
				t.Errorf("v%d timestamp %d: %s", v, ts, got)
			}
		}
	}
	f(11, "0:35=-1@-1/-1", 0, -7)
	f(5, "0:42=-1@-1/-1 1:0=0@-1/0", 0, -1, 1, -1, 0, -2)
	f(5, "2:6=-1@-1/-1 3:3=-1@-1/-1 -1:3=-1@-1/-1", 2, -1, 3, -1, -1, -1)
	r := offsetsOf(0, -1)
	r.Topics = append(r.Topics, kmsg.ListOffsetsRequestTopic{Topic: "none"}, offsetsOf(1, -1).Topics[0])
	if got := w.ask(5, r).(*kmsg.ListOffsetsResponse).Topics; len(got) != 1 || len(got[0].Partitions) != 2 {
		t.Errorf("a topic in two places: %+v", got)
	}
	r = offsetsOf(0, -1)
	r.Topics[0].Topic = "none"
	expect(t, "unknown topic", w.offsets(5, r), "0:3=-1@-1/-1")
	r = offsetsOf(0, -1)
	r.IsolationLevel = 3
	expect(t, "isolation level 3", w.offsets(5, r), "0:42=-1@-1/-1")
	r.IsolationLevel, r.ReplicaID = 1, 5
	expect(t, "isolation level 1", w.offsets(5, r), "0:0=30@-1/0")
	r.Topics[0].Partitions[0].CurrentLeaderEpoch = 3
	expect(t, "epoch", w.offsets(5, r), "0:75=-1@-1/-1")
	expect(t, "epoch, but the version has none", w.offsets(3, r), "0:0=30@-1/-1")
	w.part("a", 1).reply = code.OffsetNotAvailable
	f(5, "1:78=-1@-1/-1", 1, -1)
	f(4, "1:5=-1@-1/-1", 1, -1)
	w.data.Close()
	f(5, "0:56=-1@-1/-1", 0, 1205)
	if got := w.ask(5, kmsg.NewPtrListOffsetsRequest()).(*kmsg.ListOffsetsResponse); len(got.Topics) != 0 {
		t.Errorf("topics %v", got.Topics)
	}
}

func TestListOffsetsSearchesFew(t *testing.T) {
	w := newWorld(t, 1, nil)
	assign, pairs, want := make([][]int32, 20), []int64{}, []string{}
	for i := range assign {
		assign[i], pairs = []int32{1}, append(pairs, int64(i), int64(100+i))
		want = append(want, fmt.Sprintf("%d:0=0@%d/0", i, 100+i))
	}
	w.topic("a", assign...)
	for i := range assign {
		w.part("a", i).add(1, 5, int64(100+i), false)
	}
	w.hold = true
	f := w.begin(5, offsetsOf(pairs...))
	most := 0
	for len(w.tasks) > 0 {
		most = max(most, len(w.tasks))
		w.task()
		w.run()
	}
	if most > parallelReads {
		t.Errorf("%d searches at a time", most)
	}
	got := []string{}
	for _, p := range f.answer().(*kmsg.ListOffsetsResponse).Topics[0].Partitions {
		got = append(got, fmt.Sprintf("%d:%d=%d@%d/%d", p.Partition, p.ErrorCode, p.Offset, p.Timestamp, p.LeaderEpoch))
	}
	expect(t, "answer", fmt.Sprint(got), fmt.Sprint(want))
}

func TestOffsetForLeaderEpoch(t *testing.T) {
	w := newWorld(t, 2, nil)
	w.topic("a", []int32{1}, []int32{2})
	w.part("a", 0).add(10, 5, 1, true)
	r := kmsg.NewPtrOffsetForLeaderEpochRequest()
	add := func(topic string, abc ...int32) {
		t := kmsg.OffsetForLeaderEpochRequestTopic{Topic: topic}
		for i := 0; i < len(abc); i += 3 {
			t.Partitions = append(t.Partitions, kmsg.OffsetForLeaderEpochRequestTopicPartition{Partition: abc[i], CurrentLeaderEpoch: abc[i+1], LeaderEpoch: abc[i+2]})
		}
		r.Topics = append(r.Topics, t)
	}
	add("a", 0, -1, 0, 0, 5, 0, 9, 0, 0, 1, 0, 0, 0, 0, 7, 0, -1, 0)
	add("none", 0, 0, 0)
	for v := int16(2); v <= 4; v++ {
		got := ""
		for _, t := range w.ask(v, r).(*kmsg.OffsetForLeaderEpochResponse).Topics {
			got += t.Topic
			for _, p := range t.Partitions {
				got += fmt.Sprintf(" %d:%d=%d/%d", p.Partition, p.ErrorCode, p.LeaderEpoch, p.EndOffset)
			}
			got += "; "
		}
		expect(t, fmt.Sprint("v", v), got, "a 0:0=0/10 0:75=-1/-1 9:3=-1/-1 1:6=-1/-1 0:0=-1/-1 0:0=0/10; none 0:3=-1/-1; ")
	}
}
