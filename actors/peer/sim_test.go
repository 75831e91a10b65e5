package peer_test

import (
	"encoding/binary"
	"fmt"
	"testing"
	"time"

	"troupe/actors/kit"
	kitsim "troupe/actors/kit/sim"
	"troupe/actors/peer"
	peersim "troupe/actors/peer/sim"
	"troupe/storage"
)

const cluster = "aaaaaaaaaaaaaaaaaaaaaa"

// world is three brokers that only have links, under faults.
type world struct {
	t     *testing.T
	s     *kitsim.Sim
	nodes []*broker

	ups, dropped, received, answers, maybe, full int
}

// broker is one node: its links and one actor that sends, asks and checks.
type broker struct {
	w     *world
	id    int32
	node  *kitsim.Node
	run   uint64
	board *peer.Board
	upper *upper
}

// upper gets everything and checks the promises of package peer.
type upper struct {
	b       *broker
	peers   *kit.Ref
	up      map[int32]uint64 // session
	in      map[stream]uint64
	out     map[stream]uint64
	open    map[uint64]bool // asks without an answer, by slot
	asked   uint64
	slow    []*peer.Received // not done with
	late    []*peer.Asked    // answered much later
	sentTo  uint64
	reasons map[peer.Reason]int
}

// stream is one lane of one session.
type stream struct {
	node    int32
	session uint64
	lane    peer.Lane
}

func address(node int32) string { return fmt.Sprintf("n%d:9093", node) }

func newWorld(t *testing.T, s *kitsim.Sim) *world {
	w := &world{t: t, s: s}
	s.Net.Faults = kitsim.Faults{Min: 50 * time.Microsecond, Max: time.Millisecond}
	for id := int32(1); id <= 3; id++ {
		b := &broker{w: w, id: id}
		w.nodes = append(w.nodes, b)
		b.node = s.Node(fmt.Sprintf("n%d", id), b.boot)
	}
	return w
}

func (b *broker) boot(l *kitsim.Life) {
	b.run++
	b.board = &peer.Board{}
	o := peer.Options{
		Me:      peer.Identity{ClusterID: cluster, NodeID: b.id, StoreID: [16]byte{byte(b.id)}, Incarnation: b.run, Address: address(b.id)},
		Secret:  []byte("hush"),
		Network: peersim.New(l, fmt.Sprintf("n%d", b.id), address(b.id)), Board: b.board,
		Queue: [3]int{8 << 10, 64 << 10, 64 << 10}, Window: [3]uint32{0, 16 << 10, 16 << 10},
	}
	peers := peer.Spawn(l, o)
	b.upper = &upper{b: b, peers: peers, up: map[int32]uint64{}, in: map[stream]uint64{}, out: map[stream]uint64{}, open: map[uint64]bool{}, reasons: map[peer.Reason]int{}}
	to := l.Spawn("upper", b.upper, kit.Options{})
	peers.Tell(peer.Register{Kind: peer.KindRaft, To: to})
	peers.Tell(peer.Register{Kind: peer.KindProposal, To: to})
	for id := int32(1); id <= 3; id++ {
		if id != b.id {
			peers.Tell(peer.Link{Node: id, Address: address(id), StoreID: [16]byte{byte(id)}})
		}
	}
}

type tick struct{}

// Receive implements kit.Actor.
func (u *upper) Receive(c kit.Context, m any) {
	w := u.b.w
	fail := w.s.Fail
	switch m := m.(type) {
	case kit.Started:
		c.After(c.Self(), 5*time.Millisecond, tick{})
	case tick:
		u.work(c)
		c.After(c.Self(), 5*time.Millisecond, tick{})
	case peer.Up:
		w.ups++
		if u.up[m.Node] != 0 {
			fail("n%d: up of %d while it is up", u.b.id, m.Node)
		}
		u.up[m.Node] = m.Session
	case peer.Down:
		if u.up[m.Node] != m.Session {
			fail("n%d: down of session %x of %d, which is not up", u.b.id, m.Session, m.Node)
		}
		u.up[m.Node] = 0
	case *peer.Received:
		u.received(c, m)
	case peer.Dropped:
		w.dropped++
		if u.reasons[m.Reason]++; m.Reason == peer.Full {
			w.full++
		}
	case *peer.Asked:
		if u.up[m.From.NodeID] == 0 {
			fail("n%d: asked by %d, which is not up", u.b.id, m.From.NodeID)
		}
		if c.Rand()%8 != 0 { // else nobody ever answers: the asker's deadline must
			m.Reply(peer.Answer{Asked: m, Head: append([]byte("re "), m.Head...)})
		} else {
			u.late = append(u.late, m)
		}
	case kit.Stopping:
		for _, a := range u.late {
			a.Refuse()
		}
	case peer.Answered:
		if !u.open[m.Slot] {
			fail("n%d: ask %d answered again, or never asked", u.b.id, m.Slot)
		}
		delete(u.open, m.Slot)
		if m.Reason == peer.OK && string(m.Head) != "re "+string(m.Ask.Head) {
			fail("n%d: the answer to %q is %q", u.b.id, m.Ask.Head, m.Head)
		}
		if w.answers++; m.Reason.Maybe() {
			w.maybe++
		}
	}
}

// received checks that messages of a lane come in order, none twice, from a session that is up, with the bytes that were sent.
func (u *upper) received(c kit.Context, m *peer.Received) {
	w := u.b.w
	w.received++
	k := stream{m.From, m.Session, m.Lane}
	n := binary.BigEndian.Uint64(m.Head)
	switch {
	case u.up[m.From] != m.Session:
		w.s.Fail("n%d: received of session %x of %d; up is %x", u.b.id, m.Session, m.From, u.up[m.From])
	case n <= u.in[k]:
		w.s.Fail("n%d: message %d of %v after %d", u.b.id, n, k, u.in[k])
	}
	u.in[k] = n
	if m.Slab != nil {
		for i := range m.Slab.Len() {
			for _, x := range m.Slab.Batch(i) {
				if x != byte(n) {
					w.s.Fail("n%d: message %d of %v has other bytes", u.b.id, n, k)
				}
			}
		}
	}
	if c.Rand()%2 == 0 {
		u.slow = append(u.slow, m)
		return
	}
	m.Done()
}

// work sends and asks something, and is done with some of what was received.
func (u *upper) work(c kit.Context) {
	for range c.Rand() % 4 {
		to := int32(c.Rand()%3) + 1
		if to == u.b.id {
			continue
		}
		if c.Rand()%3 == 0 {
			u.asked++
			u.open[u.asked] = true
			u.peers.Tell(&peer.Ask{Ask: kit.Ask{ReplyTo: c.Self(), Slot: u.asked}, To: to, Kind: peer.KindProposal, Head: []byte(fmt.Sprint(u.asked)), Timeout: 500 * time.Millisecond})
			continue
		}
		u.sentTo++
		m := &peer.Send{To: to, Lane: peer.Lanes[c.Rand()%3], Kind: peer.KindRaft, Head: binary.BigEndian.AppendUint64(nil, u.sentTo), From: c.Self()}
		if m.Lane != peer.Control {
			n := int(c.Rand() % 20_000)
			s := storage.NewSlab(n + storage.SlabOverhead)
			i, _ := s.Add(n)
			for j := range s.Batch(i) {
				s.Batch(i)[j] = byte(u.sentTo)
			}
			m.Parts = []peer.Part{{Bytes: s.Batch(i), Slab: s}}
		} else {
			m.Head = append(m.Head, make([]byte, c.Rand()%3000)...)
		}
		u.peers.Tell(m)
	}
	if len(u.late) > 0 && c.Rand()%128 == 0 {
		m := u.late[0]
		u.late = u.late[1:]
		m.Reply(peer.Answer{Asked: m, Head: append([]byte("re "), m.Head...)})
	}
	for len(u.slow) > 0 && c.Rand()%3 != 0 {
		u.slow[0].Done()
		u.slow = u.slow[1:]
	}
}

// quarrel makes trouble for a while.
func (w *world) quarrel() {
	s := w.s
	for range 6 {
		a, b := s.IntN(3), s.IntN(3)
		na, nb := fmt.Sprintf("n%d", a+1), fmt.Sprintf("n%d", b+1)
		switch s.IntN(6) {
		case 0:
			s.Net.Cut(na, nb) // one way
		case 1:
			s.Net.Split([]string{na}, []string{"n1", "n2", "n3"})
		case 2:
			s.Net.Faults.Drop = 0.01
		case 3:
			w.nodes[a].node.Crash()
			s.At(time.Duration(s.IntN(1000))*time.Millisecond, func() {
				if !w.nodes[a].node.Up() {
					w.nodes[a].node.Restart()
				}
			})
		case 4:
			w.nodes[a].node.JumpClock(time.Duration(s.IntN(7200)-3600) * time.Second)
		case 5:
			s.Net.Heal()
			s.Net.Faults.Drop = 0
		}
		if s.Run(time.Duration(s.IntN(900))*time.Millisecond) != nil {
			return
		}
	}
	s.Net.Heal()
	s.Net.Faults.Drop = 0
	for _, n := range w.nodes {
		if !n.node.Up() {
			n.node.Restart()
		}
	}
}

// whole says whether every link is up at both sides, in the same session.
func (w *world) whole() bool {
	for _, a := range w.nodes {
		for _, b := range w.nodes {
			if a != b && (a.upper.up[b.id] == 0 || a.upper.up[b.id] != b.upper.up[a.id]) {
				return false
			}
		}
	}
	return true
}

func TestSimulation(t *testing.T) {
	storage.PoisonSlabs(true)
	var sum world
	total := kitsim.Seeds(t, 20, func(t *testing.T, s *kitsim.Sim) {
		w := newWorld(t, s)
		if !s.RunUntil(3*time.Second, w.whole) {
			t.Fatal("the links do not come up")
		}
		for range 3 {
			w.quarrel()
			if !s.RunUntil(6*time.Second, w.whole) {
				t.Fatalf("after everything was mended, not all links are up: %+v", boards(w))
			}
		}
		w.settle()
		sum.ups += w.ups
		sum.received += w.received
		sum.dropped += w.dropped
		sum.answers += w.answers
		sum.maybe += w.maybe
		sum.full += w.full
	})
	t.Logf("%d times up, %d received, %d dropped (%d full), %d answers of which %d open; %+v", sum.ups, sum.received, sum.dropped, sum.full, sum.answers, sum.maybe, total)
	if !t.Failed() && total.Crashes > 20 && (sum.full == 0 || sum.maybe == 0) {
		t.Error("the run did too little")
	}
}

// settle stops the work and demands every answer, all credit and all memory back.
func (w *world) settle() {
	s := w.s
	for _, n := range w.nodes {
		n.node.Life().Stop(n.node.Life().Lookup("upper"), nil, nil)
		for _, m := range n.upper.slow {
			m.Done()
		}
	}
	back := func() bool {
		for _, n := range w.nodes {
			for _, l := range n.board.Links() {
				if l.State != "up" || l.Lanes[peer.Append].Credit != 16<<10 || l.Lanes[peer.Bulk].Credit != 16<<10 || l.Lanes[peer.Append].Queued > 0 {
					return false
				}
			}
		}
		return true
	}
	if !s.RunUntil(3*time.Second, back) {
		w.t.Errorf("not all credit came back: %+v", boards(w))
	}
	for _, n := range w.nodes {
		n.node.StopActors()
	}
	if err := s.Settle(time.Minute); err != nil {
		w.t.Error(err)
	}
	for _, a := range s.Unanswered(0) {
		w.t.Errorf("never answered: %s", a)
	}
}

func boards(w *world) (list []string) {
	for _, n := range w.nodes {
		for _, l := range n.board.Links() {
			list = append(list, fmt.Sprintf("n%d->n%d %s %s %+v", n.id, l.Node, l.State, l.Why, l.Lanes))
		}
	}
	return list
}

func TestSimulationRepeats(t *testing.T) {
	var hashes []uint64
	for range 2 {
		s := kitsim.New(7)
		w := newWorld(t, s)
		w.quarrel()
		s.Run(time.Second)
		hashes = append(hashes, s.Hash())
	}
	if hashes[0] != hashes[1] {
		t.Error("the same seed ran differently")
	}
}
