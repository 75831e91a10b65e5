package group

import (
	"fmt"
	"time"

	"troupe/actors/kit"
	"troupe/actors/partition"
	"troupe/kafka/code"
	"troupe/storage/record"
)

const (
	loadStep   = 1 << 20                // bytes of the log that are read at a time
	retryAfter = 100 * time.Millisecond // until the partition is asked again
)

// load is one read of the log, from its start to where it ended when this broker began to lead.
type load struct {
	slot    uint64
	groups  map[string]*core
	next    int64
	end     int64
	began   time.Time
	records int
}

// startLoad asks the partition for the range to read: first where the log starts, then where it ends, which a new leader
// may not know at once.
func (s *Shard) startLoad(c kit.Context) {
	s.role = loading
	s.loads++
	s.load = &load{slot: s.loads, groups: map[string]*core{}, next: -1, end: -1, began: c.Now()}
	s.locate(c)
}

const (
	latest   = -1
	earliest = -2
)

func (s *Shard) locate(c kit.Context) {
	at := int64(earliest)
	if s.load.next >= 0 {
		at = latest
	}
	s.facts.Partition.Tell(&partition.Locate{Ask: kit.Ask{ReplyTo: c.Self(), Slot: s.load.slot}, Timestamp: at, LeaderEpoch: s.facts.LeaderEpoch})
}

func (s *Shard) onLocated(c kit.Context, m partition.Located) {
	l := s.load
	if l == nil || m.Slot != l.slot {
		return
	}
	switch m.Code {
	case code.OK:
	case code.OffsetNotAvailable, code.KafkaStorageError:
		c.After(c.Self(), retryAfter, again{l})
		return
	default: // the node has news
		s.lost = true
		s.unload(c)
		return
	}
	if l.next < 0 {
		l.next = m.Offset
		s.locate(c)
		return
	}
	if m.Offset < s.owed {
		c.After(c.Self(), retryAfter, again{l})
		return
	}
	l.end = m.Offset
	s.read(c)
}

func (s *Shard) onAgain(c kit.Context, m again) {
	if m.load == s.load {
		s.locate(c)
	}
}

// read takes the next piece of the log.
func (s *Shard) read(c kit.Context) {
	l := s.load
	if l.next >= l.end {
		s.loaded(c)
		return
	}
	data, id, from, end := s.o.Data, s.facts.PartID, l.next, l.end
	c.Go(c.Self(), func() any {
		x := chunk{load: l, next: end}
		b, err := data.Read(id, from, end, loadStep, true)
		if err != nil {
			x.err = err
			return x
		}
		for _, piece := range b.Data {
			x.take(piece, from)
		}
		b.Release()
		return x
	})
}

// take reads the batches of one piece. What it keeps is copied: the piece is given back.
func (x *chunk) take(raw []byte, from int64) {
	for len(raw) >= record.Overhead && x.err == nil {
		n := int(record.Batch(raw).Length()) + record.Overhead
		if n < record.HeaderLen || n > len(raw) {
			x.err = fmt.Errorf("a batch of %d bytes in %d", n, len(raw))
			return
		}
		b := record.Batch(raw[:n])
		raw = raw[n:]
		x.next = b.LastOffset() + 1
		if b.Control() {
			continue
		}
		list, bad := record.Records(b)
		if bad != nil {
			x.err = bad
			return
		}
		for i := range list {
			if list[i].Offset < from {
				continue
			}
			r, ok, err := decodeRecord(list[i].Key, list[i].Value)
			switch {
			case err != nil:
				x.strange++
			case ok:
				x.records = append(x.records, r)
			}
		}
	}
}

func (s *Shard) onChunk(c kit.Context, m chunk) {
	l := s.load
	if m.load != l || l == nil {
		return
	}
	if m.err != nil {
		c.Fatal("DISK: the log of consumer groups cannot be read", "partition", s.o.Index, "offset", l.next, "err", m.err)
		return
	}
	if m.strange > 0 {
		c.Log().Warn("records of consumer groups that cannot be understood are left out", "partition", s.o.Index, "records", m.strange)
	}
	for i := range m.records {
		r := &m.records[i]
		g := l.groups[r.id]
		if g == nil {
			g = newCore(r.id, s.facts.Config, s.clock.at(l.began))
			l.groups[r.id] = g
		}
		g.replay(r)
		if g.worthless() {
			delete(l.groups, r.id)
		}
	}
	l.records += len(m.records)
	l.next = max(m.next, l.next+1)
	s.read(c)
}

// loaded begins to coordinate: groups with members get their actors, whose sessions begin, and offsets of topics that were deleted
// while nobody led are dropped.
func (s *Shard) loaded(c kit.Context) {
	l := s.load
	s.load, s.role = nil, leading
	t := &term{groups: make(map[string]*slot, len(l.groups))}
	s.term = t
	for id, g := range l.groups {
		x := &slot{core: g}
		t.shows(x, g.listing())
		t.groups[id] = x
	}
	took := c.Now().Sub(l.began)
	s.stats.lastLoad = fmt.Sprintf("%d records, %d groups in %s", l.records, len(l.groups), took.Round(time.Microsecond))
	if l.records > 0 {
		c.Log().Info("consumer groups loaded", "partition", s.o.Index, "records", l.records, "groups", len(l.groups), "took", took)
	}
	for _, id := range t.ids() {
		x := t.groups[id]
		gone := x.core.strangers(s.o.Topic)
		if len(x.core.members) > 0 || len(gone) > 0 {
			s.pass(c, id, x, TopicsDeleted{gone})
		}
	}
	s.armSweep(c)
}

func (s *Shard) armSweep(c kit.Context) {
	c.After(c.Self(), time.Duration(max(s.facts.Config.CheckMs, 1))*time.Millisecond, sweep{s.term})
}
