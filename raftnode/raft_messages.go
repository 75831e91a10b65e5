package raftnode

import (
	pb "go.etcd.io/raft/v3/raftpb"

	"troupe/actors/kit"
	"troupe/actors/meta"
)

// Attached says that the raft actor runs. Proposals may be entered from now on, whether there is a leader or not.
//
// From: raft, once, to the state machine.
type Attached struct{ Raft *kit.Ref }

// Enter hands an encoded command to Raft. It is no ask: if it is committed it comes back in an Apply, on every node; if Raft will not take
// it (no leader here, or too much is uncommitted) it comes back as Dropped. When a leader falls, it may also never come back.
//
// From: the state machine. Answer: Dropped, or none.
type Enter struct {
	ReplyTo *kit.Ref
	ID      meta.RequestID
	Data    []byte // never changed again
}

// Refuse implements kit.Refuser: the raft actor has stopped.
func (e Enter) Refuse() { e.ReplyTo.Tell(Dropped{e.ID}) }

// Dropped says that an entered command did not get into the log here. It may be entered again under the same id.
//
// From: raft.
type Dropped struct{ ID meta.RequestID }

// LeaderChanged says who leads; Leader is a Raft id, 0 if nobody is known to. What was entered under the former leader may be lost.
//
// From: raft, to the state machine.
type LeaderChanged struct {
	Leader, Term uint64
	Self         bool // this node leads
}

// Entry is one committed log entry. Data is empty if it holds no command (a new leader's first entry, or a conf change).
type Entry struct {
	Index, Term uint64
	Data        []byte
	// AppendedAt and CommittedAt are when this node had it on disk and when Raft called it committed, by the clock of traces; 0: not known.
	AppendedAt, CommittedAt int64
}

// Mark is a place in the log, with the membership in force after it. It is stored together with the state.
type Mark struct {
	Index, Term uint64
	Conf        *pb.ConfState // never changed
}

// Apply hands committed entries to the state machine, each once, in order, without a gap.
//
// From: raft. Answer: Applied, when the state up to Mark is stored (not necessarily synced: the log has it).
type Apply struct {
	Entries []Entry
	Mark    Mark
}

// Applied says that the state is stored up to Index, the Mark of an Apply. It stands for all Applies before, too.
//
// From: the state machine.
type Applied struct{ Index uint64 }

// Compact says that the log is not needed up to Index, which is stored as applied.
//
// From: the state machine.
type Compact struct{ Index uint64 }

// BuildSnapshot asks for the state as it is, because a follower is behind the beginning of the log.
//
// From: raft. Answer: SnapshotBuilt.
type BuildSnapshot struct{}

// SnapshotBuilt is the state at a Mark, serialised.
//
// From: the state machine (built off the actor).
type SnapshotBuilt struct {
	Mark Mark
	Data []byte
}

// Install asks to replace state and log by a snapshot that the leader sent: image, store, applied mark and hard state in one synced write.
// No Apply is under way, and none comes before the answer.
//
// From: log (its queue rests meanwhile). Answer: Installed.
type Install struct {
	kit.Ask
	Mark Mark
	Data []byte
	Hard *pb.HardState // nil: unchanged
}

// Installed answers Install. Done is false if the state machine has stopped; nothing was written then.
//
// From: the state machine.
type Installed struct {
	*Install
	Done bool
}

// Refuse implements kit.Refuser.
func (i *Install) Refuse() { i.Reply(Installed{Install: i}) }

// tick moves Raft's clock. The next one is set when one was handled, so that a stall never makes a burst of them.
//
// From: raft (timer).
type tick struct{}

// flush ends a batch: all that was queued before it has been taken in.
//
// From: raft and log, each to itself.
type flush struct{}
