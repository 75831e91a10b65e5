package cleaner

import (
	"errors"
	"fmt"
	"math"
	"testing"

	"troupe/storage"
)

// log is a log of 100 clean bytes and segments of ten offsets, of the given bytes and newest times.
func log(id uint32, cleanBytes int64, segments ...[2]int64) dirty {
	d := dirty{partID: id, oldest: -1, at: storage.Dirt{Clean: 5, CleanBytes: cleanBytes}}
	base := int64(5)
	for i, s := range segments {
		end := int64(10 * (i + 1))
		d.at.Segments = append(d.at.Segments, storage.Segment{Base: base, End: end, Bytes: s[0], MaxTime: s[1]})
		base = end
	}
	return d
}

func TestReach(t *testing.T) {
	d := log(1, 100, [2]int64{50, 1000}, [2]int64{50, 3000}, [2]int64{100, 2000})
	f := func(limit, now, lag int64, want string) {
		t.Helper()
		r := reachOf(&d.at, limit, now, Config{MinLagMs: lag})
		if got := fmt.Sprintf("%d %d %.2f", r.end, r.bytes, r.ratio); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	f(99, 0, 0, "30 200 0.67")
	f(30, 0, 0, "30 200 0.67")
	f(29, 0, 0, "20 100 0.50") // the last segment may still be lost
	f(9, 0, 0, "5 0 0.00")
	f(99, 3500, 500, "30 200 0.67")
	f(99, 3499, 500, "10 50 0.33") // nothing behind a young segment
	f(99, 1499, 500, "5 0 0.00")
	var none storage.Dirt
	if r := reachOf(&none, 99, 0, Config{}); r != (reach{}) {
		t.Error(r)
	}
}

func TestChoose(t *testing.T) {
	cfg := map[uint32]Config{}
	c := Config{MinDirtyRatio: 0.5, MaxLagMs: math.MaxInt64}
	for id := range uint32(6) {
		cfg[id] = c
	}
	f := func(want int, list ...dirty) {
		t.Helper()
		best := choose(list, 10_000, func(id uint32) (Config, bool) { c, ok := cfg[id]; return c, ok })
		got := -1
		if best != nil {
			got = int(best.partID)
		}
		if got != want {
			t.Errorf("chose %d, not %d", got, want)
		}
	}
	half, most, little := log(1, 100, [2]int64{100, 0}), log(2, 100, [2]int64{300, 0}), log(3, 100, [2]int64{200, 0})
	f(-1)
	f(-1, half) // more than the ratio
	f(2, half, little, most)
	f(2, most, little)
	f(-1, log(9, 0, [2]int64{1, 0})) // not kept
	broken := most
	broken.err = errors.New("no")
	f(3, broken, little)
	// One that waits for too long comes first, however little it is.
	cfg[4] = Config{MinDirtyRatio: 0.5, MaxLagMs: 1000}
	late := log(4, 100, [2]int64{1, 0})
	late.oldest = 8999
	f(4, most, late)
	f(4, late, most)
	late.oldest = 9000
	f(2, late, most)
	late.oldest = -1
	f(2, most, late)
	late = log(4, 100)
	late.oldest = 1
	f(2, late, most)
	cfg[5] = Config{MinDirtyRatio: 0, MaxLagMs: math.MaxInt64}
	f(5, log(5, 1000, [2]int64{1, 0}))
	f(-1, log(5, 1000, [2]int64{0, 0}), log(5, 0))
}

func TestKeys(t *testing.T) {
	of := func(i int) digest { return digestOf(fmt.Append(nil, "key", i)) }
	k := newKeys(slotSize * 15_000) // 10,000 slots
	if k.last(of(1)) != -1 {
		t.Error("an empty map knows a key")
	}
	n := 0
	for ; n < 20_000 && k.put(of(n), int64(n)); n++ {
		if !k.put(of(n/2), int64(100_000+n/2)) {
			t.Fatal("a known key does not fit")
		}
	}
	if n != 9000 || len(k.slots) != 10_000 {
		t.Errorf("%d keys in %d slots", n, len(k.slots))
	}
	for i := range 10_000 {
		want := int64(i)
		switch {
		case i >= n:
			want = -1
		case i < n/2:
			want += 100_000
		}
		if got := k.last(of(i)); got != want {
			t.Fatalf("key %d: %d, not %d", i, got, want)
		}
	}
}
