package storage

import (
	"errors"
	"fmt"
	"strings"

	"github.com/cockroachdb/pebble/v2"

	"troupe/storage/record"
)

// part is the engine's knowledge of a partition, read from the store when it is first needed.
func (e *engine) part(partID uint32) (*part, error) {
	e.mu.Lock()
	p, seen := e.parts[partID], e.changed
	e.mu.Unlock()
	if p != nil {
		return p, nil
	}
	p, err := e.readPart(partID)
	if err != nil {
		return nil, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if known := e.parts[partID]; known != nil {
		return known, nil
	}
	if e.changed == seen {
		e.parts[partID] = p
	}
	return p, nil
}

// forget makes the next use of a partition read it anew.
func (e *engine) forget(partID uint32) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.parts, partID)
	e.changed++
}

// iter is an iterator over the keys of a partition in [lo, hi).
func (e *engine) iter(lo, hi key) (*pebble.Iterator, error) {
	return e.db.NewIter(&pebble.IterOptions{LowerBound: lo.bytes(), UpperBound: hi.bytes()})
}

// each calls fn for every key of one kind; key and value are only good during the call.
func (e *engine) each(partID uint32, kind byte, fn func(k, v []byte) error) error {
	it, err := e.iter(prefix(partID, kind), prefix(partID, kind+1))
	if err != nil {
		return err
	}
	for ok := it.First(); ok && err == nil; ok = it.Next() {
		var v []byte
		if v, err = it.ValueAndErr(); err == nil {
			err = fn(it.Key(), v)
		}
	}
	if err = errors.Join(err, it.Error(), it.Close()); err != nil {
		return &CorruptError{partID, -1, err}
	}
	return nil
}

func (e *engine) epochs(partID uint32) (out []EpochStart, err error) {
	err = e.each(partID, kindEpoch, func(k, v []byte) error {
		if len(v) != 8 || len(k) != 9 {
			return errValue
		}
		out = append(out, EpochStart{int32(be.Uint32(k[5:])), int64(be.Uint64(v))})
		return nil
	})
	return out, err
}

func (e *engine) rolls(partID uint32) (out []rollMark, err error) {
	err = e.each(partID, kindRoll, func(k, v []byte) error {
		m, err := parseRoll(k, v)
		out = append(out, m)
		return err
	})
	return out, err
}

func (e *engine) producers(partID uint32) (out []Producer, err error) {
	err = e.each(partID, kindProducer, func(k, v []byte) error {
		p, err := parseProducer(k, v)
		out = append(out, p)
		return err
	})
	return out, err
}

// readPart finds start and end; from the last entry of the sparse index on it looks at every batch, about a MB of them.
func (e *engine) readPart(partID uint32) (*part, error) {
	p := &part{startMark: startMark{maxTime: record.NoTime}}
	err := e.each(partID, kindStart, func(k, v []byte) (err error) {
		p.startMark, err = parseStart(v)
		return err
	})
	if err != nil {
		return nil, err
	}
	p.end, p.bytes, p.maxTime, p.indexed = p.start, p.startMark.bytes, p.startMark.maxTime, p.startMark.bytes
	ix, err := e.lastIndex(partID)
	if err != nil {
		return nil, err
	}
	from := int64(0)
	if ix.ok {
		from = ix.last + 1
		p.end, p.bytes, p.indexed, p.maxTime = max(from, p.start), ix.bytes, ix.bytes, max(p.maxTime, ix.maxTime)
	}
	if p.clean, err = e.cleanMark(partID); err != nil {
		return nil, err
	}
	if m := p.clean; m.through > max(from, p.start) { // below, batches do not tell what was appended
		from, p.end, p.bytes, p.maxTime = m.through, m.through, m.bytes, max(p.maxTime, m.maxTime)
	}
	err = e.batches(partID, from, func(last int64, b record.Batch) (bool, error) {
		p.end = last + 1
		p.bytes += int64(len(b))
		p.maxTime = max(p.maxTime, b.MaxTimestamp())
		return true, nil
	})
	return p, err
}

// batches calls fn for every batch from the one that covers offset on, until it returns false. The bytes are only good during the call.
func (e *engine) batches(partID uint32, offset int64, fn func(last int64, b record.Batch) (bool, error)) error {
	room := func(n int) []byte { return make([]byte, n) }
	return e.batchesWithin(partID, offset, func(int64, int) bool { return true }, room, fn)
}

// batchesWithin is like batches, but asks wanted, which is told the length of the next batch, before it reads that from the disk, and room, where
// to put together a batch that is in pieces.
func (e *engine) batchesWithin(partID uint32, offset int64, wanted func(last int64, n int) bool, room func(n int) []byte,
	fn func(last int64, b record.Batch) (bool, error)) error {
	it, err := e.iter(key8(partID, kindBatch, offset), prefix(partID, kindBatch+1))
	if err != nil {
		return &CorruptError{partID, offset, err}
	}
	at := offset
	for ok := it.First(); ok && err == nil; ok = it.Next() {
		at = lastOf(it.Key())
		lazy := it.LazyValue()
		n, begins := sizeOf(it.Key(), lazy.Len())
		if begins && !wanted(at, n) {
			break
		}
		v, verr := e.batchAt(it, &lazy, n, begins, room)
		if verr == nil {
			verr = checkBatch(v, at)
		}
		if verr != nil {
			err = &CorruptError{partID, at, verr}
			break
		}
		var more bool
		if more, err = fn(at, v); !more {
			break
		}
	}
	if ierr := errors.Join(it.Error(), it.Close()); ierr != nil && err == nil {
		err = &CorruptError{partID, at, ierr}
	}
	if damage := (*CorruptError)(nil); errors.As(err, &damage) {
		e.damagedReads.Add(1)
	}
	return err
}

// batchAt reads the batch of n bytes that begins where an iterator is placed, and moves that to its last piece.
func (e *engine) batchAt(it *pebble.Iterator, lazy *pebble.LazyValue, n int, begins bool, room func(n int) []byte) ([]byte, error) {
	switch {
	case !begins:
		return nil, errPieces
	case len(it.Key()) == keyLen:
		return e.value(it, lazy)
	}
	at := lastOf(it.Key())
	j := joined{buf: room(n)}
	for {
		v, err := e.value(it, lazy)
		if err != nil {
			return nil, err
		}
		if done, err := j.add(it.Key(), v); done || err != nil {
			return j.buf, err
		}
		if !it.Next() || lastOf(it.Key()) != at {
			return nil, errors.Join(errPieces, it.Error())
		}
		*lazy = it.LazyValue()
	}
}

// valueOf reads the value that an iterator is placed on. Where the end of a file of values is damaged, v2.1.7 panics while it reports that; it
// holds nothing then, so that is an error as any other.
func valueOf(it *pebble.Iterator) (v []byte, err error) {
	defer func() {
		switch r := recover().(type) {
		case nil:
		case string:
			if !strings.HasPrefix(r, "unknown metadata type") {
				panic(r)
			}
			err = errValueFile
		default:
			panic(r)
		}
	}()
	return it.ValueAndErr()
}

var errValueFile = errors.New("the file that holds the batch is damaged at its end")

// checkBatch looks whether the bytes under a key can be its batch.
func checkBatch(v []byte, last int64) error {
	b := record.Batch(v)
	if !b.Whole() {
		return fmt.Errorf("%d bytes are not a record batch", len(v))
	}
	if b.LastOffset() != last {
		return fmt.Errorf("the batch ends at offset %d", b.LastOffset())
	}
	return nil
}

// indexEntry is one entry of the sparse index: maxTime is the greatest timestamp up to offset last, bytes the cumulative size.
type indexEntry struct {
	ok                   bool
	maxTime, last, bytes int64
}

func parseIndex(k, v []byte) (indexEntry, error) {
	if len(k) != 21 || len(v) != 8 {
		return indexEntry{}, errValue
	}
	return indexEntry{true, int64(be.Uint64(k[5:])) - 1, tail8(k), int64(be.Uint64(v))}, nil
}

// index reads the entry that an iterator is placed on.
func index(it *pebble.Iterator, ok bool) (indexEntry, error) {
	if !ok {
		return indexEntry{}, it.Error()
	}
	v, err := it.ValueAndErr()
	if err != nil {
		return indexEntry{}, err
	}
	return parseIndex(it.Key(), v)
}

func (e *engine) lastIndex(partID uint32) (indexEntry, error) {
	it, err := e.iter(prefix(partID, kindIndex), prefix(partID, kindIndex+1))
	if err != nil {
		return indexEntry{}, err
	}
	ix, err := index(it, it.Last())
	return ix, errors.Join(err, it.Close())
}

// indexFrom is the key of the first entry at or past an offset: the end of the index if there is none. It looks from the end.
func (e *engine) indexFrom(partID uint32, offset int64) (key, error) {
	at := prefix(partID, kindIndex+1)
	it, err := e.iter(prefix(partID, kindIndex), at)
	if err != nil {
		return at, err
	}
	for ok := it.Last(); ok && tail8(it.Key()) >= offset; ok = it.Prev() {
		at.n = copy(at.b[:], it.Key())
	}
	return at, errors.Join(it.Error(), it.Close())
}

// bytesBefore is the cumulative size of all batches wholly below offset as they were appended (about, where some were rewritten), and the key of the first index entry that stays when they go.
func (e *engine) bytesBefore(partID uint32, p *part, offset int64) (int64, key, error) {
	keep := prefix(partID, kindIndex+1)
	it, err := e.iter(prefix(partID, kindIndex), keep)
	if err != nil {
		return 0, keep, err
	}
	from, bytes := int64(0), p.startMark.bytes
	if m := p.clean; m.through > p.start && m.through <= offset {
		from, bytes = m.through, m.bytes
	}
	for ok := it.First(); ok; ok = it.Next() {
		ix, ierr := index(it, true)
		if ierr != nil || ix.last >= offset {
			err = ierr
			keep.n = copy(keep.b[:], it.Key())
			break
		}
		if ix.last >= from {
			from, bytes = ix.last+1, ix.bytes
		}
	}
	if err = errors.Join(err, it.Error(), it.Close()); err != nil {
		return 0, keep, err
	}
	n, err := e.sizes(partID, from, offset)
	return bytes + n, keep, err
}

// sizes adds up the batches that end in [from, to), without reading them.
func (e *engine) sizes(partID uint32, from, to int64) (n int64, err error) {
	if from >= to {
		return 0, nil
	}
	it, err := e.iter(key8(partID, kindBatch, from), key8(partID, kindBatch, to))
	if err != nil {
		return 0, err
	}
	for ok := it.First(); ok; ok = it.Next() {
		v := it.LazyValue()
		n += int64(v.Len())
	}
	return n, errors.Join(it.Error(), it.Close())
}

// endBelow is the end of the log when only batches wholly below offset stay.
func (e *engine) endBelow(partID uint32, offset, start int64) (int64, error) {
	end := min(start, offset)
	it, err := e.iter(prefix(partID, kindBatch), key8(partID, kindBatch, offset))
	if err != nil {
		return 0, err
	}
	if it.Last() {
		end = max(end, lastOf(it.Key())+1)
	}
	return end, errors.Join(it.Error(), it.Close())
}

// Load implements Data.
func (e *engine) Load(partID uint32) (Loaded, error) {
	p, err := e.part(partID)
	if err != nil {
		return Loaded{}, err
	}
	e.mu.Lock()
	l := Loaded{Start: p.start, End: p.end, MaxTime: p.maxTime, Bytes: p.bytes}
	e.mu.Unlock()
	if l.Epochs, err = e.epochs(partID); err != nil {
		return Loaded{}, err
	}
	// Marks are written ahead of the records: what lies past the end was never confirmed.
	for n := len(l.Epochs); n > 0 && l.Epochs[n-1].Start > l.End; n-- {
		l.Epochs, l.Stale = l.Epochs[:n-1], true
	}
	rolls, err := e.rolls(partID)
	if err != nil {
		return Loaded{}, err
	}
	for _, r := range rolls {
		if r.Offset <= l.End {
			l.Roll = r.Roll
		} else {
			l.Stale = true
		}
	}
	l.Producers, err = e.producers(partID)
	return l, err
}
