package record

import (
	"bytes"
	"encoding/binary"
	"runtime"
	"slices"
	"testing"
)

// mixed is a batch of five records: a key twice, a tombstone, no key, headers.
func mixed() []Record {
	return []Record{
		{Timestamp: 1000, Key: []byte("a"), Value: []byte("1")},
		{Timestamp: 990, Key: []byte("b"), Value: nil},
		{Timestamp: 1500, Key: nil, Value: []byte("none")},
		{Timestamp: 1200, Key: []byte("a"), Value: []byte("2"), Headers: []Header{{"h", []byte("v")}, {"n", nil}}},
		{Timestamp: 1100, Key: []byte(""), Value: bytes.Repeat([]byte("x"), 100_000)},
	}
}

func TestEntries(t *testing.T) {
	for _, c := range []Codec{None, Gzip, Snappy, LZ4, Zstd} {
		o := Plain()
		o.Codec = c
		var got []string
		if err := Entries(built(t, o, mixed()...), func(e Entry) bool {
			s := "null"
			if e.Key != nil {
				s = "key " + string(e.Key)
			}
			if e.Tombstone {
				s += " tombstone"
			}
			got = append(got, s)
			return true
		}); err != nil {
			t.Fatal(err)
		}
		if want := []string{"key a", "key b tombstone", "null", "key a", "key "}; !slices.Equal(got, want) {
			t.Errorf("%s: %q", c, got)
		}
	}
}

func TestShrink(t *testing.T) {
	for _, c := range []Codec{None, Gzip, Snappy, LZ4, Zstd} {
		o := Plain()
		o.Codec, o.BaseOffset, o.LeaderEpoch, o.ProducerID, o.ProducerEpoch, o.BaseSequence = c, 40, 3, 77, 2, 9
		b := built(t, o, mixed()...)
		// f shrinks to the records whose offset deltas are named.
		f := func(horizon int64, deltas ...int32) Shrunk {
			t.Helper()
			s, err := Shrink(b, horizon, func(e Entry) bool { return slices.Contains(deltas, e.OffsetDelta) })
			if err != nil {
				t.Fatal(err)
			}
			if s.Kept != len(deltas) || s.Kept+s.Gone != 5 {
				t.Errorf("kept %d, gone %d", s.Kept, s.Gone)
			}
			if s.Batch == nil {
				return s
			}
			x := s.Batch
			if !x.Intact() || x.BaseOffset() != 40 || x.LastOffset() != 44 || x.Codec() != c || x.ProducerID() != 77 || x.ProducerEpoch() != 2 ||
				x.BaseSequence() != 9 || x.LastSequence() != b.LastSequence() || x.LeaderEpoch() != 3 || int(x.Count()) != len(deltas) {
				t.Errorf("%s: the header is not what it was: %x", c, x[:HeaderLen])
			}
			was, _ := Records(b)
			now, err := Records(x)
			if err != nil {
				t.Fatal(err)
			}
			most := NoTime
			for i, d := range deltas {
				w, n := was[d], now[i]
				most = max(most, w.Timestamp)
				if n.Offset != w.Offset || n.Timestamp != w.Timestamp || !bytes.Equal(n.Key, w.Key) || (n.Key == nil) != (w.Key == nil) ||
					!bytes.Equal(n.Value, w.Value) || (n.Value == nil) != (w.Value == nil) || len(n.Headers) != len(w.Headers) {
					t.Errorf("%s: record %d is %+v, and was %+v", c, d, n, w)
				}
			}
			if x.MaxTimestamp() != most {
				t.Errorf("%s: the greatest timestamp is %d, not %d", c, x.MaxTimestamp(), most)
			}
			return s
		}
		if s := f(-1, 0, 1, 2, 3, 4); s.Batch != nil {
			t.Error("rebuilt without need")
		}
		if s := f(-1); s.Batch != nil {
			t.Error("a batch without records")
		}
		f(-1, 3)
		f(-1, 1, 4)
		if s := f(5000, 0, 3); s.Batch == nil || horizonOf(s.Batch) != -1 {
			t.Error("a horizon without a tombstone")
		}
		for _, deltas := range [][]int32{{0, 1, 2, 3, 4}, {1}, {1, 3}} {
			s := f(5000, deltas...)
			if horizonOf(s.Batch) != 5000 {
				t.Errorf("%s: horizon %d", c, horizonOf(s.Batch))
			}
			// It stays when the batch is shrunk again.
			again, err := Shrink(s.Batch, -1, func(e Entry) bool { return e.Tombstone })
			if err != nil || len(deltas) > 1 && horizonOf(again.Batch) != 5000 {
				t.Errorf("%s: the horizon went: %v", c, err)
			}
		}
	}
}

func horizonOf(b Batch) int64 {
	if ms, ok := b.DeleteHorizon(); ok {
		return ms
	}
	return -1
}

func TestShrinkAppendTime(t *testing.T) {
	b := built(t, Plain(), mixed()...)
	b.SetLogAppendTime(9000)
	s, err := Shrink(b, 5000, func(e Entry) bool { return e.OffsetDelta < 2 })
	if err != nil {
		t.Fatal(err)
	}
	recs, _ := Records(s.Batch)
	if !s.Batch.Intact() || !s.Batch.LogAppendTime() || s.Batch.MaxTimestamp() != 9000 || len(recs) != 2 || recs[1].Timestamp != 9000 {
		t.Errorf("%+v", recs)
	}
}

func TestEmptied(t *testing.T) {
	o := Plain()
	o.Codec, o.BaseOffset, o.ProducerID, o.ProducerEpoch, o.BaseSequence = Zstd, 40, 77, 2, 9
	b := built(t, o, mixed()...)
	x := Emptied(b)
	if !x.Intact() || len(x) != HeaderLen || x.Count() != 0 || x.BaseOffset() != 40 || x.LastOffset() != 44 || x.ProducerID() != 77 || x.LastSequence() != b.LastSequence() || x.Codec() != None {
		t.Errorf("%x", x)
	}
	if err := Each(x, func(int, Meta) bool { return false }); err != nil {
		t.Error(err)
	}
	if s, err := Shrink(x, 5000, func(Entry) bool { return true }); err != nil || s.Batch != nil || s.Kept != 0 {
		t.Error(s, err)
	}
}

func TestShrinkRefusesDamage(t *testing.T) {
	b := built(t, Plain(), mixed()...)
	for _, x := range []Batch{b[:HeaderLen-1], b[:len(b)-1], edit(b, func(b Batch) { be.PutUint32(b[atCount:], 6) }), edit(b, func(b Batch) { be.PutUint32(b[atCount:], 4) })} {
		if _, err := Shrink(x, -1, func(Entry) bool { return false }); err == nil {
			t.Error("damage passed")
		}
	}
}

// TestShrinkOfManyRecords: a client decides how many records it packs into a megabyte, so what compaction takes for a batch goes by the bytes of
// its records, not by their number.
func TestShrinkOfManyRecords(t *testing.T) {
	const n = 100_000
	recs := make([]Record, n)
	for i := range recs {
		recs[i] = Record{Timestamp: 1000, Key: binary.BigEndian.AppendUint32(nil, uint32(i)), Value: []byte{}}
	}
	b, err := Build(Plain(), recs) // without the memory of a codec
	if err != nil {
		t.Fatal(err)
	}
	body := b.Payload()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	s, bad := Shrink(b, -1, func(e Entry) bool { return e.OffsetDelta%1000 != 7 })
	runtime.ReadMemStats(&after)
	if bad != nil || s.Kept != n-n/1000 || s.Gone != n/1000 {
		t.Fatalf("%d kept, %d gone, %v", s.Kept, s.Gone, bad)
	}
	if took := after.TotalAlloc - before.TotalAlloc; took > uint64(4*len(body)) {
		t.Errorf("%d KB for records of %d KB", took>>10, len(body)>>10)
	}
	at := 0
	if bad := Entries(s.Batch, func(e Entry) bool {
		for at%1000 == 7 {
			at++
		}
		if int(e.OffsetDelta) != at || int(binary.BigEndian.Uint32(e.Key)) != at {
			t.Fatalf("record %d where %d should be", e.OffsetDelta, at)
		}
		at++
		return true
	}); bad != nil || at != n {
		t.Fatal(at, bad)
	}
}
