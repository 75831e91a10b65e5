package sim

import (
	"time"

	kitsim "troupe/actors/kit/sim"
)

// trouble begins a fault or two, and ends brokers; or it lies in wait for the moment in which that does most harm.
func (t *town) trouble() {
	for range 1 + t.IntN(2) {
		t.fault()
	}
	if t.o.Trap != "" || t.Chance(.6) {
		t.setTrap()
	}
	switch r := t.IntN(10); {
	case r < 4:
		t.later(func() { t.kill(t.nodes[t.IntN(len(t.nodes))]) })
	case r < 6:
		t.later(func() { t.kill(t.nodes...) }) // the power fails
	case r < 7:
		t.later(func() { t.kill(t.nodes[0], t.nodes[len(t.nodes)-1]) })
	}
	if t.Chance(.4) { // and one is back before the others faults end
		t.At(time.Duration(t.IntN(int(2*time.Second))), func() { t.nodes[t.IntN(len(t.nodes))].comeBack() })
	}
}

// later does f within a second, unless the trouble is over by then.
func (t *town) later(f func()) { t.after(time.Duration(t.IntN(int(time.Second))), f) }

// after does f when d has passed, unless the trouble is over by then.
func (t *town) after(d time.Duration, f func()) {
	stage := t.stage
	t.At(d, func() {
		if stage == t.stage {
			f()
		}
	})
}

func (t *town) fault() {
	a := t.nodes[t.IntN(len(t.nodes))]
	b := t.nodes[t.IntN(len(t.nodes))]
	much := time.Duration(t.IntN(int(2 * time.Second)))
	switch t.IntN(14) {
	case 0: // one way
		t.cut(a, b)
	case 1:
		t.cut(a, b)
		t.cut(b, a)
	case 2: // nobody reaches it
		t.isolate(a)
	case 3: // connections break, and everything takes long
		t.Net.Faults = kitsim.Faults{Min: time.Millisecond, Max: time.Millisecond + much/20, Drop: .01}
	case 4:
		t.later(func() { a.slow(much / 2) })
	case 5:
		t.later(func() { a.stall(much) })
	case 6:
		t.later(func() {
			if a.node != nil {
				a.node.JumpClock(10*much - 10*time.Second)
				t.jumps++
			}
		})
	case 7: // whoever leads the metadata loses its connections again and again: others are quicker to elect than it is to connect
		for range 1 + t.IntN(6) {
			t.later(func() { t.reset(t.leader()) })
		}
	case 8, 9:
		t.later(func() { t.goes(a) })
	case 10, 11: // its process is stopped, mostly for longer than it may lead unheard
		t.later(func() { a.pause(2 * much) })
	case 12:
		t.later(func() { a.disk.SetFull(true); t.full++ })
	case 13:
		f := Fault(t.IntN(faultKinds))
		t.later(func() { a.fail(f) })
	}
}

// goes lets a node end in order and start again a little later, perhaps with another disk.
func (t *town) goes(a *house) {
	a.stop(func() { t.At(time.Duration(t.IntN(int(time.Second))), a.comeBack) })
}

// comeBack starts a node that is down. Now and then its disk is gone, if the others can do without it.
func (h *house) comeBack() {
	if !h.joining && h.spare() && h.t.Chance(.5) {
		h.replace()
		return
	}
	h.start()
}

// leader is who leads the metadata, as far as that can be said from outside; some node if nobody does.
func (t *town) leader() *house {
	best := t.nodes[t.IntN(len(t.nodes))]
	term := uint64(0)
	for _, h := range t.nodes {
		if h.up() {
			if r := h.broker.Board.Status(); r.LeaderNode() == h.id && r.Term > term {
				best, term = h, r.Term
			}
		}
	}
	return best
}

func (t *town) cut(from, to *house) {
	if from != to {
		t.cuts++
		t.Net.Cut(host(from.id), host(to.id))
	}
}

func (t *town) isolate(a *house) {
	for _, o := range t.nodes {
		t.cut(a, o)
		t.cut(o, a)
	}
}

// reset breaks all connections of a node, and loses what is under way on them.
func (t *town) reset(a *house) {
	t.resets++
	t.Net.Reset(host(a.id))
}

// calm ends all faults; whoever is down is started again, some time later.
func (t *town) calm() {
	t.stage++
	t.trap = nil
	t.Net.Heal()
	t.Net.Faults = kitsim.Faults{Min: 50 * time.Microsecond, Max: time.Millisecond}
	for _, i := range t.rng.Perm(len(t.nodes)) {
		h := t.nodes[i]
		h.recover()
		if h.comeBack(); t.Chance(.5) {
			t.Run(time.Duration(t.IntN(int(500 * time.Millisecond))))
		}
	}
}
