package sim

import (
	"fmt"
	"slices"
	"strings"

	kitsim "troupe/actors/kit/sim"
	"troupe/actors/meta"
	"troupe/actors/node"
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

// wishes are the changes of ISRs that leaders have been seen to ask for, by partition and the partition epoch that they are to change.
type wishes map[wishKey][]meta.NewISR

type wishKey struct {
	partID uint32
	epoch  int32
}

func (w wishes) note(partID uint32, n *meta.NewISR) {
	if n == nil {
		return
	}
	k := wishKey{partID, n.PartitionEpoch}
	if list := w[k]; len(list) == 0 || !slices.Equal(list[len(list)-1].ISR, n.ISR) {
		w[k] = append(list, *n)
	}
}

// checkJoined: who joins an ISR does so in the run in which the leader has seen it catch up: one that has restarted since, perhaps with
// another disk, is none of those that the leader asked for (KIP-903). epoch is the broker's in the image in which it is in the ISR.
func (w wishes) checkJoined(p *meta.Partition, id int32, epoch int64) error {
	var asked []int64
	for _, n := range w[wishKey{p.ID, p.PartitionEpoch - 1}] {
		in := func(id int32) bool {
			return slices.ContainsFunc(n.ISR, func(m meta.ISRMember) bool { return m.BrokerID == id })
		}
		if slices.ContainsFunc(p.ISR, func(id int32) bool { return !in(id) }) {
			continue // another one was granted. A move that ends by it may take members out
		}
		if p.LeaderEpoch > n.LeaderEpoch {
			continue // an election came first, and took who was eligible
		}
		for _, m := range n.ISR {
			if m.BrokerID == id {
				asked = append(asked, m.BrokerEpoch)
			}
		}
	}
	if len(asked) > 0 && !slices.Contains(asked, epoch) {
		return fmt.Errorf("KIP-903: broker %d joined the ISR %v under epoch %d, and the leader asked for it under %v", id, p.ISR, epoch, asked)
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
	if t.book.wishes.note(p.ID, s.Asked); !ok || !s.Serves {
		return nil
	}
	if p.Leader == h.id {
		if err := checkCounted(p, t.book.newest.MinISROf(x, p), s); err != nil {
			return err
		}
	}
	c := t.book.crests[p.ID]
	err := c.rise(s)
	t.spring(moment{h, x, p, s})
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

// notePlaces notes which replicas an image places at a node.
func (h *house) notePlaces(img *meta.Image) {
	for x := range img.Topics() {
		for i := range x.Partitions {
			if slices.Contains(x.Partitions[i].Replicas, h.id) {
				h.placed[node.PartitionName(x.ID, int32(i))] = true
			}
		}
	}
}

// checkActors: a replica lives only where the image places it, or placed it and it is being left. Nobody makes one by himself.
func (h *house) checkActors() error {
	for _, name := range h.node.Actors() {
		id, ok := strings.CutPrefix(name, "partition/")
		if !ok {
			continue
		}
		if p := partitionOf(h.seen, id); p != nil && slices.Contains(p.Replicas, h.id) {
			delete(h.gone, name)
			continue
		}
		since, ok := h.gone[name]
		switch {
		case !h.placed[name]:
			return fmt.Errorf("%s has a replica %s, and no image places it there", host(h.id), name)
		case !ok || h.node.Slow > 0 || h.node.Stuck > h.t.Now():
			h.gone[name] = h.t.Now()
		case h.t.Now()-since > leaveWithin:
			return fmt.Errorf("%s has a replica %s %s after the image ceased to place it there", host(h.id), name, h.t.Now()-since)
		}
	}
	return nil
}
