package raftnode

import (
	"time"

	"go.etcd.io/raft/v3"

	"troupe/actors/kit"
)

// A leader falls: its links break, on all followers at about the same moment. Each forgets it, which lets it grant votes before the lease is
// over, and stands for election, later the higher its rank. A false alarm (only our link broke) costs nothing: the others still hear the
// leader and do not answer, and its next heartbeat ends our candidacy.

// fall is called when the link to a node broke.
func (a *raftActor) fall(c kit.Context, node int32) {
	if lead := a.rn.BasicStatus().Lead; lead == raft.None || lead == a.o.ID || NodeOf(lead) != node {
		return
	}
	if err := a.rn.ForgetLeader(); err != nil {
		c.Log().Debug("raft: the leader cannot be forgotten", "error", err)
		return
	}
	a.stand(c, 0, node)
}

// rise is called when a link came up. If nobody leads, a majority need not wait for the election timeout.
func (a *raftActor) rise(c kit.Context) {
	if a.rn.BasicStatus().Lead == raft.None && a.standing == 0 {
		a.stand(c, standFirst, 0)
	}
}

// stand has this node ask for votes after a time, and by its rank. fallen is the node that led, 0 if none did.
func (a *raftActor) stand(c kit.Context, after time.Duration, fallen int32) {
	r := rank(a.inForce, a.o.ID, func(node int32) bool { return a.links[node] != nil }, fallen)
	if r < 0 {
		return
	}
	a.stands++
	a.standing, a.standTerm = a.stands, a.rn.BasicStatus().HardState.GetTerm()
	c.After(c.Self(), after+time.Duration(r)*standStep, candidacy{a.standing, standTries})
}

func (a *raftActor) campaign(c kit.Context, m candidacy) {
	if m.number != a.standing {
		return
	}
	s := a.rn.BasicStatus()
	if s.Lead != raft.None || m.tries == 0 {
		a.standing = 0
		return
	}
	switch term := s.HardState.GetTerm(); {
	case term != a.standTerm && s.HardState.GetVote() != a.o.ID: // another one stands and may have our vote: let him have a turn
		a.standTerm = term
	case mayStand(s.RaftState, s.Lead):
		if err := a.rn.Campaign(); err != nil {
			c.Log().Debug("raft: no candidacy", "error", err)
		}
	}
	c.After(c.Self(), standAgain, candidacy{m.number, m.tries - 1})
}

// doubt forgets that a node was heard: it may have taken part in an election while the link was down.
func (a *raftActor) doubt(node int32) {
	for id, x := range a.contacts {
		if NodeOf(id) == node {
			x.present = false
		}
	}
	a.moved = true
}

// hears notes that a member has spoken. Only the present term counts: who has voted for another leader speaks in a later one.
func (a *raftActor) hears(x *contact, term uint64) {
	if !x.present && term == a.rn.BasicStatus().HardState.GetTerm() {
		x.present, a.moved = true, true
	}
}

// certain reports whether this node leads beyond doubt; see Status.Certain.
func (a *raftActor) certain(role raft.StateType) bool {
	return role == raft.StateLeader && a.begun.Term == a.rn.BasicStatus().HardState.GetTerm() && quorum(a.inForce, func(id uint64) bool {
		x := a.contacts[id]
		return id == a.o.ID || x != nil && x.present && a.links[NodeOf(id)] != nil
	})
}

// watchDisk hands over when a leader's disk does not answer: it would go on sending heartbeats, and commit what others have written, but
// nobody knows whether it ever comes back.
func (a *raftActor) watchDisk(c kit.Context) {
	if !a.disk.stuck(a.ticks) || a.rn.BasicStatus().RaftState != raft.StateLeader {
		return
	}
	if id, ok := a.transfer(); ok {
		c.Log().Warn("the metadata log's disk does not answer: another node takes the lead", "to", id)
	}
}
