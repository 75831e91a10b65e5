package metadata

import (
	"fmt"
	"time"

	"troupe/actors/kit"
	"troupe/actors/meta"
	"troupe/actors/peer"
	"troupe/raftnode"
	"troupe/storage"
)

// Options of the actor.
type Options struct {
	Store storage.Meta // open for as long as the actor lives
	// Loaded is the store's content, and Image what LoadImage made of it.
	Loaded storage.MetaLoaded
	Image  *meta.Image
	Board  *raftnode.Board // shared with the raft actor
	Peers  *kit.Ref        // the actor of package peer that owns the links; nil on a node that is alone
	// Node and Incarnation begin the request ids: no two runs of anything may share both. A node that has no id yet (0) takes a random
	// incarnation, others storage.Identity.Run.
	Node        int32
	Incarnation uint64
	// Compaction of the Raft log; zero values take the defaults.
	CompactEntries uint64 // entries between two compactions
	CompactTail    uint64 // entries that stay, for followers that are a little behind
	CompactBytes   int    // bytes of commands in the log after which it is cut to half of that
}

// Defaults of the log's compaction.
const (
	DefaultCompactEntries = 10_000
	DefaultCompactTail    = 5_000
	DefaultCompactBytes   = 32 << 20
)

// LoadImage builds the image of a store's content. An error means that the store is damaged or newer than this program.
func LoadImage(l storage.MetaLoaded) (*meta.Image, error) {
	img, err := meta.LoadRecords(func(yield func(k, v []byte) bool) {
		for _, r := range l.Records {
			if !yield(r.Key, r.Value) {
				return
			}
		}
	})
	if err != nil {
		return nil, fmt.Errorf("metadata state: %w", err)
	}
	if img.Index() != l.Applied {
		return nil, fmt.Errorf("metadata state: %w: it is at %d and its mark at %d", storage.ErrMetaDamaged, img.Index(), l.Applied)
	}
	return img, nil
}

// Spawn starts the metadata actor. Spawn the Raft group behind it, with the returned reference as its state machine.
func Spawn(sys kit.System, o Options) *kit.Ref {
	a := &Metadata{o: o, image: o.Image, stored: o.Image, book: newBook[*raftnode.Propose](),
		mark: raftnode.Mark{Index: o.Loaded.Applied, Term: o.Loaded.AppliedTerm, Conf: o.Loaded.ConfState},
		log:  compactor{entries: o.CompactEntries, tail: o.CompactTail, bytes: o.CompactBytes, first: o.Loaded.TruncIndex}}
	if a.log.entries == 0 {
		a.log.entries = DefaultCompactEntries
	}
	if a.log.tail == 0 {
		a.log.tail = DefaultCompactTail
	}
	if a.log.bytes == 0 {
		a.log.bytes = DefaultCompactBytes
	}
	return sys.Spawn(raftnode.MetadataName, a, kit.Options{Kind: "metadata", Limit: MaxWaiting})
}

// Metadata is the actor.
type Metadata struct {
	o    Options
	self *kit.Ref
	raft *kit.Ref // nil before Attached
	node *kit.Ref // nil before Subscribe

	leader uint64   // Raft id, 0 if nobody is known to lead
	leads  bool     // this node does
	nodes  []uint64 // Raft ids of the cluster's nodes, as Raft was told last

	image  *meta.Image
	mark   raftnode.Mark // of image
	stored *meta.Image   // what the store holds
	log    compactor

	storing    bool              // a store is under way
	installing *raftnode.Install // waits for it, or is under way

	book    *book[*raftnode.Propose]
	sweep   kit.Timer // for the nearest deadline
	sweepAt time.Time // zero: no timer
	retry   kit.Timer // nil: no timer
	backoff time.Duration

	showing   uint64                       // slot of the Changed that is not Seen yet, 0 if there is none
	slot      uint64                       // of the last Changed
	shown     []*waiter[*raftnode.Propose] // answered at Seen
	later     meta.Changes                 // of the next Changed
	laterAny  bool                         // there is a next Changed
	laterDone []*waiter[*raftnode.Propose] // answered when that one is Seen
	lastApply time.Time
}

// Receive implements kit.Actor.
func (a *Metadata) Receive(c kit.Context, m any) {
	switch m := m.(type) {
	case kit.Started:
		a.self = c.Self()
	case raftnode.Attached:
		a.attached(m)
	case Subscribe:
		a.subscribe(c, m)
	case *raftnode.Propose:
		a.propose(c, m)
	case raftnode.Dropped:
		a.dropped(c, m.ID.Seq)
	case peer.Answered:
		a.answered(c, m)
	case raftnode.LeaderChanged:
		a.leaderChanged(m)
	case raftnode.Apply:
		a.apply(c, m)
	case stored:
		a.onStored(c, m)
	case Seen:
		a.seen(c, m)
	case raftnode.BuildSnapshot:
		a.buildSnapshot(c)
	case *raftnode.Install:
		a.install(c, m)
	case installed:
		a.onInstalled(c, m)
	case expire:
		a.expire(c)
	case again:
		a.again()
	case *kit.Inspect:
		a.inspect(m)
	case kit.Stopping:
		a.stop()
	}
	a.post()
}

// post publishes what metrics and doctor see.
func (a *Metadata) post() {
	a.o.Board.PostState(raftnode.Status{Image: a.image.Index(), Stored: a.stored.Index(), Pending: a.book.n, Oldest: a.book.oldest(), LastApply: a.lastApply})
}

func (a *Metadata) inspect(m *kit.Inspect) {
	state := "running"
	if a.installing != nil {
		state = "installing"
	}
	m.Reply(kit.Inspected{Inspect: m, State: state, Fields: []kit.Field{
		{Name: "applied", Value: a.image.Index()}, {Name: "stored", Value: a.stored.Index()},
		{Name: "proposals without an answer", Value: a.book.n}, {Name: "of them without a place", Value: len(a.book.backlog)},
		{Name: "oldest came", Value: a.book.oldest()}, {Name: "waits for the node to see", Value: a.showing != 0},
		{Name: "topics", Value: a.image.TopicCount()}, {Name: "partitions", Value: a.image.PartitionCount()},
	}})
}
