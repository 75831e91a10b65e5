package record

import (
	"bytes"
	"testing"
)

// FuzzRecode: whatever Check accepts can be built anew by every codec, and then holds the same records, or is too large.
func FuzzRecode(f *testing.F) {
	for c := None; c <= Zstd; c++ {
		b, _ := Build(BuildOpts{Codec: c, ProducerID: -1, BaseSequence: -1}, []Record{{Timestamp: 3, Key: []byte("k"), Headers: []Header{{"h", nil}}}, {Timestamp: 9, Value: make([]byte, 300)}})
		f.Add([]byte(b), byte(c+1), 3)
	}
	f.Fuzz(func(t *testing.T, raw []byte, to byte, level int) {
		if len(raw) > 1<<16 || len(raw) < HeaderLen {
			return
		}
		b := Batch(bytes.Clone(raw))
		b.SetBaseOffset(0)
		be.PutUint32(b[atLength:], uint32(len(b)-Overhead))
		b[atMagic] = 2
		be.PutUint32(b[atLastDelta:], uint32(b.Count()-1))
		b.SetCRC()
		info, err := Check(b, Opts{MaxInflated: 1 << 20, Renumber: true})
		if err != nil {
			return
		}
		target := Target{Codec(to % 5), level}
		out, err := Recode(b, target, 1<<20)
		if err != nil {
			if err.Code != codeTooLarge || Bound(info.Inflated, info.Count) < 1<<20 {
				t.Fatalf("%s %d: %v", target.Codec, level, err)
			}
			return
		}
		again, err := Check(bytes.Clone(out), Opts{})
		if err != nil {
			t.Fatalf("%s %d: %v", target.Codec, level, err)
		}
		if again.MaxTime != info.MaxTime || again.MinTime != info.MinTime || again.Count != info.Count || again.Codec != target.Codec || int64(len(out)) > Bound(info.Inflated, info.Count) {
			t.Fatalf("%+v becomes %+v in %d bytes", info, again, len(out))
		}
		x, _ := Records(b)
		y, _ := Records(out)
		for i := range x {
			if x[i].Timestamp != y[i].Timestamp || !bytes.Equal(x[i].Key, y[i].Key) || !bytes.Equal(x[i].Value, y[i].Value) || len(x[i].Headers) != len(y[i].Headers) || y[i].Offset != int64(i) {
				t.Fatalf("record %d: %+v becomes %+v", i, x[i], y[i])
			}
		}
	})
}
