package kit

import (
	"log/slog"
	"math/rand/v2"
	"os"
	"runtime/debug"
	"sync"
	"time"

	"github.com/asynkron/protoactor-go/actor"
)

// Troupe is the real System: protoactor underneath, our mailboxes, goroutines and the wall clock.
type Troupe struct {
	sys   *actor.ActorSystem
	log   *slog.Logger
	pool  chan struct{}
	names sync.Map // name -> *Ref
	fatal func(reason string)
}

// New makes a System whose pool runs at most poolSize blocking functions at a time.
func New(log *slog.Logger, poolSize int) *Troupe {
	t := &Troupe{log: log, pool: make(chan struct{}, poolSize)}
	t.sys = actor.NewActorSystem(actor.WithLoggerFactory(func(*actor.ActorSystem) *slog.Logger { return log }))
	t.fatal = func(string) { os.Exit(ExitFatal) }
	return t
}

type poison struct {
	notify *Ref
	m      any
}

// shell adapts an Actor to protoactor and keeps the kit's promises about panics and leftovers.
type shell struct {
	t     *Troupe
	self  *Ref
	box   *mailbox
	inner Actor
	o     Options
}

// Self implements Context.
type context struct {
	*Troupe
	self *Ref
}

func (c *context) Self() *Ref { return c.self }

func (s *shell) Receive(ac actor.Context) {
	switch m := ac.Message().(type) {
	case *actor.Started:
		s.run(Started{})
	case *actor.Stopping, *actor.Stopped, *actor.Restarting:
	case poison:
		s.run(Stopping{})
		s.t.names.Delete(s.self.name)
		s.box.close()
		ac.Stop(ac.Self())
		if m.notify != nil {
			m.notify.Tell(m.m)
		}
	default:
		s.run(m)
	}
}

func (s *shell) run(m any) {
	defer func() {
		if r := recover(); r != nil {
			s.t.log.Error("actor panicked", "actor", s.self.name, "message", typeName(m), "panic", r, "stack", string(debug.Stack()))
			if !s.o.MayDie {
				s.t.Fatal("actor panicked", "actor", s.self.name, "panic", r)
			}
			s.t.Stop(s.self, nil, nil)
		}
	}()
	s.inner.Receive(&context{s.t, s.self}, m)
}

// Spawn implements System.
func (t *Troupe) Spawn(name string, a Actor, o Options) *Ref {
	box := newMailbox(o.Limit)
	ref := NewRef(name, box)
	_, taken := t.names.LoadOrStore(name, ref)
	Invariant(!taken, "BUG: actor %s spawned twice", name)
	sh := &shell{t: t, self: ref, box: box, inner: a, o: o}
	props := actor.PropsFromProducer(func() actor.Actor { return sh }, actor.WithMailbox(func() actor.Mailbox { return box }))
	_, err := t.sys.Root.SpawnNamed(props, name)
	Invariant(err == nil, "BUG: spawn %s: %v", name, err)
	return ref
}

// Lookup implements System.
func (t *Troupe) Lookup(name string) *Ref {
	if r, ok := t.names.Load(name); ok {
		return r.(*Ref)
	}
	return nil
}

// Stop implements System.
func (t *Troupe) Stop(r *Ref, notify *Ref, m any) {
	if !r.box.Post(poison{notify, m}) && notify != nil {
		notify.Tell(m)
	}
}

// Now implements System.
func (t *Troupe) Now() time.Time { return time.Now() }

// After implements System.
func (t *Troupe) After(to *Ref, d time.Duration, m any) Timer {
	return time.AfterFunc(d, func() { to.Tell(m) })
}

// Go implements System.
func (t *Troupe) Go(to *Ref, fn func() any) {
	go func() {
		t.pool <- struct{}{}
		m := fn()
		<-t.pool
		if m != nil {
			to.Tell(m)
		}
	}()
}

// Blocker implements System.
func (t *Troupe) Blocker(owner *Ref, name string) Blocker {
	b := &blocker{owner: owner}
	b.cond.L = &b.mu
	go b.loop()
	return b
}

// Rand implements System.
func (t *Troupe) Rand() uint64 { return rand.Uint64() }

// Log implements System.
func (t *Troupe) Log() *slog.Logger { return t.log }

// Fatal implements System.
func (t *Troupe) Fatal(reason string, attrs ...any) {
	t.log.Error(reason, attrs...)
	t.fatal(reason)
}
