package sim

import (
	"time"

	"troupe/actors/kit"
)

// Probe is a fake neighbour: it keeps what it is told, and answers if On says how.
type Probe struct {
	// On is called with each message, in a later step of its own.
	On func(m any)
	// Got is what was told since the last Take.
	Got []any

	s   *Sim
	ref *kit.Ref
}

// Probe makes a fake neighbour. It belongs to the test, and outlives every crash.
func (s *Sim) Probe(name string) *Probe {
	p := &Probe{s: s}
	p.ref = kit.NewRef(name, p)
	return p
}

// Ref is the probe's address.
func (p *Probe) Ref() *kit.Ref { return p.ref }

// Take is what was told since the last Take.
func (p *Probe) Take() []any {
	got := p.Got
	p.Got = nil
	return got
}

// Post implements kit.Box.
func (p *Probe) Post(m any) bool {
	s := p.s
	if s.cur != nil && s.cur.dead {
		s.stats.LostMessages++
		return true
	}
	s.asks.told(m, nil, p.ref, s.now)
	s.Trace.told(s.now, p.ref.Name(), m)
	p.Got = append(p.Got, m)
	switch {
	case s.hearing != nil:
		s.hearing.Told(p.ref.Name(), m)
	case s.say != nil:
		s.say(p.ref.Name() + " <- " + Format(m))
	}
	if p.On != nil {
		s.at(nil, s.delay(), evWork, func() { p.On(m) })
	}
	return true
}

// TryPost implements kit.Box.
func (p *Probe) TryPost(m any) bool { return p.Post(m) }

// Depth implements kit.Box.
func (p *Probe) Depth() int { return len(p.Got) }

// Last is the newest message of type T that a probe got since its last Take.
func Last[T any](p *Probe) (x T, ok bool) {
	for _, m := range p.Got {
		if t, is := m.(T); is {
			x, ok = t, true
		}
	}
	return x, ok
}

// Ask tells an ask and runs the simulation until its answer has arrived, at most for limit.
func Ask[T any](s *Sim, limit time.Duration, send func(replyTo *kit.Ref)) (x T, ok bool) {
	p := s.Probe("ask")
	send(p.ref)
	s.RunUntil(limit, func() bool { x, ok = Last[T](p); return ok })
	return x, ok
}
