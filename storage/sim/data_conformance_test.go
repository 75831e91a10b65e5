package sim_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"troupe/storage"
	"troupe/storage/record"
	"troupe/storage/sim"
)

// subject is an engine under test. again ends it in good order and opens what it left.
type subject struct {
	storage.Data
	again func() subject
}

func model(d *sim.Data) subject { return subject{d, func() subject { return model(d.Reopen()) }} }

func pebble(t *testing.T, disk *sim.Disk, o storage.Options) subject {
	t.Helper()
	if o.OnFatal == nil {
		o.OnFatal = func(r string) { t.Error("fatal: " + r) }
	}
	d, err := disk.Open("data", o)
	if err != nil {
		t.Fatal(err)
	}
	return subject{d, func() subject {
		must(t, d.Close())
		return pebble(t, disk, o)
	}}
}

func each(t *testing.T, test func(t *testing.T, s subject)) {
	t.Run("model", func(t *testing.T) { test(t, model(sim.NewData())) })
	t.Run("pebble", func(t *testing.T) {
		s := pebble(t, sim.NewDisk(), storage.Options{VerifyReads: true})
		test(t, s)
	})
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// rec is n records with rising timestamps from ts on, of size bytes each.
func rec(n int, ts int64, size int) []record.Record {
	out := make([]record.Record, n)
	for i := range out {
		out[i] = record.Record{Timestamp: ts + int64(i), Key: []byte("k"), Value: bytes.Repeat([]byte{byte(ts)}, size)}
	}
	return out
}

// noise fills b with what cannot be compressed, so that sizes are what they say.
func noise(rng *rand.Rand, b []byte) {
	for ; len(b) >= 8; b = b[8:] {
		binary.NativeEndian.PutUint64(b, rng.Uint64())
	}
}

// logs writes as partitions and writer do: contiguous offsets, cumulative bytes.
type logs struct {
	t   testing.TB
	to  []storage.Data
	end map[uint32]int64
	sum map[uint32]int64
	// through is where compaction has rewritten what lies below.
	through map[uint32]int64
}

func newLogs(t testing.TB, to ...storage.Data) *logs {
	return &logs{t, to, map[uint32]int64{}, map[uint32]int64{}, map[uint32]int64{}}
}

// write is a Write with one slab holding a batch for each of the partitions.
func (l *logs) write(batches map[uint32][]record.Record, o record.BuildOpts, ops ...storage.Op) *storage.Write {
	l.t.Helper()
	w := &storage.Write{Ops: ops}
	var ids []uint32
	n := 0
	built := map[uint32]record.Batch{}
	for id, rs := range batches {
		b, err := record.Build(o, rs)
		must(l.t, err)
		built[id] = b
		n += storage.SlabSize(1, len(b))
		ids = append(ids, id)
	}
	slices.Sort(ids)
	s := storage.NewSlab(n)
	for _, id := range ids {
		i, ok := s.Add(len(built[id]))
		if !ok {
			l.t.Fatal("no room in the slab")
		}
		copy(s.Batch(i), built[id])
		b := record.Batch(s.Batch(i))
		b.SetBaseOffset(l.end[id])
		a := storage.Append{PartID: id, Base: l.end[id], Last: b.LastOffset(), Slab: s, At: i, MaxTime: b.MaxTimestamp(), Bytes: l.sum[id], Unshared: l.end[id]%2 == 0}
		if o.ProducerID >= 0 {
			a.Producer = &storage.Producer{ID: o.ProducerID, Epoch: o.ProducerEpoch, LastTime: a.MaxTime,
				Batches: []storage.ProducerBatch{{FirstSeq: b.BaseSequence(), LastSeq: b.LastSequence(), Base: a.Base, Last: a.Last, MaxTime: a.MaxTime}}}
		}
		l.end[id] = a.Last + 1
		l.sum[id] += int64(len(b))
		w.Records = append(w.Records, a)
	}
	return w
}

func release(w *storage.Write) {
	for i := range w.Records {
		if i == 0 || w.Records[i].Slab != w.Records[i-1].Slab {
			w.Records[i].Slab.Release()
		}
	}
}

// commit makes a write durable everywhere.
func (l *logs) commit(w *storage.Write) {
	l.t.Helper()
	for _, d := range l.to {
		must(l.t, d.Apply(w))
		must(l.t, d.Wait(w))
	}
	release(w)
}

func (l *logs) append(id uint32, rs []record.Record) {
	l.t.Helper()
	l.commit(l.write(map[uint32][]record.Record{id: rs}, record.Plain()))
}

func (l *logs) ops(ops ...storage.Op) {
	l.t.Helper()
	l.commit(&storage.Write{Ops: ops})
}

// flat is the bytes of a read, given back at once.
func flat(b storage.Batches) []byte {
	out := bytes.Join(b.Data, nil)
	b.Release()
	return out
}

// offsets lists base-last of the batches in a read.
func offsets(t *testing.T, d storage.Data, id uint32, offset, limit int64, maxBytes int, minOne bool) string {
	t.Helper()
	b, err := d.Read(id, offset, limit, maxBytes, minOne)
	must(t, err)
	out := ""
	for p := flat(b); len(p) > 0; {
		x := record.Batch(p)
		n := int(x.Length()) + record.Overhead
		if !x[:n].Intact() {
			t.Fatalf("a damaged batch at offset %d", x.BaseOffset())
		}
		out += fmt.Sprintf("%d-%d ", x.BaseOffset(), x.LastOffset())
		p = p[n:]
	}
	return out
}

func same(t *testing.T, what string, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

func TestReadLimits(t *testing.T) {
	each(t, func(t *testing.T, s subject) {
		l := newLogs(t, s)
		for i := range 5 {
			l.append(7, rec(3, int64(1000+i*10), 100))
		}
		one := int(l.sum[7] / 5)
		f := func(offset, limit int64, maxBytes int, minOne bool, want string) {
			t.Helper()
			same(t, fmt.Sprint(offset, limit, maxBytes, minOne), offsets(t, s, 7, offset, limit, maxBytes, minOne), want)
		}
		f(0, 15, 1<<20, true, "0-2 3-5 6-8 9-11 12-14 ")
		f(4, 15, 1<<20, true, "3-5 6-8 9-11 12-14 ")
		f(4, 9, 1<<20, true, "3-5 6-8 ")
		f(5, 5, 1<<20, true, "")
		f(5, 6, 1<<20, true, "3-5 ")
		f(0, 15, 2*one, true, "0-2 3-5 ")
		f(0, 15, 2*one-1, true, "0-2 ")
		f(3, 15, one-1, true, "3-5 ")
		f(3, 15, one-1, false, "")
		f(3, 15, 0, true, "3-5 ")
		f(15, 15, 1<<20, true, "")
		same(t, "unknown partition", offsets(t, s, 8, 0, 100, 1<<20, true), "")
		must(t, s.Close())
	})
}

func TestTimes(t *testing.T) {
	each(t, func(t *testing.T, s subject) {
		l := newLogs(t, s)
		l.append(1, []record.Record{{Timestamp: 10}, {Timestamp: 30}, {Timestamp: 20}})
		l.append(1, []record.Record{{Timestamp: 5}, {Timestamp: 30}})
		l.append(1, []record.Record{{Timestamp: 40}})
		f := func(ts, start, limit int64, want string) {
			t.Helper()
			at, ok, err := s.OffsetForTime(1, ts, start, limit)
			must(t, err)
			same(t, fmt.Sprint("time ", ts), fmt.Sprint(at.Offset, at.Timestamp, ok), want)
		}
		f(0, 0, 6, "0 10 true")
		f(15, 0, 6, "1 30 true")
		f(15, 2, 6, "2 20 true")
		f(31, 0, 6, "5 40 true")
		f(31, 0, 5, "0 0 false")
		f(41, 0, 6, "0 0 false")
		g := func(start, limit int64, want string) {
			t.Helper()
			at, ok, err := s.MaxTimestamp(1, start, limit)
			must(t, err)
			same(t, fmt.Sprint("max in ", start, limit), fmt.Sprint(at.Offset, at.Timestamp, ok), want)
		}
		g(0, 6, "5 40 true")
		g(0, 5, "1 30 true")
		g(2, 5, "4 30 true")
		g(2, 3, "2 20 true")
		g(6, 6, "0 0 false")
		must(t, s.Close())
	})
}

func TestExpireBySegments(t *testing.T) {
	each(t, func(t *testing.T, s subject) {
		l := newLogs(t, s)
		for i := range 4 {
			w := l.write(map[uint32][]record.Record{1: rec(10, int64(1000*(i+1)), 100)}, record.Plain(),
				storage.Op{Kind: storage.OpRoll, PartID: 1, Offset: int64(10 * i), TimeMs: int64(1000*i + 7), Bytes: l.sum[1]})
			// The roll stands before the records of its segment.
			w.Ops[0].Bytes = w.Records[0].Bytes
			l.commit(w)
		}
		size := l.sum[1] / 4
		f := func(start, limit int64, minTime int64, maxBytes int64, want int64) {
			t.Helper()
			var at time.Time
			if minTime >= 0 {
				at = time.UnixMilli(minTime)
			}
			got, err := s.Expire(1, start, limit, at, maxBytes)
			must(t, err)
			same(t, fmt.Sprint(start, limit, minTime, maxBytes), got, want)
		}
		f(0, 40, -1, -1, 0)
		f(0, 40, 1010, -1, 10)
		f(0, 40, 1009, -1, 0)
		f(0, 40, 99999, -1, 30) // the active segment stays
		f(0, 25, 99999, -1, 20) // nothing above the high watermark goes
		f(10, 40, 1500, -1, 10)
		f(0, 40, -1, 4*size, 0)
		f(0, 40, -1, 3*size, 10)
		f(0, 40, -1, 3*size+1, 0)
		f(0, 40, -1, 0, 30)
		must(t, s.Close())
	})
}

// A write of several slabs: the age of what lies before a roll among its records is that of all of them.
func TestRollAmongSlabs(t *testing.T) {
	each(t, func(t *testing.T, s subject) {
		l := newLogs(t, s)
		one := func(ts int64) *storage.Write {
			return l.write(map[uint32][]record.Record{1: rec(1, ts, 10)}, record.Plain())
		}
		w, more, after := one(1000), one(5000), one(6000)
		w.Ops = []storage.Op{{Kind: storage.OpRoll, PartID: 1, TimeMs: 1}, {Kind: storage.OpRoll, PartID: 1, Offset: 2, TimeMs: 2, Bytes: after.Records[0].Bytes}}
		w.Records = append(append(w.Records, more.Records...), after.Records...)
		l.commit(w)
		at, err := s.Expire(1, 0, 3, time.UnixMilli(4000), -1)
		must(t, err)
		same(t, "with a record of 5000 before the roll", at, int64(0))
		at, err = s.Expire(1, 0, 3, time.UnixMilli(5001), -1)
		must(t, err)
		same(t, "when all of it is old", at, int64(2))
		must(t, s.Close())
	})
}

// A mark may come to the store before records that it follows: their frame waits for another partition's. It brings their age along.
func TestRollAheadOfItsRecords(t *testing.T) {
	each(t, func(t *testing.T, s subject) {
		l := newLogs(t, s)
		l.append(1, rec(1, 1000, 10))
		w := l.write(map[uint32][]record.Record{1: rec(1, 5000, 10)}, record.Plain())
		l.ops(storage.Op{Kind: storage.OpRoll, PartID: 1, Offset: 2, TimeMs: 2, Bytes: l.sum[1], MaxTime: 5000})
		l.commit(w)
		l.append(1, rec(1, 6000, 10))
		for _, again := range []bool{false, true} {
			at, err := s.Expire(1, 0, 3, time.UnixMilli(4000), -1)
			must(t, err)
			same(t, "with a record of 5000 before the roll", at, int64(0))
			at, err = s.Expire(1, 0, 3, time.UnixMilli(5001), -1)
			must(t, err)
			same(t, "when all of it is old", at, int64(2))
			if !again {
				s = s.again()
			}
		}
		must(t, s.Close())
	})
}

// Marks whose records a crash took are told, and a cut at the end takes them away for good.
func TestStaleMarks(t *testing.T) {
	each(t, func(t *testing.T, s subject) {
		l := newLogs(t, s)
		l.append(1, rec(2, 1000, 10))
		f := func(stale bool) {
			t.Helper()
			got, err := s.Load(1)
			must(t, err)
			same(t, "end, stale", fmt.Sprint(got.End, got.Stale), fmt.Sprint(2, stale))
		}
		f(false)
		l.ops(storage.Op{Kind: storage.OpRoll, PartID: 1, Offset: 2, TimeMs: 1, Bytes: l.sum[1], MaxTime: 1001})
		f(false)
		l.ops(storage.Op{Kind: storage.OpRoll, PartID: 1, Offset: 5, TimeMs: 2, Bytes: 999, MaxTime: 1002}, storage.Op{Kind: storage.OpEpoch, PartID: 1, Epoch: 3, Offset: 4})
		f(true)
		s = s.again()
		l.to = []storage.Data{s}
		f(true)
		l.ops(storage.Op{Kind: storage.OpTruncate, PartID: 1, Offset: 2})
		f(false)
		l.append(1, rec(4, 5000, 10))
		got, err := s.Load(1)
		must(t, err)
		same(t, "the segment and the epochs of the longer log", fmt.Sprint(got.End, got.Roll.Offset, got.Epochs, got.Stale), "6 2 [] false")
		must(t, s.Close())
	})
}

func TestDropAndPartitions(t *testing.T) {
	each(t, func(t *testing.T, s subject) {
		l := newLogs(t, s)
		for _, id := range []uint32{0, 3, 4, 1 << 31, 1<<32 - 1} {
			l.append(id, rec(2, 5, 10))
		}
		l.ops(storage.Op{Kind: storage.OpDrop, PartID: 3}, storage.Op{Kind: storage.OpDrop, PartID: 1<<32 - 1})
		must(t, s.Reclaim([]uint32{3, 1<<32 - 1}))
		for range 2 {
			ids, err := s.Partitions()
			must(t, err)
			same(t, "partitions", ids, []uint32{0, 4, 1 << 31})
			got, err := s.Load(3)
			must(t, err)
			same(t, "dropped", got, storage.Loaded{MaxTime: -1})
			s = s.again()
		}
		must(t, s.Close())
	})
}

// TestEnginesAgree drives both engines through the same random life and compares all that they can be asked.
func TestEnginesAgree(t *testing.T) {
	for seed := range uint64(20) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			before := storage.SlabsLive()
			rng := rand.New(rand.NewPCG(seed, 1))
			// Batches near half a memtable take Pebble's other way of committing.
			m, p := model(sim.NewData()), pebble(t, sim.NewDisk(), storage.Options{VerifyReads: true})
			l := newLogs(t)
			for step := range 60 {
				w := randomWrite(rng, l, m)
				for _, d := range []storage.Data{m, p} {
					must(t, d.Apply(w))
					must(t, d.Wait(w))
				}
				release(w)
				if rng.IntN(10) == 0 {
					m, p = m.again(), p.again()
				}
				compare(t, rng, m, p)
				for id := range uint32(3) {
					got, err := m.Load(id)
					must(t, err)
					l.end[id], l.sum[id] = got.End, got.Bytes
				}
				if t.Failed() {
					t.Fatalf("step %d: ops %+v", step, w.Ops)
				}
			}
			must(t, p.Close())
			if n := storage.SlabsLive() - before; n != 0 {
				t.Errorf("%d slabs leaked", n)
			}
		})
	}
}

func randomWrite(rng *rand.Rand, l *logs, m storage.Data) *storage.Write {
	id := uint32(rng.IntN(3))
	switch rng.IntN(10) {
	case 0:
		return &storage.Write{Ops: []storage.Op{{Kind: storage.OpSetStart, PartID: id, Offset: rng.Int64N(l.end[id] + 2)}}}
	case 1:
		return &storage.Write{Ops: []storage.Op{{Kind: storage.OpTruncate, PartID: id, Offset: max(l.through[id], rng.Int64N(l.end[id]+2))}}}
	case 2:
		return &storage.Write{Ops: []storage.Op{{Kind: storage.OpDropProducer, PartID: id, ID: int64(rng.IntN(4))}}}
	case 3:
		if rng.IntN(4) == 0 {
			l.through[id] = 0
			return &storage.Write{Ops: []storage.Op{{Kind: storage.OpDrop, PartID: id}}}
		}
	case 4, 5:
		if c := randomClean(rng, l, m, id); c != nil {
			l.through[id] = max(l.through[id], c.Through)
			return &storage.Write{Ops: []storage.Op{{Kind: storage.OpClean, PartID: id, Clean: c}}}
		}
	}
	o := record.Plain()
	most := 1 << rng.IntN(19)
	if most < 1<<13 {
		o.Codec = record.Codec(rng.IntN(5))
	}
	if rng.IntN(2) == 0 {
		o.ProducerID, o.ProducerEpoch, o.BaseSequence = int64(rng.IntN(4)), 2, int32(l.end[id])
	}
	batches := map[uint32][]record.Record{}
	for p := range uint32(3) {
		if p == id || rng.IntN(2) == 0 {
			rs := rec(1+rng.IntN(4), 0, rng.IntN(most))
			for i := range rs {
				rs[i].Timestamp = int64(rng.IntN(1000)) - 1 + l.end[p]
				noise(rng, rs[i].Value)
			}
			batches[p] = rs
		}
	}
	roll, epoch := storage.Op{Kind: storage.OpRoll, PartID: id, Offset: l.end[id], TimeMs: 77, Bytes: l.sum[id]},
		storage.Op{Kind: storage.OpEpoch, PartID: id, Offset: l.end[id], Epoch: int32(l.end[id] + 1)}
	w := l.write(batches, o)
	if rng.IntN(3) == 0 {
		w.Ops = append(w.Ops, roll)
	}
	if rng.IntN(3) == 0 {
		w.Ops = append(w.Ops, epoch)
	}
	return w
}

// compare asks both engines the same questions.
func compare(t *testing.T, rng *rand.Rand, m, p storage.Data) {
	t.Helper()
	ask := func(what string, fn func(d storage.Data) (any, error)) {
		t.Helper()
		want, err := fn(m)
		must(t, err)
		got, err := fn(p)
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s:\n pebble %.300s\n model  %.300s", what, fmt.Sprint(got), fmt.Sprint(want))
		}
	}
	ask("partitions", func(d storage.Data) (any, error) { return d.Partitions() })
	for id := range uint32(3) {
		l, err := m.Load(id)
		must(t, err)
		start, limit := l.Start+rng.Int64N(l.End-l.Start+1), l.Start+rng.Int64N(l.End-l.Start+2)
		ts, size, one := int64(rng.IntN(1200)), rng.IntN(1<<21), rng.IntN(2) == 0
		name := func(s string) string { return fmt.Sprint(s, " ", id, " in ", start, "-", limit, " at ", ts) }
		ask(name("load"), func(d storage.Data) (any, error) { return d.Load(id) })
		ask(name("dirt"), func(d storage.Data) (any, error) { return d.Dirt(id) })
		ask(name("size"), func(d storage.Data) (any, error) { return d.Size(id) })
		ask(name("read"), func(d storage.Data) (any, error) {
			b, err := d.Read(id, start, limit, size, one)
			return string(flat(b)), err
		})
		ask(name("time"), func(d storage.Data) (any, error) {
			at, ok, err := d.OffsetForTime(id, ts, start, limit)
			return fmt.Sprint(at, ok), err
		})
		ask(name("max"), func(d storage.Data) (any, error) {
			at, ok, err := d.MaxTimestamp(id, start, limit)
			return fmt.Sprint(at, ok), err
		})
		ask(name("expire"), func(d storage.Data) (any, error) {
			return d.Expire(id, l.Start, limit, time.UnixMilli(ts), int64(size))
		})
	}
}
