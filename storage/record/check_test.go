package record

import (
	"bytes"
	"github.com/pierrec/lz4/v4"
	"io"
	"math"
	"strings"
	"testing"
	"time"
)

func built(t testing.TB, o BuildOpts, recs ...Record) Batch {
	t.Helper()
	b, err := Build(o, recs)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func three() []Record {
	return []Record{
		{Timestamp: 100, Key: []byte("a"), Value: []byte("one"), Headers: []Header{{"h", []byte("x")}, {"n", nil}}},
		{Timestamp: 300, Value: []byte("two")},
		{Timestamp: 200, Key: []byte("c")},
	}
}

// edit changes a copy of a batch and makes the CRC fit again.
func edit(b Batch, fn func(b Batch)) Batch {
	c := Batch(bytes.Clone(b))
	fn(c)
	if len(c) >= HeaderLen {
		c.SetCRC()
	}
	return c
}

// join is a batch with other bytes for its records.
func join(b Batch, records []byte) Batch {
	c := append(bytes.Clone(b[:HeaderLen]), records...)
	return edit(c, func(b Batch) { be.PutUint32(b[atLength:], uint32(len(b)-Overhead)) })
}

func code(e *Error) int {
	if e == nil {
		return 0
	}
	return int(e.Code)
}

func TestCheckRefuses(t *testing.T) {
	good := built(t, Plain(), three()...)
	idem := Plain()
	idem.ProducerID, idem.ProducerEpoch, idem.BaseSequence = 5, 0, 0
	control := Plain()
	control.Control = true
	f := func(name string, raw []byte, o Opts, want int, validating bool) {
		t.Helper()
		_, err := Check(raw, o)
		if code(err) != want || want != 0 && err.Validating != validating {
			t.Errorf("%s: got %d %+v, want %d validating=%v", name, code(err), err, want, validating)
		}
	}
	put := func(at int, v ...byte) Batch { return edit(good, func(b Batch) { copy(b[at:], v) }) }

	f("good", bytes.Clone(good), Opts{}, 0, false)
	f("nothing", nil, Opts{}, 87, false)
	f("a few bytes", make([]byte, 11), Opts{}, 87, false)
	f("length 0", make([]byte, 30), Opts{}, 2, false)
	f("garbage", bytes.Repeat([]byte{0xff}, 80), Opts{}, 2, false)
	f("cut before the magic", good[:16], Opts{}, 87, false)
	f("cut batch", good[:len(good)-1], Opts{}, 87, false)
	f("magic 0", put(atMagic, 0), Opts{}, 87, false)
	f("magic 1", put(atMagic, 1), Opts{}, 87, false)
	f("magic 3", put(atMagic, 3), Opts{}, 2, false)
	f("magic -1", put(atMagic, 0xff), Opts{}, 2, false)
	f("two batches", append(bytes.Clone(good), good...), Opts{}, 87, false)
	f("second with a bad magic", append(bytes.Clone(good), put(atMagic, 9)...), Opts{}, 2, false)
	f("base offset", put(atBaseOffset+7, 1), Opts{}, 87, true)
	f("CRC", func() []byte { b := bytes.Clone(good); b[len(b)-2]++; return b }(), Opts{}, 2, false)
	f("too large", bytes.Clone(good), Opts{MaxBytes: len(good) - 1}, 10, false)
	f("just not too large", bytes.Clone(good), Opts{MaxBytes: len(good)}, 0, false)
	f("too large comes before CRC", func() []byte { b := bytes.Clone(good); b[len(b)-2]++; return b }(), Opts{MaxBytes: 9}, 10, false)
	f("shorter than a header", edit(good[:40], func(b Batch) { be.PutUint32(b[atLength:], 28) }), Opts{}, 2, false)
	f("header only", edit(join(good, nil), func(b Batch) { be.PutUint32(b[atCount:], 0) }), Opts{}, 87, true)
	f("count 0", put(atCount+3, 0), Opts{}, 87, true)
	f("count negative", put(atCount, 0xff), Opts{}, 87, true)
	f("count too low", put(atCount+3, 2), Opts{}, 87, true)
	f("last delta wrong", put(atLastDelta+3, 1), Opts{}, 87, true)
	f("last delta negative", put(atLastDelta, 0xff), Opts{}, 87, true)
	f("more records claimed", edit(good, func(b Batch) { b[atCount+3], b[atLastDelta+3] = 4, 3 }), Opts{}, 87, true)
	f("fewer records claimed", edit(good, func(b Batch) { b[atCount+3], b[atLastDelta+3] = 2, 1 }), Opts{}, 87, true)
	f("stray byte", join(good, append(bytes.Clone(good.Payload()), 0)), Opts{}, 87, true)
	f("control", built(t, control, three()...), Opts{}, 87, true)
	f("idempotent", built(t, idem, three()...), Opts{}, 0, false)
	idem.BaseSequence = -1
	f("idempotent without sequence", built(t, idem, three()...), Opts{}, 87, true)
	for c := byte(5); c < 8; c++ {
		f("unknown codec", put(atAttributes+1, c), Opts{}, 76, true)
	}
	for c := byte(1); c < 5; c++ {
		f("plain records with a codec", put(atAttributes+1, c), Opts{}, 87, true)
	}
	f("no key", bytes.Clone(good), Opts{NeedKeys: true}, 87, true)
	zst := Plain()
	zst.Codec = Zstd
	f("zstd before v7", built(t, zst, three()...), Opts{NoZstd: true}, 76, false)
	f("transactional", edit(good, func(b Batch) { b[atAttributes+1] |= attrTransactional }), Opts{}, 0, false)
	f("free attribute bits", edit(good, func(b Batch) { b[atAttributes+1] |= 0xc0 }), Opts{}, 0, false)
}

func TestCheckRecords(t *testing.T) {
	base := built(t, Plain(), Record{Timestamp: 5})
	f := func(name string, body []byte, want int) {
		t.Helper()
		rec := append([]byte{byte(2 * len(body))}, body...)
		if _, err := Check(join(base, rec), Opts{}); code(err) != want {
			t.Errorf("%s: got %v, want %d", name, err, want)
		}
		for _, c := range []Codec{Gzip, Snappy, LZ4, Zstd} {
			z, err := Compress(c, rec)
			if err != nil {
				t.Fatal(err)
			}
			b := edit(join(base, z), func(b Batch) { b[atAttributes+1] = byte(c) })
			if _, err := Check(b, Opts{}); code(err) != want {
				t.Errorf("%s, %s: got %v, want %d", name, c, err, want)
			}
		}
	}
	f("good", []byte{0, 0, 0, 1, 1, 0}, 0)
	f("record attributes are kept", []byte{0x55, 0, 0, 1, 1, 0}, 0)
	f("empty", nil, 87)
	f("no headers count", []byte{0, 0, 0, 1, 1}, 87)
	f("trailing byte in the record", []byte{0, 0, 0, 1, 1, 0, 0}, 87)
	f("key longer than the record", []byte{0, 0, 0, 40, 1, 0}, 87)
	f("value longer than the record", []byte{0, 0, 0, 1, 40, 0}, 87)
	f("headers negative", []byte{0, 0, 0, 1, 1, 1}, 87)
	f("headers more than bytes", []byte{0, 0, 0, 1, 1, 40}, 87)
	f("header key null", []byte{0, 0, 0, 1, 1, 2, 1, 1}, 87)
	f("header value null", []byte{0, 0, 0, 1, 1, 2, 2, 'k', 1}, 0)
	f("header value too long", []byte{0, 0, 0, 1, 1, 2, 2, 'k', 40}, 87)
	f("endless varint", append(bytes.Repeat([]byte{0xff}, 12), 0), 87)
}

func TestCheckReports(t *testing.T) {
	o := Plain()
	o.ProducerID, o.ProducerEpoch, o.BaseSequence, o.Transactional = 7, 3, math.MaxInt32-1, true
	for c := None; c <= Zstd; c++ {
		o.Codec = c
		b := built(t, o, three()...)
		info, err := Check(b, Opts{})
		if err != nil {
			t.Fatal(c, err)
		}
		want := Info{Size: len(b), Count: 3, MinTime: 100, MaxTime: 300, MaxTimeIndex: 1, Codec: c, Inflated: info.Inflated, ProducerID: 7, ProducerEpoch: 3,
			FirstSeq: math.MaxInt32 - 1, LastSeq: 0, Transactional: true}
		if info != want {
			t.Errorf("%s:\n got  %+v\n want %+v", c, info, want)
		}
		if n := len(built(t, Plain(), three()...)) - HeaderLen; info.Inflated != int64(n) {
			t.Errorf("%s: inflated %d, want %d", c, info.Inflated, n)
		}
		if got := TimesOutside(b, 150, 250, 10); len(got) != 2 || got[0] != 0 || got[1] != 1 {
			t.Errorf("%s: outside: %v", c, got)
		}
	}
}

// What an LZ4 reader of Java's would not read, or not all of it, is refused.
func TestCheckLZ4(t *testing.T) {
	base := built(t, Plain(), Record{Timestamp: 5}, Record{Timestamp: 6})
	frame := func(records ...byte) []byte {
		z, err := Compress(LZ4, records)
		if err != nil {
			t.Fatal(err)
		}
		return z
	}
	one, two := []byte{12, 0, 0, 0, 1, 1, 0}, []byte{12, 0, 0, 2, 1, 1, 0}
	whole := frame(append(bytes.Clone(one), two...)...)
	dependent := bytes.Clone(whole)
	dependent[4] &^= 1 << 5
	for dependent[6] = 0; ; dependent[6]++ { // the checksum of the head
		if _, err := io.ReadAll(lz4.NewReader(bytes.NewReader(dependent))); err == nil {
			break
		}
	}
	for name, x := range map[string]struct {
		body []byte
		want int
	}{
		"whole": {whole, 0}, "in two frames": {append(frame(one...), frame(two...)...), 87}, "a byte behind": {append(bytes.Clone(whole), 0), 87},
		"a frame of nothing behind": {append(bytes.Clone(whole), frame()...), 87}, "dependent blocks": {dependent, 87}, "cut": {whole[:len(whole)-5], 87}, "no end": {whole[:len(whole)-8], 87},
		"magic alone": {whole[:4], 87}, "nothing": {nil, 87},
	} {
		b := edit(join(base, x.body), func(b Batch) { b[atAttributes+1] = byte(LZ4) })
		if _, err := Check(b, Opts{}); code(err) != x.want {
			t.Errorf("%s: got %v, want %d", name, err, x.want)
		}
	}
}

func TestCheckCorrects(t *testing.T) {
	good := built(t, Plain(), three()...)
	for name, b := range map[string]Batch{
		"too high":    edit(good, func(b Batch) { be.PutUint64(b[atMaxTime:], 999) }),
		"too low":     edit(good, func(b Batch) { be.PutUint64(b[atMaxTime:], 0) }),
		"append time": edit(good, func(b Batch) { b[atAttributes+1] |= attrLogAppendTime }),
	} {
		info, err := Check(b, Opts{})
		if err != nil || !info.Changed || !bytes.Equal(b, good) {
			t.Errorf("%s: %+v %v max %d", name, info, err, b.MaxTimestamp())
		}
	}
	// One full batch and a cut second one: the first is taken.
	info, err := Check(append(bytes.Clone(good), good[:len(good)-1]...), Opts{})
	if err != nil || info.Size != len(good) {
		t.Errorf("cut second batch: %+v %v", info, err)
	}
	// Offset deltas with a gap: accepted plain, refused compressed.
	for c := None; c <= Zstd; c++ {
		p := append(append([]byte{}, 12, 0, 0, 0, 1, 1, 0), 12, 0, 0, 10, 1, 1, 0)
		z, _ := Compress(c, p)
		b := edit(join(good, z), func(b Batch) { b[atAttributes+1], b[atCount+3], b[atLastDelta+3] = byte(c), 2, 1 })
		_, err := Check(b, Opts{})
		if (err == nil) != (c == None) {
			t.Errorf("gap with %s: %v", c, err)
		}
	}
	// Records without a time do not count.
	b := built(t, Plain(), Record{Timestamp: -1}, Record{Timestamp: -1})
	if info, err := Check(b, Opts{}); err != nil || info.MinTime != NoTime || info.MaxTime != NoTime {
		t.Errorf("no times: %+v %v", info, err)
	}
	b = built(t, Plain(), Record{Timestamp: -2}) // as Kafka: it is accepted and counts as none
	if info, err := Check(b, Opts{}); err != nil || info.MinTime != -2 || info.MaxTime != NoTime {
		t.Errorf("time -2: %+v %v", info, err)
	}
}

func TestKeylessRecordsAreNamed(t *testing.T) {
	_, err := Check(built(t, Plain(), three()...), Opts{NeedKeys: true})
	if err == nil || !err.Custom || len(err.Records) != 1 || err.Records[0].Index != 1 || !strings.Contains(err.Message, "batchIndex=1") {
		t.Errorf("%+v", err)
	}
}

func TestAppendTime(t *testing.T) {
	b := built(t, Plain(), three()...)
	b.SetBaseOffset(50)
	b.SetLeaderEpoch(4)
	if !b.Intact() {
		t.Error("offset and epoch are inside the CRC")
	}
	b.SetLogAppendTime(777)
	rs, err := Records(b)
	if err != nil || !b.Intact() || len(rs) != 3 || rs[0].Timestamp != 777 || rs[2].Timestamp != 777 || rs[2].Offset != 52 {
		t.Errorf("%v %+v", err, rs)
	}
}

func TestRoundTrip(t *testing.T) {
	for c := None; c <= Zstd; c++ {
		o := Plain()
		o.Codec = c
		in := append(three(), Record{Timestamp: 9, Value: bytes.Repeat([]byte("long "), 50_000), Headers: []Header{{"big", bytes.Repeat([]byte{1}, 100_000)}}})
		b := built(t, o, in...)
		if info, err := Check(b, Opts{}); err != nil || info.Count != 4 {
			t.Fatal(c, err)
		}
		out, err := Records(b)
		if err != nil {
			t.Fatal(c, err)
		}
		for i := range in {
			x, y := in[i], out[i]
			if y.Offset != int64(i) || x.Timestamp != y.Timestamp || !bytes.Equal(x.Key, y.Key) || !bytes.Equal(x.Value, y.Value) || (x.Key == nil) != (y.Key == nil) || len(x.Headers) != len(y.Headers) {
				t.Errorf("%s: record %d: %.80v against %.80v", c, i, x, y)
			}
		}
	}
}

func TestBombs(t *testing.T) {
	zeros := make([]byte, 20<<20)
	for c := Gzip; c <= Zstd; c++ {
		z, err := Compress(c, zeros)
		if err != nil {
			t.Fatal(err)
		}
		b := join(built(t, Plain(), three()...), z)
		b = edit(b, func(b Batch) { b[atAttributes+1] = byte(c) })
		if _, err := Check(b, Opts{MaxInflated: 1 << 20}); code(err) == 0 {
			t.Errorf("%s: accepted", c)
		}
		if _, err := Decompress(c, z, 1<<20); code(err) != codeInvalidRecord {
			t.Errorf("%s: %v", c, err)
		}
		one := built(t, BuildOpts{Codec: c, ProducerID: -1}, Record{Value: zeros})
		if _, err := Check(bytes.Clone(one), Opts{MaxInflated: 1 << 20}); code(err) != codeInvalidRecord {
			t.Errorf("%s: one large record: %v", c, err)
		}
		if info, err := Check(one, Opts{}); err != nil || info.Inflated < 20<<20 {
			t.Errorf("%s: 20 MiB are fine: %+v %v", c, info, err)
		}
	}
	// A raw snappy block that claims 2 GB.
	if _, err := Decompress(Snappy, []byte{0xff, 0xff, 0xff, 0xff, 7, 0, 0}, 0); err == nil {
		t.Error("a snappy claim was believed")
	}
}

// Decoders wait for each other when there are many, each with a window of its own, and give their places back whatever the bytes are.
func TestDecodersAreBounded(t *testing.T) {
	const wait = 20 * time.Millisecond
	o := Plain()
	o.Codec = Zstd
	b, err := Build(o, []Record{{Value: make([]byte, 100_000)}})
	if err != nil {
		t.Fatal(err)
	}
	var readers []func()
	for range cap(inflaters) {
		_, done, err := inflate(Zstd, b.Payload())
		if err != nil {
			t.Fatal(err)
		}
		readers = append(readers, done)
	}
	one := make(chan *Error)
	go func() {
		_, err := Check(bytes.Clone(b), Opts{})
		one <- err
	}()
	select {
	case <-one:
		t.Errorf("%d decoders at a time", cap(inflaters)+1)
	case <-time.After(wait):
	}
	for _, done := range readers {
		done()
	}
	if err := <-one; err != nil {
		t.Error(err)
	}
	for range 3 * cap(inflaters) {
		torn := bytes.Clone(b)
		torn[HeaderLen+5] ^= 0xff
		Batch(torn).SetCRC()
		if _, err := Check(torn, Opts{}); err == nil {
			t.Fatal("accepted")
		}
	}
}
