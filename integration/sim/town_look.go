package sim

import (
	"fmt"
	"slices"

	kitsim "troupe/actors/kit/sim"
	"troupe/actors/meta"
	"troupe/actors/partition"
)

// crest is how far the high watermark of a partition came in one leader epoch, and where the log ended when that began.
type crest struct {
	epoch        int32
	begins, high int64
}

// crests are those of a partition, by epoch.
type crests []crest

// upTo is the greatest high watermark of an epoch and all before.
func (c crests) upTo(epoch int32) (high int64) {
	for _, x := range c {
		if x.epoch <= epoch {
			high = max(high, x.high)
		}
	}
	return high
}

// rise notes the high watermark of a leader that serves. It never goes back: not in its epoch, and not from one leader to the next, for what it
// was in any earlier epoch was in the log when the next began, and nobody is told less before it has come there again (KIP-207). That
// holds for leaders too that do not know yet that another one leads.
func (c *crests) rise(s partition.Standing) error {
	at, known := slices.BinarySearchFunc(*c, s.Epoch, func(x crest, epoch int32) int { return int(x.epoch) - int(epoch) })
	switch {
	case !known:
		*c = slices.Insert(*c, at, crest{s.Epoch, s.Begins, s.High})
	case s.High < (*c)[at].high:
		return fmt.Errorf("D6: the high watermark went back from %d to %d in epoch %d", (*c)[at].high, s.High, s.Epoch)
	}
	(*c)[at].high = s.High
	for i, x := range *c {
		for _, later := range (*c)[i+1:] {
			if later.begins < x.high {
				return fmt.Errorf("D1: epoch %d began at offset %d, and the high watermark is %d in epoch %d", later.epoch, later.begins, x.high, x.epoch)
			}
		}
	}
	return nil
}

// checkCounted: D3: whoever the cluster takes for in sync or eligible, the high watermark of the leader respects, as long as it may move.
func checkCounted(p *meta.Partition, min int, s partition.Standing) error {
	if !s.Serves || s.Epoch != p.LeaderEpoch || len(p.ISR) < min {
		return nil
	}
	for _, id := range slices.Concat(p.ISR, p.ELR) {
		if !slices.Contains(s.ISR, id) && !slices.Contains(s.Wanted, id) {
			return fmt.Errorf("D3: the leader %d counts %v and %v, and the cluster takes %v for in sync and %v for eligible", p.Leader, s.ISR, s.Wanted, p.ISR, p.ELR)
		}
	}
	return nil
}

// look asks every replica what it takes itself for.
func (t *town) look() error {
	if t.book.newest == nil {
		return nil
	}
	for x := range t.book.newest.Topics() {
		for i := range x.Partitions {
			p := &x.Partitions[i]
			for _, id := range p.Replicas {
				if err := t.lookAt(t.nodes[id-1], x, p); err != nil {
					return fmt.Errorf("%s-%d at %s: %w", x.Name, i, host(id), err)
				}
			}
		}
	}
	return nil
}

func (t *town) lookAt(h *house, x *meta.Topic, p *meta.Partition) error {
	s, ok := h.standing(p.ID)
	if !ok || !s.Serves {
		return nil
	}
	if p.Leader == h.id {
		if err := checkCounted(p, t.book.newest.MinISROf(x, p), s); err != nil {
			return err
		}
	}
	c := t.book.crests[p.ID]
	err := c.rise(s)
	t.book.crests[p.ID], t.book.high[p.ID] = c, max(t.book.high[p.ID], s.High)
	return err
}

// standing is what the replica of a partition at a node takes itself for; false: it is not there, or its log is not known.
func (h *house) standing(partID uint32) (s partition.Standing, ok bool) {
	if !h.up() {
		return s, false
	}
	ref := h.broker.Published.Get().Partition(partID)
	if ref == nil {
		return s, false
	}
	p, ok := kitsim.Actor(ref).(*partition.Partition)
	if !ok {
		return s, false
	}
	return p.Standing()
}
