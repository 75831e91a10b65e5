package kit

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

const (
	janitorTick  = 500 * time.Millisecond
	janitorTicks = 3 // ticks of idleness before a goroutine is given up: more than a second
	// manyLive goroutines make a crowd: in it those of newcomers are given up at the next tick. Each has a stack of up to 8 KB, and of
	// thousands of clients that have just said hello most say nothing more.
	manyLive = 2000
	newcomer = 16 // messages; who has handled as many is worth keeping
)

// idler has a goroutine that is worth giving up.
type idler interface {
	// reap ends the goroutine if it has been idle for limit ticks; true: it needs no more looking after.
	reap(tick, limit uint32) bool
}

// janitor looks after the goroutines of one system. It ticks only while there are any.
type janitor struct {
	tick    atomic.Uint32
	crowded atomic.Bool
	every   time.Duration
	limit   uint32
	mu      sync.Mutex
	live    []idler
	on      bool
	closed  bool
}

// add must not be called with the idler's own lock held.
func (j *janitor) add(i idler) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.live = append(j.live, i)
	if !j.on && !j.closed {
		j.on = true
		time.AfterFunc(j.every, j.run)
	}
}

func (j *janitor) run() {
	tick := j.tick.Add(1)
	j.mu.Lock()
	n := len(j.live)
	list := slices.Clone(j.live)
	j.mu.Unlock()

	j.crowded.Store(n > manyLive)
	keep := list[:0]
	for _, i := range list {
		if !i.reap(tick, j.limit) {
			keep = append(keep, i)
		}
	}

	j.mu.Lock()
	defer j.mu.Unlock()
	added := j.live[n:]
	j.live = append(keep, added...)
	if j.on = len(j.live) > 0 && !j.closed; j.on {
		time.AfterFunc(j.every, j.run)
	}
}

// list is who has a goroutine now.
func (j *janitor) list() []idler {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Clone(j.live)
}

func (j *janitor) close() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.closed = true
}
