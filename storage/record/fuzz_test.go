package record

import (
	"bytes"
	"encoding/binary"
	"testing"
)

// slow is a reference reader of plain records, written from the format's description, without regard to speed.
func slow(b Batch) (times []int64, nullKeys int, ok bool) {
	r := bytes.NewReader(b.Payload())
	num := func(r *bytes.Reader, most int) (int64, bool) {
		before := r.Len()
		v, err := binary.ReadVarint(r)
		return v, err == nil && before-r.Len() <= most && (most > 5 || v >= -1<<31 && v < 1<<31)
	}
	for range b.Count() {
		n, ok := num(r, 5)
		if !ok || n < 0 || n > int64(r.Len()) {
			return nil, 0, false
		}
		body := make([]byte, n)
		_, _ = r.Read(body)
		rr := bytes.NewReader(body)
		if _, err := rr.ReadByte(); err != nil {
			return nil, 0, false
		}
		dt, ok1 := num(rr, 10)
		_, ok2 := num(rr, 5)
		if !ok1 || !ok2 {
			return nil, 0, false
		}
		field := func(nullable bool) (null, ok bool) {
			n, ok := num(rr, 5)
			if !ok || n < 0 {
				return true, ok && nullable
			}
			if n > int64(rr.Len()) {
				return false, false
			}
			_, _ = rr.Seek(n, 1)
			return false, true
		}
		null, ok := field(true)
		if null {
			nullKeys++
		}
		if !ok {
			return nil, 0, false
		}
		if _, ok := field(true); !ok {
			return nil, 0, false
		}
		h, ok := num(rr, 5)
		if !ok || h < 0 || h > int64(rr.Len()) {
			return nil, 0, false
		}
		for range h {
			if _, ok := field(false); !ok {
				return nil, 0, false
			}
			if _, ok := field(true); !ok {
				return nil, 0, false
			}
		}
		if rr.Len() != 0 {
			return nil, 0, false
		}
		times = append(times, b.BaseTimestamp()+dt)
	}
	return times, nullKeys, r.Len() == 0
}

// FuzzBatch: Check never panics, accepts exactly what the reference accepts, says the same of the records, and says the same
// of the records when they are compressed.
func FuzzBatch(f *testing.F) {
	for c := None; c <= Zstd; c++ {
		b, _ := Build(BuildOpts{Codec: c, ProducerID: -1, BaseSequence: -1}, []Record{{Timestamp: 3, Key: []byte("k"), Headers: []Header{{"h", nil}}}, {Timestamp: 9, Value: make([]byte, 300)}})
		f.Add([]byte(b), true)
	}
	f.Add([]byte{0, 1, 2}, false)
	f.Fuzz(func(t *testing.T, raw []byte, mend bool) {
		if len(raw) > 1<<16 {
			return
		}
		raw = bytes.Clone(raw)
		if b := Batch(raw); mend && len(b) >= HeaderLen {
			b.SetBaseOffset(0)
			be.PutUint32(b[atLength:], uint32(len(b)-Overhead))
			b[atMagic] = 2
			be.PutUint32(b[atLastDelta:], uint32(b.Count()-1))
			b.SetCRC()
		}
		info, err := Check(raw, Opts{MaxInflated: 1 << 20})
		if err != nil {
			if err.Code != codeCorrupt && err.Code != codeInvalidRecord && err.Code != codeUnsupported && err.Code != codeTooLarge {
				t.Fatalf("code %d", err.Code)
			}
			if b := Batch(raw); b.Whole() && b.Codec() == None && b.Intact() && checkHeader(b, Opts{}) == nil {
				if _, _, ok := slow(b); ok {
					t.Fatalf("refused, but the reference accepts: %v", err)
				}
			}
			return
		}
		b := Batch(raw[:info.Size])
		if !b.Intact() {
			t.Fatal("accepted, but not intact afterwards")
		}
		if _, err := Records(b); err != nil {
			t.Fatalf("accepted, but cannot be read: %v", err)
		}
		if info.Codec == None {
			compressedAgrees(t, b, info)
		}
	})
}

func compressedAgrees(t *testing.T, b Batch, info Info) {
	times, nulls, ok := slow(b)
	if !ok {
		t.Fatal("accepted, but the reference refuses")
	}
	most := NoTime
	for _, x := range times {
		most = max(most, x)
	}
	if most != info.MaxTime {
		t.Fatalf("max time %d, the reference says %d", info.MaxTime, most)
	}
	if _, err := Check(bytes.Clone(b), Opts{NeedKeys: true}); (err != nil) != (nulls > 0) {
		t.Fatalf("%d null keys: %v", nulls, err)
	}
	z, err := Compress(LZ4, b.Payload())
	if err != nil {
		t.Fatal(err)
	}
	c := join(b, z)
	c = edit(c, func(b Batch) { b[atAttributes+1] |= byte(LZ4) })
	var plain, packed []Meta
	e1 := Each(b, func(_ int, m Meta) bool { plain = append(plain, m); return true })
	e2 := Each(c, func(_ int, m Meta) bool { packed = append(packed, m); return true })
	if e1 != nil || e2 != nil || len(plain) != len(packed) {
		t.Fatalf("plain %v, compressed %v", e1, e2)
	}
	for i := range plain {
		if plain[i] != packed[i] {
			t.Fatalf("record %d: %+v, compressed %+v", i, plain[i], packed[i])
		}
	}
}

// FuzzDecompress: no codec panics or gives more than its cap, whatever the bytes.
func FuzzDecompress(f *testing.F) {
	for c := None; c <= Zstd; c++ {
		z, _ := Compress(c, bytes.Repeat([]byte("some text "), 100))
		f.Add(byte(c), z)
	}
	f.Add(byte(Snappy), []byte{4, 12, 'a', 'b', 'c', 'd'})
	f.Fuzz(func(t *testing.T, c byte, src []byte) {
		out, err := Decompress(Codec(c%6), src, 1<<20)
		if err == nil && len(out) > 1<<20 && c%6 != 0 {
			t.Fatalf("%d bytes", len(out))
		}
	})
}

func BenchmarkCheck1KiB(b *testing.B) {
	recs := make([]Record, 100)
	for i := range recs {
		recs[i] = Record{Timestamp: int64(1e12) + int64(i), Key: []byte("key-0001"), Value: make([]byte, 1024)}
	}
	batch, _ := Build(Plain(), recs)
	b.Run("walk", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			w := walk{maxTime: NoTime}
			if err := w.plain(batch.Payload(), 100, batch.BaseTimestamp()); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/100, "ns/record")
	})
	b.Run("check", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(int64(len(batch)))
		for b.Loop() {
			if _, err := Check(batch, Opts{}); err != nil {
				b.Fatal(err)
			}
		}
	})
}
