package metadata

import (
	"slices"
	"testing"
	"time"

	"troupe/actors/kit"
	kitsim "troupe/actors/kit/sim"
	"troupe/actors/meta"
	"troupe/actors/peer"
	"troupe/kafka/code"
	"troupe/raftnode"
	"troupe/storage/sim"
)

// ask proposes at a node until it is done, as whoever starts a node does.
func (w *world) ask(t *testing.T, at *member, cmd meta.Command) meta.Result {
	t.Helper()
	for range 50 {
		p, ok := kitsim.Ask[raftnode.Proposed](w.s, time.Minute, func(to *kit.Ref) {
			at.node.Life().Lookup(raftnode.MetadataName).Tell(&raftnode.Propose{Ask: kit.Ask{ReplyTo: to}, Cmd: cmd, Timeout: 10 * time.Second})
		})
		if !ok {
			t.Fatalf("%T was never answered: %v", cmd, w.s.Err())
		}
		if p.Result.Code != code.RequestTimedOut {
			return p.Result
		}
	}
	t.Fatalf("%T was never applied", cmd)
	return meta.Result{}
}

func (w *world) mustAsk(t *testing.T, at *member, cmd meta.Command) meta.Result {
	t.Helper()
	r := w.ask(t, at, cmd)
	if r.Code != code.OK {
		t.Fatalf("%T: %v %s", cmd, r.Code, r.Message)
	}
	return r
}

// becomes waits until every node that is up says that the group is as it should be.
func (w *world) becomes(t *testing.T, voters, learners []uint64) {
	t.Helper()
	if w.s.RunUntil(30*time.Second, func() bool {
		for _, m := range w.nodes {
			s := m.board.Status()
			member := slices.Contains(voters, m.raft) || slices.Contains(learners, m.raft)
			if m.node.Up() && member && (!slices.Equal(s.Voters, voters) || !slices.Equal(s.Learners, learners) || s.Applied != s.Committed) {
				return false
			}
		}
		return true
	}) {
		return
	}
	for _, m := range w.nodes {
		s := m.board.Status()
		t.Logf("n%d up=%v %s leads=%v voters=%v learners=%v committed=%d applied=%d replicas=%+v", m.id, m.node.Up(), s.Role, s.Leader, s.Voters, s.Learners, s.Committed, s.Applied, s.Replicas)
	}
	t.Fatalf("the group never had voters %v and learners %v: %v", voters, learners, w.s.Err())
}

// TestSimGrowth: one node grows to three voters under load, by learners that get a snapshot; a fourth waits and takes the place of a voter that
// is removed; then it loses its disk and comes back as somebody new. Nothing that was acknowledged is lost.
func TestSimGrowth(t *testing.T) {
	kitsim.Seeds(t, 4, func(t *testing.T, s *kitsim.Sim) {
		s.Net.Faults = kitsim.Faults{Min: 50 * time.Microsecond, Max: time.Millisecond}
		w := newWorld(s, 4, func(w *world) { w.found, w.busy, w.pace, w.patience = 1, 2, 3, 10*time.Second })
		one := w.nodes[0]
		two, three, four := w.nodes[1], w.nodes[2], w.nodes[3]
		add := func(m *member) {
			m.raft = w.mustAsk(t, one, meta.AddNode{StoreID: m.store, RequestedID: m.id}).Value.(meta.NodeAdded).RaftID
		}
		w.becomes(t, []uint64{1}, nil)
		if !s.RunUntil(time.Minute, func() bool { return one.image.ClusterID() != "" }) {
			t.Fatal("not founded")
		}
		add(two)
		w.becomes(t, []uint64{1}, []uint64{2})
		if err := s.Run(time.Second); err != nil {
			t.Fatal(err)
		}
		if two.board.Status().Role == "StateLeader" {
			t.Error("a learner leads")
		}
		add(three)
		w.becomes(t, []uint64{1, 2, 3}, nil)
		add(four)
		w.becomes(t, []uint64{1, 2, 3}, []uint64{4})

		w.mustAsk(t, two, meta.RemoveNode{NodeID: 3})
		w.becomes(t, []uint64{1, 2, 4}, nil)
		three.node.Crash()
		w.nodes = []*member{one, two, four}

		four.wipe()
		add(four)
		four.node.Restart()
		w.becomes(t, []uint64{1, 2, 1<<32 | 4}, nil)
		if !w.settle() {
			t.Fatalf("not settled: %v", w.lost)
		}
		for _, m := range w.nodes {
			for _, l := range w.check(m.image) {
				t.Error(l)
			}
			if m.image.Hash() != one.image.Hash() {
				t.Errorf("n%d has another state", m.id)
			}
		}
		if w.installs < 4 { // two, three, four, and four again
			t.Errorf("%d snapshots were installed", w.installs)
		}
		if len(w.acked) < 20 {
			t.Errorf("only %d topics were acknowledged: %v", len(w.acked), w.refused)
		}
		w.everybodyAnswered(t)
	})
}

// wipe takes a node's disk away.
func (m *member) wipe() {
	m.crash()
	m.disk = sim.NewMeta()
	m.store[0]++
	for _, o := range m.w.nodes {
		if o != m {
			o.node.Life().Lookup(peer.Name).Tell(peer.Link{Node: m.id, Address: m.address(), StoreID: m.store})
		}
	}
}
