package run

import "testing"

// All that memory is given to fits into it at the same time, and the heap is left what lives on it.
func TestMemoryIsDivided(t *testing.T) {
	const mb = 1 << 20
	for _, total := range []int64{256 * mb, 512 * mb, 1024 * mb, 8192 * mb, 64 << 30} {
		s := splitMemory(total)
		if w := s.worst(); w > total {
			t.Errorf("of %d MB %d may be taken", total/mb, w/mb)
		}
		mapped := s.tail + s.requests + s.slabs + s.reads + s.readCache
		lives := s.trace + s.cleaner + s.giants + s.unread + s.groups
		if l := s.goLimit(mapped) - s.ballast; l < lives || l < leastHeap {
			t.Errorf("of %d MB %d are left for the heap when all slabs are in use, which needs %d", total/mb, l/mb, lives/mb)
		}
		if l := s.goLimit(mapped) - s.ballast; l+mapped+s.pebble()+memoryBase/2 > total*115/100 {
			t.Errorf("of %d MB the heap may have %d, which makes more than 1.15 times as much", total/mb, l/mb)
		}
	}
	for total := int64(MinMemory); total < 512*mb; total += 16 * mb {
		s := splitMemory(total)
		for what, n := range map[string]int64{"memtable": s.memtable - 400<<10, "cache": s.blockCache, "memtable of the metadata": s.metaTable - 1<<20 + 1, "cache of the metadata": s.metaCache, "tail": s.tail, "requests": s.requests, "reads": s.reads, "cleaner": s.cleaner - 800<<10} {
			if n <= 0 {
				t.Errorf("of %d MB too little is left: %s", total/mb, what)
			}
		}
	}
}

// Where seven eighths of what the heap may have are in use, nothing that clients leave with the broker grows any more; an idle broker of any size
// is far from that.
func TestTightMemory(t *testing.T) {
	const mb = 1 << 20
	for _, total := range []int64{64 * mb, 256 * mb, 512 * mb, 8192 * mb} {
		s := splitMemory(total)
		limit := s.goLimit(16 * mb)
		if tight(s.ballast+20*mb, s.ballast, limit) {
			t.Errorf("of %d MB an idle broker finds no room", total/mb)
		}
		if at := s.ballast + (limit-s.ballast)*9/10; !tight(at, s.ballast, limit) {
			t.Errorf("of %d MB %d MB may live on the heap, and more", total/mb, at/mb)
		}
	}
}

// What may become garbage before the heap is collected: the ballast and some with a small heap, as much as lives with a large one.
func TestGCPercent(t *testing.T) {
	const mb = 1 << 20
	f := func(heap, garbage, slack uint64) {
		t.Helper()
		live := (heap + 64) * mb
		got := live * uint64(gcPercent(live, 64*mb)) / 100 / mb
		if got > garbage || got+slack < garbage {
			t.Errorf("with %d MB %d MB may become garbage, want %d", heap, got, garbage)
		}
	}
	f(10, 74, 0) // no more than live, all told
	f(20, 84, 0)
	f(50, 84, 2)
	f(84, 84, 2)
	f(150, 150, 3)
	f(2000, 2000, 21)
	if p := gcPercent(0, 64*mb); p != 100 {
		t.Errorf("%d %% before the first collection", p)
	}
}
