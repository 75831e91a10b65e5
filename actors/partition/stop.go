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
	p.unfollow()
	if p.log == nil {
		p.o.Tail.Drop(p.o.PartID) // a cold partition may have left its newest batches there
		return
	}
	p.dismiss()
	p.letGo()
}

// letGo gives up the log in memory: everybody who waits is answered, and what the writer has not queued yet is never written.
func (p *Partition) letGo() {
	l := p.log
	p.log = nil
	p.o.Tail.Drop(p.o.PartID)
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
		b.done()
	}
}

// done gives back what a batch holds, when it is durable or given up.
func (b *batch) done() {
	b.slab.Release()
	if b.item != nil {
		b.item.Answered()
	}
}

func refuse(m any) {
	if r, ok := m.(interface{ Refuse() }); ok {
		r.Refuse()
	}
}
