package sim

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"time"
)

// Errors of streams.
var (
	ErrStreamRefused = errors.New("connection refused")
	ErrStreamTimeout = errors.New("connection timed out")
	ErrStreamReset   = errors.New("connection reset")
)

const (
	dialTimeout   = time.Second // of a dial into a cut
	streamBuffer  = 64 << 10    // bytes under way that a sender need not wait for
	silentCrashes = 0.25        // crashes after which nobody is told that the connections are gone
)

// Stream is one side of a connection of bytes between two hosts, as TCP gives it: in order, nothing twice, and what is lost is always all
// the rest. A direction that is cut holds its bytes back until it is mended. Faults.Drop of a link is the chance, per Send, that the
// connection breaks there; Faults.Double and Reorder mean nothing to it.
type Stream struct {
	// Data is called with what arrives, in a step of the owner. End is called once when nothing more will: io.EOF if the other side has closed.
	Data func(b []byte)
	End  func(err error)

	net           *Net
	life          *Life
	local, remote string
	other         *Stream
	closed, ended bool
	broken        bool    // what is sent from now on is lost
	q             []chunk // under way to the other side, in order
	unread        int     // bytes of q
	last          int64
}

// chunk is one Send, or the end.
type chunk struct {
	b       []byte
	end     error
	arrived bool // held back by a cut
	then    func()
}

// Listen makes accept get the connections to an address of host, each in a step of l, until l crashes.
func (n *Net) Listen(l *Life, host, address string, accept func(s *Stream)) {
	if n.listeners == nil {
		n.listeners = map[string]*listener{}
	}
	n.listeners[address] = &listener{l, host, accept}
}

// Unlisten gives an address up.
func (n *Net) Unlisten(address string) { delete(n.listeners, address) }

type listener struct {
	life   *Life
	host   string
	accept func(s *Stream)
}

// Dial connects host to an address; done is called once, in a step of l.
func (n *Net) Dial(l *Life, host, address string, done func(s *Stream, err error)) {
	fail := func(d time.Duration, err error) { n.s.at(l, int64(d), evWork, func() { done(nil, err) }) }
	ln := n.listeners[address]
	if ln == nil || ln.life.dead {
		fail(n.delay(host, host), ErrStreamRefused)
		return
	}
	n.s.at(l, int64(n.delay(host, ln.host)), evWork, func() {
		if n.IsCut(host, ln.host) || n.IsCut(ln.host, host) {
			fail(dialTimeout, ErrStreamTimeout)
			return
		}
		if n.listeners[address] != ln || ln.life.dead {
			fail(0, ErrStreamRefused)
			return
		}
		a := &Stream{net: n, life: l, local: host, remote: ln.host}
		b := &Stream{net: n, life: ln.life, local: ln.host, remote: host, other: a}
		a.other = b
		n.sweepStreams()
		n.streams = append(n.streams, a, b)
		n.s.Trace.note(n.s.now, "net", host+" connects to "+address)
		n.s.at(ln.life, 0, evWork, func() { ln.accept(b) })
		n.s.at(l, int64(n.delay(ln.host, host)), evWork, func() { done(a, nil) })
	})
}

// delay is how long something takes from one host to another.
func (n *Net) delay(from, to string) time.Duration {
	f := n.faults(from, to)
	d := f.Min
	if f.Max > f.Min {
		d += time.Duration(n.s.Rand() % uint64(f.Max-f.Min))
	}
	return d
}

func (n *Net) faults(from, to string) *Faults {
	if f := n.link(from, to).faults; f != nil {
		return f
	}
	return &n.Faults
}

// Send sends b, which is copied. then, if it is not nil, is called in a later step when b has left: at once while little is under way, else
// when it arrives. It is not called when the connection ends before.
func (s *Stream) Send(b []byte, then func()) {
	if s.closed || s.ended || s.life.dead {
		return
	}
	f := s.net.faults(s.local, s.remote)
	s.net.s.stats.NetSent++
	if f.Drop > 0 && s.net.s.Chance(f.Drop) {
		s.net.s.stats.NetDropped++
		s.Break(ErrStreamReset)
		return
	}
	if then != nil && s.unread < streamBuffer {
		s.net.s.at(s.life, 0, evWork, then)
		then = nil
	}
	s.put(chunk{b: bytes.Clone(b), then: then})
}

// Remote is the host at the other end.
func (s *Stream) Remote() string { return s.remote }

// Close ends the connection: the other side reads what was sent before, and then the end.
func (s *Stream) Close() {
	if s.closed || s.ended {
		return
	}
	s.closed = true
	s.put(chunk{end: io.EOF})
}

// Break ends the connection for both sides; what is under way is lost.
func (s *Stream) Break(err error) {
	for _, x := range []*Stream{s, s.other} {
		x.q, x.unread, x.broken = nil, 0, true
		x.net.s.at(x.life, int64(x.net.delay(x.remote, x.local)), evWork, func() { x.finish(err) })
	}
}

func (s *Stream) put(c chunk) {
	if s.broken {
		return
	}
	n := s.net
	s.q = append(s.q, c)
	s.unread += len(c.b)
	at := max(n.s.now+int64(n.delay(s.local, s.remote)), s.last)
	s.last = at
	n.s.at(nil, at-n.s.now, evWork, s.arrive)
}

// arrive delivers the next chunk, unless the direction is cut.
func (s *Stream) arrive() {
	i := slices.IndexFunc(s.q, func(c chunk) bool { return !c.arrived })
	if i < 0 {
		return // lost with the connection
	}
	s.q[i].arrived = true
	s.flush()
}

// flush delivers what has arrived. It is called again when the direction is mended.
func (s *Stream) flush() {
	n := s.net
	for len(s.q) > 0 && s.q[0].arrived && !n.IsCut(s.local, s.remote) && !s.other.life.paused {
		c := s.q[0]
		s.q = s.q[1:]
		s.unread -= len(c.b)
		o := s.other
		if o.life.dead || o.ended {
			continue
		}
		n.s.Trace.net(n.s.now, s.local, s.remote, "streams", c.b)
		switch {
		case c.end != nil:
			n.s.exec(o.life, "end of stream", func() { o.finish(c.end) })
		case !o.closed && o.Data != nil:
			n.s.exec(o.life, "stream", func() { o.Data(c.b) })
		}
		if c.then != nil && !s.life.dead {
			n.s.exec(s.life, "stream", c.then)
		}
	}
}

func (s *Stream) finish(err error) {
	if s.ended {
		return
	}
	s.ended = true
	if !s.closed && s.End != nil && !s.life.dead {
		s.End(err)
	}
}

// streamsCrashed ends the connections of a life that has crashed: the kernel closes them, unless the machine died too.
func (n *Net) streamsCrashed(l *Life) {
	for address, ln := range n.listeners {
		if ln.life == l {
			delete(n.listeners, address)
		}
	}
	mine := func(s *Stream) bool { return s.life == l && !s.ended }
	silent := !n.s.calm && slices.ContainsFunc(n.streams, mine) && n.s.Chance(silentCrashes)
	for _, s := range n.streams {
		if !mine(s) {
			continue
		}
		s.ended = true
		if !silent && !s.closed {
			s.put(chunk{end: ErrStreamReset})
		}
	}
	n.sweepStreams()
}

// mended delivers what the cuts held back, and forgets connections that have ended.
func (n *Net) mended() {
	for _, s := range slices.Clone(n.streams) {
		s.flush()
	}
	n.sweepStreams()
}

func (n *Net) sweepStreams() {
	n.streams = slices.DeleteFunc(n.streams, func(s *Stream) bool {
		over := func(x *Stream) bool { return x.ended || x.closed || x.life.dead }
		return over(s) && over(s.other) && len(s.q) == 0
	})
}

// Reset breaks all connections of a host, as a firewall does that forgets them. New ones can be made at once.
func (n *Net) Reset(host string) {
	n.s.Trace.note(n.s.now, "net", "reset "+host)
	for _, s := range slices.Clone(n.streams) {
		if s.local == host && !s.broken {
			s.Break(ErrStreamReset)
		}
	}
}
