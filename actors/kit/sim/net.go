package sim

import (
	"bytes"
	"time"
)

// Net is the network between named endpoints. Each direction between two of them is a link with faults of its own.
type Net struct {
	// Faults of links that SetLink has not given others.
	Faults Faults

	s     *Sim
	ends  map[string]*endpoint
	links map[link]*linkState

	listeners map[string]*listener
	streams   []*Stream // open ones, in the order in which they were made
}

// Faults of a link. Probabilities are from 0 to 1, per message.
type Faults struct {
	Drop    float64
	Double  float64 // arrives twice
	Reorder float64 // may overtake and be overtaken; all others keep their order, as on a TCP connection
	Min     time.Duration
	Max     time.Duration // 0: as Min
}

type link struct{ from, to string }

type linkState struct {
	faults *Faults // nil: those of the Net
	cut    bool
	last   int64 // arrival of the last message that keeps its order
}

type endpoint struct {
	life    *Life // nil: the test's own
	handler func(from string, m any)
}

// Bind makes handler get what is sent to name, each message in a step of l (nil: of the test), until l crashes.
func (n *Net) Bind(l *Life, name string, handler func(from string, m any)) {
	if l == nil || !l.dead {
		n.ends[name] = &endpoint{l, handler}
	}
}

func (n *Net) unbind(l *Life) {
	for name, e := range n.ends {
		if e.life == l {
			delete(n.ends, name)
		}
	}
}

func (n *Net) link(from, to string) *linkState {
	ls := n.links[link{from, to}]
	if ls == nil {
		ls = &linkState{}
		n.links[link{from, to}] = ls
	}
	return ls
}

// Send sends m. A []byte is copied; anything else must not change any more. Nothing tells the sender what becomes of it.
func (n *Net) Send(from, to string, m any) {
	if n.s.cur != nil && n.s.cur.dead {
		return
	}
	if b, ok := m.([]byte); ok {
		m = bytes.Clone(b)
	}
	ls := n.link(from, to)
	f := &n.Faults
	if ls.faults != nil {
		f = ls.faults
	}
	n.s.stats.NetSent++
	if ls.cut || f.Drop > 0 && n.s.Chance(f.Drop) {
		n.dropped(from, to, m)
		return
	}
	n.carry(from, to, m, ls, f)
	if f.Double > 0 && n.s.Chance(f.Double) {
		n.s.stats.NetDoubled++
		n.carry(from, to, m, ls, f)
	}
}

func (n *Net) carry(from, to string, m any, ls *linkState, f *Faults) {
	d := int64(f.Min)
	if f.Max > f.Min {
		d += int64(n.s.Rand() % uint64(f.Max-f.Min))
	}
	at := n.s.now + d
	if f.Reorder == 0 || !n.s.Chance(f.Reorder) {
		at = max(at, ls.last)
		ls.last = at
	}
	// The connection ends with the life of the receiver: a successor does not get what was sent to the one before.
	dest := n.ends[to]
	n.s.at(nil, at-n.s.now, evWork, func() { n.deliver(from, to, m, ls, dest) })
}

func (n *Net) deliver(from, to string, m any, ls *linkState, dest *endpoint) {
	if e := n.ends[to]; e == nil || e != dest || ls.cut {
		n.dropped(from, to, m)
		return
	}
	if l := dest.life; l != nil && l.paused {
		l.held = append(l.held, &event{kind: evWork, life: l, run: func() { n.deliver(from, to, m, ls, dest) }})
		return
	}
	n.s.Trace.net(n.s.now, from, to, "delivers", m)
	n.s.exec(dest.life, "network handler of "+to, func() { dest.handler(from, m) })
}

func (n *Net) dropped(from, to string, m any) {
	n.s.stats.NetDropped++
	n.s.Trace.net(n.s.now, from, to, "drops", m)
}

// SetLink gives one direction its own faults; nil: those of the Net.
func (n *Net) SetLink(from, to string, f *Faults) { n.link(from, to).faults = f }

// Cut drops what is sent from one endpoint to another, and what is under way. The other direction still works.
func (n *Net) Cut(from, to string) {
	n.link(from, to).cut = true
	n.s.Trace.note(n.s.now, "net", "cut "+from+" -> "+to)
}

// Split cuts both directions between every two endpoints of different groups.
func (n *Net) Split(groups ...[]string) {
	for i, g := range groups {
		for j, h := range groups {
			if i == j {
				continue
			}
			for _, a := range g {
				for _, b := range h {
					n.Cut(a, b)
				}
			}
		}
	}
}

// IsCut reports whether the direction is cut.
func (n *Net) IsCut(from, to string) bool {
	ls := n.links[link{from, to}]
	return ls != nil && ls.cut
}

// Mend undoes one Cut.
func (n *Net) Mend(from, to string) {
	n.link(from, to).cut = false
	n.s.Trace.note(n.s.now, "net", "mend "+from+" -> "+to)
	n.mended()
}

// Heal undoes every Cut. Faults stay.
func (n *Net) Heal() {
	for _, ls := range n.links {
		ls.cut = false
	}
	n.s.Trace.note(n.s.now, "net", "heal")
	n.mended()
}
