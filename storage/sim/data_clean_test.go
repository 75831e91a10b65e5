package sim_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"troupe/storage"
	"troupe/storage/record"
	"troupe/storage/sim"
)

// randomClean shrinks some batches of a partition below the start of a segment; nil if there is none.
func randomClean(rng *rand.Rand, l *logs, d storage.Data, id uint32) *storage.Clean {
	l.t.Helper()
	at, err := d.Dirt(id)
	must(l.t, err)
	through := l.through[id]
	if n := len(at.Segments); n > 0 && rng.IntN(3) > 0 {
		through = max(through, at.Segments[rng.IntN(n)].End)
	}
	if through <= at.Start {
		return nil
	}
	c := &storage.Clean{Through: through, To: at.Start + rng.Int64N(through-at.Start+1)}
	b, err := d.Read(id, at.Start, through, 1<<30, true)
	must(l.t, err)
	for p := flat(b); len(p) > 0; {
		x := record.Batch(p)
		n := int(x.Length()) + record.Overhead
		x, p = x[:n], p[n:]
		s, err := record.Shrink(x, int64(rng.IntN(3))-1, func(record.Entry) bool { return rng.IntN(2) > 0 })
		switch {
		case err != nil:
			l.t.Fatal(err)
		case s.Batch != nil:
			c.Batches = append(c.Batches, storage.Rewrite{Last: x.LastOffset(), Was: n, Batch: s.Batch})
		case s.Kept == 0 && rng.IntN(2) == 0:
			c.Batches = append(c.Batches, storage.Rewrite{Last: x.LastOffset(), Was: n, Batch: record.Emptied(x)})
		case s.Kept == 0:
			c.Batches = append(c.Batches, storage.Rewrite{Last: x.LastOffset(), Was: n})
		}
	}
	return c
}

// segment appends batches of one record each and rolls behind them.
func (l *logs) segment(id uint32, n, size int, ms int64) {
	l.t.Helper()
	for range n {
		l.append(id, rec(1, ms, size))
	}
	l.ops(storage.Op{Kind: storage.OpRoll, PartID: id, Offset: l.end[id], TimeMs: ms, Bytes: l.sum[id]})
}

// without is a step of compaction that drops the batches of one record at the given offsets.
func (l *logs) without(id uint32, size int, through, to int64, offsets ...int64) {
	l.t.Helper()
	c := &storage.Clean{Through: through, To: to}
	for _, o := range offsets {
		b, err := record.Build(record.Plain(), rec(1, 1, size))
		must(l.t, err)
		c.Batches = append(c.Batches, storage.Rewrite{Last: o, Was: len(b)})
	}
	l.ops(storage.Op{Kind: storage.OpClean, PartID: id, Clean: c})
}

// TestCompactedLog tells what compaction changes of a log and what it leaves, in small.
func TestCompactedLog(t *testing.T) {
	each(t, func(t *testing.T, s subject) {
		l := newLogs(t, s)
		l.segment(1, 10, 100, 1000)
		l.segment(1, 10, 100, 2000)
		l.append(1, rec(1, 3000, 100))
		one := l.sum[1] / 21
		f := func(want string) {
			t.Helper()
			for range 2 {
				d, err := s.Dirt(1)
				must(t, err)
				size, err := s.Size(1)
				must(t, err)
				at, err := s.Load(1)
				must(t, err)
				got := fmt.Sprintf("%d clean %d (%d), size %d, end %d:", d.Start, d.Clean, d.CleanBytes/one, size/one, at.End)
				for _, x := range d.Segments {
					got += fmt.Sprintf(" %d-%d (%d) %d", x.Base, x.End, x.Bytes/one, x.MaxTime)
				}
				same(t, "log", got, want)
				same(t, "appended", at.Bytes, l.sum[1])
				s = s.again()
				l.to = []storage.Data{s}
			}
		}
		f("0 clean 0 (0), size 21, end 21: 0-10 (10) 1000 10-20 (10) 2000")
		l.without(1, 100, 10, 0, 0, 1)
		f("0 clean 0 (0), size 19, end 21: 0-10 (8) 1000 10-20 (10) 2000")
		l.without(1, 100, 10, 5, 2)
		f("0 clean 5 (2), size 18, end 21: 5-10 (5) 1000 10-20 (10) 2000")
		l.without(1, 100, 20, 20, 3, 8, 12, 19)
		f("0 clean 20 (13), size 14, end 21:")
		same(t, "batches", offsets(t, s, 1, 0, 21, 1<<20, true), "4-4 5-5 6-6 7-7 9-9 10-10 11-11 13-13 14-14 15-15 16-16 17-17 18-18 20-20 ")
		same(t, "from a gap", offsets(t, s, 1, 19, 21, 1<<20, true), "20-20 ")
		for _, x := range []struct{ most, want int64 }{{14 * one, 0}, {9 * one, 10}, {10 * one, 0}, {one, 20}, {one + 1, 10}} {
			got, err := s.Expire(1, 0, 21, time.Time{}, x.most)
			must(t, err)
			same(t, fmt.Sprint("expire to ", x.most/one), got, x.want)
		}
		l.ops(storage.Op{Kind: storage.OpSetStart, PartID: 1, Offset: 7})
		f("7 clean 20 (10), size 11, end 21:")
		l.segment(1, 2, 100, 4000)
		f("7 clean 20 (10), size 13, end 23: 20-23 (3) 4000")
		l.ops(storage.Op{Kind: storage.OpSetStart, PartID: 1, Offset: 21})
		f("21 clean 21 (0), size 2, end 23: 21-23 (2) 4000")
		l.without(1, 100, 23, 23, 21, 22)
		f("21 clean 23 (0), size 0, end 23:")
		l.append(1, rec(1, 5000, 100))
		f("21 clean 23 (0), size 1, end 24:")
		must(t, s.Close())
	})
}

// TestCutInCompactedPart: a log that is cut off where it was compacted goes on with what it knows.
func TestCutInCompactedPart(t *testing.T) {
	each(t, func(t *testing.T, s subject) {
		l := newLogs(t, s)
		l.segment(1, 10, 100, 1000)
		l.segment(1, 10, 100, 2000)
		one := l.sum[1] / 20
		l.without(1, 100, 20, 20, 0, 1, 9, 13)
		l.ops(storage.Op{Kind: storage.OpTruncate, PartID: 1, Offset: 15})
		check := func(end, size int64) {
			t.Helper()
			for range 2 {
				at, err := s.Load(1)
				must(t, err)
				got, err := s.Size(1)
				must(t, err)
				same(t, "end and size", fmt.Sprint(at.End, got/one), fmt.Sprint(end, size))
				if at.Bytes < at.Roll.Bytes {
					t.Errorf("%d bytes were appended, and %d before the active segment", at.Bytes, at.Roll.Bytes)
				}
				l.end[1], l.sum[1] = at.End, at.Bytes
				s = s.again()
				l.to = []storage.Data{s}
			}
		}
		check(15, 11)
		l.append(1, rec(1, 3000, 100))
		check(16, 12)
		must(t, s.Close())
	})
}

// TestCrashInCompaction: what was waited for of a step survives, and never a part of it.
func TestCrashInCompaction(t *testing.T) {
	for seed := range uint64(30) {
		rng := rand.New(rand.NewPCG(seed, 3))
		disk := sim.NewDisk()
		s := pebble(t, disk, storage.Options{})
		l := newLogs(t, s)
		l.segment(1, 20, 3000, 1000)
		l.append(1, rec(1, 3000, 10))
		var open []*storage.Write
		waited := 0
		for i := range int64(4) {
			c := &storage.Clean{Through: 20, To: 5 * (i + 1)}
			for o := 5 * i; o < 5*i+4; o++ {
				b, err := record.Build(record.Plain(), rec(1, 1, 3000))
				must(t, err)
				c.Batches = append(c.Batches, storage.Rewrite{Last: o, Was: len(b)})
			}
			w := &storage.Write{Ops: []storage.Op{{Kind: storage.OpClean, PartID: 1, Clean: c}}}
			must(t, s.Apply(w))
			if open = append(open, w); rng.IntN(2) == 0 {
				for _, w := range open {
					must(t, s.Wait(w))
				}
				open, waited = nil, int(i)+1
			}
		}
		after := disk.Crash(rng, []int{0, 50, 100}[seed%3])
		for _, w := range open {
			must(t, s.Wait(w))
		}
		must(t, s.Close())
		again := pebble(t, after, storage.Options{})
		got := offsets(t, again, 1, 0, 21, 1<<20, true)
		fits := -1
		for n := 0; n <= 4; n++ {
			want := ""
			for o := range 21 {
				if o >= 5*n || o%5 == 4 || o == 20 {
					want += fmt.Sprintf("%d-%d ", o, o)
				}
			}
			if got == want {
				fits = n
			}
		}
		d, err := again.Dirt(1)
		must(t, err)
		if fits < waited || d.Clean != int64(5*fits) {
			t.Errorf("seed %d: %d steps were waited for, %d are there, clean up to %d: %s", seed, waited, fits, d.Clean, got)
		}
		must(t, again.Close())
	}
}
