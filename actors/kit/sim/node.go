package sim

import (
	"log/slog"
	"slices"
	"strings"
	"time"

	"troupe/actors/kit"
)

// Node is one simulated process. It lives until Crash and again from Restart.
type Node struct {
	// OnFatal is told why the node ended itself (Fatal, or a panic); the node has crashed then. Without it the run fails.
	OnFatal func(reason string)
	// Slow makes blocking work of the node take up to this much longer, in a Stage exactly so: a disk that stalls.
	Slow time.Duration
	// Stuck is a time of the run before which no blocking work of the node begins: a disk that does not answer.
	Stuck time.Duration

	s    *Sim
	name string
	boot func(l *Life)
	life *Life
	skew time.Duration
}

// Node adds a node and boots it. boot spawns its actors; it is called again by Restart, with a new Life.
func (s *Sim) Node(name string, boot func(l *Life)) *Node {
	n := &Node{s: s, name: name, boot: boot}
	s.nodes = append(s.nodes, n)
	n.start()
	return n
}

func (n *Node) start() {
	n.life = &Life{s: n.s, node: n, actors: map[string]*box{}}
	n.life.log = slog.New(&logHandler{l: n.life})
	n.s.Trace.note(n.s.now, n.name, "boot")
	if n.boot != nil {
		was := n.s.cur
		n.boot(n.life)
		n.s.cur = was
	}
}

// Name is the node's name.
func (n *Node) Name() string { return n.name }

// Life is the present run of the node, or the last one if it is down.
func (n *Node) Life() *Life { return n.life }

// Up is false from Crash to Restart.
func (n *Node) Up() bool { return !n.life.dead }

// Crash ends the node as kill -9 does: actors, messages, timers, blocking work and bindings to the network are gone.
func (n *Node) Crash() {
	l := n.life
	if l.dead {
		return
	}
	s := n.s
	l.dead = true
	s.stats.Crashes++
	s.Trace.note(s.now, n.name, "crash")
	s.ready = slices.DeleteFunc(s.ready, func(b *box) bool { return b.life == l })
	s.work -= s.events.dropIf(func(e *event) bool { return e.life == l })
	for _, b := range l.actors {
		s.stats.LostMessages += uint64(b.Depth())
		b.q, b.head, b.queued = nil, 0, false
	}
	l.actors, l.parked, l.held, l.paused = nil, nil, nil, false
	s.asks.crashed()
	s.Net.unbind(l)
	s.Net.streamsCrashed(l)
}

// Restart boots the node again after a Crash.
func (n *Node) Restart() {
	kit.Invariant(n.life.dead, "BUG: restart of %s, which runs", n.name)
	n.s.stats.Restarts++
	n.start()
}

// JumpClock moves the node's wall clock; timers are not moved.
func (n *Node) JumpClock(d time.Duration) {
	n.skew += d
	n.s.Trace.note(n.s.now, n.name, "clock jumps by "+d.String())
}

// Actors are the names of the living actors, sorted.
func (n *Node) Actors() []string {
	var list []string
	for name := range n.life.actors {
		list = append(list, name)
	}
	slices.Sort(list)
	return list
}

// StopActors stops every living actor, in the order of their names.
func (n *Node) StopActors() {
	for _, name := range n.Actors() {
		n.life.Stop(n.life.Lookup(name), nil, nil)
	}
}

// Depth is the number of messages that wait on this node.
func (n *Node) Depth() (d int) {
	for _, b := range n.life.actors {
		d += b.Depth()
	}
	return d
}

// Life is one run of a Node, from boot to crash. It implements kit.System.
type Life struct {
	s      *Sim
	node   *Node
	actors map[string]*box
	dead   bool
	log    *slog.Logger

	paused bool
	parked []*box   // that have messages, while it is paused
	held   []*event // that were due meanwhile
}

var _ kit.System = (*Life)(nil)

// Sim is the run that the node is part of.
func (l *Life) Sim() *Sim { return l.s }

// Node is whose life this is.
func (l *Life) Node() *Node { return l.node }

// Dead reports that the node has crashed since.
func (l *Life) Dead() bool { return l.dead }

// Spawn implements kit.System.
func (l *Life) Spawn(name string, a kit.Actor, o kit.Options) *kit.Ref {
	if o.Limit == 0 {
		o.Limit = kit.DefaultLimit
	}
	s := l.s
	s.ids++
	b := &box{life: l, actor: a, o: o, id: s.ids, lazy: !s.calm && s.rng.Uint64()&7 == 0}
	b.ref = kit.NewRef(name, b)
	b.ctx = &context{l, b.ref}
	if l.dead {
		return b.ref
	}
	kit.Invariant(l.actors[name] == nil, "BUG: actor %s spawned twice", name)
	l.actors[name] = b
	b.push(kit.Started{})
	return b.ref
}

// Lookup implements kit.System.
func (l *Life) Lookup(name string) *kit.Ref {
	if b := l.actors[name]; b != nil {
		return b.ref
	}
	return nil
}

// Stop implements kit.System.
func (l *Life) Stop(r *kit.Ref, notify *kit.Ref, m any) {
	p := &poison{notify, m}
	b, ok := r.Box().(*box)
	kit.Invariant(ok, "BUG: Stop of %s, which is no actor of this system", r.Name())
	switch {
	case b.life.dead:
	case b.gone:
		p.tell()
	case b.closed:
		b.notify = append(b.notify, p)
	default:
		b.push(p)
	}
}

// Now implements kit.System.
func (l *Life) Now() time.Time { return Epoch.Add(l.s.Now() + l.node.skew) }

// After implements kit.System.
func (l *Life) After(to *kit.Ref, d time.Duration, m any) kit.Timer {
	t := &timer{s: l.s, to: to, m: m}
	t.ev = event{at: l.s.now + max(int64(d), 0) + l.s.late(), kind: evTimer, life: l, timer: t, index: -1}
	if !l.dead {
		l.s.events.push(&t.ev)
	}
	return t
}

// late is how late a timer is: up to 65 µs.
func (s *Sim) late() int64 {
	if s.calm {
		return 0
	}
	return int64(s.rng.Uint64() & 65535)
}

// Go implements kit.System: fn runs in one later step, and its result arrives in another.
func (l *Life) Go(to *kit.Ref, fn func() any) {
	l.s.at(l, l.delay(), evWork, func() {
		l.s.stats.Work++
		l.s.Trace.work(l.s.now, l, to.Name(), "pool")
		if m := fn(); m != nil {
			l.s.at(l, l.s.delay(), evWork, func() { to.Tell(m) })
		}
	})
}

// delay is how long it takes until blocking work begins.
func (l *Life) delay() int64 {
	d := l.s.delay()
	switch slow := l.node.Slow; {
	case slow <= 0:
	case l.s.calm:
		d += int64(slow)
	default:
		d += int64(l.s.rng.Uint64() % uint64(slow))
	}
	return max(d, int64(l.node.Stuck)-l.s.now)
}

// Blocker implements kit.System.
func (l *Life) Blocker(owner *kit.Ref, name string) kit.Blocker {
	return &blocker{l: l, owner: owner, name: name}
}

// Rand implements kit.System.
func (l *Life) Rand() uint64 { return l.s.rng.Uint64() }

// Log implements kit.System: the log is part of the trace.
func (l *Life) Log() *slog.Logger { return l.log }

// fatalExit is thrown by Fatal, which never returns to the actor.
type fatalExit struct {
	life   *Life
	reason string
}

// Fatal implements kit.System.
func (l *Life) Fatal(reason string, attrs ...any) {
	if l.dead {
		return
	}
	text := strings.TrimSpace("fatal: " + reason + " " + attrText(attrs))
	if l.s.inStep {
		panic(fatalExit{l, text})
	}
	l.die(text)
}

func (l *Life) die(reason string) {
	l.s.Trace.note(l.s.now, l.node.name, reason)
	if l.node.OnFatal == nil {
		l.s.Fail("%s: %s", l.node.name, reason)
	}
	l.node.crashLife(l)
	if l.node.OnFatal != nil {
		l.node.OnFatal(reason)
	}
}

func (n *Node) crashLife(l *Life) {
	if n.life == l {
		n.Crash()
	}
}

// blocker runs functions in order, each after a delay of the seed's choice; its result arrives before the next runs.
type blocker struct {
	l      *Life
	owner  *kit.Ref
	name   string
	q      []func() any
	busy   bool
	closed bool
}

// Do implements kit.Blocker.
func (b *blocker) Do(fn func() any) {
	if b.closed {
		return
	}
	b.q = append(b.q, fn)
	if !b.busy {
		b.busy = true
		b.l.s.at(b.l, b.l.delay(), evWork, b.run)
	}
}

// Close implements kit.Blocker.
func (b *blocker) Close() { b.closed = true }

func (b *blocker) run() {
	s, fn := b.l.s, b.q[0]
	b.q[0] = nil
	b.q = b.q[1:]
	s.stats.Work++
	s.Trace.work(s.now, b.l, b.owner.Name(), b.name)
	m := fn()
	switch again := m.(type) {
	case kit.Afresh:
		b.q, m = slices.Insert(b.q, 0, again.Fn), nil
	case kit.Then:
		b.q, m = slices.Insert(b.q, 0, again.Fn), nil
	}
	s.at(b.l, s.delay(), evWork, func() {
		if m != nil {
			b.owner.Tell(m)
		}
		if b.busy = len(b.q) > 0; b.busy {
			s.at(b.l, b.l.delay(), evWork, b.run)
		}
	})
}

// Actor is the actor behind a reference, for checks that look at it between two steps; nil if it lives no more.
func Actor(r *kit.Ref) kit.Actor {
	if b, ok := r.Box().(*box); ok && !b.ended && !b.life.dead {
		return b.actor
	}
	return nil
}
