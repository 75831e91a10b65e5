package kit

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/asynkron/protoactor-go/actor"
)

// Troupe is the real System: protoactor underneath, our mailboxes, goroutines and the wall clock.
type Troupe struct {
	sys     *actor.ActorSystem
	guard   actor.SupervisorStrategy
	log     *slog.Logger
	pool    *pool
	janitor janitor
	names   sync.Map // name -> *Ref
	kinds   sync.Map // name -> *kind
	ids     atomic.Uint32
	tracer  atomic.Pointer[tracerBox]
	base    time.Time
	epoch   int64 // base in Unix nanoseconds
	flightRecorder
}

// New makes a System whose pool runs at most poolSize blocking functions at a time.
func New(log *slog.Logger, poolSize int) *Troupe {
	t := &Troupe{log: log, base: time.Now()}
	t.epoch = t.base.UnixNano()
	t.janitor.every, t.janitor.limit = janitorTick, janitorTicks
	t.pool = newPool(t, poolSize)
	// protoactor reports each stopped actor at Info: only its warnings are news.
	quiet := slog.New(atLeast{log.Handler(), slog.LevelWarn})
	t.sys = actor.NewActorSystem(actor.WithLoggerFactory(func(*actor.ActorSystem) *slog.Logger { return quiet }))
	// The kit recovers panics itself, so nothing reaches the guardian. Should it, the actor is not restarted.
	t.guard = actor.NewOneForOneStrategy(0, 0, func(any) actor.Directive { return actor.StopDirective })
	t.exit = func(string) { os.Exit(ExitFatal) }
	return t
}

// Nanos is the time in nanoseconds of the Unix epoch, on a clock that never jumps: for records of operations.
func (t *Troupe) Nanos() int64 { return t.nanos() }

// nanos is the time in nanoseconds of the Unix epoch, on a clock that never jumps.
func (t *Troupe) nanos() int64 { return t.epoch + int64(time.Since(t.base)) }

// Spawn implements System.
func (t *Troupe) Spawn(name string, a Actor, o Options) *Ref {
	if o.Limit == 0 {
		o.Limit = DefaultLimit
	}
	if o.Kind == "" {
		o.Kind, _, _ = strings.Cut(name, "/")
	}
	box := &mailbox{limit: o.Limit}
	ref := NewRef(name, box)
	sh := &shell{t: t, self: ref, box: box, inner: a, o: o, kind: t.kind(o.Kind), id: t.ids.Add(1)}
	sh.ctx = &actorContext{t, ref}
	box.sh = sh
	_, taken := t.names.LoadOrStore(name, ref)
	Invariant(!taken, "BUG: actor %s spawned twice", name)
	props := actor.PropsFromProducer(func() actor.Actor { return sh },
		actor.WithMailbox(func() actor.Mailbox { return box }), actor.WithGuardian(t.guard))
	_, err := t.sys.Root.SpawnNamed(props, name)
	Invariant(err == nil, "BUG: spawn %s: %v", name, err)
	return ref
}

func (t *Troupe) kind(name string) *kind {
	if k, ok := t.kinds.Load(name); ok {
		return k.(*kind)
	}
	k, _ := t.kinds.LoadOrStore(name, newKind(name))
	return k.(*kind)
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
	b, ok := r.box.(*mailbox)
	Invariant(ok, "BUG: Stop of %s, which is no actor of this system", r.name)
	b.stop(&poison{notify, m})
}

// Now implements System.
func (t *Troupe) Now() time.Time { return time.Now() }

// After implements System.
func (t *Troupe) After(to *Ref, d time.Duration, m any) Timer {
	x := &timer{to: to, m: m}
	x.t = time.AfterFunc(d, x.fire)
	return x
}

// Go implements System.
func (t *Troupe) Go(to *Ref, fn func() any) { t.pool.do(task{to, fn, t.nanos()}) }

// Blocker implements System.
func (t *Troupe) Blocker(owner *Ref, name string) Blocker {
	return &blocker{t: t, owner: owner, name: name}
}

// Rand implements System.
func (t *Troupe) Rand() uint64 { return rand.Uint64() }

// Log implements System.
func (t *Troupe) Log() *slog.Logger { return t.log }

// Close ends what runs in the background. The actors must have been stopped before.
func (t *Troupe) Close() {
	t.janitor.close()
	t.sys.Shutdown()
}

// atLeast raises the level of a handler.
type atLeast struct {
	slog.Handler
	min slog.Level
}

// Enabled implements slog.Handler.
func (h atLeast) Enabled(c context.Context, l slog.Level) bool {
	return l >= h.min && h.Handler.Enabled(c, l)
}

// WithAttrs implements slog.Handler.
func (h atLeast) WithAttrs(a []slog.Attr) slog.Handler {
	return atLeast{h.Handler.WithAttrs(a), h.min}
}

// WithGroup implements slog.Handler.
func (h atLeast) WithGroup(n string) slog.Handler { return atLeast{h.Handler.WithGroup(n), h.min} }
