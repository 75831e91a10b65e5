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
	case !p.leads():
		p.state = following
		p.stepDown(c)
	case p.log == nil:
		p.state = cold
	default:
		p.state = loaded
		p.lead(c)
	}
}

// lead makes the loaded log follow the facts.
func (p *Partition) lead(c kit.Context) {
	l := p.log
	l.topic, l.index, l.self = p.topic, p.facts.Index, p.self
	l.isr, l.replicas = p.facts.ISR, len(p.facts.Replicas)
	l.core.lead(p.facts.LeaderEpoch)
	p.advance(c)
}

// stepDown answers all who wait for this broker as the leader. Batches on their way to the disk stay on their way.
func (p *Partition) stepDown(kit.Context) {
	if l := p.log; l != nil {
		l.answerAll(code.NotLeaderForPartition)
		l.growAll()
	}
}

// answerAll ends every waiting append with a code.
func (l *log) answerAll(bad code.Code) {
	for i := range l.waits {
		for l.waits[i].len() > 0 {
			if w := l.waits[i].pop(); w.item != nil {
				answer(w.item, bad)
			}
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
