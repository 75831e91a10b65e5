package raftnode

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	pb "go.etcd.io/raft/v3/raftpb"
)

func TestRoll(t *testing.T) {
	// f decides for node 1. gone are not active, late are not ready; byHand lists ids, those not to vote with a minus.
	f := func(want string, voters, learners, nodes []uint64, gone, late []uint64, byHand ...int) {
		t.Helper()
		r := roll{self: 1, voters: voters, learners: learners, nodes: nodes, target: 3, byHand: map[uint64]bool{}}
		r.active = func(id uint64) bool { return !slices.Contains(gone, id) }
		r.lost = func(uint64) bool { return false }
		r.ready = func(id uint64) bool { return r.active(id) && !slices.Contains(late, id) }
		for _, id := range byHand {
			r.byHand[uint64(max(id, -id))] = id > 0
		}
		s := r.next()
		got := pb.ConfChangesToString(s.changes)
		if s.handOver {
			got = strings.TrimSpace("hand over " + got)
		}
		if got != want {
			t.Errorf("%v learners %v of %v: %q, want %q", voters, learners, nodes, got, want)
		}
	}
	ids := func(list ...uint64) []uint64 { return list }

	f("", ids(1), nil, nil, nil, nil) // nothing is known yet
	f("", ids(1), nil, ids(1), nil, nil)
	f("l2", ids(1), nil, ids(1, 2), nil, nil)
	f("", ids(1), ids(2), ids(1, 2), nil, nil) // two voters are worse than one
	f("l3", ids(1), ids(2), ids(1, 2, 3), nil, nil)
	f("v2 v3", ids(1), ids(2, 3), ids(1, 2, 3), nil, nil)
	f("", ids(1), ids(2, 3), ids(1, 2, 3), nil, ids(3)) // both at once, or none
	f("", ids(1), ids(2, 3), ids(1, 2, 3), ids(2), nil)
	f("v2 v4", ids(1), ids(2, 3, 4), ids(1, 2, 3, 4), ids(3), nil) // whoever is there
	f("l4", ids(1, 2, 3), nil, ids(1, 2, 3, 4), nil, nil)
	f("", ids(1, 2, 3), ids(4, 5), ids(1, 2, 3, 4, 5), nil, nil) // three are enough
	f("", ids(1, 2, 3), ids(4), ids(1, 2, 3, 4), ids(3), nil)    // a voter that is only down stays one

	// Nodes leave.
	f("v4 r3", ids(1, 2, 3), ids(4), ids(1, 2, 4), nil, nil)
	f("r3", ids(1, 2, 3), ids(4), ids(1, 2, 4), nil, ids(4)) // nobody can take his place yet
	f("v4", ids(1, 2), ids(4), ids(1, 2, 4), nil, nil)       // and now somebody can
	f("l2 r3", ids(1, 2, 3), nil, ids(1, 2), nil, nil)       // two nodes, one voter
	f("r2", ids(1), ids(2), ids(1), nil, nil)
	f("r2 r3", ids(1, 2, 3), nil, ids(1), nil, nil)
	f("hand over", ids(1, 2, 3), nil, ids(2, 3), nil, nil)
	f("", ids(1), nil, ids(2), nil, nil) // nobody is there to take over
	f("", ids(1), ids(2), ids(2), nil, ids(2))
	f("v2 r1", ids(1), ids(2), ids(2), nil, nil) // the only voter leaves
	f("l2", ids(1, 2), nil, ids(1, 2), nil, nil)

	// A disk was lost: the node comes back under another Raft id.
	second := uint64(1<<32 | 3)
	f(fmt.Sprintf("r3 l%d", second), ids(1, 2, 3), nil, ids(1, 2, second), ids(3), nil)
	f(fmt.Sprintf("v%d", second), ids(1, 2), ids(second), ids(1, 2, second), nil, nil)

	// A change that could not be completed is not begun. Wishes.
	f("r3", ids(1, 2, 3), nil, ids(1, 2), nil, nil, 2)                          // two voters, for somebody has wished for it
	f("l5", ids(1, 2, 3), ids(4), ids(1, 2, 4, 5), ids(1, 2, 4), nil)           // nobody is active but 3, which leaves
	f("l3", ids(1, 2, 3), nil, ids(1, 2, 3), nil, nil, -3)                      // he is not to vote
	f("", ids(1, 2), ids(3), ids(1, 2, 3), nil, nil, -3)                        // and is not made a voter again
	f("v4", ids(1, 2, 3), ids(4), ids(1, 2, 3, 4), nil, nil, 4)                 // one more than needed
	f("", ids(1, 2, 3, 4), nil, ids(1, 2, 3, 4), nil, nil, 4)                   // and stays
	f("", ids(1, 2, 3), ids(4), ids(1, 2, 3, 4), nil, ids(4), 4)                // when it has caught up
	f("v4 l3", ids(1, 2, 3), ids(4), ids(1, 2, 3, 4), nil, nil, -3)             // somebody else takes his place
	f("hand over", ids(1, 2, 3), nil, ids(1, 2, 3), nil, nil, -1)               // who leads gives that away first
	f("", ids(1), ids(2, 3, 4, 5), ids(1, 2, 3, 4, 5), nil, ids(2, 3, 4, 5), 0) // nobody is ready
}

// A voter that was away for long makes room for a learner that is there, and for nobody else.
func TestRollReplacesTheLost(t *testing.T) {
	f := func(want string, learners, lost, late []uint64, byHand map[uint64]bool) {
		t.Helper()
		r := roll{self: 1, voters: []uint64{1, 2, 3}, learners: learners, nodes: slices.Concat([]uint64{1, 2, 3}, learners), target: 3, byHand: byHand}
		r.lost = func(id uint64) bool { return slices.Contains(lost, id) }
		r.active = func(id uint64) bool { return !r.lost(id) }
		r.ready = func(id uint64) bool { return !slices.Contains(late, id) }
		if got := pb.ConfChangesToString(r.next().changes); got != want {
			t.Errorf("learners %v, lost %v: %q, want %q", learners, lost, got, want)
		}
	}
	ids := func(list ...uint64) []uint64 { return list }
	f("", ids(4), nil, nil, nil)
	f("v4 l3", ids(4), ids(3), nil, nil)
	f("v4 l2", ids(4, 5), ids(2), nil, nil)
	f("", nil, ids(3), nil, nil)
	f("", ids(4), ids(3), ids(4), nil)
	f("", ids(4), ids(3), nil, map[uint64]bool{3: true}) // somebody wants it to vote
}

func TestOdd(t *testing.T) {
	for n, want := range []int{1, 1, 1, 3, 3, 5, 5} {
		if got := odd(n); got != want {
			t.Errorf("odd(%d) = %d, want %d", n, got, want)
		}
	}
}

func TestRank(t *testing.T) {
	f := func(want int, self uint64, fallen int32, linked ...int32) {
		t.Helper()
		conf := &pb.ConfState{Voters: []uint64{3, 1, 2}, Learners: []uint64{4}}
		if got := rank(conf, self, func(n int32) bool { return slices.Contains(linked, n) }, fallen); got != want {
			t.Errorf("rank of %d when %d fell: %d, want %d", self, fallen, got, want)
		}
	}
	f(0, 1, 3, 2, 3) // 3 led
	f(1, 2, 3, 1)
	f(0, 2, 1, 3)
	f(1, 3, 1, 2)
	f(-1, 2, 1)       // alone
	f(-1, 4, 1, 2, 3) // a learner
	f(2, 3, 0, 1, 2)  // nobody led
}

func TestDiskWatch(t *testing.T) {
	var d diskWatch
	f := func(want bool, tick uint64) {
		t.Helper()
		if d.stuck(tick) != want {
			t.Errorf("stuck at %d: %v", tick, !want)
		}
	}
	f(false, 1000)
	d.write(10)
	d.write(20)
	f(false, 10+stuckTicks-1)
	f(true, 10+stuckTicks)
	d.done(1)
	f(false, 10+stuckTicks)
	f(true, 20+stuckTicks)
	d.done(1)
	f(false, 1000)
}
