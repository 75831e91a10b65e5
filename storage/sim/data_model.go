package sim

import (
	"cmp"
	"errors"
	"math"
	"slices"
	"sync"
	"time"

	"troupe/storage"
	"troupe/storage/record"
)

// Data is the model engine of storage.Data: everything in memory, the writes since the last Wait kept apart, so that a crash can lose
// any suffix of them. As on a write-ahead log, an earlier write never gets lost while a later one stays.
type Data struct {
	// NoSync makes the store lie: Wait returns without making anything durable. For tests that must fail then. Set it before use.
	NoSync bool

	mu      sync.Mutex
	live    dataState // what reads see
	durable dataState // what is left after a crash that loses all it can
	tail    []unit
	dead    bool
	failed  error
	faults  Faults
	seq     uint64 // of the last applied write
	waits   map[*storage.Write]uint64
	waited  int
}

// Faults are what a disk may do. The zero value does nothing wrong.
type Faults struct {
	Fail error                // the next Apply or Wait fails with it, and so does everything after
	Sync error                // the next Wait fails with it, and so does everything after
	Full bool                 // Free says that the disk is full
	Near bool                 // Free says that there is no room for records of clients
	Slow func(storage string) // called at the begin of "apply", "wait" and "read"
}

// unit is what is durable as a whole: a part of the write with the number seq.
type unit struct {
	seq uint64
	do  func(dataState)
}

// Rand is the randomness that a crash needs; *rand.Rand of math/rand/v2 has it.
type Rand interface{ IntN(n int) int }

// NewData is an empty store.
func NewData() *Data {
	return &Data{live: dataState{}, durable: dataState{}, waits: map[*storage.Write]uint64{}}
}

// SetFaults changes what goes wrong from now on.
func (d *Data) SetFaults(f Faults) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.faults = f
}

// Unsynced is how many units of writes a crash may lose.
func (d *Data) Unsynced() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.tail)
}

// Waits is how many writes were waited for so far.
func (d *Data) Waits() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.waited
}

// Crash ends this store and returns what the next process finds: all that is durable and a random first part of what is not. A write
// may be torn between its units, never inside one.
func (d *Data) Crash(rng Rand) *Data {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.dead = true
	for _, u := range d.tail[:rng.IntN(len(d.tail)+1)] {
		u.do(d.durable)
	}
	next := NewData()
	next.NoSync = d.NoSync
	next.live, next.durable = d.durable.clone(), d.durable.clone()
	return next
}

func (d *Data) slow(op string) {
	d.mu.Lock()
	f := d.faults.Slow
	d.mu.Unlock()
	if f != nil {
		f(op)
	}
}

// state says whether the store still works. d is locked.
func (d *Data) state() error {
	if d.dead {
		return ErrCrashed
	}
	return d.failed
}

// fail takes the fault that is due. d is locked.
func (d *Data) fail(due error) error {
	if due != nil && d.failed == nil {
		d.failed = due
	}
	return d.state()
}

// Failed says whether a fault has hit: nothing is written any more.
func (d *Data) Failed() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.failed != nil
}

// Torn says whether a crash that keeps the first n units of what is not synced would tear a write.
func (d *Data) Torn(n int) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return n > 0 && n < len(d.tail) && d.tail[n-1].seq == d.tail[n].seq
}

// Apply implements storage.Data. As the real engine, it makes a write out of units: the marks with the records of the first slab, then
// slab by slab, then what deletes. A roll among the records goes with the one that it precedes.
func (d *Data) Apply(w *storage.Write) error {
	d.slow("apply")
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.fail(d.faults.Fail); err != nil {
		return err
	}
	d.seq++
	d.waits[w] = d.seq
	first, late := storage.SplitOps(slices.Clone(w.Ops))
	first, rolls := d.among(first)
	for i := 0; i < len(w.Records) || len(first) > 0; {
		k := i
		for k < len(w.Records) && w.Records[k].Slab == w.Records[i].Slab {
			k++
		}
		recs, ops := copies(w.Records[i:k]), first
		rolls = slices.DeleteFunc(rolls, func(o storage.Op) bool {
			due := slices.ContainsFunc(w.Records[i:k], func(a storage.Append) bool { return a.PartID == o.PartID && a.Base == o.Offset })
			if due {
				ops = append(ops, o)
			}
			return due
		})
		d.add(func(s dataState) { s.ops(ops, recs); s.append(recs) })
		i, first = k, nil
	}
	if late = append(rolls, late...); len(late) > 0 {
		d.add(func(s dataState) { s.ops(late, nil) })
	}
	return nil
}

// among parts the rolls that lie past the end, so among the records of the write or behind them, from the other marks. d is locked.
func (d *Data) among(marks []storage.Op) (first, rolls []storage.Op) {
	for _, o := range marks {
		if p := d.live[o.PartID]; o.Kind == storage.OpRoll && (p == nil && o.Offset > 0 || p != nil && o.Offset > p.end) {
			rolls = append(rolls, o)
		} else {
			first = append(first, o)
		}
	}
	return first, rolls
}

func (d *Data) add(do func(dataState)) {
	do(d.live)
	d.tail = append(d.tail, unit{d.seq, do})
}

// Wait implements storage.Data.
func (d *Data) Wait(w *storage.Write) error {
	d.slow("wait")
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.fail(cmp.Or(d.faults.Fail, d.faults.Sync)); err != nil {
		return err
	}
	seq, ok := d.waits[w]
	if !ok {
		return errors.New("sim: a write is waited for that was not applied")
	}
	delete(d.waits, w)
	d.waited++
	if d.NoSync {
		return nil
	}
	n := 0
	for ; n < len(d.tail) && d.tail[n].seq <= seq; n++ {
		d.tail[n].do(d.durable)
	}
	d.tail = slices.Delete(d.tail, 0, n)
	return nil
}

// read runs fn on what the store holds now.
func (d *Data) read(partID uint32, fn func(p *dataPart)) error {
	d.slow("read")
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.dead {
		return ErrCrashed
	}
	p := d.live[partID]
	if p == nil {
		p = newPart()
	}
	fn(p)
	return nil
}

// Durable is what Load would find after a loss of power now, if nothing is kept of what is not synced.
func (d *Data) Durable(partID uint32) storage.Loaded {
	d.mu.Lock()
	defer d.mu.Unlock()
	p := d.durable[partID]
	if p == nil {
		p = newPart()
	}
	return p.load()
}

// Load implements storage.Data.
func (d *Data) Load(partID uint32) (l storage.Loaded, err error) {
	err = d.read(partID, func(p *dataPart) { l = p.load() })
	return l, err
}

// Read implements storage.Data.
func (d *Data) Read(partID uint32, offset, limit int64, maxBytes int, minOne bool) (b storage.Batches, err error) {
	err = d.read(partID, func(p *dataPart) {
		for _, x := range p.batches {
			if x.last() < offset {
				continue
			}
			if x.last() >= limit || b.Bytes+len(x.bytes) > maxBytes && !(minOne && b.Bytes == 0) {
				return
			}
			b.Data = append(b.Data, slices.Clone(x.bytes))
			b.Bytes += len(x.bytes)
		}
	})
	return b, err
}

// Scrub implements storage.Data: the model's memory has no damage.
func (d *Data) Scrub(partID uint32, offset int64, maxBytes int) (next int64, bytes int, err error) {
	next = -1
	err = d.read(partID, func(p *dataPart) {
		for _, x := range p.batches {
			if x.last() < offset {
				continue
			}
			if bytes += len(x.bytes); bytes >= maxBytes {
				next = x.last() + 1
				return
			}
		}
	})
	return next, bytes, err
}

// OffsetForTime implements storage.Data.
func (d *Data) OffsetForTime(partID uint32, ts int64, start, limit int64) (at storage.TimeOffset, ok bool, err error) {
	err = d.read(partID, func(p *dataPart) {
		p.records(start, limit, func(t storage.TimeOffset) bool {
			if t.Timestamp >= ts {
				at, ok = t, true
			}
			return !ok
		})
	})
	return at, ok, err
}

// MaxTimestamp implements storage.Data.
func (d *Data) MaxTimestamp(partID uint32, start, limit int64) (at storage.TimeOffset, ok bool, err error) {
	at.Timestamp = record.NoTime
	err = d.read(partID, func(p *dataPart) {
		p.records(start, limit, func(t storage.TimeOffset) bool {
			if t.Timestamp > at.Timestamp {
				at, ok = t, true
			}
			return true
		})
	})
	if !ok {
		at = storage.TimeOffset{}
	}
	return at, ok, err
}

// Expire implements storage.Data.
func (d *Data) Expire(partID uint32, start, limit int64, minTime time.Time, maxBytes int64) (at int64, err error) {
	old := int64(math.MinInt64)
	if !minTime.IsZero() {
		old = minTime.UnixMilli()
	}
	err = d.read(partID, func(p *dataPart) { at = p.expire(start, limit, old, maxBytes) })
	return at, err
}

// Dirt implements storage.Data.
func (d *Data) Dirt(partID uint32) (at storage.Dirt, err error) {
	err = d.read(partID, func(p *dataPart) { at = p.dirt() })
	return at, err
}

// Size implements storage.Data.
func (d *Data) Size(partID uint32) (n int64, err error) {
	err = d.read(partID, func(p *dataPart) { n = p.sizes(0, p.end) })
	return n, err
}

// Partitions implements storage.Data.
func (d *Data) Partitions() ([]uint32, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.dead {
		return nil, ErrCrashed
	}
	var out []uint32
	for id, p := range d.live {
		if !p.empty() {
			out = append(out, id)
		}
	}
	slices.Sort(out)
	return out, nil
}

// Reclaim implements storage.Data: the model has nothing to give back.
func (d *Data) Reclaim([]uint32) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.state()
}

// Free implements storage.Data.
func (d *Data) Free() (bytes uint64, full bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.faults.Full {
		return 0, true
	}
	if d.faults.Near {
		return fullBelow - 1, true
	}
	return math.MaxUint64, false
}

// MinFree implements storage.Data: a full model has no room for anybody.
func (d *Data) MinFree() uint64 { return fullBelow }

const fullBelow = 4

// Capacity implements storage.Data: the model has no end.
func (d *Data) Capacity() uint64 { return 0 }

// Metrics implements storage.Data.
func (d *Data) Metrics() map[string]float64 {
	return map[string]float64{"unsynced_units": float64(d.Unsynced()), "commits_total": float64(d.Waits())}
}

// Close implements storage.Data.
func (d *Data) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.dead = true
	return nil
}

// Reopen is the store after a clean end of the process: all of it is durable.
func (d *Data) Reopen() *Data {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.dead = true
	next := NewData()
	next.NoSync = d.NoSync
	next.live, next.durable = d.live.clone(), d.live.clone()
	return next
}
