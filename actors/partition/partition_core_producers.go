package partition

import (
	"cmp"
	"math"
	"slices"

	"troupe/kafka/code"
	"troupe/storage/record"
)

// remembered is how many of its last batches a partition knows of each producer (ProducerStateEntry.NUM_BATCHES_TO_RETAIN).
const remembered = 5

// noEpoch is the epoch of a producer that gives none (RecordBatch.NO_PRODUCER_EPOCH).
const noEpoch int16 = -1

// producer is one idempotent producer as the partition knows it.
type producer struct {
	id       int64
	epoch    int16
	lastTime int64 // ms of the broker's clock, of its last append
	n        int
	batches  [remembered]producerBatch // the first n, oldest first
}

func newProducer(s *producerState) *producer {
	p := &producer{id: s.ID, epoch: s.Epoch, lastTime: s.LastTime}
	p.n = copy(p.batches[:], s.Batches[max(0, len(s.Batches)-remembered):])
	return p
}

// stored is the producer as the store keeps it; Batches is the producer's own memory.
func (p *producer) stored() producerState {
	return producerState{ID: p.id, Epoch: p.epoch, LastTime: p.lastTime, Batches: p.batches[:p.n]}
}

// checkSequence says whether a producer's batch is the next, a repetition (then of which), or neither
// (ProducerStateEntry.findDuplicateBatch, then ProducerAppendInfo.checkProducerEpoch and checkSequence).
func (c *core) checkSequence(b record.Batch) (original producerBatch, dup bool, bad code.Code) {
	p := c.producers[b.ProducerID()]
	epoch, first, last := b.ProducerEpoch(), b.BaseSequence(), b.LastSequence()
	switch {
	case epoch < noEpoch:
		return original, false, code.InvalidProducerEpoch
	case p == nil:
		return original, false, code.OK // an unknown producer may begin anywhere
	}
	if epoch == p.epoch {
		for _, x := range p.batches[:p.n] {
			if x.FirstSeq == first && x.LastSeq == last {
				return x, true, code.OK
			}
		}
	}
	switch {
	case epoch < p.epoch:
		return original, false, code.InvalidProducerEpoch
	case p.epoch == noEpoch || p.n == 0:
		return original, false, code.OK
	case epoch != p.epoch && first != 0, epoch == p.epoch && first != nextSequence(p.batches[p.n-1].LastSeq):
		return original, false, code.OutOfOrderSequenceNumber
	}
	return original, false, code.OK
}

// nextSequence is the sequence number that follows: they wrap from 2^31-1 to 0.
func nextSequence(s int32) int32 {
	if s == math.MaxInt32 {
		return 0
	}
	return s + 1
}

// remember notes an accepted batch.
func (c *core) remember(b record.Batch, v verdict, now int64) *producer {
	p := c.producers[b.ProducerID()]
	if p == nil {
		if len(c.producers) >= maxProducers {
			c.forgetOldest()
		}
		p = &producer{id: b.ProducerID()}
		c.producers[p.id] = p
	}
	if p.epoch != b.ProducerEpoch() {
		p.epoch, p.n = b.ProducerEpoch(), 0
	}
	if p.n == remembered {
		copy(p.batches[:], p.batches[1:])
		p.n--
	}
	p.batches[p.n] = producerBatch{FirstSeq: b.BaseSequence(), LastSeq: b.LastSequence(), Base: v.base, Last: v.last, MaxTime: v.maxTime}
	p.n++
	p.lastTime = now
	return p
}

// active lists the producers, by id.
func (c *core) active() []ActiveProducer {
	out := make([]ActiveProducer, 0, len(c.producers))
	for _, p := range c.producers {
		a := ActiveProducer{ID: p.id, Epoch: p.epoch, LastSeq: -1, LastTime: -1}
		if p.n > 0 {
			last := &p.batches[p.n-1]
			a.LastSeq, a.LastTime = last.LastSeq, last.MaxTime
		}
		out = append(out, a)
	}
	slices.SortFunc(out, func(a, b ActiveProducer) int { return cmp.Compare(a.ID, b.ID) })
	return out
}

// expire forgets producers that have been silent for too long (producer.id.expiration.ms). Kafka counts from the newest record's
// timestamp; we count from when it came, so that a producer of old records is not forgotten while it writes.
func (c *core) expire(now, expiryMs int64) {
	for id, p := range c.producers {
		if now-p.lastTime >= expiryMs {
			delete(c.producers, id)
			c.forgotten = append(c.forgotten, id)
		}
	}
}

// forgetOldest makes room for new producers: a tenth goes at once, so that a flood of ids costs little each.
func (c *core) forgetOldest() {
	all := make([]*producer, 0, len(c.producers))
	for _, p := range c.producers {
		all = append(all, p)
	}
	slices.SortFunc(all, func(a, b *producer) int { return cmp.Or(cmp.Compare(a.lastTime, b.lastTime), cmp.Compare(a.id, b.id)) })
	for _, p := range all[:len(all)/10+1] {
		delete(c.producers, p.id)
		c.forgotten = append(c.forgotten, p.id)
	}
}

// takeForgotten is the ops that drop forgotten producers from the store, in a fixed order. One that came back stays.
func (c *core) takeForgotten() (ops []mark) {
	slices.Sort(c.forgotten)
	for _, id := range slices.Compact(c.forgotten) {
		if c.producers[id] == nil {
			ops = append(ops, mark{Kind: opDropProducer, ID: id})
		}
	}
	c.forgotten = nil
	return ops
}
