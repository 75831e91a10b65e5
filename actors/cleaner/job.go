package cleaner

import (
	"errors"
	"fmt"

	"troupe/storage"
	"troupe/storage/record"
)

const (
	readSize = 1 << 20   // bytes of batches that are read at once
	maxStep  = 256 << 10 // bytes of shrunk batches from which a step is full: what a commit can take along
	maxBatch = 512       // batches of a step, where Options do not say less
	maxRead  = 4 << 20   // bytes that are read before the actor hears again
)

// job is one compaction of one log. It belongs to the blocker while a function of it runs, then to the actor again.
type job struct {
	partID uint32
	name   string
	cfg    Config
	data   storage.Data
	most   int   // batches of a step
	began  int64 // ms
	now    int64 // ms, when the present piece was begun

	start   int64 // log start
	from    int64 // the log is clean below
	through int64 // the end of the virtual segment where it ends
	to      int64 // below, keys were mapped: it becomes the border of what is clean
	keys    *keys
	epoch   int32           // leader epoch
	last    map[int64]int64 // last offset of each producer's newest batch
	limit   int64           // the high watermark: the batch that ends there stays, be it empty, for the log may end there

	at   int64 // the next offset to be read
	term int32 // leader epoch of the batch before it
	done bool  // with this pass
	step *storage.Clean
	err  error

	read, written, removed int64 // bytes, bytes, records
	took                   int64 // bytes since the last rest
	pass                   state // while it rests: what it was at
}

var errDamaged = errors.New("a batch is damaged: its checksum does not fit")

// errStuck says that nothing can be compacted because not even one key fits.
var errStuck = errors.New("the memory for keys is too small: raise log.cleaner.dedupe.buffer.size")

// each reads batches from j.at on that begin below limit, until fn returns false or enough was read. It says whether the limit was reached.
func (j *job) each(limit int64, fn func(b record.Batch) (more bool, err error)) (bool, error) {
	for read := 0; read < maxRead; {
		if j.at >= limit {
			return true, nil
		}
		got, err := j.data.Read(j.partID, j.at, j.through, readSize, true)
		if err != nil {
			return false, err
		}
		read += got.Bytes
		j.read += int64(got.Bytes)
		j.took += int64(got.Bytes)
		over, more, err := j.batches(got.Data, limit, fn)
		got.Release()
		if over || !more || err != nil {
			return over, err
		}
	}
	return false, nil
}

// batches goes through what was read. Nothing read means that no batch is left.
func (j *job) batches(data [][]byte, limit int64, fn func(b record.Batch) (bool, error)) (over, more bool, err error) {
	if len(data) == 0 {
		j.at = limit
		return true, false, nil
	}
	for _, p := range data {
		for len(p) > 0 {
			n := int(record.Batch(p).Length()) + record.Overhead
			b := record.Batch(p[:n:n])
			p = p[n:]
			if b.BaseOffset() >= limit {
				j.at = limit
				return true, false, nil
			}
			if !b.Intact() {
				return false, false, fmt.Errorf("offsets %d to %d: %w", b.BaseOffset(), b.LastOffset(), errDamaged)
			}
			more, err := fn(b)
			if err != nil || !more {
				return false, false, err
			}
			j.at = b.LastOffset() + 1
		}
	}
	return false, true, nil
}

// kept says that a batch is left as it is: a marker, or part of a transaction, whose outcome is not known here.
func kept(b record.Batch) bool { return b.Control() || b.Transactional() }

// mapSome reads some more of the dirty part.
func (j *job) mapSome() any {
	full := false
	over, err := j.each(j.to, func(b record.Batch) (bool, error) {
		if kept(b) {
			return true, nil
		}
		err := record.Entries(b, func(e record.Entry) bool {
			o := b.BaseOffset() + int64(e.OffsetDelta)
			if e.Key == nil || o < j.from {
				return true
			}
			if !j.keys.put(digestOf(e.Key), o) {
				full, j.to = true, o
			}
			return !full
		})
		if err != nil {
			return false, err
		}
		return !full, nil
	})
	if j.err = err; err == nil && j.to <= j.from {
		j.err = errStuck
	}
	j.done = over || full
	return mapped{j}
}

// begin turns to the second pass. Nothing comes before offset 0, so an epoch that begins there needs no batch to say so.
func (j *job) begin() {
	j.at, j.term, j.done = j.start, 0, false
	if j.start > 0 {
		j.term = -1
	}
}

// shrinkSome gathers the next step. The last one says how far the log is clean.
func (j *job) shrinkSome() any {
	j.step = &storage.Clean{Through: j.through}
	bytes := 0
	over, err := j.each(j.to, func(b record.Batch) (bool, error) {
		r, err := j.shrink(b)
		j.term = b.LeaderEpoch()
		if err != nil || r == nil {
			return true, err
		}
		j.step.Batches = append(j.step.Batches, *r)
		j.written += int64(len(r.Batch))
		j.took += int64(len(r.Batch))
		bytes += len(r.Batch)
		j.at = b.LastOffset() + 1 // also when this is the last of the step
		return bytes < maxStep && len(j.step.Batches) < j.most, nil
	})
	j.err, j.done = err, over
	if over {
		j.step.To = j.to
	}
	return shrunk{j}
}

// shrink decides about one batch (Cleaner.shouldRetainRecord, checkBatchRetention); nil: it stays as it is.
func (j *job) shrink(b record.Batch) (*storage.Rewrite, error) {
	if kept(b) {
		return nil, nil
	}
	// A horizon counts only if compaction has set it: a client may send any bits.
	horizon, marked := b.DeleteHorizon()
	marked = marked && b.LastOffset() < j.from
	mark := int64(-1)
	if !marked && b.LastOffset() < j.to {
		mark = j.now + j.cfg.DeleteRetentionMs
	}
	s, err := record.Shrink(b, mark, func(e record.Entry) bool {
		o := b.BaseOffset() + int64(e.OffsetDelta)
		switch {
		case o >= j.to:
			return true
		case e.Key == nil: // of the time before the topic was compacted
			return false
		case o < j.keys.last(digestOf(e.Key)):
			return false
		}
		return !e.Tombstone || !marked || j.now < horizon
	})
	if err != nil {
		return nil, fmt.Errorf("offsets %d to %d: %w", b.BaseOffset(), b.LastOffset(), err)
	}
	j.removed += int64(s.Gone)
	r := &storage.Rewrite{Last: b.LastOffset(), Was: len(b), Batch: s.Batch}
	switch {
	case s.Batch != nil:
	case s.Kept > 0, b.LastOffset() >= j.to:
		return nil, nil
	case b.ProducerID() != record.NoProducer && j.lastOf(b), b.LastOffset()+1 == j.limit, b.LeaderEpoch() > j.term:
		if s.Gone == 0 {
			return nil, nil // it is empty already
		}
		r.Batch = record.Emptied(b)
	}
	return r, nil
}

// lastOf says whether the batch holds the last sequence of its producer.
func (j *job) lastOf(b record.Batch) bool {
	o, ok := j.last[b.ProducerID()]
	return ok && o == b.LastOffset()
}
