package trace

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"
)

// Limits of what is kept, and of what makes an operation slow.
const (
	MaxSlow    = 1000
	MaxFailed  = 1000
	MaxHealthy = 200

	Floor = 20 * time.Millisecond // less is never slow
	Cap   = time.Second           // more is always slow

	healthyEvery   = 600 * time.Millisecond // at most so long between two healthy ones, while there are any
	failedPerCode  = 20                     // kept per error code and second
	maxListedShard = 1000                   // open operations listed per shard: the oldest
	numShards      = 16
	numKeys        = 128 // API keys from 0 on; Kafka's last one is 93
)

// Options of a Recorder.
type Options struct {
	Now     func() int64  // nanoseconds of the Unix epoch, on a clock that never jumps
	Memory  int64         // bytes that kept records may take; 0: what the limits above need
	Slow    time.Duration // fixed threshold; 0: the p99.9 of the API over a minute, between Floor and Cap
	Trivial func(code int16) bool
}

// Recorder makes operation records and keeps the interesting ones. It is safe for any goroutine. A nil Recorder records nothing.
type Recorder struct {
	clock   func() int64
	fixed   int64
	trivial func(code int16) bool
	off     atomic.Bool
	seq     atomic.Uint64
	pool    sync.Pool
	shards  [numShards]shard
	apis    [numKeys]atomic.Pointer[api]
	gone    atomic.Uint64

	nextHealthy atomic.Int64
	slow        ring
	failed      ring
	healthy     ring
	codes       codeLimit
}

// shard lists the open operations of some connections, oldest first.
type shard struct {
	mu          sync.Mutex
	first, last *Op
	n           int
	_           [64]byte // no two in one cache line
}

// New makes a Recorder.
func New(o Options) *Recorder {
	r := &Recorder{clock: o.Now, fixed: int64(o.Slow), trivial: o.Trivial}
	if r.trivial == nil {
		r.trivial = func(int16) bool { return false }
	}
	r.pool.New = func() any {
		op := &Op{rec: r}
		op.reset()
		return op
	}
	share := func(n int) int {
		if o.Memory == 0 {
			return n
		}
		return max(10, min(n, int(o.Memory/RecordBytes)*n/(MaxSlow+MaxFailed+MaxHealthy)))
	}
	r.slow.limit, r.failed.limit, r.healthy.limit = share(MaxSlow), share(MaxFailed), share(MaxHealthy)
	return r
}

// SetOff switches recording off, or on again: Begin gives nil meanwhile. It is how the cost is measured.
func (r *Recorder) SetOff(off bool) { r.off.Store(off) }

// Now is the recorder's clock; 0 for nil.
func (r *Recorder) Now() int64 {
	if r == nil {
		return 0
	}
	return r.clock()
}

func (r *Recorder) now() int64 { return r.clock() }

// Begin opens the record of a request whose first bytes have come, on a connection of this number to this host. The caller holds its first
// reference, which End gives back.
func (r *Recorder) Begin(conn uint64, peer string) *Op {
	if r == nil || r.off.Load() {
		return nil
	}
	o := r.pool.Get().(*Op)
	o.refs.Store(1)
	o.id, o.conn, o.peer = r.seq.Add(1), conn, peer
	o.at[Received].Store(r.now())
	s := &r.shards[conn%numShards]
	s.mu.Lock()
	if o.prev = s.last; o.prev != nil {
		o.prev.next = o
	} else {
		s.first = o
	}
	s.last = o
	s.n++
	s.mu.Unlock()
	return o
}

func (s *shard) unlink(o *Op) {
	s.mu.Lock()
	if o.prev != nil {
		o.prev.next = o.next
	} else {
		s.first = o.next
	}
	if o.next != nil {
		o.next.prev = o.prev
	} else {
		s.last = o.prev
	}
	o.next, o.prev = nil, nil
	s.n--
	s.mu.Unlock()
}

// end books an operation and decides whether it is kept.
func (r *Recorder) end(o *Op, how Outcome) {
	r.shards[o.conn%numShards].unlink(o)
	key := uint16(o.request.Load() >> 48)
	if key >= numKeys {
		return
	}
	now := o.at[Written].Load()
	if now == 0 || how != Done {
		now = r.now()
	}
	total := now - o.at[Received].Load()
	if how == Gone {
		r.gone.Add(1)
	}
	a := r.api(int(key))
	busy := total - o.asked(now)
	if how != Gone {
		a.book(o, total, busy)
	}
	code := o.code.Load()
	if code != 0 {
		a.failed(int16(code))
	}
	threshold := r.fixed
	if threshold == 0 {
		threshold = a.slowFrom(now)
	}
	switch {
	case busy > threshold:
		r.keep(&r.slow, o, how, Slow, threshold, now)
	case o.marked.Load():
		r.keep(&r.slow, o, how, Marked, threshold, now)
	}
	switch {
	case code != 0 && !r.trivial(int16(code)):
		if r.codes.allow(int16(code), now) {
			r.keep(&r.failed, o, how, Failed, threshold, now)
		}
	case code == 0 && how != Gone && busy <= threshold && now >= r.nextHealthy.Load():
		r.nextHealthy.Store(now + rand.Int64N(int64(healthyEvery)))
		r.keep(&r.healthy, o, how, Healthy, threshold, now)
	}
}

func (o *Op) asked(now int64) int64 {
	if w := o.at[Waiting].Load(); w != 0 && Await(o.wait.Load()) == AwaitBytes {
		return now - w + o.waited.Load()
	}
	return o.waited.Load()
}

func (r *Recorder) keep(to *ring, o *Op, how Outcome, why Why, threshold, now int64) {
	rec := o.snapshot()
	rec.Outcome, rec.Why, rec.Threshold, rec.Ended = how, why, threshold, now
	rec.clip()
	to.add(rec)
}

// ring holds the newest records.
type ring struct {
	mu    sync.Mutex
	limit int
	at    int
	list  []Record
	total uint64
}

func (k *ring) add(rec Record) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.total++
	if len(k.list) < k.limit {
		k.list = append(k.list, rec)
		return
	}
	k.list[k.at] = rec
	k.at = (k.at + 1) % len(k.list)
}

// newest calls fn with each record, newest first, until it returns false.
func (k *ring) newest(fn func(*Record) bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	n := len(k.list)
	for i := range n {
		if !fn(&k.list[(k.at+n-1-i)%n]) {
			return
		}
	}
}

// codeLimit bounds how many failures of one code are kept a second, so that one that comes in floods does not push out the others.
type codeLimit struct {
	mu     sync.Mutex
	second int64
	n      map[int16]int
}

func (c *codeLimit) allow(code int16, now int64) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s := now / int64(time.Second); s != c.second || c.n == nil {
		c.second, c.n = s, map[int16]int{}
	}
	c.n[code]++
	return c.n[code] <= failedPerCode
}
