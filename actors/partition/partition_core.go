package partition

import (
	"math"
	"slices"

	"troupe/actors/writer"
	"troupe/kafka/code"
	"troupe/storage/record"
)

// core makes every decision about one log. It is pure: time is a value, what must be written comes back in the verdict.
type core struct {
	topic string // for messages
	index int32

	start   int64 // log start offset, durable: it never goes back
	floor   int64 // reads below it are refused: a log start on its way to the disk
	next    int64 // offset of the next batch
	durable int64 // everything below is on the local disk
	high    int64 // high watermark: everything below may be read
	bytes   int64 // record bytes of the partition since its birth
	maxTime int64 // greatest record timestamp, -1 if none
	maxAt   int64 // offset of the first record that has it, -1 if not known
	roll    segment

	self, epoch  int32
	epochStart   int64 // end of the log when this broker became leader in epoch
	epochWritten bool  // epoch's start is durable or on its way
	epochs       []epochBegin
	isr          []int32
	wanted       []int32      // ISR that may be in force by now, beside isr
	ends         []replicaEnd // of the other replicas, as far as they are known
	replicas     int
	producers    map[int64]*producer
	forgotten    []int64 // producers dropped from memory, to be dropped from the store
}

func newCore(l loadedFacts, topic string, index int32) core {
	c := core{topic: topic, index: index, start: l.Start, floor: l.Start, next: l.End, durable: l.End, high: l.Start, bytes: l.Bytes,
		maxTime: l.MaxTime, maxAt: -1, roll: l.Roll, epoch: -1, producers: map[int64]*producer{}}
	for _, e := range l.Epochs {
		c.assign(e)
	}
	for i := range l.Producers {
		c.producers[l.Producers[i].ID] = newProducer(&l.Producers[i])
	}
	return c
}

// arrival is what is known of a batch beside its bytes.
type arrival struct {
	acks        int16
	info        record.Info // zero: trust the header
	keysChecked bool
	now         int64 // ms
}

// verdict is what becomes of a batch.
type verdict struct {
	code     code.Code
	message  string // only where Kafka sends one
	records  []writer.RecordError
	logStart int64

	duplicate  bool  // base and last are the original's; nothing is appended
	base, last int64 // -1 on error
	appendTime int64 // what the answer says: ms with LogAppendTime or for a duplicate, else -1
	maxTime    int64
	before     int64     // cumulative bytes before the batch
	producer   *producer // state after the batch, nil without producer id
	ops        []mark    // to be made durable before the batch
}

func refused(c code.Code, logStart int64) verdict {
	return verdict{code: c, logStart: logStart, base: -1, last: -1, appendTime: -1}
}

// accept decides about a batch, in Kafka's order: Partition.appendRecordsToLeader, UnifiedLog.append, LogValidator, ProducerAppendInfo.
// If it is accepted, its offsets are given and written into it.
func (c *core) accept(b record.Batch, a arrival, cfg *Config) verdict {
	switch {
	case a.acks == -1 && len(c.isr) < min(cfg.MinISR, c.replicas):
		return refused(code.NotEnoughReplicas, c.start)
	case len(b) > cfg.MaxMessageBytes:
		return refused(code.MessageTooLarge, -1)
	}
	if v, ok := c.checkRecords(b, a, cfg); !ok {
		return v
	}
	if int64(len(b)) > cfg.SegmentBytes {
		return refused(code.RecordListTooLarge, -1)
	}
	if b.ProducerID() > record.NoProducer {
		original, dup, bad := c.checkSequence(b)
		switch {
		case bad != code.OK:
			return refused(bad, c.start)
		case dup:
			return verdict{duplicate: true, base: original.Base, last: original.Last, appendTime: original.MaxTime, logStart: c.start}
		}
	}
	return c.append(b, a, cfg)
}

// append gives the batch its offsets. Nothing can refuse it any more.
func (c *core) append(b record.Batch, a arrival, cfg *Config) verdict {
	v := verdict{base: c.next, last: c.next + int64(b.LastOffsetDelta()), appendTime: -1, logStart: c.start}
	if !c.epochWritten {
		v.ops = append(v.ops, mark{Kind: opEpoch, Epoch: c.epoch, Offset: c.epochStart})
		c.epochWritten = true
	}
	if c.mustRoll(len(b), a.now, cfg) {
		v.ops = append(v.ops, c.rollNow(a.now))
	} else if c.next == c.roll.Offset {
		c.roll.TimeMs = a.now // a segment's time begins with its first batch
	}
	b.SetBaseOffset(v.base)
	b.SetLeaderEpoch(c.epoch)
	if cfg.LogAppendTime {
		b.SetLogAppendTime(a.now)
		v.appendTime = a.now
	}
	v.maxTime = b.MaxTimestamp()
	if v.maxTime > c.maxTime {
		c.maxTime, c.maxAt = v.maxTime, v.base+int64(a.info.MaxTimeIndex)
	}
	if b.ProducerID() > record.NoProducer {
		v.producer = c.remember(b, v, a.now)
	}
	v.before = c.bytes
	c.bytes += int64(len(b))
	c.next = v.last + 1
	return v
}

// checkRecords judges keys and timestamps (LogValidator.validateRecord).
func (c *core) checkRecords(b record.Batch, a arrival, cfg *Config) (verdict, bool) {
	if cfg.Compact && !a.keysChecked {
		if errs := c.keyless(b); len(errs) > 0 {
			v := refused(code.InvalidRecord, c.start)
			v.records, v.message = errs, keylessText(errs)
			return v, false
		}
	}
	if cfg.LogAppendTime {
		return verdict{}, true
	}
	lo, hi := a.now-cfg.BeforeMaxMs, satAdd(a.now, cfg.AfterMaxMs)
	least, most := a.info.MinTime, a.info.MaxTime
	if a.info.Count == 0 {
		least, most = b.MaxTimestamp(), b.MaxTimestamp()
	}
	if most == record.NoTime && least == record.NoTime || least >= lo && most <= hi || least == record.NoTime && most <= hi {
		return verdict{}, true
	}
	v := refused(code.InvalidTimestamp, c.start)
	v.message = "One or more records have been rejected due to invalid timestamp"
	v.records = timesOutside(b, a.info, lo, hi)
	return v, false
}

// mustRoll says whether a new virtual segment begins before a batch of n bytes (LogSegment.shouldRoll). An empty one never ends.
func (c *core) mustRoll(n int, now int64, cfg *Config) bool {
	if c.next == c.roll.Offset {
		return false
	}
	return c.bytes-c.roll.Bytes+int64(n) > cfg.SegmentBytes || c.roll.TimeMs > 0 && now-c.roll.TimeMs > cfg.SegmentMs
}

// rollNow begins a virtual segment at the end of the log.
func (c *core) rollNow(now int64) mark {
	c.roll = segment{Offset: c.next, TimeMs: now, Bytes: c.bytes}
	return mark{Kind: opRoll, Offset: c.next, TimeMs: now, Bytes: c.bytes, MaxTime: c.maxTime}
}

// synced moves the durable end, and the high watermark if it may move.
func (c *core) synced(end int64) {
	c.durable = max(c.durable, end)
}

// replicaEnd is how far another replica's log is on its disk, as it has said in this leader epoch.
type replicaEnd struct {
	id      int32
	durable int64
}

// ack notes how far another replica is.
func (c *core) ack(id int32, durable int64) {
	for i := range c.ends {
		if c.ends[i].id == id {
			c.ends[i].durable = max(c.ends[i].durable, durable)
			return
		}
	}
	c.ends = append(c.ends, replicaEnd{id, durable})
}

// forgetEnd forgets how far another replica is: it may have been cut since.
func (c *core) forgetEnd(id int32) {
	c.ends = slices.DeleteFunc(c.ends, func(e replicaEnd) bool { return e.id == id })
}

// endOfReplica is how far a replica is known to be durable; -1: it is not known.
func (c *core) endOfReplica(id int32) int64 {
	if id == c.self {
		return c.durable
	}
	for _, e := range c.ends {
		if e.id == id {
			return e.durable
		}
	}
	return -1
}

// advance moves the high watermark to the least durable end of the in-sync replicas, if there are enough of them. A replica that may be
// in sync by now counts too: the cluster's idea of the ISR is never larger than what is looked at here (KIP-497).
func (c *core) advance(minISR int) {
	if len(c.isr) < min(minISR, c.replicas) {
		return
	}
	end := c.durable
	for _, id := range c.isr {
		end = min(end, c.endOfReplica(id))
	}
	for _, id := range c.wanted {
		end = min(end, c.endOfReplica(id))
	}
	c.high = max(c.high, end)
}

// trim says up to where a DeleteRecords wants the log to be gone (Partition.deleteRecordsOnLeader).
func (c *core) trim(offset int64, cfg *Config) (start int64, bad code.Code) {
	if !cfg.Delete {
		return -1, code.PolicyViolation
	}
	if offset == -1 {
		offset = c.high
	}
	if offset < 0 || offset > c.high {
		return -1, code.OffsetOutOfRange
	}
	return offset, code.OK
}

func satAdd(a, b int64) int64 {
	if b > math.MaxInt64-a {
		return math.MaxInt64
	}
	return a + b
}
