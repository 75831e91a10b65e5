package storage

import (
	"errors"
	"fmt"

	"troupe/storage/record"
)

// Verified is what Verify found in one partition.
type Verified struct {
	PartID            uint32
	Start, End        int64
	Batches, Records  int64
	Bytes             int64
	Gaps              int64 // offsets between start and end that no batch covers, as compaction leaves them
	Producers, Epochs int
	NewestMs          int64    // greatest timestamp, record.NoTime if none
	Problems          []string // at most maxProblems

	problems  int
	lastEpoch int32 // of the batch before
	next      int64 // offset behind it
}

// maxProblems bounds the problems that one partition is told with.
const maxProblems = 20

// OK says whether nothing is wrong.
func (v *Verified) OK() bool { return v.problems == 0 }

// More is how many problems are not listed.
func (v *Verified) More() int { return v.problems - len(v.Problems) }

func (v *Verified) problem(format string, args ...any) {
	if v.problems++; len(v.Problems) < maxProblems {
		v.Problems = append(v.Problems, fmt.Sprintf(format, args...))
	}
}

// Verify reads everything that a store keeps of a partition and holds it against itself: each batch's checksum, records and offsets,
// order of offsets and epochs, and the marks beside them. Damage is a problem of the result; an error means that it could not look.
func Verify(d Data, partID uint32) (Verified, error) {
	e, isPebble := d.(*engine)
	if !isPebble {
		return Verified{}, errors.New("only a store on disk can be verified")
	}
	v := Verified{PartID: partID, lastEpoch: -1, NewestMs: record.NoTime}
	l, err := e.Load(partID)
	if err != nil {
		if damage := (*CorruptError)(nil); errors.As(err, &damage) {
			v.problem("%v", err)
			return v, nil
		}
		return v, err
	}
	v.Start, v.End, v.next = l.Start, l.End, l.Start
	v.Producers, v.Epochs = len(l.Producers), len(l.Epochs)
	err = e.batches(partID, 0, func(last int64, b record.Batch) (bool, error) {
		v.batch(last, b)
		return true, nil
	})
	if err != nil {
		if damage := (*CorruptError)(nil); !errors.As(err, &damage) {
			return v, err
		}
		v.problem("%v", err)
	}
	m, err := e.cleanMark(partID)
	if err != nil {
		return v, err
	}
	v.marks(&l, m.through)
	return v, nil
}

// batch looks at one batch, in the order of offsets.
func (v *Verified) batch(last int64, b record.Batch) {
	v.Batches++
	v.Bytes += int64(len(b))
	v.NewestMs = max(v.NewestMs, b.MaxTimestamp())
	base := b.BaseOffset()
	switch {
	case b.Sum() != b.CRC():
		v.problem("offsets %d to %d: the checksum does not fit", base, last)
		v.next = last + 1
		return
	case base < v.next && v.Batches > 1:
		v.problem("offsets %d to %d: the batch before ends at %d", base, last, v.next-1)
	case last < v.Start:
		v.problem("offsets %d to %d lie before the log's start %d", base, last, v.Start)
	case base > v.next:
		v.Gaps += base - v.next
	}
	if b.LeaderEpoch() < v.lastEpoch {
		v.problem("offsets %d to %d: leader epoch %d follows %d", base, last, b.LeaderEpoch(), v.lastEpoch)
	}
	v.lastEpoch, v.next = b.LeaderEpoch(), last+1
	count, delta := 0, int32(-1)
	err := record.Each(b, func(_ int, m record.Meta) bool {
		if m.OffsetDelta <= delta || m.OffsetDelta > b.LastOffsetDelta() {
			v.problem("offsets %d to %d: record %d is out of order", base, last, count)
			return false
		}
		delta = m.OffsetDelta
		count++
		return true
	})
	if err != nil {
		v.problem("offsets %d to %d: %v", base, last, err)
	} else if int32(count) != b.Count() {
		v.problem("offsets %d to %d: %d records of %d", base, last, count, b.Count())
	}
	v.Records += int64(count)
}

// marks holds what is kept beside the records against them.
func (v *Verified) marks(l *Loaded, through int64) {
	if v.Batches > 0 && v.next != l.End && through != l.End { // compaction may take the last batch before an empty segment
		v.problem("the last batch ends at %d, and the log at %d", v.next, l.End)
	}
	for i, e := range l.Epochs {
		if i > 0 && (l.Epochs[i-1].Start > e.Start || l.Epochs[i-1].Epoch >= e.Epoch) {
			v.problem("leader epoch %d begins at %d, after epoch %d at %d", e.Epoch, e.Start, l.Epochs[i-1].Epoch, l.Epochs[i-1].Start)
		}
	}
	for _, p := range l.Producers {
		for _, b := range p.Batches {
			if b.Last >= l.End {
				v.problem("producer %d is remembered with offset %d, past the end %d", p.ID, b.Last, l.End)
			}
		}
	}
}
