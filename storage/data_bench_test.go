package storage

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"troupe/storage/record"
)

// BenchmarkAppend is the write path without actors: requests as slabs, two commits in flight, on a real disk (TMPDIR).
func BenchmarkAppend(b *testing.B) {
	for _, c := range []struct {
		size, parts, perSlab int
	}{{16 << 10, 100, 16}, {1 << 10, 1000, 100}, {128 << 10, 12, 12}} {
		for _, buffered := range []bool{false, true} {
			name := fmt.Sprintf("%dKiBx%d", c.size>>10, c.parts)
			if buffered {
				name += "/buffered"
			}
			b.Run(name, func(b *testing.B) { benchAppend(b, c.size, c.parts, c.perSlab, buffered) })
		}
	}
}

func benchAppend(b *testing.B, size, parts, perSlab int, buffered bool) {
	dir := b.TempDir()
	e := openData(b, dir, Options{BufferedIO: buffered})
	rng := rand.New(rand.NewPCG(1, 1))
	v := make([]byte, size)
	for i := 0; i+8 <= size; i += 8 {
		be.PutUint64(v[i:], rng.Uint64())
	}
	batch, err := record.Build(record.Plain(), []record.Record{{Timestamp: 1, Value: v}})
	mustData(b, err)
	end, sum := make([]int64, parts), make([]int64, parts)
	next := 0
	var waiting []*Write
	finish := func(w *Write) {
		mustData(b, e.Wait(w))
		w.Records[0].Slab.Release()
	}
	b.SetBytes(int64(len(batch) * perSlab))
	b.ReportAllocs()
	b.ResetTimer()
	for b.Loop() {
		s := NewSlab(perSlab * (len(batch) + SlabOverhead))
		w := &Write{Records: make([]Append, 0, perSlab)}
		for range perSlab {
			i, _ := s.Add(len(batch))
			copy(s.Batch(i), batch)
			p := next % parts
			next++
			record.Batch(s.Batch(i)).SetBaseOffset(end[p])
			w.Records = append(w.Records, Append{PartID: uint32(p), Base: end[p], Last: end[p], Slab: s, At: i, MaxTime: 1, Bytes: sum[p]})
			end[p]++
			sum[p] += int64(len(batch))
		}
		mustData(b, e.Apply(w))
		if waiting = append(waiting, w); len(waiting) > 2 {
			finish(waiting[0])
			waiting = waiting[1:]
		}
	}
	for _, w := range waiting {
		finish(w)
	}
	b.StopTimer()
	m := e.Metrics()
	b.ReportMetric((m["wal_written_bytes_total"]+m["flushed_bytes_total"]+m["compacted_bytes_total"])/m["wal_in_bytes_total"], "writes/byte")
	mustData(b, e.Close())
}
