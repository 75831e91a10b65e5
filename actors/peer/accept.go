package peer

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"slices"
	"sync/atomic"
	"time"

	"troupe/actors/kit"
)

// Strangers counts who comes to the peer address. Safe for any goroutine.
type Strangers struct{ Accepted, Refused, Welcome atomic.Int64 }

// Metrics are the counts by name, for /metrics.
func (s *Strangers) Metrics() map[string]float64 {
	return map[string]float64{"peer_connections_total": float64(s.Accepted.Load()), "peer_connections_refused_total": float64(s.Refused.Load()),
		"peer_connections_welcome_total": float64(s.Welcome.Load())}
}

func (p *peers) accept(c kit.Context) {
	p.o.Network.Accept(c, func(w Wire, err error) any { return accepted{w, err} })
}

// accepted begins a handshake. When there are many already the oldest goes: an honest one takes a few round trips, so whoever floods the
// address or dawdles keeps out himself.
func (p *peers) accepted(c kit.Context, m accepted) {
	if m.err != nil {
		if !closed(m.err) { // out of file descriptors, mostly: it passes
			c.Log().Warn("cannot accept brokers", "reason", m.err)
			c.After(c.Self(), 100*time.Millisecond, again{})
		}
		return
	}
	p.o.Strangers.Accepted.Add(1)
	if len(p.strangers) >= maxStrangers {
		p.forget(p.strangers[0])
	}
	s := &stranger{wire: m.wire, hs: &handshake{me: hello{Identity: p.me, windows: p.o.Window}, secret: p.o.Secret, judge: p.judge}}
	p.strangers = append(p.strangers, s)
	b, want := s.hs.begin(nonce())
	p.exchange(c, s, b, want)
	p.beat(c)
	p.accept(c)
}

func (p *peers) exchange(c kit.Context, s *stranger, b []byte, want int) {
	s.wire.Exchange(c, b, want, func(data []byte, err error) any { return greeted{s, data, err} })
}

// judge decides on a stranger whose proof was right.
func (p *peers) judge(h hello) (verdict, string) {
	v, detail := p.me.judge(h)
	if v != welcome {
		return v, detail
	}
	if h.lane == laneVisit {
		if len(p.guests) >= maxGuests {
			return tooMany, ""
		}
		return welcome, ""
	}
	e := p.links[h.NodeID]
	switch {
	case e == nil && len(p.links) >= maxLinks:
		return tooMany, ""
	case e != nil && e.wanted && !e.want.takes(h):
		return wrongStore, ""
	}
	return welcome, ""
}

func (p *peers) greeted(c kit.Context, m greeted) {
	s := m.who
	if !slices.Contains(p.strangers, s) {
		return // it was in the way of others
	}
	switch {
	case m.err != nil:
		p.refuse(c, s, m.err)
	case s.them.session != 0: // the last step is written
		p.welcome(c, s)
	default:
		b, want, err := s.hs.next(m.data)
		if err != nil {
			p.said(c, s, err)
			p.lastWord(c, s, b)
			return
		}
		if want == 0 {
			s.them = s.hs.them
			s.them.session = max(s.them.session, 1)
		}
		p.exchange(c, s, b, want)
	}
}

// lastWord tells a stranger why it is refused, as far as that is any of its business.
func (p *peers) lastWord(c kit.Context, s *stranger, b []byte) {
	p.drop(s)
	if b == nil {
		s.wire.Close()
		return
	}
	s.wire.Exchange(c, b, 0, func([]byte, error) any { s.wire.Close(); return nil })
}

// refuse ends a handshake that fell silent or broke.
func (p *peers) refuse(c kit.Context, s *stranger, err error) {
	p.said(c, s, err)
	p.forget(s)
}

func (p *peers) forget(s *stranger) {
	p.drop(s)
	s.wire.Close()
}

func (p *peers) drop(s *stranger) {
	p.strangers = slices.DeleteFunc(p.strangers, func(x *stranger) bool { return x == s })
	p.o.Strangers.Refused.Add(1)
}

// said logs a refusal, once for each host and reason.
func (p *peers) said(c kit.Context, s *stranger, err error) {
	host := s.wire.Remote()
	if h, _, e := net.SplitHostPort(host); e == nil {
		host = h
	}
	text := host + " " + err.Error()
	if p.told[text] {
		return
	}
	if len(p.told) >= maxTold {
		clear(p.told)
	}
	p.told[text] = true
	args := []any{"from", host, "reason", err.Error()}
	level := slog.LevelWarn
	if errors.Is(err, io.EOF) { // two that dial each other at one moment give one connection up; and so do those who look whether the port is open
		level = slog.LevelDebug
	}
	if r, ok := err.(*refusal); ok {
		if r.who.NodeID != 0 {
			args = append(args, "node", r.who.NodeID)
		}
		if r.verdict == itself || r.verdict == noCluster { // it looks which of the seeds it is, or is a moment ahead of the other
			level = slog.LevelInfo
		}
	}
	c.Log().Log(context.Background(), level, "a connection to the peer address was refused", args...)
}

// welcome passes a connection on to the link of its node, or to a guest.
func (p *peers) welcome(c kit.Context, s *stranger) {
	p.strangers = slices.DeleteFunc(p.strangers, func(x *stranger) bool { return x == s })
	p.o.Strangers.Welcome.Add(1)
	if s.them.lane == laneVisit {
		p.host(c, s)
		return
	}
	e := p.links[s.them.NodeID]
	if e == nil {
		e = p.spawn(c, s.them.NodeID)
	}
	if e.ending {
		s.wire.Close()
		return
	}
	e.ref.Tell(joined{s.wire, s.them})
}
