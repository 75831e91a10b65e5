package dev

import (
	"context"
	"net"
	"os"
	"sync"
	"time"
)

// client stands for all clients where a node is named.
const client = 0

// gate says whose bytes are held. It is safe for any goroutine.
type gate struct {
	mu      sync.Mutex
	paused  map[int]bool
	cut     map[[2]int]bool // from, to
	changed chan struct{}   // closed with the next change
}

func newGate() *gate {
	return &gate{paused: map[int]bool{}, cut: map[[2]int]bool{}, changed: make(chan struct{})}
}

// change runs f, and wakes who waits.
func (g *gate) change(f func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	f()
	close(g.changed)
	g.changed = make(chan struct{})
}

// open says whether bytes go from one to another; if not, changed is closed when that may have become different.
func (g *gate) open(from, to int) (open bool, changed <-chan struct{}) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return !g.paused[from] && !g.paused[to] && !g.cut[[2]int{from, to}], g.changed
}

// dial connects node from to node to. While a packet of the handshake could not pass it waits, as it would for an answer.
func (g *gate) dial(ctx context.Context, from, to int, address string) (net.Conn, error) {
	for _, way := range [][2]int{{from, to}, {to, from}} {
		for {
			open, changed := g.open(way[0], way[1])
			if open {
				break
			}
			select {
			case <-changed:
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		}
	}
	nc, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	return newWire(nc, g, from, to), nil
}

// listener gives wires from clients to a node.
type listener struct {
	net.Listener
	gate *gate
	node int
}

// Accept implements net.Listener.
func (l listener) Accept() (net.Conn, error) {
	nc, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return newWire(nc, l.gate, l.node, client), nil
}

// wire is a connection whose bytes the gate may hold. Only one of its two ends is a wire: it holds both directions.
type wire struct {
	net.Conn
	gate      *gate
	here, far int

	once   sync.Once
	closed chan struct{}

	mu          sync.Mutex
	read, write time.Time // deadlines, zero: none
}

func newWire(nc net.Conn, g *gate, here, far int) *wire {
	return &wire{Conn: nc, gate: g, here: here, far: far, closed: make(chan struct{})}
}

// pass waits until bytes may go from one to another, at most until the deadline that was set when it began.
func (w *wire) pass(from, to int, deadline *time.Time) error {
	w.mu.Lock()
	end := *deadline
	w.mu.Unlock()
	var expired <-chan time.Time
	for {
		open, changed := w.gate.open(from, to)
		if open {
			return nil
		}
		if expired == nil && !end.IsZero() {
			t := time.NewTimer(time.Until(end))
			defer t.Stop()
			expired = t.C
		}
		select {
		case <-changed:
		case <-expired:
			return os.ErrDeadlineExceeded
		case <-w.closed:
			return net.ErrClosed
		}
	}
}

// Read implements net.Conn. Bytes that came while they were to be held are held here.
func (w *wire) Read(b []byte) (int, error) {
	n, err := w.Conn.Read(b)
	if n > 0 {
		if held := w.pass(w.far, w.here, &w.read); held != nil {
			w.Close() // n bytes are lost, so nothing must follow them
			return 0, held
		}
	}
	return n, err
}

// Write implements net.Conn.
func (w *wire) Write(b []byte) (int, error) {
	if err := w.pass(w.here, w.far, &w.write); err != nil {
		return 0, err
	}
	return w.Conn.Write(b)
}

// SetDeadline implements net.Conn.
func (w *wire) SetDeadline(t time.Time) error {
	w.note(t, &w.read, &w.write)
	return w.Conn.SetDeadline(t)
}

// SetReadDeadline implements net.Conn.
func (w *wire) SetReadDeadline(t time.Time) error {
	w.note(t, &w.read)
	return w.Conn.SetReadDeadline(t)
}

// SetWriteDeadline implements net.Conn.
func (w *wire) SetWriteDeadline(t time.Time) error {
	w.note(t, &w.write)
	return w.Conn.SetWriteDeadline(t)
}

func (w *wire) note(t time.Time, to ...*time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, p := range to {
		*p = t
	}
}

// Close implements net.Conn.
func (w *wire) Close() error {
	w.once.Do(func() { close(w.closed) })
	return w.Conn.Close()
}
