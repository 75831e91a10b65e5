package scrub

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"troupe/actors/kit"
	kitsim "troupe/actors/kit/sim"
	"troupe/storage"
)

// shelf is a store of partitions that are so many batches of 100 bytes long, one offset each.
type shelf struct {
	storage.Data
	sizes   map[uint32]int64
	order   []uint32
	damaged map[string]bool // "part/offset"
	listing error
	seen    []string
}

func (d *shelf) Partitions() ([]uint32, error) { return d.order, d.listing }

func (d *shelf) Scrub(part uint32, offset int64, maxBytes int) (next int64, bytes int, err error) {
	for ; offset < d.sizes[part]; offset++ {
		place := fmt.Sprintf("%d/%d", part, offset)
		if d.damaged[place] {
			return -1, bytes, &storage.CorruptError{PartID: part, Offset: offset, Err: errors.New("flipped")}
		}
		d.seen = append(d.seen, place)
		if bytes += 100; bytes >= maxBytes {
			return offset + 1, bytes, nil
		}
	}
	return -1, bytes, nil
}

func run(t *testing.T, d *shelf, within time.Duration) *Stats {
	t.Helper()
	st := kitsim.NewStage(t)
	stats := &Stats{}
	st.Sys.Spawn("scrubber", New(Options{Data: d, Stats: stats,
		Pace: Pace{First: time.Minute, Rest: time.Hour, Gap: time.Second, Chunk: 250, Parts: 2}}), kit.Options{})
	if err := st.Run(within); err != nil {
		t.Fatal(err)
	}
	return stats
}

// TestPass: every batch of every partition is looked at once a pass, and the passes keep their distance.
func TestPass(t *testing.T) {
	d := &shelf{sizes: map[uint32]int64{1: 7, 2: 0, 3: 1, 4: 3, 9: 12}, order: []uint32{1, 2, 3, 4, 9}}
	stats := run(t, d, 30*time.Minute)
	times := map[string]int{}
	for _, place := range d.seen {
		times[place]++
	}
	if len(times) != 23 || len(d.seen) != 23 || stats.Passes.Load() != 1 || stats.Bytes.Load() != 2300 || stats.Damaged.Load() != 0 {
		t.Errorf("%d places, %d readings, %d passes, %d bytes", len(times), len(d.seen), stats.Passes.Load(), stats.Bytes.Load())
	}
	d.seen = nil
	if stats := run(t, d, 3*time.Hour+30*time.Minute); stats.Passes.Load() != 4 {
		t.Errorf("%d passes in 3.5 hours", stats.Passes.Load())
	}
}

// TestDamage: damage is counted, and what lies behind it is looked at all the same.
func TestDamage(t *testing.T) {
	d := &shelf{sizes: map[uint32]int64{1: 7, 2: 5}, order: []uint32{1, 2}, damaged: map[string]bool{"1/2": true, "1/3": true, "2/4": true}}
	stats := run(t, d, 30*time.Minute)
	if len(d.seen) < 9 || stats.Damaged.Load() != 3 || stats.Passes.Load() != 1 {
		t.Errorf("saw %s, %d damaged, %d passes", strings.Join(d.seen, " "), stats.Damaged.Load(), stats.Passes.Load())
	}
}

// TestNothing: an empty store, and one that cannot say what it has, are asked again at the next pass.
func TestNothing(t *testing.T) {
	d := &shelf{listing: errors.New("I/O error")}
	if stats := run(t, d, 5*time.Hour); stats.Passes.Load() != 0 {
		t.Error("a pass over nothing")
	}
}
