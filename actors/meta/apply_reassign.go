package meta

import (
	"slices"

	"troupe/kafka/code"
)

// Moving reports whether a reassignment of the partition is under way.
func (p *Partition) Moving() bool { return len(p.Adding)+len(p.Removing) > 0 }

// Factor is the replication factor of a partition. While it moves, both old and new replicas are in Replicas, and this is the smaller
// of the two numbers.
func (p *Partition) Factor() int { return len(p.Replicas) - max(len(p.Adding), len(p.Removing)) }

// MinISROf is MinISR for one partition.
func (m *Image) MinISROf(t *Topic, p *Partition) int { return m.MinISR(t, p.Factor()) }

func (e *edit) alterReassignments(c AlterReassignments) Result {
	chosen := map[TopicID]bool{}
	auto := e.img.AutoFactor()
	out := e.each(refsOf(c.Partitions), func(i int, t *Topic, p *Partition) Result {
		target := c.Partitions[i].Target
		if len(target) == 0 {
			return e.undoMove(p)
		}
		have := p.Factor()
		r := e.move(p, target)
		if r.Code == code.OK && len(target) < min(have, auto) {
			chosen[t.ID] = true
		}
		return r
	})
	for i := range c.Partitions {
		if id := c.Partitions[i].Topic; chosen[id] {
			e.endAuto(e.img.TopicByID(id))
		}
	}
	return Result{Value: out}
}

// endAuto makes the number of a topic's replicas somebody's choice: he took some away that the cluster would give, and it would give them
// back. Whoever empties a broker takes none away, for that one is to get no replicas.
func (e *edit) endAuto(t *Topic) {
	if t == nil || !t.RFAuto {
		return
	}
	n := *t
	n.RFAuto = false
	e.setTopic(t, &n)
}

// move begins to bring a partition to its target, or changes the target of a move under way.
func (e *edit) move(p *Partition, target []int32) Result {
	if r := e.checkAssignments([][]int32{target}, int(p.Index), len(target)); r.Code != code.OK {
		return r
	}
	was := minus(p.Replicas, p.Adding) // a move under way is forgotten; who has begun to follow may stay
	if all := p.complete(); len(meet(all, was)) == 0 && len(meet(all, target)) == 0 {
		was = minus(p.Replicas, minus(p.Adding, all)) // only they have everything: they stay until somebody else has
	}
	p.Adding, p.Removing = minus(target, was), minus(was, target)
	p.Replicas = append(slices.Clone(target), p.Removing...)
	p.ISR, p.ELR = meet(p.ISR, p.Replicas), meet(p.ELR, p.Replicas)
	return Result{}
}

// complete are the replicas that have everything and one of which may lead at once, or when it is back: the ISR, or the ELR if that is empty.
func (p *Partition) complete() []int32 {
	if len(p.ISR) > 0 {
		return p.ISR
	}
	return p.ELR
}

func (e *edit) undoMove(p *Partition) Result {
	if !p.Moving() {
		return refuse(code.NoReassignmentInProgress, "No reassignment of the partition is in progress.")
	}
	isr, all := minus(p.ISR, p.Adding), p.complete()
	if len(minus(all, p.Adding)) == 0 && len(all) > 0 {
		return refuse(code.InvalidReplicaAssignment, "None of the former replicas is in sync: the reassignment can only go on.")
	}
	p.Replicas, p.ISR, p.ELR = minus(p.Replicas, p.Adding), isr, minus(p.ELR, p.Adding)
	p.Adding, p.Removing = nil, nil
	return Result{}
}

// completeMove ends a reassignment whose new replicas are all in sync and enough for the minimum, and reports whether it did.
func (m *Image) completeMove(t *Topic, p *Partition) bool {
	if !p.Moving() {
		return false
	}
	replicas, isr := minus(p.Replicas, p.Removing), minus(p.ISR, p.Removing)
	if len(isr) == 0 || len(isr) < m.MinISR(t, len(replicas)) || !subset(p.Adding, isr) {
		return false
	}
	p.Replicas, p.ISR, p.ELR = replicas, isr, minus(p.ELR, p.Removing)
	p.Adding, p.Removing = nil, nil
	return true
}

// minus is list without those of other, in order; the same slice if none is.
func minus(list, other []int32) []int32 {
	for _, id := range other {
		list = without(list, id)
	}
	return list
}

// meet is list as far as it is in other.
func meet(list, other []int32) []int32 { return minus(list, minus(list, other)) }
