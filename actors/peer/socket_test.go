package peer

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net"
	"sync"
	"testing"
	"time"

	"troupe/actors/kit"
	"troupe/storage"
)

// host is one broker's links over real sockets, with one actor that gets all kinds.
type host struct {
	t    testing.TB
	sys  *kit.Troupe
	ref  *kit.Ref
	addr string
	o    Options
	log  lockedBuffer
	got  chan any // what the actor got, but Asked, which it echoes
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}
func (l *lockedBuffer) String() string { l.mu.Lock(); defer l.mu.Unlock(); return l.b.String() }

type upper struct{ h *host }

func (u upper) Receive(_ kit.Context, m any) {
	switch m := m.(type) {
	case kit.Started, kit.Stopping:
	case *Asked:
		m.Reply(Answer{Asked: m, Head: append([]byte("echo "), m.Head...)})
	default:
		u.h.got <- m
	}
}

const testCluster = "aaaaaaaaaaaaaaaaaaaaaa"

func storeOf(node int32) [16]byte { return [16]byte{15: byte(node)} }

// newHost starts node's links. change may adapt the options.
func newHost(t testing.TB, node int32, change func(o *Options)) *host {
	t.Helper()
	return newHostAt(t, node, "127.0.0.1:0", nil, change)
}

func newHostAt(t testing.TB, node int32, address string, conf *tls.Config, change func(o *Options)) *host {
	t.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	h := &host{t: t, addr: l.Addr().String(), got: make(chan any, 1<<16)}
	h.sys = kit.New(slog.New(slog.NewTextHandler(&h.log, nil)), 4)
	h.o = Options{Me: Identity{ClusterID: testCluster, NodeID: node, StoreID: storeOf(node), Incarnation: 1, Address: h.addr},
		Network: NewSockets(l, conf), Board: &Board{}, Strangers: &Strangers{}}
	if change != nil {
		change(&h.o)
	}
	h.ref = Spawn(h.sys, h.o)
	to := h.sys.Spawn("upper", upper{h}, kit.Options{Limit: 1 << 20})
	for k := KindRaft; k < kinds; k++ {
		h.ref.Tell(Register{Kind: k, To: to, Guests: k == KindBootstrap})
	}
	t.Cleanup(h.stop)
	return h
}

func (h *host) stop() {
	if h.sys == nil {
		return
	}
	done := make(chan struct{})
	go func() {
		for _, a := range h.sys.Actors() {
			if r := h.sys.Lookup(a.Name); r != nil {
				kit.Await[bool](h.sys, 5*time.Second, func(to *kit.Ref) { h.sys.Stop(r, to, true) })
			}
		}
		close(done)
	}()
	for {
		select {
		case <-h.got:
		case <-done:
			h.sys.Close()
			h.sys = nil
			return
		}
	}
}

// next waits for a message of type T, passing over others.
func next[T any](h *host) T {
	h.t.Helper()
	limit := time.After(10 * time.Second)
	for {
		select {
		case m := <-h.got:
			if x, ok := m.(T); ok {
				return x
			}
		case <-limit:
			h.t.Fatalf("no %T in time; board: %+v\n%s", *new(T), h.o.Board.Links(), h.log.String())
		}
	}
}

func (h *host) link(o *host) { h.ref.Tell(Link{Node: o.o.Me.NodeID, Address: o.addr}) }

func (h *host) ask(to int32, text string) Answered {
	a, ok := kit.Await[Answered](h.sys, 10*time.Second, func(r *kit.Ref) {
		h.ref.Tell(&Ask{Ask: kit.Ask{ReplyTo: r}, To: to, Kind: KindProposal, Head: []byte(text)})
	})
	if !ok {
		h.t.Fatal("an ask has no answer")
	}
	return a
}

// eventually waits until f holds.
func eventually(t testing.TB, what string, f func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !f(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not in time: %s", what)
		}
	}
}

// slabs is a message of parts, each in a slab.
func slabs(to int32, lane Lane, sizes ...int) *Send {
	m := &Send{To: to, Lane: lane, Kind: KindReplication, Head: []byte("head")}
	for i, n := range sizes {
		s := storage.NewSlab(n + storage.SlabOverhead)
		k, _ := s.Add(n)
		for j := range s.Batch(k) {
			s.Batch(k)[j] = byte(i + j)
		}
		m.Parts = append(m.Parts, Part{s.Batch(k), s})
	}
	return m
}

func checkSlabs(t *testing.T, m *Received, sizes ...int) {
	t.Helper()
	if string(m.Head) != "head" || m.Slab.Len() != len(sizes) {
		t.Fatalf("head %q, %d parts", m.Head, m.Slab.Len())
	}
	for i, n := range sizes {
		b := m.Slab.Batch(i)
		if len(b) != n {
			t.Fatalf("part %d has %d bytes, not %d", i, len(b), n)
		}
		for j := range b {
			if b[j] != byte(i+j) {
				t.Fatalf("part %d differs at %d", i, j)
			}
		}
	}
}

func noSlabsLeft(t *testing.T) {
	t.Helper()
	before := storage.SlabsLive()
	t.Cleanup(func() {
		eventually(t, "slabs are given back", func() bool { return storage.SlabsLive() == before })
	})
}

func TestTwoBrokers(t *testing.T) {
	storage.PoisonSlabs(true)
	noSlabsLeft(t)
	secret := func(o *Options) { o.Secret = []byte("hush") }
	a, b := newHost(t, 1, secret), newHost(t, 2, secret)
	a.link(b)
	b.link(a)
	ua, ub := next[Up](a), next[Up](b)
	if ua.Node != 2 || ub.Node != 1 || ua.Session != ub.Session || ua.StoreID != storeOf(2) {
		t.Fatalf("up %+v and %+v", ua, ub)
	}
	for i := range 50 {
		text := fmt.Sprint("question ", i)
		if r := a.ask(2, text); r.Reason != OK || string(r.Head) != "echo "+text {
			t.Fatalf("answered %s %q", r.Reason, r.Head)
		}
	}
	a.ref.Tell(&Send{To: 2, Lane: Control, Kind: KindRaft, Head: []byte("vote")})
	if m := next[*Received](b); string(m.Head) != "vote" || m.From != 1 || m.Kind != KindRaft || m.Incarnation != 1 {
		t.Fatalf("received %+v", m)
	}
	for _, lane := range []Lane{Append, Bulk} {
		for _, sizes := range [][]int{{1}, {0, 5}, {100_000}, {3000, 70_000, 20, 1 << 20}, {9 << 20}} {
			ua.Link.Tell(slabs(2, lane, sizes...))
			m := next[*Received](b)
			checkSlabs(t, m, sizes...)
			m.Done()
			m.Done() // harmless
		}
	}
	eventually(t, "all credit is back", func() bool {
		s, _ := a.o.Board.Link(2)
		return s.Lanes[Append].Credit == uint64(defaultWindow[Append]) && s.Lanes[Append].Queued == 0 && s.RTT > 0
	})
	b.stop()
	if d := next[Down](a); d.Session != ua.Session {
		t.Fatalf("down %+v", d)
	}
	if r := a.ask(2, "anybody?"); r.Reason != Unreachable {
		t.Fatalf("answered %s by nobody", r.Reason)
	}
}

// Who comes back is up again soon, at another address too.
func TestReconnect(t *testing.T) {
	a, b := newHost(t, 1, nil), newHost(t, 2, nil)
	a.link(b)
	next[Up](a)
	for i := range 3 {
		b.stop()
		next[Down](a)
		b = newHost(t, 2, func(o *Options) { o.Me.Incarnation = uint64(2 + i) })
		b.link(a) // it knows where we are, we do not know where it is now
		if u := next[Up](a); u.Incarnation != uint64(2+i) {
			t.Fatalf("up %+v", u)
		}
	}
	if r := a.ask(2, "x"); r.Reason != OK {
		t.Fatal(r.Reason)
	}
}

// Both dial at the same moment, again and again: there is always one session, the same for both.
func TestBothDial(t *testing.T) {
	for range 20 {
		a, b := newHost(t, 1, nil), newHost(t, 2, nil)
		a.link(b)
		b.link(a)
		if ua, ub := next[Up](a), next[Up](b); ua.Session != ub.Session {
			t.Fatalf("sessions %x and %x", ua.Session, ub.Session)
		}
		if r := a.ask(2, "x"); r.Reason != OK {
			t.Fatal(r.Reason)
		}
		if r := b.ask(1, "x"); r.Reason != OK {
			t.Fatal(r.Reason)
		}
		a.stop()
		b.stop()
	}
}

func (h *host) visit(address string, kind Kind) Visited {
	v, ok := kit.Await[Visited](h.sys, 10*time.Second, func(r *kit.Ref) {
		h.ref.Tell(&Visit{Ask: kit.Ask{ReplyTo: r}, Address: address, Kind: kind, Head: []byte("who are you?"), Timeout: 3 * time.Second})
	})
	if !ok {
		h.t.Fatal("a visit has no answer")
	}
	return v
}

func TestVisits(t *testing.T) {
	a := newHost(t, 1, nil)
	newcomer := newHost(t, 0, func(o *Options) { o.Me = Identity{StoreID: storeOf(9)} })
	if v := newcomer.visit(a.addr, KindBootstrap); v.Reason != OK || string(v.Head) != "echo who are you?" || v.Who.NodeID != 1 || v.Who.ClusterID != testCluster {
		t.Fatalf("visited %s %q %+v", v.Reason, v.Head, v.Who)
	}
	if v := newcomer.visit(a.addr, KindProposal); v.Reason != Refused {
		t.Fatalf("a visitor proposed: %s", v.Reason)
	}
	if v := a.visit(a.addr, KindBootstrap); v.Reason != Refused || v.Who.StoreID != storeOf(1) {
		t.Fatalf("visited itself: %+v", v)
	}
	l, _ := net.Listen("tcp", "127.0.0.1:0")
	l.Close()
	if v := newcomer.visit(l.Addr().String(), KindBootstrap); v.Reason != Unreachable || v.Text == "" {
		t.Fatalf("visited nobody: %+v", v)
	}
	mute, _ := net.Listen("tcp", "127.0.0.1:0")
	defer mute.Close()
	if v := newcomer.visit(mute.Addr().String(), KindBootstrap); v.Reason != Unreachable {
		t.Fatalf("visited one who says nothing: %+v", v)
	}
	stranger := newHost(t, 3, func(o *Options) { o.Me.ClusterID = "bbbbbbbbbbbbbbbbbbbbbb" })
	if v := stranger.visit(a.addr, KindBootstrap); v.Reason != Refused || v.Who.NodeID != 1 {
		t.Fatalf("visited another cluster: %+v", v)
	}
}

var _ io.Writer = (*lockedBuffer)(nil)
