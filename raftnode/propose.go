package raftnode

import (
	"time"

	"troupe/actors/kit"
	"troupe/actors/kit/trace"
	"troupe/actors/meta"
	"troupe/kafka/code"
)

// MetadataName is the name of the metadata actor: whoever wants to change a cluster fact tells it Propose.
const MetadataName = "metadata"

// Propose asks to change a cluster fact by a command in the Raft log.
//
// From: conn, node, controller, partition. Answer: Proposed, when applied here (and the node has seen it), refused or
// timed out. It is re-proposed under the same request id until then; the FSM answers a duplicate with the stored result.
type Propose struct {
	kit.Ask
	Cmd meta.Command
	// Timeout bounds the wait; 0 means DefaultTimeout. At expiry the answer is REQUEST_TIMED_OUT: the outcome is unknown.
	Timeout time.Duration
	// Term, if not 0, is the leadership of this node for which the command is meant: it is not proposed in any other. What is known to be applied
	// of one leadership was so in the order of asking.
	Term uint64
	// ID is set by the metadata actor.
	ID meta.RequestID
	// Op is the request that asks, nil if none does. Whoever sends the proposal holds a reference for it, which Reply gives back.
	Op *trace.Op
}

// Reply sends the one answer, a Proposed, and gives the reference of Op back.
func (p *Propose) Reply(answer any) {
	p.Op.Release()
	p.Ask.Reply(answer)
}

// DefaultTimeout bounds a proposal that names no time-out.
const DefaultTimeout = 30 * time.Second

// Proposed answers Propose.
//
// From: metadata.
type Proposed struct {
	*Propose
	Index  uint64 // Raft index of the entry, 0 if it was not applied
	Result meta.Result
}

// Refuse implements kit.Refuser.
func (p *Propose) Refuse() {
	p.Reply(Proposed{Propose: p, Result: meta.Result{Code: code.CoordinatorNotAvailable}})
}
