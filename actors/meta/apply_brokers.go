package meta

import (
	"math"
	"slices"
	"strings"

	"troupe/kafka/code"
)

// RaftIDOf is the Raft id of a node: ids are never reused, so a node that lost its disk comes back in the next generation.
func RaftIDOf(generation uint32, node int32) uint64 {
	return uint64(generation)<<32 | uint64(uint32(node))
}

func (e *edit) initCluster(c InitCluster) Result {
	if e.img.clusterID != "" {
		if e.img.clusterID == c.ClusterID {
			return Result{}
		}
		return refuse(code.InconsistentClusterId, "The cluster is %s already.", e.img.clusterID)
	}
	switch {
	case c.ClusterID == "":
		return refuse(code.InvalidRequest, "A cluster needs an id.")
	case c.FeatureLevel < 1 || c.FeatureLevel > MaxFeatureLevel:
		return refuse(code.InvalidRequest, "Feature level %d is not in 1..%d.", c.FeatureLevel, MaxFeatureLevel)
	case len(c.Founders) == 0:
		return refuse(code.InvalidRequest, "A cluster needs a founder.")
	}
	for i, n := range c.Founders {
		if n.ID < 1 || n.ID == math.MaxInt32 || uint32(n.RaftID) != uint32(n.ID) || n.StoreID == [16]byte{} {
			return refuse(code.InvalidRequest, "Founder %d lacks a node id, a store id, or the raft id that goes with it.", i)
		}
		for _, o := range c.Founders[:i] {
			if o.ID == n.ID || o.RaftID == n.RaftID || o.StoreID == n.StoreID {
				return refuse(code.InvalidRequest, "Founders %d and %d share an id.", o.ID, n.ID)
			}
		}
	}
	if r, why := ValidateBrokerConfigs("", c.Configs); r != code.OK {
		return refuse(r, "%s", why)
	}
	for _, n := range c.Founders {
		e.setNode(n)
	}
	e.img.clusterID, e.img.createdMs, e.img.featureLevel = c.ClusterID, c.CreatedMs, c.FeatureLevel
	if len(c.Configs) > 0 {
		e.setConfigs(resourceConfigs{kind: BrokerResource, values: c.Configs})
	}
	return Result{}
}

func (e *edit) addNode(c AddNode) Result {
	if c.StoreID == [16]byte{} || c.RequestedID < -1 || c.RequestedID == 0 || c.RequestedID == math.MaxInt32 {
		return refuse(code.InvalidRequest, "A node needs a store id, and a node id of −1 or at least 1.")
	}
	for _, n := range e.img.nodes {
		if n.StoreID == c.StoreID && n.Removed {
			return refuse(code.PolicyViolation, "The data directory is that of node %d, which was removed: a node begins anew with an empty one.", n.ID)
		}
		if n.StoreID == c.StoreID {
			e.moveNode(n, c)
			return Result{Value: NodeAdded{n.ID, n.RaftID}}
		}
	}
	n := Node{ID: c.RequestedID, StoreID: c.StoreID, Endpoints: c.Endpoints, Version: c.Version}
	generation := uint32(0)
	if n.ID == -1 {
		if n.ID = e.img.nextNode; n.ID == math.MaxInt32 {
			return refuse(code.PolicyViolation, "All node ids have been given.")
		}
	} else if old := e.img.nodeEver(n.ID); old != nil {
		if b := e.img.Broker(n.ID); b != nil && !b.Fenced {
			return refuse(code.DuplicateBrokerRegistration, "Node %d is serving with another data directory.", n.ID)
		}
		generation = uint32(old.RaftID>>32) + 1
	}
	n.RaftID = RaftIDOf(generation, n.ID)
	e.setNode(n)
	e.purge(n.ID) // what another data directory had is not in the new one
	return Result{Value: NodeAdded{n.ID, n.RaftID}}
}

// moveNode takes what a node says of itself by now, if that is another address or version.
func (e *edit) moveNode(n Node, c AddNode) {
	was := n
	if len(c.Endpoints) > 0 {
		n.Endpoints = c.Endpoints
	}
	if c.Version != "" {
		n.Version = c.Version
	}
	if n.Version != was.Version || !slices.Equal(n.Endpoints, was.Endpoints) {
		e.setNode(n)
	}
}

func (e *edit) registerBroker(c RegisterBroker) Result {
	node := e.img.Node(c.BrokerID)
	if node == nil {
		return refuse(code.BrokerIdNotRegistered, "Node %d is not part of the cluster: it has to be added first.", c.BrokerID)
	}
	if node.StoreID != c.StoreID {
		return refuse(code.DuplicateBrokerRegistration, "Node %d belongs to another data directory.", c.BrokerID)
	}
	b := Broker{ID: c.BrokerID, Epoch: int64(e.img.index), Incarnation: c.Incarnation, StoreID: c.StoreID, Listeners: c.Listeners,
		Rack: c.Rack, Fenced: true, Features: c.Features, LogDirs: c.LogDirs}
	old := e.img.Broker(c.BrokerID)
	switch {
	case old == nil:
		e.setBroker(b)
		e.leaveISRs(b.ID, true) // it was unregistered, or is new and holds nothing
	case old.Incarnation == c.Incarnation && old.StoreID == c.StoreID:
		b.Epoch, b.Fenced, b.InControlledShutdown = old.Epoch, old.Fenced, old.InControlledShutdown
		e.setBroker(b)
	case old.StoreID == c.StoreID:
		clean := c.PrevBrokerEpoch == old.Epoch
		e.setBroker(b)
		e.leaveISRs(b.ID, !clean)
	case !old.Fenced && !c.PrevFenced:
		return refuse(code.DuplicateBrokerRegistration, "Broker %d is serving with another data directory.", c.BrokerID)
	default:
		e.setBroker(b)
		e.purge(b.ID)
	}
	return Result{Value: Registered{b.Epoch, b.Fenced}}
}

func (e *edit) fenceBroker(c FenceBroker) Result {
	b, r := e.current(c.BrokerID, c.BrokerEpoch)
	if b == nil || b.Fenced {
		return r
	}
	n := *b
	n.Fenced, n.InControlledShutdown = true, false
	e.setBroker(n)
	e.leaveISRs(n.ID, false)
	return Result{}
}

func (e *edit) unfenceBroker(c UnfenceBroker) Result {
	b, r := e.current(c.BrokerID, c.BrokerEpoch)
	if b == nil || !b.Fenced {
		return r
	}
	if node := e.img.Node(b.ID); node.StoreID != b.StoreID {
		return refuse(code.DuplicateBrokerRegistration, "Node %d belongs to another data directory by now.", b.ID)
	}
	n := *b
	n.Fenced = false
	e.setBroker(n)
	if e.idle(n.ID) {
		return Result{}
	}
	e.changePartitions(nil, func(p *Partition) bool {
		return p.Leader == NoLeader && slices.Contains(p.Replicas, n.ID)
	}, func(*Topic, *Partition, int) {})
	return Result{}
}

func (e *edit) allocateProducerIds(c AllocateProducerIds) Result {
	b, r := e.current(c.BrokerID, c.BrokerEpoch)
	switch {
	case b == nil:
		return r
	case c.Count < 1 || c.Count > MaxProducerIDBlock:
		return refuse(code.InvalidRequest, "A block has 1 to %d producer ids, not %d.", MaxProducerIDBlock, c.Count)
	case e.img.nextProducer > math.MaxInt64-int64(c.Count):
		return refuse(code.UnknownServerError, "All producer ids have been given.")
	}
	first := e.img.nextProducer
	e.img.nextProducer += int64(c.Count)
	return Result{Value: ProducerIDs{first, c.Count}}
}

// current is the broker if the epoch is that of its last registration, else nil and the refusal.
func (e *edit) current(id int32, epoch int64) (*Broker, Result) {
	b := e.img.Broker(id)
	if b == nil {
		return nil, refuse(code.BrokerIdNotRegistered, "Broker %d is not registered.", id)
	}
	if b.Epoch != epoch {
		return nil, refuse(code.StaleBrokerEpoch, "Broker %d has epoch %d, not %d.", id, b.Epoch, epoch)
	}
	return b, Result{}
}

// idle reports whether a broker holds no replica, so that no topic needs looking at.
func (e *edit) idle(id int32) bool { replicas, _ := e.img.Load(id); return replicas == 0 }

// leaveISRs takes a broker that stopped serving out of all ISRs. After an unclean restart it may have lost the end of topics that
// are not fsynced before the acknowledgement, so there it stays eligible only if nobody else is.
func (e *edit) leaveISRs(id int32, unclean bool) {
	if e.idle(id) {
		return
	}
	e.changePartitions(nil, func(p *Partition) bool {
		return slices.Contains(p.ISR, id) || p.Leader == id || unclean && slices.Contains(p.ELR, id)
	}, func(t *Topic, p *Partition, min int) {
		fenceReplica(p, id, min)
		if unclean && len(p.ISR)+len(p.ELR) > 1 && slices.Contains(p.ELR, id) && e.img.flushesLate(t) {
			p.ELR = without(p.ELR, id)
		}
	})
}

// purge takes a broker that came back with an empty disk out of everything that says it has data.
func (e *edit) purge(id int32) {
	if e.idle(id) {
		return
	}
	e.changePartitions(nil, func(p *Partition) bool {
		return slices.Contains(p.ISR, id) || slices.Contains(p.ELR, id) || p.Leader == id
	}, func(_ *Topic, p *Partition, _ int) { purgeReplica(p, id) })
}

// flushesLate reports whether a topic is acknowledged before it is on disk.
func (m *Image) flushesLate(t *Topic) bool {
	v, ok := t.Configs[FlushPolicyKey]
	if !ok {
		v, ok = m.BrokerConfig("", BrokerFlushPolicyKey)
	}
	return ok && strings.TrimSpace(v) == FlushOS
}
