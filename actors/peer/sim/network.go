package sim

import (
	"bufio"
	"bytes"
	"net"

	"troupe/actors/kit"
	kitsim "troupe/actors/kit/sim"
	"troupe/actors/peer"
)

// Network is a peer.Network of one simulated broker.
type Network struct {
	life    *kitsim.Life
	host    string
	address string
	backlog []*wire
	accept  func(w *wire, err error)
	closed  bool
}

var _ peer.Network = (*Network)(nil)

// New makes the network of one life of a host, which listens at an address.
func New(l *kitsim.Life, host, address string) *Network {
	n := &Network{life: l, host: host, address: address}
	l.Sim().Net.Listen(l, host, address, n.arrived)
	return n
}

func (n *Network) arrived(s *kitsim.Stream) {
	w := newWire(s)
	if n.accept == nil {
		n.backlog = append(n.backlog, w)
		return
	}
	f := n.accept
	n.accept = nil
	f(w, nil)
}

// Accept implements peer.Network.
func (n *Network) Accept(c kit.Context, done func(w peer.Wire, err error) any) {
	self := c.Self()
	n.accept = func(w *wire, err error) {
		if w == nil {
			tell(self, done(nil, err))
			return
		}
		tell(self, done(w, err))
	}
	switch {
	case n.closed:
		n.accept(nil, net.ErrClosed)
	case len(n.backlog) > 0:
		w := n.backlog[0]
		n.backlog = n.backlog[1:]
		n.arrived(w.s)
	}
}

// Dial implements peer.Network.
func (n *Network) Dial(c kit.Context, address string, done func(w peer.Wire, err error) any) {
	self := c.Self()
	n.life.Sim().Net.Dial(n.life, n.host, address, func(s *kitsim.Stream, err error) {
		if err != nil {
			tell(self, done(nil, err))
			return
		}
		tell(self, done(newWire(s), nil))
	})
}

// Close implements peer.Network.
func (n *Network) Close() {
	n.closed = true
	n.life.Sim().Net.Unlisten(n.address)
	if f := n.accept; f != nil {
		n.accept = nil
		f(nil, net.ErrClosed)
	}
}

func tell(to *kit.Ref, m any) {
	if m != nil {
		to.Tell(m)
	}
}

// wire is a peer.Wire.
type wire struct {
	s      *kitsim.Stream
	buf    []byte
	heard  uint64
	err    error // no more will come
	closed bool

	want    int
	reply   func(data []byte, err error) // of an Exchange
	reads   []func()                     // of Read
	written func(err error)              // of Write
}

func newWire(s *kitsim.Stream) *wire {
	w := &wire{s: s}
	s.Data = w.data
	s.End = w.end
	return w
}

func (w *wire) data(b []byte) {
	w.buf = append(w.buf, b...)
	w.heard += uint64(len(b))
	w.serve()
}

func (w *wire) end(err error) {
	w.err = err
	w.serve()
	if f := w.written; f != nil {
		w.written = nil
		f(err)
	}
}

// serve answers who waits for bytes that are here, or will never be.
func (w *wire) serve() {
	if f := w.reply; f != nil && (len(w.buf) >= w.want || w.err != nil) {
		w.reply = nil
		if len(w.buf) < w.want {
			f(nil, w.err)
			return
		}
		data := bytes.Clone(w.buf[:w.want])
		w.buf = w.buf[w.want:]
		f(data, nil)
	}
	for len(w.reads) > 0 && (w.whole() || w.err != nil) {
		f := w.reads[0]
		w.reads = w.reads[1:]
		f()
	}
}

func (w *wire) whole() bool { return len(w.buf) >= 4 && len(w.buf) >= peer.FrameSize(w.buf) }

// Exchange implements peer.Wire.
func (w *wire) Exchange(c kit.Context, b []byte, want int, done func(data []byte, err error) any) {
	self := c.Self()
	if len(b) > 0 {
		w.s.Send(b, nil)
	}
	w.want, w.reply = want, func(data []byte, err error) { tell(self, done(data, err)) }
	w.serve()
}

// Read implements peer.Wire.
func (w *wire) Read(c kit.Context, next func(src *bufio.Reader) any) {
	self := c.Self()
	w.reads = append(w.reads, func() {
		r := bytes.NewReader(w.buf)
		if !w.whole() {
			r = bytes.NewReader(nil) // the connection has ended in the middle of a frame, or between two
		}
		src := bufio.NewReaderSize(r, max(len(w.buf), 16))
		m := next(src)
		w.buf = w.buf[len(w.buf)-r.Len()-src.Buffered():]
		tell(self, m)
	})
	w.serve()
}

// Write implements peer.Wire.
func (w *wire) Write(c kit.Context, fill func() net.Buffers, done func(err error) any) {
	self := c.Self()
	if w.err != nil || w.closed {
		tell(self, done(net.ErrClosed))
		return
	}
	var b []byte
	for _, p := range fill() {
		b = append(b, p...)
	}
	w.written = func(err error) { tell(self, done(err)) }
	w.s.Send(b, func() {
		if f := w.written; f != nil {
			w.written = nil
			f(nil)
		}
	})
}

// Heard implements peer.Wire.
func (w *wire) Heard() uint64 { return w.heard }

// Remote implements peer.Wire.
func (w *wire) Remote() string { return w.s.Remote() }

// Close implements peer.Wire.
func (w *wire) Close() {
	if w.closed {
		return
	}
	w.closed = true
	w.s.Close()
	if w.err == nil {
		w.end(net.ErrClosed)
	}
}
