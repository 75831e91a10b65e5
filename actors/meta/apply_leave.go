package meta

import (
	"slices"
	"strconv"

	"troupe/kafka/code"
)

func (e *edit) beginControlledShutdown(c BeginControlledShutdown) Result {
	b, r := e.current(c.BrokerID, c.BrokerEpoch)
	if b == nil || b.Fenced || b.InControlledShutdown {
		return r
	}
	n := *b
	n.InControlledShutdown = true
	e.setBroker(n)
	if e.idle(n.ID) {
		return Result{}
	}
	e.changePartitions(nil, func(p *Partition) bool { return slices.Contains(p.ISR, n.ID) }, func(_ *Topic, p *Partition, min int) {
		for _, id := range p.ISR {
			if id != n.ID && e.img.alive(id, NoLeader) {
				fenceReplica(p, n.ID, min)
				return
			}
		}
	})
	return Result{}
}

func (e *edit) unregisterBroker(c UnregisterBroker) Result {
	if e.img.Broker(c.BrokerID) == nil {
		return refuse(code.BrokerIdNotRegistered, "Broker %d is not registered.", c.BrokerID)
	}
	e.dropBroker(c.BrokerID)
	e.leaveISRs(c.BrokerID, false)
	return Result{}
}

// removeNode forgets a node and the settings of its broker: a machine that takes its number later is another one, and would stay cordoned.
func (e *edit) removeNode(c RemoveNode) Result {
	n := e.img.Node(c.NodeID)
	switch replicas, _ := e.img.Load(c.NodeID); {
	case n == nil:
		return refuse(code.BrokerIdNotRegistered, "Node %d is not part of the cluster.", c.NodeID)
	case e.img.Broker(c.NodeID) != nil:
		return refuse(code.InvalidRequest, "Node %d is registered as a broker: it has to be unregistered first.", c.NodeID)
	case replicas > 0:
		return refuse(code.InvalidRequest, "Node %d holds %d replica(s): they have to be moved first.", c.NodeID, replicas)
	}
	gone := *n
	gone.Removed = true
	e.setNode(gone)
	if name := strconv.Itoa(int(c.NodeID)); len(e.img.ResourceConfigs(BrokerResource, name)) > 0 {
		e.setConfigs(resourceConfigs{BrokerResource, name, nil})
	}
	return Result{}
}
