package partition

import (
	"time"

	"troupe/actors/kit"
	"troupe/storage"
)

// onRetain deletes what is too old or too much, and forgets producers that have been silent for too long.
func (p *Partition) onRetain(c kit.Context) {
	switch {
	case p.state == cold && p.retains():
		p.look = true
		p.startLoad(c)
		return
	case p.state != loaded:
		return
	}
	l := p.log
	now := c.Now().UnixMilli()
	l.expire(now, p.cfg.ProducerExpiryMs)
	if ops := l.takeForgotten(); len(ops) > 0 {
		p.change(c, change{}, ops...)
	}
	if !p.retains() || l.retains {
		return
	}
	l.retains = true
	if l.mustRollToExpire(now, &p.cfg) {
		p.change(c, change{roll: true}, l.rollNow(now))
		return
	}
	p.findExpired(c)
}

// retains says whether anything is ever deleted by retention.
func (p *Partition) retains() bool {
	return p.cfg.Delete && (p.cfg.RetentionMs >= 0 || p.cfg.RetentionBytes >= 0)
}

// worthRetaining says whether retention may find something in a log that nobody uses.
func (p *Partition) worthRetaining(c kit.Context, l storage.Loaded) bool {
	if l.End == l.Start {
		return false
	}
	return p.cfg.RetentionBytes >= 0 && l.Bytes > p.cfg.RetentionBytes ||
		p.cfg.RetentionMs >= 0 && (l.Roll.Offset > l.Start || l.MaxTime < c.Now().UnixMilli()-p.cfg.RetentionMs)
}

// mustRollToExpire says whether the active segment has to end because all of it may go: only what lies before the last mark expires.
func (c *core) mustRollToExpire(now int64, cfg *Config) bool {
	if c.next == c.roll.Offset || c.high < c.next {
		return false
	}
	newest := c.maxTime
	if newest < 0 {
		newest = c.roll.TimeMs
	}
	return cfg.RetentionBytes == 0 || cfg.RetentionMs >= 0 && newest < now-cfg.RetentionMs
}

// findExpired asks the store how far retention may delete.
func (p *Partition) findExpired(c kit.Context) {
	l := p.log
	var oldest time.Time
	if p.cfg.RetentionMs >= 0 {
		oldest = c.Now().Add(-time.Duration(min(p.cfg.RetentionMs, maxAge)) * time.Millisecond)
	}
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
		p.raiseStart(c, min(m.start, p.log.high), nil)
	}
}
