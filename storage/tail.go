package storage

import (
	"sort"
	"sync"
	"sync/atomic"
)

// Tail keeps the newest batches of all partitions in memory within one budget of bytes. Partitions publish what has
// become readable; connections read it without asking anyone. Safe for any goroutine.
//
// The budget counts whole slabs, once each: a slab is let go with the last of its batches. The oldest batches of all partitions go first.
// It grows from least to most as long as new memory costs little (see memoryCost), and never shrinks.
type Tail struct {
	budget atomic.Int64
	most   int64
	bytes  atomic.Int64
	seq    atomic.Uint64
	shards [tailShards]tailShard
}

const tailShards = 16

type tailShard struct {
	sync.RWMutex
	parts  map[uint32]*tailPart
	queue  fifo[tailMark] // publish order of the shard
	oldest atomic.Uint64  // sequence of the queue's head, 0 if it is empty
}

// tailMark is one publish: its partition's head entry is the one to go.
type tailMark struct {
	part *tailPart
	seq  uint64
}

type tailPart struct {
	id      uint32
	entries fifo[tailEntry] // ascending, contiguous offsets
	gone    int             // marks in the queue whose entries were dropped
}

type tailEntry struct {
	base, last int64
	slab       *Slab
	at         int
}

// growStep is by how much the budget grows at a time.
const growStep = 4 << 20

// NewTail makes a tail of at most bytes; 0 keeps nothing.
func NewTail(bytes int64) *Tail { return NewGrowingTail(bytes, bytes) }

// NewGrowingTail makes a tail of at most least bytes, and up to most while new memory costs little.
func NewGrowingTail(least, most int64) *Tail {
	t := &Tail{most: most}
	t.budget.Store(least)
	for i := range t.shards {
		t.shards[i].parts = map[uint32]*tailPart{}
	}
	return t
}

func (t *Tail) shard(partID uint32) *tailShard { return &t.shards[partID%tailShards] }

// Publish adds a durable batch; the tail holds its slab. Batches of one partition come in offset order; one that does not
// follow its predecessor begins the partition's tail anew.
func (t *Tail) Publish(partID uint32, base, last int64, s *Slab, at int) {
	if t.most <= 0 {
		return
	}
	s.Hold()
	if s.tails.Add(1) == 1 {
		t.bytes.Add(int64(s.Cap()))
	}
	seq := t.seq.Add(1)
	sh := t.shard(partID)
	sh.Lock()
	p := sh.parts[partID]
	if p == nil {
		p = &tailPart{id: partID}
		sh.parts[partID] = p
	}
	if n := p.entries.len(); n > 0 && p.entries.at(n-1).last+1 != base {
		t.forget(p)
	}
	p.entries.push(tailEntry{base, last, s, at})
	if sh.queue.len() == 0 {
		sh.oldest.Store(seq)
	}
	sh.queue.push(tailMark{p, seq})
	sh.Unlock()
	for t.bytes.Load() > t.budget.Load() && (t.grow() || t.evict()) {
	}
}

// grow raises the budget if it may.
func (t *Tail) grow() bool {
	b := t.budget.Load()
	return b < t.most && newMemory.cheap(watchNow()) && t.budget.CompareAndSwap(b, min(b+growStep, t.most))
}

// evict lets the oldest batch go; false if there is none.
func (t *Tail) evict() bool {
	var from *tailShard
	least := uint64(0)
	for i := range t.shards {
		if o := t.shards[i].oldest.Load(); o != 0 && (least == 0 || o < least) {
			least, from = o, &t.shards[i]
		}
	}
	if from == nil {
		return false
	}
	from.Lock()
	defer from.Unlock()
	if from.queue.len() == 0 {
		return true
	}
	p := from.queue.pop().part
	from.oldest.Store(0)
	if from.queue.len() > 0 {
		from.oldest.Store(from.queue.at(0).seq)
	}
	if p.gone > 0 {
		p.gone--
	} else {
		t.release(p.entries.pop())
	}
	if p.entries.len() == 0 && p.gone == 0 && from.parts[p.id] == p {
		delete(from.parts, p.id)
	}
	return true
}

// forget drops a partition's entries; their marks stay in the queue until they come up. The shard is locked.
func (t *Tail) forget(p *tailPart) {
	for p.entries.len() > 0 {
		t.release(p.entries.pop())
		p.gone++
	}
}

func (t *Tail) release(e tailEntry) {
	if e.slab.tails.Add(-1) == 0 {
		t.bytes.Add(-int64(e.slab.Cap()))
	}
	e.slab.Release()
}

// Read is like Data.Read, from memory; ok is false when offset is older than what the tail keeps (go to Data then).
// Offset at or past limit gives no batches and ok.
func (t *Tail) Read(partID uint32, offset, limit int64, maxBytes int, minOne bool) (b Batches, ok bool) {
	sh := t.shard(partID)
	sh.RLock()
	defer sh.RUnlock()
	p := sh.parts[partID]
	if p == nil || p.entries.len() == 0 {
		return Batches{}, offset >= limit
	}
	n := p.entries.len()
	if offset < p.entries.at(0).base {
		return Batches{}, false
	}
	i := sort.Search(n, func(i int) bool { return p.entries.at(i).last >= offset })
	if i == n {
		return Batches{}, offset >= limit
	}
	for ; i < n; i++ {
		e := p.entries.at(i)
		v := e.slab.Batch(e.at)
		if e.last >= limit || b.Bytes+len(v) > maxBytes && !(minOne && b.Bytes == 0) {
			break
		}
		if k := len(b.slabs); k == 0 || b.slabs[k-1] != e.slab {
			e.slab.Hold()
			b.slabs = append(b.slabs, e.slab)
		}
		b.Data = append(b.Data, v)
		b.Bytes += len(v)
	}
	return b, true
}

// DropBelow forgets the batches that end below an offset: they were compacted, and readers shall see what the store has now.
func (t *Tail) DropBelow(partID uint32, offset int64) {
	sh := t.shard(partID)
	sh.Lock()
	defer sh.Unlock()
	p := sh.parts[partID]
	for p != nil && p.entries.len() > 0 && p.entries.at(0).last < offset {
		t.release(p.entries.pop())
		p.gone++
	}
}

// Drop forgets a partition (deleted, truncated).
func (t *Tail) Drop(partID uint32) {
	sh := t.shard(partID)
	sh.Lock()
	defer sh.Unlock()
	if p := sh.parts[partID]; p != nil {
		t.forget(p)
		delete(sh.parts, partID)
	}
}

// Bytes is how much the tail keeps.
func (t *Tail) Bytes() int64 { return t.bytes.Load() }

// fifo is a queue in a ring that grows by doubling.
type fifo[T any] struct {
	ring []T
	head int
	n    int
}

func (q *fifo[T]) len() int { return q.n }

func (q *fifo[T]) at(i int) *T { return &q.ring[(q.head+i)&(len(q.ring)-1)] }

func (q *fifo[T]) push(v T) {
	if q.n == len(q.ring) {
		ring := make([]T, max(8, 2*len(q.ring)))
		for i := range q.n {
			ring[i] = *q.at(i)
		}
		q.ring, q.head = ring, 0
	}
	q.ring[(q.head+q.n)&(len(q.ring)-1)] = v
	q.n++
}

func (q *fifo[T]) pop() T {
	var zero T
	v := *q.at(0)
	*q.at(0) = zero
	q.head = (q.head + 1) & (len(q.ring) - 1)
	q.n--
	return v
}
