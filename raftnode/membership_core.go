package raftnode

import (
	"slices"

	pb "go.etcd.io/raft/v3/raftpb"
)

// DefaultVoters is how many voters a cluster has that is large enough. It is odd: one more does not survive one failure more.
const DefaultVoters = 3

// roll is what the leader decides on: who is in the group, who should be, and how they are.
type roll struct {
	self     uint64
	voters   []uint64
	learners []uint64
	joint    bool     // a change is half done; the library ends it
	nodes    []uint64 // Raft ids of the nodes of the cluster; none: nothing is known yet
	target   int      // voters of a cluster that is large enough

	byHand map[uint64]bool      // who was made a voter, or made none, by somebody's wish
	active func(id uint64) bool // it was heard of lately
	lost   func(id uint64) bool // it was not heard of for long
	ready  func(id uint64) bool // a learner that has all but the end of the log
}

// step is what is to be done next: a change of the group, or giving the lead away before one. The zero value: nothing.
type step struct {
	changes  []*pb.ConfChangeSingle
	handOver bool
}

// next decides what is missing to the group that should be: all nodes of the cluster and nobody else are in it; of them the largest odd
// number up to the target votes, the others learn. Voters stay what they are, unless they are lost and somebody can take their place; learners are made voters when they have caught up, and as
// many at once as the next odd number needs. Who voted and is no node of the cluster any more goes, in the same change in which somebody
// takes his place if one is ready.
func (r roll) next() step {
	if r.joint || len(r.nodes) == 0 {
		return step{}
	}
	vote := r.electorate()
	switch {
	case len(vote) == 0:
		return step{}
	case !slices.Contains(vote, r.self) && slices.ContainsFunc(vote, func(id uint64) bool { return r.active(id) && slices.Contains(r.voters, id) }):
		return step{handOver: true} // who leads next removes this one, without a pause
	case !sameIDs(vote, r.voters) && !r.majority(vote):
		vote = r.voters // the change could not be completed, and would stop the group
	}
	return step{changes: r.changes(vote)}
}

// electorate are the voters that should be.
func (r roll) electorate() []uint64 {
	goal := odd(min(len(r.nodes), r.target))
	var vote, spare []uint64
	for _, id := range slices.Sorted(slices.Values(r.learners)) {
		wish, ok := r.byHand[id]
		switch {
		case !slices.Contains(r.nodes, id) || !r.ready(id) || ok && !wish:
		case ok:
			vote = append(vote, id)
		default:
			spare = append(spare, id)
		}
	}
	for _, id := range r.voters {
		switch wish, ok := r.byHand[id]; {
		case !slices.Contains(r.nodes, id) || ok && !wish:
		case !ok && r.lost(id) && len(spare) > 0:
			vote, spare = append(vote, spare[0]), spare[1:]
		default:
			vote = append(vote, id)
		}
	}
	more := min(goal-len(vote), len(spare))
	if more > 0 && (len(vote)+more)%2 == 0 {
		more--
	}
	if more > 0 {
		vote = append(vote, spare[:more]...)
	}
	return r.trim(vote, goal)
}

// trim takes voters away that are too many since nodes have left; but not if somebody has wished for more.
func (r roll) trim(vote []uint64, goal int) []uint64 {
	for _, wish := range r.byHand {
		if wish {
			return vote
		}
	}
	slices.SortFunc(vote, func(a, b uint64) int { return r.worth(b) - r.worth(a) })
	return vote[:min(len(vote), goal)]
}

func (r roll) worth(id uint64) int {
	switch {
	case id == r.self:
		return 2
	case r.active(id):
		return 1
	}
	return 0
}

// majority says whether enough of the voters to be are there.
func (r roll) majority(vote []uint64) bool {
	n := 0
	for _, id := range vote {
		if id == r.self || r.active(id) {
			n++
		}
	}
	return n > len(vote)/2
}

// changes lead to the given voters, and to all other nodes of the cluster as learners.
func (r roll) changes(vote []uint64) (out []*pb.ConfChangeSingle) {
	add := func(typ pb.ConfChangeType, id uint64) {
		out = append(out, &pb.ConfChangeSingle{Type: typ.Enum(), NodeId: new(id)})
	}
	for _, id := range slices.Sorted(slices.Values(vote)) {
		if !slices.Contains(r.voters, id) {
			add(pb.ConfChangeAddNode, id)
		}
	}
	for _, id := range slices.Sorted(slices.Values(slices.Concat(r.voters, r.learners))) {
		switch {
		case slices.Contains(vote, id):
		case !slices.Contains(r.nodes, id):
			add(pb.ConfChangeRemoveNode, id)
		case slices.Contains(r.voters, id):
			add(pb.ConfChangeAddLearnerNode, id)
		}
	}
	for _, id := range slices.Sorted(slices.Values(r.nodes)) {
		if !slices.Contains(r.voters, id) && !slices.Contains(r.learners, id) {
			add(pb.ConfChangeAddLearnerNode, id)
		}
	}
	return out
}

// odd is the largest odd number up to n; 1 at least.
func odd(n int) int { return max(n-1+n%2, 1) }

func sameIDs(a, b []uint64) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}
