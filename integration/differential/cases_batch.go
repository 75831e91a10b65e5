package differential

import (
	"bytes"
	"math"
	"time"
)

// spoiled makes a case of batches that are sent one after the other to one topic, which is read back then.
func spoiled(name string, min, max int16, build func(s *Side) [][]byte, configs ...string) Case {
	return Case{name, min, max, func(s *Side, v int16) {
		t := s.Topic("t", 1, configs...)
		for _, b := range build(s) {
			s.Ask(v, s.produce(v, -1, part{t, 0, b}))
		}
		s.Back(t, 0)
	}}
}

// with builds one batch and lets change spoil it.
func with(change func(*batch)) func(s *Side) [][]byte {
	return func(s *Side) [][]byte {
		b := s.batchOf("a", "b")
		change(&b)
		return [][]byte{b.bytes()}
	}
}

// produceBatchCases: what is wrong or unusual inside the record bytes.
var produceBatchCases = []Case{
	spoiled("bad crc", 3, 13, with(func(b *batch) { b.crc = ptr(uint32(7)) })),
	spoiled("magic 0", 3, 13, with(func(b *batch) { b.magic = 0 })),
	spoiled("magic 1", 3, 13, with(func(b *batch) { b.magic = 1 })),
	spoiled("magic 3", 3, 13, with(func(b *batch) { b.magic = 3 })),
	spoiled("magic -1", 3, 13, with(func(b *batch) { b.magic = -1 })),
	spoiled("count too high", 3, 13, with(func(b *batch) { b.count = ptr(int32(3)) })),
	spoiled("count too low", 3, 13, with(func(b *batch) { b.count = ptr(int32(1)) })),
	spoiled("count too low with its delta", 3, 13, with(func(b *batch) { b.count, b.lastDelta = ptr(int32(1)), ptr(int32(0)) })),
	spoiled("count negative", 3, 13, with(func(b *batch) { b.count = ptr(int32(-1)) })),
	spoiled("count zero", 3, 13, with(func(b *batch) { b.count = ptr(int32(0)) })),
	spoiled("count huge", 3, 13, with(func(b *batch) { b.count, b.lastDelta = ptr(int32(math.MaxInt32)), ptr(int32(math.MaxInt32-1)) })),
	spoiled("last delta wrong", 3, 13, with(func(b *batch) { b.lastDelta = ptr(int32(5)) })),
	spoiled("last delta negative", 3, 13, with(func(b *batch) { b.lastDelta = ptr(int32(-1)) })),
	spoiled("base offset 5", 3, 13, with(func(b *batch) { b.base = 5 })),
	spoiled("base offset -1", 3, 13, with(func(b *batch) { b.base = -1 })),
	spoiled("stray byte inside", 3, 13, with(func(b *batch) { b.after = []byte{0} })),
	spoiled("stray byte behind", 3, 13, func(s *Side) [][]byte { return [][]byte{append(s.batchOf("a").bytes(), 0)} }),
	spoiled("no records", 3, 13, with(func(b *batch) { b.records = nil })),
	spoiled("no records, last delta 0", 3, 13, with(func(b *batch) { b.records, b.lastDelta = nil, ptr(int32(0)) })),
	spoiled("empty records", 3, 13, func(*Side) [][]byte { return [][]byte{{}} }),
	spoiled("header only", 3, 13, func(s *Side) [][]byte { return [][]byte{s.batchOf("a").bytes()[:61]} }),
	spoiled("half a header", 3, 13, func(s *Side) [][]byte { return [][]byte{s.batchOf("a").bytes()[:30]} }),
	spoiled("cut", 3, 13, func(s *Side) [][]byte {
		b := s.batchOf("a").bytes()
		return [][]byte{b[:len(b)-1]}
	}),
	spoiled("length 0", 3, 13, with(func(b *batch) { b.length = ptr(int32(0)) })),
	spoiled("length negative", 3, 13, with(func(b *batch) { b.length = ptr(int32(-5)) })),
	spoiled("length too small", 3, 13, with(func(b *batch) { b.length = ptr(int32(20)) })),
	spoiled("garbage", 3, 13, func(*Side) [][]byte { return [][]byte{bytes.Repeat([]byte{0xab}, 100)} }),
	spoiled("zeroes", 3, 13, func(*Side) [][]byte { return [][]byte{make([]byte, 100)} }),
	spoiled("one byte", 3, 13, func(*Side) [][]byte { return [][]byte{{7}} }),
	spoiled("two batches", 3, 13, func(s *Side) [][]byte {
		return [][]byte{append(s.batchOf("a").bytes(), s.batchOf("b").bytes()...)}
	}),
	spoiled("a cut second batch", 3, 13, func(s *Side) [][]byte {
		return [][]byte{append(s.batchOf("a").bytes(), s.batchOf("b").bytes()[:40]...)}
	}),
	spoiled("control batch", 3, 13, with(func(b *batch) { b.attrs = 1 << 5 })),
	spoiled("producer id without sequence", 3, 13, with(func(b *batch) { b.pid, b.epoch = madeUp+1, 0 })),
	spoiled("null records", 9, 9, func(*Side) [][]byte { return [][]byte{nil} }),

	spoiled("timestamp -1", 3, 13, with(func(b *batch) { b.firstStamp = -1; b.records[1].stampDelta = 0 })),
	spoiled("timestamp -2", 3, 13, with(func(b *batch) { b.firstStamp = -2; b.records[1].stampDelta = 0 })),
	spoiled("timestamp in two hours", 3, 13, with(func(b *batch) { b.firstStamp += (3 * time.Hour).Milliseconds() })),
	spoiled("second timestamp in two hours", 3, 13, with(func(b *batch) { b.records[1].stampDelta = (3 * time.Hour).Milliseconds() })),
	spoiled("timestamp too old", 3, 13, with(func(b *batch) { b.firstStamp -= 1000 * 3600 * 1000 }), "message.timestamp.before.max.ms=1000000"),
	spoiled("timestamps backwards", 3, 13, with(func(b *batch) { b.records[1].stampDelta = -50 })),
	spoiled("max timestamp wrong", 3, 13, with(func(b *batch) { b.maxStamp = ptr(b.firstStamp + 999) })),
	spoiled("max timestamp too low", 3, 13, with(func(b *batch) { b.maxStamp = ptr(b.firstStamp - 999) })),
	spoiled("no key on a compacted topic", 3, 13, with(func(b *batch) { b.records[1].key = nil }), "cleanup.policy=compact"),
	spoiled("keys on a compacted topic", 3, 13, with(func(*batch) {}), "cleanup.policy=compact"),

	spoiled("leader epoch 7", 3, 13, with(func(b *batch) { b.leaderEpoch = 7 })),
	spoiled("LogAppendTime bit", 3, 13, with(func(b *batch) { b.attrs = 1 << 3 })),
	spoiled("unknown attribute bits", 3, 13, with(func(b *batch) { b.attrs = 0x40 | 0x80 })),
	spoiled("high attribute bits", 3, 13, with(func(b *batch) { b.attrs = 0x4000 | 0x100 })),
	spoiled("record attributes", 3, 13, with(func(b *batch) { b.records[0].attrs = 3 })),
	spoiled("delta gap", 3, 13, with(func(b *batch) { b.records[1].delta, b.lastDelta = ptr(int64(2)), ptr(int32(2)) })),
	spoiled("delta gap, count fits", 3, 13, with(func(b *batch) { b.records[1].delta = ptr(int64(2)) })),
	spoiled("deltas backwards", 3, 13, with(func(b *batch) { b.records[0].delta, b.records[1].delta = ptr(int64(1)), ptr(int64(0)) })),
	spoiled("compressed delta gap", 9, 9, with(func(b *batch) { b.attrs, b.records[1].delta = gzipped, ptr(int64(2)) })),

	spoiled("tombstone, empty and null", 3, 13, with(func(b *batch) {
		b.records = []rec{{key: []byte("k")}, {key: []byte{}, value: []byte{}}, {value: []byte("v")}, {}}
	})),
	spoiled("headers", 3, 13, with(func(b *batch) {
		b.records[0].headers = []field{{"h", []byte("1")}, {"h", nil}, {"", []byte{}}}
	})),
	spoiled("header of cut length", 3, 13, with(func(b *batch) { b.packed = []byte{12, 0, 0, 0, 1, 1, 20, 2} })),
	spoiled("record of wrong length", 3, 13, with(func(b *batch) { b.packed = []byte{2, 0, 0, 0, 1, 1, 0} })),
	spoiled("endless varint", 3, 13, with(func(b *batch) { b.packed = bytes.Repeat([]byte{0xff}, 20) })),

	spoiled("gzip", 3, 13, with(func(b *batch) { b.attrs = gzipped })),
	spoiled("snappy", 3, 13, with(func(b *batch) { b.attrs = snappied })),
	spoiled("lz4", 3, 13, with(func(b *batch) { b.attrs = lz4ed })),
	spoiled("zstd", 3, 13, with(func(b *batch) { b.attrs = zstded })),
	spoiled("compressed, wrong count", 3, 13, with(func(b *batch) { b.attrs, b.count, b.lastDelta = lz4ed, ptr(int32(5)), ptr(int32(4)) })),
	spoiled("compressed, no key on a compacted topic", 3, 13, with(func(b *batch) { b.attrs, b.records[0].key = gzipped, nil }), "cleanup.policy=compact"),
	spoiled("compressed, max timestamp wrong", 3, 13, with(func(b *batch) { b.attrs, b.maxStamp = gzipped, ptr(b.firstStamp+999) })),
	spoiled("codec 5", 9, 9, with(func(b *batch) { b.attrs = 5 })),
	spoiled("codec 7", 9, 9, with(func(b *batch) { b.attrs = 7 })),
	spoiled("broken gzip", 9, 9, with(func(b *batch) { b.attrs, b.packed = gzipped, []byte("this is no gzip") })),
	spoiled("codec bit on plain records", 9, 9, with(func(b *batch) { b.packed = s0(b); b.attrs = zstded })),
	spoiled("inflates a thousandfold", 9, 9, func(s *Side) [][]byte {
		b := s.batchOf("")
		b.records[0].value, b.attrs = make([]byte, 40<<20), gzipped
		return [][]byte{b.bytes()}
	}),
}

// s0 gives the plain bytes of a batch's records.
func s0(b *batch) []byte {
	var raw []byte
	for i, r := range b.records {
		raw = append(raw, r.bytes(i)...)
	}
	return raw
}
