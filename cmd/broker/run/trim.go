package run

import (
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// trimmer gives memory back to the system when the broker has become quiet. The collector runs by what is allocated: what a burst leaves behind,
// and the stacks that it has needed, would stay until the next one.
type trimmer struct {
	allocated uint64    // bytes, by the last tick
	last      time.Time // when memory was given back
}

const (
	trimFrom  = 8 << 20 // not worth it below
	trimQuiet = 4 << 20 // bytes allocated between two ticks that pass as quiet, and 1/8 of what lives
	trimEvery = 30 * time.Second
)

// heap is what the trimmer goes by, in bytes, without the ballast.
type heap struct {
	allocated uint64 // since the start
	live      uint64 // at the end of the last collection
	objects   uint64 // living and not
	free      uint64 // neither in use nor given back
}

func heapNow() (h heap) {
	s := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}, {Name: "/gc/heap/live:bytes"}, {Name: "/memory/classes/heap/objects:bytes"}, {Name: "/memory/classes/heap/free:bytes"}}
	metrics.Read(s)
	for i, to := range []*uint64{&h.allocated, &h.live, &h.objects, &h.free} {
		if s[i].Value.Kind() == metrics.KindUint64 {
			*to = s[i].Value.Uint64()
		}
	}
	h.live, h.objects = h.live-min(h.live, ballastLen()), h.objects-min(h.objects, ballastLen())
	return h
}

// due says whether memory is to be given back. It is called at even times.
func (t *trimmer) due(now time.Time, h heap) bool {
	since := h.allocated - t.allocated
	t.allocated = h.allocated
	spare := h.free + max(h.objects, h.live) - h.live
	if since > trimQuiet+h.live/8 || spare < trimFrom+h.live/4 || now.Sub(t.last) < trimEvery {
		return false
	}
	t.last = now
	return true
}

func (t *trimmer) tick(now time.Time) {
	if t.due(now, heapNow()) {
		debug.FreeOSMemory()
	}
}
