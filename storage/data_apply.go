package storage

import (
	"encoding/binary"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
)

const (
	// indexEvery is how many bytes of a partition lie between two entries of its sparse index.
	indexEvery = 1 << 20
	// mergeBelow is up to which size slabs are copied together into one Pebble batch; larger ones go as they are.
	mergeBelow = 256 << 10
	// maxMerged is the size at which a Pebble batch is closed and the next one begun.
	maxMerged = 4 << 20
	// spareBatches are kept with their memory for the next commits.
	spareBatches = 4
)

// commit is one Write on its way to the disk.
type commit struct {
	e       *engine
	batches []*pebble.Batch // applied, in order
	slabs   []*Slab         // those that are Pebble batches themselves: held until Wait
	open    *pebble.Batch   // not applied yet
	bytes   int             // in open
	touched map[uint32]bool // partitions with changes in open
	rolls   []*Op           // marks that lie among this write's records
	stale   []uint32        // partitions to be read anew once open is applied
}

// Apply implements Data.
//
// A write becomes one or more Pebble batches, each atomic: a slab whose batches are all in the write is one as it is, if it is large
// or alone; other records are copied together. Epochs and rolls go with the first batch, so that after a crash no record is there
// without its epoch; Load drops marks that lie past the end. Ops that must read what is there go last.
func (e *engine) Apply(w *Write) error {
	if err := e.failure(); err != nil {
		return err
	}
	c := &commit{e: e}
	first, late := SplitOps(w.Ops)
	if err := c.marks(first); err != nil {
		return e.stop(err)
	}
	for i := 0; i < len(w.Records); {
		k := i + 1
		for k < len(w.Records) && w.Records[k].Slab == w.Records[i].Slab {
			k++
		}
		if err := c.records(w.Records[i:k], len(w.Records) == k-i && len(w.Ops) == 0); err != nil {
			return e.stop(err)
		}
		i = k
	}
	if err := c.finish(late); err != nil {
		return e.stop(err)
	}
	for i := range w.Ops {
		switch w.Ops[i].Kind {
		case OpSetStart, OpTruncate, OpDrop, OpClean: // what is read from now on is not what was there
			e.reads.drop(w.Ops[i].PartID)
		}
	}
	e.commits.Add(1)
	w.handle = c
	return nil
}

// Wait implements Data.
func (e *engine) Wait(w *Write) error {
	c, ok := w.handle.(*commit)
	if !ok {
		return fmt.Errorf("a write is waited for that was not applied: %w", ErrStopped)
	}
	w.handle = nil
	var err error
	for _, b := range c.batches {
		if !e.opts.DisableSync {
			if werr := b.SyncWait(); werr != nil && err == nil {
				err = werr
			}
		}
	}
	if err != nil {
		return e.stop(err) // the slabs stay held: Pebble may still look at them
	}
	for i, b := range c.batches {
		if c.owned(i) {
			err = e.recycle(b)
		} else {
			err = b.Close() // keeps none of the slab's memory: see NewBatch in whole
		}
		if err != nil {
			return e.stop(err)
		}
	}
	for _, s := range c.slabs {
		if s != nil {
			s.Release()
		}
	}
	return e.failure()
}

// stop makes an error of the write path final.
func (e *engine) stop(err error) error {
	if e.failure() == nil {
		e.fatal(err.Error())
	}
	return err
}

// owned says whether batch i holds its own memory, not a slab's.
func (c *commit) owned(i int) bool { return c.slabs[i] == nil }

// recycle keeps a few batches with their memory.
func (e *engine) recycle(b *pebble.Batch) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.spare) < spareBatches {
		b.Reset()
		e.spare = append(e.spare, b)
		return nil
	}
	return b.Close()
}

// newBatch is a batch, with room for size bytes if it must be made.
func (e *engine) newBatch(size int) *pebble.Batch {
	e.mu.Lock()
	defer e.mu.Unlock()
	if k := len(e.spare) - 1; k >= 0 {
		b := e.spare[k]
		e.spare = e.spare[:k]
		return b
	}
	return e.db.NewBatch(pebble.WithInitialSizeBytes(max(64<<10, size)), pebble.WithMaxRetainedSizeBytes(2*maxMerged))
}

// batch is the one that changes go to now.
func (c *commit) batch() *pebble.Batch {
	if c.open == nil {
		c.open = c.e.newBatch(0)
	}
	return c.open
}

// flush applies what has gathered.
func (c *commit) flush() error {
	b := c.open
	if b == nil {
		return nil
	}
	if b.Empty() {
		c.open = nil
		return c.e.recycle(b)
	}
	c.open, c.bytes = nil, 0
	clear(c.touched)
	err := c.apply(b, nil)
	for _, p := range c.stale {
		c.e.forget(p)
	}
	c.stale = c.stale[:0]
	return err
}

// apply hands one Pebble batch over; s is the slab that it lies in, or nil.
func (c *commit) apply(b *pebble.Batch, s *Slab) error {
	c.batches, c.slabs = append(c.batches, b), append(c.slabs, s)
	if c.e.opts.DisableSync {
		return c.e.db.Apply(b, pebble.NoSync)
	}
	return c.e.db.ApplyNoSyncWait(b, pebble.Sync)
}

// records adds the appends of one slab. alone: the write holds nothing else.
func (c *commit) records(as []Append, alone bool) error {
	if s := as[0].Slab; c.whole(as) && (alone || len(s.buf) >= mergeBelow) {
		if err := c.flush(); err != nil {
			return err
		}
		return c.slab(as)
	}
	c.e.copied.Add(int64(len(as)))
	for i := range as {
		a := &as[i]
		v := a.Slab.Batch(a.At)
		if c.bytes > 0 && c.bytes+len(v) > min(maxMerged, c.e.largest) {
			if err := c.flush(); err != nil {
				return err
			}
		}
		c.bytes += len(v) + SlabOverhead
		if c.open == nil {
			c.open = c.e.newBatch(len(v) + pieces(len(v))*pieceHeader + SlabOverhead)
		}
		if err := setBatch(c.open, a.PartID, a.Last, v); err != nil {
			return err
		}
		c.touch(a.PartID)
		if err := c.extras(c.open, a); err != nil {
			return err
		}
	}
	return nil
}

func putKey(k []byte, a *Append) {
	be.PutUint32(k, a.PartID)
	k[4] = kindBatch
	be.PutUint64(k[5:], uint64(a.Last))
}

// whole says whether the appends are exactly the batches of their slab, and the slab can be a Pebble batch as it is.
// A batch as large as half a memtable would be kept by Pebble after the commit: not in pooled memory.
func (c *commit) whole(as []Append) bool {
	s := as[0].Slab
	if s.spoilt || len(s.at) != len(as) || len(s.buf)+len(as)*2*slabExtra > c.e.largest {
		return false
	}
	for i := range as {
		if as[i].At != i || s.at[i].n > pieceMin && !(s.at[i].pieces && as[i].Unshared) {
			return false
		}
	}
	return true
}

// slab commits a slab as it is: keys are written in place, the extra keys follow in its spare room.
func (c *commit) slab(as []Append) error {
	s := as[0].Slab
	entries := 0
	for i := range as {
		putKey(s.buf[s.at[i].key:], &as[i])
		if !s.at[i].pieces {
			entries++
			continue
		}
		entries += s.lay(i, &as[i])
		defer s.mend(i) // Pebble has copied all then
	}
	binary.LittleEndian.PutUint32(s.buf[8:], uint32(entries))
	// The least retention makes Pebble let go of the slab's memory when the batch is closed.
	b := c.e.db.NewBatch(pebble.WithMaxRetainedSizeBytes(1))
	if err := b.SetRepr(s.buf); err != nil {
		return err
	}
	for i := range as {
		if err := c.extras(b, &as[i]); err != nil {
			return err
		}
	}
	c.e.direct.Add(int64(len(as)))
	s.Hold()
	return c.apply(b, s)
}

// extras adds what is stored beside an append: an index entry now and then, the producer's state. A request brings a partition one batch, so there
// is hardly ever a later state in the slab for whose sake this one could be left out.
func (c *commit) extras(b *pebble.Batch, a *Append) error {
	e := c.e
	p, err := e.part(a.PartID)
	if err != nil {
		return err
	}
	size := int64(a.Slab.at[a.At].n)
	e.mu.Lock()
	roll, before := c.rollAt(a), p.maxTime
	p.end, p.bytes, p.maxTime = a.Last+1, a.Bytes+size, max(p.maxTime, a.MaxTime)
	at, maxTime := p.bytes, p.maxTime
	due := at-p.indexed >= indexEvery
	if due {
		p.indexed = at
	}
	e.mu.Unlock()
	if roll != nil {
		if err := setRoll(b, roll, before); err != nil {
			return err
		}
	}
	if due {
		k := indexKey(a.PartID, maxTime, a.Last)
		var v [8]byte
		be.PutUint64(v[:], uint64(at))
		if err := b.Set(k.bytes(), v[:], nil); err != nil {
			return err
		}
	}
	if a.Producer != nil {
		k := key8(a.PartID, kindProducer, a.Producer.ID)
		var v [10 + 8*producerBatch]byte
		return b.Set(k.bytes(), a.Producer.append(v[:0]), nil)
	}
	return nil
}
