package meta

import (
	"slices"

	"troupe/kafka/code"
)

// each changes single partitions: decide works on a copy of the partition, and what it changed is settled and kept if it answers OK.
// A topic is copied once, however many of its partitions are named.
func (e *edit) each(refs []PartitionRef, decide func(i int, t *Topic, p *Partition) Result) []PartitionResult {
	out := make([]PartitionResult, len(refs))
	edits := make(map[TopicID]*Topic)
	var order []TopicID
	for i, ref := range refs {
		out[i].PartitionRef = ref
		t := edits[ref.Topic]
		if t == nil {
			t = e.img.TopicByID(ref.Topic)
		}
		switch {
		case t == nil:
			out[i].set(refuse(code.UnknownTopicId, "There is no topic with this id."))
			continue
		case ref.Index < 0 || int(ref.Index) >= len(t.Partitions):
			out[i].set(refuse(code.UnknownTopicOrPartition, "Topic '%s' has no partition %d.", t.Name, ref.Index))
			continue
		}
		old := &t.Partitions[ref.Index]
		p := *old
		r := decide(i, t, &p)
		if r.Code == code.OK && e.conclude(t, old, &p) {
			if edits[ref.Topic] == nil {
				c := *t
				c.Partitions = slices.Clone(t.Partitions)
				t = &c
				edits[ref.Topic], order = t, append(order, ref.Topic)
			}
			t.Partitions[ref.Index] = p
		}
		out[i].set(r)
		out[i].show(&t.Partitions[ref.Index])
	}
	for _, id := range order {
		e.setTopic(e.img.TopicByID(id), edits[id])
	}
	return out
}

func (r *PartitionResult) set(x Result) { r.Code, r.Message = x.Code, x.Message }

func (r *PartitionResult) show(p *Partition) {
	r.Leader, r.LeaderEpoch, r.PartitionEpoch = p.Leader, p.LeaderEpoch, p.PartitionEpoch
	r.ISR, r.ELR, r.Recovering = orNil(p.ISR), orNil(p.ELR), p.Recovering
}

// orNil makes an empty list nil, as it comes out of the memory of answers.
func orNil(list []int32) []int32 {
	if len(list) == 0 {
		return nil
	}
	return list
}

func (r PartitionRef) ref() PartitionRef { return r }

// refsOf are the partitions that the parts of a command name.
func refsOf[T interface{ ref() PartitionRef }](list []T) []PartitionRef {
	out := make([]PartitionRef, len(list))
	for i := range list {
		out[i] = list[i].ref()
	}
	return out
}

func (e *edit) alterPartition(c AlterPartition) Result {
	if b, r := e.current(c.BrokerID, c.BrokerEpoch); b == nil {
		return r
	}
	return Result{Value: e.each(refsOf(c.Partitions), func(i int, t *Topic, p *Partition) Result {
		n := &c.Partitions[i]
		if r := e.checkISR(c.BrokerID, p, n); r.Code != code.OK {
			return r
		}
		e.takeISR(t, p, n)
		return Result{}
	})}
}

// leads fences what a leader asks for by the epochs it knows.
func leads(broker int32, p *Partition, epoch int32) Result {
	switch {
	case epoch > p.LeaderEpoch:
		return refuse(code.InvalidRequest, "Leader epoch %d has not begun: it is %d.", epoch, p.LeaderEpoch)
	case epoch < p.LeaderEpoch:
		return refuse(code.FencedLeaderEpoch, "Leader epoch %d is over: it is %d by now.", epoch, p.LeaderEpoch)
	case p.Leader != broker:
		return refuse(code.NewLeaderElected, "Broker %d leads, not %d.", p.Leader, broker)
	}
	return Result{}
}

// checkISR decides whether a leader may have the ISR it wants.
func (e *edit) checkISR(broker int32, p *Partition, n *NewISR) Result {
	if r := leads(broker, p, n.LeaderEpoch); r.Code != code.OK {
		return r
	}
	switch {
	case n.PartitionEpoch > p.PartitionEpoch:
		return refuse(code.InvalidRequest, "Partition epoch %d has not begun: it is %d.", n.PartitionEpoch, p.PartitionEpoch)
	case n.PartitionEpoch < p.PartitionEpoch:
		return refuse(code.InvalidUpdateVersion, "Partition epoch %d is over: it is %d by now.", n.PartitionEpoch, p.PartitionEpoch)
	case p.Recovering && !n.Recovered && len(n.ISR) > 1:
		return refuse(code.InvalidRequest, "The leader of an unclean election stays alone in the ISR until it has recovered.")
	}
	leader := false
	for i, m := range n.ISR {
		if !slices.Contains(p.Replicas, m.BrokerID) || slices.ContainsFunc(n.ISR[:i], func(o ISRMember) bool { return o.BrokerID == m.BrokerID }) {
			return refuse(code.InvalidRequest, "Broker %d is no replica, or is named twice.", m.BrokerID)
		}
		leader = leader || m.BrokerID == broker
		if slices.Contains(p.ISR, m.BrokerID) {
			continue
		}
		if r := e.eligible(m); r.Code != code.OK {
			return r
		}
	}
	if !leader {
		return refuse(code.InvalidRequest, "The leader is not in the ISR that it wants.")
	}
	return Result{}
}

// eligible says whether a broker may join an ISR: it serves, and has not restarted since the leader saw it catch up.
func (e *edit) eligible(m ISRMember) Result {
	switch b := e.img.Broker(m.BrokerID); {
	case b == nil:
		return refuse(code.IneligibleReplica, "Broker %d is not registered.", m.BrokerID)
	case b.Fenced || b.InControlledShutdown:
		return refuse(code.IneligibleReplica, "Broker %d is fenced or shutting down.", m.BrokerID)
	case b.Epoch != m.BrokerEpoch:
		return refuse(code.IneligibleReplica, "Broker %d has epoch %d, not %d: it has registered anew.", m.BrokerID, b.Epoch, m.BrokerEpoch)
	}
	return Result{}
}

// takeISR replaces the ISR. The high watermark never passed what all of the old ISR have while the new one is below the minimum, so
// whoever leaves then stays eligible.
func (e *edit) takeISR(t *Topic, p *Partition, n *NewISR) {
	old := p.ISR
	p.ISR = make([]int32, len(n.ISR))
	for i, m := range n.ISR {
		p.ISR[i] = m.BrokerID
		p.ELR = without(p.ELR, m.BrokerID)
	}
	if len(p.ISR) < e.img.MinISROf(t, p) {
		p.ELR = slices.Clip(p.ELR)
		for _, id := range old {
			if !slices.Contains(p.ISR, id) && !slices.Contains(p.ELR, id) {
				p.ELR = append(p.ELR, id)
			}
		}
	}
	p.Recovering = p.Recovering && !n.Recovered
}

func (e *edit) resignLeadership(c ResignLeadership) Result {
	if b, r := e.current(c.BrokerID, c.BrokerEpoch); b == nil {
		return r
	}
	return Result{Value: e.each(refsOf(c.Partitions), func(i int, _ *Topic, p *Partition) Result {
		n := &c.Partitions[i]
		if r := leads(c.BrokerID, p, n.LeaderEpoch); r.Code != code.OK {
			return r
		}
		id := e.img.successor(p, n.Reachable)
		if id == NoLeader {
			return refuse(code.EligibleLeadersNotAvailable, "Nobody else who is in sync is in service.")
		}
		if !slices.Contains(p.ISR, id) { // from the ELR: what left the ISR takes its place there
			p.ELR = append(slices.Clip(without(p.ELR, id)), p.ISR...)
			p.ISR = []int32{id}
		}
		p.Leader = id
		return Result{}
	})}
}

// successor is who takes over from a leader that resigns: of the ISR, else of an ELR whose ISR is the leader alone; those that the
// leader does not reach come first, for they may reach each other.
func (m *Image) successor(p *Partition, reachable []int32) int32 {
	best, rank := NoLeader, 0
	for _, id := range p.Replicas {
		if id == p.Leader || !m.alive(id, NoLeader) {
			continue
		}
		r := 0
		switch {
		case slices.Contains(p.ISR, id):
			r = 4
		case len(p.ISR) == 1 && slices.Contains(p.ELR, id):
			r = 2
		default:
			continue
		}
		if !slices.Contains(reachable, id) {
			r++
		}
		if r > rank {
			best, rank = id, r
		}
	}
	return best
}
