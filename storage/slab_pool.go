package storage

import (
	"math/bits"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// The pool keeps idle slabs by size class: four sizes per doubling, so at most a quarter of a buffer is lost. Reused memory
// matters more than it seems: newly touched pages can cost more than all the work done on them.
// Large buffers are mapped outside the Go heap, so that the collector does not reserve as much again for them.
const (
	minSlab    = 1 << 10  // least size of a buffer
	mappedFrom = 32 << 10 // from here on buffers are mapped
	slabSizes  = 4 * 40
	larger     = 4  // classes up to which an idle buffer may be larger than what is wanted: one doubling
	maxPlaces  = 64 // a larger list of batches is not kept
)

var pool struct {
	sizes [slabSizes]struct {
		sync.Mutex
		idle  []*Slab
		count atomic.Int32 // of idle, to pass by an empty class without its lock
	}
	idle atomic.Int64 // bytes
	max  atomic.Int64
}

// poison makes released slabs unreadable in tests: 0xdd over everything.
var poison atomic.Bool

// PoisonSlabs overwrites every slab at its last release, so that a use after it shows. For tests and the simulator.
func PoisonSlabs(on bool) { poison.Store(on) }

// SlabPool sets how many bytes of idle slabs are kept for the next request, and gives back what is more. Default 64 MiB.
func SlabPool(bytes int64) {
	pool.max.Store(max(bytes, 1))
	for i := range pool.sizes {
		c := &pool.sizes[i]
		c.Lock()
		for len(c.idle) > 0 && pool.idle.Load() > pool.max.Load() {
			k := len(c.idle) - 1
			s := c.idle[k]
			c.idle[k], c.idle = nil, c.idle[:k]
			c.count.Store(int32(k))
			pool.idle.Add(-int64(cap(s.buf)))
			unmapSlab(s)
		}
		c.Unlock()
	}
}

// TrimSlabs gives back all idle slabs, for a broker that has become quiet.
func TrimSlabs() {
	keep := pool.max.Load()
	SlabPool(1)
	pool.max.Store(keep)
}

var mappedSlabs atomic.Int64

// MappedSlabs is how many bytes of slabs, in use and idle, are outside of the Go heap.
func MappedSlabs() int64 { return mappedSlabs.Load() }

// IdleSlabs is how many bytes the pool keeps.
func IdleSlabs() int64 { return pool.idle.Load() }

// slabClass is the class of a size, and the size of its buffers.
func slabClass(n int) (class, size int) {
	n = max(n, minSlab)
	shift := max(bits.Len(uint(n-1))-3, 0) // n-1 has three leading bits: 4..7 quarters of a power of two
	quarters := (n-1)>>shift + 1           // 5..8
	return shift*4 + quarters - 5, quarters << shift
}

func takeSlab(n int) *Slab {
	slabsLive.Add(1)
	class, size := slabClass(n)
	if s := idleSlab(class, size); s != nil {
		s.refs.Store(1)
		return s
	}
	s := &Slab{class: class}
	if size >= mappedFrom {
		if s.buf = mapBytes(size); s.buf != nil {
			s.mapped = true
			mappedSlabs.Add(int64(size))
			newMemory.measure(s.buf)
		}
	}
	if s.buf == nil {
		s.buf = make([]byte, size)
	}
	s.refs.Store(1)
	return s
}

// idleSlab takes a slab from the pool: of the class, or, where new memory would have to be mapped, up to twice as large.
func idleSlab(class, size int) *Slab {
	last := class
	if size >= mappedFrom {
		last = min(class+larger, slabSizes-1)
	}
	for ; class <= last; class++ {
		c := &pool.sizes[class]
		if c.count.Load() == 0 {
			continue
		}
		c.Lock()
		if k := len(c.idle) - 1; k >= 0 {
			s := c.idle[k]
			c.idle[k], c.idle = nil, c.idle[:k]
			c.count.Store(int32(k))
			c.Unlock()
			pool.idle.Add(-int64(cap(s.buf)))
			return s
		}
		c.Unlock()
	}
	return nil
}

// giveSlab takes a slab back whose last reference has gone.
func giveSlab(s *Slab) {
	slabsLive.Add(-1)
	if s.tails.Load() != 0 {
		panic("BUG: slab released while the tail holds it")
	}
	if s.counted != nil {
		s.counted.Add(-int64(cap(s.buf)))
		s.counted = nil
	}
	if cap(s.at) > maxPlaces {
		s.at = nil
	}
	s.at, s.spoilt = s.at[:0], false
	s.buf = s.buf[:0:cap(s.buf)]
	if poison.Load() {
		b := s.buf[:cap(s.buf)]
		for i := range b {
			b[i] = 0xdd
		}
	}
	limit := pool.max.Load()
	if limit == 0 {
		limit = 64 << 20
	}
	if pool.idle.Load()+int64(cap(s.buf)) > limit {
		unmapSlab(s)
		return
	}
	pool.idle.Add(int64(cap(s.buf)))
	c := &pool.sizes[s.class]
	c.Lock()
	c.idle = append(c.idle, s)
	c.count.Store(int32(len(c.idle)))
	c.Unlock()
}

// newMemory is what it costs to touch memory for the first time. That differs by a factor of eight from machine to machine and from hour to hour:
// a virtual one may have given its free memory back to its host.
var newMemory memoryCost

type memoryCost struct {
	perMB atomic.Int64 // ns of a processor, a moving mean: who waits for the processor has not waited for memory
	at    atomic.Int64 // when it was measured, by watchNow; 0: never
}

const (
	// costSample is how much of a new slab is touched to measure; it will be filled anyway.
	costSample = 128 << 10
	// cheapMB is what a MB may cost: more than a machine takes that has the memory itself, less than half of what one takes that has not.
	cheapMB = 1200 * time.Microsecond
	// costAge is how long a measurement counts. After that a little is taken to measure again.
	costAge = 10 * time.Second
	page    = 4096
)

func (m *memoryCost) measure(b []byte) {
	if len(b) < 2*costSample {
		return
	}
	runtime.LockOSThread()
	from := threadTime()
	for i := 0; i < costSample; i += page {
		b[i] = 0
	}
	took := threadTime() - from
	runtime.UnlockOSThread()
	m.note(took, watchNow())
}

// note takes in that costSample bytes took so many ns.
func (m *memoryCost) note(took, now int64) {
	per := took * (1 << 20 / costSample)
	if old := m.perMB.Load(); m.at.Load() != 0 {
		per = old + (per-old)/8 // two goroutines at once lose one of two samples
	}
	m.perMB.Store(per)
	m.at.Store(now)
}

// cheap says whether new memory may be taken for what is merely convenient.
func (m *memoryCost) cheap(now int64) bool {
	at := m.at.Load()
	return at == 0 || now-at > int64(costAge) || m.perMB.Load() < int64(cheapMB)
}

// unmapSlab ends a buffer's life.
func unmapSlab(s *Slab) {
	if s.mapped {
		unmapBytes(s.buf[:cap(s.buf)])
		mappedSlabs.Add(-int64(cap(s.buf)))
	}
	s.buf = nil
}
