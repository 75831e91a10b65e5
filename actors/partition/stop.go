package partition

import (
	"troupe/actors/writer"
	"troupe/kafka/code"
)

// onStopping answers everyone, with a retriable code. What the writer has queued is still written; what it has not is dropped, so
// that nothing of this actor reaches the store after a Leave.
func (p *Partition) onStopping() {
	waiting := p.deferred
	p.deferred = nil
	for _, x := range waiting {
		refuse(x)
	}
	l := p.log
	p.o.Tail.Drop(p.o.PartID) // a cold partition may have left its newest batches there
	if l == nil {
		return
	}
	p.log = nil
	l.alive.Store(false)
	p.o.Writer.Tell(writer.Leave{PartID: p.o.PartID})
	if l.timerAt != 0 {
		l.timer.Stop()
	}
	l.answerAll(code.NotLeaderForPartition)
	l.growAll()
	l.refuseChanges(code.NotLeaderForPartition)
	for l.unsynced.len() > 0 {
		b := l.unsynced.pop()
		b.slab.Release()
	}
}

func refuse(m any) {
	if r, ok := m.(interface{ Refuse() }); ok {
		r.Refuse()
	}
}
