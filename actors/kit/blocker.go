package kit

import (
	"sync"
	"time"
)

// blocker runs functions in order on a goroutine of its own, which it gives up when it has been idle.
type blocker struct {
	t     *Troupe
	owner *Ref
	name  string

	mu       sync.Mutex
	q        fifo[task]
	wake     chan struct{}
	live     bool
	parked   bool
	closed   bool
	parkedAt uint32
	since    int64 // start of the function that runs, 0 if none does
	done     uint64
}

// BlockerInfo is one blocker that has a goroutine.
type BlockerInfo struct {
	Actor, Name string
	Queued      int
	Done        uint64
	Running     time.Duration // how long the present function has run; 0: none does
}

// Do implements Blocker.
func (b *blocker) Do(fn func() any) {
	b.mu.Lock()
	if b.closed {
		b.mu.Unlock()
		return
	}
	b.q.push(task{to: b.owner, fn: fn})
	b.rouse()
}

// Close implements Blocker.
func (b *blocker) Close() {
	b.mu.Lock()
	if b.closed {
		b.mu.Unlock()
		return
	}
	b.closed = true
	if b.live {
		b.rouse()
		return
	}
	b.mu.Unlock()
}

// rouse makes the goroutine run. It is called with mu held and releases it.
func (b *blocker) rouse() {
	switch {
	case b.parked:
		b.parked = false
		w := b.wake
		b.mu.Unlock()
		w <- struct{}{}
	case !b.live:
		b.live = true
		w := make(chan struct{}, 1)
		b.wake = w
		b.mu.Unlock()
		go b.begin(w)
	default:
		b.mu.Unlock()
	}
}

func (b *blocker) begin(wake chan struct{}) {
	b.t.janitor.add(b)
	b.loop(wake, nil)
}

// loop runs what is queued, after fn if that is not nil. It is kept flat, like all below it that may wait for long: see Afresh.
func (b *blocker) loop(wake chan struct{}, fn func() any) {
	if m, ok := b.owner.box.(*mailbox); ok {
		m.sh.kind.label()
	}
	if fn != nil {
		if fn = b.t.runTask(b.name, task{to: b.owner, fn: fn}); fn != nil {
			go b.loop(wake, fn)
			return
		}
	}
	for {
		k, ok, end := b.next()
		switch {
		case end:
			return
		case ok:
			if fn := b.t.runTask(b.name, k); fn != nil {
				go b.loop(wake, fn)
				return
			}
		default:
			if _, more := <-wake; !more {
				return
			}
		}
	}
}

// next takes the next function, or parks.
func (b *blocker) next() (k task, ok, end bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.since != 0 {
		b.since = 0
		b.done++
	}
	if b.q.len() > 0 {
		b.since = b.t.nanos()
		return b.q.pop(), true, false
	}
	if b.closed {
		b.live = false
		return k, false, true
	}
	b.parked = true
	b.parkedAt = b.t.janitor.tick.Load()
	return k, false, false
}

// reap implements idler.
func (b *blocker) reap(tick, limit uint32) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed && !b.live {
		return true
	}
	if !b.parked || tick-b.parkedAt < limit {
		return false
	}
	b.parked, b.live = false, false
	close(b.wake)
	return true
}

func (b *blocker) info(now int64) BlockerInfo {
	b.mu.Lock()
	defer b.mu.Unlock()
	i := BlockerInfo{Actor: b.owner.name, Name: b.name, Queued: b.q.len(), Done: b.done}
	if b.since != 0 {
		i.Running = time.Duration(now - b.since)
	}
	return i
}
