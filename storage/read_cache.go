package storage

import (
	"container/list"
	"math"
	"sort"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// readChunk is how much is read from the disk at a time, and largeChunk where the cache has room for many: each time some of the block at the
	// begin and of that at the end is read for nothing.
	readChunk, largeChunk = 1 << 20, 2 << 20
	// rangeLife is how long a range is kept that nobody reads.
	rangeLife = 5 * time.Second
	// aheadWorkers is how many ranges are read ahead at a time, and maxAheads how many may wait for that.
	aheadWorkers, maxAheads = 4, 64
	// mostAhead bounds what is read ahead of one reader of a partition.
	mostAhead = 4 << 20
	// pinnedTries is how many ranges that answers still hold are passed over to find one that can go.
	pinnedTries = 32
)

// readCache keeps ranges of batches that were read from the disk lately, or ahead of a reader who goes through a partition in order. So the disk
// works while the last answer is being sent, and readers who follow each other read it once. Safe for any goroutine.
//
// A range is all that the store held between two offsets at one moment after it was registered. Whoever changes the batches of a
// partition other than by appending calls drop when the change can be seen, and before anybody is told of it: what was registered before is
// not kept. Which of the batches a reader may see, his limit decides, batch by batch.
//
// The budget bounds the buffers of all ranges, those being read and those that answers hold after they were pushed out included. A range that
// nobody has read yet is not pushed out by another one. A read that finds no room goes to the disk for itself.
type readCache struct {
	budget int64
	chunk  int                                       // how much is read at a time
	load   func(r *readRange, size, first int) error // reads from r.from on
	bytes  atomic.Int64

	hits, misses, aheads atomic.Int64

	mu      sync.Mutex
	parts   map[uint32][]*readRange // ascending by from; those being read too
	unread  list.List               // ranges that nobody has read yet, oldest first
	read    list.List               // the others, in the order of their last use
	timer   *time.Timer             // runs while there are ranges
	queue   []aheadRead
	workers int
	closed  bool
	wg      sync.WaitGroup // of workers
}

// readRange is what lies in [from, next) of a partition. It does not change once it is loaded, but for el and used, which belong to the cache.
type readRange struct {
	partID  uint32
	from    int64
	next    int64 // from until it is loaded
	limit   int64 // nothing at or past it was read
	slab    *Slab // nil: there was nothing, or an error
	batches []rangeBatch
	cut     bool // damage follows: what lies before is good, who reads on meets it

	loaded  chan struct{} // closed then
	waiting int32         // how many wait for it
	el      *list.Element
	in      *list.List
	used    time.Time
}

// rangeBatch says where a batch ends in the slab; it begins where the one before it ends.
type rangeBatch struct {
	last int64
	end  int
}

// aheadRead is a range to be read before anybody asks for it.
type aheadRead struct {
	partID        uint32
	offset, limit int64
	bytes         int
}

func newReadCache(budget int64, load func(r *readRange, size, first int) error) *readCache {
	c := &readCache{budget: budget, chunk: readChunk, load: load, parts: map[uint32][]*readRange{}}
	if budget >= 12*reserved(largeChunk) {
		c.chunk = largeChunk
	}
	c.unread.Init()
	c.read.Init()
	return c
}

// find is the range that covers an offset, or that is being read from it on. The cache is locked.
func (c *readCache) find(partID uint32, offset int64) *readRange {
	rs := c.parts[partID]
	i := sort.Search(len(rs), func(i int) bool { return rs[i].from > offset }) - 1
	if i < 0 || rs[i].from != offset && rs[i].next <= offset {
		return nil
	}
	return rs[i]
}

// follows says whether a reader at offset goes on where one was before.
func (c *readCache) follows(partID uint32, offset int64) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, r := range c.parts[partID] {
		if r.from < offset && offset <= r.next || r.from == offset {
			return true
		}
	}
	return false
}

// get gives the range that begins with the batch that covers offset, from memory or from the disk. size is how much to read then; keep says that
// others may want it, else the first batch is at most first bytes. The range's slab, if there is one, is held for the caller.
func (c *readCache) get(partID uint32, offset, limit int64, size, first int, keep bool) (*readRange, error) {
	c.mu.Lock()
	r := c.find(partID, offset)
	if r != nil && r.slab != nil {
		c.use(r)
		r.slab.Hold()
		c.mu.Unlock()
		c.hits.Add(1)
		return r, nil
	}
	if r != nil { // somebody is reading it
		r.waiting++
		c.mu.Unlock()
		<-r.loaded
		if r.slab != nil {
			c.hits.Add(1)
			return r, nil
		}
		keep = false // an error, or a lower limit
	} else {
		if keep && c.room(size) {
			r = c.register(partID, offset, limit, size)
			c.mu.Unlock()
			c.misses.Add(1)
			err := c.fill(r, size, false)
			return r, err
		}
		c.mu.Unlock()
	}
	c.misses.Add(1)
	own := &readRange{partID: partID, from: offset, next: offset, limit: limit}
	return own, c.load(own, min(size, first), first)
}

// register enters a range that is going to be read. The cache is locked.
func (c *readCache) register(partID uint32, offset, limit int64, size int) *readRange {
	r := &readRange{partID: partID, from: offset, next: offset, limit: limit, loaded: make(chan struct{})}
	c.bytes.Add(reserved(size))
	rs := c.parts[partID]
	i := sort.Search(len(rs), func(i int) bool { return rs[i].from > offset })
	rs = append(rs, nil)
	copy(rs[i+1:], rs[i:])
	rs[i] = r
	c.parts[partID] = rs
	return r
}

// fill reads a registered range, and keeps it unless it was dropped meanwhile. Its slab is held for the caller, but not ahead of a reader.
func (c *readCache) fill(r *readRange, size int, ahead bool) error {
	x := readRange{partID: r.partID, from: r.from, next: r.from, limit: r.limit}
	err := c.load(&x, size, math.MaxInt)
	c.mu.Lock()
	defer c.mu.Unlock()
	defer close(r.loaded)
	c.bytes.Add(-reserved(size))
	if x.slab == nil {
		c.remove(r)
		return err
	}
	x.slab.counted = &c.bytes
	c.bytes.Add(int64(x.slab.Cap()))
	r.next, r.slab, r.batches, r.cut = x.next, x.slab, x.batches, x.cut
	for range r.waiting {
		r.slab.Hold()
	}
	if c.registered(r) { // the cache's own reference
		r.slab.Hold()
		r.used = time.Now()
		r.in = &c.read
		if ahead && r.waiting == 0 {
			r.in = &c.unread
		}
		r.el = r.in.PushBack(r)
		c.watch()
	}
	if ahead {
		r.slab.Release()
	}
	return nil
}

func (c *readCache) registered(r *readRange) bool {
	for _, x := range c.parts[r.partID] {
		if x == r {
			return true
		}
	}
	return false
}

// remove takes a range out and lets go of its slab. The cache is locked.
func (c *readCache) remove(r *readRange) {
	rs := c.parts[r.partID]
	for i := range rs {
		if rs[i] == r {
			copy(rs[i:], rs[i+1:])
			rs[len(rs)-1] = nil
			if rs = rs[:len(rs)-1]; len(rs) == 0 {
				delete(c.parts, r.partID)
			} else {
				c.parts[r.partID] = rs
			}
			break
		}
	}
	if r.el != nil {
		r.in.Remove(r.el)
		r.el = nil
		r.slab.Release()
	}
}

// use notes that a range is read. The cache is locked.
func (c *readCache) use(r *readRange) {
	r.used = time.Now()
	if r.el == nil {
		return
	}
	if r.in == &c.read {
		c.read.MoveToBack(r.el)
		return
	}
	r.in.Remove(r.el)
	r.in = &c.read
	r.el = r.in.PushBack(r)
}

// room makes room for size bytes, and reports whether there is. The cache is locked.
func (c *readCache) room(size int) bool {
	if c.closed {
		return false
	}
	el := c.read.Front()
	for tries := 0; c.bytes.Load()+reserved(size) > c.budget; {
		if el == nil || tries == pinnedTries {
			return false
		}
		r := el.Value.(*readRange)
		el = el.Next()
		if r.slab.refs.Load() > 1 { // an answer holds it
			tries++
			continue
		}
		c.remove(r)
	}
	return true
}

// drop forgets what was read of a partition, and what is being read.
func (c *readCache) drop(partID uint32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for rs := c.parts[partID]; len(rs) > 0; rs = c.parts[partID] {
		c.remove(rs[len(rs)-1])
	}
}

// watch sees to it that ranges do not stay for ever. The cache is locked.
func (c *readCache) watch() {
	if c.timer == nil {
		c.timer = time.AfterFunc(rangeLife/2, c.sweep)
	}
}

// sweep drops what nobody has read for long.
func (c *readCache) sweep() {
	c.mu.Lock()
	defer c.mu.Unlock()
	old := time.Now().Add(-rangeLife)
	c.timer = nil
	for _, l := range []*list.List{&c.unread, &c.read} {
		for el := l.Front(); el != nil && el.Value.(*readRange).used.Before(old); el = l.Front() {
			c.remove(el.Value.(*readRange))
		}
		if l.Len() > 0 && !c.closed {
			c.watch()
		}
	}
}

// ahead has a range read before anybody asks for it, if there is room. What of it is there already is not read again: a reader mostly stops in the
// middle of a range.
func (c *readCache) ahead(a aheadRead) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed || c.budget == 0 || len(c.queue) == maxAheads || !c.missing(&a) {
		return
	}
	c.queue = append(c.queue, a)
	if c.workers < aheadWorkers {
		c.workers++
		c.wg.Add(1)
		go c.work()
	}
}

// missing takes from a what is there already, and reports whether something is left to be read. The cache is locked.
func (c *readCache) missing(a *aheadRead) bool {
	for a.bytes > 0 && a.offset < a.limit {
		r := c.find(a.partID, a.offset)
		if r == nil {
			return true
		}
		if r.slab == nil || r.next <= a.offset {
			return false // it is being read, and nobody knows how far
		}
		a.bytes -= r.left(a.offset)
		a.offset = r.next
	}
	return false
}

// left is how many bytes of a loaded range begin with the batch that covers an offset.
func (r *readRange) left(offset int64) int {
	i := sort.Search(len(r.batches), func(i int) bool { return r.batches[i].last >= offset })
	all := r.batches[len(r.batches)-1].end
	if i == 0 {
		return all
	}
	return all - r.batches[i-1].end
}

// work reads ahead until nothing is left to do.
func (c *readCache) work() {
	defer c.wg.Done()
	c.mu.Lock()
	for len(c.queue) > 0 && !c.closed {
		a := c.queue[0]
		c.queue = c.queue[1:]
		for c.missing(&a) && c.room(c.chunk) {
			r := c.register(a.partID, a.offset, a.limit, c.chunk)
			c.mu.Unlock()
			c.aheads.Add(1)
			err := c.fill(r, c.chunk, true) // who reads it for himself meets the error
			c.mu.Lock()
			if err != nil || r.cut || r.next == r.from {
				break
			}
			a.bytes -= r.batches[len(r.batches)-1].end
			a.offset = r.next
		}
	}
	c.workers--
	c.mu.Unlock()
}

// close ends what is read ahead, and keeps nothing any more.
func (c *readCache) close() {
	c.mu.Lock()
	c.closed, c.queue = true, nil
	c.mu.Unlock()
	c.wg.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.timer != nil {
		c.timer.Stop()
	}
	for _, rs := range c.parts {
		for _, r := range append([]*readRange(nil), rs...) {
			c.remove(r)
		}
	}
}

// reserved is how much memory a slab for a range of n bytes takes at most: the pool may give a larger one.
func reserved(n int) int64 {
	if n >= leastStraight {
		n += straightExtra
	}
	_, size := slabClass(n)
	if size >= mappedFrom {
		size *= 2
	}
	return int64(size)
}
