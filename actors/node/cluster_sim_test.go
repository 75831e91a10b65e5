package node

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"troupe/actors/controller"
	"troupe/actors/kit"
	kitsim "troupe/actors/kit/sim"
	"troupe/actors/meta"
	"troupe/actors/metadata"
	"troupe/actors/peer"
	peersim "troupe/actors/peer/sim"
	"troupe/actors/writer"
	"troupe/kafka/code"
	"troupe/raftnode"
	"troupe/storage"
	"troupe/storage/sim"
)

// town is a cluster of whole nodes: links, Raft, metadata, writer, node, controller and partitions, on simulated disks and network.
type town struct {
	t     *testing.T
	s     *kitsim.Sim
	nodes []*citizen
	both  time.Duration // how long two nodes would serve the same partition as leaders, the longest time on end
	since time.Duration // since when they would; 0: they would not
}

type citizen struct {
	w     *town
	id    int32
	node  *kitsim.Node
	meta  *sim.Meta
	data  *sim.Data
	board *raftnode.Board
	ctl   *controller.Board
	pub   *Published
	n     *Node
	ref   *kit.Ref
	ready bool
	down  *Down
	runs  uint64
}

func newTown(t *testing.T, s *kitsim.Sim, n int32) *town {
	w := &town{t: t, s: s}
	s.Net.Faults = kitsim.Faults{Min: 50 * time.Microsecond, Max: time.Millisecond}
	for id := int32(1); id <= n; id++ {
		w.nodes = append(w.nodes, &citizen{w: w, id: id, meta: sim.NewMeta(), data: sim.NewData()})
	}
	s.Check(w.oneLeader)
	return w
}

func (m *citizen) name() string       { return fmt.Sprintf("n%d", m.id) }
func (m *citizen) store() [16]byte    { return [16]byte{15: byte(m.id)} }
func (m *citizen) endpoint() string   { return m.name() + ":9093" }
func (m *citizen) up() bool           { return m.node != nil && m.node.Up() }
func (m *citizen) image() *meta.Image { return m.pub.Get().Image }

// start boots a node for the first time, or again.
func (m *citizen) start() {
	if m.node == nil {
		m.node = m.w.s.Node(m.name(), m.boot)
		return
	}
	m.node.Restart()
}

func (m *citizen) kill() {
	m.node.Crash()
	m.meta, m.data = m.meta.Crash(0), m.data.Reopen()
}

func (w *town) founders() (list []meta.Node) {
	for _, m := range w.nodes {
		list = append(list, meta.Node{ID: m.id, RaftID: meta.RaftIDOf(1, m.id), StoreID: m.store(),
			Endpoints: []meta.Endpoint{{Name: meta.PeerListener, Host: m.name(), Port: 9093}}})
	}
	return list
}

func (m *citizen) boot(l *kitsim.Life) {
	m.runs++
	m.ready, m.down = false, nil
	var voters []uint64
	for _, f := range m.w.founders() {
		voters = append(voters, f.RaftID)
	}
	loaded, err := raftnode.Found(m.meta, voters)
	if err != nil {
		m.w.t.Fatal(err)
	}
	img, err := metadata.LoadImage(loaded)
	if err != nil {
		m.w.t.Fatal(err)
	}
	m.board, m.pub, m.ctl = &raftnode.Board{}, &Published{}, &controller.Board{}
	steps := NewSteps(l.Now, func() { m.ready = true })
	steps.Finish(StepStores)
	raftID := meta.RaftIDOf(1, m.id)
	links := &peer.Board{}
	peers := peer.Spawn(l, peer.Options{Board: links, Network: peersim.New(l, m.name(), m.endpoint()),
		Me: peer.Identity{ClusterID: "clusterclusterclusterA", NodeID: m.id, StoreID: m.store(), Incarnation: m.runs, Address: m.endpoint()}})
	for _, o := range m.w.nodes { // before there is an image, as bootstrap does
		if o != m {
			peers.Tell(peer.Link{Node: o.id, Address: o.endpoint(), StoreID: o.store()})
		}
	}
	gate := &writer.Gate{}
	wr := l.Spawn("writer", writer.New(writer.Options{Data: m.data, Gate: gate}), kit.Options{Kind: "writer"})
	md := metadata.Spawn(l, metadata.Options{Store: m.meta, Loaded: loaded, Image: img, Board: m.board, Peers: peers, Node: m.id, Incarnation: m.runs})
	raft := raftnode.Spawn(l, raftnode.Options{ID: raftID, Store: m.meta, Loaded: loaded, FSM: md, Peers: peers, Board: m.board})
	steps.Finish(StepRaft)
	m.n = New(Options{NodeID: m.id, RaftID: raftID, StoreID: m.store(), Incarnation: [16]byte{byte(m.runs), byte(m.runs >> 8), 1},
		ClusterID: "clusterclusterclusterA", PrevEpoch: -1, Founders: m.w.founders(), Founding: map[string]string{}, Metadata: md, Writer: wr, Peers: peers, Quorum: raft,
		Data: m.data, Tail: storage.NewTail(1 << 20), Gate: gate, Published: m.pub, Steps: steps, Raft: m.board, Links: links, Controller: m.ctl,
		Leader: func() int32 { return m.board.Status().LeaderNode() }})
	m.ref = l.Spawn("node", m.n, kit.Options{})
	steps.Finish(StepServing)
}

// oneLeader measures how long two nodes take themselves for the leader of a partition and have the right to serve it.
func (w *town) oneLeader() error {
	seen := map[uint32]bool{}
	twice := false
	for _, m := range w.nodes {
		if !m.up() || m.n.lease == nil || !m.n.lease.Held() {
			continue
		}
		for t := range m.n.image.Topics() {
			for i := range t.Partitions {
				if p := &t.Partitions[i]; p.Leader == m.id {
					twice = twice || seen[p.ID]
					seen[p.ID] = true
				}
			}
		}
	}
	switch {
	case !twice:
		w.since = 0
	case w.since == 0:
		w.since = w.s.Now()
	default:
		w.both = max(w.both, w.s.Now()-w.since)
	}
	return nil
}

// until lets time go on until something is so, and gives how long it took.
func (w *town) until(what string, limit time.Duration, f func() bool) time.Duration {
	w.t.Helper()
	begin := w.s.Now()
	if !w.s.RunUntil(limit, f) {
		for _, m := range w.nodes {
			if m.up() {
				w.t.Logf("n%d: %s; leader %d; brokers %+v; %+v", m.id, m.n.life.state(), m.board.Status().LeaderNode(), m.image().Brokers(), m.ctl.Status())
			}
		}
		w.t.Fatalf("not within %s: %s (%v)", limit, what, w.s.Err())
	}
	return w.s.Now() - begin
}

// serving are the brokers that a node knows to be in service.
func (m *citizen) serving() (ids []int32) {
	for _, b := range m.image().Brokers() {
		if m.image().Serves(b.ID) {
			ids = append(ids, b.ID)
		}
	}
	return ids
}

// agree reports whether every node that is up knows just these brokers to be in service, and each of those may lead.
func (w *town) agree(ids ...int32) bool {
	for _, m := range w.nodes {
		if m.up() && (!slices.Equal(m.serving(), ids) || !m.n.lease.Held()) {
			return false
		}
	}
	return true
}

func (w *town) all() bool { return w.agree(1, 2, 3) }

// leader is the node that leads Raft and controls.
func (w *town) leader() *citizen {
	for _, m := range w.nodes {
		if m.up() && m.ctl.Status().Active {
			return m
		}
	}
	return nil
}

// other is a node that does not lead Raft.
func (w *town) other() *citizen {
	at := w.leader()
	return w.nodes[slices.IndexFunc(w.nodes, func(m *citizen) bool { return m != at && m.up() })]
}

// topic makes a topic with as many partitions as nodes, one led by each, all on all of them.
func (w *town) topic(name string) {
	w.t.Helper()
	at := w.leader()
	cmd := meta.CreateTopics{Topics: []meta.NewTopic{{Name: name, ID: meta.TopicID{1, byte(len(name))}, MinISRAuto: true, Assignments: [][]int32{{1, 2, 3}, {2, 3, 1}, {3, 1, 2}}}}}
	p, ok := kitsim.Ask[raftnode.Proposed](w.s, time.Minute, func(to *kit.Ref) {
		at.node.Life().Lookup(raftnode.MetadataName).Tell(&raftnode.Propose{Ask: kit.Ask{ReplyTo: to}, Cmd: cmd, Timeout: 10 * time.Second})
	})
	if !ok || p.Result.Code != code.OK {
		w.t.Fatalf("%v %+v", ok, p.Result)
	}
	w.until("the topic is known", time.Second, func() bool {
		return !slices.ContainsFunc(w.nodes, func(m *citizen) bool { return m.up() && m.image().Topic(name) == nil })
	})
}

// led reports whether every partition of a topic is led by a broker in service that may serve it, as that broker knows.
func (w *town) led(name string) bool {
	for i := range 3 {
		if !slices.ContainsFunc(w.nodes, func(m *citizen) bool {
			t := m.upImage().Topic(name)
			return t != nil && t.Partitions[i].Leader == m.id && m.n.lease.Held()
		}) {
			return false
		}
	}
	return true
}

func (m *citizen) upImage() *meta.Image {
	if !m.up() {
		return meta.NewImage()
	}
	return m.image()
}

func (m *citizen) shutdown() {
	p := m.w.s.Probe("run")
	p.On = func(x any) {
		if d, ok := x.(Down); ok {
			m.down = &d
		}
	}
	m.ref.Tell(&Shutdown{kit.Ask{ReplyTo: p.Ref()}})
}

// TestSimStartOrders: whoever starts when, all are registered and in service soon after two are there, and say so.
func TestSimStartOrders(t *testing.T) {
	kitsim.Seeds(t, 12, func(t *testing.T, s *kitsim.Sim) {
		w := newTown(t, s, 3)
		order := [][]int{{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}}[s.IntN(6)]
		for _, i := range order {
			w.nodes[i].start()
			if err := s.Run(time.Duration(s.IntN(3)) * 400 * time.Millisecond); err != nil {
				t.Fatal(err)
			}
		}
		w.until("all are in service", 5*time.Second, w.all)
		for _, m := range w.nodes {
			if !m.ready {
				t.Errorf("n%d does not say that it is ready", m.id)
			}
		}
	})
}

// TestSimDeath: a broker that dies, the controller too, is fenced soon; what it led is led again; and it comes back.
func TestSimDeath(t *testing.T) {
	var took []time.Duration
	kitsim.Seeds(t, 12, func(t *testing.T, s *kitsim.Sim) {
		w := inService(t, s)
		for range 3 {
			victim := w.other()
			if s.IntN(2) == 0 {
				victim = w.leader()
			}
			victim.kill()
			took = append(took, w.until("all is led again", 4*time.Second, func() bool { return w.led("t") }))
			victim.start()
			w.until("it is back", 5*time.Second, w.all)
		}
		if w.both > 0 {
			t.Errorf("two led for %s", w.both)
		}
	})
	slices.Sort(took)
	if len(took) > 0 {
		t.Logf("led again after %s (median), %s (worst)", took[len(took)/2], took[len(took)-1])
		if took[len(took)/2] > 500*time.Millisecond {
			t.Errorf("it takes too long")
		}
	}
}

// inService is a town of three in which everybody serves, with a topic t.
func inService(t *testing.T, s *kitsim.Sim) *town {
	t.Helper()
	w := newTown(t, s, 3)
	for _, m := range w.nodes {
		m.start()
	}
	w.until("all are in service", 5*time.Second, w.all)
	w.topic("t")
	return w
}

// TestSimIsolated: a broker that reaches nobody stops serving as a leader, about when others begin to lead in its stead.
func TestSimIsolated(t *testing.T) {
	kitsim.Seeds(t, 12, func(t *testing.T, s *kitsim.Sim) {
		w := inService(t, s)
		victim := w.other()
		if s.IntN(2) == 0 {
			victim = w.leader()
		}
		for _, m := range w.nodes {
			if m != victim {
				s.Net.Cut(victim.name(), m.name())
				s.Net.Cut(m.name(), victim.name())
			}
		}
		w.until("it stops serving", 3*time.Second, func() bool { return !victim.n.lease.Held() })
		w.until("all is led again", 3*time.Second, func() bool { return w.led("t") })
		if err := s.Run(5 * time.Second); err != nil {
			t.Fatal(err)
		}
		if victim.n.lease.Held() || victim.ctl.Status().Active {
			t.Error("it serves in isolation")
		}
		if w.both > 300*time.Millisecond {
			t.Errorf("two led for %s", w.both)
		}
		s.Net.Heal()
		w.until("it is back", 10*time.Second, w.all)
	})
}

// TestSimControlledShutdown: brokers go one after the other, each when what it leads is led by others; the last two without a quorum, and
// soon all the same.
func TestSimControlledShutdown(t *testing.T) {
	kitsim.Seeds(t, 12, func(t *testing.T, s *kitsim.Sim) {
		w := inService(t, s)
		first := w.other()
		if s.IntN(2) == 0 {
			first = w.leader()
		}
		gap := time.Duration(0) // how long a partition is led by nobody, the longest time on end
		since := s.Now()
		first.shutdown()
		took := w.until("it is down", 8*time.Second, func() bool {
			if w.led("t") {
				since = s.Now()
			}
			gap = max(gap, s.Now()-since)
			return first.down != nil
		})
		if !first.down.Fenced {
			t.Error("it is not fenced")
		}
		if took > 2*time.Second || gap > 300*time.Millisecond {
			t.Errorf("it took %s, and partitions had no leader for %s", took, gap)
		}
		first.kill()
		w.until("the others lead all", 2*time.Second, func() bool { return w.led("t") })
		second := w.other()
		second.shutdown()
		w.until("the second is down", 8*time.Second, func() bool { return second.down != nil })
		second.kill()
		third := w.nodes[slices.IndexFunc(w.nodes, (*citizen).up)]
		third.shutdown()
		w.until("the third is down", 8*time.Second, func() bool { return third.down != nil })
		for _, m := range w.nodes {
			if m.up() {
				m.kill()
			}
			m.start()
		}
		w.until("all are back", 5*time.Second, w.all)
		w.until("all is led", 5*time.Second, func() bool { return w.led("t") })
	})
}
