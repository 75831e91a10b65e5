package peer

import (
	"bytes"
	"net"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// between is a wire that a test can freeze, spoil or close: connections to its address go on to a host.
type between struct {
	l      net.Listener
	mu     sync.Mutex
	frozen bool
	spoil  func(b []byte) // called with each piece on its way to the host
	conns  []net.Conn
	count  atomic.Int64
}

func newBetween(t *testing.T, to string) *between {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	x := &between{l: l}
	t.Cleanup(func() { l.Close(); x.set(func() { x.frozen = false }); x.cut() })
	go func() {
		for {
			a, err := l.Accept()
			if err != nil {
				return
			}
			x.count.Add(1)
			if to == "" {
				a.Close()
				continue
			}
			b, err := net.Dial("tcp", to)
			if err != nil {
				a.Close()
				continue
			}
			x.set(func() { x.conns = append(x.conns, a, b) })
			go x.carry(a, b, true)
			go x.carry(b, a, false)
		}
	}()
	return x
}

func (x *between) set(f func()) { x.mu.Lock(); f(); x.mu.Unlock() }

func (x *between) cut() {
	x.set(func() {
		for _, c := range x.conns {
			c.Close()
		}
		x.conns = nil
	})
}

func (x *between) carry(from, to net.Conn, there bool) {
	defer from.Close()
	defer to.Close()
	b := make([]byte, 32<<10)
	for {
		n, err := from.Read(b)
		if err != nil {
			return
		}
		for frozen := true; frozen; {
			x.set(func() {
				if frozen = x.frozen; !frozen && there && x.spoil != nil {
					x.spoil(b[:n])
				}
			})
			if frozen {
				time.Sleep(time.Millisecond)
			}
		}
		if _, err := to.Write(b[:n]); err != nil {
			return
		}
	}
}

func (x *between) addr() string { return x.l.Addr().String() }

func quick(o *Options) { o.Pulse = 40 * time.Millisecond }

// nowhere keeps a host from being dialled at its own address: only through what is between.
func nowhere(o *Options) { quick(o); o.Me.Address = "" }

// A connection over which nothing comes any more is found out, though nobody closes it.
func TestHalfOpen(t *testing.T) {
	a, b := newHost(t, 1, nowhere), newHost(t, 2, nowhere)
	x := newBetween(t, b.addr)
	a.ref.Tell(Link{Node: 2, Address: x.addr()})
	next[Up](a)
	next[Up](b)
	began := time.Now()
	x.set(func() { x.frozen = true })
	da, db := next[Down](a), next[Down](b)
	if took := time.Since(began); took < 100*time.Millisecond || took > 5*time.Second {
		t.Errorf("found out after %s", took)
	}
	if !strings.Contains(da.Reason, "silent") && !strings.Contains(db.Reason, "silent") {
		t.Errorf("down: %q and %q", da.Reason, db.Reason)
	}
	if r := a.ask(2, "x"); r.Reason != Unreachable {
		t.Errorf("asked: %s", r.Reason)
	}
	if s := a.o.Board.Awaiting(2, time.Now()); !strings.HasPrefix(s, "link n2: reconnecting since ") {
		t.Errorf("awaiting %q", s)
	}
	x.set(func() { x.frozen = false })
	next[Up](a)
	next[Up](b)
}

// A byte that changes on the way ends the session, and nobody gets to see what it was in.
func TestDamageOnTheWay(t *testing.T) {
	a, b := newHost(t, 1, nowhere), newHost(t, 2, nowhere)
	x := newBetween(t, b.addr)
	a.ref.Tell(Link{Node: 2, Address: x.addr()})
	up := next[Up](a)
	x.set(func() {
		x.spoil = func(p []byte) {
			if i := bytes.Index(p, []byte("precious")); i >= 0 {
				p[i] = 'P'
				x.spoil = nil
			}
		}
	})
	up.Link.Tell(&Send{To: 2, Lane: Append, Kind: KindReplication, Head: []byte("precious")})
	if d := next[Down](b); !strings.Contains(d.Reason, errCRC.Error()) {
		t.Errorf("down: %s", d.Reason)
	}
	next[Down](a)
	next[Up](a).Link.Tell(&Send{To: 2, Lane: Append, Kind: KindReplication, Head: []byte("precious")})
	if m := next[*Received](b); string(m.Head) != "precious" {
		t.Errorf("received %q", m.Head)
	}
}

// Whoever says nothing, or nonsense, keeps nobody out and costs little.
func TestFloodOfStrangers(t *testing.T) {
	a, b := newHost(t, 1, nil), newHost(t, 2, nil)
	before := runtime.NumGoroutine()
	var silent []net.Conn
	for i := range 400 {
		c, err := net.Dial("tcp", b.addr)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if i%2 == 0 {
			c.Write([]byte("Troupe/p")) // a greeting that never ends
		}
		silent = append(silent, c)
	}
	a.link(b)
	next[Up](a)
	if n := runtime.NumGoroutine() - before; n > 3*maxStrangers {
		t.Errorf("%d goroutines for strangers", n)
	}
	for range 100 {
		c, err := net.Dial("tcp", b.addr)
		if err != nil {
			t.Fatal(err)
		}
		c.Write(bytes.Repeat([]byte{0xff}, 1000))
		c.Close()
	}
	for _, c := range silent {
		c.SetReadDeadline(time.Now().Add(10 * time.Second))
		if _, err := c.Read(make([]byte, 1)); err == nil || isTimeout(err) {
			t.Fatalf("a stranger who dawdles is still there: %v", err)
		}
	}
	if r := a.ask(2, "x"); r.Reason != OK {
		t.Errorf("asked: %s", r.Reason)
	}
	eventually(t, "all are counted", func() bool { return b.o.Strangers.Refused.Load() == 500 })
	if n := strings.Count(b.log.String(), "was refused"); n == 0 || n > 6 {
		t.Errorf("%d lines of log for 500 strangers", n)
	}
}

func isTimeout(err error) bool {
	n, ok := err.(net.Error)
	return ok && n.Timeout()
}

// Refusals are told at both sides, once however often they happen.
func TestRefusalsAreLoggedOnce(t *testing.T) {
	f := func(change func(o *Options), here, there string) {
		t.Helper()
		a, b := newHost(t, 1, func(o *Options) { o.Secret = []byte("one secret") }), newHost(t, 2, func(o *Options) { o.Secret = []byte("one secret"); change(o) })
		a.ref.Tell(Link{Node: 2, Address: b.addr})
		eventually(t, "it was tried again", func() bool { return b.o.Strangers.Accepted.Load() > 9 })
		if n := strings.Count(a.log.String(), here); n != 1 {
			t.Errorf("%d times %q here:\n%s", n, here, a.log.String())
		}
		if n := strings.Count(b.log.String(), there); n != 1 {
			t.Errorf("%d times %q there:\n%s", n, there, b.log.String())
		}
		if b.o.Strangers.Welcome.Load() > 0 {
			t.Error("somebody was welcome")
		}
		a.stop()
		b.stop()
	}
	f(func(o *Options) { o.Secret = []byte("another") }, "refused by them, unproven: the peer secrets differ", "refused: the peer secrets differ")
	f(func(o *Options) { o.Secret = nil }, "refused by them, unproven: the peer secrets differ", "refused: the peer secrets differ")
	f(func(o *Options) { o.Me.ClusterID = "bbbbbbbbbbbbbbbbbbbbbb" }, "it belongs to another cluster", "it belongs to another cluster")
	f(func(o *Options) { o.Me.StoreID = storeOf(1) }, "it is this broker itself", "it is this broker itself")
	f(func(o *Options) { o.Me.NodeID = 1 }, "the same node id", "the same node id")
}

// Who closes every connection at once is not dialled without end.
func TestReconnectStorm(t *testing.T) {
	x := newBetween(t, "")
	a := newHost(t, 1, quick)
	a.ref.Tell(Link{Node: 2, Address: x.addr()})
	time.Sleep(1500 * time.Millisecond)
	if n := x.count.Load(); n < 6 || n > 60 {
		t.Errorf("%d connections in 1.5 s", n)
	}
}

// What is not used up stops its lane at the window, and no other lane. Who found the lane full is told when there is room.
func TestCredit(t *testing.T) {
	noSlabsLeft(t)
	small := func(o *Options) {
		o.Window, o.Queue = [lanes]uint32{Append: 1 << 20, Bulk: 1 << 20}, [lanes]int{Append: 2 << 20, Bulk: 2 << 20}
	}
	a, b := newHost(t, 1, small), newHost(t, 2, small)
	a.link(b)
	up := next[Up](a)
	to := a.sys.Lookup("upper")
	const size, sent = 100_000, 40
	for i := range sent {
		m := slabs(2, Bulk, size)
		m.From, m.Slot = to, uint64(i)
		up.Link.Tell(m)
	}
	var held []*Received
	for len(held) < 10 {
		held = append(held, next[*Received](b))
	}
	time.Sleep(100 * time.Millisecond)
	if n := len(b.got); n > 0 {
		t.Fatalf("%d more frames of %d bytes than a window of %d takes", n, size, 1<<20)
	}
	if r := a.ask(2, "x"); r.Reason != OK {
		t.Errorf("bulk holds control up: %s", r.Reason)
	}
	up.Link.Tell(slabs(2, Append, size))
	if m := next[*Received](b); m.Lane != Append {
		t.Errorf("received on %s", m.Lane)
	} else {
		m.Done()
	}
	for _, m := range held {
		checkSlabs(t, m, size)
		m.Done()
	}
	received, dropped, owed := len(held), 0, false
	for received+dropped < sent || owed {
		select {
		case m := <-b.got:
			checkSlabs(t, m.(*Received), size)
			m.(*Received).Done()
			received++
		case m := <-a.got:
			switch m := m.(type) {
			case Dropped:
				if dropped++; m.Reason != Full || m.Lane != Bulk {
					t.Errorf("dropped %+v", m)
				}
				owed = true
			case Drained: // once for each time that the lane was full
				if !owed {
					t.Error("told of room twice")
				}
				owed = false
			}
		case <-time.After(10 * time.Second):
			t.Fatalf("%d received and %d dropped of %d, of room yet to be told: %v", received, dropped, sent, owed)
		}
	}
	if dropped == 0 || received < 20 {
		t.Errorf("%d received and %d dropped of %d", received, dropped, sent)
	}
	up.Link.Tell(slabs(2, Bulk, 3<<20)) // larger than the window: it goes when nothing else is under way
	m := next[*Received](b)
	checkSlabs(t, m, 3<<20)
	m.Done()
}
