package group

import (
	"time"

	"troupe/actors/kit"
	"troupe/actors/partition"
	"troupe/kafka/code"
)

// followRetry is when a follower looks again at a log that it could not read. News of the partition come earlier, by Become.
const followRetry = 5 * time.Second

// follow reads along while another broker leads, so that only the tail is to be read when this one takes over. What it knows is never shown.
//
// Only what is below the local high watermark is read, and that is never undone, except by an unclean election. So each piece is taken only
// when, after it was read, the log still holds what precedes it, and goes on only from a place that the log still holds: an offset and the
// epoch of the batch before it name one log.
type follow struct {
	*replay
	slot  uint64
	piece *chunk           // read, and not yet known to belong to what was read before
	watch *partition.Watch // nil: none
	rests kit.Timer        // nil: it does not rest
}

// startFollowing begins to read along, or ends a rest.
func (s *Shard) startFollowing(c kit.Context) {
	if f := s.follow; f != nil {
		if f.rests != nil {
			f.rests.Stop()
			f.rests = nil
			s.look(c)
		}
		return
	}
	s.loads++
	s.follow = &follow{replay: newReplay(), slot: s.loads}
	s.look(c)
}

// stopFollowing gives what was read, which may be nothing.
func (s *Shard) stopFollowing() *replay {
	f := s.follow
	if f == nil {
		return newReplay()
	}
	s.follow = nil
	if f.rests != nil {
		f.rests.Stop()
	}
	if f.watch != nil {
		s.facts.Partition.Tell(partition.Unwatch{Watch: f.watch})
	}
	return f.replay
}

// look asks the local replica what there is to read; first, where its log starts.
func (s *Shard) look(c kit.Context) {
	f := s.follow
	ask := kit.Ask{ReplyTo: c.Self(), Slot: f.slot}
	if f.next < 0 {
		s.facts.Partition.Tell(&partition.Locate{Ask: ask, Timestamp: earliest, LeaderEpoch: -1, Replica: true})
		return
	}
	s.facts.Partition.Tell(&partition.Read{Ask: ask, Offset: f.next, LeaderEpoch: -1, LastEpoch: f.epoch, Replica: true})
}

func (s *Shard) onFollowedStart(c kit.Context, m partition.Located) {
	if m.Code != code.OK {
		s.rest(c)
		return
	}
	s.follow.next = m.Offset
	s.look(c)
}

func (s *Shard) onFollowed(c kit.Context, m partition.Readable) {
	f := s.follow
	piece := f.piece
	f.piece = nil
	switch {
	case contradicts(&m):
		c.Log().Warn("the log of consumer groups was cut below what had been read: it is read anew", "partition", s.o.Index, "offset", f.next, "epoch", f.epoch)
		f.replay = newReplay()
		s.rest(c)
	case m.Code != code.OK:
		s.rest(c)
	case piece != nil:
		s.replay(c, f.replay, piece)
		s.look(c)
	case f.next < m.High:
		s.readChunk(c, f.slot, f.next, m.High)
	default:
		f.watch = &partition.Watch{Ask: kit.Ask{ReplyTo: c.Self()}, Offset: f.next, Replica: true}
		s.facts.Partition.Tell(f.watch)
	}
}

// onFollowedChunk keeps a piece until it is known that what precedes it is still in the log.
func (s *Shard) onFollowedChunk(c kit.Context, m chunk) {
	if m.err != nil {
		c.Log().Warn("the log of consumer groups cannot be read", "partition", s.o.Index, "offset", s.follow.next, "err", m.err)
		s.rest(c)
		return
	}
	s.follow.piece = &m
	s.look(c)
}

func (s *Shard) onGrown(c kit.Context, m partition.Grown) {
	f := s.follow
	if f == nil || f.watch != m.Watch {
		return
	}
	f.watch = nil
	if m.Cancelled {
		s.rest(c)
		return
	}
	s.look(c)
}

// rest waits for news: the replica cannot be read now.
func (s *Shard) rest(c kit.Context) {
	f := s.follow
	f.rests = c.After(c.Self(), followRetry, resume{f})
}

func (s *Shard) onResume(c kit.Context, m resume) {
	if m.follow != s.follow || m.follow.rests == nil {
		return
	}
	m.follow.rests = nil
	s.look(c)
}
