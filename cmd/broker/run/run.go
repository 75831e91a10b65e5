// Package run puts a whole broker together: stores, actors, doors. The command line, tests and later dev mode start brokers with it.
package run

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"troupe/actors/cleaner"
	"troupe/actors/controller"
	"troupe/actors/group"
	"troupe/actors/kit"
	"troupe/actors/kit/trace"
	"troupe/actors/meta"
	"troupe/actors/node"
	"troupe/actors/peer"
	"troupe/actors/scrub"
	"troupe/actors/writer"
	"troupe/cmd/broker/admin"
	"troupe/kafka"
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
	groups  group.Stats
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
	failed  chan error    // see Failed
	epoch   atomic.Int64  // broker epoch, 0 before registration

	paceHeap func()

	id                   atomic.Pointer[storage.Identity]
	peers, writer        *kit.Ref
	bootstrap            *kit.Ref
	raft, metadata, node *kit.Ref // spawned by work
	turn                 sync.Mutex
	working, stopped     bool // of turn: work was begun; it must not be any more
	closing              sync.Once
	leastClose           time.Duration
	split                split
	advertised           meta.Endpoint
	peerTLS              *tls.Config // nil: brokers talk in plain text

	kafkaL        []net.Listener
	adminL, peerL net.Listener
	door          atomic.Pointer[kafka.Server] // nil before the broker knows who it is
	doorCfg       kafka.Config
	admin         *admin.Server
}

// poolSize bounds how many blocking reads run at a time.
const poolSize = 32

// Start opens the stores, spawns the actors and opens the doors. It waits for nobody: Ready tells when the broker serves.
// Errors are one line each; see UsageError, DataDirError, ConflictError, DeniedError.
func Start(cfg Config, log *slog.Logger) (*Broker, error) {
	cfg, err := cfg.WithDefaults()
	if err != nil {
		return nil, err
	}
	if keys := cfg.withoutEffect(); len(keys) > 0 {
		log.Warn("settings that have no effect here: docs/configs.md and broker config check say why", "settings", strings.Join(keys, ","))
	}
	b := &Broker{cfg: cfg, log: log, serving: make(chan struct{}), failed: make(chan error, 1), board: &raftnode.Board{}, pub: &node.Published{}, leastClose: leastClose}
	b.steps = node.NewSteps(time.Now, func() { close(b.serving) })
	b.steps.Wait(node.StepStores, "the disk")
	if b.peerTLS, err = cfg.PeerTLS.load(); err != nil {
		return nil, err
	}
	if err := b.listen(); err != nil {
		b.closeListeners()
		return nil, err
	}
	if b.advertised, err = cfg.advertised(b.kafkaL[0].Addr()); err != nil {
		b.closeListeners()
		return nil, err
	}
	sp := splitMemory(cfg.Memory)
	sp.beside = max(int64(cfg.Beside), 1)
	b.split = sp
	b.groups.Room = sp.groups
	b.paceHeap = sp.paceHeap(b.groups.SetTight)
	allowGarbage(sp.ballast)
	storage.SlabPool(sp.beside * sp.slabs)
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
	b.stores, err = openStores(cfg, sp, b.peerAddress(), fatal, func(text string) { log.Warn(text) })
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
	if b.id.Store(&b.stores.state.id); b.NodeID() == 0 {
		b.steps.Expect(node.StepFound, node.StepStores)
	}
	b.steps.Finish(node.StepStores)
	b.tail = storage.NewGrowingTail(min(sp.tail, leastTail), sp.tail)
	b.spawn()
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

// Ready is closed when the broker serves: registered, unfenced, listening.
func (b *Broker) Ready() <-chan struct{} { return b.serving }

// Awaits says which step of the start waits, and for what; "" if none does.
func (b *Broker) Awaits() (step, what string) {
	for _, s := range b.steps.Get() {
		if !s.Done && s.WaitsFor != "" {
			return s.Name, s.WaitsFor
		}
	}
	return "", ""
}

// KafkaAddr is the address of the first Kafka listener, as bound.
func (b *Broker) KafkaAddr() string { return b.kafkaL[0].Addr().String() }

// AdminAddr is the address of the admin door, as bound.
func (b *Broker) AdminAddr() string { return b.adminL.Addr().String() }

// PeerAddr is the address for other brokers, as bound.
func (b *Broker) PeerAddr() string { return b.peerL.Addr().String() }

// peerAddress is what other brokers are told; "" if there is no name under which they could reach an address that stands for all.
func (b *Broker) peerAddress() string {
	_, port, _ := splitAddress(b.PeerAddr())
	host, _, _ := splitAddress(b.cfg.PeerListen)
	if a := b.cfg.PeerAdvertise; a != "" {
		named, p, _ := splitAddress(a)
		if host = named; p != 0 {
			port = p
		}
	} else if unspecified(host) {
		var err error
		if host, err = os.Hostname(); err != nil {
			return ""
		}
	}
	return net.JoinHostPort(strings.ToLower(host), strconv.Itoa(int(port)))
}

// peerEndpoint is the peer address that the configuration names for other brokers; zero if it names none. Then they go on by what they were told
// when this one was founded or added: an address of --seeds, maybe, that says more than what was bound.
func (b *Broker) peerEndpoint() (e meta.Endpoint) {
	if b.cfg.PeerAdvertise != "" {
		e.Name = meta.PeerListener
		e.Host, e.Port, _ = splitAddress(b.peerAddress())
	}
	return e
}

// NodeID is this node's number; 0 while it belongs to no cluster.
func (b *Broker) NodeID() int32 { return b.id.Load().NodeID }

// Failed tells, once, why this broker can never become what it was started as. It goes on until Stop.
func (b *Broker) Failed() <-chan error { return b.failed }

// ClusterID is the cluster's id, once it is initialised.
func (b *Broker) ClusterID() string { return b.pub.Get().Image.ClusterID() }
