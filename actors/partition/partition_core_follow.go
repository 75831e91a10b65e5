package partition

import (
	"slices"

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

// maxBegun bounds the epochs that a follower is told of.
const maxBegun = 4096

// begunAfter lists the epochs of this log behind one, the latest of them if there are very many. An epoch in which nothing was written is not of it yet.
func (c *core) begunAfter(epoch int32) []epochBegin {
	n := len(c.epochs)
	if n > 0 && c.epochs[n-1].Epoch == c.epoch && !c.epochWritten {
		n--
	}
	i := n
	for i > 0 && c.epochs[i-1].Epoch > epoch && n-i < maxBegun {
		i--
	}
	return slices.Clone(c.epochs[i:n])
}

// begins lists where epochs begin that this log first knows of by a batch of epoch at base. begun is what the leader says. Where compaction has taken the
// first batches of an epoch, or all, it did not begin with the first that is left: by that, a log that parted from the leader's in between would seem to
// be part of it.
func (c *core) begins(epoch int32, base int64, begun []epochBegin) (out []epochBegin) {
	last, own := c.lastEpoch(), epochBegin{Epoch: epoch, Start: base}
	add := func(e epochBegin) {
		e.Start = min(max(e.Start, c.next), base)
		for len(out) > 0 && out[len(out)-1].Start >= e.Start {
			out = out[:len(out)-1] // no record is left of it
		}
		out = append(out, e)
	}
	for _, e := range begun {
		switch {
		case e.Epoch == epoch:
			own = e
		case e.Epoch > last && e.Epoch < epoch:
			add(e)
		}
	}
	add(own)
	return out
}

// follow appends a batch as the leader has it. A gap before it, left by compaction, counts as its own; begun says which epochs began there. Segments end
// by this replica's own rules, and all is remembered that it needs to lead at once.
func (c *core) follow(b record.Batch, begun []epochBegin, now int64, cfg *Config) verdict {
	v := verdict{base: c.next, last: b.LastOffset(), appendTime: -1, logStart: c.start}
	if epoch := b.LeaderEpoch(); epoch != c.lastEpoch() {
		for _, e := range c.begins(epoch, b.BaseOffset(), begun) {
			c.assign(e)
			v.ops = append(v.ops, mark{Kind: opEpoch, Epoch: e.Epoch, Offset: e.Start})
		}
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
