package node

import (
	"troupe/actors/kit"
	"troupe/actors/partition"
)

// startReplicas spawns the actor by which local replicas and those of other brokers speak with each other.
func (n *Node) startReplicas(c kit.Context) {
	if n.o.Peers == nil {
		return
	}
	n.carrier = partition.SpawnReplicas(c, partition.ReplicasOptions{NodeID: n.o.NodeID, Peers: n.o.Peers, Metadata: n.o.Metadata, Writer: n.o.Writer})
}

// attach makes a new replica known to those of other brokers.
func (n *Node) attach(partID uint32, r *replica) {
	if n.carrier != nil {
		n.carrier.Tell(partition.Attach{PartID: partID, TopicID: r.topicID, Index: r.index, Ref: r.ref})
	}
}

func (n *Node) detach(partID uint32) {
	if n.carrier != nil {
		n.carrier.Tell(partition.Detach{PartID: partID})
	}
}

// tellEpoch tells the replicas under which epoch this broker takes part, when that has changed.
func (n *Node) tellEpoch() {
	if n.carrier != nil && n.life.epoch != n.carried {
		n.carried = n.life.epoch
		n.carrier.Tell(partition.Registered{Epoch: n.carried})
	}
}
