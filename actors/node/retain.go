package node

import (
	"time"

	"troupe/actors/kit"
	"troupe/actors/meta"
	"troupe/actors/partition"
)

const (
	// retainAtOnce is how many partitions a round of retention tells at one time: the first look at a partition reads the store, and a
	// hundred thousand reads at once would hold up whoever else reads.
	retainAtOnce = 500
	// retainGap is the most time between two such slices.
	retainGap = time.Second
)

// sweep is one round of retention over the local partitions.
type sweep struct {
	parts []uint32 // that were not told yet
	gap   time.Duration
	next  time.Time // when the next round is due
}

// newSweep begins a round over parts, to be through before the next is due, every so often.
func newSweep(parts []uint32, every time.Duration, now time.Time) sweep {
	slices := (len(parts) + retainAtOnce - 1) / retainAtOnce
	return sweep{parts: parts, gap: min(retainGap, every/time.Duration(max(slices, 1))), next: now.Add(every)}
}

// take gives the partitions that are told now.
func (s *sweep) take() []uint32 {
	n := min(len(s.parts), retainAtOnce)
	now := s.parts[:n]
	if s.parts = s.parts[n:]; len(s.parts) == 0 {
		s.parts = nil
	}
	return now
}

// wait is the time until the next slice, or the next round.
func (s *sweep) wait(now time.Time) time.Duration {
	if len(s.parts) > 0 {
		return s.gap
	}
	return max(s.next.Sub(now), 0)
}

// onRetain tells the next slice of partitions to look at their retention.
func (n *Node) onRetain(c kit.Context) {
	if len(n.sweep.parts) == 0 {
		n.sweep = newSweep(n.localParts(), n.retainEvery(), c.Now())
	}
	for _, id := range n.sweep.take() {
		if r := n.replicas[id]; r != nil {
			r.ref.Tell(partition.Retain{})
		}
	}
	c.After(c.Self(), n.sweep.wait(c.Now()), retain{})
}

// localParts lists the partitions with a replica here, topic by topic.
func (n *Node) localParts() []uint32 {
	ids := make([]uint32, 0, len(n.replicas))
	for t := range n.image.Topics() {
		for i := range t.Partitions {
			if id := t.Partitions[i].ID; n.replicas[id] != nil {
				ids = append(ids, id)
			}
		}
	}
	return ids
}

// retainEvery is how often retention looks at the local logs.
func (n *Node) retainEvery() time.Duration {
	ms := meta.BrokerInt(n.image, n.defaults(), "log.retention.check.interval.ms")
	return time.Duration(max(ms, 10)) * time.Millisecond
}
