package metadata

import (
	"io"
	"log/slog"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"troupe/actors/kit"
	"troupe/actors/meta"
	"troupe/actors/peer"
	"troupe/kafka/code"
	"troupe/raftnode"
	"troupe/storage"
)

// trio is three real nodes: Pebble, sockets, a goroutine per actor.
type trio struct {
	t     testing.TB
	nodes [3]*broker
	dirs  [3]string
	addrs [3]string
	found int // the first so many are founders
}

func newTrioOfSockets(t testing.TB, found int) *trio {
	c := &trio{t: t, found: found}
	var ls [3]net.Listener
	for i := range ls {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		must(t, err)
		ls[i], c.dirs[i], c.addrs[i] = l, t.TempDir(), l.Addr().String()
	}
	for i := range ls {
		c.start(i, ls[i])
	}
	t.Cleanup(func() {
		for i := range c.nodes {
			c.stop(i)
		}
	})
	return c
}

func (c *trio) start(i int, l net.Listener) {
	t, id := c.t, int32(i+1)
	store, err := storage.OpenMeta(c.dirs[i], storage.MetaOptions{})
	must(t, err)
	b := &broker{sys: kit.New(slog.New(slog.NewTextHandler(io.Discard, nil)), 4), store: store, board: &raftnode.Board{}}
	b.sys.SetFatal(func(reason string) { panic(reason) })
	who, err := store.Identity()
	must(t, err)
	who.Incarnation++
	must(t, store.SetIdentity(who))
	var loaded storage.MetaLoaded
	if i < c.found {
		loaded, err = raftnode.Found(store, []uint64{1, 2, 3}[:c.found])
	} else {
		loaded, err = store.Load()
	}
	must(t, err)
	img, err := LoadImage(loaded)
	must(t, err)
	peers := peer.Spawn(b.sys, peer.Options{Me: peer.Identity{ClusterID: "aaaaaaaaaaaaaaaaaaaaaa", NodeID: id, StoreID: storeID(id), Incarnation: who.Incarnation, Address: c.addrs[i]},
		Network: peer.NewSockets(l, nil)})
	b.ref = Spawn(b.sys, Options{Store: store, Loaded: loaded, Image: img, Board: b.board, Peers: peers, Node: id, Incarnation: who.Incarnation})
	b.node = b.sys.Spawn("node", looker{}, kit.Options{})
	b.ref.Tell(Subscribe{Node: b.node})
	raftnode.Spawn(b.sys, raftnode.Options{ID: uint64(id), Store: store, Loaded: loaded, FSM: b.ref, Board: b.board, Peers: peers})
	for j := range c.addrs {
		if j != i {
			peers.Tell(peer.Link{Node: int32(j + 1), Address: c.addrs[j], StoreID: storeID(int32(j + 1))})
		}
	}
	c.nodes[i] = b
}

// stop ends a node. Its links go first, as they do when a process is killed.
func (c *trio) stop(i int) {
	b := c.nodes[i]
	if b == nil {
		return
	}
	c.nodes[i] = nil
	kit.Await[bool](b.sys, 5*time.Second, func(r *kit.Ref) { b.sys.Stop(b.sys.Lookup(peer.Name), r, true) })
	b.stop(c.t)
}

func (c *trio) restart(i int) {
	l, err := net.Listen("tcp", c.addrs[i])
	must(c.t, err)
	c.start(i, l)
}

// leader waits until all nodes follow one.
func (c *trio) leader() int {
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		var leaders []int32
		for _, b := range c.nodes {
			if b != nil && !slices.Contains(leaders, b.board.Status().LeaderNode()) {
				leaders = append(leaders, b.board.Status().LeaderNode())
			}
		}
		if len(leaders) == 1 && leaders[0] > 0 && c.nodes[leaders[0]-1] != nil {
			return int(leaders[0] - 1)
		}
	}
	c.t.Fatal("no leader")
	return 0
}

func founders(n int32) (list []meta.Node) {
	for id := int32(1); id <= n; id++ {
		list = append(list, meta.Node{ID: id, RaftID: uint64(id), StoreID: storeID(id)})
	}
	return list
}

// foundBy makes the cluster; any number of times, and by any node.
func (c *trio) foundBy(b *broker) {
	t := c.t
	t.Helper()
	if p, ok := b.propose(meta.InitCluster{ClusterID: "cluster", FeatureLevel: 1, Founders: founders(int32(c.found))}); !ok || p.Result.Code != code.OK {
		t.Fatalf("%v %v %s", ok, p.Result.Code, p.Result.Message)
	}
}

// TestFailoverOnSockets: real nodes propose from everywhere at once, before there is a leader; then each leader in turn dies, and the next change
// goes through another node.
func TestFailoverOnSockets(t *testing.T) {
	c := newTrioOfSockets(t, 3)
	var wg sync.WaitGroup
	for _, b := range c.nodes {
		wg.Go(func() { c.foundBy(b) })
	}
	wg.Wait()
	var took []time.Duration
	for range 3 {
		lead := c.leader()
		from := time.Now()
		c.stop(lead)
		stopped := time.Now()
		c.foundBy(c.nodes[(lead+1)%3])
		took = append(took, time.Since(from))
		t.Logf("the leader stopped in %v; a change went through after %v", stopped.Sub(from), took[len(took)-1])
		c.restart(lead)
	}
	if d := slices.Min(took); d > 900*time.Millisecond {
		t.Errorf("after %v at best: nobody stood for election before the time-out", d)
	}
}

// TestGrowthOnSockets: one node founds, two with empty stores are added, and all three vote; then the founder dies and the others go on.
func TestGrowthOnSockets(t *testing.T) {
	c := newTrioOfSockets(t, 1)
	c.foundBy(c.nodes[0])
	for id := int32(2); id <= 3; id++ {
		if p, ok := c.nodes[0].propose(meta.AddNode{StoreID: storeID(id), RequestedID: id}); !ok || p.Result.Code != code.OK {
			t.Fatalf("%v %v %s", ok, p.Result.Code, p.Result.Message)
		}
	}
	grown := func() bool {
		for _, b := range c.nodes {
			if s := b.board.Status(); !slices.Equal(s.Voters, []uint64{1, 2, 3}) || s.Leader == 0 {
				return false
			}
		}
		return true
	}
	within := func(cond func() bool) {
		t.Helper()
		for end := time.Now().Add(20 * time.Second); !cond(); time.Sleep(5 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("%+v", c.nodes[0].board.Status())
			}
		}
	}
	within(grown)
	// A change of the voters has two halves, and between them the founder's voice is needed. What is proposed after the first is applied, and
	// again, comes behind the second.
	c.foundBy(c.nodes[0])
	c.foundBy(c.nodes[0])
	last := c.nodes[0].board.Status().Applied
	within(func() bool {
		return !slices.ContainsFunc(c.nodes[:], func(b *broker) bool { return b.board.Status().Applied < last })
	})
	c.stop(0)
	c.foundBy(c.nodes[2])
	if c.nodes[2].image(t).ClusterID() != "cluster" {
		t.Error("it is another cluster")
	}
}
