package sim

import (
	"cmp"
	"maps"
	"slices"

	"troupe/storage"
	"troupe/storage/record"
)

// dataState is one state of the model store: partitions by partId.
type dataState map[uint32]*dataPart

// dataPart is one partition, as a simple list of everything.
type dataPart struct {
	start, startBytes int64
	startTime         int64 // greatest timestamp of what was deleted
	bytes, maxTime    int64
	end               int64
	marked            bool  // start was ever moved
	clean             int64 // compacted below
	through           int64 // what lies from here on was never rewritten
	appended, newest  int64 // before through: bytes as they were appended, and the greatest timestamp
	batches           []dataBatch
	epochs            map[int32]int64
	producers         map[int64]storage.Producer
	rolls             []dataRoll
}

// dataBatch is one batch with its own copy of the bytes, which nobody changes.
type dataBatch struct {
	partID   uint32
	bytes    record.Batch
	before   int64 // cumulative bytes before it
	size     int64 // bytes as it was appended
	maxTime  int64
	producer *storage.Producer
}

func (b dataBatch) last() int64 { return b.bytes.LastOffset() }

type dataRoll struct {
	storage.Roll
	maxTime int64
}

func newPart() *dataPart {
	return &dataPart{startTime: record.NoTime, maxTime: record.NoTime, newest: record.NoTime, epochs: map[int32]int64{}, producers: map[int64]storage.Producer{}}
}

func (s dataState) part(id uint32) *dataPart {
	if s[id] == nil {
		s[id] = newPart()
	}
	return s[id]
}

func (s dataState) clone() dataState {
	out := dataState{}
	for id, p := range s {
		c := *p
		c.batches, c.rolls = slices.Clone(p.batches), slices.Clone(p.rolls)
		c.epochs, c.producers = maps.Clone(p.epochs), maps.Clone(p.producers)
		out[id] = &c
	}
	return out
}

// copies takes the appends' bytes as they are now: the slabs go back to their pool.
func copies(as []storage.Append) []dataBatch {
	out := make([]dataBatch, len(as))
	for i, a := range as {
		out[i] = dataBatch{partID: a.PartID, bytes: slices.Clone(a.Slab.Batch(a.At)), before: a.Bytes, maxTime: a.MaxTime}
		out[i].size = int64(len(out[i].bytes))
		if a.Producer != nil {
			p := *a.Producer
			p.Batches = slices.Clone(p.Batches)
			out[i].producer = &p
		}
	}
	return out
}

func (s dataState) append(bs []dataBatch) {
	for _, b := range bs {
		p := s.part(b.partID)
		i, found := slices.BinarySearchFunc(p.batches, b.last(), func(x dataBatch, o int64) int { return cmp.Compare(x.last(), o) })
		if found {
			p.batches[i] = b
		} else {
			p.batches = slices.Insert(p.batches, i, b)
		}
		p.end, p.bytes, p.maxTime = b.last()+1, b.before+int64(len(b.bytes)), max(p.maxTime, b.maxTime)
		if b.producer != nil {
			p.producers[b.producer.ID] = *b.producer
		}
	}
}

// ops changes the state; recs are the records of the same unit, which come after it.
func (s dataState) ops(ops []storage.Op, recs []dataBatch) {
	for _, o := range ops {
		p := s.part(o.PartID)
		switch o.Kind {
		case storage.OpEpoch:
			p.epochs[o.Epoch] = o.Offset
		case storage.OpRoll:
			p.roll(o, recs)
		case storage.OpDropProducer:
			delete(p.producers, o.ID)
		case storage.OpDrop:
			delete(s, o.PartID)
		case storage.OpSetStart:
			p.setStart(o.Offset)
		case storage.OpTruncate:
			p.truncate(o.Offset)
		case storage.OpClean:
			p.rewrite(o.Clean)
		}
	}
}

func (p *dataPart) roll(o storage.Op, recs []dataBatch) {
	r := dataRoll{storage.Roll{Offset: o.Offset, TimeMs: o.TimeMs, Bytes: o.Bytes}, p.maxTime}
	if o.MaxTime > 0 {
		r.maxTime = max(r.maxTime, o.MaxTime)
	}
	for _, b := range recs {
		if b.partID == o.PartID && b.last() < o.Offset {
			r.maxTime = max(r.maxTime, b.maxTime)
		}
	}
	p.rolls = slices.DeleteFunc(p.rolls, func(x dataRoll) bool { return x.Offset == o.Offset })
	p.rolls = append(p.rolls, r)
	slices.SortFunc(p.rolls, func(a, b dataRoll) int { return cmp.Compare(a.Offset, b.Offset) })
}

func (p *dataPart) setStart(start int64) {
	if start <= p.start {
		return
	}
	for len(p.batches) > 0 && p.batches[0].last() < start {
		p.startBytes = p.batches[0].before + p.batches[0].size
		p.batches = slices.Clone(p.batches[1:])
	}
	if p.through <= start {
		p.startBytes = max(p.startBytes, p.appended)
	}
	p.start, p.startTime, p.end, p.marked = start, p.maxTime, max(p.end, start), true
	if n := len(p.rolls); n > 0 {
		active := p.rolls[n-1].Offset
		p.rolls = slices.DeleteFunc(p.rolls, func(r dataRoll) bool { return r.Offset < start && r.Offset != active })
	}
	es := p.sortedEpochs()
	for i, e := range es {
		if e.Start > start {
			break
		}
		if i+1 < len(es) && es[i+1].Start <= start {
			delete(p.epochs, e.Epoch)
		} else {
			p.epochs[e.Epoch] = start
		}
	}
}

func (p *dataPart) truncate(to int64) {
	p.start, p.marked = min(p.start, to), p.marked || to < p.start
	p.batches = slices.DeleteFunc(p.batches, func(b dataBatch) bool { return b.last() >= to })
	p.end, p.bytes, p.maxTime = p.start, p.startBytes, p.startTime
	if p.through <= to { // batches below do not tell any more what was appended
		p.end, p.bytes, p.maxTime = max(p.end, p.through), max(p.bytes, p.appended), max(p.maxTime, p.newest)
	}
	for _, b := range p.batches {
		if b.last() < p.through && p.through <= to {
			continue
		}
		p.end, p.bytes, p.maxTime = b.last()+1, b.before+b.size, max(p.maxTime, b.maxTime)
	}
	p.clean, p.through = min(p.clean, p.end), min(p.through, p.end)
	p.rolls = slices.DeleteFunc(p.rolls, func(r dataRoll) bool { return r.Offset > p.end })
	maps.DeleteFunc(p.epochs, func(_ int32, start int64) bool { return start >= p.end })
	for id, pr := range p.producers {
		n := len(pr.Batches)
		for n > 0 && pr.Batches[n-1].Last >= p.end {
			n--
		}
		if pr.Batches = slices.Clone(pr.Batches[:n]); n == 0 {
			delete(p.producers, id)
		} else {
			p.producers[id] = pr
		}
	}
}

func (p *dataPart) sortedEpochs() []storage.EpochStart {
	var out []storage.EpochStart
	for e, start := range p.epochs {
		out = append(out, storage.EpochStart{Epoch: e, Start: start})
	}
	slices.SortFunc(out, func(a, b storage.EpochStart) int { return cmp.Compare(a.Epoch, b.Epoch) })
	return out
}

func (p *dataPart) load() storage.Loaded {
	l := storage.Loaded{Start: p.start, End: p.end, MaxTime: p.maxTime, Bytes: p.bytes}
	for _, e := range p.sortedEpochs() {
		if e.Start <= p.end {
			l.Epochs = append(l.Epochs, e)
		} else {
			l.Stale = true
		}
	}
	for _, pr := range p.producers {
		pr.Batches = slices.Clone(pr.Batches)
		l.Producers = append(l.Producers, pr)
	}
	slices.SortFunc(l.Producers, func(a, b storage.Producer) int { return cmp.Compare(a.ID, b.ID) })
	for _, r := range p.rolls {
		if r.Offset <= p.end {
			l.Roll = r.Roll
		} else {
			l.Stale = true
		}
	}
	return l
}

// records calls fn for each record in [start, limit), until it returns false.
func (p *dataPart) records(start, limit int64, fn func(storage.TimeOffset) bool) {
	for _, b := range p.batches {
		if b.last() < start {
			continue
		}
		if b.last() >= limit {
			return
		}
		more := true
		err := record.Each(b.bytes, func(_ int, m record.Meta) bool {
			if o := b.bytes.BaseOffset() + int64(m.OffsetDelta); o >= start {
				more = fn(storage.TimeOffset{Offset: o, Timestamp: m.Timestamp, LeaderEpoch: b.bytes.LeaderEpoch()})
			}
			return more
		})
		if err != nil {
			panic("sim: a batch was stored that cannot be read: " + err.Message)
		}
		if !more {
			return
		}
	}
}

func (p *dataPart) expire(start, limit, old, maxBytes int64) int64 {
	at := start
	for _, r := range p.rolls {
		if r.Offset <= start {
			continue
		}
		newest := r.maxTime
		if newest < 0 {
			newest = r.TimeMs
		}
		if r.Offset > limit || newest >= old && (maxBytes < 0 || p.sizes(r.Offset, p.end) < maxBytes) {
			break
		}
		at = r.Offset
	}
	return at
}

// rewrite takes one step of compaction.
func (p *dataPart) rewrite(c *storage.Clean) {
	for _, r := range p.rolls {
		if r.Offset == c.Through && c.Through > p.through {
			p.appended, p.newest = r.Bytes, r.maxTime
		}
	}
	p.through, p.clean = max(p.through, c.Through), max(p.clean, c.To)
	p.batches = slices.Clone(p.batches)
	for _, r := range c.Batches {
		i := slices.IndexFunc(p.batches, func(b dataBatch) bool { return b.last() == r.Last })
		switch {
		case i < 0 || len(p.batches[i].bytes) != r.Was || r.Last >= c.Through:
			panic("sim: compaction rewrites what is not there")
		case r.Batch == nil:
			p.batches = slices.Delete(p.batches, i, i+1)
		default:
			p.batches[i].bytes = slices.Clone(r.Batch)
		}
	}
}

// sizes is what the batches that end in [from, to) take.
func (p *dataPart) sizes(from, to int64) (n int64) {
	for _, b := range p.batches {
		if b.last() >= from && b.last() < to {
			n += int64(len(b.bytes))
		}
	}
	return n
}

func (p *dataPart) dirt() storage.Dirt {
	d := storage.Dirt{Start: p.start, Clean: max(p.start, p.clean)}
	d.CleanBytes = p.sizes(p.start, d.Clean)
	base, newest := d.Clean, int64(-1)
	for _, r := range p.rolls {
		if r.Offset > p.end {
			break
		}
		if r.Offset > base {
			s := storage.Segment{Base: base, End: r.Offset, Bytes: p.sizes(base, r.Offset), MaxTime: r.maxTime}
			if r.maxTime <= newest {
				s.MaxTime = r.TimeMs
			}
			d.Segments = append(d.Segments, s)
			base = r.Offset
		}
		newest = r.maxTime
	}
	return d
}

func (p *dataPart) empty() bool {
	return !p.marked && len(p.batches)+len(p.epochs)+len(p.producers)+len(p.rolls) == 0
}
