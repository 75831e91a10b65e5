package run

import (
	"testing"
	"time"
)

func TestMemoryIsGivenBackWhenQuiet(t *testing.T) {
	const mb = 1 << 20
	now := time.Unix(1_000_000, 0)
	var tr trimmer
	h := heap{allocated: 100 * mb, live: 40 * mb, objects: 70 * mb, free: 20 * mb}
	step := func(what string, more uint64, want bool) {
		t.Helper()
		now = now.Add(watchEvery)
		h.allocated += more
		if got := tr.due(now, h); got != want {
			t.Errorf("%s: %v", what, got)
		}
	}
	step("a busy start", 0, false)
	step("busy still", 50*mb, false)
	step("quiet", 1*mb, true)
	step("quiet, just done", 0, false)
	now = now.Add(trimEvery)
	step("quiet, a while after", 0, true)
	now = now.Add(trimEvery)
	h.objects, h.free = 42*mb, 5*mb
	step("quiet, little to give", 0, false)
	h.free = 50 * mb
	step("busy, much to give", 20*mb, false)
	step("much to give", 9*mb, true)
}

func TestHeapNowReadsAllFigures(t *testing.T) {
	h := heapNow()
	if h.allocated == 0 || h.objects == 0 {
		t.Errorf("%+v: a metric has another name now", h)
	}
}
