package node

import (
	"maps"
	"slices"

	"troupe/actors/group"
	"troupe/actors/kit"
	"troupe/actors/meta"
	"troupe/actors/metadata"
	"troupe/actors/partition"
)

// coordinator is the actor of consumer groups that belongs to a local replica of __consumer_offsets.
type coordinator struct {
	ref     *kit.Ref
	retired bool // told to end
}

// startCoordinating begins to coordinate consumer groups, once, when our own registration is applied: until then the image may lack
// topics that were made before a crash, and their offsets would be taken for those of deleted ones.
func (n *Node) startCoordinating(c kit.Context) {
	if n.coordinating || n.life.leaving || n.life.epoch == 0 || n.image.Index() < n.life.registered {
		return
	}
	n.coordinating = true
	n.coordinateAll(c)
	n.coordinateNow()
}

// coordinateAll notes for the coordinators of all local replicas what they are to be told.
func (n *Node) coordinateAll(c kit.Context) {
	t := n.image.Topic(group.Topic)
	if t == nil || n.life.leaving {
		return
	}
	for i := range t.Partitions {
		if r := n.replicas[t.Partitions[i].ID]; r != nil {
			n.coordinate(c, t, &t.Partitions[i], r, n.configOf(t))
		}
	}
}

// coordinate tells the coordinator of a replica what the cluster decided about it; it is made if there is none. One of an earlier topic
// goes first: see onCoordinatorStopped.
func (n *Node) coordinate(c kit.Context, t *meta.Topic, p *meta.Partition, r *replica, cfg partition.Config) {
	if !n.coordinating || t.Name != group.Topic {
		return
	}
	x := n.coordinators[p.Index]
	switch {
	case x == nil:
		x = &coordinator{ref: c.Spawn(group.ShardName(p.Index), group.NewShard(group.Options{
			Index: p.Index, Data: n.o.Data, Writer: n.o.Writer, Topic: n.topicID, Lease: n.lease, Stats: n.o.Groups}), kit.Options{Kind: "group-shard"})}
		n.coordinators[p.Index] = x
	case x.retired:
		return
	}
	r.coordinated = true
	n.orders = append(n.orders, coordination{x.ref, group.Become{Partition: r.ref, TopicID: t.ID, PartID: p.ID, Leader: p.Leader == n.o.NodeID && n.lease.Held(), LeaderEpoch: p.LeaderEpoch,
		Config: n.groupConfig(cfg)}})
}

// coordination is what a coordinator is to be told when the view is published.
type coordination struct {
	to     *kit.Ref
	become group.Become
}

// coordinateNow tells the coordinators what has been decided. It follows the view: one that begins to lead looks for the topics of its offsets
// there, and would take those for deleted that were made just before.
func (n *Node) coordinateNow() {
	for _, o := range n.orders {
		o.to.Tell(o.become)
	}
	n.orders = nil
}

// topicID finds a topic as connections see it. Any actor may call it.
func (n *Node) topicID(name string) (meta.TopicID, bool) {
	if t := n.o.Published.Get().Image.Topic(name); t != nil {
		return t.ID, true
	}
	return meta.TopicID{}, false
}

// groupConfig are the settings of consumer groups in force.
func (n *Node) groupConfig(topic partition.Config) group.Config {
	of := func(key string) int64 { return meta.BrokerInt(n.image, n.defaults(), key) }
	return group.Config{
		MinSessionMs: of("group.min.session.timeout.ms"), MaxSessionMs: of("group.max.session.timeout.ms"),
		MaxSize: int(of("group.max.size")), InitialDelayMs: of("group.initial.rebalance.delay.ms"),
		MaxMetadata: int(of("offset.metadata.max.bytes")), RetentionMs: of("offsets.retention.minutes") * 60_000,
		CheckMs: of("offsets.retention.check.interval.ms"), CommitTimeoutMs: of("offsets.commit.timeout.ms"),
		Codec: int8(of("offsets.topic.compression.codec")), MaxBatch: topic.MaxMessageBytes,
	}
}

// endCoordinator ends the coordinator of a replica that leaves.
func (n *Node) endCoordinator(c kit.Context, r *replica) {
	x := n.coordinators[r.index]
	if !r.coordinated || x == nil || x.retired {
		return
	}
	x.retired = true
	x.ref.Tell(&group.Retire{Ask: kit.Ask{ReplyTo: c.Self(), Slot: uint64(r.index)}})
}

func (n *Node) onRetired(c kit.Context, m group.Retired) {
	index := int32(m.Slot)
	c.Stop(n.coordinators[index].ref, c.Self(), coordinatorStopped{index})
}

func (n *Node) onCoordinatorStopped(c kit.Context, m coordinatorStopped) {
	delete(n.coordinators, m.index)
	if t := n.image.Topic(group.Topic); t != nil && int(m.index) < len(t.Partitions) && !n.life.leaving {
		p := &t.Partitions[m.index]
		if r := n.replicas[p.ID]; r != nil && slices.Contains(p.Replicas, n.o.NodeID) {
			n.coordinate(c, t, p, r, n.configOf(t))
		}
	}
	n.coordinateNow()
	n.finishShutdown(c)
}

// forgetOffsets tells the coordinators which topics are gone. It follows the view without them, so that no commit to them comes later.
func (n *Node) forgetOffsets(m *metadata.Changed) {
	var gone []group.TopicRef
	for _, t := range m.Changes.Topics {
		if t.Old != nil && (t.New == nil || t.New.ID != t.Old.ID) {
			gone = append(gone, group.TopicRef{Name: t.Old.Name, ID: t.Old.ID})
		}
	}
	if len(gone) == 0 {
		return
	}
	for _, i := range slices.Sorted(maps.Keys(n.coordinators)) {
		n.coordinators[i].ref.Tell(group.TopicsDeleted{Topics: gone})
	}
}
