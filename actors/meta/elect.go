package meta

import "slices"

// alive reports whether a broker may lead. One that is shutting down may only keep what it leads.
func (m *Image) alive(id, leader int32) bool {
	b := m.Broker(id)
	return b != nil && !b.Fenced && (!b.InControlledShutdown || id == leader)
}

// Serves reports whether a broker is in service: registered, not fenced, not shutting down.
func (m *Image) Serves(id int32) bool { return m.alive(id, NoLeader) }

// The functions below decide on a copy of a partition and never write to the slices it shares.

// fenceReplica takes a broker out of the ISR. Below min the high watermark stands still, so whoever leaves now still
// holds all that was committed: it becomes eligible.
func fenceReplica(p *Partition, id int32, min int) {
	if !slices.Contains(p.ISR, id) {
		return
	}
	p.ISR = without(p.ISR, id)
	if len(p.ISR) < min && !slices.Contains(p.ELR, id) {
		p.ELR = append(slices.Clip(p.ELR), id)
	}
}

// purgeReplica forgets that a broker ever had the data: its disk is another one.
func purgeReplica(p *Partition, id int32) {
	p.ISR, p.ELR = without(p.ISR, id), without(p.ELR, id)
}

// elect settles ELR and leader after anything about a partition or its brokers changed.
func (m *Image) elect(p *Partition, min int) {
	if len(p.ISR) >= min {
		p.ELR = nil
	}
	if p.Leader != NoLeader && slices.Contains(p.ISR, p.Leader) && m.alive(p.Leader, p.Leader) {
		return
	}
	old := p.Leader
	p.Leader = NoLeader
	for _, r := range p.Replicas {
		if slices.Contains(p.ISR, r) && m.alive(r, old) {
			p.Leader = r
			return
		}
	}
	if len(p.ISR) > 0 {
		return
	}
	for _, r := range p.Replicas {
		if slices.Contains(p.ELR, r) && m.alive(r, old) {
			p.Leader, p.ISR, p.ELR = r, []int32{r}, without(p.ELR, r)
			break
		}
	}
	if len(p.ISR) >= min {
		p.ELR = nil
	}
}

// settle counts the epochs of a partition up by what changed, and reports whether anything did.
func settle(old, new *Partition) bool {
	grown := !slices.Equal(old.Replicas, new.Replicas)
	led := old.Leader != new.Leader || new.Recovering && !old.Recovering
	if !led && samePartition(old, new) {
		return false
	}
	if grown || led {
		new.LeaderEpoch++
	}
	new.PartitionEpoch++
	return true
}

// without is list less one member; the same slice if it has none of it.
func without(list []int32, id int32) []int32 {
	i := slices.Index(list, id)
	if i < 0 {
		return list
	}
	out := make([]int32, 0, len(list)-1)
	return append(append(out, list[:i]...), list[i+1:]...)
}

// changePartitions runs decide on a copy of each partition that may concern, settles leader and epochs, and keeps what changed.
// If only is not nil, only its topics are looked at.
func (e *edit) changePartitions(only []*Topic, concerns func(*Partition) bool, decide func(t *Topic, p *Partition, min int)) {
	if only == nil {
		only = e.img.sortedTopics()
	}
	for _, t := range only {
		var next *Topic
		for i := range t.Partitions {
			old := &t.Partitions[i]
			if !concerns(old) {
				continue
			}
			p := *old
			decide(t, &p, e.img.MinISROf(t, &p))
			if !e.conclude(t, old, &p) {
				continue
			}
			if next == nil {
				c := *t
				c.Partitions = slices.Clone(t.Partitions)
				next = &c
			}
			next.Partitions[i] = p
		}
		if next != nil {
			e.setTopic(t, next)
		}
	}
}
