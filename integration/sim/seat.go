package sim

import (
	"fmt"

	"troupe/actors/kit"
	kitsim "troupe/actors/kit/sim"
	"troupe/actors/meta"
	"troupe/actors/peer"
	peersim "troupe/actors/peer/sim"
	"troupe/storage"
)

// Seat is a broker's place in a cluster: that of a founder, or one that AddNode gave.
type Seat struct {
	ID    int32
	Nodes []int32 // the founders, who all vote; or for one that has joined, all that were there
	// RaftID and StoreID are those of a node that has joined; zero: it is a founder.
	RaftID  uint64
	StoreID [16]byte
}

// joined reports whether the node has come later: its Raft begins with nothing.
func (s *Seat) joined() bool { return s != nil && s.RaftID != 0 }

const founded = "clusterclusterclusterA" // id of the cluster

// host is the name of a node in the network.
func host(id int32) string { return fmt.Sprintf("n%d", id) }

func peerAddress(id int32) string { return host(id) + ":9093" }

func storeID(id int32) [16]byte { return [16]byte{0: 0x5e, 15: byte(id)} }

func (s *Seat) identity() storage.Identity {
	if s.joined() {
		return storage.Identity{StoreID: s.StoreID, ClusterID: founded, NodeID: s.ID, RaftID: s.RaftID, CleanEpoch: -1}
	}
	return storage.Identity{StoreID: storeID(s.ID), ClusterID: founded, NodeID: s.ID, RaftID: meta.RaftIDOf(1, s.ID), CleanEpoch: -1}
}

// voters are the founding members of the Raft group.
func (s *Seat) voters(alone uint64) (ids []uint64) {
	if s == nil {
		return []uint64{alone}
	}
	for _, id := range s.Nodes {
		ids = append(ids, meta.RaftIDOf(1, id))
	}
	return ids
}

// founds is the cluster that a node founds; "": it has joined one.
func (s *Seat) founds(id storage.Identity) string {
	if s.joined() {
		return ""
	}
	return id.ClusterID
}

func (s *Seat) founders() (list []meta.Node) {
	if s == nil || s.joined() {
		return nil
	}
	for _, id := range s.Nodes {
		list = append(list, meta.Node{ID: id, RaftID: meta.RaftIDOf(1, id), StoreID: storeID(id),
			Endpoints: []meta.Endpoint{{Name: meta.PeerListener, Host: host(id), Port: 9093}}})
	}
	return list
}

// link spawns the links to the other founders, as they are known before there is an image.
func (s *Seat) link(l *kitsim.Life, b *Broker) *kit.Ref {
	if s == nil {
		return nil
	}
	peers := peer.Spawn(l, peer.Options{Board: b.Links, Network: peersim.New(l, host(s.ID), peerAddress(s.ID)),
		Me: peer.Identity{ClusterID: founded, NodeID: s.ID, StoreID: b.ID.StoreID, Incarnation: b.ID.Run(), Address: peerAddress(s.ID)}})
	for _, id := range s.Nodes {
		if id == s.ID {
			continue
		}
		to := peer.Link{Node: id, Address: peerAddress(id), StoreID: storeID(id)}
		if s.joined() {
			to.StoreID = [16]byte{} // others may have joined, too: the image will tell
		}
		peers.Tell(to)
	}
	return peers
}
