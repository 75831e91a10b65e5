package run

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"troupe/actors/meta"
	"troupe/actors/node"
	"troupe/storage"
)

// addresses are free ones on loopback. Somebody else may take one before it is used; nobody here does.
func addresses(t *testing.T, n int) (list []string) {
	t.Helper()
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		list = append(list, l.Addr().String())
	}
	return list
}

// among starts a broker at a peer address, with what set says of others. It is stopped with the test.
func among(t *testing.T, dir, peer string, set func(c *Config)) *Broker {
	t.Helper()
	c := Config{DataDir: dir, Memory: 128 << 20, Listen: []string{"127.0.0.1:0"}, PeerListen: peer, Admin: "127.0.0.1:0", Version: "test"}
	set(&c)
	b, err := Start(c, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if !b.stopped {
			stop(t, b)
		}
	})
	return b
}

func eventually(t *testing.T, what string, cond func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !cond(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("never: " + what)
		}
	}
}

func step(b *Broker, name string) node.Step {
	for _, s := range b.steps.Get() {
		if s.Name == name {
			return s
		}
	}
	return node.Step{}
}

func TestSeedsAndJoinChecked(t *testing.T) {
	f := func(c Config, want string) {
		t.Helper()
		c.DataDir = t.TempDir()
		_, err := c.WithDefaults()
		if err == nil || !strings.Contains(err.Error(), want) || !errors.As(err, new(UsageError)) || strings.Contains(err.Error(), "\n") {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	f(Config{Seeds: []string{"a:1"}, Join: []string{"a:1"}}, "--seeds and --join exclude each other")
	f(Config{Seeds: []string{"a"}}, `--seeds: address "a": want HOST:PORT`)
	f(Config{Join: []string{"a:b"}}, `--join: address "a:b": "b" is not a port`)
	f(Config{Join: []string{"0.0.0.0:9093"}}, "names no host")
	f(Config{PeerAdvertise: "0.0.0.0:1"}, "other brokers cannot connect to it")
	f(Config{PeerAdvertise: "a"}, "want HOST:PORT")
	c, err := Config{DataDir: t.TempDir(), Seeds: []string{"b:1", "A:2", "b:1"}}.WithDefaults()
	if err != nil || strings.Join(c.Seeds, ",") != "a:2,b:1" {
		t.Errorf("%v, %v", c.Seeds, err)
	}
}

// Three founders find each other, whatever the order of the list they are given: one cluster, ids by position.
func TestSeeds(t *testing.T) {
	seeds := addresses(t, 3)
	dirs := []string{t.TempDir(), t.TempDir(), t.TempDir()}
	var list []*Broker
	for i := range seeds {
		order := []string{seeds[(i+1)%3], seeds[i], seeds[(i+2)%3]}
		b := among(t, dirs[i], seeds[i], func(c *Config) { c.Seeds = order })
		list = append(list, b)
		if i == 1 {
			eventually(t, "with one founder missing it says what it waits for", func() bool { return step(b, node.StepFound).WaitsFor != "" })
			time.Sleep(50 * time.Millisecond)
			if st := step(b, node.StepFound); st.Done || b.NodeID() != 0 {
				t.Fatalf("with one founder missing: %+v", st)
			}
			for _, path := range []string{"/readyz?verbose", "/metrics", "/api/v1/status", "/api/v1/doctor"} {
				if resp, err := http.Get("http://" + b.AdminAddr() + path); err != nil {
					t.Error(err)
				} else {
					resp.Body.Close()
				}
			}
		}
	}
	ids := map[int32]bool{}
	for _, b := range list {
		eventually(t, "a cluster", func() bool { return b.NodeID() != 0 })
		id := b.id.Load()
		if ids[id.NodeID] = true; id.ClusterID != list[0].id.Load().ClusterID || id.RaftID != meta.RaftIDOf(1, id.NodeID) {
			t.Errorf("%+v", id)
		}
	}
	if len(ids) != 3 || !ids[1] || !ids[2] || !ids[3] {
		t.Errorf("node ids %v", ids)
	}
	for _, b := range list {
		serving(t, b)
	}
	for _, b := range list {
		eventually(t, "all three in the image", func() bool { return running(b) == 3 })
		if voters := b.board.Status().Voters; len(voters) != 3 {
			t.Errorf("voters %x", voters)
		}
	}
	// They are the same without any flag, for the directories say who they are.
	kept := make([]storage.Identity, 3)
	stopAll(t, list)
	for i := range list {
		kept[i] = identity(t, dirs[i])
		list[i] = among(t, dirs[i], seeds[i], func(*Config) {})
	}
	for i, b := range list {
		if id := serving(t, b).id.Load(); id.NodeID != kept[i].NodeID || id.RaftID != kept[i].RaftID || id.StoreID != kept[i].StoreID {
			t.Errorf("kept %+v, runs as %+v", kept[i], id)
		}
	}
	stopAll(t, list)
}

// stopAll stops brokers at the same time: one alone could not leave the cluster in order when most have left before it.
func stopAll(t *testing.T, list []*Broker) {
	t.Helper()
	var all sync.WaitGroup
	for _, b := range list {
		all.Go(func() {
			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
			defer cancel()
			if err := b.Stop(ctx); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}

// running counts the brokers that are in service, as this one sees it.
func running(b *Broker) (n int) {
	for _, x := range b.pub.Get().Image.Brokers() {
		if !x.Fenced {
			n++
		}
	}
	return n
}

// founders starts n brokers at once that are told of each other, and returns when each sees all of them in service.
func founders(t *testing.T, n int) (list []*Broker) {
	seeds := addresses(t, n)
	for i := range seeds {
		list = append(list, among(t, t.TempDir(), seeds[i], func(c *Config) { c.Seeds = seeds }))
	}
	for _, b := range list {
		serving(t, b)
	}
	for _, b := range list {
		eventually(t, "all in service", func() bool { return running(b) == n })
	}
	return list
}

// Two founders are one voter and one that learns: the loss of the second stops nothing.
func TestTwoSeeds(t *testing.T) {
	list := founders(t, 2)
	for _, b := range list {
		eventually(t, "one voter and one learner", func() bool {
			st := b.board.Status()
			return len(st.Voters) == 1 && len(st.Learners) == 1
		})
	}
	stopAll(t, list)
}

// A founder's disk is lost. With the same flags and an empty directory it is the same node again, but another voter; a fourth one that the
// seeds do not name joins.
func TestLostDisk(t *testing.T) {
	peers := addresses(t, 4)
	seeds := peers[:3]
	start := func(i int, dir string) *Broker { return among(t, dir, peers[i], func(c *Config) { c.Seeds = seeds }) }
	list := []*Broker{start(0, t.TempDir()), start(1, t.TempDir()), start(2, t.TempDir())}
	for _, b := range list {
		serving(t, b)
	}
	was := *list[2].id.Load()
	stop(t, list[2])
	list[2] = start(2, t.TempDir())
	list = append(list, start(3, t.TempDir()))
	now := *serving(t, list[2]).id.Load()
	if now.NodeID != was.NodeID || now.RaftID <= was.RaftID || now.ClusterID != was.ClusterID || now.StoreID == was.StoreID {
		t.Errorf("%+v came back as %+v", was, now)
	}
	if id := serving(t, list[3]).id.Load(); id.NodeID != 4 || id.ClusterID != was.ClusterID {
		t.Errorf("the fourth is %+v", id)
	}
	for _, b := range list {
		eventually(t, "four in service", func() bool { return running(b) == 4 })
		eventually(t, "three voters, the lost one not among them", func() bool {
			v := b.board.Status().Voters
			return len(v) == 3 && !slices.Contains(v, was.RaftID)
		})
	}
	stopAll(t, list)
}

// A seed that is alone is a cluster of its own, though it has to find itself first.
func TestSoleSeed(t *testing.T) {
	a := addresses(t, 1)[0]
	b := serving(t, among(t, t.TempDir(), a, func(c *Config) { c.Seeds = []string{strings.Replace(a, "127.0.0.1", "localhost", 1)} }))
	if b.NodeID() != 1 || b.ClusterID() == "" {
		t.Errorf("node %d, cluster %q", b.NodeID(), b.ClusterID())
	}
	if n := b.pub.Get().Image.Node(1); n == nil || !strings.HasPrefix(meta.PeerAddress(n), "localhost:") {
		t.Errorf("node 1 is %+v", n)
	}
}

// A broker that waits for founders that never come ends when it is told to, and is the same when it comes again.
func TestStopWhileSearching(t *testing.T) {
	peers := addresses(t, 2)
	dir := t.TempDir()
	var store [16]byte
	for range 3 {
		b := among(t, dir, peers[0], func(c *Config) { c.Seeds = peers })
		if id := b.id.Load(); store != [16]byte{} && id.StoreID != store {
			t.Errorf("store id %x, was %x", id.StoreID, store)
		}
		store = b.id.Load().StoreID
		stop(t, b)
	}
	// Others may have founded a cluster with that store: alone it is another one.
	b := serving(t, among(t, dir, peers[0], func(*Config) {}))
	if b.id.Load().StoreID == store {
		t.Error("founded alone under a store id that others were told")
	}
}

// A newcomer gets its place from a broker of the cluster, keeps it, and gives none to a disk that has a cluster already.
func TestJoin(t *testing.T) {
	peers := addresses(t, 3)
	first := serving(t, among(t, t.TempDir(), peers[0], func(*Config) {}))
	dir := t.TempDir()
	join := func(dir, peer string, want int32) *Broker {
		return among(t, dir, peer, func(c *Config) { c.Join, c.NodeID = peers[:1], want })
	}
	b := join(dir, peers[1], 0)
	eventually(t, "a place", func() bool { return b.NodeID() == 2 })
	serving(t, b)
	if n := first.pub.Get().Image.Node(2); n == nil || n.StoreID != b.id.Load().StoreID || meta.PeerAddress(n) != peers[1] {
		t.Errorf("node 2 is %+v", n)
	}
	stop(t, b)
	if again := serving(t, join(dir, peers[1], 0)); again.NodeID() != 2 || again.id.Load().ClusterID != first.ClusterID() {
		t.Errorf("came back as %+v", again.id.Load())
	} else {
		stop(t, again)
	}
	// The same address with an empty disk: the node id stays, the Raft id must not.
	wiped := join(t.TempDir(), peers[1], 0)
	eventually(t, "a place again", func() bool { return wiped.NodeID() == 2 })
	serving(t, wiped)
	if id := wiped.id.Load(); id.RaftID == b.id.Load().RaftID {
		t.Errorf("Raft id %x was given to another disk", id.RaftID)
	}
	// The id of a node that serves is not to be had.
	thief := join(t.TempDir(), peers[2], 1)
	eventually(t, "a refusal", func() bool { return strings.Contains(step(thief, node.StepFound).WaitsFor, "is serving") })
}

// Who is started to join, on a directory of another cluster, is told so and does nothing else.
func TestJoinFromAnotherCluster(t *testing.T) {
	peers := addresses(t, 2)
	serving(t, among(t, t.TempDir(), peers[0], func(*Config) {}))
	dir := t.TempDir()
	stop(t, serving(t, among(t, dir, peers[1], func(*Config) {})))
	b := among(t, dir, peers[1], func(c *Config) { c.Join = peers[:1] })
	select {
	case err := <-b.Failed():
		if want := fmt.Sprintf("at %s is cluster", peers[0]); !strings.Contains(err.Error(), want) || !errors.As(err, new(ConflictError)) {
			t.Errorf("%v", err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("goes on")
	}
}
