package node

import (
	"time"

	"troupe/actors/cleaner"
	"troupe/actors/controller"
	"troupe/actors/group"
	"troupe/actors/kit"
	"troupe/actors/meta"
	"troupe/actors/metadata"
	"troupe/actors/partition"
	"troupe/actors/peer"
	"troupe/actors/writer"
	"troupe/raftnode"
	"troupe/storage"
)

// Options are what a node actor works with. All of it is made by run.
type Options struct {
	NodeID      int32
	RaftID      uint64
	StoreID     [16]byte
	Incarnation [16]byte
	ClusterID   string // of the cluster that this node founds, "" if it founds none
	PrevEpoch   int64  // broker epoch in the clean-shutdown mark, -1 without one
	Rack        string
	Version     string
	Listeners   []meta.Endpoint
	Peer        meta.Endpoint     // where other nodes reach this one; zero: as they know it
	Static      map[string]string // the broker's own configuration by Kafka's names
	Founding    map[string]string // cluster-wide defaults that InitCluster carries
	Founders    []meta.Node       // of the cluster that this node founds; none: this node alone
	Level       uint32            // the feature level that all founders understand; 0: the highest of this node

	Metadata  *kit.Ref
	Writer    *kit.Ref
	Peers     *kit.Ref // nil: there are no links to other nodes
	Quorum    *kit.Ref // the raft actor, asked to give its lead away before this node stops; nil: it is not asked
	Data      storage.Data
	Tail      *storage.Tail
	Gate      *writer.Gate
	Published *Published
	Steps     *Steps
	// CleanerMemory bounds the memory that compaction may take for keys, in bytes; 0: its settings alone do. Cleaner gets its figures.
	CleanerMemory int64
	Cleaner       *cleaner.Stats
	Groups        *group.Stats // of the consumer groups that are coordinated here; nil: nobody looks
	// Leader is the Raft leader's node id as the Raft actor last knew it, -1 if unknown. Safe for any goroutine.
	Leader func() int32
	// Raft tells this node's part in Raft; nil: of a group with one member. Links shows the links to other nodes, nil: nobody looks.
	Raft  interface{ Status() raftnode.Status }
	Links *peer.Board
	// Timing of heartbeats and sessions; zero: controller.DefaultTiming. Controller gets what the controller shows.
	Timing     controller.Timing
	Upkeep     controller.Upkeep
	Controller *controller.Board
	// DiskOK reports whether the disk answers; nil: it does. Safe for any goroutine.
	DiskOK func() bool
	// Registered is called once with the broker epoch, when the registration was applied.
	Registered func(epoch int64)
}

// Node is the root of the broker's actors. See doc.go.
type Node struct {
	o     Options
	image *meta.Image
	view  *View
	life  life
	// replicas by partId; the View shows the same to connections.
	replicas map[uint32]*replica
	stopping map[uint32]bool // told to stop, not yet gone: their partIds may not be dropped from the store before
	// coordinators of consumer groups, by partition of their topic, once coordinating.
	coordinators map[int32]*coordinator
	coordinating bool
	orders       []coordination      // what they are to be told behind the next view
	caughtUp     bool                // this run was unfenced once: the image holds all that was committed before it
	looked       bool                // the store was searched for strays
	linked       map[int32]peer.Link // what peers was told of other nodes; none: this node is alone
	controller   *kit.Ref
	told         part // what the controller was told of our part in Raft
	lease        *partition.Lease
	beats        beats
	carrier      *kit.Ref // of messages between replicas; nil: there are no other brokers
	carried      int64    // broker epoch that it was told
	shutdown     *Shutdown
	fencing      bool     // the fence of the shutdown is under way
	fenced       bool     // it was applied
	cleaner      *kit.Ref // nil when it has stopped
	cleanerEnds  bool
	cleaning     cleaner.Settings // as the cleaner was told
	sweep        sweep            // the round of retention under way
}

// replica is a local partition actor and what it was told last.
type replica struct {
	ref         *kit.Ref
	topicID     meta.TopicID
	index       int32
	coordinated bool // consumer groups are coordinated over it
	compacted   bool // the cleaner keeps it
}

// New makes the root actor.
func New(o Options) *Node {
	if o.Timing == (controller.Timing{}) {
		o.Timing = controller.DefaultTiming
	}
	return &Node{o: o, image: meta.NewImage(), view: emptyView, replicas: map[uint32]*replica{}, stopping: map[uint32]bool{},
		coordinators: map[int32]*coordinator{}, linked: map[int32]peer.Link{}}
}

// tickEvery is how often the start looks at what it waits for.
const tickEvery = 20 * time.Millisecond

// Receive implements kit.Actor.
func (n *Node) Receive(c kit.Context, m any) {
	switch m := m.(type) {
	case kit.Started:
		n.onStarted(c)
	case *metadata.Changed:
		n.onChanged(c, m)
	case raftnode.Proposed:
		n.onProposed(c, m)
	case stopped:
		n.onStopped(c, m)
	case strays:
		n.onStrays(c, m)
	case writer.Changed:
		n.onDropped(c, m)
	case group.Retired:
		n.onRetired(c, m)
	case coordinatorStopped:
		n.onCoordinatorStopped(c, m)
	case cleanerStopped:
		n.onCleanerStopped(c)
	case controller.Heard:
		n.onHeard(c, m)
	case peer.Answered:
		n.onAnswered(c, m)
	case controller.Links:
		n.onLinks(c, m)
	case beatDue:
		n.onBeatDue(c)
	case *Shutdown:
		n.onShutdown(c, m)
	case overstayed:
		n.onOverstayed(c)
	case raftnode.LeadershipTransferred:
		n.onTransferred(c, m)
	case tick:
		n.onTick(c)
	case retain:
		n.onRetain(c)
	case *kit.Inspect:
		n.onInspect(c, m)
	case kit.Stopping:
		n.onStopping(c)
	}
}

func (n *Node) onStarted(c kit.Context) {
	n.o.Steps.Finish(StepActors)
	n.o.Steps.Wait(StepLeader, "an election")
	n.o.Steps.Wait(StepImage, "the metadata actor")
	n.startReplicas(c)
	n.startCleaner(c)
	n.lease = partition.NewLease(c.Now)
	n.controller = c.Spawn(controller.Name, controller.New(controller.Options{NodeID: n.o.NodeID, Metadata: n.o.Metadata, Peers: n.o.Peers, Node: c.Self(),
		Timing: n.o.Timing, Upkeep: n.o.Upkeep, Board: n.o.Controller}), kit.Options{})
	n.o.Metadata.Tell(metadata.Subscribe{Node: c.Self()})
	c.After(c.Self(), tickEvery, tick{})
	c.After(c.Self(), n.retainEvery(), retain{})
	c.After(c.Self(), n.o.Timing.Beat, beatDue{})
}

func (n *Node) onInspect(c kit.Context, m *kit.Inspect) {
	m.Reply(kit.Inspected{Inspect: m, State: n.life.state(), Fields: []kit.Field{
		{Name: "node", Value: n.o.NodeID},
		{Name: "epoch", Value: n.life.epoch},
		{Name: "index", Value: n.image.Index()},
		{Name: "other nodes", Value: len(n.linked)},
		{Name: "may lead", Value: n.lease.Held()},
		{Name: "topics", Value: n.image.TopicCount()},
		{Name: "replicas", Value: len(n.replicas)},
		{Name: "stopping", Value: len(n.stopping)},
		{Name: "coordinators", Value: len(n.coordinators)},
	}})
}

func (n *Node) onStopping(c kit.Context) {
	c.Stop(n.controller, nil, nil)
	if n.carrier != nil {
		c.Stop(n.carrier, nil, nil)
	}
	if n.shutdown != nil {
		n.shutdown.Reply(Down{Shutdown: n.shutdown})
		n.shutdown = nil
	}
}

func (n *Node) defaults() meta.Defaults {
	return meta.Defaults{BrokerID: n.o.NodeID, Static: n.o.Static}
}
