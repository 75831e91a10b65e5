package sim

import (
	"fmt"
	"math/rand/v2"
	"runtime/debug"
	"time"

	"troupe/actors/kit"
)

// Epoch is the wall clock of every node when a run begins.
var Epoch = time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)

// Sim is one run. It belongs to one goroutine.
type Sim struct {
	Seed  uint64
	Net   *Net
	Trace Trace

	rng    *rand.PCG
	calm   bool // no chance at all: first come, first served
	now    int64
	events heap
	work   int // events that are neither timers nor the test's own
	ready  []*box
	ids    uint32
	nodes  []*Node
	checks []func() error
	asks   asks
	stats  Stats
	err    error
	cur    *Life // whose step is running
	inStep bool
	still  int               // steps of a calm run since time moved
	say    func(line string) // a stage's output
	// hearing is who listens to a stage of several nodes; nil: nobody.
	hearing *Hearing
}

// Stats are a run's totals.
type Stats struct {
	Steps, Messages, Timers, Work          uint64
	NetSent, NetDropped, NetDoubled        uint64
	Crashes, Restarts, LostMessages, Dying uint64 // Dying: actors with MayDie that panicked
}

// New is a run by seed.
func New(seed uint64) *Sim {
	s := &Sim{Seed: seed, rng: rand.NewPCG(seed, 0x9e3779b97f4a7c15)}
	s.Net = &Net{s: s, ends: map[string]*endpoint{}, links: map[link]*linkState{}}
	s.Trace.init(200)
	s.asks.open = map[*kit.Ask]*openAsk{}
	return s
}

// Rand is a number of the run's own chance.
func (s *Sim) Rand() uint64 { return s.rng.Uint64() }

// Chance is true with probability p.
func (s *Sim) Chance(p float64) bool { return float64(s.rng.Uint64()>>11)/(1<<53) < p }

// IntN is a number in [0, n).
func (s *Sim) IntN(n int) int { return int(s.rng.Uint64() % uint64(n)) }

// Now is the virtual time since the run began.
func (s *Sim) Now() time.Duration { return time.Duration(s.now) }

// Stats are the totals so far.
func (s *Sim) Stats() Stats { return s.stats }

// Hash identifies the trace so far: the same seed must give the same hash.
func (s *Sim) Hash() uint64 { return s.Trace.hash }

// Check runs f after every step; an error ends the run.
func (s *Sim) Check(f func() error) { s.checks = append(s.checks, f) }

// At runs f as a step of the test itself, when d has passed from now.
func (s *Sim) At(d time.Duration, f func()) { s.at(nil, int64(d), evTest, f) }

// Fail ends the run: the first reason counts.
func (s *Sim) Fail(format string, args ...any) {
	if s.err == nil {
		s.err = &Failure{Seed: s.Seed, At: s.Now(), Step: s.stats.Steps, Reason: fmt.Sprintf(format, args...), Trace: s.Trace.Lines()}
	}
}

// Err is why the run failed, a *Failure; nil if it did not.
func (s *Sim) Err() error { return s.err }

// Run goes on for d of virtual time, or until the run fails or there is nothing left to do.
func (s *Sim) Run(d time.Duration) error {
	until := s.now + int64(d)
	for s.step(until) {
	}
	if s.err == nil && s.now < until {
		s.now = until
	}
	return s.err
}

// RunSteps goes on for at most n steps.
func (s *Sim) RunSteps(n int) error {
	for range n {
		if !s.step(1<<62 - 1) {
			break
		}
	}
	return s.err
}

// RunUntil goes on until cond holds after a step, at most for d; false: it never did, or the run failed.
func (s *Sim) RunUntil(d time.Duration, cond func() bool) bool {
	until := s.now + int64(d)
	for !cond() {
		if !s.step(until) {
			return cond() && s.err == nil
		}
	}
	return s.err == nil
}

// Settle goes on until no message waits and no work or network message is under way, at most for d. Timers may be pending.
func (s *Sim) Settle(d time.Duration) error {
	until := s.now + int64(d)
	for (len(s.ready) > 0 || s.work > 0 || s.due()) && s.step(until) {
	}
	return s.err
}

func (s *Sim) due() bool { return s.events.len() > 0 && s.events.first().at <= s.now }

// step does one thing; false: there is nothing to do before until, or the run has failed.
func (s *Sim) step(until int64) bool {
	if s.err != nil {
		return false
	}
	switch {
	case s.due():
		s.fire()
	case len(s.ready) > 0 && s.now <= until:
		s.handle(s.pick())
	case s.events.len() > 0 && s.events.first().at <= until:
		s.now, s.still = s.events.first().at, 0
		s.fire()
	default:
		return false
	}
	s.stats.Steps++
	if s.still++; s.calm && s.still > maxStill {
		s.Fail("BUG: the actors never come to rest")
	}
	for _, c := range s.checks {
		if err := c(); err != nil {
			s.Fail("%v", err)
		}
	}
	return s.err == nil
}

// pick takes a mailbox that has a message. A lazy one is mostly put back.
func (s *Sim) pick() *box {
	if s.calm {
		b := s.ready[0]
		s.ready = append(s.ready[:0], s.ready[1:]...)
		b.queued = false
		return b
	}
	for {
		i := 0
		if len(s.ready) > 1 {
			r := s.rng.Uint64()
			i = int(r>>8) % len(s.ready)
			if s.ready[i].lazy && r&15 != 0 {
				continue
			}
		}
		b := s.ready[i]
		last := len(s.ready) - 1
		s.ready[i] = s.ready[last]
		s.ready[last] = nil
		s.ready = s.ready[:last]
		b.queued = false
		return b
	}
}

// fire runs the event that is due first.
func (s *Sim) fire() {
	e := s.events.pop()
	if e.kind == evWork {
		s.work--
	}
	if e.life.hold(e) {
		return
	}
	if e.timer != nil {
		s.stats.Timers++
		e.timer.state = timerSent
		s.exec(e.life, "timer", func() { e.timer.to.Tell(e.timer.m) })
		return
	}
	s.exec(e.life, "event", e.run)
}

// exec runs f as a step of a node (nil: of the test).
func (s *Sim) exec(l *Life, what string, f func()) {
	s.begin(l)
	defer s.end(l, what, nil)
	f()
}

func (s *Sim) begin(l *Life) { s.cur, s.inStep = l, true }

// end is deferred around everything that a node does: it turns panics into what they mean.
func (s *Sim) end(l *Life, what string, b *box) {
	s.cur, s.inStep = nil, false
	r := recover()
	if r == nil {
		return
	}
	if f, ok := r.(fatalExit); ok {
		f.life.die(f.reason)
		return
	}
	text := fmt.Sprintf("panic in %s: %v", what, r)
	if b != nil {
		text = fmt.Sprintf("panic in %s, message %s: %v", b.path(), kit.TypeName(b.hand), r)
	}
	switch {
	case l == nil:
		s.Fail("%s\n%s", text, debug.Stack())
	case b != nil && b.o.MayDie:
		s.stats.Dying++
		s.Trace.note(s.now, l.node.name, text)
		b.panicked(r)
	case l.node.OnFatal != nil:
		l.die(text)
	default:
		s.Fail("%s\n%s", text, debug.Stack())
	}
}

// cost is how long a step takes: up to 8 µs.
func (s *Sim) cost() int64 {
	if s.calm {
		return 0
	}
	return int64(s.rng.Uint64() & 8191)
}

// delay is how long work on the pool or a blocker takes: mostly up to 0.1 ms, sometimes 4 ms, seldom 100 ms.
func (s *Sim) delay() int64 {
	if s.calm {
		return 0
	}
	r := s.rng.Uint64()
	switch x := int64(r >> 16); {
	case r&63 == 0:
		return x % 100_000_000
	case r&7 == 0:
		return x % 4_000_000
	default:
		return x % 100_000
	}
}

// Failure is a failed run.
type Failure struct {
	Seed   uint64
	At     time.Duration
	Step   uint64
	Reason string
	Trace  []string // the last lines
}

// Error implements error.
func (f *Failure) Error() string {
	return fmt.Sprintf("seed %d, step %d, after %s: %s\nreplay: make sim SEED=%d N=1", f.Seed, f.Step, f.At, f.Reason, f.Seed)
}
