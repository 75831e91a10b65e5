package cleaner

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"troupe/storage"
	"troupe/storage/record"
	"troupe/storage/sim"
)

// shop is one log that is compacted without actors.
type shop struct {
	t     *testing.T
	data  *sim.Data
	end   int64
	bytes int64
	cfg   Config
	now   int64
	most  int64 // budget
	last  map[int64]int64
}

func newShop(t *testing.T) *shop {
	return &shop{t: t, data: sim.NewData(), cfg: Config{DeleteRetentionMs: 1000, MaxLagMs: math.MaxInt64}, now: 5000, most: 1 << 20, last: map[int64]int64{}}
}

func (s *shop) write(w *storage.Write) {
	s.t.Helper()
	if err := errors.Join(s.data.Apply(w), s.data.Wait(w)); err != nil {
		s.t.Fatal(err)
	}
}

// put appends a batch of records told as "key=value key= key- =value": a value, an empty one, a tombstone, no key.
func (s *shop) put(o record.BuildOpts, text string, change func(b record.Batch)) {
	s.t.Helper()
	var rs []record.Record
	for i, f := range strings.Fields(text) {
		r := record.Record{Timestamp: 1000 + int64(i)}
		k, v, ok := strings.Cut(f, "=")
		if k = strings.TrimSuffix(k, "-"); k != "" {
			r.Key = []byte(k)
		}
		if ok {
			r.Value = []byte(v)
		}
		rs = append(rs, r)
	}
	o.BaseOffset = s.end
	b, err := record.Build(o, rs)
	if err != nil {
		s.t.Fatal(err)
	}
	if change != nil {
		change(b)
	}
	slab := storage.NewSlab(len(b) + storage.SlabOverhead)
	at, _ := slab.Add(len(b))
	copy(slab.Batch(at), b)
	s.write(&storage.Write{Records: []storage.Append{{PartID: 1, Base: s.end, Last: b.LastOffset(), Slab: slab, At: at, MaxTime: b.MaxTimestamp(), Bytes: s.bytes}}})
	slab.Release()
	s.end, s.bytes = b.LastOffset()+1, s.bytes+int64(len(b))
}

func (s *shop) roll() {
	s.t.Helper()
	s.write(&storage.Write{Ops: []storage.Op{{Kind: storage.OpRoll, PartID: 1, Offset: s.end, TimeMs: s.now, Bytes: s.bytes}}})
}

// clean runs one compaction of all closed segments.
func (s *shop) clean() error {
	s.t.Helper()
	d, err := s.data.Dirt(1)
	if err != nil {
		s.t.Fatal(err)
	}
	end := d.Segments[len(d.Segments)-1].End
	j := &job{partID: 1, limit: s.end, cfg: s.cfg, data: s.data, most: maxBatch, now: s.now, start: d.Start, from: d.Clean, through: end, to: end, at: d.Clean, keys: newKeys(s.most), last: s.last}
	for !j.done {
		if j.mapSome(); j.err != nil {
			return j.err
		}
	}
	for j.begin(); !j.done; {
		if j.shrinkSome(); j.err != nil {
			return j.err
		}
		s.write(&storage.Write{Ops: []storage.Op{{Kind: storage.OpClean, PartID: 1, Clean: j.step}}})
	}
	return nil
}

// holds compares what the log holds: "offset:key=value", "|" before each batch, "^" before one with a delete horizon.
func (s *shop) holds(want string) {
	s.t.Helper()
	b, err := s.data.Read(1, 0, math.MaxInt64, 1<<30, true)
	if err != nil {
		s.t.Fatal(err)
	}
	defer b.Release()
	var out []string
	for _, p := range b.Data {
		x := record.Batch(p)
		recs, err := record.Records(x)
		if err != nil {
			s.t.Fatal(err)
		}
		if _, ok := x.DeleteHorizon(); ok {
			out = append(out, "^")
		} else {
			out = append(out, "|")
		}
		for _, r := range recs {
			v := "-"
			if r.Value != nil {
				v = "=" + string(r.Value)
			}
			out = append(out, fmt.Sprintf("%d:%s%s", r.Offset, r.Key, v))
		}
	}
	if got := strings.Join(out, " "); got != want {
		s.t.Errorf("the log holds\n%s, not\n%s", got, want)
	}
}

func (s *shop) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

func TestLastValueStays(t *testing.T) {
	s := newShop(t)
	s.put(record.Plain(), "a=1 b=1 a=2", nil)
	s.put(record.Plain(), "b=2 =keyless c=", nil)
	s.put(record.Plain(), "a=3", nil)
	s.roll()
	s.put(record.Plain(), "c=active a=active", nil)
	s.must(s.clean())
	s.holds("| 3:b=2 5:c= | 6:a=3 | 7:c=active 8:a=active")
	s.must(nil)
	s.roll()
	s.put(record.Plain(), "b=3", nil)
	s.must(s.clean())
	s.holds("| 3:b=2 | 7:c=active 8:a=active | 9:b=3")
}

func TestTombstones(t *testing.T) {
	s := newShop(t)
	s.put(record.Plain(), "a=1 b=1 a- b-", nil)
	s.put(record.Plain(), "b=2", nil)
	s.roll()
	s.put(record.Plain(), "x=1", nil)
	s.must(s.clean())
	s.holds("^ 2:a- | 4:b=2 | 5:x=1")
	s.roll()
	s.put(record.Plain(), "y=1", nil)
	s.now = 5999
	s.must(s.clean())
	s.holds("^ 2:a- | 4:b=2 | 5:x=1 | 6:y=1")
	s.roll()
	s.put(record.Plain(), "z=1", nil)
	s.now = 6000
	s.must(s.clean())
	s.holds("| 4:b=2 | 5:x=1 | 6:y=1 | 7:z=1")
}

// A horizon that a client sent is none.
func TestForeignHorizon(t *testing.T) {
	s := newShop(t)
	s.put(record.Plain(), "a- b=1", func(b record.Batch) {
		binary.BigEndian.PutUint16(b[21:], 0x40)
		b.SetCRC()
	})
	s.roll()
	s.put(record.Plain(), "x=1", nil)
	s.must(s.clean())
	s.holds("^ 0:a- 1:b=1 | 2:x=1")
}

func TestMarkersAndTransactionsStay(t *testing.T) {
	s := newShop(t)
	tx, marker := record.Plain(), record.Plain()
	tx.ProducerID, tx.Transactional = 5, true
	marker.ProducerID, marker.Transactional, marker.Control = 5, true, true
	s.put(record.Plain(), "a=1 b=1", nil)
	s.put(tx, "a=2 a=3", nil)
	s.put(marker, "m=abort", nil)
	s.put(record.Plain(), "b=2", nil)
	s.roll()
	s.put(record.Plain(), "x=1 m=2", nil)
	s.must(s.clean())
	s.holds("| 0:a=1 | 2:a=2 3:a=3 | 4:m=abort | 5:b=2 | 6:x=1 7:m=2")
}

func TestLastBatchOfProducerStays(t *testing.T) {
	s := newShop(t)
	for pid := range int64(3) {
		o := record.Plain()
		o.ProducerID, o.BaseSequence = pid, 0
		s.put(o, "a=1 b=2", nil)
	}
	s.put(record.Plain(), "a=9 b=9", nil)
	s.roll()
	s.put(record.Plain(), "x=1", nil)
	s.last = map[int64]int64{0: 1, 1: 100}
	s.must(s.clean())
	s.holds("| | 6:a=9 7:b=9 | 8:x=1")
	s.roll()
	s.put(record.Plain(), "y=1", nil)
	s.must(s.clean())
	s.holds("| | 6:a=9 7:b=9 | 8:x=1 | 9:y=1")
	s.roll()
	s.put(record.Plain(), "z=1", nil)
	s.last = nil
	s.must(s.clean())
	s.holds("| 6:a=9 7:b=9 | 8:x=1 | 9:y=1 | 10:z=1")
}

// The batch in which the log ends stays, empty, where all its records go: a replica that has nothing else to copy could not come to the end. Behind
// others it goes.
func TestEndStays(t *testing.T) {
	s := newShop(t)
	s.put(record.Plain(), "a=1", nil)
	s.put(record.Plain(), "=old =older", nil)
	s.roll()
	s.must(s.clean())
	s.holds("| 0:a=1 |")
	s.put(record.Plain(), "x=1", nil)
	s.roll()
	s.must(s.clean())
	s.holds("| 0:a=1 | 3:x=1")
}

// The batch with which a leader epoch begins stays, empty, where all its records go: a replica that copies the log takes the first batch of an epoch
// for its begin. If that were a later one, it would take the log of a replica whose last leader wrote on, up to there, for a part of its own.
func TestEpochStartStays(t *testing.T) {
	s := newShop(t)
	in := func(epoch int32, texts ...string) {
		for _, text := range texts {
			o := record.Plain()
			o.LeaderEpoch = epoch
			s.put(o, text, nil)
		}
	}
	in(0, "a=1", "b=1")
	in(5, "a=2", "a=3", "b=2")
	in(7, "a=4", "a=5")
	s.roll()
	in(7, "x=1")
	s.must(s.clean())
	s.holds("| | 4:b=2 | | 6:a=5 | 7:x=1")
	s.roll()
	in(7, "y=1")
	s.must(s.clean())
	s.holds("| | 4:b=2 | | 6:a=5 | 7:x=1 | 8:y=1")
	s.write(&storage.Write{Ops: []storage.Op{{Kind: storage.OpSetStart, PartID: 1, Offset: 3}}})
	in(7, "b=3")
	s.roll()
	in(7, "z=1")
	s.must(s.clean())
	s.holds("| | | 6:a=5 | 7:x=1 | 8:y=1 | 9:b=3 | 10:z=1")
}

// When the keys do not fit, several rounds do it.
func TestRounds(t *testing.T) {
	s := newShop(t)
	s.most = 0 // 14 keys
	for v := range 2 {
		var text []string
		for i := range 40 {
			text = append(text, fmt.Sprintf("k%d=%d", i, v))
		}
		s.put(record.Plain(), strings.Join(text, " "), nil)
	}
	s.put(record.Plain(), "k3- k39=2", nil)
	s.roll()
	s.put(record.Plain(), "x=1", nil)
	rounds := 0
	for {
		d, err := s.data.Dirt(1)
		s.must(err)
		if len(d.Segments) == 0 {
			break
		}
		rounds++
		s.must(s.clean())
	}
	if rounds != 6 {
		t.Errorf("%d rounds", rounds)
	}
	want := "|"
	for i := range 39 {
		if i != 3 {
			want += fmt.Sprintf(" %d:k%d=1", 40+i, i)
		}
	}
	s.holds(want + " ^ 80:k3- 81:k39=2 | 82:x=1")
}

func TestDamageStopsCompaction(t *testing.T) {
	s := newShop(t)
	s.put(record.Plain(), "a=1", nil)
	s.put(record.Plain(), "a=2", func(b record.Batch) { b[len(b)-2] ^= 1 })
	s.roll()
	s.put(record.Plain(), "x=1", nil)
	if err := s.clean(); !errors.Is(err, errDamaged) || !strings.Contains(err.Error(), "offsets 1 to 1") {
		t.Error(err)
	}
}

// A step is full at some size, and goes on where it stopped.
func TestSteps(t *testing.T) {
	s := newShop(t)
	const n = 3 * maxBatch / 2
	for i := range n {
		s.put(record.Plain(), fmt.Sprintf("a=%d b%d=1", i, i), nil)
	}
	s.roll()
	s.put(record.Plain(), "x=1", nil)
	s.must(s.clean())
	want := ""
	for i := range n {
		want += fmt.Sprintf("| %d:b%d=1 ", 2*i+1, i)
	}
	s.holds(strings.Replace(want, fmt.Sprintf("| %d:b", 2*n-1), fmt.Sprintf("| %d:a=%d %d:b", 2*n-2, n-1, 2*n-1), 1) + fmt.Sprintf("| %d:x=1", 2*n))
}
