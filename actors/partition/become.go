package partition

import (
	"troupe/actors/kit"
	"troupe/actors/writer"
	"troupe/kafka/code"
)

// onBecome takes what the cluster decided. Settings may change without a new epoch; an older epoch is news from the past.
func (p *Partition) onBecome(c kit.Context, m Become) {
	if p.state != unborn && m.Partition.PartitionEpoch < p.facts.PartitionEpoch {
		return
	}
	kit.Invariant(m.Partition.ID == p.o.PartID, "BUG: partition %d told to become %d", p.o.PartID, m.Partition.ID)
	p.self, p.topic, p.id, p.facts, p.cfg = m.Self, m.Topic, m.TopicID, m.Partition, m.Config
	p.quiet = 0 // it was by other settings
	p.cfg.SegmentMs = jittered(m.Config.SegmentMs, m.Config.SegmentJitterMs, p.o.PartID)
	switch {
	case p.state == failed:
	case p.log == nil && p.state == loading:
		// decided when the log is there
	case p.log == nil && p.replicated():
		p.startLoad(c) // its followers, or its leader, will want it
	case p.log == nil && p.leads():
		p.state = cold
	case p.log == nil:
		p.state = following
	default:
		p.take(c)
	}
}

// take gives the loaded log the part that the facts say.
func (p *Partition) take(c kit.Context) {
	if p.leads() {
		p.state = loaded
		p.lead(c)
		return
	}
	if p.state == loaded {
		p.stepDown()
	}
	p.state = following
	p.follow(c)
}

// lead makes the loaded log follow the facts.
func (p *Partition) lead(c kit.Context) {
	l := p.log
	p.unfollow()
	l.topic, l.index, l.self = p.topic, p.facts.Index, p.self
	fresh := l.epoch != p.facts.LeaderEpoch
	if l.led != nil && (fresh || l.led.wish != nil && l.led.wish.resign == nil && l.led.wish.isr.PartitionEpoch < p.facts.PartitionEpoch) {
		l.led.wish, l.wanted = nil, nil // whatever became of it, it is in the facts
	}
	l.isr, l.replicas = p.facts.ISR, len(p.facts.Replicas)
	l.core.lead(p.facts.LeaderEpoch)
	switch {
	case p.replicated():
		p.assume(c, fresh)
	case l.led != nil:
		p.dismiss()
	}
	if len(l.isr) < min(p.cfg.MinISR, l.replicas) {
		l.answerLevel(forHigh, code.NotEnoughReplicasAfterAppend)
	}
	p.advance(c)
	p.answerTrims()
}

// stepDown answers all who wait for this broker as the leader. Batches on their way to the disk stay on their way.
func (p *Partition) stepDown() {
	p.dismiss()
	p.log.unlead()
	p.log.dismissAll()
}

// dismissAll answers everybody who waits for this broker as the leader.
func (l *log) dismissAll() {
	l.answerAll(code.NotLeaderForPartition)
	l.growAll()
	l.refuseTrims(code.NotLeaderForPartition)
}

// onLeaseEnded answers all who wait for this broker as the leader: another one may lead by now, and clients shall look for it. What was
// appended stays, for nobody has said yet that it does not lead; whether it is kept is for the cluster to decide.
func (p *Partition) onLeaseEnded() {
	if p.state != loaded || p.o.Lease.Held() {
		return
	}
	p.log.dismissAll()
}

// answerAll ends every waiting append with a code.
func (l *log) answerAll(bad code.Code) {
	for i := range l.waits {
		l.answerLevel(i, bad)
	}
}

// answerLevel ends every append that waits for one thing.
func (l *log) answerLevel(level int, bad code.Code) {
	for q := &l.waits[level]; q.len() > 0; {
		if w := q.pop(); w.item != nil {
			answer(w.item, bad)
		}
	}
}

// answer ends an accepted item. OK leaves the answer that accept wrote.
func answer(it *writer.Item, bad code.Code) {
	if bad != code.OK {
		it.Code, it.Base, it.LogStart, it.AppendTime = bad, -1, -1, -1
	}
	it.Answered()
}
