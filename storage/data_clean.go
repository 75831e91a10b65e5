package storage

import (
	"errors"
	"fmt"
	"slices"

	"github.com/cockroachdb/pebble/v2"
)

// cleanMark is the value of 0x70, absent for a log that was never compacted. Cumulative bytes (index, segments, start) count what was
// appended and do not change by compaction; what batches below through take now is counted apart.
type cleanMark struct {
	through int64 // no batch from here on was rewritten
	bytes   int64 // cumulative bytes before through
	maxTime int64 // greatest timestamp before through, -1 if none
	size    int64 // what the batches in [start, through) take
	clean   int64 // the log is clean below
}

func (m cleanMark) append(b []byte) []byte {
	for _, v := range [...]int64{m.through, m.bytes, m.maxTime, m.size, m.clean} {
		b = be.AppendUint64(b, uint64(v))
	}
	return b
}

func parseClean(v []byte) (m cleanMark, err error) {
	if len(v) != 40 {
		return m, errValue
	}
	for i, f := range [...]*int64{&m.through, &m.bytes, &m.maxTime, &m.size, &m.clean} {
		*f = int64(be.Uint64(v[8*i:]))
	}
	return m, nil
}

func setCleanMark(b *pebble.Batch, partID uint32, m cleanMark) error {
	k := prefix(partID, kindClean)
	var v [40]byte
	return b.Set(k.bytes(), m.append(v[:0]), nil)
}

func (e *engine) cleanMark(partID uint32) (m cleanMark, err error) {
	err = e.each(partID, kindClean, func(_, v []byte) (err error) {
		m, err = parseClean(v)
		return err
	})
	return m, err
}

// clean takes one step of compaction. What it must read was applied before.
func (c *commit) clean(o *Op) error {
	p, err := c.e.part(o.PartID)
	if err != nil {
		return err
	}
	c.e.mu.Lock()
	m, start := p.clean, p.startMark
	c.e.mu.Unlock()
	if o.Clean.Through > m.through {
		if m, err = c.e.cleanUpTo(o.PartID, m, start, o.Clean.Through); err != nil {
			return err
		}
	}
	b := c.batch()
	for i := range o.Clean.Batches {
		r := &o.Clean.Batches[i]
		if r.Last < start.start || r.Last >= m.through {
			return fmt.Errorf("BUG: compaction of partition %d rewrites offset %d, outside of [%d, %d)", o.PartID, r.Last, start.start, m.through)
		}
		if err := replaceBatch(b, o.PartID, r); err != nil {
			return err
		}
		m.size += int64(len(r.Batch) - r.Was)
		c.bytes += len(r.Batch) + SlabOverhead
	}
	m.clean = max(m.clean, o.Clean.To)
	if err := setCleanMark(b, o.PartID, m); err != nil {
		return err
	}
	c.e.mu.Lock()
	p.clean = m
	c.e.mu.Unlock()
	return nil
}

// replaceBatch puts a rewritten batch in the place of what it was made from, which may have been in pieces.
func replaceBatch(b *pebble.Batch, partID uint32, r *Rewrite) (err error) {
	k := key8(partID, kindBatch, r.Last)
	switch {
	case max(r.Was, len(r.Batch)) > pieceMin:
		next := key8(partID, kindBatch, r.Last+1)
		err = b.DeleteRange(k.bytes(), next.bytes(), nil)
	case r.Batch == nil:
		err = b.Delete(k.bytes(), nil)
	}
	if err != nil || r.Batch == nil {
		return err
	}
	return setBatch(b, partID, r.Last, r.Batch)
}

// cleanUpTo moves the mark's border up to the start of a virtual segment. Nothing between them was rewritten yet.
func (e *engine) cleanUpTo(partID uint32, m cleanMark, start startMark, through int64) (cleanMark, error) {
	rolls, err := e.rolls(partID)
	if err != nil {
		return m, err
	}
	i := slices.IndexFunc(rolls, func(r rollMark) bool { return r.Offset == through })
	if i < 0 {
		return m, fmt.Errorf("BUG: compaction of partition %d up to %d, where no segment starts", partID, through)
	}
	from := m.bytes
	if m.through <= start.start {
		from, m.size = start.bytes, 0
	}
	m.size += rolls[i].Bytes - from
	m.through, m.bytes, m.maxTime = through, rolls[i].Bytes, rolls[i].maxTime
	return m, nil
}

// trimClean changes the mark as the log start moves to start: what goes is not counted any more. It is called before the batches go.
func (c *commit) trimClean(partID uint32, m cleanMark, from, start int64) (cleanMark, error) {
	if m.through <= from { // nothing that was rewritten is left
		return m, nil
	}
	gone, err := c.e.sizes(partID, from, min(start, m.through))
	if err != nil {
		return m, err
	}
	if m.size -= gone; m.through <= start {
		m.size = 0
	}
	return m, setCleanMark(c.batch(), partID, m)
}

// cutClean changes the mark of a log that is cut off at end, in the rewritten part. What was appended up to there is not known any
// more: it is at least what the segments before say.
func (c *commit) cutClean(partID uint32, p *part, end int64) error {
	m := p.clean
	if m.through <= end {
		return nil
	}
	size, err := c.e.sizes(partID, p.start, end)
	if err != nil {
		return err
	}
	bytes, _, err := c.e.bytesBefore(partID, p, end)
	if err != nil {
		return err
	}
	rolls, err := c.e.rolls(partID)
	for _, r := range rolls {
		if r.Offset <= end {
			bytes = max(bytes, r.Bytes)
		}
	}
	m.through, m.bytes, m.size, m.clean = end, bytes, size, min(m.clean, end)
	return errors.Join(err, setCleanMark(c.batch(), partID, m))
}

// size is what the batches in [start, end) take. e.mu is held.
func (p *part) size() int64 {
	if p.clean.through > p.start {
		return p.clean.size + p.bytes - p.clean.bytes
	}
	return p.bytes - p.startMark.bytes
}

// Dirt implements Data.
func (e *engine) Dirt(partID uint32) (Dirt, error) {
	p, err := e.part(partID)
	if err != nil {
		return Dirt{}, err
	}
	rolls, err := e.rolls(partID)
	if err != nil {
		return Dirt{}, err
	}
	e.mu.Lock()
	m, start, end := p.clean, p.startMark, p.end
	e.mu.Unlock()
	rolls = slices.DeleteFunc(rolls, func(r rollMark) bool { return r.Offset > end })
	at := func(o int64) (int64, bool) { // cumulative bytes where a segment starts
		if o == start.start {
			return start.bytes, true
		}
		if o == m.through {
			return m.bytes, true
		}
		i := slices.IndexFunc(rolls, func(r rollMark) bool { return r.Offset == o })
		if i < 0 {
			return 0, false
		}
		return rolls[i].Bytes, true
	}
	return dirtOf(start.start, m, rolls, func(from, to int64) (int64, error) {
		a, ok := at(from)
		b, good := at(to)
		switch {
		case from == to:
			return 0, nil
		case from == start.start && to == m.through:
			return m.size, nil
		case from >= m.through && ok && good: // as it was appended
			return b - a, nil
		}
		return e.sizes(partID, from, to)
	})
}
