package peer

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"sync/atomic"
	"time"

	"troupe/actors/kit"
)

// Deadlines of sockets. That the other side is alive is watched by pulses; these only keep goroutines from waiting for ever.
const (
	dialTimeout     = 2 * time.Second
	exchangeTimeout = 3 * time.Second // a step of the handshake
	writeStall      = 3 * time.Second // in which a write must move at least one byte
)

// Sockets are the real Network.
type Sockets struct {
	l        net.Listener
	tls      *tls.Config // nil: plain
	dial     DialFunc
	acceptor kit.Blocker // of the actor that accepts
}

// NewSockets takes a listener over. With tls, both sides show a certificate, and that of the one that is dialled must be for the host of its
// address.
func NewSockets(l net.Listener, tls *tls.Config) *Sockets {
	return &Sockets{l: l, tls: tls, dial: (&net.Dialer{}).DialContext}
}

// DialFunc connects to an address, as net.Dialer does.
type DialFunc func(ctx context.Context, network, address string) (net.Conn, error)

// DialWith replaces what connects to others. It must be called before the sockets are used.
func (s *Sockets) DialWith(dial DialFunc) { s.dial = dial }

// Accept implements Network.
func (s *Sockets) Accept(c kit.Context, done func(w Wire, err error) any) {
	if s.acceptor == nil {
		s.acceptor = c.Blocker(c.Self(), "accept")
	}
	s.acceptor.Do(func() any {
		nc, err := s.l.Accept()
		if err != nil {
			return done(nil, err)
		}
		if s.tls != nil {
			nc = tls.Server(nc, s.tls)
		}
		return done(newSocket(nc), nil)
	})
}

// Dial implements Network.
func (s *Sockets) Dial(c kit.Context, address string, done func(w Wire, err error) any) {
	b := c.Blocker(c.Self(), "dial")
	b.Do(func() any {
		ctx, cancel := context.WithTimeout(context.Background(), dialTimeout)
		defer cancel()
		nc, err := s.dial(ctx, "tcp", address)
		if err != nil {
			return done(nil, err)
		}
		if s.tls != nil {
			nc = tls.Client(nc, s.dialled(address))
		}
		return done(newSocket(nc), nil)
	})
	b.Close()
}

// dialled is the TLS of a connection to an address.
func (s *Sockets) dialled(address string) *tls.Config {
	conf := s.tls.Clone()
	if host, _, err := net.SplitHostPort(address); err == nil && conf.ServerName == "" {
		conf.ServerName = host
	}
	return conf
}

// Close implements Network.
func (s *Sockets) Close() {
	s.l.Close()
	if s.acceptor != nil {
		s.acceptor.Close()
	}
}

// socket is a Wire.
type socket struct {
	nc    net.Conn
	heard atomic.Uint64
	src   *bufio.Reader // the reader's own

	owner          *kit.Ref
	reader, writer kit.Blocker
}

func newSocket(nc net.Conn) *socket { return &socket{nc: nc} }

// own makes the blockers those of the actor that works with the wire now.
func (s *socket) own(c kit.Context) {
	if s.owner == c.Self() {
		return
	}
	s.disown()
	s.owner = c.Self()
	s.reader, s.writer = c.Blocker(s.owner, "read "+s.Remote()), c.Blocker(s.owner, "write "+s.Remote())
}

func (s *socket) disown() {
	if s.owner != nil {
		s.reader.Close()
		s.writer.Close()
	}
}

// Exchange implements Wire.
func (s *socket) Exchange(c kit.Context, b []byte, want int, done func(data []byte, err error) any) {
	s.own(c)
	s.reader.Do(func() any {
		s.nc.SetDeadline(c.Now().Add(exchangeTimeout))
		_, err := s.nc.Write(b)
		data := make([]byte, want)
		if err == nil {
			_, err = io.ReadFull(s.nc, data)
		}
		s.nc.SetDeadline(time.Time{})
		return done(data, err)
	})
}

// readAhead is the buffer of a connection: large parts go past it.
const readAhead = 16 << 10

// Read implements Wire.
func (s *socket) Read(c kit.Context, next func(src *bufio.Reader) any) {
	s.own(c)
	s.reader.Do(func() any {
		if s.src == nil {
			s.src = bufio.NewReaderSize(counted{s}, readAhead)
		}
		return next(s.src)
	})
}

// counted counts what is read.
type counted struct{ s *socket }

func (r counted) Read(b []byte) (int, error) {
	n, err := r.s.nc.Read(b)
	r.s.heard.Add(uint64(n))
	return n, err
}

// Write implements Wire.
func (s *socket) Write(c kit.Context, fill func() net.Buffers, done func(err error) any) {
	s.own(c)
	s.writer.Do(func() any { return done(s.write(c, fill())) })
}

// write goes on as long as the other side takes something now and then.
func (s *socket) write(c kit.Context, bufs net.Buffers) error {
	for {
		s.nc.SetWriteDeadline(c.Now().Add(writeStall))
		n, err := bufs.WriteTo(s.nc)
		if _, encrypted := s.nc.(*tls.Conn); encrypted || n == 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
			return err
		}
	}
}

// Heard implements Wire.
func (s *socket) Heard() uint64 { return s.heard.Load() }

// Remote implements Wire.
func (s *socket) Remote() string { return s.nc.RemoteAddr().String() }

// Close implements Wire.
func (s *socket) Close() {
	s.nc.Close()
	s.disown()
}
