package partition

import (
	"slices"

	"troupe/actors/kit"
	"troupe/kafka/code"
	"troupe/storage"
)

// onClean says within which bounds the log may be compacted.
func (p *Partition) onClean(c kit.Context, m *Clean) {
	if !p.ready(c, m) {
		return
	}
	l := p.log
	last := make(map[int64]int64, len(l.producers))
	for id, x := range l.producers {
		if x.n > 0 {
			last[id] = x.batches[x.n-1].Last
		}
	}
	m.Reply(Cleanable{Clean: m, Epoch: p.logEpoch(), Limit: l.high, Last: last})
}

// logEpoch changes whenever what a compaction has read may be another log's by now: with the leader, and when this replica was cut.
func (p *Partition) logEpoch() int32 { return p.facts.LeaderEpoch + p.cuts }

// onRewrite sends one step of a compaction to the disk. It goes the way of the partition's own changes, so that it comes there after
// the log start that it has to keep to, and before any later one.
func (p *Partition) onRewrite(c kit.Context, m *Rewrite) {
	if p.logEpoch() != m.Epoch {
		m.Refuse()
		return
	}
	if !p.ready(c, m) {
		return
	}
	l := p.log
	switch {
	case m.Step.Through <= l.floor || m.Step.Through > l.high:
		m.Reply(Rewritten{m, code.OffsetOutOfRange})
	case len(l.changes) >= maxChanges:
		m.Reply(Rewritten{m, code.KafkaStorageError})
	default:
		if i := slices.IndexFunc(m.Step.Batches, func(r storage.Rewrite) bool { return r.Last >= l.floor }); i != 0 {
			if i < 0 {
				i = len(m.Step.Batches)
			}
			m.Step.Batches = m.Step.Batches[i:]
		}
		p.change(c, change{rewrite: m}, storage.Op{Kind: storage.OpClean, Clean: m.Step})
	}
}
