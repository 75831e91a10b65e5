package sim

import (
	"troupe/actors/kit"
)

// box is one actor with its mailbox. It keeps the promises of the kit's own: see kit's package comment.
type box struct {
	life   *Life
	ref    *kit.Ref
	actor  kit.Actor
	o      kit.Options
	ctx    kit.Context
	id     uint32
	lazy   bool
	queued bool // in Sim.ready
	ended  bool // no more Receive
	closed bool // no more posts
	gone   bool // name freed
	q      []any
	head   int
	hand   any // the message in work
	notify []*poison
}

// poison asks an actor to stop when it has worked off what is queued before it.
type poison struct {
	notify *kit.Ref
	m      any
}

func (p *poison) tell() {
	if p.notify != nil {
		p.notify.Tell(p.m)
	}
}

type context struct {
	*Life
	self *kit.Ref
}

// Self implements kit.Context.
func (c *context) Self() *kit.Ref { return c.self }

func (b *box) path() string { return b.life.node.name + " " + b.ref.Name() }

// Post implements kit.Box. A crashed node swallows everything, and a crashed sender sends nothing.
func (b *box) Post(m any) bool {
	s := b.life.s
	if b.life.dead || s.cur != nil && s.cur.dead {
		s.stats.LostMessages++
		return true
	}
	if b.closed {
		return false
	}
	s.asks.told(m, b, b.ref, s.now)
	b.push(m)
	return true
}

// TryPost implements kit.Box.
func (b *box) TryPost(m any) bool {
	if !b.life.dead && b.Depth() >= b.o.Limit {
		return false
	}
	return b.Post(m)
}

// Depth implements kit.Box.
func (b *box) Depth() int { return len(b.q) - b.head }

func (b *box) push(m any) {
	b.q = append(b.q, m)
	b.kick()
}

func (b *box) kick() {
	if !b.queued && b.Depth() > 0 {
		b.queued = true
		if l := b.life; l.paused {
			l.parked = append(l.parked, b)
			return
		}
		b.life.s.ready = append(b.life.s.ready, b)
	}
}

func (b *box) pop() any {
	m := b.q[b.head]
	b.q[b.head] = nil
	if b.head++; b.head == len(b.q) {
		b.q, b.head = b.q[:0], 0
	} else if b.head > 64 && b.head > len(b.q)/2 {
		n := copy(b.q, b.q[b.head:])
		clear(b.q[n:])
		b.q, b.head = b.q[:n], 0
	}
	return m
}

// handle gives b its next message.
func (s *Sim) handle(b *box) {
	if b.Depth() == 0 {
		return // it was closed while it stood in line
	}
	b.hand = b.pop()
	s.stats.Messages++
	s.Trace.message(s.now, b, b.hand)
	if s.hearing != nil {
		s.hearing.Message(b.life.node, b.ref.Name(), b.hand)
	}
	s.receive(b)
	b.hand = nil
	s.now += s.cost()
	if !b.life.dead {
		b.kick()
	}
}

func (s *Sim) receive(b *box) {
	s.begin(b.life)
	defer s.end(b.life, "", b)
	if p, ok := b.hand.(*poison); ok {
		b.stop(p)
	} else if !b.ended {
		b.actor.Receive(b.ctx, b.hand)
	}
}

// stop is the orderly end: Stopping, leftovers refused, name freed, those who wait for it told.
func (b *box) stop(p *poison) {
	b.notify = append(b.notify, p)
	b.ended = true
	b.actor.Receive(b.ctx, kit.Stopping{})
	b.close()
}

// panicked ends an actor with MayDie.
func (b *box) panicked(reason any) {
	s := b.life.s
	s.begin(b.life)
	defer s.end(b.life, "end of "+b.path(), nil)
	during := b.ended
	b.ended = true
	if c, ok := b.actor.(kit.Crasher); ok && !during {
		c.Crashed(b.ctx, reason)
	}
	b.close()
}

func (b *box) close() {
	b.closed = true
	for b.Depth() > 0 {
		m := b.pop()
		if p, ok := m.(*poison); ok {
			b.notify = append(b.notify, p)
			continue
		}
		kit.Refuse(m)
	}
	b.gone = true
	delete(b.life.actors, b.ref.Name())
	list := b.notify
	b.notify = nil
	for _, p := range list {
		p.tell()
	}
}
