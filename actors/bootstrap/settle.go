package bootstrap

import (
	"fmt"
	"time"

	"troupe/actors/kit"
	"troupe/actors/meta"
	"troupe/actors/peer"
	"troupe/storage"
)

// placeIn is the identity that a record gives to a store that it names.
func placeIn(r *meta.InitCluster, id storage.Identity) storage.Identity {
	n := FounderOf(r, id.StoreID)
	id.ClusterID, id.NodeID, id.RaftID, id.Founding = r.ClusterID, n.ID, n.RaftID, Encode(r)
	return id
}

// adopt takes up the record of founders that names this node.
func (b *bootstrap) adopt(c kit.Context, encoded []byte) {
	r, err := Decode(string(encoded))
	if err != nil || FounderOf(r, b.id.StoreID) == nil {
		c.Log().Warn("a record of founders is of no use here", "error", err)
		return
	}
	b.settle(c, r, placeIn(r, b.id))
}

// take takes up a place that AddNode gave. Raft begins with an empty log: it hears from the leader.
func (b *bootstrap) take(c kit.Context, r reply) {
	id := b.id
	id.ClusterID, id.NodeID, id.RaftID = r.ClusterID, r.NodeID, r.RaftID
	b.known = r.Nodes
	b.settle(c, nil, id)
}

// settle makes the place durable. Nothing else is taken up from here on.
func (b *bootstrap) settle(c kit.Context, r *meta.InitCluster, id storage.Identity) {
	b.state, b.record, b.id = settling, r, id
	b.waitFor("the disk")
	persist := b.o.Persist
	c.Go(c.Self(), func() any { return persisted{persist(id)} })
}

// persisted goes to work under the identity, and tells those who have waited for it.
func (b *bootstrap) persisted(c kit.Context, m persisted) {
	if m.err != nil {
		c.Fatal("DISK: the place in the cluster cannot be stored", "err", m.err)
		return
	}
	b.state = settled
	c.Log().Info("cluster found", "cluster", b.id.ClusterID, "node", b.id.NodeID, "raft", fmt.Sprintf("%x", b.id.RaftID))
	b.o.Peers.Tell(peer.Become{Identity: peer.Identity{ClusterID: b.id.ClusterID, NodeID: b.id.NodeID, StoreID: b.id.StoreID,
		Incarnation: b.id.Run(), Address: b.says().Address}})
	for i := range b.visits {
		b.visits[i].done = true
	}
	b.linkKnown()
	b.o.Settled(b.id)
	for _, h := range b.held() {
		delete(b.asks, h.asked.From.StoreID)
		b.admit(c, h.asked, h.says)
	}
}

// linkKnown asks for links with the nodes that are known without an image: as soon as there is one, the node goes by that.
func (b *bootstrap) linkKnown() {
	if b.o.Image().ClusterID() != "" {
		return
	}
	list := b.known
	if b.record != nil {
		list = places(b.record.Founders)
	}
	for _, p := range list {
		if p.NodeID > 0 && p.NodeID != b.id.NodeID {
			b.o.Peers.Tell(peer.Link{Node: p.NodeID, Address: p.Address, StoreID: p.StoreID})
		}
	}
}

// met takes in who is at an address, for a broker that belongs to a cluster: it finds the others there, and hears if it was replaced.
func (b *bootstrap) met(c kit.Context, i int, m peer.Visited) {
	s, v, who := &b.seats[i], &b.visits[i], m.Who
	if v.done {
		return
	}
	if r, err := parseReply(m.Head); m.Reason == peer.OK && err == nil && r.State == stateRefused {
		b.refused(r.Text)
		v.done = true
		return
	}
	switch {
	case who.ClusterID != "" && who.ClusterID != b.id.ClusterID:
		b.strange(c, i, who.ClusterID)
	case who.ClusterID != "" && who.NodeID != 0 && who.NodeID != b.id.NodeID:
		if n := b.o.Image().Node(who.NodeID); n == nil || meta.PeerAddress(n) != s.address {
			b.o.Peers.Tell(peer.Link{Node: who.NodeID, Address: s.address, StoreID: who.StoreID})
		}
		v.done = m.Reason == peer.OK
	}
	if !v.done {
		v.pause = min(max(2*v.pause, firstPause), metPause)
		b.later(c, i, v.pause)
	}
}

// metPause is the longest pause between two visits that only look for the others of the cluster.
const metPause = 5 * time.Second

// strange notes that an address belongs to another cluster. If all that were given to join do, this broker was started on the wrong directory.
func (b *bootstrap) strange(c kit.Context, i int, cluster string) {
	b.say(c, "another cluster is at an address that was given", b.seats[i].address, "cluster "+cluster+" there, "+b.id.ClusterID+" here")
	b.alien[i] = cluster
	for k := range b.o.Join {
		if !b.seats[k].self && b.alien[k] == "" {
			return
		}
	}
	if i < len(b.o.Join) {
		b.refused(fmt.Sprintf("the data directory belongs to cluster %s as node %d, but at %s is cluster %s: name an empty directory with --data-dir, or leave --join out",
			b.id.ClusterID, b.id.NodeID, b.seats[i].address, cluster))
	}
}

// refused says, once, that this broker cannot be what it was started as.
func (b *bootstrap) refused(text string) {
	if f := b.o.Refused; f != nil {
		b.o.Refused = nil
		f(text)
	}
}
