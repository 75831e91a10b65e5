package raftnode

import (
	"slices"

	"go.etcd.io/raft/v3"
	pb "go.etcd.io/raft/v3/raftpb"

	"troupe/actors/peer"
)

// proposal is a command that goes into the log with all those that are in the mailbox now: the library sends followers a message for each
// time that it is given something, not for each command.
type proposal struct {
	Enter             // of this node, or
	asked *peer.Asked // of another one
}

// done says what has become of it. Who sits here hears more when it is applied.
func (p *proposal) done(entered bool) {
	switch {
	case p.asked != nil && entered:
		p.answer(Entered)
	case p.asked != nil:
		p.answer(NotEntered)
	case !entered:
		p.Refuse()
	}
}

func (p *proposal) answer(v Verdict) {
	p.asked.Reply(peer.Answer{Asked: p.asked, Head: []byte{byte(v)}})
}

// enter keeps a command until the drain, which follows behind all that is in the mailbox.
func (a *raftActor) enter(p proposal) { a.pending = append(a.pending, p) }

// enterAll gives the library what has gathered, in pieces of what one of its messages holds. The one error is that a piece was dropped, for one
// of several passing reasons.
func (a *raftActor) enterAll() {
	a.pending = slices.DeleteFunc(a.pending, func(p proposal) bool {
		ends := p.Term != 0 && !a.leadsIn(p.Term)
		if ends {
			p.done(false)
		}
		return ends
	})
	for len(a.pending) > 0 {
		var es []*pb.Entry
		size := 0
		for _, p := range a.pending {
			if size += len(p.Data); len(es) > 0 && size > maxSizePerMsg {
				break
			}
			es = append(es, &pb.Entry{Data: p.Data})
		}
		err := a.rn.Step(&pb.Message{Type: pb.MsgProp.Enum(), From: new(a.o.ID), Entries: es})
		for i := range es {
			a.pending[i].done(err == nil)
		}
		a.pending = a.pending[len(es):]
	}
	a.pending = nil
}

// leadsIn reports whether this node leads in a term.
func (a *raftActor) leadsIn(term uint64) bool {
	b := a.rn.BasicStatus()
	return b.RaftState == raft.StateLeader && b.HardState.GetTerm() == term
}
