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

	damagedRetry = 5 * time.Second // until a log that could not be read is read again, if no other broker leads by then
)

// replay is what the log says, up to an offset.
type replay struct {
	groups map[string]*core
	next   int64 // all below is in it; -1: where the log starts is not known yet
	epoch  int32 // leader epoch of the last batch in it, -1: none. Offset and epoch together name one log (KIP-595).
}

func newReplay() *replay { return &replay{groups: map[string]*core{}, next: -1, epoch: -1} }

// load is one read of the log, from where the replay of a follower has come, or its start, to where it ended when this broker began to lead.
type load struct {
	*replay
	slot    uint64
	end     int64
	began   time.Time
	records int
}

// startLoad asks the partition for the range to read: first where the log starts, if nothing of it was read before, then where it ends, which
// a new leader may not know at once.
func (s *Shard) startLoad(c kit.Context) {
	s.enter(loading)
	s.loads++
	s.load = &load{replay: s.stopFollowing(), slot: s.loads, end: -1, began: c.Now()}
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
	if f := s.follow; f != nil && m.Slot == f.slot {
		s.onFollowedStart(c, m)
		return
	}
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
	if l.epoch < 0 {
		s.read(c)
		return
	}
	s.facts.Partition.Tell(&partition.Read{Ask: kit.Ask{ReplyTo: c.Self(), Slot: l.slot}, Offset: l.next, LeaderEpoch: s.facts.LeaderEpoch, LastEpoch: l.epoch})
}

// onReadable goes on with the read if what was read before is what this log says, and begins anew if it is not.
func (s *Shard) onReadable(c kit.Context, m partition.Readable) {
	if f := s.follow; f != nil && m.Slot == f.slot {
		s.onFollowed(c, m)
		return
	}
	l := s.load
	if l == nil || m.Slot != l.slot {
		return
	}
	switch {
	case contradicts(&m) || l.next > l.end:
		c.Log().Warn("what a follower had read of consumer groups is not what its log says by now: it is read anew", "partition", s.o.Index, "offset", l.next, "epoch", l.epoch)
		l.replay = newReplay()
		s.locate(c)
	case m.Code == code.OK:
		s.read(c)
	case m.Code == code.KafkaStorageError:
		c.After(c.Self(), retryAfter, again{l})
	default: // the node has news
		s.lost = true
		s.unload(c)
	}
}

// contradicts says whether the log does not hold what was read from it: it was cut and written anew, by an unclean election.
func contradicts(m *partition.Readable) bool {
	return m.Code == code.OffsetOutOfRange || m.Code == code.OK && m.Diverging != nil
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
	s.readChunk(c, l.slot, l.next, l.end)
}

// readChunk reads a piece of the log, off the actor.
func (s *Shard) readChunk(c kit.Context, slot uint64, from, end int64) {
	data, id := s.o.Data, s.facts.PartID
	c.Go(c.Self(), func() any {
		x := chunk{slot: slot, next: end, epoch: -1}
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
		x.next, x.epoch = b.LastOffset()+1, b.LeaderEpoch()
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
	if f := s.follow; f != nil && m.slot == f.slot {
		s.onFollowedChunk(c, m)
		return
	}
	l := s.load
	if l == nil || m.slot != l.slot {
		return
	}
	if m.err != nil {
		c.Log().Error("DISK: the log of consumer groups cannot be read: its groups have no coordinator here until it can", "partition", s.o.Index, "offset", l.next, "err", m.err)
		s.facts.Partition.Tell(partition.Unreadable{LeaderEpoch: s.facts.LeaderEpoch, Err: m.err})
		c.After(c.Self(), damagedRetry, again{l})
		return
	}
	s.replay(c, l.replay, &m)
	l.records += len(m.records)
	s.read(c)
}

// replay makes a piece of the log part of what is known of it.
func (s *Shard) replay(c kit.Context, r *replay, m *chunk) {
	if m.strange > 0 {
		c.Log().Warn("records of consumer groups that cannot be understood are left out", "partition", s.o.Index, "records", m.strange)
	}
	now := s.clock.at(c.Now())
	for i := range m.records {
		x := &m.records[i]
		g := r.groups[x.id]
		if g == nil {
			g = newCore(x.id, s.facts.Config, now)
			r.groups[x.id] = g
		}
		g.replay(x)
		if g.worthless() {
			delete(r.groups, x.id)
		}
	}
	r.next = max(m.next, r.next+1)
	if m.epoch >= 0 {
		r.epoch = m.epoch
	}
}

// loaded begins to coordinate: groups with members get their actors, whose sessions begin, and offsets of topics that were deleted
// while nobody led are dropped.
func (s *Shard) loaded(c kit.Context) {
	l := s.load
	s.load = nil
	s.enter(leading)
	t := &term{groups: make(map[string]*slot, len(l.groups)), stats: s.o.Stats}
	s.term = t
	for id, g := range l.groups {
		x := &slot{listing: listing{nothing: true}, core: g}
		t.shows(x, g.listing())
		t.groups[id] = x
	}
	took := c.Now().Sub(l.began)
	s.stats.lastLoad = fmt.Sprintf("%d records, %d groups in %s", l.records, len(l.groups), took.Round(time.Microsecond))
	if len(l.groups) > 0 || l.records > 0 {
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
