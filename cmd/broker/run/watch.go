package run

import (
	"sync"
	"time"

	"troupe/actors/kit"
	"troupe/cmd/broker/admin"
)

// The watch looks at the broker every watchEvery, so that the doctor can speak of the last minute and of what is over.
const (
	watchEvery  = 5 * time.Second
	watchLast   = 12                     // looks that it remembers
	heapEvery   = 200 * time.Millisecond // how often the limit of the Go heap follows what is taken outside of it
	jumpMin     = time.Second
	jumpsFor    = 15 * time.Minute
	jumpsAtMost = 10
)

// look is what the watch remembers of one moment: counters that only grow.
type look struct {
	sync     kit.Histogram
	rejected int64
	errors   int64
	rounds   int64
	dirty    int64 // permille: the one that does not only grow
}

// watch is safe for any goroutine.
type watch struct {
	take func() look
	pace func()  // called often: see heapEvery
	trim trimmer // run's own

	mu    sync.Mutex
	looks []look // oldest first
	wall  time.Time
	mono  time.Duration
	jumps []admin.ClockJump
	quit  chan struct{}
	ended chan struct{}
}

func newWatch(take func() look, pace func()) *watch {
	return &watch{take: take, pace: pace, quit: make(chan struct{}), ended: make(chan struct{})}
}

// run looks until close.
func (w *watch) run() {
	defer close(w.ended)
	start := time.Now()
	w.tick(start, 0)
	t := time.NewTicker(watchEvery)
	defer t.Stop()
	p := time.NewTicker(heapEvery)
	defer p.Stop()
	for {
		select {
		case <-w.quit:
			return
		case <-p.C:
			w.pace()
		case now := <-t.C:
			w.tick(now, now.Sub(start))
			w.trim.tick(now)
		}
	}
}

// close ends run, and waits for it: what it looks at may be closed afterwards.
func (w *watch) close() {
	close(w.quit)
	<-w.ended
}

// tick takes a look. wall is the clock as people read it, mono a time that never jumps.
func (w *watch) tick(wall time.Time, mono time.Duration) {
	l := w.take()
	w.mu.Lock()
	defer w.mu.Unlock()
	wall = wall.Round(0) // without Go's monotonic reading
	if !w.wall.IsZero() {
		if by := wall.Sub(w.wall) - (mono - w.mono); by >= jumpMin || by <= -jumpMin {
			w.jumps = append(w.jumps, admin.ClockJump{At: wall, By: by.Seconds()})
			w.jumps = w.jumps[max(0, len(w.jumps)-jumpsAtMost):]
		}
	}
	w.wall, w.mono = wall, mono
	if w.looks = append(w.looks, l); len(w.looks) > watchLast {
		w.looks = append(w.looks[:0], w.looks[1:]...)
	}
}

// lately is what has happened since the oldest look, and the jumps of the clock that are news at the time now.
func (w *watch) lately(now time.Time) (since look, jumps []admin.ClockJump) {
	since = w.take()
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.looks) > 0 {
		old := &w.looks[0]
		since.sync.Subtract(&old.sync)
		since.rejected -= old.rejected
		since.errors -= old.errors
		since.rounds -= old.rounds
		if len(w.looks) < watchLast {
			since.dirty = 0 // not known for long enough
		}
		for i := range w.looks {
			since.dirty = min(since.dirty, w.looks[i].dirty)
		}
	}
	jumps = []admin.ClockJump{}
	for _, j := range w.jumps {
		if age := now.Sub(j.At); age < jumpsFor && age > -jumpsFor {
			jumps = append(jumps, j)
		}
	}
	return since, jumps
}
