package run

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"troupe/actors/kit"
	"troupe/actors/meta"
	"troupe/kafka/code"
	"troupe/raftnode"
)

// decide has the cluster apply a command.
func decide(t *testing.T, b *Broker, cmd meta.Command) {
	t.Helper()
	p, ok := kit.Await[raftnode.Proposed](b.sys, 10*time.Second, func(to *kit.Ref) {
		b.metadata.Tell(&raftnode.Propose{Ask: kit.Ask{ReplyTo: to}, Cmd: cmd, Timeout: 5 * time.Second})
	})
	if !ok || p.Result.Code != code.OK {
		t.Fatalf("%T: %+v", cmd, p.Result)
	}
}

// A node that was removed and is started on its old directory says so and ends, instead of waiting for a cluster that has forgotten it.
func TestRemovedNodeComesBack(t *testing.T) {
	first := serving(t, among(t, t.TempDir(), "127.0.0.1:0", func(*Config) {}))
	dir := t.TempDir()
	join := func(*Config) {}
	second := serving(t, among(t, dir, "127.0.0.1:0", func(c *Config) { c.Join = []string{first.PeerAddr()} }))
	node := second.NodeID()
	stop(t, second)
	decide(t, first, meta.UnregisterBroker{BrokerID: node})
	decide(t, first, meta.RemoveNode{NodeID: node})
	begin := time.Now()
	back := among(t, dir, "127.0.0.1:0", join)
	select {
	case err := <-back.Failed():
		if !strings.Contains(err.Error(), "node 2 was removed from cluster "+first.ClusterID()) || strings.Contains(err.Error(), "\n") || !errors.As(err, new(ConflictError)) {
			t.Errorf("%v", err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("waits for ever")
	}
	stop(t, back)
	if took := time.Since(begin); took > 8*time.Second {
		t.Errorf("took %s", took)
	}
}

// The peer address that a broker is started with is what the others go by from then on.
func TestPeerAddressMoves(t *testing.T) {
	first := serving(t, among(t, t.TempDir(), "127.0.0.1:0", func(*Config) {}))
	dir := t.TempDir()
	second := serving(t, among(t, dir, "127.0.0.1:0", func(c *Config) { c.Join = []string{first.PeerAddr()} }))
	was := second.PeerAddr()
	stop(t, second)
	second = serving(t, among(t, dir, "127.0.0.1:0", func(c *Config) { c.PeerAdvertise = "localhost:0" }))
	_, port, _ := splitAddress(second.PeerAddr())
	eventually(t, "the new address", func() bool {
		n := first.pub.Get().Image.Node(2)
		return len(n.Endpoints) == 1 && n.Endpoints[0] == meta.Endpoint{Name: meta.PeerListener, Host: "localhost", Port: port}
	})
	// Without the flag nothing is said: it may have been bound by another name than it is known by.
	stop(t, second)
	serving(t, among(t, dir, was, func(*Config) {}))
	if n := first.pub.Get().Image.Node(2); meta.PeerAddress(n) == was {
		t.Errorf("told %+v", n)
	}
}

// All brokers are told to end at the same time. The last finds nobody to tell, and does not wait for anybody.
func TestAllStopAtOnce(t *testing.T) {
	list := founders(t, 3)
	var all sync.WaitGroup
	for _, b := range list {
		all.Go(func() {
			ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
			defer cancel()
			begin := time.Now()
			if err := b.Stop(ctx); err != nil {
				t.Error(err)
			}
			took := time.Since(begin)
			t.Logf("node %d took %s", b.NodeID(), took)
			if took > 4*time.Second { // it is 0.7 s; who waits for the others takes 5 s and more
				t.Errorf("node %d took %s", b.NodeID(), took)
			}
		})
	}
	all.Wait()
}
