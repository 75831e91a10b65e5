package differential

import (
	"encoding/binary"
	"hash/crc32"
	"math"
	"strings"
	"time"
)

// one makes a batch that claims one record and holds these bytes.
func one(raw ...byte) func(*batch) {
	return func(b *batch) { b.packed, b.count, b.lastDelta = raw, ptr(int32(1)), ptr(int32(0)) }
}

// zipped is the same in gzip.
func zipped(raw ...byte) func(*batch) {
	return func(b *batch) {
		one(pack(gzipped, raw)...)(b)
		b.attrs = gzipped
	}
}

// oldMessage is a message set of the formats before record batches.
func oldMessage(magic byte) []byte {
	be := binary.BigEndian
	body := []byte{magic, 0}
	if magic == 1 {
		body = be.AppendUint64(body, 12345)
	}
	body = be.AppendUint32(body, 0xffffffff)
	body = append(be.AppendUint32(body, 1), 'v')
	body = append(be.AppendUint32(nil, crc32.ChecksumIEEE(body)), body...)
	return append(be.AppendUint32(be.AppendUint64(nil, 0), uint32(len(body))), body...)
}

// framedSnappy is what Java's clients send: a header, then blocks behind their lengths.
func framedSnappy(raw []byte) []byte {
	out := append([]byte("\x82SNAPPY\x00"), 0, 0, 0, 1, 0, 0, 0, 1)
	for _, part := range [][]byte{raw[:len(raw)/2], raw[len(raw)/2:]} {
		block := pack(snappied, part)
		out = append(binary.BigEndian.AppendUint32(out, uint32(len(block))), block...)
	}
	return out
}

// dependentLZ4 is a frame whose blocks may depend on each other, which Java's clients do not read.
func dependentLZ4(raw []byte) []byte {
	z := pack(lz4ed, raw)
	z[4] &^= 1 << 5
	for z[6] = 0; ; z[6]++ { // the checksum of the head
		if _, err := unpack(lz4ed, z); err == nil {
			return z
		}
	}
}

// recordEdges: single records that are wrong in one place, plain and compressed.
var recordEdges = []struct {
	name string
	raw  []byte
}{
	{"good", []byte{12, 0, 0, 0, 1, 1, 0}},
	{"key length -2", []byte{12, 0, 0, 0, 3, 1, 0}},
	{"value length -2", []byte{12, 0, 0, 0, 1, 3, 0}},
	{"value beyond the record", []byte{12, 0, 0, 0, 1, 20, 0}},
	{"key beyond the batch", []byte{12, 0, 0, 0, 0xfe, 0xff, 0x7f}},
	{"header count -1", []byte{12, 0, 0, 0, 1, 1, 1}},
	{"more headers than there are", []byte{12, 0, 0, 0, 1, 1, 4}},
	{"null header key", []byte{16, 0, 0, 0, 1, 1, 2, 1, 1}},
	{"header value beyond the record", []byte{16, 0, 0, 0, 1, 1, 2, 0, 8}},
	{"length 0", []byte{0}},
	{"length -1", []byte{1}},
	{"length too large", []byte{14, 0, 0, 0, 1, 1, 0}},
	{"length too small", []byte{10, 0, 0, 0, 1, 1, 0}},
	{"offset delta 1", []byte{12, 0, 0, 2, 1, 1, 0}},
	{"offset delta -1", []byte{12, 0, 0, 1, 1, 1, 0}},
	{"offset delta beyond 32 bits", []byte{22, 0, 0, 0x80, 0x80, 0x80, 0x80, 0x80, 1, 1, 1, 0}},
	{"timestamp delta -1", []byte{12, 0, 1, 0, 1, 1, 0}},
	{"timestamp delta of 63 bits", []byte{30, 0, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 0, 1, 1, 0}},
	{"two records for one", []byte{12, 0, 0, 0, 1, 1, 0, 12, 0, 0, 2, 1, 1, 0}},
	{"empty", []byte{}},
}

func recordEdgeCases() (out []Case) {
	for _, e := range recordEdges {
		out = append(out, spoiled("record: "+e.name, 9, 9, with(one(e.raw...))), spoiled("compressed record: "+e.name, 9, 9, with(zipped(e.raw...))))
	}
	return out
}

// produceEdgeCases: times, marks and numbers at their ends.
var produceEdgeCases = append(recordEdgeCases(), []Case{
	{"time-outs", 3, 13, func(s *Side, v int16) {
		t := s.Topic("t", 1)
		for _, ms := range []int32{0, -1, math.MaxInt32, math.MinInt32} {
			for _, acks := range []int16{1, -1} {
				req := s.produce(v, acks, part{t, 0, s.batchOf("a").bytes()})
				req.TimeoutMillis = ms
				s.Ask(v, req)
			}
		}
		s.Back(t, 0)
	}},
	{"other acks", 9, 9, func(s *Side, v int16) {
		t := s.Topic("t", 1)
		for _, acks := range []int16{3, -3, math.MaxInt16, math.MinInt16} {
			s.Ask(v, s.produce(v, acks, part{t, 0, s.batchOf("a").bytes()}))
		}
	}},
	{"other acks and other mistakes", 3, 13, func(s *Side, v int16) {
		t := s.Topic("t", 8)
		crc, magic, control, zipped, key := s.batchOf("a"), s.batchOf("a"), s.batchOf("a"), s.batchOf("a"), s.batchOf("a")
		crc.crc, magic.magic, control.attrs, zipped.attrs, key.base = ptr(uint32(1)), 1, 1<<5, zstded, 7
		parts := []part{{t, 99, crc.bytes()}, {t, 6, []byte{}}}
		for i, b := range []batch{crc, magic, control, zipped, key, s.batchOf("a")} {
			parts = append(parts, part{t, int32(i), b.bytes()})
		}
		s.Ask(v, s.produce(v, 2, append(parts, part{s.Name("none"), 0, control.bytes()}, part{s.Name("none"), 1, magic.bytes()})...))
	}},
	{"acks 0 and 2 to nobody", 9, 9, func(s *Side, v int16) {
		s.Ask(v, s.produce(v, 2))
		s.unanswered(s.produce(v, 0))
		s.Alive()
	}},
	{"acks 0 and an unknown partition", 9, 9, func(s *Side, v int16) {
		s.unanswered(s.produce(v, 0, part{s.Topic("t", 1), 4, s.batchOf("a").bytes()}))
		s.Alive()
	}},
	{"acks 0, one good and one bad", 9, 9, func(s *Side, v int16) {
		t := s.Topic("t", 2)
		s.unanswered(s.produce(v, 0, part{t, 0, s.batchOf("a").bytes()}, part{t, 1, []byte{1}}))
		s.Alive()
		s.Back(t, 0)
	}},
	{"acks 0 and a stale sequence", 9, 9, func(s *Side, v int16) {
		t := s.Topic("t", 1)
		pid, _ := s.Producer()
		for _, seq := range []int32{0, 0, 7} {
			s.unanswered(s.produce(v, 0, part{t, 0, s.numbered(pid, send{0, seq, 1}).bytes()}))
			s.Alive()
			s.redial()
		}
		s.Back(t, 0)
	}},
	spoiled("old messages", 3, 13, func(*Side) [][]byte { return [][]byte{oldMessage(0), oldMessage(1)} }),
	spoiled("an old message behind a batch", 9, 9, func(s *Side) [][]byte { return [][]byte{append(s.batchOf("a").bytes(), oldMessage(1)...)} }),
	spoiled("zeroes behind a batch", 9, 9, func(s *Side) [][]byte { return [][]byte{append(s.batchOf("a").bytes(), make([]byte, 70)...)} }),
	spoiled("twelve bytes behind a batch", 9, 9, func(s *Side) [][]byte {
		return [][]byte{append(s.batchOf("a").bytes(), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 99)}
	}),
	spoiled("a bad second batch", 9, 9, func(s *Side) [][]byte {
		b := s.batchOf("b")
		b.crc = ptr(uint32(3))
		return [][]byte{append(s.batchOf("a").bytes(), b.bytes()...)}
	}),
	spoiled("timestamps at their ends", 3, 13, func(s *Side) (out [][]byte) {
		for _, ms := range []int64{math.MaxInt64, math.MinInt64, 0, 1, time.Now().Add(100*365*24*time.Hour).UnixMilli() / 1e10 * 1e10} {
			b := s.batchOf("a")
			b.firstStamp = ms
			out = append(out, b.bytes())
		}
		return out
	}),
	spoiled("timestamp deltas beyond the ends", 9, 9, func(s *Side) (out [][]byte) {
		for _, delta := range []int64{math.MaxInt64, math.MinInt64, -(1 << 62)} {
			b := s.batchOf("a", "b")
			b.records[1].stampDelta = delta
			out = append(out, b.bytes())
		}
		return out
	}),
	spoiled("timestamp after the topic's bound", 3, 13, with(func(b *batch) { b.firstStamp += (59 * time.Minute).Milliseconds() * 2 }), "message.timestamp.after.max.ms=1000"),
	spoiled("compressed timestamps out of bounds", 3, 13, func(s *Side) (out [][]byte) {
		for _, h := range []time.Duration{-20 * time.Hour, 20 * time.Hour} {
			b := s.batchOf("a", "b")
			b.attrs, b.records[1].stampDelta = gzipped, h.Milliseconds()
			out = append(out, b.bytes())
		}
		return out
	}, "message.timestamp.before.max.ms=36000000"),
	spoiled("any timestamp under LogAppendTime", 3, 13, func(s *Side) (out [][]byte) {
		for _, ms := range []int64{-1, 0, math.MaxInt64, -99} {
			b := s.batchOf("a")
			b.firstStamp = ms
			out = append(out, b.bytes())
		}
		return out
	}, "message.timestamp.type=LogAppendTime"),
	spoiled("the broker's time, marked by the client", 3, 13, marked, "message.timestamp.type=LogAppendTime"),
	spoiled("the broker's time, marked by the client, compacted", 9, 13, marked, "message.timestamp.type=LogAppendTime", "cleanup.policy=compact"),
	spoiled("the broker's time, marked by the client, recompressed", 9, 13, marked, "message.timestamp.type=LogAppendTime", "compression.type=uncompressed"),
	spoiled("the broker's time, marked by the client, with and without times", 3, 13, marked),
	spoiled("control bits", 9, 13, func(s *Side) (out [][]byte) {
		for _, attrs := range []int16{1 << 5, 1<<5 | 1<<4, 1<<5 | gzipped} {
			b := s.batchOf("a")
			b.attrs = attrs
			out = append(out, b.bytes())
			b.pid, b.epoch, b.seq = madeUp+3, 0, 0
			out = append(out, b.bytes())
		}
		return out
	}),
	spoiled("producer fields that do not fit", 3, 13, func(s *Side) (out [][]byte) {
		for _, x := range []struct {
			pid   int64
			epoch int16
			seq   int32
		}{
			{-1, 0, 0}, {-1, -1, 5}, {-1, 5, -1}, {-2, 0, 0}, {math.MinInt64, 0, 0}, {madeUp + 1, -2, 0}, {madeUp + 1, 0, -2}, {madeUp + 1, -1, -1},
			{madeUp + 2, math.MaxInt16, 0}, {madeUp + 2, math.MinInt16, 1}, {math.MaxInt64, 0, math.MaxInt32},
		} {
			b := s.batchOf("a")
			b.pid, b.epoch, b.seq = x.pid, x.epoch, x.seq
			out = append(out, b.bytes())
		}
		return out
	}),
	spoiled("compressed nothing", 9, 9, func(s *Side) (out [][]byte) {
		for codec := gzipped; codec <= zstded; codec++ {
			b := s.batchOf("a")
			b.attrs, b.packed = int16(codec), []byte{}
			out = append(out, b.bytes())
			b = s.batchOf()
			b.attrs = int16(codec)
			out = append(out, b.bytes())
		}
		return out
	}),
	spoiled("broken codecs", 9, 9, func(s *Side) (out [][]byte) {
		for codec := gzipped; codec <= zstded; codec++ {
			b := s.batchOf(strings.Repeat("abc", 50))
			b.attrs = int16(codec)
			packed := pack(codec, s0(&b))
			b.packed = packed[:len(packed)-3]
			out = append(out, b.bytes())
			b.packed = append([]byte{}, packed...)
			b.packed[len(packed)/2] ^= 0xff
			out = append(out, b.bytes())
		}
		return out
	}),
	spoiled("stray bytes behind compressed ones", 9, 9, func(s *Side) (out [][]byte) {
		for codec := gzipped; codec <= zstded; codec++ {
			b := s.batchOf("a", "b")
			b.attrs, b.after = int16(codec), []byte{0}
			out = append(out, b.bytes())
			b.packed = append(pack(codec, s0(&b)), 0, 0, 0)
			out = append(out, b.bytes())
		}
		return out
	}),
	spoiled("Java's snappy", 3, 13, with(func(b *batch) { b.packed = framedSnappy(s0(b)); b.attrs = snappied })),
	spoiled("codecs in several members", 9, 9, func(s *Side) (out [][]byte) {
		for _, codec := range []int{gzipped, lz4ed, zstded} {
			b := s.batchOf("a", "b")
			raw := s0(&b)
			b.attrs, b.packed = int16(codec), append(pack(codec, raw[:9]), pack(codec, raw[9:])...)
			out = append(out, b.bytes())
		}
		return out
	}),
	spoiled("dependent blocks", 9, 9, with(func(b *batch) { b.packed = dependentLZ4(s0(b)); b.attrs = lz4ed })),
	spoiled("codecs one after the other", 3, 13, func(s *Side) (out [][]byte) {
		for codec := plain; codec <= zstded; codec++ {
			b := s.batchOf("a", "b", "c")
			b.attrs = int16(codec)
			out = append(out, b.bytes())
		}
		return out
	}),
	{"one producer, two topics, one bad", 9, 13, func(s *Side, v int16) {
		t, u := s.Topic("t", 1), s.Topic("u", 1)
		pid, _ := s.Producer()
		for _, seq := range []int32{0, 1, 1, 0, 3} {
			s.Ask(v, s.produce(v, -1, part{t, 0, s.numbered(pid, send{0, seq, 1}).bytes()}, part{u, 0, s.numbered(pid, send{0, 2 * seq, 1}).bytes()}))
		}
	}},
	sequence("epochs at their ends", send{32767, 0, 1}, send{32766, 1, 1}, send{32767, 1, 1}, send{-1, 0, 1}),
	sequence("epoch jumps", send{0, 0, 1}, send{9, 0, 1}, send{9, 1, 1}, send{0, 1, 1}, send{8, 0, 1}),
	sequence("duplicate with a newer epoch", send{0, 0, 2}, send{1, 0, 2}, send{1, 0, 2}, send{0, 0, 2}),
	sequence("compressed and numbered", send{0, 0, 1}, send{0, 1, 40}, send{0, 1, 40}, send{0, 41, 1}),
	{"duplicate after its records were deleted", 9, 13, func(s *Side, v int16) {
		t := s.Topic("t", 1)
		pid, _ := s.Producer()
		for _, seq := range []int32{0, 1, 2} {
			s.Put(t, 0, s.numbered(pid, send{0, seq, 1}))
		}
		s.Must(2, deleteRecords(cut{t, 0, 3}))
		for _, seq := range []int32{0, 2, 3} {
			s.Ask(v, s.produce(v, -1, part{t, 0, s.numbered(pid, send{0, seq, 1}).bytes()}))
		}
		s.Ask(0, producersOf(of(t, 0)))
	}},
	{"no key on a compacted topic, one of three", 8, 13, func(s *Side, v int16) {
		t := s.Topic("t", 1, "cleanup.policy=compact")
		b := s.batchOf("a", "b", "c", "d")
		b.records[1].key, b.records[3].key = nil, nil
		s.Ask(v, s.produce(v, -1, part{t, 0, b.bytes()}))
		b.pid, b.epoch, b.seq = madeUp+4, 0, 0
		s.Ask(v, s.produce(v, -1, part{t, 0, b.bytes()}))
		b = s.batchOf("a", "b", "c", "d")
		b.records[0].stampDelta, b.records[2].stampDelta = (5 * time.Hour).Milliseconds(), (5 * time.Hour).Milliseconds()
		s.Ask(v, s.produce(v, -1, part{t, 0, b.bytes()}))
	}},
	{"all records bad", 8, 13, func(s *Side, v int16) {
		t := s.Topic("t", 1)
		b := s.batchOf("a", "b")
		for i := range b.records {
			b.records[i].stampDelta = (5 * time.Hour).Milliseconds()
		}
		s.Ask(v, s.produce(v, 1, part{t, 0, b.bytes()}))
	}},
}...)

// marked are batches whose time a client marks as the broker's: plain and compressed, with times, with none, with none in one record, with
// no key in one record, and with a time of long ago.
func marked(s *Side) (out [][]byte) {
	for _, attrs := range []int16{1 << 3, 1<<3 | gzipped} {
		b := s.batchOf("a", "b", "c", "d")
		b.attrs = attrs
		out = append(out, b.bytes())
		b.records[1].key = nil
		out = append(out, b.bytes())
		b.records[0].stampDelta = -1 - b.firstStamp
		out = append(out, b.bytes())
		b = s.batchOf("a", "b")
		b.attrs, b.firstStamp, b.records[1].stampDelta = attrs, -1, 0
		out = append(out, b.bytes())
		b.records[1].stampDelta = s.Stamp(0) + 1
		out = append(out, b.bytes())
		b.records[1].stampDelta = 5 * 3_600_000_000
		out = append(out, b.bytes())
	}
	return out
}
