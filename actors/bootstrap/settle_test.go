package bootstrap

import (
	"fmt"
	"testing"
	"time"

	"troupe/actors/kit"
	kitsim "troupe/actors/kit/sim"
	"troupe/actors/meta"
	"troupe/actors/peer"
	"troupe/storage"
)

// Whoever is offered several places at the same moment takes up one, and it is durable before anybody works under it.
func TestOnePlace(t *testing.T) {
	kitsim.Seeds(t, 10, func(t *testing.T, s *kitsim.Sim) {
		node := int32(1)
		peers := s.Probe("peers")
		peers.On = func(m any) {
			v, ok := m.(*peer.Visit)
			if !ok {
				return
			}
			node++
			r := reply{State: stateAdded, ClusterID: "clusterclusterclusterA", NodeID: node, RaftID: uint64(node)}
			v.Reply(peer.Visited{Visit: v, Reason: peer.OK, Who: peer.Identity{StoreID: store(int(node))}, Head: encode(r)})
		}
		var events []string
		o := Options{Identity: storage.Identity{StoreID: store(1), CleanEpoch: -1}, Join: []string{"a:1", "b:1", "c:1", "d:1"}, Address: "x:1", Peers: peers.Ref(),
			Image: func() *meta.Image { return meta.NewImage() }, Waits: func(string) {}}
		o.Persist = func(id storage.Identity) error {
			events = append(events, fmt.Sprint("durable ", id.NodeID))
			return nil
		}
		o.Settled = func(id storage.Identity) { events = append(events, fmt.Sprint("works ", id.NodeID)) }
		s.Node("n", func(l *kitsim.Life) { Spawn(l, o) })
		s.Run(5 * time.Second)
		if len(events) != 2 || events[0] != "durable "+events[1][len("works "):] {
			t.Errorf("%q", events)
		}
	})
}

// A disk that does not take the place ends the process: others may have been told meanwhile that this node is there.
func TestPlaceNotDurable(t *testing.T) {
	s := kitsim.New(1)
	peers := s.Probe("peers")
	o := Options{Identity: storage.Identity{StoreID: store(1)}, Seeds: []string{"x:1"}, Address: "x:1", Version: "v", Peers: peers.Ref(),
		Image: func() *meta.Image { return meta.NewImage() }, Waits: func(string) {}, NewClusterID: func() string { return "clusterclusterclusterA" },
		Persist: func(storage.Identity) error { return fmt.Errorf("no room") },
		Settled: func(id storage.Identity) { t.Errorf("works as %+v", id) }}
	var why string
	n := s.Node("n", func(l *kitsim.Life) { Spawn(l, o) })
	n.OnFatal = func(reason string) { why = reason }
	s.Run(time.Second)
	if n.Up() || why == "" {
		t.Errorf("goes on, %q", why)
	}
}

// A stop answers who waits, and a statement that is none is refused.
func TestStopAnswers(t *testing.T) {
	s := kitsim.New(1)
	peers := s.Probe("peers")
	asker := s.Probe("asker")
	var b *kit.Ref
	n := s.Node("n", func(l *kitsim.Life) {
		b = Spawn(l, Options{Identity: storage.Identity{StoreID: store(1)}, Seeds: []string{"x:1", "y:1"}, Address: "x:1", Peers: peers.Ref(),
			Image: func() *meta.Image { return meta.NewImage() }, Waits: func(string) {}})
	})
	ask := func(from int, head []byte) {
		b.Tell(&peer.Asked{Ask: kit.Ask{ReplyTo: asker.Ref(), Slot: uint64(from)}, From: peer.Identity{StoreID: store(from)}, Guest: true, Kind: peer.KindBootstrap, Head: head})
	}
	ask(2, encode(statement{Seeds: []string{"x:1", "y:1"}, Level: 1}))
	ask(3, []byte("{"))
	s.Run(100 * time.Millisecond)
	if got := asker.Take(); len(got) != 1 || got[0].(peer.Answer).Reason != peer.Refused || got[0].(peer.Answer).Slot != 3 {
		t.Errorf("%v", got)
	}
	n.StopActors()
	s.Run(100 * time.Millisecond)
	if got := asker.Take(); len(got) != 1 || got[0].(peer.Answer).Reason != peer.Refused || got[0].(peer.Answer).Slot != 2 {
		t.Errorf("%v", got)
	}
}
