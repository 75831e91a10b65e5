package raftnode

import (
	"time"

	pb "go.etcd.io/raft/v3/raftpb"

	"troupe/actors/kit"
	"troupe/actors/meta"
	"troupe/kafka/code"
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
	Term    uint64 // not 0: only into the log of a leader of this term, which is this node
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

// Members says who the nodes of the cluster are, by their Raft ids: the leader makes the group of them.
//
// From: the state machine, at Attached and whenever they change.
type Members struct{ IDs []uint64 }

// ChangeVoters wishes that a node votes, or does not. The wish goes before what the leader would do by itself.
//
// From: conn. Answer: VotersChanged, exactly once: when it is so, or cannot be.
type ChangeVoters struct {
	kit.Ask
	Node    int32
	Vote    bool
	Timeout time.Duration // 0: DefaultTimeout. At expiry the outcome is unknown
}

// VotersChanged answers ChangeVoters.
//
// From: raft.
type VotersChanged struct {
	*ChangeVoters
	Code    code.Code
	Message string
}

// Refuse implements kit.Refuser.
func (m *ChangeVoters) Refuse() {
	m.Reply(VotersChanged{ChangeVoters: m, Code: code.CoordinatorNotAvailable, Message: "This broker stops, or has too many such requests."})
}

// TransferLeadership asks this node to stop leading, if it does, in favour of the voter that has most of the log.
//
// From: node, before it shuts down. Answer: LeadershipTransferred, exactly once: when this node does not lead, or in vain at the time-out.
type TransferLeadership struct {
	kit.Ask
	Timeout time.Duration // 0: DefaultTransferTimeout
}

// DefaultTransferTimeout bounds a TransferLeadership that names no time-out.
const DefaultTransferTimeout = 3 * time.Second

// LeadershipTransferred answers TransferLeadership.
//
// From: raft.
type LeadershipTransferred struct {
	*TransferLeadership
	Done bool // this node does not lead
}

// Refuse implements kit.Refuser.
func (m *TransferLeadership) Refuse() {
	m.Reply(LeadershipTransferred{TransferLeadership: m})
}

// candidacy has the node ask for votes, if still nobody leads. Only the newest number counts.
//
// From: raft (timer).
type candidacy struct{ number, tries int }

// tick moves Raft's clock. The next one is set when one was handled, so that a stall never makes a burst of them.
//
// From: raft (timer).
type tick struct{}

// flush ends a batch: all that was queued before it has been taken in.
//
// From: raft and log, each to itself.
type flush struct{}
