package node

import (
	"slices"
	"time"

	"troupe/actors/kit"
	"troupe/actors/meta"
	"troupe/raftnode"
)

const (
	// shutdownFence bounds how long a shutdown waits for its fence to be applied.
	shutdownFence = 2 * time.Second
	// partWithin bounds how long it waits before that for what it leads to move, and unheard how long it does if no controller hears it.
	partWithin = 5 * time.Second
	unheard    = 1500 * time.Millisecond
	// handOver bounds how long it waits for another node to lead Raft.
	handOver = 1500 * time.Millisecond
)

// onShutdown ends the broker in order. If others can take over what it leads, the controller is asked to have that moved first, and this
// broker serves until then: clients find the new leaders at work already (Kafka's controlled shutdown).
func (n *Node) onShutdown(c kit.Context, m *Shutdown) {
	if n.shutdown != nil {
		m.Refuse() // the first one is told when it is done
		return
	}
	n.shutdown = m
	if n.life.epoch == 0 || !n.life.unfenced || !n.othersServe() {
		n.depart(c)
		return
	}
	n.life.parting = true
	n.beats.partAt = c.Now()
	c.After(c.Self(), partWithin, overstayed{})
	n.beat(c)
	n.hasten(c)
}

// othersServe reports whether another broker is in service.
func (n *Node) othersServe() bool {
	for _, b := range n.image.Brokers() {
		if b.ID != n.o.NodeID && !b.Fenced && !b.InControlledShutdown {
			return true
		}
	}
	return false
}

func (n *Node) onOverstayed(c kit.Context) {
	if n.life.parting {
		c.Log().Warn("controlled shutdown: not all that this broker leads has moved in time; it goes without", "waited", partWithin)
		n.depart(c)
	}
}

// outvoted reports whether this node and those it has links with are too few to decide anything: all others have gone, too.
func (n *Node) outvoted() bool {
	reach := 0
	for _, id := range n.told.voters {
		if id == n.o.NodeID || !slices.Contains(n.beats.lost, id) {
			reach++
		}
	}
	return len(n.told.voters) > 0 && reach <= len(n.told.voters)/2
}

// hasten ends what a shutdown waits for when there is nobody left to do it.
func (n *Node) hasten(c kit.Context) {
	if n.shutdown == nil || !n.life.parting && !n.fencing || !n.outvoted() {
		return
	}
	c.Log().Warn("shutdown: most of the voters have gone, so the cluster cannot be told; it goes without", "lost", n.beats.lost)
	n.life.parting, n.life.leaving, n.fencing = false, true, false
	n.stopReplicas(c)
}

// depart gives away the lead in Raft, if others vote, so that they need no election when this node is gone.
func (n *Node) depart(c kit.Context) {
	n.life.parting, n.life.leaving = false, true
	if n.o.Quorum != nil && len(n.told.voters) > 1 && n.o.Leader() == n.o.NodeID {
		n.fencing = true
		n.o.Quorum.Tell(&raftnode.TransferLeadership{Ask: kit.Ask{ReplyTo: c.Self()}, Timeout: handOver})
	} else {
		n.fence(c)
	}
	n.hasten(c)
}

func (n *Node) onTransferred(c kit.Context, m raftnode.LeadershipTransferred) {
	if !n.fencing {
		return // it went without
	}
	if !m.Done {
		c.Log().Warn("shutdown: no other node took over the metadata lead in time; an election follows", "waited", handOver)
	}
	n.fence(c)
}

// fence takes the broker out of service, so that the cluster stops sending clients here, then stops the replicas.
func (n *Node) fence(c kit.Context) {
	if n.life.epoch == 0 {
		n.fencing = false
		n.stopReplicas(c)
		return
	}
	n.fencing = true
	if !n.alone() { // others may lead before this broker hears that it is fenced
		n.lease.Revoke()
		n.noteLease(c)
	}
	n.o.Metadata.Tell(&raftnode.Propose{
		Ask:     kit.Ask{ReplyTo: c.Self()},
		Cmd:     meta.FenceBroker{BrokerID: n.o.NodeID, BrokerEpoch: n.life.epoch, Reason: "shutdown"},
		Timeout: shutdownFence,
	})
}
