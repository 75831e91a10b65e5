package api

import (
	"fmt"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// manyTopic makes a topic of n partitions, of which partition i ends at offset i.
func (w *world) manyTopic(n int) {
	list := make([][]int32, n)
	for i := range list {
		list[i] = []int32{1}
	}
	w.topic("a", list...)
	for i := range n {
		w.part("a", i).end = int64(i)
	}
}

// TestManyInAnyOrder: a request over many partitions takes their answers in whatever order they come, each for its own partition, and asks
// each of them once.
func TestManyInAnyOrder(t *testing.T) {
	const n = 3000
	for _, lifo := range []bool{false, true} {
		w := newWorld(t, 1, nil)
		w.manyTopic(n)
		w.lifo = lifo

		lo, fe, fr := kmsg.NewPtrListOffsetsRequest(), kmsg.NewPtrOffsetForLeaderEpochRequest(), kmsg.NewPtrFetchRequest()
		lot, fet, frt := kmsg.ListOffsetsRequestTopic{Topic: "a"}, kmsg.OffsetForLeaderEpochRequestTopic{Topic: "a"}, kmsg.FetchRequestTopic{Topic: "a"}
		for i := range int32(n) {
			p := kmsg.NewListOffsetsRequestTopicPartition()
			p.Partition, p.Timestamp = i, -1
			lot.Partitions = append(lot.Partitions, p)
			q := kmsg.NewOffsetForLeaderEpochRequestTopicPartition()
			q.Partition, q.CurrentLeaderEpoch = i, -1
			fet.Partitions = append(fet.Partitions, q)
			r := kmsg.NewFetchRequestTopicPartition()
			r.Partition, r.FetchOffset, r.PartitionMaxBytes = i, int64(i), 1<<20
			frt.Partitions = append(frt.Partitions, r)
		}
		lo.Topics, fe.Topics, fr.Topics = append(lo.Topics, lot), append(fe.Topics, fet), append(fr.Topics, frt)
		fr.MaxWaitMillis, fr.MinBytes, fr.MaxBytes = 100, 1, 1<<20

		for i, p := range w.ask(5, lo).(*kmsg.ListOffsetsResponse).Topics[0].Partitions {
			if p.Partition != int32(i) || p.ErrorCode != 0 || p.Offset != int64(i) {
				t.Fatalf("lifo %v: ListOffsets of partition %d: %+v", lifo, i, p)
			}
		}
		for i, p := range w.ask(4, fe).(*kmsg.OffsetForLeaderEpochResponse).Topics[0].Partitions {
			if p.Partition != int32(i) || p.ErrorCode != 0 || p.EndOffset != int64(i) {
				t.Fatalf("lifo %v: OffsetForLeaderEpoch of partition %d: %+v", lifo, i, p)
			}
		}
		for i, p := range w.ask(11, fr).(*kmsg.FetchResponse).Topics[0].Partitions {
			if p.Partition != int32(i) || p.ErrorCode != 0 || p.HighWatermark != int64(i) {
				t.Fatalf("lifo %v: Fetch of partition %d: %+v", lifo, i, p)
			}
		}
		for i := range n {
			if p := w.part("a", i); p.reads != 1 || p.unwatched != 1 || len(p.watches) != 0 {
				t.Fatalf("lifo %v: partition %d was read %d times, %d watches called off, %d left", lifo, i, p.reads, p.unwatched, len(p.watches))
			}
		}
		w.leaks()
	}
}

// TestWaitAddsUp: a fetch that waits over many partitions ends when all that grew is enough together, whichever grew how often.
func TestWaitAddsUp(t *testing.T) {
	w := newWorld(t, 1, nil)
	w.manyTopic(3)
	for i := range 3 {
		w.part("a", i).end = 0
	}
	w.part("a", 0).add(1, 1, 1000, true)
	size := w.fetched(0)
	f := w.begin(11, w.fetchAll(3, int32(4*size)))
	for i, part := range []int{1, 1, 2} { // the first has one already
		if f.resp != nil {
			t.Fatalf("answered with %d batches", i+1)
		}
		w.part("a", part).add(1, 1, 1000, true)
		w.run()
	}
	if f.resp == nil {
		t.Fatal("not answered, though there is enough")
	}
	got := ""
	for _, p := range f.answer().(*kmsg.FetchResponse).Topics[0].Partitions {
		got += fmt.Sprint(p.Partition, ":", len(p.RecordBatches)/size, " ")
	}
	expect(t, "batches", got, "0:1 1:2 2:1 ")
	w.leaks()
}

// fetchAll is a fetch of partitions 0 to n-1 from their start that waits for least bytes.
func (w *world) fetchAll(n, least int32) *kmsg.FetchRequest {
	r := kmsg.NewPtrFetchRequest()
	t := kmsg.FetchRequestTopic{Topic: "a"}
	for i := range n {
		p := kmsg.NewFetchRequestTopicPartition()
		p.Partition, p.PartitionMaxBytes = i, 1<<20
		t.Partitions = append(t.Partitions, p)
	}
	r.Topics, r.MinBytes, r.MaxBytes, r.MaxWaitMillis = append(r.Topics, t), least, 1<<20, 10_000
	return r
}

// fetched is how many bytes one partition gives.
func (w *world) fetched(part int) int {
	w.t.Helper()
	n := len(w.ask(11, w.fetchAll(int32(part)+1, 1)).(*kmsg.FetchResponse).Topics[0].Partitions[part].RecordBatches)
	if n == 0 {
		w.t.Fatalf("nothing read of partition %d", part)
	}
	return n
}
