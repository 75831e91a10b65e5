package partition

import (
	"troupe/storage/record"
)

// lastEpoch is the leader epoch of the last batch; -1: the log is empty, so nothing of it can be another log's.
func (c *core) lastEpoch() int32 {
	if c.next == c.start {
		return -1
	}
	return c.epochAt(c.next - 1)
}

// parts says where a follower's log leaves this one, by the epoch of its last batch: never by a high watermark (KIP-101, KIP-279). out: it
// is no part of this log, or of what is left of it.
func (c *core) parts(from int64, lastEpoch int32) (end *EpochEnd, out bool) {
	if lastEpoch >= 0 {
		e := c.endIn(lastEpoch, c.next)
		switch {
		case e.Epoch < 0:
			return nil, true
		case e.Epoch < lastEpoch || e.End < from:
			return &e, false
		}
	}
	return nil, from < c.floor || from > c.next
}

// cutTo is where a follower's log must end when the leader's log ends at end in an epoch that is not above the one that was asked for
// (ReplicaFetcherThread, AbstractFetcherThread.getOffsetTruncationState).
func (c *core) cutTo(epoch int32, end int64) int64 {
	own := c.endIn(epoch, c.next)
	if own.Epoch < 0 {
		return c.start
	}
	return min(own.End, end, c.next)
}

// unlead ends leading: an epoch in which nothing was written has not been.
func (c *core) unlead() {
	if n := len(c.epochs); n > 0 && c.epochs[n-1].Epoch == c.epoch && !c.epochWritten {
		c.epochs = c.epochs[:n-1]
	}
	c.epoch, c.epochWritten = -1, false
}

// continues says whether a batch of the leader may follow the end of the log.
func (c *core) continues(b record.Batch, epoch int32) bool {
	return b.Intact() && b.LastOffsetDelta() >= 0 && b.BaseOffset() >= c.next && b.LeaderEpoch() <= epoch && b.LeaderEpoch() >= c.lastEpoch()
}

// follow appends a batch as the leader has it. A gap before it, left by compaction, counts as its own. Segments end by this replica's own
// rules, and all is remembered that it needs to lead at once.
func (c *core) follow(b record.Batch, now int64, cfg *Config) verdict {
	v := verdict{base: c.next, last: b.LastOffset(), appendTime: -1, logStart: c.start}
	if e := b.LeaderEpoch(); e != c.lastEpoch() {
		c.assign(epochBegin{Epoch: e, Start: b.BaseOffset()})
		v.ops = append(v.ops, mark{Kind: opEpoch, Epoch: e, Offset: b.BaseOffset()})
	}
	if c.mustRoll(len(b), now, cfg) {
		v.ops = append(v.ops, c.rollNow(now))
	} else if c.next == c.roll.Offset {
		c.roll.TimeMs = now
	}
	v.maxTime = b.MaxTimestamp()
	if v.maxTime > c.maxTime {
		c.maxTime, c.maxAt = v.maxTime, -1
	}
	if b.ProducerID() > record.NoProducer {
		own := v
		own.base = b.BaseOffset()
		v.producer = c.remember(b, own, now)
	}
	v.before = c.bytes
	c.bytes += int64(len(b))
	c.next = v.last + 1
	return v
}

// learn takes the leader's high watermark as far as this replica has what it covers.
func (c *core) learn(high int64) { c.high = max(c.high, min(high, c.durable)) }
