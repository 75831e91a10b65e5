package partition

import (
	"troupe/actors/kit"
	"troupe/actors/writer"
	"troupe/kafka/code"
	"troupe/storage"
)

// startLoad reads the log's facts from the store. First a barrier goes through the writer: what an earlier actor of this partition
// had on its way is then durable or will never be, so the end that is read is the end.
func (p *Partition) startLoad(c kit.Context) {
	p.state = loading
	p.barrier = &writer.Change{Ask: kit.Ask{ReplyTo: c.Self()}}
	p.o.Writer.Tell(p.barrier)
}

func (p *Partition) onBarrier(c kit.Context, m writer.Changed) {
	p.barrier = nil
	if m.Code != code.OK {
		p.fail()
		return
	}
	if p.dropped {
		p.dropped = false
		p.o.Writer.Tell(writer.Reclaim{PartID: p.o.PartID})
	}
	data, id := p.o.Data, p.o.PartID
	look, cfg, now := p.look, p.cfg, c.Now()
	c.Go(c.Self(), func() any {
		l, err := data.Load(id)
		worth := false
		if err == nil && look {
			worth, err = worthRetaining(data, id, &l, &cfg, now)
		}
		return loadedLog{l, worth, err}
	})
}

func (p *Partition) onLoaded(c kit.Context, m loadedLog) {
	if m.err != nil {
		p.fail()
		c.Fatal("DISK: a partition cannot be read from the store", "partition", p.name(), "part", p.o.PartID, "err", m.err)
		return
	}
	look := p.look
	p.look = false
	switch {
	case !p.leads() && !p.replicated():
		p.state = following
	case !p.replicated() && look && len(p.deferred) == 0 && !m.worth:
		p.state, p.quiet = cold, quietUntil(&m.Loaded, &p.cfg)
		return
	default:
		p.used, p.quiet = true, 0
		p.log = newLog(newCore(m.Loaded, p.topic, p.facts.Index))
		p.log.expire(c.Now().UnixMilli(), p.cfg.ProducerExpiryMs) // it may have been cold for long
		p.log.high = max(p.log.high, min(p.known, m.End))
		if m.Stale || orphaned(&m.Loaded) {
			p.change(c, change{}, mark{Kind: opTruncate, Offset: m.End})
		}
		p.take(c)
	}
	waiting := p.deferred
	p.deferred = nil
	for _, x := range waiting {
		p.Receive(c, x)
	}
	if look && p.state == loaded {
		p.onRetain(c)
	}
}

// orphaned says whether the last epoch's mark has outlived its first batch in a crash. A leader would write its own over it, but a follower
// may be sent batches of an earlier epoch yet.
func orphaned(l *storage.Loaded) bool {
	n := len(l.Epochs)
	return n > 0 && l.End > l.Start && l.Epochs[n-1].Start >= l.End
}

// fail refuses everything from now on: the writer has gone, nothing can be made durable.
func (p *Partition) fail() {
	p.state = failed
	waiting := p.deferred
	p.deferred = nil
	for _, x := range waiting {
		x.(kit.Refuser).Refuse()
	}
	if p.log != nil {
		p.log.answerAll(code.KafkaStorageError)
		p.dismiss()
		p.log.growAll()
		p.log.refuseChanges(code.KafkaStorageError)
	}
}

func (p *Partition) onLost(_ kit.Context, m writer.Lost) {
	if p.log == nil || m.Alive != p.log.alive {
		return
	}
	p.fail()
}
