package partition

import (
	"slices"
	"time"

	"troupe/actors/kit"
	"troupe/actors/meta"
	"troupe/kafka/code"
)

// lookEvery is how often a leader looks at its followers while there is something to watch.
const lookEvery = 200 * time.Millisecond

// leadership is what the leader of several replicas knows of the others.
type leadership struct {
	streams []*stream // by node
	mates   []mate    // by id
	wish    *wish     // under way, or granted and not seen in the facts yet
	doubted bool      // an earlier attempt of the wish may still be granted
	askAt   int64     // ms: the wish is to be sent again; 0: it is on its way
	looking bool      // the timer is set
	began   int64     // ms
	shortAt int64     // ms: too few have been within reach since; 0: enough are
	giveUp  int64     // ms: not before is a resignation tried
	offerAt int64     // ms: not before does one that cannot read its log offer its place again
	stallAt int64     // ms: nothing has been confirmed since, while somebody waits; 0: nobody waits
	stallHi int64     // high watermark then
	gone    int64     // what lies below was deleted, and somebody was told so by this leader or one before
}

func (d *leadership) mate(id int32) *mate {
	if i := slices.IndexFunc(d.mates, func(m mate) bool { return m.id == id }); i >= 0 {
		return &d.mates[i]
	}
	return nil
}

// assume begins, or goes on with, leading several replicas.
func (p *Partition) assume(c kit.Context, fresh bool) {
	l, now := p.log, c.Now().UnixMilli()
	if fresh || l.led == nil {
		p.dismiss()
		l.led = &leadership{began: now, gone: l.start}
	}
	d := l.led
	mates := make([]mate, 0, len(p.facts.Replicas))
	for _, id := range p.facts.Replicas {
		switch m := d.mate(id); {
		case id == p.self:
		case m != nil:
			mates = append(mates, *m)
		default:
			mates = append(mates, mate{id: id, durable: -1, start: -1, up: p.path(id) != nil, changedAt: now})
		}
	}
	d.mates = mates
	for _, s := range slices.Clone(d.streams) {
		if d.mate(s.node) == nil {
			p.endStream(s)
		}
	}
	p.watchMates(c)
}

// dismiss forgets what only a leader knows.
func (p *Partition) dismiss() {
	l := p.log
	if l == nil || l.led == nil {
		return
	}
	for _, s := range slices.Clone(l.led.streams) {
		p.endStream(s)
	}
	l.led, l.wanted, l.ends = nil, nil, nil
}

// watchMates sets the timer by which a leader looks at its followers.
func (p *Partition) watchMates(c kit.Context) {
	if d := p.log.led; d != nil && !d.looking {
		d.looking = true
		c.After(c.Self(), lookEvery, look{p.log})
	}
}

func (p *Partition) onLook(c kit.Context, m look) {
	l := p.log
	if l == nil || l != m.log || l.led == nil {
		return
	}
	d := l.led
	d.looking = false
	now := c.Now().UnixMilli()
	v := p.isrView(now)
	v.note(now)
	p.judge(c, now)
	l.expireTrims(now)
	if d.wish != nil || len(l.trims) > 0 || l.waits[forHigh].len() > 0 || d.shortAt > 0 || !v.settled() {
		p.watchMates(c)
	}
}

// isrView is what is known now. It shares the mates.
func (p *Partition) isrView(now int64) *isrView {
	l := p.log
	d := l.led
	switch {
	case l.waits[forHigh].len() == 0:
		d.stallAt = 0
	case d.stallAt == 0 || d.stallHi != l.high:
		d.stallAt, d.stallHi = now, l.high
	}
	v := &isrView{self: p.self, min: min(p.cfg.MinISR, l.replicas), lagMs: p.cfg.lagMs(), isr: l.isr, elr: p.facts.ELR, mates: d.mates,
		high: l.high, durable: l.durable, epochStart: l.epochStart, gone: d.gone, next: l.next, recovering: p.facts.Recovering, began: d.began}
	if d.stallAt > 0 {
		v.stalled = now - d.stallAt
	}
	return v
}

// defaultLagMs is Kafka's default of replica.lag.time.max.ms.
const defaultLagMs = 30_000

func (cfg *Config) lagMs() int64 {
	if cfg.LagMaxMs <= 0 {
		return defaultLagMs
	}
	return cfg.LagMaxMs
}

// judge asks for another ISR, or gives the leadership up, if that is due. One wish at a time is under way.
func (p *Partition) judge(c kit.Context, now int64) {
	l := p.log
	d := l.led
	if d.wish != nil {
		if d.askAt > 0 && now >= d.askAt {
			d.askAt = 0
			p.o.Replicas.Tell(d.wish)
		}
		return
	}
	if p.brokerEpoch == 0 {
		return
	}
	v := p.isrView(now)
	if p.facts.Recovering {
		p.wishISR(c, []int32{p.self}, true)
		return
	}
	if isr := v.judge(now); !slices.Equal(isr, l.isr) {
		p.wishISR(c, isr, false)
		return
	}
	switch {
	case !v.short():
		d.shortAt = 0
	case d.shortAt == 0:
		d.shortAt = now
	case now-d.shortAt >= shortMs && now >= d.giveUp:
		p.resign(c)
	}
}

func (p *Partition) ref() meta.PartitionRef {
	return meta.PartitionRef{Topic: p.id, Index: p.facts.Index}
}

// wishISR asks for an ISR. Until it is known what became of the wish, the high watermark respects both (KIP-497).
func (p *Partition) wishISR(c kit.Context, isr []int32, recovered bool) {
	l := p.log
	n := meta.NewISR{PartitionRef: p.ref(), LeaderEpoch: p.facts.LeaderEpoch, PartitionEpoch: p.facts.PartitionEpoch, Recovered: recovered}
	for _, id := range isr {
		epoch := p.brokerEpoch
		if m := l.led.mate(id); m != nil {
			epoch = m.brokerEpoch
		}
		n.ISR = append(n.ISR, meta.ISRMember{BrokerID: id, BrokerEpoch: epoch})
	}
	l.wanted = isr
	p.tellWish(c, &wish{isr: n})
}

func (p *Partition) resign(c kit.Context) {
	x := &meta.Resignation{PartitionRef: p.ref(), LeaderEpoch: p.facts.LeaderEpoch}
	for i := range p.log.led.mates {
		if m := &p.log.led.mates[i]; m.up {
			x.Reachable = append(x.Reachable, m.id)
		}
	}
	p.tellWish(c, &wish{resign: x})
}

func (p *Partition) tellWish(c kit.Context, w *wish) {
	w.ref, w.number, w.epoch = c.Self(), c.Rand(), p.brokerEpoch
	d := p.log.led
	d.wish, d.doubted, d.askAt = w, false, 0
	p.o.Replicas.Tell(w)
	p.watchMates(c)
}

// outdated says whether a wish would add a broker under an epoch that has ended: it can never be granted any more.
func (d *leadership) outdated(isr []int32) bool {
	return slices.ContainsFunc(d.wish.isr.ISR, func(x meta.ISRMember) bool {
		m := d.mate(x.BrokerID)
		return m != nil && !slices.Contains(isr, x.BrokerID) && m.brokerEpoch > x.BrokerEpoch
	})
}

// onWished takes what became of a wish. What the facts say wins: when they are newer than the wish, there is none any more.
func (p *Partition) onWished(c kit.Context, m wished) {
	l := p.log
	if l == nil || l.led == nil || l.led.wish == nil || l.led.wish.number != m.number {
		return
	}
	d, now := l.led, c.Now().UnixMilli()
	switch {
	case m.unsure, d.doubted && m.Code == code.IneligibleReplica && !d.outdated(l.isr):
		d.doubted, d.askAt = true, now+retryMs
		return
	case d.wish.resign != nil:
		d.wish, d.giveUp = nil, now+shortMs
		return
	}
	if m.LeaderEpoch > p.facts.LeaderEpoch || m.PartitionEpoch > p.facts.PartitionEpoch && m.Leader != p.self {
		return // somebody else leads, or the replicas are others: the facts will say so, and the wish counts until then
	}
	for i := range d.mates {
		if x := &d.mates[i]; m.Code != code.OK && !slices.Contains(l.isr, x.id) {
			x.tryAt = now + retryMs
		}
	}
	d.wish, l.wanted = nil, nil
	if m.PartitionEpoch > p.facts.PartitionEpoch {
		f := &p.facts
		f.ISR, f.ELR, f.Recovering, f.PartitionEpoch = m.ISR, m.ELR, m.Recovering, m.PartitionEpoch
		p.lead(c)
		return
	}
	p.advance(c)
	p.answerTrims()
}
