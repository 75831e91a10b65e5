package run

import (
	"time"

	"troupe/actors/bootstrap"
	"troupe/actors/kit"
	"troupe/actors/meta"
	"troupe/actors/metadata"
	"troupe/actors/node"
	"troupe/actors/peer"
	"troupe/actors/scrub"
	"troupe/actors/writer"
	"troupe/cmd/broker/admin"
	"troupe/kafka"
	"troupe/kafka/api"
	"troupe/raftnode"
	"troupe/storage"
)

// The names of the actors that are spawned here.
const (
	nodeName     = "node"
	writerName   = "writer"
	scrubberName = "scrubber"
)

// spawn starts the actors that need not know who this broker is, and the admin door. If it belongs to a cluster the rest follows at once,
// else when bootstrap has found one. No actor waits for another, and nothing here can fail: what can be wrong with a configuration was
// found before the stores were opened.
func (b *Broker) spawn() {
	known := b.stores.state
	b.gate = &writer.Gate{}
	b.writer = b.sys.Spawn(writerName, writer.New(writer.Options{Data: b.stores.data, Gate: b.gate, Stats: &b.written}), kit.Options{Kind: "writer"})
	sockets := peer.NewSockets(b.peerL, b.peerTLS)
	if b.cfg.Dial != nil {
		sockets.DialWith(b.cfg.Dial)
	}
	b.peers = peer.Spawn(b.sys, peer.Options{
		Me: peer.Identity{ClusterID: known.id.ClusterID, NodeID: known.id.NodeID, StoreID: known.id.StoreID, Incarnation: known.id.Run(),
			Address: b.peerAddress()},
		Secret: b.cfg.PeerSecret, Network: sockets, Board: &b.links, Strangers: &b.callers,
	})
	b.spawnBootstrap()
	b.sys.Spawn(scrubberName, scrub.New(scrub.Options{Data: b.stores.data, Pace: scrub.DefaultPace, Stats: &b.scrub}), kit.Options{})
	b.watch = newWatch(b.look, b.paceHeap)
	if known.id.NodeID != 0 {
		b.work(known)
	}
	go b.watch.run()
	b.admin = admin.New(source{b}, time.Now, b.adminL.Addr().String())
	go b.admin.Serve(b.adminL, b.log)
}

func (b *Broker) spawnBootstrap() {
	var found place // written by Persist, read after it
	b.bootstrap = bootstrap.Spawn(b.sys, bootstrap.Options{
		Identity: b.stores.state.id, Seeds: b.cfg.Seeds, Join: b.cfg.Join, Known: b.stores.state.others(), NodeID: b.cfg.NodeID, Address: b.peerAddress(), Version: b.cfg.Version,
		Configs: b.cfg.founding(), Peers: b.peers, NewClusterID: newClusterID,
		Image: func() *meta.Image { return b.pub.Get().Image },
		Persist: func(id storage.Identity) (err error) {
			if err = b.stores.meta.SetIdentity(id); err == nil {
				found, err = b.stores.load(id)
			}
			return err
		},
		Settled: func(storage.Identity) { go b.settled(found) },
		Waits:   func(text string) { b.steps.Wait(node.StepFound, text) },
		Refused: func(text string) { b.failed <- ConflictError{text} },
	})
}

// settled begins the work under an identity that was not known at the start, unless the broker stops.
func (b *Broker) settled(p place) {
	b.turn.Lock()
	defer b.turn.Unlock()
	if !b.stopped {
		b.id.Store(&p.id)
		b.steps.Finish(node.StepFound)
		b.work(p)
	}
}

// work starts what needs an identity: metadata, Raft, the node, and the doors for clients.
func (b *Broker) work(p place) {
	b.working = true
	b.steps.Wait(node.StepActors, "their turn")
	id, sp := p.id, b.split
	b.metadata = metadata.Spawn(b.sys, metadata.Options{Store: b.stores.meta, Loaded: p.loaded, Image: p.image, Board: b.board, Peers: b.peers, Node: id.NodeID, Incarnation: id.Run()})
	b.raft = raftnode.Spawn(b.sys, raftnode.Options{ID: id.RaftID, Store: b.stores.meta, Loaded: p.loaded, FSM: b.metadata, Peers: b.peers, Board: b.board, Faults: b.cfg.Faults, Trace: b.trace})
	b.steps.Finish(node.StepRaft)
	o := node.Options{
		NodeID: id.NodeID, RaftID: id.RaftID, StoreID: id.StoreID, Incarnation: newUUID(), PrevEpoch: id.CleanEpoch,
		Rack: b.cfg.Rack, Version: b.cfg.Version, Listeners: []meta.Endpoint{b.advertised}, Peer: b.peerEndpoint(), Static: b.cfg.Static,
		Metadata: b.metadata, Writer: b.writer, Peers: b.peers, Quorum: b.raft, Data: b.stores.data, Tail: b.tail, Gate: b.gate, Published: b.pub, Steps: b.steps,
		CleanerMemory: sp.cleaner, Cleaner: &b.cleaned, Groups: &b.groups,
		Leader:     func() int32 { return b.board.Status().LeaderNode() },
		Raft:       b.board,
		Links:      &b.links,
		Timing:     timing(b.cfg.Static),
		Upkeep:     upkeep(b.cfg.Static),
		Controller: &b.control,
		DiskOK:     func() bool { return b.stores.watch.Oldest().For < stuckDisk },
		Registered: b.epoch.Store,
	}
	if r := p.record; r != nil {
		o.ClusterID, o.Founding, o.Founders, o.Level = r.ClusterID, r.Configs, r.Founders, r.FeatureLevel
	}
	b.node = b.sys.Spawn(nodeName, node.New(o), kit.Options{Kind: "node"})
	b.bootstrap.Tell(bootstrap.Serve{Metadata: b.metadata})
	b.openDoors()
}

func (b *Broker) openDoors() {
	b.steps.Wait(node.StepServing, "the listeners")
	env := &api.Env{
		Metadata: b.metadata, Peers: b.peers, Writer: b.writer, Published: b.pub, Data: b.stores.data, Tail: b.tail, NodeID: b.NodeID(),
		Lending: storage.NewLending(b.split.reads), ClusterID: func() string { return b.pub.Get().Image.ClusterID() }, Static: b.facts(),
		DataDir: b.cfg.DataDir, Quorum: b.board.Status, Controller: b.controller(), LogLevel: b.cfg.LogLevel,
	}
	env.Spawn(b.sys)
	b.doorCfg = b.doorConfig(b.split)
	d := kafka.NewServer(env, b.sys, b.doorCfg)
	for _, l := range b.kafkaL {
		if b.cfg.Clients != nil {
			l = b.cfg.Clients(l)
		}
		d.Serve(l)
	}
	b.door.Store(d)
	b.steps.Finish(node.StepServing)
}
