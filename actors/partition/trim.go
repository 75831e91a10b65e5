package partition

import (
	"slices"

	"troupe/actors/kit"
	"troupe/actors/writer"
	"troupe/kafka/code"
	"troupe/storage"
)

// onTrim raises the log start. The answer waits for the disk, so that the start never goes back, not even by a crash.
func (p *Partition) onTrim(c kit.Context, m *Trim) {
	if bad := p.fence(-1); bad != code.OK {
		m.Reply(Trimmed{m, bad, -1})
		return
	}
	if !p.ready(c, m) {
		return
	}
	l := p.log
	start, bad := l.trim(m.Offset, &p.cfg)
	switch {
	case bad != code.OK:
		m.Reply(Trimmed{m, bad, -1})
	case start == l.start:
		m.Reply(Trimmed{m, code.OK, start})
	case len(l.changes) >= maxChanges:
		m.Reply(Trimmed{m, code.KafkaStorageError, -1})
	default:
		p.raiseStart(c, start, m)
	}
}

// raiseStart sends the new log start to the disk. Reads below it are refused at once, because the records go when the store
// takes the change; the start is shown when it is durable.
func (p *Partition) raiseStart(c kit.Context, start int64, asker *Trim) {
	l := p.log
	l.floor = max(l.floor, start)
	p.change(c, change{start: start, trim: asker}, storage.Op{Kind: storage.OpSetStart, Offset: start})
	l.growBelow()
}

// change sends ops to the writer and keeps what is to be done when they are durable.
func (p *Partition) change(c kit.Context, x change, ops ...storage.Op) {
	for i := range ops {
		ops[i].PartID = p.o.PartID
	}
	x.Change = &writer.Change{Ask: kit.Ask{ReplyTo: c.Self()}, Ops: ops}
	p.log.changes = append(p.log.changes, x)
	p.o.Writer.Tell(x.Change)
}

func (p *Partition) onChanged(c kit.Context, m writer.Changed) {
	if m.Change == p.barrier {
		p.onBarrier(c, m)
		return
	}
	if p.log == nil {
		return
	}
	l := p.log
	i := slices.IndexFunc(l.changes, func(x change) bool { return x.Change == m.Change })
	if i < 0 {
		return // it was refused when the writer failed
	}
	x := l.changes[i]
	l.changes = slices.Delete(l.changes, i, i+1)
	if m.Code != code.OK {
		x.refuse(code.KafkaStorageError)
		p.fail()
		return
	}
	if x.start > 0 {
		l.start = max(l.start, x.start)
		p.tellHigh()
		p.o.Writer.Tell(writer.Reclaim{PartID: p.o.PartID})
	}
	if x.trim != nil {
		x.trim.Reply(Trimmed{x.trim, code.OK, l.start})
	}
	if x.rewrite != nil {
		p.o.Tail.DropBelow(p.o.PartID, x.rewrite.Step.To)
		if x.rewrite.Reclaim {
			p.o.Writer.Tell(writer.Reclaim{PartID: p.o.PartID})
		}
		x.rewrite.Reply(Rewritten{x.rewrite, code.OK})
	}
	if x.roll {
		p.findExpired(c)
	}
}

func (x *change) refuse(bad code.Code) {
	if x.trim != nil {
		x.trim.Reply(Trimmed{x.trim, bad, -1})
	}
	if x.rewrite != nil {
		x.rewrite.Reply(Rewritten{x.rewrite, bad})
	}
}

func (l *log) refuseChanges(bad code.Code) {
	list := l.changes
	l.changes = nil
	for i := range list {
		list[i].refuse(bad)
	}
}
