package sim

import (
	"fmt"
	"time"
)

// raftBook is what was seen of the metadata log in one life of a broker.
type raftBook struct {
	term             uint64
	applied, decided uint64        // the last indexes seen
	moved            time.Duration // when they moved last, or there was nothing to apply
	easy             time.Duration // until when the disk may be slow
}

// appliedWithin bounds how long an entry may be committed and not applied (L3, which the design has at 1 s, too). It cannot be much lower: a
// broker hears that an entry is committed before its own disk has it, and each work of the disk takes up to 0.1 s until it begins and up to 0.1 s
// until it is heard of. One write of the log may be under way, then comes that of the entry; one store of the state, then that of the
// entry: 0.8 s, and the messages between.
const appliedWithin = time.Second

// checkRaft: indexes do not go back, and what is committed is applied soon (L3).
func (h *house) checkRaft() error {
	r, now := h.broker.Board.Status(), h.t.Now()
	if b := &h.t.book; r.Term > b.term {
		b.term = r.Term
		b.terms++
	}
	was := h.raft
	if r.Applied != was.applied || r.Committed == r.Applied {
		h.raft.moved = now
	}
	if h.node.Slow > 0 { // what is under way when that ends takes as long as before
		h.raft.easy = max(h.raft.easy, now+4*h.node.Slow)
	}
	h.raft.moved = max(h.raft.moved, h.raft.easy)
	h.raft.term, h.raft.applied, h.raft.decided = r.Term, r.Applied, r.Committed
	switch {
	case r.Term < was.term || r.Applied < was.applied || r.Committed < was.decided:
		return fmt.Errorf("%s: the metadata log went back: term %d, committed %d, applied %d after %d, %d, %d", host(h.id), r.Term, r.Committed, r.Applied,
			was.term, was.decided, was.applied)
	case r.Applied > r.Committed:
		return fmt.Errorf("%s: the metadata log is committed up to %d and applied up to %d", host(h.id), r.Committed, r.Applied)
	case now-h.raft.moved > appliedWithin:
		return fmt.Errorf("L3: %s: entries are committed up to %d and applied up to %d only, since %s", host(h.id), r.Committed, r.Applied, h.raft.moved)
	}
	return nil
}

// still is how long nobody asks for anything when all clients have finished: then every entry of the log is applied everywhere, whatever was
// lost on the way before.
const still = time.Second

func (t *town) checkStill() error {
	for _, h := range t.nodes {
		if r := h.broker.Board.Status(); r.Persisted != r.Committed || r.Committed != r.Applied {
			return fmt.Errorf("L3: %s after the last change the log of %s is persisted up to %d, committed up to %d and applied up to %d", still, host(h.id),
				r.Persisted, r.Committed, r.Applied)
		}
	}
	return nil
}
