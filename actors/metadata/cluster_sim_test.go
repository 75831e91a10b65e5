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

// ask proposes at a node until it is done, as whoever starts a node does. The node may crash meanwhile.
func (w *world) ask(t *testing.T, at *member, cmd meta.Command) meta.Result {
	t.Helper()
	for range 50 {
		if !w.s.RunUntil(10*time.Second, at.node.Up) {
			t.Fatalf("n%d is down: %v", at.id, w.s.Err())
		}
		run := at.runs
		p := w.s.Probe("asker")
		at.node.Life().Lookup(raftnode.MetadataName).Tell(&raftnode.Propose{Ask: kit.Ask{ReplyTo: p.Ref()}, Cmd: cmd, Timeout: 10 * time.Second})
		w.s.RunUntil(time.Minute, func() bool { return len(p.Got) > 0 || at.runs != run })
		switch {
		case len(p.Got) == 0 && at.runs == run:
			t.Fatalf("%T was never answered: %v", cmd, w.s.Err())
		case len(p.Got) == 0:
		case p.Got[0].(raftnode.Proposed).Result.Code != code.RequestTimedOut:
			return p.Got[0].(raftnode.Proposed).Result
		}
	}
	for _, m := range w.nodes {
		t.Logf("n%d raft=%d up=%v %+v", m.id, m.raft, m.node.Up(), m.board.Status())
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

		four.crash()
		four.replace(t, one)
		four.renew()
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

// TestSimLostVoter: a voter stays away. After some minutes a learner has its vote, and it learns when it comes back.
func TestSimLostVoter(t *testing.T) {
	s := kitsim.New(1)
	s.Net.Faults = kitsim.Faults{Min: 50 * time.Microsecond, Max: 200 * time.Microsecond}
	w := newWorld(s, 4, func(w *world) { w.found, w.quiet = 3, true })
	fourth := w.nodes[3]
	w.nodes = w.nodes[:3]
	leader, other := w.led(t)
	w.commits(t, leader)
	fourth.raft = w.mustAsk(t, leader, meta.AddNode{StoreID: fourth.store, RequestedID: 4}).Value.(meta.NodeAdded).RaftID
	w.nodes = append(w.nodes, fourth)
	w.becomes(t, []uint64{1, 2, 3}, []uint64{4})
	other.crash()
	if err := s.Run(4 * time.Minute); err != nil {
		t.Fatal(err)
	}
	w.becomes(t, []uint64{1, 2, 3}, []uint64{4})
	if err := s.Run(2 * time.Minute); err != nil {
		t.Fatal(err)
	}
	voters := slices.DeleteFunc([]uint64{1, 2, 3, 4}, func(id uint64) bool { return id == other.raft })
	w.becomes(t, voters, []uint64{other.raft})
	other.node.Restart()
	if err := s.Run(10 * time.Second); err != nil {
		t.Fatal(err)
	}
	w.becomes(t, voters, []uint64{other.raft})
}

// trouble schedules a fault in the next moments, and its end.
func (w *world) trouble() {
	s := w.s
	m := w.nodes[s.IntN(len(w.nodes))]
	o := w.nodes[s.IntN(len(w.nodes))]
	begin := time.Duration(s.IntN(300)) * time.Millisecond
	end := begin + time.Duration(s.IntN(1500))*time.Millisecond
	switch s.IntN(3) {
	case 0:
		s.At(begin, func() {
			if m.node.Up() {
				m.crash()
			}
		})
		s.At(end, func() {
			if !m.node.Up() {
				m.node.Restart()
			}
		})
	case 1:
		s.At(begin, func() { s.Net.Cut(m.name(), o.name()) })
		s.At(end, s.Net.Heal)
	case 2:
		var rest []string
		for _, x := range w.nodes {
			if x != m {
				rest = append(rest, x.name())
			}
		}
		s.At(begin, func() { s.Net.Split([]string{m.name()}, rest) })
		s.At(end, s.Net.Heal)
	}
}

// TestSimMembersUnderFaults: nodes are added, removed, and lose their disks while others crash and links break. In the end the group is what
// the cluster is, and holds all that was acknowledged.
func TestSimMembersUnderFaults(t *testing.T) {
	changes := 0
	kitsim.Seeds(t, 6, func(t *testing.T, s *kitsim.Sim) {
		s.Net.Faults = kitsim.Faults{Min: 50 * time.Microsecond, Max: time.Millisecond}
		w := newWorld(s, 5, func(w *world) { w.found, w.busy, w.pace, w.patience = 1, 1, 5, 5*time.Second })
		one, out := w.nodes[0], w.nodes[1:]
		w.nodes = w.nodes[:1]
		if !s.RunUntil(time.Minute, func() bool { return one.image.ClusterID() != "" }) {
			t.Fatal("not founded")
		}
		for range 12 {
			w.trouble()
			if err := s.Run(time.Duration(s.IntN(int(time.Second)))); err != nil {
				t.Fatal(err)
			}
			w.trouble()
			switch n := len(w.nodes); {
			case len(out) > 0 && (n == 1 || s.Chance(0.6)): // a node comes
				m := out[0]
				out = out[1:]
				m.replace(t, one)
				w.nodes = append(w.nodes, m)
				m.renew()
			case n > 1 && (s.Chance(0.5) || slices.Equal(one.board.Status().Voters, []uint64{w.nodes[n-1].raft})): // a node leaves, and comes back with an empty disk later
				m := w.nodes[n-1]
				if r := w.ask(t, one, meta.RemoveNode{NodeID: m.id}); r.Code != code.OK && r.Code != code.BrokerIdNotRegistered { // it was asked twice
					t.Fatalf("%v %s", r.Code, r.Message)
				}
				w.nodes = w.nodes[:n-1]
				out = append(out, m)
			case n > 1: // a node loses its disk
				m := w.nodes[n-1]
				m.replace(t, one)
				m.renew()
			}
			changes++
			var voters []uint64
			if !s.RunUntil(30*time.Second, func() bool {
				voters = one.board.Status().Voters
				member := func(id uint64) bool {
					return slices.ContainsFunc(w.nodes, func(m *member) bool { return m.raft == id })
				}
				for _, id := range voters {
					if !member(id) {
						return false
					}
				}
				return len(voters) == min(3, len(w.nodes)-1+len(w.nodes)%2) && member(one.board.Status().Leader)
			}) {
				for _, m := range w.nodes {
					t.Logf("n%d raft=%d up=%v %+v", m.id, m.raft, m.node.Up(), m.board.Status())
				}
				t.Fatalf("%d nodes and voters %v: %v", len(w.nodes), voters, w.lost)
			}
		}
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
		for _, m := range out {
			m.node.StopActors()
		}
		w.everybodyAnswered(t)
	})
	t.Logf("%d nodes came, left, or lost their disks", changes)
}

// replace has a node announced with a new disk. Until that is applied it is who it was.
func (m *member) replace(t *testing.T, at *member) {
	t.Helper()
	store := m.store
	store[0]++
	m.raft = m.w.mustAsk(t, at, meta.AddNode{StoreID: store, RequestedID: m.id}).Value.(meta.NodeAdded).RaftID
	m.store = store
}

// renew boots a node with an empty disk, under the identity that it was given last.
func (m *member) renew() {
	if m.node.Up() {
		m.crash()
	}
	m.disk = sim.NewMeta()
	for _, o := range m.w.nodes {
		if o != m && o.node.Up() {
			o.node.Life().Lookup(peer.Name).Tell(peer.Link{Node: m.id, Address: m.address(), StoreID: m.store})
		}
	}
	m.node.Restart()
}
