package sim

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"time"

	"troupe/actors/cleaner"
	"troupe/actors/controller"
	"troupe/actors/kit"
	kitsim "troupe/actors/kit/sim"
	"troupe/actors/meta"
	"troupe/actors/metadata"
	"troupe/actors/node"
	"troupe/actors/peer"
	"troupe/actors/writer"
	"troupe/kafka/api"
	"troupe/raftnode"
	"troupe/storage"
)

// BrokerOptions are what one life of a broker is started with.
type BrokerOptions struct {
	Static    map[string]string // Kafka broker properties
	TailBytes int64
	Faults    raftnode.Faults
	Cleaned   *cleaner.Stats // gets the figures of compaction
	// Watch makes the data store that the broker gets of the disk's; nil: it gets the disk's own.
	Watch func(storage.Data) (storage.Data, error)
	// Compaction of the Raft log; zero values take the defaults.
	CompactEntries, CompactTail uint64
	Seat                        *Seat // its place in a cluster; nil: it is alone, and has no links
}

// Broker is one life of a whole broker but for its doors: what cmd/broker/run.Start spawns, on a simulated node.
type Broker struct {
	Life      *kitsim.Life
	Data      storage.Data
	Meta      storage.Meta
	ID        storage.Identity
	Tail      *storage.Tail
	Gate      *writer.Gate
	Board     *raftnode.Board
	Published *node.Published
	Steps     *node.Steps
	Epoch     int64 // broker epoch, 0 before registration
	Ready     bool  // every step of the start is done

	Writer, Metadata, Raft, Node *kit.Ref
	Peers                        *kit.Ref // nil: it is alone
	Links                        *peer.Board
	Control                      *controller.Board
	// Shared is what the connections of a broker share: the maker of auto-created topics, the giver of producer ids.
	Shared *api.Env
}

const (
	nodeName   = "node"
	writerName = "writer"
	nodeID     = 1
)

// Boot opens the stores of a disk and spawns the actors, lowest floor first. It waits for nobody.
func Boot(l *kitsim.Life, d Disk, o BrokerOptions) (*Broker, error) {
	b := &Broker{Life: l, Gate: &writer.Gate{}, Board: &raftnode.Board{}, Published: &node.Published{}, Tail: storage.NewTail(o.TailBytes)}
	b.Steps = node.NewSteps(l.Now, func() { b.Ready = true })
	b.Steps.Wait(node.StepStores, "the disk")
	var err error
	if b.Data, b.Meta, err = d.Open(); err != nil {
		return nil, err
	}
	if o.Watch != nil {
		if b.Data, err = o.Watch(b.Data); err != nil {
			return nil, err
		}
	}
	if err := b.identify(o.Seat); err != nil {
		return nil, err
	}
	loaded, err := b.load(o.Seat)
	if err != nil {
		return nil, err
	}
	img, err := metadata.LoadImage(loaded)
	if err != nil {
		return nil, err
	}
	b.Steps.Finish(node.StepStores)
	b.spawn(l, o, loaded, img)
	return b, nil
}

// load reads the Raft log. A founder's begins with the state that all of them share; one that has joined begins with nothing, and hears from
// the leader.
func (b *Broker) load(s *Seat) (storage.MetaLoaded, error) {
	if s.joined() {
		return b.Meta.Load()
	}
	return raftnode.Found(b.Meta, s.voters(b.ID.RaftID))
}

func (b *Broker) spawn(l *kitsim.Life, o BrokerOptions, loaded storage.MetaLoaded, img *meta.Image) {
	b.Writer = l.Spawn(writerName, writer.New(writer.Options{Data: b.Data, Gate: b.Gate}), kit.Options{Kind: "writer"})
	b.Links, b.Control = &peer.Board{}, &controller.Board{}
	b.Peers = o.Seat.link(l, b)
	b.Metadata = metadata.Spawn(l, metadata.Options{Store: b.Meta, Loaded: loaded, Image: img, Board: b.Board, Peers: b.Peers,
		Node: b.ID.NodeID, Incarnation: b.ID.Run(), CompactEntries: o.CompactEntries, CompactTail: o.CompactTail})
	b.Raft = raftnode.Spawn(l, raftnode.Options{ID: b.ID.RaftID, Store: b.Meta, Loaded: loaded, FSM: b.Metadata, Peers: b.Peers, Board: b.Board, Faults: o.Faults})
	b.Steps.Finish(node.StepRaft)
	b.Node = l.Spawn(nodeName, node.New(node.Options{
		NodeID: b.ID.NodeID, RaftID: b.ID.RaftID, StoreID: b.ID.StoreID, Incarnation: newUUID(l), ClusterID: o.Seat.founds(b.ID), PrevEpoch: b.ID.CleanEpoch,
		Version: "sim", Listeners: []meta.Endpoint{{Name: "PLAINTEXT", Host: "127.0.0.1", Port: 9092}}, Static: o.Static, Founding: map[string]string{}, Founders: o.Seat.founders(),
		Metadata: b.Metadata, Writer: b.Writer, Peers: b.Peers, Links: b.Links, Controller: b.Control, Quorum: b.Raft, Data: b.Data, Tail: b.Tail, Gate: b.Gate, Published: b.Published, Steps: b.Steps, Cleaner: o.Cleaned,
		Leader:     func() int32 { return b.Board.Status().LeaderNode() },
		Raft:       b.Board,
		Registered: func(epoch int64) { b.Epoch = epoch },
	}), kit.Options{Kind: "node"})
	b.Shared = &api.Env{Metadata: b.Metadata, Peers: b.Peers, Writer: b.Writer, Published: b.Published, Data: b.Data, Tail: b.Tail, NodeID: b.ID.NodeID,
		ClusterID: func() string { return b.Published.Get().Image.ClusterID() }, Static: o.Static, DataDir: "/sim", Quorum: b.Board.Status}
	b.Shared.Spawn(l)
	b.Steps.Finish(node.StepServing) // there are no doors to open
}

// identify reads whose disk this is, or settles it, and counts the start.
func (b *Broker) identify(s *Seat) error {
	id, err := b.Meta.Identity()
	if err != nil {
		return err
	}
	if id.NodeID == 0 {
		u := newUUID(b.Life)
		id = storage.Identity{StoreID: newUUID(b.Life), ClusterID: "s" + base64.RawURLEncoding.EncodeToString(u[:])[1:], NodeID: nodeID,
			RaftID: meta.RaftIDOf(1, nodeID), CleanEpoch: -1}
		if s != nil {
			id = s.identity()
		}
	}
	id.Incarnation++
	b.ID = id
	id.CleanEpoch = -1
	return b.Meta.SetIdentity(id)
}

func newUUID(l *kitsim.Life) (u [16]byte) {
	binary.BigEndian.PutUint64(u[:8], l.Rand())
	binary.BigEndian.PutUint64(u[8:], l.Rand())
	return u
}

// gone says that an actor has stopped.
type gone struct{}

// Stop ends the broker in the order of run.Broker.Stop: the broker leaves the cluster's view, replicas answer who waits, then
// leave closes the clients' connections, then the other actors stop. The stores are still open afterwards.
func (b *Broker) Stop(s *kitsim.Sim, leave func()) error {
	const patience = time.Minute
	down, ok := kitsim.Ask[node.Down](s, patience, func(to *kit.Ref) { b.Node.Tell(&node.Shutdown{Ask: kit.Ask{ReplyTo: to}}) })
	if !ok {
		return fmt.Errorf("an orderly stop: the node is not down after %s", patience)
	}
	leave()
	stop := func(name string) error {
		r := b.Life.Lookup(name)
		if r == nil {
			return nil
		}
		if _, ok := kitsim.Ask[gone](s, patience, func(to *kit.Ref) { b.Life.Stop(r, to, gone{}) }); !ok {
			return fmt.Errorf("an orderly stop: actor %s has not ended after %s", name, patience)
		}
		return nil
	}
	if err := stop(nodeName); err != nil {
		return err
	}
	// A change without ops is answered when everything before it is durable.
	if _, ok := kitsim.Ask[writer.Changed](s, patience, func(to *kit.Ref) { b.Writer.Tell(&writer.Change{Ask: kit.Ask{ReplyTo: to}}) }); !ok {
		return fmt.Errorf("an orderly stop: the writer is not done after %s", patience)
	}
	if err := stop(writerName); err != nil {
		return err
	}
	if down.Fenced {
		id := b.ID
		id.CleanEpoch = b.Epoch
		if err := b.Meta.SetIdentity(id); err != nil {
			return err
		}
	}
	for _, name := range []string{api.TopicMakerName, api.ProducerIDsName, raftnode.RaftName, raftnode.LogName, raftnode.MetadataName} {
		if err := stop(name); err != nil {
			return err
		}
	}
	return nil
}
