package raftnode

import (
	"cmp"
	"slices"

	"go.etcd.io/raft/v3"
	pb "go.etcd.io/raft/v3/raftpb"
	"go.etcd.io/raft/v3/tracker"

	"troupe/actors/kit"
)

// wake asks for a drain behind all that is in the mailbox now, so that one Ready takes in many messages.
func (a *raftActor) wake(c kit.Context) {
	switch {
	case a.flushing:
	case a.rn.HasReady() || a.view.wanted || len(a.pending) > 0:
		a.flushing = true
		c.Self().Tell(flush{})
	case a.moved:
		a.publish(c)
	}
}

// drain hands out all that the library has ready: writes to the log actor, committed entries to the state machine, the rest to the network.
func (a *raftActor) drain(c kit.Context) {
	a.enterAll()
	for a.rn.HasReady() {
		for _, m := range a.rn.Ready().Messages {
			switch m.GetTo() {
			case raft.LocalAppendThread:
				a.write(m)
			case raft.LocalApplyThread:
				a.apply(m)
			default:
				a.send(c, m)
			}
		}
	}
	if a.view.wanted {
		a.view.wanted = false
		a.o.FSM.Tell(BuildSnapshot{})
	}
	a.publish(c)
}

func (a *raftActor) write(m *pb.Message) {
	if s := m.GetSnapshot(); s != nil {
		a.conf = s.GetMetadata().GetConfState() // no Apply is sent before the snapshot is in
	}
	a.disk.write(a.ticks)
	a.log.Tell(write{m})
}

func (a *raftActor) apply(m *pb.Message) {
	es := m.GetEntries()
	out := make([]Entry, len(es))
	now := a.o.Trace.Now()
	for i, e := range es {
		if e.GetTerm() > a.begun.Term {
			a.begun = Mark{Index: e.GetIndex(), Term: e.GetTerm()}
		}
		out[i] = Entry{Index: e.GetIndex(), Term: e.GetTerm(), AppendedAt: a.durable.of(e.GetIndex()), CommittedAt: now}
		if cc := confChange(e); cc != nil {
			a.conf = nextConf(a.conf, cc, e.GetIndex())
		} else {
			out[i].Data = e.GetData()
		}
	}
	a.applying = append(a.applying, batch{m, a.conf})
	last := out[len(out)-1]
	a.o.FSM.Tell(Apply{Entries: out, Mark: Mark{last.Index, last.Term, a.conf}})
}

// publish posts the status, and tells the state machine and people if somebody else leads.
func (a *raftActor) publish(c kit.Context) {
	a.moved = false
	b := a.rn.BasicStatus()
	s := Status{
		ID: a.o.ID, Role: b.RaftState.String(), Term: b.HardState.GetTerm(), Leader: b.Lead,
		First: a.view.trunc + 1, Persisted: a.view.last, Committed: b.HardState.GetCommit(), Applied: b.Applied,
		Voters: a.inForce.GetVoters(), Learners: a.inForce.GetLearners(), Replicas: a.replicas, Behind: a.status.Behind,
		Certain: a.certain(b.RaftState),
	}
	if a.begun.Term == s.Term {
		s.Begun = a.begun.Index
	}
	s.settle(c.Now())
	changed := s.Leader != a.status.Leader || s.Leader != 0 && s.Term != a.status.Term
	a.status = s
	a.o.Board.raft.Store(&s)
	if changed {
		if s.Leader == 0 {
			c.Log().Info("no metadata leader is known", "term", s.Term, "self", NodeOf(s.ID))
		} else {
			c.Log().Info("metadata leader", "leader", NodeOf(s.Leader), "term", s.Term, "self", NodeOf(s.ID))
		}
		a.o.FSM.Tell(LeaderChanged{Leader: s.Leader, Term: s.Term, Self: s.Leader == s.ID})
	}
}

// look notes, with each tick of a leader, how far the others are.
func (a *raftActor) look() {
	b := a.rn.BasicStatus()
	if b.RaftState != raft.StateLeader {
		if a.replicas != nil {
			a.replicas, a.moved = nil, true
		}
		return
	}
	var list []Replica
	a.rn.WithProgress(func(id uint64, typ raft.ProgressType, p tracker.Progress) {
		r := Replica{ID: id, Voter: typ == raft.ProgressTypePeer, Match: p.Match, State: p.State.String(), Active: true}
		if id == a.o.ID {
			r.Match = a.view.last
		} else {
			x := a.contact(id)
			if p.Match >= b.HardState.GetCommit() {
				x.caughtUp = x.at
			}
			r.Active, r.LastContact, r.LastCaughtUp = a.active(id), x.at, x.caughtUp
		}
		list = append(list, r)
	})
	slices.SortFunc(list, func(x, y Replica) int { return cmp.Compare(x.ID, y.ID) })
	if !slices.Equal(list, a.replicas) {
		a.replicas, a.moved = list, true
	}
}
