package sim

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"troupe/actors/cleaner"
	"troupe/actors/kit"
	kitsim "troupe/actors/kit/sim"
	"troupe/actors/meta"
)

// town is a run with a whole cluster: brokers on disks of their own, a network that breaks, and clients that keep to whoever leads.
type town struct {
	*kitsim.Sim
	o        Options
	rng      *rand.Rand
	nodes    []*house
	ids      []int32
	founders []int32 // of them
	clients  []patron
	clerks   []*clerk // of them
	ledger   *Ledger
	cluster  *clusterBook
	book     townBook
	static   map[string]string
	tail     int64
	cleaned  cleaner.Stats
	stage    int  // counts the ends of troubles
	trap     trap // that is set
	again    int  // how often it will be set again

	slow, stuck, jumps, cuts, resets, sprung, stops, replaced, pauses, full, fatals, committed uint64
	faults                                                                                     [faultKinds]uint64
}

// house is one node of a town: its disk outlives its broker.
type house struct {
	t      *town
	id     int32
	disk   *models
	node   *kitsim.Node
	broker *Broker
	store  [16]byte    // of the present disk
	past   []*models   // disks that it has lost
	raftID uint64      // that goes with it
	seen   *meta.Image // the last published image that was looked at
	index  uint64      // of it; never goes back in one life
	raft   raftBook
	placed map[string]bool          // partition actors that an image of this life has placed here
	gone   map[string]time.Duration // those that it does not place here any more, since when

	joining bool // its disk is new, and it has no place in the cluster yet
	leaving bool // it ends in order
	fenced  bool // as it said when it left

	failing bool // its disk fails
	fault   Fault
	hitAt   time.Duration // when somebody was seen to have met that; 0: nobody has
}

// patron is the half of a client that outlives the brokers. It is connected to each of them.
type patron interface {
	name() string
	// receive is called with each message of the seat at a node: first kit.Started.
	receive(h *house, c kit.Context, m any)
	// cut tells that the connection to a node broke: what was under way there has no answer and will get none.
	cut(h *house)
	done() bool
	// waits says what the client waits for, and since when; "" if for nothing.
	waits() (what string, since time.Duration)
}

// place is the connection of a patron to one life of a broker.
type place struct {
	patron
	h *house
}

// Receive implements kit.Actor.
func (p place) Receive(c kit.Context, m any) { p.receive(p.h, c, m) }

func newTown(o Options) *town {
	t := &town{Sim: kitsim.New(o.Seed), o: o, ledger: newLedger(), cluster: newClusterBook()}
	t.Trace.Full = o.Trace
	t.rng = rand.New(source{t.Sim})
	t.book.init()
	t.Net.Faults = kitsim.Faults{Min: 50 * time.Microsecond, Max: time.Millisecond}
	t.tail = []int64{0, 8 << 10, 1 << 20}[t.IntN(3)]
	t.static = map[string]string{"offsets.topic.num.partitions": "2"}
	for id := int32(1); id <= int32(o.Nodes); id++ {
		t.ids = append(t.ids, id)
	}
	t.founders = t.ids
	if o.Grows {
		t.founders = t.ids[:1]
	}
	for _, id := range t.ids {
		t.nodes = append(t.nodes, &house{t: t, id: id, disk: NewModels(o.NoSyncData, o.NoSyncMeta).(*models), store: storeID(id), raftID: meta.RaftIDOf(1, id)})
	}
	t.Check(t.check)
	return t
}

func (h *house) up() bool { return h.node != nil && h.node.Up() && h.broker != nil }

// image is what the broker publishes; an empty one if it is down.
func (h *house) image() *meta.Image {
	if !h.up() {
		return meta.NewImage()
	}
	return h.broker.Published.Get().Image
}

// start boots the broker: for the first time, or after it ended.
func (h *house) start() {
	switch {
	case h.joining || h.node != nil && h.node.Up():
	case h.node == nil:
		h.node = h.t.Node(host(h.id), h.boot)
		h.node.OnFatal = h.onFatal
	default:
		h.bury()
		h.node.Restart()
	}
}

func (h *house) boot(l *kitsim.Life) {
	h.seen, h.index, h.raft, h.leaving = nil, 0, raftBook{easy: h.raft.easy}, false
	h.placed, h.gone = map[string]bool{}, map[string]time.Duration{}
	o := BrokerOptions{Static: h.t.static, TailBytes: h.t.tail, Cleaned: &h.t.cleaned, Seat: &Seat{ID: h.id, Nodes: h.t.founders}}
	if h.store != storeID(h.id) {
		o.Seat.Nodes, o.Seat.RaftID, o.Seat.StoreID = h.t.ids, h.raftID, h.store
	}
	if h.t.o.Seed%3 == 0 { // followers that were away need a snapshot
		o.CompactEntries, o.CompactTail = 20, 5
	}
	var err error
	if h.broker, err = Boot(l, h.disk, o); err != nil {
		h.t.Fail("%s does not start: %v", host(h.id), err)
		return
	}
	for _, c := range h.t.clients {
		l.Spawn("conn/"+c.name(), place{c, h}, kit.Options{Kind: "conn"})
	}
}

// kill ends brokers at the same moment, as a loss of power does.
func (t *town) kill(list ...*house) {
	for _, h := range list {
		if !h.up() {
			continue
		}
		h.node.Crash()
		h.failing = false
		h.lose()
	}
}

// durable is the end of what a node would find of a partition after a loss of power.
func (h *house) durable(partID uint32) int64 { return h.disk.data.Durable(partID).End }

// find is the partition of an account in what a broker publishes; nil: it knows none.
func (h *house) find(a *account) (*meta.Topic, *meta.Partition) {
	t := h.image().TopicByID(a.topic)
	if t == nil || int(a.index) >= len(t.Partitions) {
		return nil, nil
	}
	return t, &t.Partitions[a.index]
}

// account is the ledger's page for a partition of a topic.
func (t *town) account(x *topic, index int) *account {
	a := t.ledger.part(x.ID, int32(index))
	a.gone = a.gone || x.state == topicLeaving || x.state == topicDeleted
	return a
}

// whole reports whether the cluster is as it should be in what every broker publishes: L1.
func (t *town) whole() (bool, string) {
	for _, h := range t.nodes {
		if !h.up() || !h.broker.Ready {
			return false, host(h.id) + " is not ready"
		}
		img := h.image()
		for _, id := range t.ids {
			if !img.Serves(id) {
				return false, fmt.Sprintf("%s does not see broker %d in service", host(h.id), id)
			}
		}
		for x := range img.Topics() {
			for i := range x.Partitions {
				p := &x.Partitions[i]
				if p.Leader == meta.NoLeader || len(p.ISR) != len(p.Replicas) || p.Moving() {
					return false, fmt.Sprintf("%s sees %s-%d with leader %d, replicas %v, ISR %v, adding %v, removing %v", host(h.id), x.Name, i, p.Leader, p.Replicas, p.ISR, p.Adding, p.Removing)
				}
			}
		}
	}
	return true, ""
}

// waiting says what the clients wait for.
func (t *town) waiting() string {
	var out strings.Builder
	out.WriteString(waiting(t.clients))
	for _, h := range t.nodes {
		if h.up() {
			st := h.broker.Board.Status()
			fmt.Fprintf(&out, "\n  %s: term %d, leader %d, committed %d, applied %d, image %d", host(h.id), st.Term, st.LeaderNode(), st.Committed, st.Applied, h.image().Index())
		}
	}
	return out.String()
}

func (t *town) failIfWell(format string, args ...any) {
	if t.Err() == nil {
		t.Fail(format, args...)
	}
}

func (t *town) totals() Totals {
	s := t.Stats()
	out := Totals{Clusters: 1, Steps: s.Steps, Messages: s.Messages, Crashes: s.Crashes - t.stops, Stops: t.stops, Replaced: t.replaced, Pauses: t.pauses, Full: t.full, Fatals: t.fatals, Faults: t.faults, Acked: t.ledger.acked, Repeated: t.ledger.repeated,
		TimedOut: t.ledger.timedOut, Refused: t.ledger.refused, Consumed: t.ledger.consumed, Made: t.cluster.made, Deleted: t.cluster.deleted,
		Jumps: t.jumps, Slow: t.slow, Stuck: t.stuck, Cuts: t.cuts, Committed: t.committed, Elections: t.book.terms, Leaders: t.book.leaders, ISRs: t.book.isrs,
		Truncations: t.book.truncations, Moves: t.book.moves, Traps: t.sprung, Resets: t.resets, Tombstones: t.ledger.tombstones}
	for _, h := range t.nodes {
		lost, torn := h.disk.Lost()
		out.Unsynced += uint64(lost)
		out.Torn += uint64(torn)
	}
	return out
}
