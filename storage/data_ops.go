package storage

import (
	"fmt"
	"slices"

	"github.com/cockroachdb/pebble/v2"
)

// SplitOps says which ops of a write go ahead of its records and which follow them, each in their order: a record is never on the
// disk without its epoch and segment, and what deletes or rewrites must not meet what comes later. An op that sets a mark of a
// partition waits for a deletion before it.
func SplitOps(ops []Op) (first, late []Op) {
	at := slices.IndexFunc(ops, func(o Op) bool { return !o.marks() })
	if at < 0 {
		return ops, nil
	}
	first = slices.Clip(ops[:at])
	held := map[uint32]bool{}
	for _, o := range ops[at:] {
		if o.marks() && !held[o.PartID] {
			first = append(first, o)
			continue
		}
		held[o.PartID] = true
		late = append(late, o)
	}
	return first, late
}

// marks says whether the op only sets a key of its own.
func (o *Op) marks() bool {
	return o.Kind == OpEpoch || o.Kind == OpRoll || o.Kind == OpDropProducer
}

// touch notes that the open batch changes a partition: its keys cannot be read until it is applied.
func (c *commit) touch(partID uint32) {
	if c.touched == nil {
		c.touched = map[uint32]bool{}
	}
	c.touched[partID] = true
}

// marks adds ops that only set keys, ahead of the records. A roll among the records waits for the one it precedes.
func (c *commit) marks(ops []Op) error {
	for i := range ops {
		o := &ops[i]
		if o.Kind == OpRoll {
			p, err := c.e.part(o.PartID)
			if err != nil {
				return err
			}
			if o.Offset > p.end {
				c.rolls = append(c.rolls, o)
				continue
			}
		}
		if err := c.op(o); err != nil {
			return err
		}
	}
	return nil
}

// rollAt takes the waiting roll that begins with an append.
func (c *commit) rollAt(a *Append) *Op {
	for i, r := range c.rolls {
		if r.PartID == a.PartID && r.Offset == a.Base {
			c.rolls = append(c.rolls[:i], c.rolls[i+1:]...)
			return r
		}
	}
	return nil
}

// finish adds what comes after the records and applies the rest.
func (c *commit) finish(late []Op) error {
	for _, r := range c.rolls {
		if err := c.op(r); err != nil {
			return err
		}
	}
	for i := range late {
		if err := c.op(&late[i]); err != nil {
			return err
		}
	}
	return c.flush()
}

// op adds one op to the open batch. What must be read first is applied before.
func (c *commit) op(o *Op) error {
	switch o.Kind {
	case OpEpoch:
		k := epochKey(o.PartID, o.Epoch)
		var v [8]byte
		be.PutUint64(v[:], uint64(o.Offset))
		c.touch(o.PartID)
		return c.batch().Set(k.bytes(), v[:], nil)
	case OpRoll:
		p, err := c.e.part(o.PartID)
		if err != nil {
			return err
		}
		c.touch(o.PartID)
		newest := p.maxTime
		if o.MaxTime > 0 {
			newest = max(newest, o.MaxTime)
		}
		return setRoll(c.batch(), o, newest)
	case OpDropProducer:
		k := key8(o.PartID, kindProducer, o.ID)
		c.touch(o.PartID)
		return c.batch().Delete(k.bytes(), nil)
	case OpDrop:
		lo, hi := prefix(o.PartID, 0), prefix(o.PartID, kindEnd)
		c.touch(o.PartID)
		c.stale = append(c.stale, o.PartID)
		return c.batch().DeleteRange(lo.b[:4], hi.bytes(), nil)
	case OpSetStart, OpTruncate, OpClean:
		if c.touched[o.PartID] {
			if err := c.flush(); err != nil {
				return err
			}
		}
		c.touch(o.PartID)
		switch o.Kind {
		case OpSetStart:
			return c.setStart(o)
		case OpClean:
			return c.clean(o)
		}
		return c.truncate(o)
	}
	return fmt.Errorf("BUG: unknown storage op %d", o.Kind)
}

func setRoll(b *pebble.Batch, r *Op, maxTime int64) error {
	k := key8(r.PartID, kindRoll, r.Offset)
	var v [24]byte
	m := rollMark{Roll{r.Offset, r.TimeMs, r.Bytes}, maxTime}
	return b.Set(k.bytes(), m.append(v[:0]), nil)
}

// setStart raises the log start: batches wholly below go, with their index, their segments and their epochs. The epoch that
// covers the new start stays, and begins there.
func (c *commit) setStart(o *Op) error {
	p, err := c.e.part(o.PartID)
	if err != nil || o.Offset <= p.start {
		return err
	}
	before, keep, err := c.e.bytesBefore(o.PartID, p, o.Offset)
	if err != nil {
		return err
	}
	cleaned, err := c.trimClean(o.PartID, p.clean, p.start, o.Offset)
	if err != nil {
		return err
	}
	b := c.batch()
	m := startMark{o.Offset, before, p.maxTime}
	if err := setStartMark(b, o.PartID, m); err != nil {
		return err
	}
	lo, hi := prefix(o.PartID, kindBatch), key8(o.PartID, kindBatch, o.Offset)
	if err := b.DeleteRange(lo.bytes(), hi.bytes(), nil); err != nil {
		return err
	}
	lo = prefix(o.PartID, kindIndex)
	if err := b.DeleteRange(lo.bytes(), keep.bytes(), nil); err != nil {
		return err
	}
	if err := c.dropRolls(o.PartID, o.Offset); err != nil {
		return err
	}
	if err := c.raiseEpochs(o.PartID, o.Offset); err != nil {
		return err
	}
	c.e.mu.Lock()
	p.startMark, p.clean = m, cleaned
	if p.end < o.Offset {
		p.end, p.bytes = o.Offset, before
	}
	c.e.mu.Unlock()
	return nil
}

func setStartMark(b *pebble.Batch, partID uint32, m startMark) error {
	k := prefix(partID, kindStart)
	var v [24]byte
	return b.Set(k.bytes(), m.append(v[:0]), nil)
}

// dropRolls deletes the marks below start, but never the last one: it is the active segment's.
func (c *commit) dropRolls(partID uint32, start int64) error {
	rolls, err := c.e.rolls(partID)
	if err != nil || len(rolls) == 0 {
		return err
	}
	lo, hi := prefix(partID, kindRoll), key8(partID, kindRoll, min(start, rolls[len(rolls)-1].Offset))
	return c.batch().DeleteRange(lo.bytes(), hi.bytes(), nil)
}

func (c *commit) raiseEpochs(partID uint32, start int64) error {
	epochs, err := c.e.epochs(partID)
	if err != nil {
		return err
	}
	n := 0
	for n < len(epochs) && epochs[n].Start <= start {
		n++
	}
	for i := range n {
		k := epochKey(partID, epochs[i].Epoch)
		if i < n-1 {
			err = c.batch().Delete(k.bytes(), nil)
		} else {
			var v [8]byte
			be.PutUint64(v[:], uint64(start))
			err = c.batch().Set(k.bytes(), v[:], nil)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// truncate ends the log before o.Offset: every batch that holds an offset from there on goes, so the log may end earlier still.
func (c *commit) truncate(o *Op) error {
	p, err := c.e.part(o.PartID)
	if err != nil {
		return err
	}
	b := c.batch()
	start := p.startMark
	if o.Offset < start.start {
		start.start = o.Offset
		if err := setStartMark(b, o.PartID, start); err != nil {
			return err
		}
	}
	end, err := c.e.endBelow(o.PartID, o.Offset, start.start)
	if err != nil {
		return err
	}
	if through := p.clean.through; through <= o.Offset { // its last batches may be gone
		end = max(end, through)
	}
	cut := func(lo, hi key) {
		if err == nil {
			err = b.DeleteRange(lo.bytes(), hi.bytes(), nil)
		}
	}
	cut(key8(o.PartID, kindBatch, o.Offset), prefix(o.PartID, kindBatch+1))
	at, ierr := c.e.indexFrom(o.PartID, end)
	if err == nil {
		err = ierr
	}
	cut(at, prefix(o.PartID, kindIndex+1))
	cut(key8(o.PartID, kindRoll, end+1), prefix(o.PartID, kindRoll+1))
	if err == nil {
		err = c.cutEpochs(o.PartID, end)
	}
	if err == nil {
		err = c.cutClean(o.PartID, p, end)
	}
	if err == nil {
		err = c.cutProducers(o.PartID, end)
	}
	c.stale = append(c.stale, o.PartID)
	return err
}

func (c *commit) cutEpochs(partID uint32, end int64) error {
	epochs, err := c.e.epochs(partID)
	for i := range epochs {
		if err == nil && epochs[i].Start >= end {
			k := epochKey(partID, epochs[i].Epoch)
			err = c.batch().Delete(k.bytes(), nil)
		}
	}
	return err
}

// cutProducers forgets the batches that went. What a producer did more than five batches ago is not known any more.
func (c *commit) cutProducers(partID uint32, end int64) error {
	all, err := c.e.producers(partID)
	if err != nil {
		return err
	}
	for _, p := range all {
		n := len(p.Batches)
		for n > 0 && p.Batches[n-1].Last >= end {
			n--
		}
		if n == len(p.Batches) {
			continue
		}
		k := key8(partID, kindProducer, p.ID)
		if p.Batches = p.Batches[:n]; n == 0 {
			err = c.batch().Delete(k.bytes(), nil)
		} else {
			err = c.batch().Set(k.bytes(), p.append(nil), nil)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
