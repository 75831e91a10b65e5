package metadata

import (
	"testing"
	"time"

	"troupe/actors/kit"
	kitsim "troupe/actors/kit/sim"
	"troupe/kafka/code"
	"troupe/raftnode"
)

// led waits until all nodes that are up follow one leader, and returns it and another one.
func (w *world) led(t *testing.T) (leader, other *member) {
	t.Helper()
	if !w.s.RunUntil(10*time.Second, func() bool {
		leader, other = nil, nil
		for _, m := range w.nodes {
			s := m.board.Status()
			switch {
			case !m.node.Up():
			case s.Leader == 0 || leader != nil && s.Term != leader.board.Status().Term:
				return false
			case s.Leader == m.raft:
				leader = m
			default:
				other = m
			}
		}
		return leader != nil && other != nil
	}) {
		t.Fatalf("no leader: %v", w.s.Err())
	}
	return leader, other
}

// commits proposes at a node and says how long it took until the change was applied there.
func (w *world) commits(t *testing.T, at *member) time.Duration {
	t.Helper()
	from := w.s.Now()
	p, ok := kitsim.Ask[raftnode.Proposed](w.s, time.Minute, func(to *kit.Ref) {
		at.node.Life().Lookup(raftnode.MetadataName).Tell(w.initBy(to))
	})
	if !ok || p.Result.Code != code.OK {
		t.Fatalf("not applied: %v %+v %v", ok, p.Result, w.s.Err())
	}
	return w.s.Now() - from
}

// linkTo is the state of a link.
func (m *member) linkTo(o *member) string {
	for _, l := range m.peers.Links() {
		if l.Node == o.id {
			return l.State
		}
	}
	return "none"
}

func newTrio(s *kitsim.Sim) *world {
	s.Net.Faults = kitsim.Faults{Min: 50 * time.Microsecond, Max: 200 * time.Microsecond}
	return newWorld(s, 3, beQuiet)
}

// TestSimLeaderDies: the links of a broker that dies break at once, and the others do not wait for the election timeout. If its machine dies the
// links are silent for a second first.
func TestSimLeaderDies(t *testing.T) {
	var worst, silent time.Duration
	kitsim.Seeds(t, 20, func(t *testing.T, s *kitsim.Sim) {
		w := newTrio(s)
		leader, other := w.led(t)
		w.commits(t, other)
		if err := s.Run(time.Second); err != nil {
			t.Fatal(err)
		}
		leader.crash()
		if err := s.Run(time.Millisecond); err != nil {
			t.Fatal(err)
		}
		dead := other.linkTo(leader) == "up"
		d := w.commits(t, other)
		limit := 400 * time.Millisecond // some writes of a simulated disk take long
		if dead {
			silent, limit = max(silent, d), 1500*time.Millisecond
		} else {
			worst = max(worst, d)
		}
		if d > limit {
			t.Errorf("after %v the next change was applied", d)
		}
		leader.node.Restart()
		if !w.settle() {
			t.Fatal("not settled")
		}
	})
	t.Logf("at most %v from the death of the leader to the next change, %v from that of its machine", worst, silent)
}

// TestSimFalseAlarm: the link between a follower and the leader breaks, and nothing else. The follower forgets the leader and asks for votes;
// nobody who hears the leader listens, so the leader stays.
func TestSimFalseAlarm(t *testing.T) {
	kitsim.Seeds(t, 10, func(t *testing.T, s *kitsim.Sim) {
		w := newTrio(s)
		leader, other := w.led(t)
		w.commits(t, other)
		term := leader.board.Status().Term
		s.Net.Cut(leader.name(), other.name())
		if s.Chance(0.5) {
			s.Net.Cut(other.name(), leader.name())
		}
		if err := s.Run(8 * time.Second); err != nil {
			t.Fatal(err)
		}
		if b := leader.board.Status(); b.Leader != leader.raft || b.Term != term {
			t.Errorf("it was led in term %d, and now: %+v", term, b)
		}
		if b := other.board.Status(); b.Leader != 0 {
			t.Errorf("who has no link to the leader follows it: %+v", b)
		}
		s.Net.Heal()
		w.commits(t, other)
		if b := leader.board.Status(); b.Term > term+1 {
			t.Errorf("it cost more than one election: term %d after %d", b.Term, term)
		}
	})
}

// TestSimStuckDisk: a leader whose disk does not answer goes on sending heartbeats; it hands over.
func TestSimStuckDisk(t *testing.T) {
	kitsim.Seeds(t, 5, func(t *testing.T, s *kitsim.Sim) {
		w := newTrio(s)
		leader, other := w.led(t)
		w.commits(t, other)
		leader.node.Stuck = s.Now() + time.Hour
		from := s.Now()
		w.commits(t, other) // its entry is written nowhere but on the others' disks, which is enough
		if !s.RunUntil(5*time.Second, func() bool { b := other.board.Status(); return b.Leader != 0 && b.Leader != leader.raft }) {
			t.Fatalf("the leader with the stuck disk leads on: %+v", leader.board.Status())
		}
		if d := s.Now() - from; d < 1900*time.Millisecond {
			t.Errorf("handed over after %v", d)
		}
		w.commits(t, other)
	})
}

// TestSimHandOver: a leader that is asked to gives the lead away while proposals go on, all of which are answered; a follower has nothing to give.
func TestSimHandOver(t *testing.T) {
	kitsim.Seeds(t, 5, func(t *testing.T, s *kitsim.Sim) {
		s.Net.Faults = kitsim.Faults{Min: 50 * time.Microsecond, Max: 200 * time.Microsecond}
		w := newWorld(s, 3, func(w *world) { w.exact, w.patience, w.keep, w.pace = true, time.Minute, 1<<30, 20 })
		for range 4 {
			leader, _ := w.led(t)
			if err := s.Run(time.Second); err != nil {
				t.Fatal(err)
			}
			from := s.Now()
			a, ok := kitsim.Ask[raftnode.LeadershipTransferred](s, 10*time.Second, func(to *kit.Ref) {
				leader.node.Life().Lookup(raftnode.RaftName).Tell(&raftnode.TransferLeadership{Ask: kit.Ask{ReplyTo: to}})
			})
			if !ok || !a.Done || s.Now()-from > time.Second {
				t.Errorf("after %v: %v %+v", s.Now()-from, ok, a)
			}
		}
		if !w.settle() {
			t.Fatalf("not settled: %v", w.lost)
		}
		for _, l := range w.check(w.nodes[0].image) {
			t.Error(l)
		}
		w.everybodyAnswered(t)
	})
}

// TestNobodyTakesOver: a leader that is alone answers at the time-out, and leads on.
func TestNobodyTakesOver(t *testing.T) {
	s := kitsim.New(1)
	w := newWorld(s, 1, beQuiet)
	w.proposeAndWait(t, code.OK)
	raft := w.nodes[0].node.Life().Lookup(raftnode.RaftName)
	a, ok := kitsim.Ask[raftnode.LeadershipTransferred](s, 10*time.Second, func(to *kit.Ref) {
		raft.Tell(&raftnode.TransferLeadership{Ask: kit.Ask{ReplyTo: to}, Timeout: time.Second})
	})
	if !ok || a.Done || s.Now() < time.Second || w.nodes[0].board.Status().Role != "StateLeader" {
		t.Errorf("after %v: %v %+v", s.Now(), ok, a)
	}
}

// TestSimVotersByHand: wishes go before what the leader would do, are answered when they are fulfilled, and hold when another node leads.
func TestSimVotersByHand(t *testing.T) {
	s := kitsim.New(1)
	w := newTrio(s)
	leader, other := w.led(t)
	w.commits(t, other)
	ask := func(at *member, node int32, vote bool, want code.Code) {
		t.Helper()
		a, ok := kitsim.Ask[raftnode.VotersChanged](s, time.Minute, func(to *kit.Ref) {
			at.node.Life().Lookup(raftnode.RaftName).Tell(&raftnode.ChangeVoters{Ask: kit.Ask{ReplyTo: to}, Node: node, Vote: vote})
		})
		if !ok || a.Code != want {
			t.Fatalf("voter %d %v: %v %v %s, want %v", node, vote, ok, a.Code, a.Message, want)
		}
	}
	var rest []uint64
	for _, m := range w.nodes {
		if m != other {
			rest = append(rest, m.raft)
		}
	}
	ask(other, other.id, false, code.NotLeaderForPartition)
	ask(leader, 9, false, code.InvalidRequest)
	ask(leader, other.id, true, code.DuplicateVoter)
	ask(leader, other.id, false, code.OK)
	ask(leader, other.id, false, code.VoterNotFound)
	w.becomes(t, rest, []uint64{other.raft})
	kitsim.Ask[raftnode.LeadershipTransferred](s, time.Minute, func(to *kit.Ref) {
		leader.node.Life().Lookup(raftnode.RaftName).Tell(&raftnode.TransferLeadership{Ask: kit.Ask{ReplyTo: to}})
	})
	if err := s.Run(10 * time.Second); err != nil {
		t.Fatal(err)
	}
	w.becomes(t, rest, []uint64{other.raft})
	leader, _ = w.led(t)
	ask(leader, other.id, true, code.OK)
	w.becomes(t, []uint64{1, 2, 3}, nil)
	for _, r := range leader.board.Status().Replicas {
		if !r.Voter || !r.Active || r.Match != leader.board.Status().Committed || r.ID != leader.raft && (r.LastContact.IsZero() || r.LastCaughtUp.IsZero()) {
			t.Errorf("%+v", r)
		}
	}
}
