package sim

import (
	"fmt"
	"time"

	"troupe/actors/kit"
	"troupe/actors/meta"
	"troupe/raftnode"
)

// client is the half of a simulated client that outlives the broker. In each life of the broker it has a seat: an actor that
// works as a connection does, and dies with the broker.
type client interface {
	name() string
	// receive is called with each message of the seat: first kit.Started.
	receive(c kit.Context, m any)
	// cut tells that the connection broke: what was under way has no answer and will get none.
	cut()
	// done says that the client has nothing left to do.
	done() bool
	// waits says what the client waits for, and since when; "" if for nothing.
	waits() (what string, since time.Duration)
}

// seat is the connection of a client in one life of the broker.
type seat struct{ client }

// Receive implements kit.Actor.
func (s seat) Receive(c kit.Context, m any) { s.receive(c, m) }

// turn tells a client to go on.
type turn struct{}

// soon sets a client's next turn.
func (w *World) soon(c kit.Context, most time.Duration) {
	c.After(c.Self(), time.Duration(w.IntN(int(most))), turn{})
}

// proposals is what a client that proposes keeps of those under way.
type proposals struct {
	w     *World
	slot  uint64
	open  map[uint64]*open
	order []uint64
}

type open struct {
	answered func(m raftnode.Proposed)
	lost     func() // the connection broke
	what     string
	since    time.Duration
}

// propose asks for a change. One of answered and lost is called, once.
func (p *proposals) propose(c kit.Context, cmd meta.Command, timeout time.Duration, answered func(m raftnode.Proposed), lost func()) {
	p.slot++
	if p.open == nil {
		p.open = map[uint64]*open{}
	}
	p.open[p.slot] = &open{answered, lost, fmt.Sprintf("the answer to %T", cmd), p.w.Now()}
	p.order = append(p.order, p.slot)
	p.w.broker.Metadata.Tell(&raftnode.Propose{Ask: kit.Ask{ReplyTo: c.Self(), Slot: p.slot}, Cmd: cmd, Timeout: timeout})
}

func (p *proposals) onProposed(m raftnode.Proposed) {
	o := p.open[m.Slot]
	if o == nil {
		p.w.Fail("a second answer to proposal %d of %T", m.Slot, m.Cmd)
		return
	}
	delete(p.open, m.Slot)
	if m.Index > 0 {
		p.w.ackedAt(m.Index)
	}
	o.answered(m)
}

func (p *proposals) cut() {
	list, was := p.order, p.open
	p.order, p.open = nil, nil
	for _, slot := range list {
		if o := was[slot]; o != nil {
			o.lost()
		}
	}
}

func (p *proposals) waits() (string, time.Duration) {
	for len(p.order) > 0 && p.open[p.order[0]] == nil {
		p.order = p.order[1:]
	}
	if len(p.order) == 0 {
		return "", 0
	}
	o := p.open[p.order[0]]
	return o.what, o.since
}
