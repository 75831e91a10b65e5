package dev

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"troupe/cmd/broker/run"
)

// Options of a playground. All fields are needed.
type Options struct {
	Nodes  int // 1 to MaxNodes
	Port   int // of node 1 for clients; node i has the i-1 next
	Admin  int // of node 1 likewise
	Dir    string
	Memory int64 // of each node, in bytes
	Static map[string]string
}

// MaxNodes is how many nodes a playground may have.
const MaxNodes = 9

// peerPorts is how far the ports for other brokers are from those for clients.
const peerPorts = 100

// stopWithin bounds the end of one node.
const stopWithin = 15 * time.Second

// Cluster is a running playground. It is safe for any goroutine.
type Cluster struct {
	o     Options
	gate  *gate
	peers map[string]int // node by peer address

	turn   sync.Mutex // of who changes something
	nodes  []*one     // node i at i-1
	failed chan error
}

// one is a node.
type one struct {
	cfg    run.Config
	log    *os.File
	broker *run.Broker // nil: killed
}

// Start starts all nodes, and waits for none of them to serve.
func Start(o Options) (*Cluster, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, err
	}
	c := &Cluster{o: o, gate: newGate(), peers: map[string]int{}, failed: make(chan error, o.Nodes)}
	var seeds []string
	for i := range o.Nodes {
		a := loopback(o.Port + peerPorts + i)
		c.peers[a] = i + 1
		seeds = append(seeds, a)
	}
	for i := range o.Nodes {
		id := i + 1
		log, err := os.OpenFile(c.LogFile(id), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
		if err != nil {
			return nil, errors.Join(err, c.Stop())
		}
		c.nodes = append(c.nodes, &one{log: log, cfg: run.Config{
			DataDir: filepath.Join(o.Dir, fmt.Sprint("node-", id)), Memory: o.Memory, Beside: o.Nodes, Static: o.Static,
			Listen: []string{loopback(o.Port + i)}, PeerListen: seeds[i], Admin: loopback(o.Admin + i), Seeds: seeds, Version: run.Version(),
			Dial: func(ctx context.Context, _, address string) (net.Conn, error) {
				return c.gate.dial(ctx, id, c.peers[address], address)
			},
			Clients: func(l net.Listener) net.Listener { return listener{l, c.gate, id} },
		}})
		if err := c.start(id); err != nil {
			return nil, errors.Join(err, c.Stop())
		}
	}
	return c, nil
}

// check refuses what could not work. Ids follow the order of peer addresses as text, so their ports must have the same length.
func (o Options) check() error {
	first, last := o.Port+peerPorts, o.Port+peerPorts+o.Nodes-1
	switch {
	case o.Nodes < 1 || o.Nodes > MaxNodes:
		return run.UsageError{Text: fmt.Sprintf("--nodes %d: want 1 to %d", o.Nodes, MaxNodes)}
	case o.Port < 1 || last > 65535 || o.Admin < 1 || o.Admin+o.Nodes-1 > 65535:
		return run.UsageError{Text: fmt.Sprintf("--port %d: the ports that follow from it must be from 1 to 65535", o.Port)}
	case len(strconv.Itoa(first)) != len(strconv.Itoa(last)):
		return run.UsageError{Text: fmt.Sprintf("--port %d: ports from %d to %d differ in length; choose another", o.Port, first, last)}
	}
	return nil
}

func loopback(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

// LogFile is where node id writes its log.
func (c *Cluster) LogFile(id int) string {
	return filepath.Join(c.o.Dir, fmt.Sprintf("node-%d.log", id))
}

// start starts a node; the turn is the caller's, if there is anybody else.
func (c *Cluster) start(id int) (err error) {
	n := c.nodes[id-1]
	if n.broker, err = run.Start(n.cfg, slog.New(slog.NewTextHandler(n.log, nil))); err != nil {
		n.broker = nil
		return fmt.Errorf("node %d: %w", id, err)
	}
	b := n.broker
	go func() {
		if err, ok := <-b.Failed(); ok {
			c.failed <- fmt.Errorf("node %d: %w", id, err)
		}
	}()
	return nil
}

// Ready waits until all nodes serve.
func (c *Cluster) Ready(ctx context.Context) error {
	for _, n := range c.nodes {
		select {
		case <-n.broker.Ready():
		case err := <-c.failed:
			return err
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// Failed tells why a node can never become what it was started as.
func (c *Cluster) Failed() <-chan error { return c.failed }

// Stop ends all nodes in order, side by side.
func (c *Cluster) Stop() error {
	c.gate.heal()
	c.turn.Lock()
	defer c.turn.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), stopWithin)
	defer cancel()
	results := make(chan error, len(c.nodes))
	for _, n := range c.nodes {
		go func() {
			defer n.log.Close()
			if n.broker == nil {
				results <- nil
				return
			}
			results <- n.broker.Stop(ctx)
		}()
	}
	var err error
	for range c.nodes {
		err = errors.Join(err, <-results)
	}
	return err
}

// Kill ends a node without telling anybody.
func (c *Cluster) Kill(id int) error {
	c.turn.Lock()
	defer c.turn.Unlock()
	n, err := c.node(id)
	if err != nil {
		return err
	}
	if n.broker == nil {
		return run.ConflictError{Text: fmt.Sprintf("node %d is dead already", id)}
	}
	ctx, cancel := context.WithTimeout(context.Background(), stopWithin)
	defer cancel()
	b := n.broker
	n.broker = nil
	return b.Abandon(ctx)
}

// Pause holds all that goes into a node or out of it.
func (c *Cluster) Pause(id int) error {
	if _, err := c.node(id); err != nil {
		return err
	}
	c.gate.change(func() { c.gate.paused[id] = true })
	return nil
}

// Partition holds what goes between nodes of different sides, both ways; nodes that no side names reach everybody.
func (c *Cluster) Partition(sides [][]int) error {
	seen := map[int]bool{}
	for _, s := range sides {
		for _, id := range s {
			if _, err := c.node(id); err != nil {
				return err
			}
			if seen[id] {
				return run.UsageError{Text: fmt.Sprintf("node %d stands on two sides", id)}
			}
			seen[id] = true
		}
	}
	if len(sides) < 2 {
		return run.UsageError{Text: "want two sides or more, such as: 1 2,3"}
	}
	c.gate.change(func() {
		for i, side := range sides {
			for j, other := range sides {
				for _, a := range side {
					for _, b := range other {
						if i != j {
							c.gate.cut[[2]int{a, b}] = true
						}
					}
				}
			}
		}
	})
	return nil
}

// Heal ends all cuts and pauses, and starts again who was killed.
func (c *Cluster) Heal() error {
	c.gate.heal()
	c.turn.Lock()
	defer c.turn.Unlock()
	var err error
	for i, n := range c.nodes {
		if n.broker == nil {
			err = errors.Join(err, c.start(i+1))
		}
	}
	return err
}

func (g *gate) heal() {
	g.change(func() {
		clear(g.paused)
		clear(g.cut)
	})
}

func (c *Cluster) node(id int) (*one, error) {
	if id < 1 || id > len(c.nodes) {
		return nil, NotFoundError{fmt.Sprintf("node %d: the nodes are 1 to %d", id, len(c.nodes))}
	}
	return c.nodes[id-1], nil
}

// Kafka is where node id serves clients.
func (c *Cluster) Kafka(id int) string { return loopback(c.o.Port + id - 1) }

// Admin is where node id answers for health, metrics and inspection.
func (c *Cluster) Admin(id int) string { return loopback(c.o.Admin + id - 1) }
