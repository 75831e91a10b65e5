package raftnode

import (
	"fmt"

	"troupe/actors/kit"
	"troupe/actors/meta"
	"troupe/actors/peer"
)

// Verdict is the one byte that the leader answers to a command of another node. The numbers travel.
type Verdict byte

// The verdicts.
const (
	Entered    Verdict = iota + 1 // in the leader's log. It comes back by an Apply, or is lost with the leader
	NotEntered                    // no leader here, or too much under way: it may be entered again
	Unreadable                    // the leader cannot read it, and never will: it may be of a newer version
	verdicts
)

// ReadVerdict reads the answer to a command that was sent to another node.
func ReadVerdict(b []byte) (Verdict, error) {
	if len(b) != 1 || b[0] == 0 || Verdict(b[0]) >= verdicts {
		return 0, fmt.Errorf("an answer of %d bytes to a command", len(b))
	}
	return Verdict(b[0]), nil
}

// forwarded enters a command of another node, if this one leads. It is read first: an entry that cannot be read would end every node that
// comes to apply it.
func (a *raftActor) forwarded(c kit.Context, m *peer.Asked) {
	p := proposal{Enter: Enter{Data: m.Head}, asked: m}
	env, err := meta.Decode(m.Head)
	if err != nil || len(m.Head) > MaxCommand || m.Guest || env.ID.Node != 0 && env.ID.Node != m.From.NodeID {
		c.Log().Warn("a command of another node was refused", "node", m.From.NodeID, "bytes", len(m.Head), "id", env.ID, "error", err)
		p.answer(Unreadable)
		return
	}
	a.enter(p)
}
