package partition

import (
	"slices"

	"troupe/actors/kit"
	"troupe/actors/writer"
	"troupe/kafka/code"
	"troupe/storage"
)

// onTrim raises the log start. The answer waits until a crash cannot bring the records back, nor another leader.
func (p *Partition) onTrim(c kit.Context, m *Trim) {
	if bad := p.fence(-1); bad != code.OK {
		m.Reply(Trimmed{m, bad, -1})
		return
	}
	if !p.ready(c, m) {
		return
	}
	l := p.log
	below, bad := l.trim(m.Offset, &p.cfg)
	switch {
	case bad != code.OK:
		m.Reply(Trimmed{m, bad, -1})
		return
	case len(l.trims) >= maxChanges, len(l.changes) >= maxChanges && below > l.floor:
		m.Reply(Trimmed{m, code.KafkaStorageError, -1})
		return
	}
	l.trims = append(l.trims, trimming{m, below, c.Now().Add(max(m.Timeout, MinTimeout)).UnixMilli()})
	if below > l.floor {
		p.raiseStart(c, below)
	}
	p.answerTrims()
	if len(l.trims) > 0 {
		p.watchMates(c)
	}
}

// lowWatermark is the least log start of the replicas that may lead next without an unclean election, -1 while one of them has not said
// where its log starts. Kafka's (Partition.lowWatermarkIfLeader) is that of all replicas whose broker lives, so that a deletion there can be
// undone by one that was down.
func (p *Partition) lowWatermark() int64 {
	l := p.log
	low := l.start
	if l.led == nil {
		return low
	}
	for _, list := range [][]int32{l.isr, l.wanted, p.facts.ELR} {
		for _, id := range list {
			if x := l.led.mate(id); x != nil {
				low = min(low, x.start)
			}
		}
	}
	return low
}

// answerTrims answers those whose records are gone for good. Who joins the ISR from then on has nothing of them either.
func (p *Partition) answerTrims() {
	l := p.log
	if len(l.trims) == 0 {
		return
	}
	low := p.lowWatermark()
	l.trims = slices.DeleteFunc(l.trims, func(t trimming) bool {
		if t.below > low {
			return false
		}
		if l.led != nil {
			l.led.gone = max(l.led.gone, t.below)
		}
		t.Reply(Trimmed{t.Trim, code.OK, low})
		return true
	})
}

// expireTrims answers those whose time is over. The leader's log starts where they wanted; the others take it when they can.
func (l *log) expireTrims(now int64) {
	l.trims = slices.DeleteFunc(l.trims, func(t trimming) bool {
		if t.deadline > now {
			return false
		}
		t.Reply(Trimmed{t.Trim, code.RequestTimedOut, -1})
		return true
	})
}

func (l *log) refuseTrims(bad code.Code) {
	list := l.trims
	l.trims = nil
	for _, t := range list {
		t.Reply(Trimmed{t.Trim, bad, -1})
	}
}

// raiseStart sends the new log start to the disk. Reads below it are refused at once, because the records go when the store
// takes the change; the start is shown when it is durable.
func (p *Partition) raiseStart(c kit.Context, start int64) {
	l := p.log
	l.floor = max(l.floor, start)
	p.change(c, change{start: start}, storage.Op{Kind: storage.OpSetStart, Offset: start})
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
		p.ackLeader()
		p.o.Writer.Tell(writer.Reclaim{PartID: p.o.PartID})
		p.answerTrims()
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
	if x.rewrite != nil {
		x.rewrite.Reply(Rewritten{x.rewrite, bad})
	}
}

func (l *log) refuseChanges(bad code.Code) {
	l.refuseTrims(bad)
	list := l.changes
	l.changes = nil
	for i := range list {
		list[i].refuse(bad)
	}
}
