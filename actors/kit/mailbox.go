package kit

import (
	"runtime/debug"
	"sync"
	"sync/atomic"

	"github.com/asynkron/protoactor-go/actor"
)

const (
	chunkSize  = 64   // messages between two looks at the system queue and the counters
	keepItems  = 2048 // a waiting mailbox keeps buffers up to this size (48 KB each) until its goroutine ends
	largeItems = 8192 // a busy mailbox gives back buffers above this size that are mostly empty
	parkedOne  = 8    // of the messages that find the actor waiting, one in so many is timed
)

// item is one queued message. at is its time in the queue's clock when it is to be timed, else 0.
type item struct {
	m  any
	at int64
}

// mailbox is a double-buffered queue with at most one goroutine. It plugs into protoactor as its Mailbox.
//
// Ownership: mu guards everything but what is marked. The elements of cur are written under mu only, and read by the
// consumer without it; so whoever holds mu may read them too.
type mailbox struct {
	sh    *shell
	limit int

	mu       sync.Mutex
	q        []item // senders append
	cur      []item // the consumer works on these
	sys      []any  // protoactor's own messages: before all others
	wake     chan struct{}
	started  bool // protoactor has told Start: the consumer may run
	live     bool // a goroutine exists
	parked   bool // it waits on wake
	closed   bool // no more posts
	gone     bool // stopped, name freed
	parkedAt uint32
	takenAt  int64     // when cur was taken from q
	bookedAt int64     // clock of the last booking: busy time runs from here
	notify   []*poison // told when gone
	counters

	pos   atomic.Int64 // messages of cur that were taken; written by the consumer
	since atomic.Int64 // when the message in hand (or one shortly before it) began; written by the consumer
	slow  atomic.Bool  // time every message

	// The consumer's own.
	chunk [2]int // the part of cur in work
	t     int64  // last reading of the clock
	fresh bool   // no message was handled since that reading
	woke  bool   // the goroutine has just begun or was woken
	inv   actor.MessageInvoker
	inSys any // the system message in work; written under mu
}

// Post implements Box.
func (b *mailbox) Post(m any) bool { return b.post(m, false) }

// TryPost implements Box.
func (b *mailbox) TryPost(m any) bool { return b.post(m, true) }

func (b *mailbox) post(m any, bounded bool) bool {
	b.mu.Lock()
	if b.closed {
		b.refused++
		b.mu.Unlock()
		return false
	}
	if bounded && b.waiting() >= b.limit {
		b.full++
		b.mu.Unlock()
		return false
	}
	var at int64
	if b.in%chunkSize == 0 || b.parked && b.in%parkedOne == 0 || b.slow.Load() || b.sh.t.tracer.Load() != nil {
		at = b.sh.t.nanos()
	}
	b.in++
	b.q = append(b.q, item{m, at})
	b.rouse()
	return true
}

// rouse makes the consumer run. It is called with mu held and releases it.
func (b *mailbox) rouse() {
	switch {
	case b.parked:
		b.parked = false
		w := b.wake
		b.mu.Unlock()
		w <- struct{}{} // capacity 1, and one send per parking: never blocks
	case !b.live && b.started:
		b.live = true
		w := make(chan struct{}, 1)
		b.wake = w
		b.mu.Unlock()
		go b.loop(w)
	default:
		b.mu.Unlock()
	}
}

func (b *mailbox) waiting() int { return len(b.q) + len(b.cur) - int(b.pos.Load()) }

// Depth implements Box.
func (b *mailbox) Depth() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.waiting()
}

// PostUserMessage implements actor.Mailbox.
func (b *mailbox) PostUserMessage(m any) { b.Post(m) }

// PostSystemMessage implements actor.Mailbox.
func (b *mailbox) PostSystemMessage(m any) {
	b.mu.Lock()
	if b.gone {
		b.mu.Unlock()
		return
	}
	b.sys = append(b.sys, m)
	b.rouse()
}

// RegisterHandlers implements actor.Mailbox.
func (b *mailbox) RegisterHandlers(inv actor.MessageInvoker, _ actor.Dispatcher) { b.inv = inv }

// Start implements actor.Mailbox. protoactor has queued its Started by now: what was told before stays behind it.
func (b *mailbox) Start() {
	b.mu.Lock()
	b.started = true
	if b.waiting() == 0 && len(b.sys) == 0 {
		b.mu.Unlock()
		return
	}
	b.rouse()
}

// UserMessageCount implements actor.Mailbox.
func (b *mailbox) UserMessageCount() int { return b.Depth() }

// loop is the mailbox's goroutine. The janitor closes wake when it was parked for too long.
func (b *mailbox) loop(wake chan struct{}) {
	b.sh.t.janitor.add(b)
	b.sh.kind.label()
	b.clock()
	for b.work() {
		if _, more := <-wake; !more {
			return
		}
		b.clock()
	}
}

// work runs until the queue is empty; false: the actor is gone.
func (b *mailbox) work() bool {
	for {
		switch b.turn() {
		case turnPark:
			return true
		case turnGone:
			return false
		}
	}
}

const (
	turnMore = iota // there may be more to do
	turnPark        // parked: wait for wake
	turnGone        // the goroutine ends
)

// turn takes and runs messages; a panic ends the turn.
func (b *mailbox) turn() (what int) {
	defer func() {
		if r := recover(); r != nil {
			b.sh.panicked(r, debug.Stack())
			what = turnMore
		}
	}()
	for {
		if what = b.next(); what != turnMore {
			return what
		}
		if b.inSys != nil {
			b.fresh = false
			b.inv.InvokeSystemMessage(b.inSys)
			continue
		}
		b.runChunk()
	}
}

// next books what was done and takes the next chunk or system message.
func (b *mailbox) next() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.woke {
		b.woke, b.bookedAt = false, b.t
	}
	b.book()
	b.inSys = nil
	if len(b.sys) > 0 {
		b.inSys = b.sys[0]
		b.sys[0] = nil
		b.sys = b.sys[1:]
		return turnMore
	}
	b.sys = nil
	if b.gone {
		b.live = false
		return turnGone
	}
	done := int(b.pos.Load())
	if done == len(b.cur) {
		if !b.swap() {
			return turnPark
		}
		done = 0
	}
	b.chunk = [2]int{done, min(done+chunkSize, len(b.cur))}
	return turnMore
}

// swap takes the whole queue; false: it is empty and the mailbox is now parked.
func (b *mailbox) swap() bool {
	if n := len(b.q); n > b.high {
		b.high = n
	}
	if cap(b.cur) > largeItems && len(b.cur) < cap(b.cur)/8 {
		b.cur = nil
	}
	b.cur, b.q = b.q, b.cur[:0]
	b.pos.Store(0)
	if len(b.cur) > 0 {
		b.takenAt = b.t
		return true
	}
	if cap(b.cur) > keepItems {
		b.cur = nil
	}
	if cap(b.q) > keepItems {
		b.q = nil
	}
	b.chunk = [2]int{}
	b.parked = true
	b.parkedAt = b.sh.t.janitor.tick.Load()
	return false
}

// tick reads the clock, unless nothing has happened since the last reading.
func (b *mailbox) tick() {
	if !b.fresh {
		b.t, b.fresh = b.sh.t.nanos(), true
		b.since.Store(b.t)
	}
}

// clock is called when the goroutine begins or wakes.
func (b *mailbox) clock() {
	b.fresh = false

	b.tick()
	b.bookedAt = b.t
}

// runChunk hands the chunk's messages to the actor. Only sampled messages are timed.
func (b *mailbox) runChunk() {
	tr := b.sh.t.tracer.Load()
	items := b.cur[b.chunk[0]:b.chunk[1]]
	first := int64(b.chunk[0])
	for i := range items {
		b.pos.Store(first + int64(i) + 1)
		if items[i].at != 0 || tr != nil || b.slow.Load() {
			b.timed(items[i], tr)
		} else {
			b.fresh = false
			b.inv.InvokeUserMessage(items[i].m)
		}
		if b.chunk[1] == 0 {
			return // the mailbox was closed by this message
		}
	}
}

// close makes later posts fail and refuses what is left. Only the consumer calls it.
func (b *mailbox) close() {
	b.mu.Lock()
	b.book()
	b.closed = true
	rest := append([]item(nil), b.cur[b.pos.Load():]...)
	rest = append(rest, b.q...)
	b.q, b.cur, b.chunk = nil, nil, [2]int{}
	b.pos.Store(0)
	b.refused += uint64(len(rest))
	for _, it := range rest {
		if p, ok := it.m.(*poison); ok {
			b.notify = append(b.notify, p)
			b.refused--
		}
	}
	b.mu.Unlock()
	for _, it := range rest {
		b.sh.refuse(it.m)
	}
}

// stop queues p, or has it told when the actor is gone.
func (b *mailbox) stop(p *poison) {
	if b.Post(p) {
		return
	}
	b.mu.Lock()
	if !b.gone {
		b.notify = append(b.notify, p)
		b.mu.Unlock()
		return
	}
	b.mu.Unlock()
	p.tell()
}

// finish marks the actor as gone and hands out who waits for that.
func (b *mailbox) finish() []*poison {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed, b.gone = true, true
	list := b.notify
	b.notify = nil
	return list
}

// reap implements idler: a goroutine that was parked for limit ticks ends, and buffers and samples are given back.
func (b *mailbox) reap(tick, limit uint32) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.gone && !b.live {
		return true
	}
	if b.processed < newcomer && b.sh.t.janitor.crowded.Load() {
		limit = 1
	}
	if !b.parked || tick-b.parkedAt < limit {
		return false
	}
	b.parked, b.live = false, false
	b.q, b.cur = nil, nil
	b.forget(b.sh.kind)
	close(b.wake)
	return true
}
