package kit

import (
	"math/bits"
	"sync/atomic"
	"time"
)

const (
	histShift   = 7  // the first bucket ends at 128 ns
	histOctaves = 30 // the last one holds all above 2^36 ns, about 69 s
	histSub     = 4  // buckets per octave: an error of at most 12 %
	histBuckets = histOctaves*histSub + 1
)

// Histogram counts durations in buckets that grow by a quarter of an octave.
type Histogram struct {
	Counts [histBuckets]uint64
	Sum    time.Duration // of the samples, exact; 0 in those of actors
}

// LiveHistogram is one that many write and read at the same time. Its counts never go back.
type LiveHistogram struct {
	n   [histBuckets]atomic.Uint64
	sum atomic.Int64
}

// Add counts a duration in nanoseconds.
func (h *LiveHistogram) Add(ns int64) {
	h.n[bucket(ns)].Add(1)
	h.sum.Add(ns)
}

// Load copies it.
func (h *LiveHistogram) Load() (out Histogram) {
	out.Sum = time.Duration(h.sum.Load())
	for i := range h.n {
		out.Counts[i] = h.n[i].Load()
	}
	return out
}

// Subtract takes away what an earlier copy of the same histogram holds.
func (h *Histogram) Subtract(earlier *Histogram) {
	h.Sum -= earlier.Sum
	for i := range h.Counts {
		h.Counts[i] -= earlier.Counts[i]
	}
}

// liveHist is the one that a consumer writes while others read.
type liveHist struct{ n [histBuckets]atomic.Uint32 }

func bucket(ns int64) int {
	if ns < 1<<histShift {
		return 0
	}
	octave := bits.Len64(uint64(ns)) - 1 // >= histShift
	sub := int(ns>>(octave-2)) & (histSub - 1)
	return min((octave-histShift)*histSub+sub+1, histBuckets-1)
}

// Bound is the upper end of bucket i.
func (h *Histogram) Bound(i int) time.Duration {
	if i == 0 {
		return 1 << histShift
	}
	octave, sub := (i-1)/histSub+histShift, (i-1)%histSub
	return time.Duration(1)<<octave + time.Duration(sub+1)<<(octave-2)
}

// Count is the number of samples.
func (h *Histogram) Count() (n uint64) {
	for _, c := range h.Counts {
		n += c
	}
	return n
}

// Quantile is an upper bound for the fraction q (0 to 1) of the samples; 0 if there are none.
func (h *Histogram) Quantile(q float64) time.Duration {
	n := h.Count()
	if n == 0 {
		return 0
	}
	rank, seen := max(uint64(q*float64(n)+0.5), 1), uint64(0)
	for i, c := range h.Counts {
		if seen += c; seen >= rank {
			return h.Bound(i)
		}
	}
	return h.Bound(histBuckets - 1)
}

func (h *liveHist) add(ns int64) { h.n[bucket(ns)].Add(1) }

func (h *liveHist) addTo(sum *Histogram) {
	for i := range h.n {
		if c := h.n[i].Load(); c != 0 {
			sum.Counts[i] += uint64(c)
		}
	}
}
