package partition

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"troupe/kafka/code"
	"troupe/storage"
	"troupe/storage/record"
)

// plainConfig is Kafka's defaults.
func plainConfig() Config {
	return Config{MaxMessageBytes: 1048588, RetentionMs: 604800000, RetentionBytes: -1, SegmentBytes: 1 << 30, SegmentMs: 604800000, Delete: true,
		BeforeMaxMs: math.MaxInt64, AfterMaxMs: 3600000, MinISR: 1, ProducerExpiryMs: 86400000}
}

// newTestCore is a core that leads alone in epoch 0 and holds nothing.
func newTestCore() *core {
	c := newCore(storage.Loaded{MaxTime: -1}, "t", 0)
	c.self, c.isr, c.replicas = 1, []int32{1}, 1
	c.lead(0)
	return &c
}

// from is a producer's batch: id, epoch, first sequence, number of records.
func from(id int64, epoch int16, seq int32, n int) record.Batch {
	o := record.Plain()
	o.ProducerID, o.ProducerEpoch, o.BaseSequence = id, epoch, seq
	return built(o, n, 1000)
}

func built(o record.BuildOpts, n int, ts int64) record.Batch {
	rs := make([]record.Record, n)
	for i := range rs {
		rs[i] = record.Record{Key: []byte("k"), Value: []byte("v"), Timestamp: ts + int64(i)}
	}
	b, err := record.Build(o, rs)
	if err != nil {
		panic(err)
	}
	return b
}

func (v verdict) text() string {
	switch {
	case v.code != code.OK:
		return v.code.String()
	case v.duplicate:
		return fmt.Sprintf("dup %d-%d", v.base, v.last)
	}
	return fmt.Sprintf("%d-%d", v.base, v.last)
}

func TestSequences(t *testing.T) {
	type call struct {
		id    int64
		epoch int16
		seq   int32
		n     int
		want  string
	}
	f := func(calls ...call) {
		t.Helper()
		c, cfg := newTestCore(), plainConfig()
		for i, x := range calls {
			v := c.accept(from(x.id, x.epoch, x.seq, x.n), arrival{acks: -1, now: 1000}, &cfg)
			if v.text() != x.want {
				t.Errorf("batch %d: got %s, want %s", i, v.text(), x.want)
			}
			if (v.code == code.OK) != (v.base >= 0) {
				t.Errorf("batch %d: code %s with base %d", i, v.code, v.base)
			}
		}
	}
	// In order.
	f(call{7, 0, 0, 3, "0-2"}, call{7, 0, 3, 2, "3-4"}, call{7, 0, 5, 1, "5-5"})
	// An unknown producer begins anywhere.
	f(call{7, 3, 100, 3, "0-2"}, call{7, 3, 103, 1, "3-3"})
	// A repetition of the last five, not of the sixth.
	f(call{7, 0, 0, 1, "0-0"}, call{7, 0, 1, 1, "1-1"}, call{7, 0, 2, 1, "2-2"}, call{7, 0, 3, 1, "3-3"}, call{7, 0, 4, 1, "4-4"},
		call{7, 0, 0, 1, "dup 0-0"}, call{7, 0, 4, 1, "dup 4-4"}, call{7, 0, 5, 1, "5-5"},
		call{7, 0, 0, 1, "OUT_OF_ORDER_SEQUENCE_NUMBER"}, call{7, 0, 1, 1, "dup 1-1"})
	// Gap and overlap.
	f(call{7, 0, 0, 3, "0-2"}, call{7, 0, 4, 1, "OUT_OF_ORDER_SEQUENCE_NUMBER"}, call{7, 0, 2, 2, "OUT_OF_ORDER_SEQUENCE_NUMBER"},
		call{7, 0, 0, 2, "OUT_OF_ORDER_SEQUENCE_NUMBER"}, call{7, 0, 3, 1, "3-3"})
	// A newer epoch begins at 0; an older one is fenced; its batches are no repetitions any more.
	f(call{7, 0, 0, 3, "0-2"}, call{7, 1, 3, 1, "OUT_OF_ORDER_SEQUENCE_NUMBER"}, call{7, 1, 0, 3, "3-5"},
		call{7, 0, 3, 1, "INVALID_PRODUCER_EPOCH"}, call{7, 0, 0, 3, "INVALID_PRODUCER_EPOCH"}, call{7, 1, 0, 3, "dup 3-5"})
	// Sequences wrap after 2^31-1.
	f(call{7, 0, math.MaxInt32 - 1, 2, "0-1"}, call{7, 0, 0, 1, "2-2"})
	f(call{7, 0, math.MaxInt32 - 1, 4, "0-3"}, call{7, 0, 2, 1, "4-4"}, call{7, 0, math.MaxInt32 - 1, 4, "dup 0-3"}, call{7, 0, 1, 1, "OUT_OF_ORDER_SEQUENCE_NUMBER"})
	// A producer without an epoch is taken at any sequence.
	f(call{7, -1, 5, 1, "0-0"}, call{7, -1, 50, 1, "1-1"}, call{7, -1, 5, 1, "dup 0-0"})
	f(call{7, -2, 5, 1, "INVALID_PRODUCER_EPOCH"}, call{7, 0, 0, 1, "0-0"}, call{7, math.MinInt16, 1, 1, "INVALID_PRODUCER_EPOCH"})
	// Producers do not mix.
	f(call{7, 0, 0, 1, "0-0"}, call{8, 0, 0, 1, "1-1"}, call{7, 0, 1, 1, "2-2"}, call{8, 0, 0, 1, "dup 1-1"})
	// Without producer id nothing is remembered.
	f(call{-1, -1, -1, 1, "0-0"}, call{-1, -1, -1, 1, "1-1"})
}

// TestSequencesModel compares with a model that keeps everything a producer ever wrote.
func TestSequencesModel(t *testing.T) {
	type seen struct{ first, n, base int64 }
	appended, dups, gaps := 0, 0, 0
	for seed := uint64(1); seed <= 200; seed++ {
		rng := rand.New(rand.NewPCG(seed, 3))
		c, cfg := newTestCore(), plainConfig()
		type pid struct {
			epoch   int16
			batches []seen
		}
		model := map[int64]*pid{}
		end := int64(0)
		for range 300 {
			id, n := int64(rng.IntN(3)), int64(1+rng.IntN(3))
			m := model[id]
			epoch, seq := int16(0), int64(rng.IntN(4))
			if m != nil {
				epoch = m.epoch + int16(rng.IntN(20)/19) - int16(rng.IntN(20)/19)
				last := m.batches[len(m.batches)-1]
				switch rng.IntN(4) {
				case 0:
					old := m.batches[max(0, len(m.batches)-1-rng.IntN(8))]
					seq, n = old.first, old.n
				case 1:
					seq = max(0, last.first+int64(rng.IntN(5))-1)
				default:
					seq = last.first + last.n
				}
			}
			want := fmt.Sprintf("%d-%d", end, end+n-1)
			write := true
			if m != nil {
				last := m.batches[len(m.batches)-1]
				i := slices.IndexFunc(m.batches[max(0, len(m.batches)-5):], func(s seen) bool { return s.first == seq && s.n == n })
				switch {
				case epoch == m.epoch && i >= 0:
					old := m.batches[max(0, len(m.batches)-5)+i]
					want, write = fmt.Sprintf("dup %d-%d", old.base, old.base+n-1), false
					dups++
				case epoch < m.epoch:
					want, write = "INVALID_PRODUCER_EPOCH", false
				case epoch > m.epoch && seq != 0, epoch == m.epoch && seq != last.first+last.n:
					want, write = "OUT_OF_ORDER_SEQUENCE_NUMBER", false
					gaps++
				}
			}
			if epoch < 0 {
				continue
			}
			v := c.accept(from(id, epoch, int32(seq), int(n)), arrival{acks: -1, now: 1000}, &cfg)
			if v.text() != want {
				t.Fatalf("seed %d: producer %d epoch %d sequence %d (%d records): got %s, want %s", seed, id, epoch, seq, n, v.text(), want)
			}
			if write {
				if m == nil || epoch > m.epoch {
					m = &pid{epoch: epoch}
					model[id] = m
				}
				m.batches = append(m.batches, seen{seq, n, end})
				end += n
				appended++
			}
			if rng.IntN(20) == 0 { // a restart: what the store got with the last batches is all that is known
				c = reload(c)
			}
		}
	}
	if appended < 1000 || dups < 1000 || gaps < 1000 {
		t.Errorf("too little happened: %d appended, %d repeated, %d refused", appended, dups, gaps)
	}
}

func reload(c *core) *core {
	l := storage.Loaded{Start: c.start, End: c.next, MaxTime: c.maxTime, Epochs: slices.Clone(c.epochs), Roll: c.roll, Bytes: c.bytes}
	for _, id := range []int64{0, 1, 2} {
		if p := c.producers[id]; p != nil {
			s := p.stored()
			s.Batches = slices.Clone(s.Batches)
			l.Producers = append(l.Producers, s)
		}
	}
	n := newCore(l, c.topic, c.index)
	n.self, n.isr, n.replicas = 1, []int32{1}, 1
	n.lead(c.epoch)
	return &n
}

func TestRefusals(t *testing.T) {
	f := func(change func(c *core, cfg *Config, a *arrival), b record.Batch, want code.Code, logStart int64, records int) {
		t.Helper()
		c, cfg, a := newTestCore(), plainConfig(), arrival{acks: -1, now: 1_000_000}
		c.start, c.floor, c.next = 5, 5, 9
		change(c, &cfg, &a)
		v := c.accept(b, a, &cfg)
		if v.code != want || v.logStart != logStart || len(v.records) != records || (want == code.OK) != (v.base == 9) {
			t.Errorf("got %s, log start %d, base %d, records %v; want %s, %d, %d records", v.code, v.logStart, v.base, v.records, want, logStart, records)
		}
		if (want == code.OK) != (c.next > 9) {
			t.Errorf("%s, but the end is %d", want, c.next)
		}
	}
	plain := func() record.Batch { return built(record.Plain(), 3, 1_000_000) }
	noKey := func() record.Batch {
		b, err := record.Build(record.Plain(), []record.Record{{Key: []byte("k")}, {}, {}})
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	same := func(*core, *Config, *arrival) {}
	f(same, plain(), code.OK, 5, 0)
	// Size: of the message, then of the segment.
	f(func(_ *core, cfg *Config, _ *arrival) { cfg.MaxMessageBytes = 70 }, plain(), code.MessageTooLarge, -1, 0)
	f(func(_ *core, cfg *Config, _ *arrival) { cfg.SegmentBytes = 70 }, plain(), code.RecordListTooLarge, -1, 0)
	// Timestamps: too far behind, too far ahead, at the limits, none.
	f(func(_ *core, cfg *Config, a *arrival) { cfg.AfterMaxMs, a.now = 10, 999_991 }, plain(), code.InvalidTimestamp, 5, 1)
	f(func(_ *core, cfg *Config, a *arrival) { cfg.AfterMaxMs, a.now = 10, 999_992 }, plain(), code.OK, 5, 0)
	f(func(_ *core, cfg *Config, a *arrival) { cfg.BeforeMaxMs, a.now = 10, 1_000_020 }, plain(), code.InvalidTimestamp, 5, 3)
	f(func(_ *core, cfg *Config, a *arrival) {
		cfg.BeforeMaxMs, a.now, a.info = 10, 1_000_011, record.Info{Count: 3, MinTime: 1_000_000, MaxTime: 1_000_002}
	}, plain(), code.InvalidTimestamp, 5, 1)
	f(func(_ *core, cfg *Config, _ *arrival) { cfg.BeforeMaxMs, cfg.AfterMaxMs = 1, 1 }, built(record.Plain(), 1, record.NoTime), code.OK, 5, 0)
	f(same, built(record.Plain(), 1, -2), code.OK, 5, 0)
	f(func(_ *core, cfg *Config, _ *arrival) { cfg.AfterMaxMs, cfg.LogAppendTime = 1, true }, built(record.Plain(), 1, 9_000_000), code.OK, 5, 0)
	f(func(_ *core, cfg *Config, _ *arrival) { cfg.AfterMaxMs = math.MaxInt64 }, built(record.Plain(), 1, 9_000_000_000), code.OK, 5, 0)
	// Keys.
	f(same, noKey(), code.OK, 5, 0)
	f(func(_ *core, cfg *Config, _ *arrival) { cfg.Compact = true }, noKey(), code.InvalidRecord, 5, 2)
	f(func(_ *core, cfg *Config, _ *arrival) { cfg.Compact = true }, plain(), code.OK, 5, 0)
	f(func(_ *core, cfg *Config, a *arrival) { cfg.Compact, a.keysChecked = true, true }, plain(), code.OK, 5, 0)
	// Too few replicas in sync: only for acks=-1, and never more than there are replicas.
	f(func(c *core, cfg *Config, _ *arrival) { cfg.MinISR, c.replicas = 2, 3 }, plain(), code.NotEnoughReplicas, 5, 0)
	f(func(c *core, cfg *Config, a *arrival) { cfg.MinISR, c.replicas, a.acks = 2, 3, 1 }, plain(), code.OK, 5, 0)
	f(func(_ *core, cfg *Config, _ *arrival) { cfg.MinISR = 2 }, plain(), code.OK, 5, 0)
}

func TestStored(t *testing.T) {
	c, cfg := newTestCore(), plainConfig()
	c.lead(4)
	b := built(record.Plain(), 3, 5000)
	v := c.accept(b, arrival{acks: 1, now: 6000}, &cfg)
	if b.BaseOffset() != 0 || b.LeaderEpoch() != 4 || !b.Intact() || v.appendTime != -1 || v.maxTime != 5002 || c.maxTime != 5002 {
		t.Errorf("base %d, epoch %d, intact %v, append time %d, max time %d", b.BaseOffset(), b.LeaderEpoch(), b.Intact(), v.appendTime, v.maxTime)
	}
	cfg.LogAppendTime = true
	b = built(record.Plain(), 2, 5000)
	v = c.accept(b, arrival{acks: 1, now: 7000}, &cfg)
	if b.BaseOffset() != 3 || !b.LogAppendTime() || b.MaxTimestamp() != 7000 || !b.Intact() || v.appendTime != 7000 || v.maxTime != 7000 {
		t.Errorf("base %d, intact %v, max %d, append time %d", b.BaseOffset(), b.Intact(), b.MaxTimestamp(), v.appendTime)
	}
	if c.next != 5 || c.high != 0 || c.durable != 0 {
		t.Errorf("accepted batches are readable: end %d, high watermark %d", c.next, c.high)
	}
	c.synced(3)
	c.advance(1)
	if c.high != 3 {
		t.Errorf("high watermark %d, want 3", c.high)
	}
}

func TestHighWatermark(t *testing.T) {
	f := func(isr []int32, replicas, minISR int, want int64) {
		t.Helper()
		c := newTestCore()
		c.next, c.isr, c.replicas = 10, isr, replicas
		c.synced(7)
		c.advance(minISR)
		if c.high != want {
			t.Errorf("isr %v of %d, min %d: high watermark %d, want %d", isr, replicas, minISR, c.high, want)
		}
	}
	f([]int32{1}, 1, 1, 7)
	f([]int32{1}, 1, 2, 7) // no more than there are replicas
	f([]int32{1}, 3, 1, 7)
	f([]int32{1}, 3, 2, 0) // too few
	f([]int32{1, 2}, 3, 2, 0)
	f(nil, 1, 1, 0)
}

func TestRoll(t *testing.T) {
	c, cfg := newTestCore(), plainConfig()
	size := int64(len(built(record.Plain(), 1, 0)))
	cfg.SegmentBytes, cfg.SegmentMs = 2*size, 1000
	f := func(now int64, want int) {
		t.Helper()
		at := c.next
		v := c.accept(built(record.Plain(), 1, 0), arrival{acks: 1, now: now}, &cfg)
		rolls := 0
		for _, op := range v.ops {
			if op.Kind == storage.OpRoll {
				rolls++
				if op.Offset != at || op.TimeMs != now || op.Bytes != at*size {
					t.Errorf("roll %+v at %d", op, at)
				}
			}
		}
		if rolls != want {
			t.Errorf("batch at %d: %d rolls, want %d", at, rolls, want)
		}
	}
	f(1, 0)
	f(2, 0)
	f(3, 1) // by size
	f(4, 0)
	f(1003, 1) // still within segment.ms, but the size is reached
	f(2004, 1) // by time
	f(9000, 1)
}

func TestEpochs(t *testing.T) {
	c := newTestCore()
	for _, e := range []storage.EpochStart{{Epoch: 0, Start: 0}, {Epoch: 2, Start: 10}, {Epoch: 5, Start: 20}} {
		c.next = e.Start
		c.lead(e.Epoch)
	}
	c.next, c.durable, c.high = 30, 28, 28
	f := func(epoch int32, want EpochEnd) {
		t.Helper()
		if got := c.endOf(epoch); got != want {
			t.Errorf("end of epoch %d: %v, want %v", epoch, got, want)
		}
	}
	f(-1, EpochEnd{-1, -1})
	f(0, EpochEnd{0, 10})
	f(1, EpochEnd{0, 10})
	f(2, EpochEnd{2, 20})
	f(4, EpochEnd{2, 20})
	f(5, EpochEnd{5, 28})
	f(6, EpochEnd{-1, -1})
	at := func(offset int64, want int32) {
		t.Helper()
		if got := c.epochAt(offset); got != want {
			t.Errorf("epoch at %d: %d, want %d", offset, got, want)
		}
	}
	at(0, 0)
	at(9, 0)
	at(10, 2)
	at(25, 5)
	// An epoch without records leaves no trace.
	c.lead(6)
	c.lead(7)
	f(6, EpochEnd{5, 30})
	f(7, EpochEnd{7, 28})
	// The start of an epoch is written once, before its first batch.
	cfg := plainConfig()
	v := c.accept(built(record.Plain(), 1, 0), arrival{acks: 1, now: 1}, &cfg)
	if len(v.ops) != 1 || v.ops[0] != (storage.Op{Kind: storage.OpEpoch, Epoch: 7, Offset: 30}) {
		t.Errorf("ops %+v", v.ops)
	}
	if v = c.accept(built(record.Plain(), 1, 0), arrival{acks: 1, now: 1}, &cfg); len(v.ops) != 0 {
		t.Errorf("ops again: %+v", v.ops)
	}
	// A reader that follows another history.
	div := func(offset int64, last int32, want *EpochEnd, outOfRange bool) {
		t.Helper()
		got, bad := c.diverges(offset, last)
		if bad != outOfRange || (got == nil) != (want == nil) || got != nil && *got != *want {
			t.Errorf("offset %d after epoch %d: %v, %v", offset, last, got, bad)
		}
	}
	div(5, -1, nil, false)
	div(5, 0, nil, false)
	div(12, 0, &EpochEnd{0, 10}, false)
	div(12, 1, &EpochEnd{0, 10}, false)
	div(12, 9, nil, true)
}

func TestTrimRules(t *testing.T) {
	f := func(change func(cfg *Config), offset, want int64, bad code.Code) {
		t.Helper()
		c, cfg := newTestCore(), plainConfig()
		c.start, c.floor, c.next, c.durable, c.high = 3, 3, 9, 8, 7
		change(&cfg)
		if got, code := c.trim(offset, &cfg); got != want || code != bad {
			t.Errorf("trim to %d: %d, %s; want %d, %s", offset, got, code, want, bad)
		}
	}
	same := func(*Config) {}
	f(same, 5, 5, code.OK)
	f(same, 7, 7, code.OK)
	f(same, -1, 7, code.OK)
	f(same, 0, 0, code.OK) // gone already
	f(same, 8, -1, code.OffsetOutOfRange)
	f(same, -2, -1, code.OffsetOutOfRange)
	f(func(cfg *Config) { cfg.Compact, cfg.Delete = true, false }, 5, -1, code.PolicyViolation)
	f(func(cfg *Config) { cfg.Compact = true }, 5, 5, code.OK)
}

func TestActiveProducers(t *testing.T) {
	c, cfg := newTestCore(), plainConfig()
	if l := c.active(); len(l) != 0 {
		t.Errorf("%+v", l)
	}
	c.accept(from(9, 2, 0, 1), arrival{acks: 1, now: 1}, &cfg)
	c.accept(from(5, 0, 7, 3), arrival{acks: 1, now: 2}, &cfg)
	c.accept(from(5, 0, 10, 2), arrival{acks: 1, now: 3}, &cfg)
	l := c.active()
	if len(l) != 2 || l[0].ID != 5 || l[0].Epoch != 0 || l[0].LastSeq != 11 || l[1].ID != 9 || l[1].Epoch != 2 || l[1].LastSeq != 0 {
		t.Errorf("%+v", l)
	}
	c.producers[9].n = 0 // of a producer whose batches are not known
	if l := c.active(); l[1].LastSeq != -1 || l[1].LastTime != -1 {
		t.Errorf("%+v", l)
	}
}

func TestProducersAreBoundedAndExpire(t *testing.T) {
	c, cfg := newTestCore(), plainConfig()
	for i := range int64(maxProducers + 10) {
		c.accept(from(i, 0, 0, 1), arrival{acks: 1, now: i}, &cfg)
	}
	if len(c.producers) > maxProducers || c.producers[maxProducers+9] == nil || c.producers[0] != nil {
		t.Errorf("%d producers remembered", len(c.producers))
	}
	gone := len(c.forgotten)
	// One of the forgotten comes back before the store was told.
	c.accept(from(0, 0, 7, 1), arrival{acks: 1, now: maxProducers + 10}, &cfg)
	if ops := c.takeForgotten(); len(ops) != gone-1 || ops[0].ID != 1 {
		t.Errorf("%d ops for %d forgotten producers", len(ops), gone)
	}
	c.expire(maxProducers+10+100, 100)
	if len(c.producers) != 0 {
		t.Errorf("%d producers did not expire", len(c.producers))
	}
}
