package partition

import (
	"time"

	"troupe/actors/kit"
	"troupe/actors/meta"
	"troupe/actors/writer"
	"troupe/kafka/code"
	"troupe/storage"
	"troupe/storage/record"
)

// Pauses of a follower.
const (
	answerWithin = 2 * time.Second        // by the leader; then a subscription is made anew
	askAgain     = 100 * time.Millisecond // when the leader could not serve it
	fullAgain    = time.Second            // when this broker's disk is full, or the leader cannot read its own
)

// subscriber is a follower's side of its stream: subscribed, started, and with a pause if either comes to nothing.
type subscriber struct {
	leader int32
	epoch  int32
	path   *path  // by which it has subscribed; nil: it has not
	number uint64 // of the subscription
	live   bool   // the leader has answered: batches come
	missed bool   // batches came before the answer, and were not taken
	high   int64  // the leader's high watermark
	start  int64  // the leader's log start
	stuck  int64  // end of this log when batches did not continue it; -1: they always have
	timer  kit.Timer
	begun  []epochBegin // epochs that this log does not know, as the leader has told for this subscription
}

// end stops waiting for anything of the subscription.
func (s *subscriber) end() {
	s.path, s.number, s.live, s.missed, s.begun = nil, 0, false, false, nil
	if s.timer != nil {
		s.timer.Stop()
		s.timer = nil
	}
}

// follow makes the loaded log that of a follower.
func (p *Partition) follow(c kit.Context) {
	l := p.log
	l.topic, l.index, l.self = p.topic, p.facts.Index, p.self
	l.replicas, l.isr, l.wanted = len(p.facts.Replicas), p.facts.ISR, nil
	if s := p.sub; s != nil && s.leader == p.facts.Leader && s.epoch == p.facts.LeaderEpoch {
		if s.number == 0 {
			p.subscribe(c)
		}
		return
	}
	p.unfollow()
	if p.facts.Leader == meta.NoLeader || p.facts.Leader == p.self || p.o.Replicas == nil {
		return
	}
	p.sub = &subscriber{leader: p.facts.Leader, epoch: p.facts.LeaderEpoch, stuck: -1}
	p.subscribe(c)
}

// unfollow ends the subscription.
func (p *Partition) unfollow() {
	if p.sub != nil {
		p.sub.end()
		p.sub = nil
	}
}

// subscribe asks the leader for all that this log lacks. Without a link it waits for one.
func (p *Partition) subscribe(c kit.Context) {
	s, l := p.sub, p.log
	s.end()
	path := p.path(s.leader)
	if path == nil || l == nil || p.state != following {
		return
	}
	s.path, s.number = path, c.Rand()
	p.o.Replicas.Tell(subscribe{path, subscription{part: p.o.PartID, topic: p.id, index: p.facts.Index, number: s.number, epoch: s.epoch,
		brokerEpoch: p.brokerEpoch, from: l.next, lastEpoch: l.lastEpoch()}})
	s.timer = c.After(c.Self(), answerWithin, resubscribe{s.number})
}

// onRegistered takes this broker's epoch. The leader has to know it before it can take this replica into the ISR.
func (p *Partition) onRegistered(c kit.Context, m registered) {
	if m.epoch == p.brokerEpoch {
		return
	}
	p.brokerEpoch = m.epoch
	if p.state == loaded {
		p.advance(c)
	}
	if p.sub != nil && p.sub.path != nil {
		p.subscribe(c)
	}
}

func (p *Partition) onResubscribe(c kit.Context, m resubscribe) {
	if s := p.sub; s != nil && s.number == m.number && !s.live {
		p.subscribe(c)
	}
}

// onMeasure says how far this replica is behind what is committed, as far as it has heard. A log at rest is not loaded for it.
func (p *Partition) onMeasure(m *Measure) {
	lag := int64(0)
	if s := p.sub; s != nil && p.log != nil {
		lag = max(s.high-p.log.next, 0)
	}
	m.Reply(Measured{m, lag})
}

// pause lets the subscription rest before it is made anew.
func (p *Partition) pause(c kit.Context, d time.Duration) {
	s := p.sub
	s.end()
	s.number = c.Rand()
	s.timer = c.After(c.Self(), d, resubscribe{s.number})
}

func (p *Partition) onResponded(c kit.Context, m responded) {
	s := p.sub
	if s == nil || s.path == nil || s.number != m.number || p.log == nil {
		return
	}
	l := p.log
	switch {
	case m.outcome == notServed && m.code == code.KafkaStorageError:
		p.pause(c, fullAgain)
	case m.outcome == notServed:
		p.pause(c, askAgain)
	case s.live:
	case m.outcome == started && int(m.epoch) > len(s.begun): // some epochs were told, and did not come
		p.pause(c, askAgain)
	case m.outcome == started && s.missed: // the leader thinks that they are here
		p.subscribe(c)
	case m.outcome == started:
		s.timer.Stop()
		s.live, s.timer = true, nil
		p.learn(c, m.high, m.start)
		p.ackLeader()
	case m.outcome == diverged:
		to := l.cutTo(m.epoch, m.offset)
		c.Log().Info("the log is cut to where it leaves the leader's", "partition", p.name(), "from", l.next, "to", to, "epoch", m.epoch)
		p.cut(c, min(l.high, to), storage.Op{Kind: storage.OpTruncate, Offset: to})
	case m.outcome == outOfLog:
		c.Log().Info("the log begins anew at the leader's start", "partition", p.name(), "from", l.next, "start", m.offset)
		p.cut(c, m.offset, storage.Op{Kind: storage.OpDrop}, storage.Op{Kind: storage.OpSetStart, Offset: m.offset})
	}
}

// onKnows notes where an epoch began whose first batches compaction may have taken.
func (p *Partition) onKnows(m knows) {
	if s := p.sub; s != nil && s.number == m.number && !s.live {
		s.begun = append(s.begun, epochBegin{Epoch: m.epoch, Start: m.start})
	}
}

// cut changes the log in the store and reads it anew: what is in memory of it, and on its way to the disk, goes.
func (p *Partition) cut(c kit.Context, high int64, ops ...storage.Op) {
	p.letGo()
	p.sub.end()
	p.known = high
	p.cuts++
	p.dropped = ops[0].Kind == storage.OpDrop
	for i := range ops {
		ops[i].PartID = p.o.PartID
	}
	p.o.Writer.Tell(&writer.Change{Ops: ops, Forget: true})
	p.startLoad(c)
}

// onReplicated appends batches of the leader. Only those of the present subscription that continue this log are taken; others end it.
func (p *Partition) onReplicated(c kit.Context, m *replicated) {
	s := p.sub
	if p.state != following || p.log == nil || s == nil || !s.live || s.number != m.number || s.epoch != m.epoch {
		m.Refuse()
		if s != nil && s.number == m.number {
			s.missed = true
		}
		return
	}
	if p.o.Gate.Shut() || p.o.Gate.Full() && !p.cfg.Internal {
		m.Refuse()
		p.pause(c, fullAgain)
		return
	}
	l := p.log
	now := c.Now().UnixMilli()
	for i := range m.items {
		it := &m.items[i]
		b := record.Batch(it.Frame.Slab.Batch(it.At))
		if i == 0 && m.prev != l.next || !l.continues(b, s.epoch) {
			c.Log().Warn("batches do not continue the log; it subscribes anew", "partition", p.name(), "end", l.next, "prev", m.prev)
			for k := i; k < len(m.items); k++ {
				Append{&m.items[k]}.Refuse()
			}
			p.askAnew(c)
			return
		}
		v := l.follow(b, s.begun, now, &p.cfg)
		p.send(c, it, &v)
		it.Settled()
	}
	p.learn(c, m.high, m.start)
}

// learn takes the leader's high watermark and log start.
func (p *Partition) learn(c kit.Context, high, start int64) {
	s, l := p.sub, p.log
	s.high, s.start = max(s.high, high), max(s.start, start)
	l.learn(s.high)
	l.growBelow()
	if to := min(s.start, l.high); to > l.floor && len(l.changes) < maxChanges {
		p.raiseStart(c, to)
	}
}

// askAnew subscribes again when batches did not continue the log: at once, for something was lost on the way; but with a pause if the same place was
// refused before. What the leader has there may be damaged, and would be sent and refused as fast as the link carries it.
func (p *Partition) askAnew(c kit.Context) {
	s, end := p.sub, p.log.next
	again := s.stuck == end
	if s.stuck = end; again {
		p.pause(c, askAgain)
		return
	}
	p.subscribe(c)
}

func (p *Partition) onTipped(c kit.Context, m tipped) {
	if s := p.sub; s != nil && s.live && s.number == m.number && p.log != nil && p.state == following {
		p.learn(c, m.high, m.start)
	}
}

// ackLeader tells the leader from where to where this log is on the disk.
func (p *Partition) ackLeader() {
	if s := p.sub; s != nil && s.live {
		p.o.Replicas.Tell(ack{s.path, ackEntry{p.o.PartID, s.number, p.log.durable, p.log.start}})
	}
}
