package partition

import (
	"math"
	"time"

	"troupe/actors/kit"
	"troupe/actors/writer"
	"troupe/storage"
)

// onRetain deletes what is too old or too much, and forgets producers that have been silent for too long.
func (p *Partition) onRetain(c kit.Context) {
	if p.state == loaded {
		p.forget(c)
		if !p.used && p.idle() {
			p.rest()
		}
	}
	p.used = false
	switch {
	case p.state == following && p.log != nil:
		p.forget(c) // the log start is the leader's to raise
	case !p.retains():
	case p.state == cold && c.Now().UnixMilli() < p.quiet:
	case p.state == cold:
		p.look = true
		p.startLoad(c)
	case p.state == loaded && !p.log.retains:
		p.expire(c)
	}
}

// forget drops producers that have been silent for too long, from the store too.
func (p *Partition) forget(c kit.Context) {
	p.log.expire(c.Now().UnixMilli(), p.cfg.ProducerExpiryMs)
	if ops := p.log.takeForgotten(); len(ops) > 0 {
		p.change(c, change{}, ops...)
	}
}

// expire begins a round of retention: the active segment ends first if all of it may go.
func (p *Partition) expire(c kit.Context) {
	l := p.log
	l.retains = true
	if now := c.Now().UnixMilli(); l.mustRollToExpire(now, &p.cfg) {
		p.change(c, change{roll: true}, l.rollNow(now))
		return
	}
	p.findExpired(c)
}

// retains says whether anything is ever deleted by retention.
func (p *Partition) retains() bool {
	return p.cfg.Delete && (p.cfg.RetentionMs >= 0 || p.cfg.RetentionBytes >= 0)
}

// worthRetaining says whether retention would find something in a log that nobody uses. It reads the store.
func worthRetaining(data storage.Data, id uint32, l *storage.Loaded, cfg *Config, now time.Time) (bool, error) {
	if l.End == l.Start {
		return false, nil
	}
	if l.Roll.Offset < l.End && allExpired(l.MaxTime, l.Roll.TimeMs, now.UnixMilli(), cfg) {
		return true, nil
	}
	to, err := data.Expire(id, l.Start, l.End, cfg.oldest(now), cfg.RetentionBytes)
	return to > l.Start, err
}

// quietUntil is the time in ms before which retention cannot find anything in a log that nobody uses and in which it has just found nothing;
// 0: not known. A log at rest does not grow, so only age can make something go, and the active segment goes when its newest record may.
func quietUntil(l *storage.Loaded, cfg *Config) int64 {
	switch {
	case l.End == l.Start:
		return math.MaxInt64
	case cfg.RetentionBytes == 0 || l.Roll.Offset > l.Start: // closed segments go before the active one, each at its time
		return 0
	case cfg.RetentionMs < 0:
		return math.MaxInt64
	}
	newest := l.MaxTime
	if newest < 0 {
		newest = l.Roll.TimeMs
	}
	return newest + min(cfg.RetentionMs, math.MaxInt64-max(newest, 0))
}

// mustRollToExpire says whether the active segment has to end because all of it may go: only what lies before the last mark expires.
func (c *core) mustRollToExpire(now int64, cfg *Config) bool {
	if c.next == c.roll.Offset || c.high < c.next {
		return false
	}
	return allExpired(c.maxTime, c.roll.TimeMs, now, cfg)
}

// allExpired says whether a whole log may go by its newest timestamp; rolled is when its active segment began.
func allExpired(newest, rolled, now int64, cfg *Config) bool {
	if newest < 0 {
		newest = rolled
	}
	return cfg.RetentionBytes == 0 || cfg.RetentionMs >= 0 && newest < now-cfg.RetentionMs
}

// oldest is the time from which records are kept; zero: they are kept whatever their age.
func (cfg *Config) oldest(now time.Time) time.Time {
	if cfg.RetentionMs < 0 {
		return time.Time{}
	}
	return now.Add(-time.Duration(min(cfg.RetentionMs, maxAge)) * time.Millisecond)
}

// findExpired asks the store how far retention may delete.
func (p *Partition) findExpired(c kit.Context) {
	l := p.log
	oldest := p.cfg.oldest(c.Now())
	data, id, start, high, most := p.o.Data, p.o.PartID, l.start, l.high, p.cfg.RetentionBytes
	c.Go(c.Self(), func() any {
		to, err := data.Expire(id, start, high, oldest, most)
		return expired{l, to, err}
	})
}

// maxAge bounds retention.ms so that it fits a time.Duration: about 290 years.
const maxAge = int64(1<<63-1) / int64(time.Millisecond)

func (p *Partition) onExpired(c kit.Context, m expired) {
	if m.err != nil {
		c.Fatal("DISK: retention cannot read the store", "partition", p.name(), "part", p.o.PartID, "err", m.err)
		return
	}
	if p.log != m.log {
		return
	}
	p.log.retains = false
	if p.state == loaded && m.start > p.log.floor {
		p.raiseStart(c, min(m.start, p.log.high))
	}
}

// idle says whether nothing is on its way and nobody waits.
func (p *Partition) idle() bool {
	l := p.log
	return p.leads() && l.led == nil && l.durable == l.next && l.high == l.next && l.floor == l.start && l.unsynced.len() == 0 &&
		l.waiting() == 0 && len(l.watches) == 0 && len(l.changes) == 0 && len(l.trims) == 0 && !l.retains && len(l.forgotten) == 0
}

// rest gives the memory of a log back that nobody has used for a round of retention. All of it is in the store; the next use loads it.
func (p *Partition) rest() {
	l := p.log
	p.log, p.state = nil, cold
	l.alive.Store(false)
	if l.timerAt != 0 {
		l.timer.Stop()
	}
	p.o.Writer.Tell(writer.Leave{PartID: p.o.PartID})
}
