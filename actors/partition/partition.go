package partition

import (
	"fmt"
	"time"

	"troupe/actors/kit"
	"troupe/actors/meta"
	"troupe/actors/writer"
	"troupe/kafka/code"
	"troupe/storage"
)

// A partition's limits.
const (
	maxDeferred  = 1024   // messages that wait while the partition loads; more are refused
	maxWatches   = 10_000 // long polls on one partition; more are answered at once
	maxChanges   = 1024   // marks and deletions on their way to the disk, and trims that wait; more trims are refused
	maxProducers = 50_000 // idempotent producers remembered; beyond, those silent for longest are forgotten
	maxNamed     = 100    // records named in the answer to one refused batch

	// MinTimeout is the least time a produce request waits for the disk, whatever its timeout_ms says: Kafka, which acknowledges
	// from the page cache, can serve a time-out of 0, and no fsync is that quick.
	MinTimeout = time.Second
)

// Options of a Partition. Everything but PartID is shared by all partitions of a store.
type Options struct {
	PartID uint32
	Data   storage.Data
	Tail   *storage.Tail
	Writer *kit.Ref
	Gate   *writer.Gate // nil: always open
	Lease  *Lease       // nil: held for ever
	// Replicas carries messages to replicas on other brokers; nil: there are none.
	Replicas *kit.Ref
}

// state is where a partition is in its life; see doc.go.
type state uint8

const (
	unborn    state = iota // spawned, not told anything
	cold                   // told by Become, nothing read from the store
	loading                // the store is being read; what needs the log waits in deferred
	loaded                 // the log is known, and this broker leads
	following              // another broker leads, or none; the log is known
	failed                 // the writer has gone; nothing can be made durable
)

var stateNames = [...]string{"unborn", "cold", "loading", "leader", "follower", "failed"}

// Partition is one replica of one topic-partition. It owns the offsets, the leader epoch, the producers' sequences and
// everyone who waits on them.
type Partition struct {
	o     Options
	state state
	self  int32
	topic string
	id    meta.TopicID
	facts meta.Partition
	cfg   Config

	deferred []any          // while loading
	barrier  *writer.Change // while loading: what the load waits for
	look     bool           // the load is for retention only
	used     bool           // somebody needed the log since the last Retain
	quiet    int64          // while cold: retention finds nothing before this time in ms
	log      *log           // when loaded or following

	brokerEpoch int64       // our own, 0: not registered
	paths       []*path     // links that are up
	sub         *subscriber // while following a leader
	known       int64       // while loading: the high watermark is at least this
	cuts        int32       // times that the log was cut
	dropped     bool        // while loading: all of it was dropped, and its space is to be given back
}

// New makes the actor of a local replica. It is cold until its first use and takes a few hundred bytes until then.
func New(o Options) *Partition {
	if o.Gate == nil {
		o.Gate = &writer.Gate{}
	}
	return &Partition{o: o}
}

// Receive implements kit.Actor.
func (p *Partition) Receive(c kit.Context, m any) {
	switch m := m.(type) {
	case kit.Started:
	case Become:
		p.onBecome(c, m)
	case loadedLog:
		p.onLoaded(c, m)
	case Append:
		p.onAppend(c, m)
	case writer.Applied:
		p.onApplied(c, m)
	case writer.Synced:
		p.onSynced(c, m)
	case writer.Lost:
		p.onLost(c, m)
	case *Read:
		p.onRead(c, m)
	case Unreadable:
		p.onUnreadable(c, m)
	case *Watch:
		p.onWatch(c, m)
	case Unwatch:
		p.onUnwatch(m)
	case *Locate:
		p.onLocate(c, m)
	case *FindEpoch:
		p.onFindEpoch(c, m)
	case *ListProducers:
		p.onListProducers(c, m)
	case *Measure:
		p.onMeasure(m)
	case *Trim:
		p.onTrim(c, m)
	case writer.Changed:
		p.onChanged(c, m)
	case *Clean:
		p.onClean(c, m)
	case *Rewrite:
		p.onRewrite(c, m)
	case Retain:
		p.onRetain(c)
	case LeaseEnded:
		p.onLeaseEnded()
	case expired:
		p.onExpired(c, m)
	case overdue:
		p.onOverdue(c, m)
	case *kit.Inspect:
		p.onInspect(m)
	case kit.Stopping:
		p.onStopping()
	default:
		p.receiveReplication(c, m)
	}
}

// receiveReplication handles what concerns replicas on other brokers.
func (p *Partition) receiveReplication(c kit.Context, m any) {
	switch m := m.(type) {
	case registered:
		p.onRegistered(c, m)
	case linked:
		p.onLinked(c, m)
	case unlinked:
		p.onUnlinked(c, m)
	case *replicated:
		p.onReplicated(c, m)
	case knows:
		p.onKnows(m)
	case responded:
		p.onResponded(c, m)
	case tipped:
		p.onTipped(c, m)
	case resubscribe:
		p.onResubscribe(c, m)
	case *subscribed:
		p.onSubscribed(c, m)
	case acked:
		p.onAcked(c, m)
	case granted:
		p.onGranted(c, m)
	case chunk:
		p.onChunk(c, m)
	case unsent:
		p.onUnsent(c, m)
	case look:
		p.onLook(c, m)
	case wished:
		p.onWished(c, m)
	default:
		kit.Invariant(false, "BUG: partition got %T", m)
	}
}

// noLeaderEpoch is what a request carries that knows no leader epoch (RecordBatch.NO_PARTITION_LEADER_EPOCH).
const noLeaderEpoch = -1

// fence says whether this replica may serve a request that knows the given leader epoch (-1: none). The epoch is looked at first,
// as in Kafka's Partition.getLocalLog.
func (p *Partition) fence(epoch int32) code.Code {
	switch {
	case p.state == unborn:
		return code.NotLeaderForPartition
	case epoch != noLeaderEpoch && epoch < p.facts.LeaderEpoch:
		return code.FencedLeaderEpoch
	case epoch != noLeaderEpoch && epoch > p.facts.LeaderEpoch:
		return code.UnknownLeaderEpoch
	case !p.leads(), !p.o.Lease.Held():
		return code.NotLeaderForPartition
	case p.state == failed:
		return code.KafkaStorageError
	}
	return code.OK
}

// fenceRead is fence for who may read from a follower too (KIP-392).
func (p *Partition) fenceRead(epoch int32, replica bool) code.Code {
	bad := p.fence(epoch)
	if bad == code.NotLeaderForPartition && replica && p.sub != nil && (p.state == following || p.state == loading) {
		return code.OK
	}
	return bad
}

// ready says whether the log is known; if not, m waits until it is (or is refused), and loading begins.
func (p *Partition) ready(c kit.Context, m kit.Refuser) bool {
	p.used = true
	switch p.state {
	case loaded, following:
		if p.log != nil {
			return true
		}
		m.Refuse()
		return false
	case cold:
		p.startLoad(c)
	case loading:
	default:
		m.Refuse()
		return false
	}
	if len(p.deferred) >= maxDeferred {
		m.Refuse()
		return false
	}
	p.deferred = append(p.deferred, m)
	return false
}

// leads says whether this replica is to lead. One whose log knows a later epoch than the facts hears of the past: the broker has restarted, and
// its metadata is catching up. If it led then, it would take the later epochs back, and what it holds of them would never be held against
// the log of who leads now.
func (p *Partition) leads() bool {
	return p.facts.Leader == p.self && (p.log == nil || p.log.latestEpoch() <= p.facts.LeaderEpoch)
}

// replicated says whether there are replicas on other brokers to look after.
func (p *Partition) replicated() bool { return p.o.Replicas != nil && len(p.facts.Replicas) > 1 }

// name is what people call the partition.
func (p *Partition) name() string { return fmt.Sprintf("%s-%d", p.topic, p.facts.Index) }

func (p *Partition) onInspect(m *kit.Inspect) {
	f := []kit.Field{
		{Name: "topic", Value: p.name()},
		{Name: "part", Value: p.o.PartID},
		{Name: "leader", Value: p.facts.Leader},
		{Name: "leader epoch", Value: p.facts.LeaderEpoch},
		{Name: "deferred", Value: len(p.deferred)},
	}
	if l := p.log; l != nil {
		f = append(f,
			kit.Field{Name: "start", Value: l.start},
			kit.Field{Name: "high watermark", Value: l.high},
			kit.Field{Name: "durable end", Value: l.durable},
			kit.Field{Name: "end", Value: l.next},
			kit.Field{Name: "awaiting", Value: l.awaiting()},
			kit.Field{Name: "waiting appends", Value: l.waiting()},
			kit.Field{Name: "watches", Value: len(l.watches)},
			kit.Field{Name: "changes", Value: len(l.changes)},
			kit.Field{Name: "trims", Value: len(l.trims)},
			kit.Field{Name: "producers", Value: len(l.producers)},
		)
	}
	m.Reply(kit.Inspected{Inspect: m, State: stateNames[p.state], Fields: f})
}
