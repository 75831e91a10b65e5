package record

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
)

// levels are some of each codec.
var levels = map[Codec][]int{None: {0}, Gzip: {-1, 1, 9}, Snappy: {0}, LZ4: {1, 9, 17}, Zstd: {-5, 3, 22}}

// Every codec to every other, at several levels: the records and the producer's fields are the same.
func TestRecode(t *testing.T) {
	o := Plain()
	o.ProducerID, o.BaseSequence, o.ProducerEpoch, o.Transactional = 4, 9, 2, true
	recs := append(three(), Record{Timestamp: 1, Key: []byte("big"), Value: bytes.Repeat([]byte("0123456789"), 20_000)})
	for from := None; from <= Zstd; from++ {
		o.Codec = from
		b := built(t, o, recs...)
		for to, ls := range levels {
			for _, l := range ls {
				c, err := Recode(b, Target{to, l}, 1<<20)
				if err != nil {
					t.Fatalf("%s to %s %d: %v", from, to, l, err)
				}
				if c.Codec() != to || !c.Intact() || c.ProducerID() != 4 || c.ProducerEpoch() != 2 || c.BaseSequence() != 9 || !c.Transactional() || c.MaxTimestamp() != b.MaxTimestamp() {
					t.Errorf("%s to %s %d: %v", from, to, l, c[:HeaderLen])
				}
				if _, err := Check(bytes.Clone(c), Opts{}); err != nil {
					t.Errorf("%s to %s %d: %v", from, to, l, err)
				}
				sameRecords(t, b, c)
				if to == None && from == None && !bytes.Equal(b, c) {
					t.Errorf("a batch built by the rules is built anew differently")
				}
			}
		}
	}
}

func sameRecords(t *testing.T, b, c Batch) {
	t.Helper()
	x, e1 := Records(b)
	y, e2 := Records(c)
	if e1 != nil || e2 != nil || len(x) != len(y) {
		t.Fatalf("%d records %v, %d records %v", len(x), e1, len(y), e2)
	}
	for i := range x {
		if fmt.Sprint(x[i].Timestamp, x[i].Key, x[i].Value, x[i].Headers) != fmt.Sprint(y[i].Timestamp, y[i].Key, y[i].Value, y[i].Headers) {
			t.Fatalf("record %d differs", i)
		}
	}
}

// What a builder makes anew: the first timestamp is the base, records are counted, attributes are gone.
func TestRecodeBuildsAnew(t *testing.T) {
	var body []byte
	for i, dt := range []int64{5, -3, 700} {
		body = appendRecord(body, &Record{Attributes: 7, Key: []byte("k"), Headers: []Header{{"h", nil}}}, dt, 3*i)
	}
	b := edit(join(built(t, Plain(), three()...), body), func(b Batch) {
		be.PutUint16(b[atAttributes:], 0xc0)
		be.PutUint64(b[atBaseTime:], 1000)
		be.PutUint64(b[atMaxTime:], 1700)
	})
	c, err := Recode(b, Target{Codec: None}, 1<<20)
	if err != nil || c.Attributes() != 0 || c.BaseTimestamp() != 1005 || c.MaxTimestamp() != 1700 {
		t.Fatalf("%v: attributes %#x, base time %d, max time %d", err, c.Attributes(), c.BaseTimestamp(), c.MaxTimestamp())
	}
	var want []byte
	for i, dt := range []int64{0, -8, 695} {
		want = appendRecord(want, &Record{Key: []byte("k"), Headers: []Header{{"h", nil}}}, dt, i)
	}
	if !bytes.Equal(c.Payload(), want) {
		t.Errorf("records %x, want %x", c.Payload(), want)
	}
}

// A compressed batch whose deltas have gaps is refused, unless it will be built anew.
func TestRenumber(t *testing.T) {
	var body []byte
	for i := range 3 {
		body = appendRecord(body, &Record{Key: []byte("k")}, 0, 2*i)
	}
	z, _ := Compress(Gzip, body)
	b := edit(join(built(t, Plain(), three()...), z), func(b Batch) { be.PutUint16(b[atAttributes:], uint16(Gzip)) })
	if _, err := Check(bytes.Clone(b), Opts{}); err == nil {
		t.Error("a gap was accepted")
	}
	if _, err := Check(b, Opts{Renumber: true}); err != nil {
		t.Error(err)
	}
	c, err := Recode(b, Target{Zstd, 3}, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	if recs, err := Records(c); err != nil || recs[2].Offset != 2 {
		t.Errorf("%v %v", recs, err)
	}
}

// The limit holds after compression, exactly, and no more memory than that is taken for the result.
func TestRecodeLimit(t *testing.T) {
	noise := make([]byte, 300_000)
	for i := range noise {
		noise[i] = byte(rand.Uint32())
	}
	for to := None; to <= Zstd; to++ {
		b := built(t, Plain(), Record{Value: noise})
		c, err := Recode(b, Target{to, defaultLevel(to)}, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		if int64(len(c)) > Bound(int64(len(b)-HeaderLen), 1) {
			t.Errorf("%s: %d bytes, more than the bound", to, len(c))
		}
		if _, err := Recode(b, Target{to, defaultLevel(to)}, len(c)); err != nil {
			t.Errorf("%s: at the limit: %v", to, err)
		}
		if _, err := Recode(b, Target{to, defaultLevel(to)}, len(c)-1); code(err) != codeTooLarge {
			t.Errorf("%s: over the limit: %v", to, err)
		}
	}
	zeros := built(t, BuildOpts{Codec: Zstd, ProducerID: -1, BaseSequence: -1}, Record{Value: make([]byte, 50<<20)})
	if c, err := Recode(zeros, Target{Gzip, -1}, 1<<20); err != nil || len(c) > 100_000 {
		t.Errorf("%d bytes, %v", len(c), err)
	}
	if _, err := Recode(zeros, Target{None, 0}, 1<<20); code(err) != codeTooLarge {
		t.Errorf("50 MiB uncompressed: %v", err)
	}
}

// Pooled encoders do not mix their batches, and one that failed works again.
func TestRecodeTogether(t *testing.T) {
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 40 {
				b := built(t, Plain(), Record{Value: bytes.Repeat([]byte{byte(g), byte(i)}, 5000)}, Record{Value: make([]byte, i)})
				to := Codec(1 + i%4)
				if i%3 == 0 {
					if _, err := Recode(b, Target{to, defaultLevel(to)}, 70); code(err) != codeTooLarge {
						t.Error(err)
					}
				}
				c, err := Recode(b, Target{to, defaultLevel(to)}, 1<<20)
				if err != nil {
					t.Error(err)
					return
				}
				sameRecords(t, b, c)
			}
		})
	}
	wg.Wait()
}
