package raftnode

import (
	"sync/atomic"
	"time"
)

// Status is what metrics, readiness and doctor see of the group on this node.
//
// Persisted ≥ Committed ≥ Applied on a leader, and all three are equal when nothing is under way. Committed − Applied that does not go back to
// 0 means that entries are committed and never applied; Persisted − Committed, that they are written and never committed.
type Status struct {
	ID        uint64 // this node's Raft id
	Role      string // the library's: StateFollower, StatePreCandidate, StateCandidate, StateLeader
	Term      uint64
	Leader    uint64 // Raft id, 0 if nobody is known to lead
	First     uint64 // first index in the log
	Persisted uint64 // last index that is durable here
	Committed uint64
	Applied   uint64   // last index whose application was reported back to Raft
	Voters    []uint64 // of the membership in force here
	Learners  []uint64
	Replicas  []Replica // all members, by id, as of the last tick; only on the leader
	// Certain says that this node leads beyond doubt: it has heard most voters since the links to them are up. A leader that was cut off may
	// have a successor, and hears of it a little later than that a link is back. It has committed something of its own, too.
	Certain bool
	// Begun is the first index of Term that was committed as far as this node knows, 0: none was. A leader knows all that earlier ones have
	// committed, or may yet have, when its state has that.
	Begun uint64
	// Behind is since when the three have not been equal; zero if they are.
	Behind time.Time

	Image     uint64    // index of the state in memory
	Stored    uint64    // index of the stored state
	Pending   int       // proposals without an answer
	Oldest    time.Time // when the oldest of them came; zero if there is none
	LastApply time.Time // when entries were last applied; zero before the first
}

// Replica is a member of the group as its leader sees it.
type Replica struct {
	ID     uint64
	Voter  bool
	Match  uint64 // the last index that it is known to have durably; of the leader itself, too
	State  string // the library's: StateProbe, StateReplicate, StateSnapshot
	Active bool   // it has a link, and was heard of within the last second
	// LastContact is when it was heard of last, and LastCaughtUp when it last had all that was committed; zero if never, and
	// for the leader itself.
	LastContact, LastCaughtUp time.Time
}

// Board is where the two actors post their part of the Status. Anybody may read it, at any time.
type Board struct {
	raft  atomic.Pointer[Status]
	state atomic.Pointer[Status]
}

// Status is the latest. The two halves are each consistent.
func (b *Board) Status() Status {
	var s Status
	if r := b.raft.Load(); r != nil {
		s = *r
	}
	if f := b.state.Load(); f != nil {
		s.Image, s.Stored, s.Pending, s.Oldest, s.LastApply = f.Image, f.Stored, f.Pending, f.Oldest, f.LastApply
	}
	return s
}

// PostState is the state machine's: it sets the fields from Image on.
func (b *Board) PostState(s Status) { b.state.Store(&s) }

// LeaderNode is the node id of the leader, -1 if nobody is known to lead. A node id is the lower half of a Raft id.
func (s Status) LeaderNode() int32 {
	if s.Leader == 0 {
		return -1
	}
	return NodeOf(s.Leader)
}

func (s *Status) settle(now time.Time) {
	switch {
	case s.Persisted == s.Committed && s.Committed == s.Applied:
		s.Behind = time.Time{}
	case s.Behind.IsZero():
		s.Behind = now
	}
}
