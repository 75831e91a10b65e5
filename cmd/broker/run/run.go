// Package run puts a whole broker together: stores, actors, doors. The command line, tests and later dev mode start brokers with it.
package run

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"time"

	"troupe/actors/cleaner"
	"troupe/actors/controller"
	"troupe/actors/kit"
	"troupe/actors/kit/trace"
	"troupe/actors/meta"
	"troupe/actors/metadata"
	"troupe/actors/node"
	"troupe/actors/peer"
	"troupe/actors/scrub"
	"troupe/actors/writer"
	"troupe/cmd/broker/admin"
	"troupe/kafka"
	"troupe/kafka/api"
	"troupe/kafka/code"
	"troupe/raftnode"
	"troupe/storage"
)

// Broker is one running broker.
type Broker struct {
	cfg     Config
	log     *slog.Logger
	sys     *kit.Troupe
	stores  stores
	tail    *storage.Tail
	board   *raftnode.Board
	pub     *node.Published
	written writer.Stats
	cleaned cleaner.Stats
	scrub   scrub.Stats
	links   peer.Board
	callers peer.Strangers
	control controller.Board
	trace   *trace.Recorder
	syncs   kit.LiveHistogram // how long the disk took to make commits durable
	watch   *watch
	gate    *writer.Gate
	steps   *node.Steps
	serving chan struct{} // closed when the broker serves
	epoch   atomic.Int64  // broker epoch, 0 before registration

	paceHeap func()

	raft, metadata, writer, node *kit.Ref

	kafkaL        []net.Listener
	adminL, peerL net.Listener
	door          *kafka.Server
	doorCfg       kafka.Config
	admin         *admin.Server
}

// The names of the actors that are spawned here.
const (
	nodeName     = "node"
	writerName   = "writer"
	scrubberName = "scrubber"
)

// poolSize bounds how many blocking reads run at a time.
const poolSize = 32

// Start opens the stores, spawns the actors and opens the doors. It waits for nobody: Ready tells when the broker serves.
// Errors are one line each; see UsageError, DataDirError, ConflictError, DeniedError.
func Start(cfg Config, log *slog.Logger) (*Broker, error) {
	cfg, err := cfg.WithDefaults()
	if err != nil {
		return nil, err
	}
	b := &Broker{cfg: cfg, log: log, serving: make(chan struct{}), board: &raftnode.Board{}, pub: &node.Published{}}
	b.steps = node.NewSteps(time.Now, func() { close(b.serving) })
	b.steps.Wait(node.StepStores, "the disk")
	if err := b.listen(); err != nil {
		b.closeListeners()
		return nil, err
	}
	advertised, err := cfg.advertised(b.kafkaL[0].Addr())
	if err != nil {
		b.closeListeners()
		return nil, err
	}
	sp := splitMemory(cfg.Memory)
	b.paceHeap = sp.paceHeap()
	allowGarbage(sp.ballast)
	storage.SlabPool(sp.slabs)
	b.sys = kit.New(log, poolSize)
	b.sys.SetDumpDir(filepath.Join(cfg.DataDir, "dumps"))
	b.record(sp.trace)
	var opened atomic.Bool
	fatal := func(reason string) {
		if !opened.Load() {
			dieOpening(cfg.DataDir, reason)
		}
		b.sys.Fatal(reason)
	}
	b.stores, err = openStores(cfg, sp, fatal, func(text string) { log.Warn(text) })
	opened.Store(true)
	if err != nil {
		b.closeListeners()
		b.sys.Close()
		return nil, err
	}
	if cfg.Disk != nil {
		b.stores.data = cfg.Disk(b.stores.data)
	}
	b.stores.data = timed{b.stores.data, &b.syncs}
	b.steps.Finish(node.StepStores)
	b.tail = storage.NewTail(sp.tail)
	b.spawn(sp, advertised)
	return b, nil
}

func (b *Broker) listen() (err error) {
	for _, a := range b.cfg.Listen {
		l, err := bind("Kafka address --listen", a)
		if err != nil {
			return err
		}
		b.kafkaL = append(b.kafkaL, l)
		if host, _, _ := splitAddress(a); !loopback(host) {
			b.log.Warn("clients beyond this machine can connect without authentication; bind --listen to 127.0.0.1 to avoid it", "listen", a)
		}
	}
	if b.adminL, err = bind("admin address --admin", b.cfg.Admin); err != nil {
		return err
	}
	b.peerL, err = bind("peer address --peer-listen", b.cfg.PeerListen)
	return err
}

func bind(what, address string) (net.Listener, error) {
	l, err := net.Listen("tcp", address)
	switch {
	case err == nil:
		return l, nil
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, ConflictError{fmt.Sprintf("%s %s is in use by another program: stop it, or choose another", what, address)}
	case errors.Is(err, syscall.EACCES):
		return nil, DeniedError{fmt.Sprintf("%s %s: this user may not bind it: choose a port above 1023", what, address)}
	default:
		return nil, UsageError{fmt.Sprintf("%s %s: %v", what, address, errors.Unwrap(err))}
	}
}

func (b *Broker) closeListeners() {
	for _, l := range append([]net.Listener{b.adminL, b.peerL}, b.kafkaL...) {
		if l != nil {
			l.Close()
		}
	}
}

// spawn starts all actors, lowest floor first, then opens the doors. No actor waits for another, and nothing here can fail: what can
// be wrong with a configuration was found before the stores were opened.
func (b *Broker) spawn(sp split, advertised meta.Endpoint) {
	b.steps.Wait(node.StepActors, "their turn")
	id, gate := b.stores.id, &writer.Gate{}
	b.gate = gate
	b.writer = b.sys.Spawn(writerName, writer.New(writer.Options{Data: b.stores.data, Gate: gate, Stats: &b.written}), kit.Options{Kind: "writer"})
	b.metadata = metadata.Spawn(b.sys, metadata.Options{Store: b.stores.meta, Loaded: b.stores.loaded, Image: b.stores.image, Board: b.board, Node: id.NodeID, Incarnation: id.Incarnation})
	b.raft = raftnode.Spawn(b.sys, raftnode.Options{ID: id.RaftID, Store: b.stores.meta, Loaded: b.stores.loaded, FSM: b.metadata, Board: b.board, Faults: b.cfg.Faults, Trace: b.trace})
	peers := peer.Spawn(b.sys, peer.Options{
		Me:     peer.Identity{ClusterID: id.ClusterID, NodeID: id.NodeID, StoreID: id.StoreID, Incarnation: id.Incarnation, Address: b.peerAddress()},
		Secret: b.cfg.PeerSecret, Network: peer.NewSockets(b.peerL, nil), Board: &b.links, Strangers: &b.callers,
	})
	b.steps.Finish(node.StepRaft)
	founding := map[string]string{}
	if v, ok := b.cfg.Static["min.insync.replicas"]; ok {
		founding["min.insync.replicas"] = v
	}
	b.node = b.sys.Spawn(nodeName, node.New(node.Options{
		NodeID: id.NodeID, RaftID: id.RaftID, StoreID: id.StoreID, Incarnation: newUUID(), ClusterID: id.ClusterID, PrevEpoch: id.CleanEpoch,
		Rack: b.cfg.Rack, Version: b.cfg.Version, Listeners: []meta.Endpoint{advertised}, Static: b.cfg.Static, Founding: founding,
		Metadata: b.metadata, Writer: b.writer, Peers: peers, Quorum: b.raft, Data: b.stores.data, Tail: b.tail, Gate: gate, Published: b.pub, Steps: b.steps,
		CleanerMemory: sp.cleaner, Cleaner: &b.cleaned,
		Leader:     func() int32 { return b.board.Status().LeaderNode() },
		Raft:       b.board,
		Links:      &b.links,
		Timing:     timing(b.cfg.Static),
		Upkeep:     upkeep(b.cfg.Static),
		Controller: &b.control,
		DiskOK:     func() bool { return b.stores.watch.Oldest().For < stuckDisk },
		Registered: b.epoch.Store,
	}), kit.Options{Kind: "node"})
	b.sys.Spawn(scrubberName, scrub.New(scrub.Options{Data: b.stores.data, Pace: scrub.DefaultPace, Stats: &b.scrub}), kit.Options{})
	b.openDoors(sp, peers)
}

func (b *Broker) openDoors(sp split, peers *kit.Ref) {
	b.steps.Wait(node.StepServing, "the listeners")
	env := &api.Env{
		Metadata: b.metadata, Peers: peers, Writer: b.writer, Published: b.pub, Data: b.stores.data, Tail: b.tail, NodeID: b.stores.id.NodeID,
		Lending: storage.NewLending(sp.reads), ClusterID: func() string { return b.pub.Get().Image.ClusterID() }, Static: b.facts(),
		DataDir: b.cfg.DataDir, Quorum: b.board.Status, Controller: b.controller(), LogLevel: b.cfg.LogLevel,
	}
	env.Spawn(b.sys)
	b.doorCfg = b.doorConfig(sp)
	b.door = kafka.NewServer(env, b.sys, b.doorCfg)
	b.watch = newWatch(b.look, b.paceHeap)
	go b.watch.run()
	for _, l := range b.kafkaL {
		b.door.Serve(l)
	}
	b.admin = admin.New(source{b}, time.Now, b.adminL.Addr().String())
	go b.admin.Serve(b.adminL, b.log)
	b.steps.Finish(node.StepServing)
}

// Ready is closed when the broker serves: registered, unfenced, listening.
func (b *Broker) Ready() <-chan struct{} { return b.serving }

// KafkaAddr is the address of the first Kafka listener, as bound.
func (b *Broker) KafkaAddr() string { return b.kafkaL[0].Addr().String() }

// AdminAddr is the address of the admin door, as bound.
func (b *Broker) AdminAddr() string { return b.adminL.Addr().String() }

// PeerAddr is the address for other brokers, as bound.
func (b *Broker) PeerAddr() string { return b.peerL.Addr().String() }

// peerAddress is what other brokers are told; "" if nobody said under which name they reach an address that stands for all.
func (b *Broker) peerAddress() string {
	if a := b.cfg.PeerAdvertise; a != "" {
		return a
	}
	if host, _, _ := splitAddress(b.cfg.PeerListen); unspecified(host) {
		return ""
	}
	return b.PeerAddr()
}

// NodeID is this node's number.
func (b *Broker) NodeID() int32 { return b.stores.id.NodeID }

// ClusterID is the cluster's id, once it is initialised.
func (b *Broker) ClusterID() string { return b.pub.Get().Image.ClusterID() }

// Stop ends the broker in order: no new connections, the broker leaves the cluster's view, replicas answer who waits, the writer
// drains, Raft ends, the stores close. What ctx cuts short is left to the next start; nothing acknowledged is lost by that.
func (b *Broker) Stop(ctx context.Context) error {
	b.log.Info("stopping")
	left := func() time.Duration {
		if d, ok := ctx.Deadline(); ok {
			return max(time.Until(d), 100*time.Millisecond)
		}
		return 20 * time.Second
	}
	b.door.CloseListeners()
	down, ok := kit.Await[node.Down](b.sys, left(), func(to *kit.Ref) { b.node.Tell(&node.Shutdown{Ask: kit.Ask{ReplyTo: to}}) })
	b.door.Close(left())
	b.stopActor(nodeName, left())
	b.stopActor(scrubberName, left())
	// A change without ops is answered when everything before it is durable.
	drained, answered := kit.Await[writer.Changed](b.sys, left(), func(to *kit.Ref) { b.writer.Tell(&writer.Change{Ask: kit.Ask{ReplyTo: to}}) })
	b.stopActor(writerName, left())
	// The mark says that this replica lacks nothing it ever held, so it takes both: the cluster knew that we leave, and the disk has all.
	if ok && down.Fenced && answered && drained.Code == code.OK {
		id := b.stores.id
		id.CleanEpoch = b.epoch.Load()
		if err := b.stores.meta.SetIdentity(id); err != nil {
			b.log.Warn("no clean-shutdown mark", "err", err)
		}
	}
	for _, name := range []string{api.TopicMakerName, api.ProducerIDsName, api.ForwarderName, raftnode.RaftName, raftnode.LogName, raftnode.MetadataName, peer.Name} {
		b.stopActor(name, left())
	}
	b.watch.close()
	b.admin.Close(ctx)
	b.closeListeners()
	if !b.quiet(left()) {
		b.sys.Close()
		return errors.New("stopped, but the disk is still at work: the stores were not closed; the next start recovers them")
	}
	b.sys.Close()
	err := b.stores.close()
	b.log.Info("stopped")
	return err
}

// quiet waits until no function that an actor left behind runs any more, at most d: a store must not be closed under one that reads or
// writes it.
func (b *Broker) quiet(d time.Duration) bool {
	for end := time.Now().Add(d); ; time.Sleep(2 * time.Millisecond) {
		p := b.sys.Pool()
		busy := p.Busy + p.Queued
		for _, bl := range b.sys.Blockers() {
			if bl.Queued > 0 || bl.Running > 0 {
				busy++
			}
		}
		if busy == 0 {
			return true
		}
		if time.Now().After(end) {
			return false
		}
	}
}

type gone struct{}

func (b *Broker) stopActor(name string, d time.Duration) {
	r := b.sys.Lookup(name)
	if r == nil {
		return
	}
	if _, ok := kit.Await[gone](b.sys, d, func(to *kit.Ref) { b.sys.Stop(r, to, gone{}) }); !ok {
		b.log.Warn("actor did not stop in time", "actor", name)
	}
}
