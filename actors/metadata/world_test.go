package metadata

import (
	"bytes"
	"fmt"
	"time"

	"troupe/actors/kit"
	kitsim "troupe/actors/kit/sim"
	"troupe/actors/meta"
	"troupe/actors/peer"
	peersim "troupe/actors/peer/sim"
	"troupe/kafka/code"
	"troupe/raftnode"
	"troupe/storage"
	"troupe/storage/sim"
)

// world is a simulated cluster of nodes with Raft, log, metadata, an observer in the node's place and a client each, and what is known of it.
type world struct {
	s        *kitsim.Sim
	nodes    []*member
	faults   raftnode.Faults
	exact    bool          // who is not answered with OK was not applied
	noSync   bool          // the disks forget their syncs
	quiet    bool          // the clients propose no more
	letters  bool          // the nodes have no links, but a network that loses, doubles and reorders
	patience time.Duration // of the clients
	keep     uint64        // entries in the log
	found    int           // the first so many nodes are founders; 0: all
	busy     int           // at the first so many nodes somebody proposes; 0: at all
	pace     uint64        // how slowly the clients propose

	issued   int
	acked    map[string]meta.TopicID // topics that somebody was told exist
	ranges   map[int64]int32         // producer ids that somebody was told are his: first, count
	asked    int64                   // producer ids asked for, in all
	refused  map[code.Code]int
	hashes   map[uint64]uint64 // index to hash of the state, whoever showed it
	lost     []string          // what must not be
	installs int               // snapshots that a follower took in
}

type member struct {
	w      *world
	id     int32
	node   *kitsim.Node
	disk   *sim.Meta
	board  *raftnode.Board
	image  *meta.Image // as last shown to the observer
	client *client
	peers  *peer.Board
	raft   uint64
	store  [16]byte
	joins  bool // it is no founder: its store is empty, and it is added later
	idle   bool // nobody proposes there
	runs   uint64
}

// newWorld makes n nodes and boots them; with changes what is the same for all of them before that.
func newWorld(s *kitsim.Sim, n int, with ...func(*world)) *world {
	w := &world{s: s, patience: 700 * time.Millisecond, keep: 40, pace: 1, acked: map[string]meta.TopicID{}, ranges: map[int64]int32{}, refused: map[code.Code]int{}, hashes: map[uint64]uint64{}}
	for _, f := range with {
		f(w)
	}
	for i := range n {
		id := int32(i + 1)
		m := &member{w: w, id: id, raft: uint64(id), store: storeID(id), disk: sim.NewMeta(), image: meta.NewImage(), joins: w.found > 0 && i >= w.found, idle: w.busy > 0 && i >= w.busy}
		m.disk.NoSync = w.noSync
		w.nodes = append(w.nodes, m)
	}
	for _, m := range w.nodes {
		m.node = s.Node(fmt.Sprintf("n%d", m.id), m.boot)
	}
	return w
}

func (w *world) bad(format string, args ...any) {
	w.lost = append(w.lost, fmt.Sprintf(format, args...))
}

// boot is what a broker does: open, found, load, spawn. None of it waits for a leader.
func (m *member) boot(l *kitsim.Life) {
	m.runs++
	var loaded storage.MetaLoaded
	var err error
	if m.joins {
		loaded, err = m.disk.Load()
	} else {
		loaded, err = raftnode.Found(m.disk, m.w.voters())
	}
	if err != nil {
		m.w.bad("n%d does not start: %v", m.id, err)
		return
	}
	img, err := LoadImage(loaded)
	if err != nil {
		m.w.bad("n%d does not start: %v", m.id, err)
		return
	}
	m.board = &raftnode.Board{}
	peers := m.links(l)
	ref := Spawn(l, Options{Store: m.disk, Loaded: loaded, Image: img, Board: m.board, Peers: peers, Node: m.id, Incarnation: m.runs, CompactEntries: m.w.keep, CompactTail: m.w.keep / 2})
	ref.Tell(Subscribe{Node: l.Spawn("node", &observer{m: m, last: img.Index()}, kit.Options{})})
	m.client = &client{m: m}
	if !m.idle {
		l.Spawn("client", m.client, kit.Options{})
	}
	raftnode.Spawn(l, raftnode.Options{ID: m.raft, Store: m.disk, Loaded: loaded, FSM: ref, Peers: peers, Board: m.board, Faults: m.w.faults})
}

// links makes the node's links to the others: those of package peer, or, in a world of letters, something worse.
func (m *member) links(l *kitsim.Life) *kit.Ref {
	if m.w.letters {
		return l.Spawn(peer.Name, &postman{m: m}, kit.Options{})
	}
	m.peers = &peer.Board{}
	ref := peer.Spawn(l, peer.Options{
		Board:   m.peers,
		Me:      peer.Identity{ClusterID: "aaaaaaaaaaaaaaaaaaaaaa", NodeID: m.id, StoreID: m.store, Incarnation: m.runs, Address: m.address()},
		Network: peersim.New(l, m.name(), m.address()),
	})
	for _, o := range m.w.nodes {
		if o != m {
			ref.Tell(peer.Link{Node: o.id, Address: o.address(), StoreID: o.store})
		}
	}
	return ref
}

func (m *member) name() string { return fmt.Sprintf("n%d", m.id) }

func (m *member) address() string { return m.name() + ":9093" }

// letter is a message of Raft on a network that loses, doubles and reorders, as no link does: what Raft promises it promises there, too.
type letter struct {
	from  int32
	head  []byte
	parts [][]byte
}

// postman stands in the place of all links of a node, sends letters, and refuses asks.
type postman struct{ m *member }

// Receive implements kit.Actor.
func (p *postman) Receive(c kit.Context, x any) {
	w := p.m.w
	switch x := x.(type) {
	case kit.Started:
		self := c.Self()
		w.s.Net.Bind(p.m.node.Life(), p.m.name(), func(_ string, x any) { self.Tell(x) })
	case peer.Register:
		for _, o := range w.nodes {
			if o != p.m && x.Kind == peer.KindRaft {
				x.To.Tell(peer.Up{Node: o.id, Link: c.Self()})
			}
		}
	case *peer.Send:
		to := fmt.Sprintf("n%d", x.To)
		l := letter{from: p.m.id, head: bytes.Clone(x.Head)}
		for _, part := range x.Parts {
			l.parts = append(l.parts, bytes.Clone(part.Bytes))
		}
		w.s.Net.Send(p.m.name(), to, l)
		if x.Confirm && w.s.Net.IsCut(p.m.name(), to) {
			x.From.Tell(peer.Dropped{To: x.To, Lane: x.Lane, Kind: x.Kind, Slot: x.Slot, Reason: peer.Lost})
		} else if x.Confirm {
			x.From.Tell(peer.Sent{To: x.To, Kind: x.Kind, Slot: x.Slot})
		}
	case letter:
		r := &peer.Received{From: x.from, Kind: peer.KindRaft, Head: x.head}
		if len(x.parts) > 0 {
			r.Slab = storage.NewSlab(len(x.parts[0]) + storage.SlabOverhead)
			i, _ := r.Slab.Add(len(x.parts[0]))
			copy(r.Slab.Batch(i), x.parts[0])
		}
		if raft := p.m.node.Life().Lookup(raftnode.RaftName); raft != nil {
			raft.Tell(r)
		}
	case *peer.Ask:
		x.Refuse()
	}
}

// crash cuts the power: what was not synced is gone but for a part.
func (m *member) crash() {
	m.node.Crash()
	m.disk = m.disk.Crash(m.w.s.IntN(m.disk.Unsynced() + 1))
	m.image = meta.NewImage()
}

// observer stands in the node's place: it sees every image, and checks it.
type observer struct {
	m     *member
	last  uint64
	shown int
}

func (o *observer) Receive(_ kit.Context, x any) {
	c, ok := x.(*Changed)
	if !ok {
		return
	}
	w, index := o.m.w, c.Image.Index()
	if index < o.last {
		w.bad("n%d was shown %d after %d", o.m.id, index, o.last)
	}
	o.last = index
	if c.Changes.Reset && o.shown > 0 {
		w.installs++
	}
	o.shown++
	if index%16 == 0 { // both read the whole image
		h, known := w.hashes[index]
		w.hashes[index] = c.Image.Hash()
		if known && h != w.hashes[index] {
			w.bad("n%d has another state at %d", o.m.id, index)
		}
		if err := meta.Check(c.Image); err != nil {
			w.bad("n%d: %v", o.m.id, err)
		}
	}
	o.m.image = c.Image
	c.Reply(Seen{c})
}

// client proposes at random, first what makes its broker serve.
type client struct {
	m     *member
	step  int
	epoch int64
	busy  int
}

type again2 struct{}

func (k *client) Receive(c kit.Context, x any) {
	switch x := x.(type) {
	case kit.Started:
		c.After(c.Self(), time.Millisecond, again2{})
	case again2:
		if !k.m.w.quiet {
			k.act(c)
			c.After(c.Self(), time.Duration(1+c.Rand()%(20*k.m.w.pace))*time.Millisecond, again2{})
		}
	case raftnode.Proposed:
		k.answered(x)
	}
}

func (k *client) act(c kit.Context) {
	if k.step < 3 && k.busy > 0 || k.busy > 300 {
		return
	}
	w, id := k.m.w, k.m.id
	switch {
	case k.step == 0:
		k.propose(c, meta.InitCluster{ClusterID: "cluster", FeatureLevel: 1, Founders: w.founders()})
	case k.step == 1:
		k.propose(c, meta.RegisterBroker{BrokerID: id, StoreID: k.m.store, Incarnation: [16]byte{byte(k.m.runs), byte(k.m.runs >> 8)}, PrevBrokerEpoch: -1})
	case k.step == 2:
		k.propose(c, meta.UnfenceBroker{BrokerID: id, BrokerEpoch: k.epoch})
	default:
		for n := 1 + c.Rand()%10; n > 0; n-- {
			w.issued++
			if c.Rand()%3 == 0 {
				count := int32(1 + c.Rand()%100)
				w.asked += int64(count)
				k.propose(c, meta.AllocateProducerIds{BrokerID: id, BrokerEpoch: k.epoch, Count: count})
				continue
			}
			name := fmt.Sprintf("topic-%d", w.issued)
			var tid meta.TopicID
			copy(tid[:], name)
			k.propose(c, meta.CreateTopics{Topics: []meta.NewTopic{{Name: name, ID: tid, Assignments: [][]int32{{id}}}}})
		}
	}
}

func (w *world) founders() (list []meta.Node) {
	for _, m := range w.nodes {
		if !m.joins {
			list = append(list, meta.Node{ID: m.id, RaftID: m.raft, StoreID: m.store})
		}
	}
	return list
}

// voters are the Raft ids of the founders.
func (w *world) voters() (list []uint64) {
	for _, n := range w.founders() {
		list = append(list, n.RaftID)
	}
	return list
}

func storeID(id int32) [16]byte { return [16]byte{15: byte(id)} }

func (k *client) propose(c kit.Context, cmd meta.Command) {
	k.busy++
	c.Lookup(raftnode.MetadataName).Tell(&raftnode.Propose{Ask: kit.Ask{ReplyTo: c.Self()}, Cmd: cmd, Timeout: k.m.w.patience})
}

func (k *client) answered(p raftnode.Proposed) {
	k.busy--
	w := k.m.w
	w.refused[p.Result.Code]++
	if p.Result.Code != code.OK {
		if p.Result.Code == code.StaleBrokerEpoch {
			k.step = 1
		}
		return
	}
	switch v := p.Result.Value.(type) {
	case meta.Registered:
		k.epoch, k.step = v.Epoch, 2
	case meta.ProducerIDs:
		if _, twice := w.ranges[v.First]; twice {
			w.bad("producer id %d was given twice", v.First)
		}
		w.ranges[v.First] = v.Count
	case []meta.TopicResult:
		if v[0].Code != code.OK {
			w.refused[v[0].Code]++
			return
		}
		w.acked[v[0].Name] = v[0].ID
		if k.m.image.Topic(v[0].Name) == nil {
			w.bad("%s was acknowledged before the node had seen it", v[0].Name)
		}
	default:
		if k.step == 0 || k.step == 2 {
			k.step++
		}
	}
}

// settle ends the load, brings everybody back, and waits until all nodes are at one state with nothing under way.
func (w *world) settle() bool {
	w.quiet = true
	w.s.Net.Heal()
	for _, m := range w.nodes {
		if !m.node.Up() {
			m.node.Restart()
		}
	}
	return w.s.RunUntil(30*time.Second+w.patience, func() bool {
		for _, m := range w.nodes {
			s := m.board.Status()
			if !m.node.Up() || s.Pending > 0 || m.client.busy > 0 || s.Leader == 0 || s.Applied != s.Committed || s.Persisted != s.Committed || s.Image != s.Committed ||
				m.image.Index() != s.Committed || s.Committed != w.nodes[0].board.Status().Committed {
				return false
			}
		}
		return true
	})
}

// check says what is wrong at the end of a run.
func (w *world) check(img *meta.Image) []string {
	for name, id := range w.acked {
		if t := img.Topic(name); t == nil || t.ID != id {
			w.bad("%s was acknowledged and is gone", name)
		}
	}
	var given int64
	for _, n := range w.ranges {
		given += int64(n)
	}
	if next := img.NextProducerID(); next < given || next > w.asked || w.exact && next != given {
		w.bad("%d producer ids are used up: %d were answered for, %d asked for", next, given, w.asked)
	}
	return w.lost
}

func beQuiet(w *world) { w.quiet = true }

// initBy is a proposal that may be made any number of times.
func (w *world) initBy(replyTo *kit.Ref) *raftnode.Propose {
	return &raftnode.Propose{Ask: kit.Ask{ReplyTo: replyTo}, Cmd: meta.InitCluster{ClusterID: "cluster", FeatureLevel: 1, Founders: w.founders()}}
}
