package metadata

import (
	"slices"
	"testing"
	"testing/cryptotest"
	"time"

	kitsim "troupe/actors/kit/sim"
	"troupe/kafka/code"
	"troupe/raftnode"
)

// seconds of load in a run.
const load = 5 * time.Second

// TestSimOneNode: one node under load, with power cuts at random steps. What was acknowledged is there afterwards, nothing is applied twice,
// and every start ends with a working node.
func TestSimOneNode(t *testing.T) {
	acked, crashes := 0, 0
	kitsim.Seeds(t, 10, func(t *testing.T, s *kitsim.Sim) {
		w := newWorld(s, 1)
		crashes += w.crashes(t, 8)
		if !w.settle() {
			t.Fatalf("not settled: %+v %v", w.nodes[0].board.Status(), w.lost)
		}
		for _, l := range w.check(w.nodes[0].image) {
			t.Error(l)
		}
		w.everybodyAnswered(t)
		acked += len(w.acked)
		if len(w.acked) < 20 {
			t.Errorf("only %d topics were acknowledged: %v", len(w.acked), w.refused)
		}
	})
	t.Logf("%d topics acknowledged, %d crashes", acked, crashes)
}

// crashes puts load on the first node and crashes it n times, at random steps.
func (w *world) crashes(t *testing.T, n int) int {
	m := w.nodes[0]
	for range n {
		if err := w.s.Run(time.Duration(w.s.IntN(int(load) / n))); err != nil {
			t.Fatal(err)
		}
		if err := w.s.RunSteps(w.s.IntN(200)); err != nil {
			t.Fatal(err)
		}
		m.crash()
		if w.s.Chance(0.3) {
			if err := w.s.Run(time.Second); err != nil {
				t.Fatal(err)
			}
		}
		m.node.Restart()
		if !m.node.Up() || len(w.lost) > 0 {
			return n
		}
	}
	if err := w.s.Run(time.Second); err != nil {
		t.Fatal(err)
	}
	return n
}

func (w *world) everybodyAnswered(t *testing.T) {
	t.Helper()
	for _, m := range w.nodes {
		m.node.StopActors()
	}
	if err := w.s.Settle(time.Second); err != nil {
		t.Fatal(err)
	}
	for _, a := range w.s.Unanswered(0) {
		t.Errorf("never answered: %s", a)
	}
}

// TestSimSeesMissingSync: the same without fsync must lose something; else the test above proves nothing.
func TestSimSeesMissingSync(t *testing.T) {
	for seed := uint64(1); seed <= 20; seed++ {
		w := newWorld(kitsim.New(seed), 1, func(w *world) { w.noSync = true })
		w.nodes[0].node.OnFatal = func(reason string) { w.bad("%s", reason) }
		w.crashes(t, 8)
		if len(w.lost) > 0 || !w.settle() || len(w.check(w.nodes[0].image)) > 0 {
			return
		}
	}
	t.Error("20 runs without fsync lost nothing")
}

// TestSimThreeNodes: three voters under load, with crashes, cuts both and one way, and a log that is compacted so often that followers need
// snapshots. All end at the same state, which holds all that was acknowledged. Every second seed has links between the nodes, over which whoever
// proposes reaches the leader; the others have a network that loses, doubles and reorders Raft's messages.
func TestSimThreeNodes(t *testing.T) {
	acked, installed := 0, 0
	kitsim.Seeds(t, 8, func(t *testing.T, s *kitsim.Sim) {
		letters := s.Seed%2 == 0
		s.Net.Faults = kitsim.Faults{Drop: 0.0005, Min: 50 * time.Microsecond, Max: 2 * time.Millisecond}
		if letters {
			s.Net.Faults = kitsim.Faults{Drop: 0.02, Double: 0.01, Reorder: 0.02, Min: 50 * time.Microsecond, Max: 2 * time.Millisecond}
		}
		w := newWorld(s, 3, func(w *world) { w.letters = letters })
		for _, m := range w.nodes {
			m.node.OnFatal = func(reason string) { w.bad("n%d: %s", m.id, reason) }
		}
		for range 10 {
			if err := s.Run(time.Duration(s.IntN(int(2 * time.Second)))); err != nil {
				t.Fatal(err)
			}
			m := w.nodes[s.IntN(3)]
			switch {
			case !m.node.Up():
				m.node.Restart()
			case s.Chance(0.5):
				m.crash()
			case s.Chance(0.6):
				var rest []string
				for _, o := range w.nodes {
					if o != m {
						rest = append(rest, o.name())
					}
				}
				s.Net.Split([]string{m.name()}, rest)
			case s.Chance(0.3):
				s.Net.Cut(m.name(), w.nodes[s.IntN(3)].name()) // one way
			default:
				s.Net.Heal()
			}
			if len(w.lost) > 0 {
				t.Fatal(w.lost)
			}
		}
		if !w.settle() {
			for _, m := range w.nodes {
				t.Logf("%+v", m.board.Status())
			}
			t.Fatalf("not settled: %v", w.lost)
		}
		for _, m := range w.nodes {
			for _, l := range w.check(m.image) {
				t.Error(l)
			}
			if m.image.Hash() != w.nodes[0].image.Hash() {
				t.Errorf("n%d has another state", m.id)
			}
		}
		w.everybodyAnswered(t)
		acked, installed = acked+len(w.acked), installed+w.installs
	})
	t.Logf("%d topics acknowledged, %d snapshots installed", acked, installed)
	if installed == 0 && !t.Failed() {
		t.Error("no follower needed a snapshot")
	}
}

// TestSimLeaderChanges: leaders are cut off again and again, and their proposals wait for so long that they are entered again under the next
// leader. Nobody crashes and all that is applied is answered, so every id that was given out was given to somebody: nothing is applied twice.
func TestSimLeaderChanges(t *testing.T) {
	terms := uint64(0)
	kitsim.Seeds(t, 3, func(t *testing.T, s *kitsim.Sim) {
		s.Net.Faults = kitsim.Faults{Drop: 0.0005, Min: 50 * time.Microsecond, Max: 2 * time.Millisecond}
		w := newWorld(s, 3, func(w *world) {
			w.exact, w.patience, w.keep, w.pace = true, time.Minute, 1<<30, 10 // a snapshot would hide who was applied
		})
		for range 12 {
			if err := s.Run(time.Second + time.Duration(s.IntN(int(2*time.Second)))); err != nil {
				t.Fatal(err)
			}
			s.Net.Heal()
			var alone string
			var rest []string
			for _, m := range w.nodes {
				if b := m.board.Status(); b.Leader == b.ID && alone == "" {
					alone = m.name()
				} else {
					rest = append(rest, m.name())
				}
			}
			if alone != "" && s.Chance(0.8) {
				s.Net.Split([]string{alone}, rest)
			}
		}
		if !w.settle() {
			t.Fatalf("not settled: %v", w.lost)
		}
		for _, m := range w.nodes {
			for _, l := range w.check(m.image) {
				t.Error(l)
			}
		}
		w.everybodyAnswered(t)
		if len(w.acked) < 20 {
			t.Errorf("only %d topics were acknowledged: %v", len(w.acked), w.refused)
		}
		terms += w.nodes[0].board.Status().Term
	})
	t.Logf("%d terms", terms)
}

// TestProposalsBeforeALeader is fault (b) of the beginning: what is proposed on all three nodes when nobody leads is committed after the election,
// applied on all and answered to each; and no start waits for anybody.
func TestProposalsBeforeALeader(t *testing.T) {
	s := kitsim.New(1)
	w := newWorld(s, 3, beQuiet) // only what is proposed here
	if s.Now() != 0 {
		t.Fatalf("the start took %v", s.Now())
	}
	p := s.Probe("asker")
	for _, m := range w.nodes {
		m.node.Life().Lookup(raftnode.MetadataName).Tell(w.initBy(p.Ref()))
	}
	if err := s.Run(100 * time.Millisecond); err != nil {
		t.Fatal(err)
	}
	for _, m := range w.nodes {
		if b := m.board.Status(); b.Leader != 0 || b.Pending != 1 {
			t.Fatalf("this was to be before there is a leader: %+v", b)
		}
	}
	if !s.RunUntil(10*time.Second, func() bool { return len(p.Got) == len(w.nodes) }) {
		t.Fatalf("%d answers: %+v, %v", len(p.Got), w.nodes[0].board.Status(), s.Err())
	}
	for _, a := range p.Got {
		if r := a.(raftnode.Proposed).Result; r.Code != code.OK {
			t.Errorf("answered %v %s", r.Code, r.Message)
		}
	}
	index := w.nodes[0].board.Status().Committed
	if !s.RunUntil(time.Second, func() bool {
		return !slices.ContainsFunc(w.nodes, func(m *member) bool { return m.image.Index() < index || m.image.ClusterID() != "cluster" })
	}) {
		t.Error("not all nodes have applied it")
	}
}

// TestDroppedAppendResponse is fault (a), first half: one response of a durable write is lost. The entry is on disk and never committed: the
// gauges say so for as long as it lasts, and the proposer gets an answer by his deadline.
func TestDroppedAppendResponse(t *testing.T) {
	at := -1
	w := newFaulty(t, raftnode.Faults{DropAppendResponse: func(n int) bool { return at >= 0 && n >= at }})
	at = 0 // from now on
	before := w.nodes[0].board.Status().Committed
	w.proposeAndWait(t, code.RequestTimedOut)
	s := w.nodes[0].board.Status()
	if s.Persisted <= s.Committed || s.Committed != before || s.Behind.IsZero() {
		t.Errorf("not to be seen: %+v", s)
	}
	w.nodes[0].lasts(t, 5*time.Second)
}

// TestDroppedApplyResponse is fault (a), second half: the response of an applied batch is lost.
func TestDroppedApplyResponse(t *testing.T) {
	at := -1
	w := newFaulty(t, raftnode.Faults{DropApplyResponse: func(n int) bool { return at >= 0 && n >= at }})
	at = 0
	w.proposeAndWait(t, code.OK) // it is applied; Raft does not know
	s := w.nodes[0].board.Status()
	if s.Committed <= s.Applied || s.Behind.IsZero() {
		t.Errorf("not to be seen: %+v", s)
	}
	w.nodes[0].lasts(t, 5*time.Second)
}

// TestSettledIsNotBehind: without the faults, the gauges are equal as soon as nothing is under way.
func TestSettledIsNotBehind(t *testing.T) {
	w := newFaulty(t, raftnode.Faults{})
	w.proposeAndWait(t, code.OK)
	if err := w.s.Settle(time.Second); err != nil {
		t.Fatal(err)
	}
	if s := w.nodes[0].board.Status(); s.Persisted != s.Committed || s.Committed != s.Applied || s.Image != s.Stored || !s.Behind.IsZero() || s.Pending != 0 {
		t.Errorf("%+v", s)
	}
}

func newFaulty(t *testing.T, f raftnode.Faults) *world {
	t.Helper()
	s := kitsim.New(1)
	w := newWorld(s, 1, beQuiet, func(w *world) { w.faults = f })
	w.proposeAndWait(t, code.OK)
	if err := s.Settle(time.Second); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) proposeAndWait(t *testing.T, want code.Code) {
	t.Helper()
	p := w.s.Probe("asker")
	w.nodes[0].node.Life().Lookup(raftnode.MetadataName).Tell(w.initBy(p.Ref()))
	if !w.s.RunUntil(raftnode.DefaultTimeout+time.Second, func() bool { _, ok := kitsim.Last[raftnode.Proposed](p); return ok }) {
		t.Fatalf("no answer by the deadline: %v", w.s.Err())
	}
	if a, _ := kitsim.Last[raftnode.Proposed](p); a.Result.Code != want {
		t.Fatalf("got %v %s, want %v", a.Result.Code, a.Result.Message, want)
	}
}

// lasts checks that the trouble is still shown later.
func (m *member) lasts(t *testing.T, d time.Duration) {
	t.Helper()
	if err := m.w.s.Run(d); err != nil {
		t.Fatal(err)
	}
	if s := m.board.Status(); s.Behind.IsZero() || kitsim.Epoch.Add(m.w.s.Now()).Sub(s.Behind) < d {
		t.Errorf("after %v: %+v", d, s)
	}
}

// TestTooMany: what is over the limit is refused at once, what is under it is answered in the end, and nobody is answered twice (the kit sees to
// that) or never.
func TestTooMany(t *testing.T) {
	s := kitsim.New(1)
	w := newWorld(s, 3, beQuiet)
	s.Net.Split([]string{"n1"}, []string{"n2"}, []string{"n3"}) // no leader
	m := w.nodes[0]
	p := s.Probe("asker")
	for range MaxWaiting + 100 {
		m.node.Life().Lookup(raftnode.MetadataName).Tell(w.initBy(p.Ref()))
	}
	if err := s.Settle(500 * time.Millisecond); err != nil {
		t.Fatal(err)
	}
	f := func(want int, c code.Code) {
		t.Helper()
		n := 0
		for _, x := range p.Got {
			if x.(raftnode.Proposed).Result.Code == c {
				n++
			}
		}
		if n != want {
			t.Errorf("%d answers are %v, want %d", n, c, want)
		}
	}
	f(100, code.ThrottlingQuotaExceeded)
	if n := m.board.Status().Pending; n != MaxWaiting {
		t.Errorf("%d wait", n)
	}
	w.everybodyAnswered(t)
	f(MaxWaiting, code.CoordinatorNotAvailable)
}

// TestSimReplays: the same seed gives the same run, so a failure can be repeated.
func TestSimReplays(t *testing.T) {
	var hashes []uint64
	for range 2 {
		cryptotest.SetGlobalRandom(t, 3)
		s := kitsim.New(3)
		w := newWorld(s, 3)
		w.crashes(t, 3)
		hashes = append(hashes, s.Hash(), uint64(len(w.acked)))
	}
	if hashes[0] != hashes[2] || hashes[1] != hashes[3] {
		t.Errorf("two runs of one seed differ: %x", hashes)
	}
}
