package raftnode

import (
	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/tracker"
)

// Limits of what the raft actor is asked and answers later.
const (
	maxTransfers = 16
	maxWishes    = 16
)

// handOver takes an ask to give the lead away. It is tried again with each tick: the library gives up after an election timeout, and the
// chosen one may fall.
func (a *raftActor) handOver(m *TransferLeadership) {
	switch {
	case a.rn.BasicStatus().RaftState != raft.StateLeader:
		m.Reply(LeadershipTransferred{TransferLeadership: m, Done: true})
		return
	case len(a.transfers) >= maxTransfers:
		m.Refuse()
		return
	}
	limit := m.Timeout
	if limit <= 0 {
		limit = DefaultTransferTimeout
	}
	a.transfers = append(a.transfers, transferring{m, a.ticks + uint64((limit+a.o.Tick-1)/a.o.Tick)})
	a.pushTransfers()
}

// transferring is an ask that waits until somebody else leads.
type transferring struct {
	ask *TransferLeadership
	due uint64 // tick
}

// pushTransfers answers who can be answered, and goes on for the rest.
func (a *raftActor) pushTransfers() {
	if len(a.transfers) == 0 {
		return
	}
	leads := a.rn.BasicStatus().RaftState == raft.StateLeader
	keep := a.transfers[:0]
	for _, t := range a.transfers {
		if leads && a.ticks < t.due {
			keep = append(keep, t)
			continue
		}
		t.ask.Reply(LeadershipTransferred{TransferLeadership: t.ask, Done: !leads})
	}
	a.transfers = keep
	if len(keep) > 0 {
		a.transfer()
	}
}

// transfer begins to hand the lead to the voter that has most of the log and was heard of lately, if there is one and none is under way.
func (a *raftActor) transfer() (uint64, bool) {
	if a.rn.BasicStatus().LeadTransferee != raft.None {
		return 0, false
	}
	var best, match uint64
	a.rn.WithProgress(func(id uint64, typ raft.ProgressType, p tracker.Progress) {
		if typ == raft.ProgressTypePeer && id != a.o.ID && a.active(id) && a.wanted(id) && (best == 0 || p.Match > match) {
			best, match = id, p.Match
		}
	})
	if best == 0 {
		return 0, false
	}
	a.rn.TransferLeader(best)
	return best, true
}

// endAsks answers all who wait, at the end of the actor.
func (a *raftActor) endAsks() {
	for i := range a.pending {
		a.pending[i].done(false)
	}
	a.pending = nil
	for _, t := range a.transfers {
		t.ask.Refuse()
	}
	for _, w := range a.wishes {
		w.ask.Refuse()
	}
	a.transfers, a.wishes = nil, nil
}
