package kafka

import (
	"sync"

	"troupe/actors/kit/trace"
)

// budget bounds the bytes of all requests in memory. Readers charge what they are about to allocate and wait while nothing is
// left. So that half-read frames do not wait for each other for ever, one of the waiters may go beyond the limit until its
// frame is complete, and the next one when the memory in use is within the limit again: the excess is at most one request. That one cannot
// hold up the others for long: it has one more deadline to arrive whole, however fast it comes.
//
// It is shared by the goroutines of all readers; actors only give back.
type budget struct {
	mu    sync.Mutex
	free  sync.Cond
	used  int64
	limit int64
	queue bool     // nobody goes beyond the limit while others use it: for what is charged once and whole
	ahead *account // the one that may go beyond the limit
}

// memory is what requests of all connections may take. Those that name very many things have a budget of their own, so that they wait
// for each other and nobody else waits for them.
type memory struct {
	requests *budget
	giants   *budget
}

// maxGiants is what requests that name very many things may take together, by what carrying them out takes: one large one, or several
// smaller ones.
const maxGiants = 96 << 20

func newMemory(limit, giants int64) *memory {
	m := &memory{requests: newBudget(limit), giants: newBudget(min(limit, giants, maxGiants))}
	m.giants.queue = true
	return m
}

// held is what one request is charged.
type held struct {
	bytes int64
	giant int64
}

// give gives back what a request was charged.
func (m *memory) give(h held) {
	m.requests.give(h.bytes)
	m.giants.give(h.giant)
}

func newBudget(limit int64) *budget {
	b := &budget{limit: limit}
	b.free.L = &b.mu
	return b
}

// account is what one reader charges for the frame that it reads.
type account struct {
	b      *budget
	taken  int64
	closed bool      // guarded by b.mu
	op     *trace.Op // of the frame
	beyond bool      // it is b.ahead: for its own reader
	// resumed is called by take when it has waited: the client was kept waiting, not the other way round. May be nil.
	resumed func()
}

// take charges n bytes, and waits until they fit. It reports false when the account was closed.
func (a *account) take(n int) bool {
	b := a.b
	b.mu.Lock()
	defer b.mu.Unlock()
	waited := false
	for b.used+int64(n) > b.limit && b.used > 0 && b.ahead != a && !a.closed {
		if b.ahead == nil && b.used <= b.limit && !b.queue {
			b.ahead, a.beyond = a, true
			break
		}
		if !waited {
			waited = true
			a.op.Await(trace.AwaitBudget, "")
		}
		b.free.Wait()
	}
	if waited {
		a.op.Resume()
	}
	if a.closed {
		return false
	}
	if waited && a.resumed != nil {
		a.resumed()
	}
	b.used += int64(n)
	a.taken += int64(n)
	a.op.SetCharged(a.taken)
	return true
}

// refund gives n bytes of the frame that is being read back.
func (a *account) refund(n int) {
	a.b.mu.Lock()
	a.taken -= int64(n)
	a.b.mu.Unlock()
	a.b.give(int64(n))
}

// settle ends the frame: what was charged is the call's now, and is returned.
func (a *account) settle() int64 {
	b := a.b
	b.mu.Lock()
	n := a.taken
	a.taken, a.op, a.beyond = 0, nil, false
	if b.ahead == a {
		b.ahead = nil
		b.free.Broadcast()
	}
	b.mu.Unlock()
	return n
}

// close wakes a reader that waits, for good.
func (a *account) close() {
	a.b.mu.Lock()
	a.closed = true
	a.b.mu.Unlock()
	a.b.free.Broadcast()
}

// give gives n bytes back.
func (b *budget) give(n int64) {
	if n == 0 {
		return
	}
	b.mu.Lock()
	b.used -= n
	b.mu.Unlock()
	b.free.Broadcast()
}

// inUse is how many bytes requests take now.
func (b *budget) inUse() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.used
}
