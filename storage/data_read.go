package storage

import (
	"errors"
	"math"
	"sort"
	"time"

	"troupe/storage/record"
)

var errCRC = errors.New("the checksum of the batch does not fit")

// Read implements Data. The bytes come from the read cache as far as it has them. Of a reader who goes on where one was before, as much
// again is read ahead.
func (e *engine) Read(partID uint32, offset, limit int64, maxBytes int, minOne bool) (Batches, error) {
	var b Batches
	if offset >= limit {
		return b, nil
	}
	follows := e.reads.follows(partID, offset)
	for more := true; more && offset < limit; {
		size := min(e.reads.chunk, maxBytes-b.Bytes)
		keep := true
		switch {
		case b.Bytes > 0 && size < e.reads.chunk/2:
			keep = false // a rest, in which there may be no room for a batch
		case follows || b.Bytes > 0:
			size = e.reads.chunk
		}
		first := maxBytes - b.Bytes
		if minOne && b.Bytes == 0 {
			first = math.MaxInt
		}
		r, err := e.reads.get(partID, offset, limit, size, first, keep)
		if damage := (*CorruptError)(nil); b.Bytes > 0 && errors.As(err, &damage) {
			return b, nil // what lies before the damage is good; who reads on meets it
		}
		if err != nil {
			b.Release()
			return Batches{}, err
		}
		offset, more = b.add(r, offset, limit, maxBytes, minOne)
	}
	if follows && b.Bytes > 0 && offset < limit {
		e.reads.ahead(aheadRead{partID, offset, limit, min(b.Bytes, mostAhead)})
	}
	return b, nil
}

// add takes batches of a range from the one that covers offset on, within the limits of a Read, and the reference to its slab. It says where to
// go on, and whether there is any more to take.
func (b *Batches) add(r *readRange, offset, limit int64, maxBytes int, minOne bool) (next int64, more bool) {
	if r.slab == nil {
		return offset, false
	}
	i := sort.Search(len(r.batches), func(i int) bool { return r.batches[i].last >= offset })
	from := 0
	if i > 0 {
		from = r.batches[i-1].end
	}
	to := from
	more = true
	for ; i < len(r.batches) && more; i++ {
		x := r.batches[i]
		if x.last >= limit || b.Bytes+x.end-to > maxBytes && !(minOne && b.Bytes == 0) {
			more = false
			break
		}
		b.Bytes += x.end - to
		to, offset = x.end, x.last+1
		more = b.Bytes < maxBytes
	}
	if to == from {
		r.slab.Release()
		return offset, false
	}
	b.slabs = append(b.slabs, r.slab)
	b.Data = append(b.Data, r.slab.buf[from:to:to])
	return offset, more && !r.cut
}

// readRange reads a range from the disk: up to size bytes, but a first batch of up to first bytes.
func (e *engine) readRange(r *readRange, size, first int) error {
	if e.readStraight(r, size, first) {
		return nil
	}
	var next *Slab // r.slab, from when its memory is needed
	room := func(n int) []byte {
		if next == nil {
			next = rawSlab(max(n, size))
		}
		return next.buf[len(next.buf) : len(next.buf)+n]
	}
	err := e.batchesWithin(r.partID, r.from, func(last int64, n int) bool {
		switch {
		case last >= r.limit:
			return false
		case r.slab == nil:
			return n <= first
		}
		return len(r.slab.buf)+n <= size
	}, room, func(last int64, v record.Batch) (bool, error) {
		if e.opts.VerifyReads && v.Sum() != v.CRC() {
			return false, &CorruptError{r.partID, last, errCRC}
		}
		to := room(len(v))
		if &to[0] != &v[0] { // it was not put together there
			copy(to, v)
		}
		next.buf = next.buf[:len(next.buf)+len(v)]
		r.slab = next
		r.batches = append(r.batches, rangeBatch{last, len(r.slab.buf)})
		r.next = last + 1
		return len(r.slab.buf) < size, nil
	})
	if r.slab == nil {
		if next != nil {
			next.Release()
		}
		return err
	}
	if damage := (*CorruptError)(nil); errors.As(err, &damage) {
		err, r.cut = nil, true
	}
	if err != nil {
		r.undo()
		return err
	}
	r.shrink(size)
	return nil
}

// undo forgets what was read.
func (r *readRange) undo() {
	r.slab.Release()
	r.slab, r.batches, r.next = nil, nil, r.from
}

// shrink moves a range into a smaller slab if it has become much shorter than size: an answer that is not read keeps the whole slab.
func (r *readRange) shrink(size int) {
	if len(r.slab.buf) < size/2 {
		s := rawSlab(len(r.slab.buf))
		s.buf = append(s.buf, r.slab.buf...)
		r.slab.Release()
		r.slab = s
	}
}

// Scrub implements Data.
func (e *engine) Scrub(partID uint32, offset int64, maxBytes int) (next int64, bytes int, err error) {
	next = -1
	err = e.batches(partID, offset, func(last int64, b record.Batch) (bool, error) {
		if b.Sum() != b.CRC() {
			return false, &CorruptError{partID, last, errCRC}
		}
		if bytes += len(b); bytes >= maxBytes {
			next = last + 1
		}
		return next < 0, nil
	})
	return next, bytes, err
}

// OffsetForTime implements Data.
func (e *engine) OffsetForTime(partID uint32, ts int64, start, limit int64) (at TimeOffset, ok bool, err error) {
	from, err := e.lastBefore(partID, ts)
	if err != nil {
		return at, false, err
	}
	return e.find(partID, max(from, start), limit, start, func(max int64) bool { return max >= ts }, func(t int64) bool { return t >= ts })
}

// lastBefore is the offset up to which all timestamps are known to be less than ts.
func (e *engine) lastBefore(partID uint32, ts int64) (int64, error) {
	it, err := e.iter(prefix(partID, kindIndex), prefix(partID, kindIndex+1))
	if err != nil {
		return 0, err
	}
	k := indexKey(partID, ts, 0)
	ix, err := index(it, it.SeekLT(k.bytes()))
	if err = errors.Join(err, it.Close()); err != nil || !ix.ok {
		return 0, err
	}
	return ix.last + 1, nil
}

// find is the first record in [start, limit) whose timestamp satisfies want, looking from the batch that covers offset on, and only
// into batches whose greatest timestamp satisfies batch.
func (e *engine) find(partID uint32, offset, limit, start int64, batch, want func(int64) bool) (at TimeOffset, ok bool, err error) {
	err = e.batches(partID, offset, func(last int64, b record.Batch) (bool, error) {
		if last >= limit {
			return false, nil
		}
		if !batch(b.MaxTimestamp()) {
			return true, nil
		}
		rerr := record.Each(b, func(_ int, m record.Meta) bool {
			o := b.BaseOffset() + int64(m.OffsetDelta)
			if o >= start && want(m.Timestamp) {
				at, ok = TimeOffset{o, m.Timestamp, b.LeaderEpoch()}, true
			}
			return !ok
		})
		if rerr != nil {
			return false, &CorruptError{partID, last, rerr}
		}
		return !ok, nil
	})
	return at, ok, err
}

// MaxTimestamp implements Data.
func (e *engine) MaxTimestamp(partID uint32, start, limit int64) (at TimeOffset, ok bool, err error) {
	ix, err := e.lastIndexBelow(partID, limit)
	if err != nil {
		return at, false, err
	}
	most, from := record.NoTime, start
	if ix.ok && ix.last >= start {
		most, from = ix.maxTime, ix.last+1
	}
	first := int64(-1) // of the last MB: where a greater timestamp was found
	err = e.batches(partID, from, func(last int64, b record.Batch) (bool, error) {
		if last >= limit {
			return false, nil
		}
		if b.MaxTimestamp() > most {
			most, first = b.MaxTimestamp(), b.BaseOffset()
		}
		return true, nil
	})
	if err != nil || most < 0 {
		return at, false, err
	}
	if from = first; from < 0 {
		if from, err = e.lastBefore(partID, most); err != nil {
			return at, false, err
		}
	}
	reached := func(t int64) bool { return t >= most }
	at, ok, err = e.find(partID, max(from, start), limit, start, reached, reached)
	if ok || err != nil {
		return at, ok, err
	}
	return e.scanMax(partID, start, limit)
}

// scanMax looks at every batch: the greatest timestamp that the index or a batch knows belongs to a record below start.
func (e *engine) scanMax(partID uint32, start, limit int64) (at TimeOffset, ok bool, err error) {
	at.Timestamp = record.NoTime
	err = e.batches(partID, start, func(last int64, b record.Batch) (bool, error) {
		if last >= limit {
			return false, nil
		}
		if b.MaxTimestamp() <= at.Timestamp {
			return true, nil
		}
		rerr := record.Each(b, func(_ int, m record.Meta) bool {
			if o := b.BaseOffset() + int64(m.OffsetDelta); o >= start && m.Timestamp > at.Timestamp {
				at, ok = TimeOffset{o, m.Timestamp, b.LeaderEpoch()}, true
			}
			return true
		})
		if rerr != nil {
			return false, &CorruptError{partID, last, rerr}
		}
		return true, nil
	})
	if !ok { // compaction took it
		at = TimeOffset{}
	}
	return at, ok, err
}

// lastIndexBelow is the last entry below an offset.
func (e *engine) lastIndexBelow(partID uint32, offset int64) (indexEntry, error) {
	it, err := e.iter(prefix(partID, kindIndex), prefix(partID, kindIndex+1))
	if err != nil {
		return indexEntry{}, err
	}
	var ix indexEntry
	for ok := it.Last(); ok && err == nil; ok = it.Prev() {
		if tail8(it.Key()) < offset {
			ix, err = index(it, true)
			break
		}
	}
	return ix, errors.Join(err, it.Error(), it.Close())
}

// Expire implements Data. A segment without timestamps is as old as its end was rolled.
func (e *engine) Expire(partID uint32, start, limit int64, minTime time.Time, maxBytes int64) (int64, error) {
	p, err := e.part(partID)
	if err != nil {
		return start, err
	}
	rolls, err := e.rolls(partID)
	if err != nil {
		return start, err
	}
	e.mu.Lock()
	bytes, m := p.bytes, p.clean
	e.mu.Unlock()
	old := int64(math.MinInt64)
	if !minTime.IsZero() {
		old = minTime.UnixMilli()
	}
	at := start
	for _, r := range rolls {
		if r.Offset <= start {
			continue
		}
		left := bytes - r.Bytes // what the batches from the mark on take
		if maxBytes >= 0 && r.Offset < m.through {
			rest, err := e.sizes(partID, r.Offset, m.through)
			if err != nil {
				return start, err
			}
			left = bytes - m.bytes + rest
		}
		newest := r.maxTime
		if newest < 0 {
			newest = r.TimeMs
		}
		if r.Offset > limit || newest >= old && (maxBytes < 0 || left < maxBytes) {
			break
		}
		at = r.Offset
	}
	return at, nil
}

// Size implements Data.
func (e *engine) Size(partID uint32) (int64, error) {
	p, err := e.part(partID)
	if err != nil {
		return 0, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	return p.size(), nil
}
