package raftnode

import (
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"go.etcd.io/raft/v3"
	pb "go.etcd.io/raft/v3/raftpb"
	"go.etcd.io/raft/v3/tracker"

	"troupe/actors/kit"
	"troupe/kafka/code"
)

const (
	memberTicks = 4  // between two looks at the group, by the leader
	changeTicks = 40 // until a change that was proposed and did not come is proposed again
	activeTicks = 20 // since a member was heard of, and it counts as gone

	// lostTicks is how long a voter may be away until a learner takes its place. It is five minutes: longer than a restart, a repair of a link,
	// or a new version takes.
	lostTicks = 6000

	// maxContacts bounds what is remembered of others: only nodes with links get here, and there are fewer of them.
	maxContacts = 2000

	// readyLag is how many entries a learner may be behind and be made a voter.
	readyLag = 1000
)

// contact is what is known of another member. It outlives terms.
type contact struct {
	tick     uint64
	at       time.Time // it was heard of last
	caughtUp time.Time // it had all that was committed; zero: not seen so
	present  bool      // it has spoken in this node's term since the link is up
}

func (a *raftActor) setMembers(c kit.Context, m Members) {
	a.nodes = m.IDs
	a.arrange(c)
}

// wanted says whether a member is a node of the cluster, as far as that is known.
func (a *raftActor) wanted(id uint64) bool { return len(a.nodes) == 0 || slices.Contains(a.nodes, id) }

func (a *raftActor) active(id uint64) bool {
	x := a.contacts[id]
	return x != nil && !x.at.IsZero() && a.links[NodeOf(id)] != nil && a.ticks-x.tick < activeTicks
}

// missing says whether a member was not heard of for so long that it need not come back. Only a leader hears of all.
func (a *raftActor) missing(id uint64) bool {
	since := a.leads
	if x := a.contacts[id]; x != nil {
		since = max(since, x.tick)
	}
	return id != a.o.ID && a.leads > 0 && a.ticks-since >= lostTicks
}

// arrange proposes the next change of the group, if this node leads, has applied all that the leaders before have decided, and no change is
// under way: the library takes a second change without an error, and makes nothing of it.
func (a *raftActor) arrange(c kit.Context) {
	s := a.rn.BasicStatus()
	switch {
	case s.RaftState != raft.StateLeader:
		a.leads = 0
	case a.leads == 0:
		a.leads = a.ticks
	}
	if s.RaftState != raft.StateLeader || a.changing > a.ticks || s.LeadTransferee != raft.None {
		return
	}
	if term, err := a.view.Term(s.Applied); err != nil || term != s.HardState.GetTerm() {
		return
	}
	next := a.roll(s).next()
	switch {
	case next.handOver:
		a.transfer()
	case len(next.changes) > 0:
		a.change(c, next.changes)
	}
}

func (a *raftActor) roll(s raft.BasicStatus) roll {
	match := map[uint64]tracker.Progress{}
	a.rn.WithProgress(func(id uint64, _ raft.ProgressType, p tracker.Progress) { match[id] = p })
	return roll{
		self: a.o.ID, voters: a.inForce.GetVoters(), learners: a.inForce.GetLearners(), joint: len(a.inForce.GetVotersOutgoing()) > 0,
		nodes: a.nodes, target: a.o.Voters, byHand: a.byHand, active: a.active, lost: a.missing,
		ready: func(id uint64) bool {
			p, ok := match[id]
			return ok && p.State == tracker.StateReplicate && p.Match+readyLag >= s.HardState.GetCommit() && a.active(id)
		},
	}
}

// change proposes a change of the group. Wishes that it fulfils travel with it, so that a later leader does not undo them.
func (a *raftActor) change(c kit.Context, list []*pb.ConfChangeSingle) {
	cc := &pb.ConfChangeV2{Changes: list}
	for _, ch := range list {
		if wish, ok := a.byHand[ch.GetNodeId()]; ok {
			cc.Context = appendWish(cc.Context, ch.GetNodeId(), wish)
		}
	}
	if a.rn.ProposeConfChange(cc) != nil { // it was dropped, for one of several passing reasons
		return
	}
	c.Log().Info("metadata group changes", "voters", nodesOf(a.inForce.GetVoters()), "learners", nodesOf(a.inForce.GetLearners()), "change", changeText(list))
	a.changing = a.ticks + changeTicks
}

// wishSize is what one wish takes in the context of a change: whether it is to vote, and its Raft id.
const wishSize = 9

func appendWish(b []byte, id uint64, vote bool) []byte {
	b = append(b, 0)
	if vote {
		b[len(b)-1] = 1
	}
	return binary.BigEndian.AppendUint64(b, id)
}

// changed is called when a change has come into force here, on every node.
func (a *raftActor) changed(cc *pb.ConfChangeV2) {
	a.changing = 0
	for b := cc.GetContext(); len(b) >= wishSize; b = b[wishSize:] {
		a.byHand[binary.BigEndian.Uint64(b[1:])] = b[0] == 1
	}
	for id := range a.byHand {
		if !slices.Contains(a.members(), id) {
			delete(a.byHand, id)
		}
	}
}

// wish is an ask for another set of voters that is not fulfilled yet.
type wish struct {
	ask *ChangeVoters
	due uint64 // tick
}

// changeVoters takes somebody's wish. It holds until he, or somebody else, wishes the contrary, the node leaves, or one leads that has restarted
// since: it is known by the change that fulfilled it, and only to those who were there. Then the group is what the cluster makes it by itself.
func (a *raftActor) changeVoters(c kit.Context, m *ChangeVoters) {
	at := slices.IndexFunc(a.nodes, func(id uint64) bool { return NodeOf(id) == m.Node })
	s := a.rn.BasicStatus()
	votes := at >= 0 && slices.Contains(a.inForce.GetVoters(), a.nodes[at])
	refuse := func(e code.Code, format string, args ...any) {
		m.Reply(VotersChanged{ChangeVoters: m, Code: e, Message: fmt.Sprintf(format, args...)})
	}
	switch {
	case s.RaftState != raft.StateLeader:
		refuse(code.NotLeaderForPartition, "Node %d does not lead the metadata.", NodeOf(a.o.ID))
	case at < 0:
		refuse(code.InvalidRequest, "Node %d is not part of the cluster.", m.Node)
	case m.Vote && votes:
		refuse(code.DuplicateVoter, "Node %d is a voter already.", m.Node)
	case !m.Vote && !votes:
		refuse(code.VoterNotFound, "Node %d is no voter.", m.Node)
	case !m.Vote && len(a.inForce.GetVoters()) == 1:
		refuse(code.InvalidRequest, "Node %d is the only voter.", m.Node)
	case len(a.wishes) >= maxWishes:
		m.Refuse()
	default:
		limit := m.Timeout
		if limit <= 0 {
			limit = DefaultTimeout
		}
		a.byHand[a.nodes[at]] = m.Vote
		a.wishes = append(a.wishes, wish{m, a.ticks + uint64((limit+a.o.Tick-1)/a.o.Tick)})
		a.arrange(c)
	}
}

// grant answers the wishes that are fulfilled, or cannot be here any more.
func (a *raftActor) grant() {
	if len(a.wishes) == 0 {
		return
	}
	leads := a.rn.BasicStatus().RaftState == raft.StateLeader
	joint := len(a.inForce.GetVotersOutgoing()) > 0
	keep := a.wishes[:0]
	for _, w := range a.wishes {
		votes := slices.ContainsFunc(a.inForce.GetVoters(), func(id uint64) bool { return NodeOf(id) == w.ask.Node })
		answer := VotersChanged{ChangeVoters: w.ask}
		switch {
		case !joint && votes == w.ask.Vote:
		case !leads:
			answer.Code, answer.Message = code.NotLeaderForPartition, "Another node leads the metadata now."
		case a.ticks >= w.due:
			answer.Code, answer.Message = code.RequestTimedOut, "The voters were not changed in time; they may still be."
		default:
			keep = append(keep, w)
			continue
		}
		if answer.Code != code.OK {
			a.unwish(w.ask.Node)
		}
		w.ask.Reply(answer)
	}
	a.wishes = keep
}

// unwish forgets a wish that was answered with an error: a leader to come must not find it here.
func (a *raftActor) unwish(node int32) {
	for id := range a.byHand {
		if NodeOf(id) == node {
			delete(a.byHand, id)
		}
	}
}
