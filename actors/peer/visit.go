package peer

import (
	"bufio"
	"net"
	"strconv"
	"time"

	"troupe/actors/kit"
)

// maxVisit bounds what a visitor asks, and what it is told, in bytes.
const maxVisit = 1 << 20

// visit is the actor of one question to whoever is at an address, over a connection of its own.
type visit struct {
	o    *Options
	me   Identity
	ask  *Visit
	wire Wire
	hs   *handshake
	sent bool
}

func (p *peers) visit(c kit.Context, m *Visit) {
	if len(p.visits) >= maxVisits {
		m.Reply(Visited{Visit: m, Reason: Full, Text: "too many visits at a time"})
		return
	}
	if len(m.Head) > maxVisit {
		m.Reply(Visited{Visit: m, Reason: TooLarge})
		return
	}
	p.last++
	r := c.Spawn("peer/visit-"+strconv.FormatUint(p.last, 10), &visit{o: p.o, me: p.me, ask: m}, kit.Options{Kind: "peer"})
	p.visits[r] = true
}

// Receive implements kit.Actor.
func (v *visit) Receive(c kit.Context, m any) {
	switch m := m.(type) {
	case kit.Started:
		v.start(c)
	case told:
		v.told(c, m)
	case wroteVisit:
		if m.err != nil {
			v.end(c, Lost, cause(m.err), nil)
		}
	case expired:
		v.expired(c)
	case *kit.Inspect:
		m.Reply(kit.Inspected{Inspect: m, State: "visiting", Fields: []kit.Field{{Name: "address", Value: v.ask.Address}}})
	case kit.Stopping:
		v.stop(c)
	}
}

func (v *visit) start(c kit.Context) {
	wait := v.ask.Timeout
	if wait <= 0 {
		wait = DefaultTimeout
	}
	c.After(c.Self(), wait, expired{})
	v.o.Network.Dial(c, v.ask.Address, func(w Wire, err error) any { return told{wire: w, err: err} })
}

func (v *visit) told(c kit.Context, m told) {
	switch {
	case v.ask == nil:
		m.Refuse()
	case v.wire == nil && m.err != nil:
		v.end(c, Unreachable, cause(m.err), nil)
	case v.wire == nil:
		v.wire = m.wire
		v.hs = &handshake{dialler: true, me: hello{Identity: v.me, lane: laneVisit, session: 1}, secret: v.o.Secret, judge: v.me.judge}
		b, want := v.hs.begin(nonce())
		v.exchange(c, b, want)
	case m.err != nil && !v.sent:
		v.end(c, Unreachable, "handshake: "+cause(m.err), nil)
	case m.err != nil:
		v.end(c, Lost, cause(m.err), nil)
	case v.sent:
		v.answered(c, m.frames[0])
	default:
		v.shook(c, m.data)
	}
}

func (v *visit) exchange(c kit.Context, b []byte, want int) {
	w := v.wire
	w.Exchange(c, b, want, func(data []byte, err error) any { return told{data: data, err: err} })
}

func (v *visit) shook(c kit.Context, data []byte) {
	b, want, err := v.hs.next(data)
	if err != nil {
		v.end(c, Refused, err.Error(), nil)
		return
	}
	if want > 0 {
		v.exchange(c, b, want)
		return
	}
	v.sent = true
	writeFrame(c, v.wire, &outFrame{typ: frameAsk, kind: v.ask.Kind, id: 1, bytes: v.ask.Head})
	readFrame(c, v.wire)
}

func (v *visit) answered(c kit.Context, f frame) {
	switch f.typ {
	case frameAnswer:
		v.end(c, OK, "", f.bytes)
	default:
		v.end(c, Refused, "nobody there answers such an ask", nil)
	}
}

func (v *visit) expired(c kit.Context) {
	if v.sent {
		v.end(c, TimedOut, "no answer", nil)
		return
	}
	v.end(c, Unreachable, "no connection in time", nil)
}

// end answers, once, and ends the actor.
func (v *visit) end(c kit.Context, r Reason, text string, head []byte) {
	if v.ask == nil {
		return
	}
	ask := v.ask
	v.ask = nil
	a := Visited{Visit: ask, Reason: r, Text: text, Head: head}
	if v.hs != nil {
		a.Who = v.hs.them.Identity
	}
	ask.Reply(a)
	c.Stop(c.Self(), c.Lookup(Name), left{c.Self()})
}

func (v *visit) stop(kit.Context) {
	if v.wire != nil {
		v.wire.Close()
	}
	if v.ask != nil {
		v.ask.Refuse()
	}
}

// wroteVisit says that the one frame of a visit or a guest is on the socket, or never will be.
type wroteVisit struct{ err error }

func writeFrame(c kit.Context, w Wire, f *outFrame) {
	b := &batch{frames: []*outFrame{f}}
	w.Write(c, func() net.Buffers { return b.fill(Control) }, func(err error) any { return wroteVisit{err} })
}

func readFrame(c kit.Context, w Wire) {
	r := &frameReader{lane: Control, max: maxVisit}
	w.Read(c, func(src *bufio.Reader) any {
		f, err := r.frame(src)
		return told{frames: []frame{f}, err: err}
	})
}

// guest is the actor of one visitor here.
type guest struct {
	who   Identity
	wire  Wire
	kinds [kinds]handler
	asked bool
	ended bool
}

// guestTimeout bounds a visit at the visited side.
const guestTimeout = 30 * time.Second

// host lets a visitor ask its question.
func (p *peers) host(c kit.Context, s *stranger) {
	p.last++
	g := &guest{who: s.them.Identity, wire: s.wire, kinds: p.kinds}
	p.guests[c.Spawn("peer/guest-"+strconv.FormatUint(p.last, 10), g, kit.Options{Kind: "peer"})] = true
}

// Receive implements kit.Actor.
func (g *guest) Receive(c kit.Context, m any) {
	switch m := m.(type) {
	case kit.Started:
		c.After(c.Self(), guestTimeout, expired{})
		readFrame(c, g.wire)
	case told:
		g.told(c, m)
	case Answer:
		g.answer(c, m)
	case wroteVisit, expired:
		g.end(c)
	case *kit.Inspect:
		m.Reply(kit.Inspected{Inspect: m, State: "visited", Fields: []kit.Field{{Name: "remote", Value: g.wire.Remote()}, {Name: "asked", Value: g.asked}}})
	case kit.Stopping:
		g.wire.Close()
	}
}

// told passes the visitor's ask on, if who gets such asks takes them from visitors.
func (g *guest) told(c kit.Context, m told) {
	if m.err != nil || m.frames[0].typ != frameAsk {
		g.end(c)
		return
	}
	f := m.frames[0]
	g.asked = true
	a := &Asked{Ask: kit.Ask{ReplyTo: c.Self()}, From: g.who, Guest: true, Kind: f.kind, Head: f.bytes, id: f.id}
	if f.kind >= kinds || !g.kinds[f.kind].guests || !g.kinds[f.kind].to.TryTell(a) {
		a.Refuse()
	}
}

func (g *guest) answer(c kit.Context, m Answer) {
	f := &outFrame{typ: frameAnswer, id: m.id, bytes: m.Head}
	if m.Reason != OK || len(m.Head) > maxVisit {
		f = &outFrame{typ: frameRefused, id: m.id}
	}
	writeFrame(c, g.wire, f)
}

func (g *guest) end(c kit.Context) {
	if !g.ended {
		g.ended = true
		c.Stop(c.Self(), c.Lookup(Name), left{c.Self()})
	}
}
