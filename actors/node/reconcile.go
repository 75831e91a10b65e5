package node

import (
	"fmt"
	"slices"
	"strings"

	"troupe/actors/kit"
	"troupe/actors/meta"
	"troupe/actors/metadata"
	"troupe/actors/partition"
)

// PartitionName is the name of the actor of a local replica.
func PartitionName(id meta.TopicID, index int32) string {
	return fmt.Sprintf("partition/%s-%d", id, index)
}

// onChanged makes the local replicas what the image says, then publishes the image, then lets metadata answer its waiters:
// who got an OK sees the topic here, and whoever sees a partition can send to it.
func (n *Node) onChanged(c kit.Context, m *metadata.Changed) {
	kit.Invariant(m.Image.Index() >= n.image.Index(), "BUG: image went back from %d to %d", n.image.Index(), m.Image.Index())
	n.image = m.Image
	n.o.Steps.Finish(StepImage)
	n.setCleaner(m.Changes)
	e := edit(n.view)
	if m.Changes.Reset {
		n.reconcileAll(c, e)
	} else {
		for _, t := range m.Changes.Topics {
			now := t.New
			if now != nil { // a later change of the same batch may have deleted it
				now = n.image.TopicByID(now.ID)
			}
			n.reconcile(c, e, t.Old, now)
		}
		n.reconfigure(c, e, m.Changes.Configs)
	}
	n.publish(e)
	n.link(c)
	n.informController(m.Changes.Reset || len(m.Changes.Topics)+len(m.Changes.Brokers)+len(m.Changes.Configs) > 0)
	n.forgetOffsets(m)
	m.Reply(metadata.Seen{Changed: m})
	n.step(c)
}

func (n *Node) publish(e *viewEdit) {
	n.view = e.view(n.image, n.o.Leader(), n.caughtUp)
	n.o.Published.Set(n.view)
	n.coordinateNow()
}

// reconcileAll compares everything: at start, and after a snapshot was installed.
func (n *Node) reconcileAll(c kit.Context, e *viewEdit) {
	for t := range n.image.Topics() {
		n.reconcile(c, e, nil, t)
	}
	ids := make([]uint32, 0, len(n.replicas))
	for id := range n.replicas {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	for _, id := range ids {
		if t, p := n.image.ByPartID(id); t == nil || !slices.Contains(p.Replicas, n.o.NodeID) {
			n.leave(c, e, id, true)
		}
	}
}

// reconcile handles one topic that was made, changed or deleted.
func (n *Node) reconcile(c kit.Context, e *viewEdit, old, now *meta.Topic) {
	if now != nil {
		cfg := n.configOf(now)
		for i := range now.Partitions {
			p := &now.Partitions[i]
			switch r := n.replicas[p.ID]; {
			case slices.Contains(p.Replicas, n.o.NodeID):
				n.become(c, e, now, p, cfg)
			case r != nil:
				n.leave(c, e, p.ID, true)
			}
		}
	}
	if old != nil && (now == nil || now.ID != old.ID) {
		for i := range old.Partitions {
			if n.replicas[old.Partitions[i].ID] != nil {
				n.leave(c, e, old.Partitions[i].ID, true)
			}
		}
	}
}

// become spawns the replica's actor if it is new, and tells it what the cluster decided.
func (n *Node) become(c kit.Context, e *viewEdit, t *meta.Topic, p *meta.Partition, cfg partition.Config) {
	r := n.replicas[p.ID]
	if r == nil && (n.life.leaving || n.stopping[p.ID]) {
		return // nobody would stop it any more; or it is born when its predecessor has gone, see onStopped
	}
	if r == nil {
		a := partition.New(partition.Options{PartID: p.ID, Data: n.o.Data, Tail: n.o.Tail, Writer: n.o.Writer, Gate: n.o.Gate, Lease: n.lease, Replicas: n.carrier})
		r = &replica{ref: c.Spawn(PartitionName(t.ID, p.Index), a, kit.Options{Kind: "partition"}), topicID: t.ID, index: p.Index}
		n.replicas[p.ID] = r
		e.set(p.ID, r.ref)
		n.attach(p.ID, r)
	}
	cfg.MinISR = n.image.MinISROf(t, p)
	r.ref.Tell(partition.Become{TopicID: t.ID, Topic: t.Name, Partition: *p, Config: cfg, Self: n.o.NodeID})
	n.compact(t, p, r, cfg)
	n.coordinate(c, t, p, r, cfg)
}

// leave stops a replica. Its data goes when it has stopped, so that no late append revives it.
func (n *Node) leave(c kit.Context, e *viewEdit, partID uint32, drop bool) {
	r := n.replicas[partID]
	delete(n.replicas, partID)
	n.stopping[partID] = true
	e.set(partID, nil)
	n.detach(partID)
	n.endCoordinator(c, r)
	n.endCompaction(partID, r)
	c.Stop(r.ref, c.Self(), stopped{partID: partID, drop: drop})
}

// reconfigure tells the replicas of topics whose settings changed, directly or through the broker's.
func (n *Node) reconfigure(c kit.Context, e *viewEdit, configs []string) {
	for _, name := range configs {
		if topic, ok := strings.CutPrefix(name, "topic:"); ok {
			if t := n.image.Topic(topic); t != nil {
				n.reconcile(c, e, nil, t)
			}
			continue
		}
		if !strings.HasPrefix(name, "broker:") {
			continue
		}
		for t := range n.image.Topics() {
			n.reconcile(c, e, nil, t)
		}
		return
	}
}

// configOf is a topic's configuration in force, as its partitions want it.
func (n *Node) configOf(t *meta.Topic) partition.Config {
	s := meta.SettingsOf(n.image, t, n.defaults())
	if s.Compact { // only what lies in a closed segment is compacted (LogConfig.maxSegmentMs)
		s.SegmentMs = min(s.SegmentMs, s.MaxCompactionLagMs)
	}
	return partition.Config{
		MaxMessageBytes: int(s.MaxMessageBytes), RetentionMs: s.RetentionMs, RetentionBytes: s.RetentionBytes,
		SegmentBytes: s.SegmentBytes, SegmentMs: s.SegmentMs, SegmentJitterMs: s.SegmentJitterMs, Compact: s.Compact, Delete: s.Delete,
		LogAppendTime: s.LogAppendTime, BeforeMaxMs: s.TimestampBeforeMaxMs, AfterMaxMs: s.TimestampAfterMaxMs,
		MinISR: int(s.MinISR), CompressionType: s.CompressionType, FlushOS: s.FlushPolicy == meta.FlushOS,
		ProducerExpiryMs: meta.BrokerInt(n.image, n.defaults(), "producer.id.expiration.ms"), Internal: t.Internal,
		LagMaxMs: meta.BrokerInt(n.image, n.defaults(), "replica.lag.time.max.ms"),
	}
}
