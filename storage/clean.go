package storage

// Clean is one step of the compaction of a partition. Its steps come in the order of offsets, one after the other, each in one
// commit: so a record goes no earlier than all older ones of its key, after any crash too.
type Clean struct {
	Batches []Rewrite // in the order of offsets, all below Through
	Through int64     // where a virtual segment starts: what lies from there on is as it was appended
	To      int64     // when this is durable, the log is clean below; 0: as far as it was
}

// Rewrite puts a shrunk batch in the place of one with the same first and last offset.
type Rewrite struct {
	Last  int64
	Was   int    // size in bytes of the batch that it takes the place of
	Batch []byte // nil: the batch goes
}

// Dirt is what compaction must know of a partition.
type Dirt struct {
	Start      int64     // log start
	Clean      int64     // the log is clean below, at least Start
	CleanBytes int64     // record bytes below Clean
	Segments   []Segment // closed virtual segments that end above Clean, in order
}

// Segment is a closed virtual segment, or the part of it that is not clean.
type Segment struct {
	Base, End int64
	Bytes     int64
	MaxTime   int64 // no record of it is newer, in ms; when it was closed, if timestamps do not tell
}

// dirtOf cuts a log into what is clean and what is not. bytes is the size of the batches in [from, to).
func dirtOf(start int64, mark cleanMark, rolls []rollMark, bytes func(from, to int64) (int64, error)) (d Dirt, err error) {
	d.Start, d.Clean = start, max(start, mark.clean)
	if d.CleanBytes, err = bytes(start, d.Clean); err != nil {
		return d, err
	}
	base, newest := d.Clean, int64(-1)
	for _, r := range rolls {
		if r.Offset > base {
			s := Segment{Base: base, End: r.Offset, MaxTime: r.maxTime}
			if r.maxTime <= newest {
				s.MaxTime = r.TimeMs
			}
			if s.Bytes, err = bytes(base, r.Offset); err != nil {
				return d, err
			}
			d.Segments = append(d.Segments, s)
			base = r.Offset
		}
		newest = r.maxTime
	}
	return d, nil
}
