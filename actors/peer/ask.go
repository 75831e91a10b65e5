package peer

import (
	"troupe/actors/kit"
)

// ask sends an ask and remembers who waits.
func (l *link) ask(c kit.Context, m *Ask) {
	s := l.up
	switch {
	case s == nil:
		m.Reply(Answered{Ask: m, Reason: Unreachable})
		return
	case len(m.Head) > MaxControl:
		m.Reply(Answered{Ask: m, Reason: TooLarge})
		return
	case len(s.asks) >= maxAsks:
		m.Reply(Answered{Ask: m, Reason: Full})
		return
	}
	l.asks++
	id := l.asks
	a := &openAsk{ask: m}
	f := &outFrame{typ: frameAsk, kind: m.Kind, id: id, bytes: m.Head, ask: a}
	if !s.out[Control].push(f, f.size()) {
		l.count.lanes[Control].Dropped++
		m.Reply(Answered{Ask: m, Reason: Full})
		return
	}
	wait := m.Timeout
	if wait <= 0 {
		wait = DefaultTimeout
	}
	a.timer = c.After(c.Self(), wait, expired{id})
	s.asks[id] = a
	l.flush(c, s, Control)
}

// end gives the one answer.
func (a *openAsk) end(r Reason, head []byte) {
	if a.timer != nil {
		a.timer.Stop()
	}
	a.ask.Reply(Answered{Ask: a.ask, Reason: r, Head: head})
}

func (l *link) expired(m expired) {
	if l.up == nil {
		return
	}
	if a := l.up.asks[m.id]; a != nil {
		delete(l.up.asks, m.id)
		a.end(TimedOut, nil)
	}
}

// answered takes the other side's answer; one that comes too late has nobody who waits.
func (l *link) answered(s *session, f *frame) {
	a := s.asks[f.id]
	if a == nil {
		return
	}
	delete(s.asks, f.id)
	if f.typ == frameRefused {
		a.end(Refused, nil)
		return
	}
	a.end(OK, f.bytes)
}

// pose passes an ask of the other side on. If nobody can take it, that is the answer.
func (l *link) pose(c kit.Context, s *session, f *frame) {
	m := &Asked{Ask: kit.Ask{ReplyTo: c.Self()}, From: s.them.Identity, Kind: f.kind, Head: f.bytes, id: f.id, session: s.id}
	s.asked++
	if h := l.handler(f.kind); s.asked > maxAsks || h.to == nil || !h.to.TryTell(m) {
		l.count.lanes[Control].Undelivered++
		m.Refuse()
	}
}

// answer sends an answer back, if who asked is still there.
func (l *link) answer(c kit.Context, m Answer) {
	s := l.up
	if s == nil || s.id != m.session {
		return
	}
	s.asked--
	f := &outFrame{typ: frameAnswer, id: m.id, bytes: m.Head}
	o := &s.out[Control]
	if m.Reason != OK || len(m.Head) > MaxControl || !o.push(f, f.size()) {
		o.urge(&outFrame{typ: frameRefused, id: m.id})
	}
	l.flush(c, s, Control)
}
