package partition

import (
	"fmt"
	"testing"
	"time"

	kitsim "troupe/actors/kit/sim"
	"troupe/actors/meta"
)

// fence does what a controller does when a broker is gone.
func (w *cluster) fence(id int32) {
	if b := w.img.Broker(id); b != nil && !b.Fenced {
		w.apply(meta.FenceBroker{BrokerID: id, BrokerEpoch: b.Epoch, Reason: "test"})
	}
}

// crash takes a broker's power away. It is fenced, unless it is back before that, and comes back as a new run.
func (w *cluster) crash(h *host) {
	if !h.node.Up() {
		return
	}
	h.node.Crash()
	h.data = h.data.Crash(w.s)
	life := h.lives
	w.s.At(w.within(100, 2500), func() {
		if h.lives == life {
			w.fence(h.id)
		}
	})
	w.s.At(w.within(10, 4000), func() { w.restart(h) })
}

func (w *cluster) restart(h *host) {
	if !h.node.Up() {
		h.node.Restart()
		w.register(h.id)
	}
}

func (w *cluster) within(lo, hi int) time.Duration {
	return time.Duration(lo+w.s.IntN(hi-lo)) * time.Millisecond
}

// trouble does something bad, now and then.
func (w *cluster) trouble() {
	h := w.hosts[w.s.IntN(3)]
	switch w.s.IntN(12) {
	case 0, 1:
		w.crash(h)
	case 2: // the leader, of all
		if id := w.leader(); id > 0 {
			w.crash(w.hosts[id-1])
		}
	case 3, 4, 5: // one direction, or both, between two brokers
		a, b := fmt.Sprintf("n%d", h.id), fmt.Sprintf("n%d", h.id%3+1)
		w.s.Net.Cut(a, b)
		if w.s.IntN(2) == 0 {
			w.s.Net.Cut(b, a)
		}
		w.s.At(w.within(50, 4000), func() { w.s.Net.Mend(a, b); w.s.Net.Mend(b, a) })
	case 6:
		h.slow = true
		w.s.At(w.within(500, 3000), func() { h.slow = false })
	case 7: // a false alarm: it is fenced though it lives, and taken back
		w.fence(h.id)
		w.s.At(w.within(100, 2000), func() {
			if b := w.img.Broker(h.id); h.node.Up() && b.Fenced {
				w.apply(meta.UnfenceBroker{BrokerID: h.id, BrokerEpoch: b.Epoch})
			}
		})
	case 8, 9:
		w.apply(meta.ElectLeaders{Partitions: []meta.Election{{PartitionRef: meta.PartitionRef{Topic: topicID}, Candidate: meta.NoLeader}}})
	case 10:
		h.node.Slow = w.within(5, 400)
		w.s.At(w.within(500, 4000), func() { h.node.Slow = 0 })
	case 11:
		h.node.Stuck = w.s.Now() + w.within(100, 3500)
	}
}

// heal ends all trouble.
func (w *cluster) heal() {
	w.s.Net.Heal()
	for _, h := range w.hosts {
		h.slow, h.node.Slow, h.node.Stuck = false, 0, 0
		w.restart(h)
	}
	for _, h := range w.hosts {
		if b := w.img.Broker(h.id); b.Fenced {
			w.apply(meta.UnfenceBroker{BrokerID: h.id, BrokerEpoch: b.Epoch})
		}
		h.news()
	}
}

// drill lives through trouble and then looks whether all is well.
func (w *cluster) drill(t *testing.T, rounds int) {
	s := w.s
	step := func(d time.Duration) bool { return s.Run(d) == nil && !t.Failed() }
	if !step(time.Second) {
		s.Report(t)
		return
	}
	for range rounds {
		if s.IntN(25) == 0 {
			w.trouble()
		}
		if s.IntN(10) > 0 {
			to := w.leader()
			if to < 0 || s.IntN(20) == 0 {
				to = int32(s.IntN(3) + 1)
			}
			w.produce(to, []int16{-1, -1, -1, 1, 0}[s.IntN(5)])
			if s.IntN(15) == 0 {
				w.trim(to)
			}
		}
		if !step(w.within(0, 60)) {
			s.Report(t)
			return
		}
	}
	if !step(5 * time.Second) {
		s.Report(t)
		return
	}
	w.heal()
	if !s.RunUntil(25*time.Second, w.whole) && s.Err() == nil {
		for _, h := range w.hosts {
			l := h.p.log
			if l == nil {
				t.Logf("n%d: %s, no log", h.id, stateNames[h.p.state])
				continue
			}
			t.Logf("n%d: %s start %d high %d durable %d next %d isr %v led %+v sub %+v", h.id, stateNames[h.p.state], l.start, l.high, l.durable, l.next,
				l.isr, l.led, h.p.sub)
		}
		t.Errorf("25 s after all trouble has ended the replicas are not in sync: %+v", w.part)
	}
	s.Report(t)
	w.compare(t)
}

// trouble is a run of the drill.
func trouble(t *testing.T, s *kitsim.Sim) *cluster {
	w := newCluster(t, s, []string{"2", "1"}[s.Seed%2])
	w.drill(t, 400)
	return w
}

func TestReplicasInTrouble(t *testing.T) {
	acks, trims := 0, 0
	kitsim.Seeds(t, 24, func(t *testing.T, s *kitsim.Sim) {
		w := trouble(t, s)
		acks, trims = acks+w.ackCount, trims+w.trims
	})
	if !t.Failed() && acks < 24*50 {
		t.Errorf("only %d batches were acknowledged", acks)
	}
	if !t.Failed() && trims < 24*5 {
		t.Errorf("only %d deletions were acknowledged", trims)
	}
	t.Logf("%d batches and %d deletions acknowledged", acks, trims)
}
