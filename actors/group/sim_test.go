package group

import (
	"fmt"
	"testing"
	"time"

	kitsim "troupe/actors/kit/sim"
	"troupe/storage"
)

// round lets a tenth of a second pass, with what may happen in it.
func (w *world) round() {
	for _, c := range append([]*consumer{}, w.clients...) {
		c.step()
		if w.s.IntN(4) == 0 {
			c.commit()
		}
	}
	w.read(int32(w.s.IntN(simParts)))
	if w.s.IntN(20) == 0 {
		w.explain()
	}
	if len(w.clients) == 0 || w.s.IntN(150) == 0 && len(w.clients) < 8 {
		w.made++
		w.consumer(fmt.Sprintf("c%d", w.made), w.s.IntN(3) == 0, int16(3+w.s.IntN(7)))
	}
	c := w.clients[w.s.IntN(len(w.clients))]
	switch x := w.s.IntN(1200); {
	case x < 4:
		c.stalled = w.s.Now() + time.Duration(w.s.IntN(30))*time.Second
	case x < 6:
		c.leave()
	case x < 9 && c.instance != nil:
		c.restart()
	case x < 11 && w.crashes:
		w.crash()
	case x < 13:
		w.depose(!w.down)
	case x < 16:
		w.recreate()
	}
	if w.s.IntN(30) == 0 {
		w.gate.Set(false, false)
	}
	if w.down && w.s.IntN(30) == 0 {
		w.depose(false)
	}
}

func (w *world) run(rounds int, crashes bool) error {
	w.crashes = crashes
	for range rounds {
		w.round()
		if err := w.s.Run(tick); err != nil {
			return err
		}
		if w.broken != "" {
			return fmt.Errorf("%s", w.broken)
		}
	}
	return w.calm()
}

// calm lets everybody come to work in peace.
func (w *world) calm() error {
	w.crashes = false
	w.gate.Set(false, false)
	if w.down {
		w.depose(false)
	}
	for range 1500 {
		working := 0
		for _, c := range w.clients {
			c.step()
			if c.phase == "stable" && !c.rejoin {
				working++
			}
		}
		if err := w.s.Run(tick); err != nil {
			return err
		}
		if w.broken != "" {
			return fmt.Errorf("%s", w.broken)
		}
		if working == len(w.clients) {
			return nil
		}
	}
	for _, c := range w.clients {
		if c.phase != "stable" {
			return fmt.Errorf("%s never comes to work: it is in %q", c.name, c.phase)
		}
	}
	return nil
}

// end stops everything in order; nothing may be left. live is how many slabs there were, -1 after a crash, which keeps some.
func (w *world) end(t *testing.T, live int64) {
	w.node.Life().Stop(w.shard, nil, nil)
	_ = w.s.Settle(time.Minute)
	w.node.StopActors()
	_ = w.s.Settle(time.Minute)
	w.tail.Drop(simPartID)
	for _, a := range w.s.Unanswered(0) {
		t.Errorf("never answered: %s", a)
	}
	if n := storage.SlabsLive(); live >= 0 && n != live {
		t.Errorf("%d slabs are still held", n-live)
	}
}

func TestSimulation(t *testing.T) {
	var joins, commits, refused, rebalances, reads int
	sum := kitsim.Seeds(t, 40, func(t *testing.T, s *kitsim.Sim) {
		live := storage.SlabsLive()
		w := newWorld(s, false)
		if err := w.run(900, s.Seed%3 != 0); err != nil {
			t.Fatal(err)
		}
		if s.Seed%3 == 0 {
			w.end(t, live)
		}
		joins, commits, refused = joins+w.stats.joins, commits+w.stats.commits, refused+w.stats.refused
		rebalances, reads = rebalances+w.stats.rebalances, reads+w.stats.reads
	})
	t.Logf("%d joins, %d rebalances, %d commits, %d refused, %d reads, %d messages, %d crashes", joins, rebalances, commits, refused, reads, sum.Messages, sum.Crashes)
}

// TestSimulationNotices runs on a store that lies about syncs: what was acknowledged is lost, and that must be seen.
func TestSimulationNotices(t *testing.T) {
	for seed := uint64(1); seed <= 40; seed++ {
		w := newWorld(kitsim.New(seed), true)
		if err := w.run(900, true); err != nil {
			t.Logf("seed %d: %v", seed, err)
			return
		}
	}
	t.Error("acknowledged offsets were lost, and nobody noticed")
}
