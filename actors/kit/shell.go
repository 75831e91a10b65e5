package kit

import (
	"github.com/asynkron/protoactor-go/actor"
)

// poison asks an actor to stop when it has worked off what is queued before it.
type poison struct {
	notify *Ref
	m      any
}

func (p *poison) tell() {
	if p.notify != nil {
		p.notify.Tell(p.m)
	}
}

// actorContext is what Receive gets: one per actor, made at Spawn.
type actorContext struct {
	*Troupe
	self *Ref
}

// Self implements Context.
func (c *actorContext) Self() *Ref { return c.self }

// shell adapts an Actor to protoactor and keeps the kit's promises about stops, panics and leftovers.
type shell struct {
	t     *Troupe
	self  *Ref
	box   *mailbox
	inner Actor
	o     Options
	kind  *kind
	ctx   Context
	pid   *actor.PID // set by protoactor's first message
	id    uint32

	ended bool // no more Receive: Stopping was delivered, or it panicked
}

// Receive implements actor.Actor.
func (s *shell) Receive(ac actor.Context) {
	switch m := ac.Message().(type) {
	case *actor.Started:
		s.pid = ac.Self()
		s.inner.Receive(s.ctx, Started{})
	case *actor.Stopping, *actor.Restarting:
	case *actor.Stopped:
		s.stopped()
	case *poison:
		s.stop(m)
	default:
		if !s.ended {
			s.inner.Receive(s.ctx, m)
		}
	}
}

// stop is the orderly end: Stopping, leftovers refused, then protoactor's own end, which comes back as stopped.
func (s *shell) stop(p *poison) {
	s.box.mu.Lock()
	s.box.notify = append(s.box.notify, p)
	s.box.mu.Unlock()
	if s.ended {
		return
	}
	s.ended = true
	s.inner.Receive(s.ctx, Stopping{})
	s.end()
}

func (s *shell) end() {
	s.box.close()
	s.t.sys.Root.Stop(s.pid) // a system message to ourselves: stopped() follows at once
}

// stopped runs when protoactor has taken the name from its registry: now the name is free for a successor.
func (s *shell) stopped() {
	s.t.names.CompareAndDelete(s.self.name, s.self)
	s.box.retire(s.kind)
	for _, p := range s.box.finish() {
		p.tell()
	}
}

// panicked runs on the actor's goroutine, after Receive has panicked.
func (s *shell) panicked(reason any, stack []byte) {
	during := s.ended
	s.ended = true
	s.box.mu.Lock()
	s.box.panics++
	s.box.mu.Unlock()
	attrs := []any{"actor", s.self.name, "message", s.box.inHand(), "panic", panicText(reason)}
	if !s.o.MayDie {
		s.t.crash("actor panicked", s.flight(reason, stack), attrs...)
	} else {
		s.t.log.Error("actor panicked", append(attrs, "stack", string(clip(stack, maxStack)))...)
	}
	if c, ok := s.inner.(Crasher); ok && !during {
		s.guard("Crashed", func() { c.Crashed(s.ctx, reason) })
	}
	if s.pid == nil { // protoactor's own start failed: it has no name to free
		return
	}
	s.end()
}

// refuse answers a leftover. A panic there counts as the actor's.
func (s *shell) refuse(m any) {
	s.guard("Refuse", func() { Refuse(m) })
}

func (s *shell) guard(what string, f func()) {
	defer func() {
		if r := recover(); r != nil {
			s.t.log.Error("actor panicked while it ended", "actor", s.self.name, "in", what, "panic", panicText(r))
			if !s.o.MayDie {
				s.t.Fatal("actor panicked while it ended", "actor", s.self.name, "panic", panicText(r))
			}
		}
	}()
	f()
}
