package partition

import "testing"

func TestJitter(t *testing.T) {
	seen := map[int64]bool{}
	for id := range uint32(100) {
		ms := jittered(1000, 100, id)
		if ms <= 900 || ms > 1000 || ms != jittered(1000, 100, id) {
			t.Errorf("partition %d: %d", id, ms)
		}
		seen[ms] = true
	}
	if len(seen) < 50 {
		t.Errorf("100 partitions have %d ages only", len(seen))
	}
	for _, f := range [][3]int64{{1000, 0, 1000}, {1000, -1, 1000}, {1, 1 << 62, 1}} {
		if ms := jittered(f[0], f[1], 7); ms != f[2] {
			t.Errorf("%v: %d", f, ms)
		}
	}
	if ms := jittered(1000, 1<<62, 7); ms < 1 || ms > 1000 {
		t.Errorf("%d", ms)
	}
}
