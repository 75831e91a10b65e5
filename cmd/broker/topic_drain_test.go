package main

import (
	"encoding/binary"
	"hash/crc32"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

func TestSpansEndByPosition(t *testing.T) {
	w := plan{0: {0, 5}, 1: {7, 7}, 2: {3, -1}}.spans()
	if len(w) != 2 || w[1] != nil {
		t.Fatalf("open: %v", w)
	}
	if !w.wants(0, 4) || w.wants(0, 5) || w.wants(1, 7) || !w.wants(2, 1<<40) {
		t.Fatal("wants")
	}
	w.pass(0, 3)
	w.pass(0, 1) // never back
	if w[0].next != 3 {
		t.Fatalf("next is %d, want 3", w[0].next)
	}
	w.pass(0, 9) // offset 4 was never delivered: what came next lies behind the end
	w.pass(0, 9) // of a finished span
	if w[0] != nil || w.done() {
		t.Fatalf("open: %v", w)
	}
	w.pass(2, 1<<40)
	if w.done() {
		t.Fatal("a span without an end ended")
	}
}

// TestDeliverable: a batch that compaction emptied still covers its offsets, so a reader is behind it.
func TestDeliverable(t *testing.T) {
	batch := kmsg.RecordBatch{FirstOffset: 10, PartitionLeaderEpoch: 0, Magic: 2, LastOffsetDelta: 4, ProducerID: -1, ProducerEpoch: -1, FirstSequence: -1}
	raw := batch.AppendTo(nil)
	binary.BigEndian.PutUint32(raw[8:], uint32(len(raw)-12))
	binary.BigEndian.PutUint32(raw[17:], crc32.Checksum(raw[21:], crc32.MakeTable(crc32.Castagnoli)))
	rp := kmsg.NewFetchResponseTopicPartition()
	rp.HighWatermark, rp.RecordBatches = 15, raw
	if got := deliverable("t", &rp, 12); got != 15 {
		t.Fatalf("behind an empty batch of offsets 10 to 14: %d, want 15", got)
	}
	rp.RecordBatches = nil
	if got := deliverable("t", &rp, 12); got != 12 {
		t.Fatalf("nothing there: %d, want 12", got)
	}
}
