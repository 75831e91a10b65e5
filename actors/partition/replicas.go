package partition

import (
	"cmp"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"troupe/actors/kit"
	"troupe/actors/meta"
	"troupe/actors/peer"
	"troupe/actors/writer"
	"troupe/raftnode"
)

// ReplicasName is the name of the replicas actor.
const ReplicasName = "replicas"

// Limits of the replicas actor, per other broker.
const (
	hotWindow  = 16 << 20 // bytes of new batches that have not left; a follower for whom there is no room is fed like one that lags
	feedChunk  = 1 << 20  // bytes of one turn for a follower that lags, or one batch
	maxGrants  = 2        // turns under way
	frameBytes = 1 << 20  // at which a frame is closed
	frameParts = 1024

	tipEvery = 2 * time.Millisecond // how long a high watermark may wait for others

	// maxMail bounds what waits for the actor when a message of another broker comes; one more is dropped, and nobody is told: batches or an ack
	// that were the last of a partition for now would never be made up for. So it is far beyond what all partitions of a broker ask for at once
	// when another one falls; what waits is bounded by them, and by the credit of the links.
	maxMail = 1 << 20

	// forever: a wish is proposed under one request id until it is known what became of it, so that no copy of it can be granted later.
	forever = 365 * 24 * time.Hour
)

// ReplicasOptions are what the replicas actor works with.
type ReplicasOptions struct {
	NodeID   int32
	Peers    *kit.Ref // nil: this broker is alone
	Metadata *kit.Ref
	Writer   *kit.Ref
}

// Replicas carries what the replicas on this broker and those on others have to say to each other: it gathers messages of many partitions
// into few frames, and knows which links are up. It decides nothing about a partition.
type Replicas struct {
	o       ReplicasOptions
	locals  map[uint32]*local
	ways    map[int32]*way            // links that are up
	inbound map[uint64]*peer.Received // frames of batches that are not all settled and answered
	flights map[uint64]*flight        // what the links were given
	asked   map[uint64][]*wish        // by proposal
	wishes  []*wish                   // to be proposed
	slot    uint64
	epoch   int64 // broker epoch; 0: this broker is not registered

	flushing, tipping bool
}

// local is a replica on this broker.
type local struct {
	topic meta.TopicID
	index int32
	ref   *kit.Ref
}

// SpawnReplicas starts the replicas actor, once per broker, before the partitions.
func SpawnReplicas(sys kit.System, o ReplicasOptions) *kit.Ref {
	r := &Replicas{o: o, locals: map[uint32]*local{}, ways: map[int32]*way{}, inbound: map[uint64]*peer.Received{},
		flights: map[uint64]*flight{}, asked: map[uint64][]*wish{}}
	return sys.Spawn(ReplicasName, r, kit.Options{Limit: maxMail})
}

// Receive implements kit.Actor.
func (r *Replicas) Receive(c kit.Context, m any) {
	switch m := m.(type) {
	case kit.Started:
		r.onStarted(c)
	case Attach:
		r.onAttach(m)
	case Detach:
		delete(r.locals, m.PartID)
	case Registered:
		r.onRegistered(m)
	case peer.Up:
		r.onUp(c, m)
	case peer.Down:
		r.onDown(m)
	case *peer.Received:
		r.onReceived(c, m)
	case writer.Done:
		r.onDone(m)
	case *push:
		r.onPush(c, m)
	case subscribe:
		r.onSubscribe(c, m)
	case respond:
		r.onRespond(c, m)
	case ack:
		r.onAck(c, m)
	case tip:
		r.onTip(c, m)
	case hungry:
		r.onHungry(c, m)
	case sated:
		r.onSated(c, m)
	case *wish:
		r.onWish(c, m)
	case raftnode.Proposed:
		r.onProposed(m)
	case flush:
		r.onFlush(c)
	case flushTips:
		r.onFlushTips(c)
	case peer.Sent:
		r.onLeft(c, m.Slot)
	case peer.Dropped:
		r.onDropped(c, m)
	case peer.Drained:
		r.onDrained(c, m)
	case *kit.Inspect:
		r.onInspect(m)
	case kit.Stopping:
		r.onStopping()
	default:
		kit.Invariant(false, "BUG: replicas got %T", m)
	}
}

func (r *Replicas) onStarted(c kit.Context) {
	if r.o.Peers != nil {
		r.o.Peers.Tell(peer.Register{Kind: peer.KindReplication, To: c.Self()})
	}
}

func (r *Replicas) onAttach(m Attach) {
	r.locals[m.PartID] = &local{m.TopicID, m.Index, m.Ref}
	m.Ref.Tell(registered{r.epoch})
	for _, w := range r.each() {
		m.Ref.Tell(linked{w.path})
	}
}

func (r *Replicas) onRegistered(m Registered) {
	r.epoch = m.Epoch
	r.tellAll(registered{m.Epoch})
}

// each are the links that are up, by node.
func (r *Replicas) each() []*way {
	return slices.SortedFunc(maps.Values(r.ways), func(a, b *way) int { return cmp.Compare(a.node, b.node) })
}

// tellAll tells every local replica, in a fixed order.
func (r *Replicas) tellAll(m any) {
	for _, id := range slices.Sorted(maps.Keys(r.locals)) {
		r.locals[id].ref.Tell(m)
	}
}

func (r *Replicas) onUp(_ kit.Context, m peer.Up) {
	w := newWay(&path{node: m.Node, session: m.Session, link: m.Link})
	r.ways[m.Node] = w
	r.tellAll(linked{w.path})
}

func (r *Replicas) onDown(m peer.Down) {
	w := r.ways[m.Node]
	if w == nil || w.session != m.Session {
		return
	}
	delete(r.ways, m.Node)
	w.drop()
	r.tellAll(unlinked{w.path})
}

// path is the way to one other broker, for one session of its link. The replicas actor makes it, partitions send by it.
type path struct {
	node    int32
	session uint64
	link    *kit.Ref
	hot     atomic.Int64 // bytes of new batches that have not left; partitions add, the replicas actor takes away
}

// way is the link to one other broker, with what is to be sent by it.
type way struct {
	*path
	subs    gathered[subscription]
	replies gathered[reply]
	epochs  map[uint32]begun // by part: to be told before its reply
	acks    gathered[ackEntry]
	tips    gathered[highEntry]
	full    map[peer.Lane]bool // had no room, and has not said that there is again
	appends []byte
	parts   []peer.Part
	flight  *flight  // of the appends
	queue   []hungry // who waits for a turn
	grants  int      // turns under way
}

func newWay(p *path) *way {
	return &way{path: p, flight: &flight{path: p}, full: map[peer.Lane]bool{}, epochs: map[uint32]begun{}}
}

// drop gives up what was to be sent: the link is down.
func (w *way) drop() {
	for _, p := range w.parts {
		if p.Slab != nil {
			p.Slab.Release()
		}
	}
	w.flight.release()
	w.parts = nil
}

// flight is a frame that a link was given.
type flight struct {
	*path
	size  int   // bytes of batches
	hot   int64 // of them, of new batches
	turns int   // of fed followers
	refs  []*local
	held  []push // whose batches are held until the frame has left
	lane  peer.Lane
	head  []byte // may be sent again
}

func (f *flight) release() {
	for i := range f.held {
		f.held[i].held.Release()
	}
	f.held = nil
}

// way is the link that a message is meant for, nil when that session has ended.
func (r *Replicas) way(p *path) *way {
	if w := r.ways[p.node]; w != nil && w.path == p {
		return w
	}
	return nil
}

// later sees to it that what is gathered is sent when the mailbox has been worked off.
func (r *Replicas) later(c kit.Context) {
	if !r.flushing {
		r.flushing = true
		c.Self().Tell(flush{})
	}
}

func (r *Replicas) onInspect(m *kit.Inspect) {
	f := []kit.Field{
		{Name: "partitions", Value: len(r.locals)},
		{Name: "frames coming in", Value: len(r.inbound)},
		{Name: "frames going out", Value: len(r.flights)},
		{Name: "proposals", Value: len(r.asked)},
	}
	for _, w := range r.each() {
		f = append(f, kit.Field{Name: "waiting for a turn to send to " + nodeText(w.node), Value: len(w.queue)},
			kit.Field{Name: "bytes not sent to " + nodeText(w.node), Value: w.hot.Load()})
	}
	m.Reply(kit.Inspected{Inspect: m, State: "running", Fields: f})
}

func (r *Replicas) onStopping() {
	for _, w := range r.each() {
		w.drop()
	}
}
