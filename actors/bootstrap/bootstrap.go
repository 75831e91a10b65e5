package bootstrap

import (
	"fmt"
	"slices"
	"time"

	"troupe/actors/kit"
	"troupe/actors/meta"
	"troupe/actors/peer"
	"troupe/raftnode"
	"troupe/storage"
)

// Name is the actor's.
const Name = "bootstrap"

// Options of the actor. Addresses are as Canonical writes them.
type Options struct {
	Identity storage.Identity // of the data directory; NodeID is 0 while it belongs to no cluster. StoreID is durable
	Seeds    []string         // of the founders
	Join     []string         // of a cluster to join; only one of the two is given
	Known    []string         // of other nodes, as this one knew them when it last ran
	NodeID   int32            // that is wanted; 0: any
	Address  string           // at which other brokers reach this one
	Version  string
	Configs  map[string]string // the cluster-wide defaults that a new cluster begins with

	Peers    *kit.Ref
	Metadata *kit.Ref           // nil: told by Serve
	Image    func() *meta.Image // as this node has applied it. Safe for any goroutine
	// NewClusterID makes a cluster id.
	NewClusterID func() string
	// Persist makes the identity durable, and Raft's first state behind it. It runs on the pool, once.
	Persist func(storage.Identity) error
	// Settled is called once, in the actor, when the identity is durable. Not for one that was known at the start.
	Settled func(storage.Identity)
	// Waits is told what the way to a cluster waits for, for people, each time that changes.
	Waits func(text string)
	// Refused is told, once, why this broker can never become what it was started as. nil: it goes on trying.
	Refused func(text string)
}

// The pauses between two visits of an address.
const (
	firstPause = 50 * time.Millisecond // after a visit that led to nothing; doubled each time
	lastPause  = time.Second
	nextPause  = 300 * time.Millisecond // after an answer
	heldPause  = 10 * time.Millisecond  // after an answer of the first seed, which holds what it cannot answer
	holdFor    = time.Second            // that it does
	visitFor   = 10 * time.Second       // how long a visit may take; longer than AddNode
	addFor     = 5 * time.Second        // how long AddNode may take
)

// Spawn starts the actor.
func Spawn(sys kit.System, o Options) *kit.Ref {
	b := &bootstrap{o: o, id: o.Identity, asks: map[[16]byte]*held{}, adds: map[uint64]*peer.Asked{}, told: map[string]bool{}, alien: map[int]string{}}
	for _, a := range slices.Concat(o.Seeds, o.Join, o.Known) {
		if !slices.ContainsFunc(b.seats, func(s seat) bool { return s.address == a }) {
			b.seats = append(b.seats, seat{address: a, self: a == o.Address})
		}
	}
	b.visits = make([]visiting, len(b.seats))
	return sys.Spawn(Name, b, kit.Options{})
}

type state uint8

const (
	searching state = iota
	settling
	settled
)

func (s state) String() string { return [...]string{"searching", "settling", "settled"}[s] }

type bootstrap struct {
	o      Options
	state  state
	id     storage.Identity
	record *meta.InitCluster // of id.Founding; nil: this node founded nothing

	seats  []seat     // the addresses that were given, and behind them those known from before
	visits []visiting // by seat
	waits  string     // as told last
	told   map[string]bool

	asks      map[[16]byte]*held // of founders, while it is not settled; at most maxHeld
	releasing bool
	adds      map[uint64]*peer.Asked // wait for AddNode, by slot; bounded by the visitors that peers lets in
	slot      uint64

	known []place        // nodes of the cluster, as the one who gave us our place knows them
	alien map[int]string // seats where another cluster is, by what was said there
}

// visiting is where the visits of an address are.
type visiting struct {
	under bool // one is under way
	pause time.Duration
	timer kit.Timer
	done  bool // it is not visited any more
}

// Receive implements kit.Actor.
func (b *bootstrap) Receive(c kit.Context, m any) {
	switch m := m.(type) {
	case kit.Started:
		b.start(c)
	case again:
		b.visit(c, m.i)
	case peer.Visited:
		b.visited(c, m)
	case *peer.Asked:
		b.asked(c, m)
	case release:
		b.release(c)
	case persisted:
		b.persisted(c, m)
	case Serve:
		b.o.Metadata = m.Metadata
	case raftnode.Proposed:
		b.added(m)
	case *kit.Inspect:
		b.inspect(m)
	case kit.Stopping:
		b.stop()
	}
}

func (b *bootstrap) start(c kit.Context) {
	b.o.Peers.Tell(peer.Register{Kind: peer.KindBootstrap, To: c.Self(), Guests: true})
	if b.id.NodeID != 0 {
		b.state = settled
		r, err := Decode(b.id.Founding)
		kit.Invariant(err == nil, "DISK: the record of founders cannot be read: %v", err)
		b.record = r
		b.linkKnown()
	}
	for i := range b.seats {
		b.visit(c, i)
	}
	b.judge(c) // a sole founder has nobody to ask
}

// says is what this node says of itself.
func (b *bootstrap) says() statement {
	s := statement{RaftID: b.id.RaftID, Seeds: b.o.Seeds, NodeID: b.o.NodeID, Address: b.o.Address, Version: b.o.Version, Level: meta.MaxFeatureLevel}
	for _, x := range b.seats {
		if x.self && len(b.o.Seeds) > 0 {
			s.Address = x.address // it leads here
		}
	}
	return s
}

// decides says whether this node is the one that makes the record: the first of the seeds.
func (b *bootstrap) decides() bool { return len(b.o.Seeds) > 0 && b.seats[0].self }

func (b *bootstrap) inspect(m *kit.Inspect) {
	f := []kit.Field{{Name: "cluster", Value: b.id.ClusterID}, {Name: "node", Value: b.id.NodeID}, {Name: "raft id", Value: fmt.Sprintf("%x", b.id.RaftID)},
		{Name: "founders asking", Value: len(b.asks)}, {Name: "places being given", Value: len(b.adds)}}
	if b.state == searching {
		f = append(f, kit.Field{Name: "awaiting", Value: b.waits})
	}
	m.Reply(kit.Inspected{Inspect: m, State: b.state.String(), Fields: f})
}

// stop answers all who wait. They ask again.
func (b *bootstrap) stop() {
	for _, h := range b.held() {
		h.asked.Refuse()
	}
	clear(b.asks)
	for slot, a := range b.adds {
		delete(b.adds, slot)
		a.Refuse()
	}
}
