package node

import (
	"testing"
	"time"
)

// TestSweep: a round of retention tells everyone once, a bounded number at a time, and is through before the next one is due.
func TestSweep(t *testing.T) {
	now := time.Unix(1_000_000, 0)
	for _, n := range []int{0, 1, retainAtOnce, retainAtOnce + 1, 10_000, 100_000, 1_000_000} {
		for _, every := range []time.Duration{10 * time.Millisecond, 5 * time.Second, 5 * time.Minute} {
			ids := make([]uint32, n)
			for i := range ids {
				ids[i] = uint32(i)
			}
			s, at, told := newSweep(ids, every, now), now, 0
			for {
				list := s.take()
				if len(list) > retainAtOnce {
					t.Fatalf("%d partitions: %d at once", n, len(list))
				}
				for _, id := range list {
					if int(id) != told {
						t.Fatalf("%d partitions: %d instead of %d", n, id, told)
					}
					told++
				}
				last := len(s.parts) == 0
				d := s.wait(at)
				if at = at.Add(d); last {
					break
				}
				if d > retainGap {
					t.Fatalf("%d partitions every %v: %v between two slices", n, every, d)
				}
			}
			if told != n || !at.Equal(now.Add(every)) {
				t.Errorf("%d partitions every %v: %d told, the next round after %v", n, every, told, at.Sub(now))
			}
		}
	}
}
