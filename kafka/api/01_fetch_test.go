package api

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"troupe/actors/meta"
	"troupe/actors/partition"
	"troupe/kafka/code"
	"troupe/storage"
)

// fetchOf is a fetch of partitions of one topic: "0@5" is partition 0 from offset 5.
func fetchOf(t *meta.Topic, parts ...string) *kmsg.FetchRequest {
	r := kmsg.NewPtrFetchRequest()
	r.MaxWaitMillis, r.MinBytes, r.MaxBytes = 500, 1, 1<<20
	x := kmsg.NewFetchRequestTopic()
	x.Topic, x.TopicID = t.Name, t.ID
	for _, s := range parts {
		p := kmsg.NewFetchRequestTopicPartition()
		p.PartitionMaxBytes = 1 << 20
		fmt.Sscanf(s, "%d@%d", &p.Partition, &p.FetchOffset)
		x.Partitions = append(x.Partitions, p)
	}
	r.Topics = append(r.Topics, x)
	return r
}

// shown is an answer in short: error, then partition:code@high(bytes).
func shown(resp *kmsg.FetchResponse) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d", resp.ErrorCode)
	for _, t := range resp.Topics {
		for _, p := range t.Partitions {
			fmt.Fprintf(&b, " %d:%d@%d(%d)", p.Partition, p.ErrorCode, p.HighWatermark, len(p.RecordBatches))
		}
	}
	return b.String()
}

func (w *world) fetch(version int16, r *kmsg.FetchRequest) *kmsg.FetchResponse {
	w.t.Helper()
	return w.ask(version, r).(*kmsg.FetchResponse)
}

func expect(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s:\n got %s\nwant %s", what, got, want)
	}
}

func TestFetchEveryVersion(t *testing.T) {
	for _, tail := range []bool{true, false} {
		w := newWorld(t, 1, nil)
		top := w.topic("a", []int32{1}, []int32{1})
		w.part("a", 0).add(2, 10, 100, tail)
		w.part("a", 0).add(3, 10, 200, tail)
		w.part("a", 1).add(1, 10, 300, tail)
		for v := int16(4); v <= 18; v++ {
			resp := w.fetch(v, fetchOf(top, "0@0", "1@0", "0@1"))
			expect(t, fmt.Sprint("v", v), shown(resp), "0 0:0@5(207) 1:0@1(78)")
			p := resp.Topics[0].Partitions[0]
			if p.LastStableOffset != 5 || p.LogStartOffset != -1 && v < 5 || p.LogStartOffset != 0 && v >= 5 || p.PreferredReadReplica != -1 || p.AbortedTransactions != nil {
				t.Errorf("v%d: %+v", v, p)
			}
			if named := resp.Topics[0].Topic == "a"; named != (v < 13) || (resp.Topics[0].TopicID == top.ID) != (v >= 13) {
				t.Errorf("v%d names %q %x", v, resp.Topics[0].Topic, resp.Topics[0].TopicID)
			}
		}
		w.leaks()
	}
}

func TestFetchLimits(t *testing.T) {
	w := newWorld(t, 1, map[string]string{"fetch.max.bytes": "1024"})
	top := w.topic("a", []int32{1}, []int32{1}, []int32{1})
	for i := range 3 {
		for k := range 4 {
			w.part("a", i).add(1, 432, 1, k >= 2 || i == 0) // 500 bytes each
		}
	}
	if n := len(w.fetch(4, fetchOf(top, "0@3")).Topics[0].Partitions[0].RecordBatches); n != 502 {
		t.Fatalf("a batch has %d bytes", n)
	}
	f := func(want string, change func(r *kmsg.FetchRequest), parts ...string) {
		t.Helper()
		r := fetchOf(top, parts...)
		change(r)
		expect(t, strings.Join(parts, " "), shown(w.fetch(12, r)), want)
	}
	all := func(*kmsg.FetchRequest) {}
	f("0 0:0@4(1004) 1:0@4(0)", all, "0@0", "1@0") // fetch.max.bytes
	f("0 1:0@4(1004) 0:0@4(0)", all, "1@0", "0@0")
	f("0 0:0@4(502) 1:0@4(502)", func(r *kmsg.FetchRequest) {
		r.Topics[0].Partitions[0].PartitionMaxBytes, r.Topics[0].Partitions[1].PartitionMaxBytes = 600, 600
	}, "0@0", "1@0")
	one := func(r *kmsg.FetchRequest) {
		for i := range r.Topics[0].Partitions {
			r.Topics[0].Partitions[i].PartitionMaxBytes = 1
		}
	}
	f("0 0:0@4(502) 1:0@4(0) 2:0@4(0)", one, "0@0", "1@0", "2@0") // the first batch whole, whatever the limits
	f("0 0:0@4(0) 1:0@4(502) 2:0@4(0)", one, "0@4", "1@0", "2@0") // of the first partition that has any
	f("0 1:0@4(502) 0:0@4(0)", func(r *kmsg.FetchRequest) { r.MaxBytes = 0 }, "1@0", "0@0")
	f("0 0:4@-1(0)", func(r *kmsg.FetchRequest) { r.MaxBytes = -1 }, "0@0")
	f("0 0:4@-1(0) 1:0@4(502)", func(r *kmsg.FetchRequest) {
		r.Topics[0].Partitions[0].PartitionMaxBytes, r.Topics[0].Partitions[1].PartitionMaxBytes = -1, 1
	}, "0@0", "1@0")
	w.leaks()
}

// The store answers late and in another order; the limits hold all the same.
func TestFetchReadsInParallel(t *testing.T) {
	w := newWorld(t, 1, nil)
	assign := make([][]int32, 10)
	parts := make([]string, 10)
	for i := range assign {
		assign[i], parts[i] = []int32{1}, fmt.Sprintf("%d@0", i)
	}
	top := w.topic("a", assign...)
	for i := range assign {
		w.part("a", i).add(1, 432, 1, false)
	}
	w.hold = true
	r := fetchOf(top, parts...)
	r.MaxBytes = 3 * 502
	f := w.begin(12, r)
	most := 0
	for len(w.tasks) > 0 {
		most = max(most, len(w.tasks))
		last := len(w.tasks) - 1
		w.tasks[0], w.tasks[last] = w.tasks[last], w.tasks[0]
		w.task()
		w.run()
	}
	if most > parallelReads {
		t.Errorf("%d reads at a time", most)
	}
	total := 0
	for _, p := range f.answer().(*kmsg.FetchResponse).Topics[0].Partitions {
		total += len(p.RecordBatches)
	}
	if total != 3*502 {
		t.Errorf("%d bytes", total)
	}
	w.leaks()
}

func TestFetchErrors(t *testing.T) {
	w := newWorld(t, 2, nil)
	top := w.topic("a", []int32{1}, []int32{2}, []int32{1}, []int32{2})
	w.part("a", 0).add(5, 10, 100, true)
	w.part("a", 2).epoch = 3
	none := &meta.Topic{Name: "none", ID: meta.TopicID{9}}
	f := func(version int16, want string, r *kmsg.FetchRequest) *kmsg.FetchResponse {
		t.Helper()
		resp := w.fetch(version, r)
		expect(t, "answer", shown(resp), want)
		for _, x := range resp.Topics {
			for _, p := range x.Partitions {
				if p.ErrorCode != 0 && (p.LastStableOffset != -1 || p.LogStartOffset != -1) {
					t.Errorf("an error with offsets: %+v", p)
				}
			}
		}
		return resp
	}
	f(12, "0 0:3@-1(0)", fetchOf(none, "0@0"))
	f(13, "0 0:100@-1(0)", fetchOf(none, "0@0"))
	f(13, "0 0:100@-1(0)", fetchOf(&meta.Topic{}, "0@0"))
	f(12, "0 0:3@-1(0)", fetchOf(&meta.Topic{}, "0@0"))                            // an empty name
	f(12, "0 0:0@5(146) 9:3@-1(0) -1:3@-1(0)", fetchOf(top, "9@0", "-1@0", "0@0")) // refused ones come last
	f(12, "0 0:1@-1(0)", fetchOf(top, "0@6"))
	f(12, "0 1:6@-1(0)", fetchOf(top, "1@0"))
	resp := f(16, "0 1:6@-1(0)", fetchOf(top, "1@0"))
	if p := resp.Topics[0].Partitions[0]; p.CurrentLeader.LeaderID != 2 || len(resp.Brokers) != 1 || resp.Brokers[0].Host != "h2" || *resp.Brokers[0].Rack != "r2" || resp.Brokers[0].Port != 9092 {
		t.Errorf("leader %+v brokers %+v", p.CurrentLeader, resp.Brokers)
	}
	resp = f(15, "0 3:6@-1(0)", fetchOf(top, "3@0"))
	if p := resp.Topics[0].Partitions[0]; p.CurrentLeader.LeaderID != -1 {
		t.Errorf("leader %+v before v16", p.CurrentLeader)
	}
	r := fetchOf(top, "2@0")
	r.Topics[0].Partitions[0].CurrentLeaderEpoch = 2
	resp = f(16, "0 2:74@-1(0)", r)
	if p := resp.Topics[0].Partitions[0]; p.CurrentLeader.LeaderID != 1 || resp.Brokers != nil {
		t.Errorf("leader %+v brokers %+v", p.CurrentLeader, resp.Brokers)
	}
	r.Topics[0].Partitions[0].CurrentLeaderEpoch = 4
	f(9, "0 2:75@-1(0)", r)
	r = fetchOf(top, "0@0", "9@0")
	r.ReplicaID, r.ReplicaState.ID = 77, 77
	f(12, "0 0:6@-1(0) 9:3@-1(0)", r)
	f(18, "0 0:6@-1(0) 9:3@-1(0)", r)
	r = fetchOf(top, "2@0")
	r.ReplicaID, r.ReplicaState.ID = 77, 77
	for known, want := range map[int32]string{-1: "6", 0: "75", 1: "75", -2: "6"} {
		r.Topics[0].Partitions[0].CurrentLeaderEpoch = known
		f(17, "0 2:"+want+"@-1(0)", r)
	}
	r = fetchOf(top, "0@0")
	r.ReplicaID = -2
	f(12, "0 0:0@5(146)", r)
	r.IsolationLevel = 2
	f(4, "0 0:42@-1(0)", r)
	f(12, "42 0:42@-1(0)", r)
	f(13, "42", r)
	w.part("a", 0).reply = code.OffsetNotAvailable
	f(4, "0 0:5@-1(0)", fetchOf(top, "0@0"))
	f(5, "0 0:78@-1(0)", fetchOf(top, "0@0"))
	w.leaks()
}

func TestFetchAbortedTransactions(t *testing.T) {
	w := newWorld(t, 1, nil)
	top := w.topic("a", []int32{1})
	w.part("a", 0).add(1, 10, 100, true)
	for v := int16(4); v <= 18; v += 7 {
		for level := range int8(2) {
			r := fetchOf(top, "0@0", "7@0")
			r.IsolationLevel = level
			p := w.fetch(v, r).Topics[0].Partitions
			if (p[0].AbortedTransactions != nil) != (level == 1) || p[1].AbortedTransactions == nil {
				t.Errorf("v%d level %d: %v %v", v, level, p[0].AbortedTransactions, p[1].AbortedTransactions)
			}
		}
	}
	w.leaks()
}

func TestFetchDiverging(t *testing.T) {
	w := newWorld(t, 1, nil)
	top := w.topic("a", []int32{1})
	w.part("a", 0).add(1, 10, 100, true)
	w.part("a", 0).diverging = &partition.EpochEnd{Epoch: 2, End: 17}
	for level := range int8(2) {
		r := fetchOf(top, "0@1")
		r.IsolationLevel = level
		f := w.begin(17, r)
		p := f.answer().(*kmsg.FetchResponse).Topics[0].Partitions[0] // at once
		if p.DivergingEpoch.Epoch != 2 || p.DivergingEpoch.EndOffset != 17 || len(p.RecordBatches) != 0 || p.ErrorCode != 0 || p.AbortedTransactions != nil {
			t.Errorf("%+v", p)
		}
	}
	w.leaks()
}

func TestFetchOfBrokenStore(t *testing.T) {
	w := newWorld(t, 1, nil)
	top := w.topic("a", []int32{1}, []int32{1})
	w.part("a", 0).add(1, 10, 100, false)
	w.part("a", 1).add(1, 10, 100, true)
	w.data.Close()
	expect(t, "answer", shown(w.fetch(12, fetchOf(top, "0@0", "1@0"))), "0 0:56@-1(0) 1:0@1(78)")
	w.leaks()
}

func TestFetchDeletedTopic(t *testing.T) {
	w := newWorld(t, 1, nil)
	top := w.topic("a", []int32{1})
	// An id is resolved to a name once, as in Kafka: what is deleted after that is an unknown topic, not an unknown id.
	for v, want := range map[int16]string{12: "0 0:3@-1(0)", 13: "0 0:3@-1(0)"} {
		f := w.begin(v, fetchOf(top, "0@0"))
		p := w.part("a", 0)
		w.apply(meta.DeleteTopics{IDs: []meta.TopicID{top.ID}})
		p.resign()
		w.run()
		expect(t, "answer", shown(f.answer().(*kmsg.FetchResponse)), want)
		top = w.topic("a", []int32{1})
	}
	w.leaks()
}

func TestFetchWaits(t *testing.T) {
	w := newWorld(t, 1, nil)
	top := w.topic("a", []int32{1}, []int32{1}, []int32{1})
	begin := func(min int32, parts ...string) *inFlight {
		t.Helper()
		r := fetchOf(top, parts...)
		r.MinBytes = min
		f := w.begin(12, r)
		if f.resp != nil {
			t.Fatalf("answered at once: %s", shown(f.answer().(*kmsg.FetchResponse)))
		}
		return f
	}
	done := func(f *inFlight, want string) {
		t.Helper()
		w.run()
		expect(t, "answer", shown(f.answer().(*kmsg.FetchResponse)), want)
		if len(w.timers) != 0 {
			t.Errorf("%d timers are left", len(w.timers))
		}
		for i := range 3 {
			if n := len(w.part("a", i).watches); n != 0 {
				t.Errorf("partition %d has %d watches left", i, n)
			}
		}
	}

	f := begin(1, "0@0", "1@0", "7@0") // an unknown partition does not cut it short
	w.part("a", 1).add(1, 10, 1, true)
	done(f, "0 0:0@0(0) 1:0@1(78) 7:3@-1(0)")

	f = begin(1, "0@0", "2@0")
	w.pass(499 * time.Millisecond)
	if f.resp != nil {
		t.Fatal("answered before its time")
	}
	w.pass(time.Millisecond)
	done(f, "0 0:0@0(0) 2:0@0(0)")

	f = begin(200, "0@0", "1@1") // needs three batches, from two partitions
	w.part("a", 0).add(1, 10, 1, true)
	w.part("a", 1).add(1, 10, 1, true)
	w.run()
	if f.resp != nil {
		t.Fatal("answered with too little")
	}
	w.part("a", 0).add(1, 10, 1, true)
	done(f, "0 0:0@2(156) 1:0@2(78)")

	f = begin(1000, "0@0") // has some, wants more, and gets what there is in the end
	w.pass(time.Second)
	done(f, "0 0:0@2(156)")

	f = begin(1, "0@2", "2@0")
	w.part("a", 2).resign()
	done(f, "0 0:0@2(0) 2:6@-1(0)")

	f = begin(1000, "0@2") // growth that is no longer in the tail counts as enough
	w.part("a", 0).add(1, 10, 1, false)
	w.env.Tail.Drop(w.part("a", 0).id)
	done(f, "0 0:0@3(78)")

	f = begin(1, "0@3", "1@2")
	f.c.OnClose(f.c)
	w.run()
	if !f.cut || len(w.timers) != 0 || len(w.part("a", 0).watches)+len(w.part("a", 1).watches) != 0 {
		t.Errorf("a fetch whose connection has gone goes on: %v", f)
	}
	w.leaks()
}

func TestFetchDoesNotWait(t *testing.T) {
	w := newWorld(t, 1, nil)
	top := w.topic("a", []int32{1}, []int32{1})
	f := func(r *kmsg.FetchRequest) {
		t.Helper()
		if w.begin(12, r).resp == nil {
			t.Error("not answered at once")
		}
	}
	f(fetchOf(top, "0@0", "1@1"))  // out of range
	f(fetchOf(top, "7@0"))         // nothing to wait for
	f(fetchOf(&meta.Topic{}))      // nothing at all
	f(fetchOf(top, "0@0", "1@-1")) // out of range
	r := fetchOf(top, "0@0")
	r.MaxWaitMillis = 0
	f(r)
	r = fetchOf(top, "0@0")
	r.MinBytes = 0
	f(r)
	r = fetchOf(top, "0@0")
	r.MaxBytes = 0 // no more than that can be wanted
	f(r)
	w.leaks()
}

// A connection that goes while the store is read leaves nothing behind.
func TestFetchClosedWhileReading(t *testing.T) {
	w := newWorld(t, 1, nil)
	top := w.topic("a", []int32{1}, []int32{1})
	w.part("a", 0).add(1, 10, 100, false)
	w.part("a", 1).add(1, 10, 100, true)
	w.hold = true
	f := w.begin(12, fetchOf(top, "0@0", "1@0"))
	f.c.OnClose(f.c)
	w.hold = false
	w.run()
	if !f.cut {
		t.Error("not ended")
	}
	w.leaks()
}

func TestFetchOverSessions(t *testing.T) {
	w := newWorld(t, 1, nil)
	top := w.topic("a", []int32{1}, []int32{1}, []int32{1})
	for i := range 3 {
		w.part("a", i).add(1, 10, 100, true)
	}
	step := func(version int16, id, epoch int32, want string, r *kmsg.FetchRequest) int32 {
		t.Helper()
		if r == nil {
			r = fetchOf(top)
			r.Topics = nil
		}
		r.SessionID, r.SessionEpoch = id, epoch
		resp := w.fetch(version, r)
		expect(t, "answer", shown(resp), want)
		return resp.SessionID
	}
	s := step(12, 0, 0, "0 0:0@1(78) 1:0@1(0) 7:3@-1(0)", fetchOf(top, "0@0", "1@1", "7@0"))
	if s <= 0 {
		t.Fatal("no session")
	}
	step(12, s, 1, "0 0:0@1(78) 7:3@-1(0)", nil)
	step(12, s, 1, "71", nil)
	step(13, s, 2, "106", nil)
	step(12, s, 2, "0 0:0@1(78) 2:0@1(78) 7:3@-1(0)", fetchOf(top, "2@0"))
	step(12, s, 3, "0 0:0@1(78) 2:0@1(78) 7:3@-1(0)", nil)
	r := fetchOf(top, "0@1")
	r.ForgottenTopics = []kmsg.FetchRequestForgottenTopic{{Topic: "a", Partitions: []int32{7, 2}}}
	if got := step(12, s, 4, "0", r); got != s {
		t.Errorf("session %d of an empty answer", got)
	}
	w.part("a", 1).add(1, 10, 100, true)
	step(12, s, 5, "0 1:0@2(78)", nil)
	step(12, s, -1, "0 2:0@1(78)", fetchOf(top, "2@0"))
	step(12, s, 6, "70", nil)
	step(12, 0, 1, "70", nil)
	s = step(12, 0, 0, "0", nil)
	if s == 0 {
		t.Error("no session without topics")
	}
	if s = step(12, s, 1, "0", nil); s != 0 {
		t.Error("a session without topics goes on")
	}
	w.leaks()
}

// brokenData cannot read one partition.
type brokenData struct {
	storage.Data
	part uint32
}

func (d brokenData) Read(part uint32, offset, limit int64, maxBytes int, minOne bool) (storage.Batches, error) {
	if part == d.part {
		return storage.Batches{}, &storage.CorruptError{PartID: part, Offset: offset, Err: errors.New("the checksum of the batch does not fit")}
	}
	return d.Data.Read(part, offset, limit, maxBytes, minOne)
}

// Damage is told to the client, and to the partition: another replica may have what it has lost.
func TestFetchOfDamage(t *testing.T) {
	w := newWorld(t, 1, nil)
	top := w.topic("a", []int32{1}, []int32{1})
	w.part("a", 0).add(2, 10, 100, false)
	w.part("a", 1).add(1, 10, 300, false)
	w.env.Data = brokenData{w.data, w.part("a", 0).id}
	expect(t, "damage", shown(w.fetch(12, fetchOf(top, "0@0", "1@0"))), "0 0:56@-1(0) 1:0@1(78)")
	if u := w.part("a", 0).unreadable; len(u) != 1 || u[0].LeaderEpoch != w.part("a", 0).epoch || u[0].Err == nil {
		t.Errorf("the partition was told %+v", u)
	}
	if u := w.part("a", 1).unreadable; len(u) != 0 {
		t.Errorf("the other partition was told %+v", u)
	}
	w.leaks()
}
