package partition

import (
	"time"

	"troupe/actors/kit"
	"troupe/actors/writer"
	"troupe/kafka/code"
	"troupe/storage"
	"troupe/storage/record"
)

func (p *Partition) onAppend(c kit.Context, m Append) {
	if bad := p.fence(m.LeaderEpoch); bad != code.OK {
		m.refuse(bad, -1)
		return
	}
	if !p.ready(c, m) {
		return
	}
	if p.o.Gate.Shut() || p.o.Gate.Full() && !m.Item.Own {
		m.Message = p.o.Gate.Text()
		m.refuse(code.KafkaStorageError, -1)
		return
	}
	l, it := p.log, m.Item
	now := c.Now().UnixMilli()
	b := record.Batch(it.Frame.Slab.Batch(it.At))
	v := l.accept(b, arrival{acks: it.Acks, info: it.Info, keysChecked: it.KeysChecked, now: now}, &p.cfg)
	if v.code != code.OK {
		it.Message, it.RecordErrors = v.message, v.records
		m.refuse(v.code, v.logStart)
		return
	}
	it.Code, it.Base, it.LogStart, it.AppendTime = code.OK, v.base, v.logStart, v.appendTime
	if !v.duplicate {
		p.send(c, it, &v)
		if l.led != nil {
			p.push(c, *l.unsynced.last())
			p.watchMates(c)
		}
	}
	acks, level := it.Acks, forHigh
	if !v.duplicate {
		level = p.level(acks)
	}
	deadline := now + max(int64(it.TimeoutMs), MinTimeout.Milliseconds())
	it.Settled() // from here on the item may be on its way to the disk
	if acks == 0 || v.duplicate && v.last < l.high {
		it.Answered()
		return
	}
	l.waits[level].push(wait{it, v.last, deadline})
	p.arm(c, now, deadline)
}

// level is what an appended item waits for.
func (p *Partition) level(acks int16) int {
	switch {
	case p.cfg.FlushOS && (acks != -1 || p.log.led == nil): // other replicas are waited for whatever the disk does
		return forApplied
	case acks == 1:
		return forDurable
	}
	return forHigh
}

// send fills in what the writer needs. Marks that must not be later on the disk than the batch go first.
func (p *Partition) send(c kit.Context, it *writer.Item, v *verdict) {
	l := p.log
	if len(v.ops) > 0 {
		for i := range v.ops {
			v.ops[i].PartID = p.o.PartID
		}
		p.o.Writer.Tell(&writer.Change{Ops: v.ops})
	}
	it.Owner, it.PartID, it.Alive = c.Self(), p.o.PartID, l.alive
	it.First, l.first = l.first, false
	it.WantApplied = p.cfg.FlushOS
	it.Append = storage.Append{PartID: p.o.PartID, Base: v.base, Last: v.last, Slab: it.Frame.Slab, At: it.At, MaxTime: v.maxTime, Bytes: v.before,
		Unshared: p.state != following && l.led == nil}
	if v.producer != nil {
		it.SetProducer(v.producer.stored())
	}
	it.Written = true
	it.Frame.Slab.Hold() // ours, until the batch is in the tail
	x := batch{slab: it.Frame.Slab, at: it.At, base: v.base, last: v.last, unshared: it.Append.Unshared}
	if p.state == following {
		x.item = it
	}
	l.unsynced.push(x)
}

// onApplied answers what need not be durable.
func (p *Partition) onApplied(_ kit.Context, m writer.Applied) {
	l := p.log
	if l == nil || m.Alive != l.alive {
		return
	}
	l.applied = max(l.applied, m.Append.Last+1)
	l.answerBelow(forApplied, l.applied)
}

// onSynced is the one place where accepted batches become durable: they enter the tail, the high watermark moves, and who waited
// is answered, in the order of offsets.
func (p *Partition) onSynced(c kit.Context, m writer.Synced) {
	l := p.log
	if l == nil || m.Alive != l.alive {
		return
	}
	end := m.Append.Last + 1
	if end > l.next { // an if, so that the usual case pays for no arguments
		kit.Invariant(false, "BUG: %s synced to %d, but ends at %d", p.name(), end, l.next)
	}
	for l.unsynced.len() > 0 && l.unsynced.head().last < end {
		b := l.unsynced.pop()
		p.o.Tail.Publish(p.o.PartID, b.base, b.last, b.slab, b.at)
		b.done()
	}
	l.synced(end)
	l.applied = max(l.applied, end)
	if p.state == following {
		if p.sub != nil {
			p.learn(c, 0, 0)
			p.ackLeader()
		}
		return
	}
	p.advance(c)
}

// advance moves the high watermark and answers everyone whom it or the durable end covers. Before this run of the broker is registered all facts
// are of an earlier one: others may be in sync since, so a high watermark by them would cover what only this replica has.
func (p *Partition) advance(kit.Context) {
	l := p.log
	if !p.early() {
		l.advance(p.cfg.MinISR)
	}
	l.answerBelow(forApplied, l.applied)
	l.answerBelow(forDurable, l.durable)
	l.answerBelow(forHigh, l.high)
	l.growBelow()
	if l.led != nil {
		p.tellHigh()
	}
}

// answerBelow answers the items of one level that end before an offset.
func (l *log) answerBelow(level int, end int64) {
	q := &l.waits[level]
	for q.len() > 0 && q.head().until < end {
		if w := q.pop(); w.item != nil {
			answer(w.item, code.OK)
		}
	}
}

// arm sets the timer of the earliest deadline. One timer serves many appends: it is not moved when they are answered in time.
func (p *Partition) arm(c kit.Context, now, deadline int64) {
	l := p.log
	if l.timerAt != 0 && l.timerAt <= deadline {
		return
	}
	if l.timerAt != 0 {
		l.timer.Stop()
	}
	l.timerAt = deadline
	l.timer = c.After(c.Self(), time.Duration(deadline-now)*time.Millisecond, overdue{l, deadline})
}

// onOverdue answers what has waited too long. The batches stay on their way: the outcome is not known to the asker.
func (p *Partition) onOverdue(c kit.Context, m overdue) {
	l := p.log
	if l == nil || m.log != l || m.deadline != l.timerAt {
		return
	}
	now := max(c.Now().UnixMilli(), m.deadline) // the timer knows better than a clock that was set back
	l.timerAt, l.timer = 0, nil
	next := int64(0)
	for i := range l.waits {
		each := l.waits[i].each()
		for k := range each {
			switch w := &each[k]; {
			case w.item == nil:
			case w.deadline <= now:
				answer(w.item, code.RequestTimedOut)
				w.item = nil
			case next == 0 || w.deadline < next:
				next = w.deadline
			}
		}
	}
	if next != 0 {
		p.arm(c, now, next)
	}
}
