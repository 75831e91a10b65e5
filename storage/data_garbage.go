package storage

import (
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2"
)

// sweeper sees to it that files of values that are mostly garbage are rewritten though the store rests.
//
// Pebble looks for them only when a flush or a compaction has ended, and leaves those alone that are younger than GarbageAge. So what a
// compaction leaves behind too young would lie there until the next flush, which on a broker at rest never comes. The sweeper makes Pebble
// look once more when all that was there at the last change of the files is old enough.
type sweeper struct {
	db   *pebble.DB
	age  time.Duration
	look func() // is called first

	mu      sync.Mutex // never held while Pebble is called: its events come with its own locks held
	timer   *time.Timer
	last    time.Time // the files changed last
	armed   bool
	closed  bool
	working sync.WaitGroup
}

// changed notes that files were rewritten. It may be called from any goroutine, also before start.
func (s *sweeper) changed() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last = time.Now()
	s.arm(s.age)
}

// start begins to look after an open store; what it holds may be garbage of an earlier run.
func (s *sweeper) start(db *pebble.DB, age time.Duration, look func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.db, s.age, s.look, s.last = db, age, look, time.Now()
	s.arm(age)
}

// arm sets the timer, once. s.mu is held.
func (s *sweeper) arm(d time.Duration) {
	if s.armed || s.closed || s.db == nil {
		return
	}
	s.armed = true
	if s.timer == nil {
		s.timer = time.AfterFunc(d, s.due)
		return
	}
	s.timer.Reset(d)
}

func (s *sweeper) due() {
	s.mu.Lock()
	s.armed = false
	if s.closed {
		s.mu.Unlock()
		return
	}
	if rest := s.age - time.Since(s.last); rest > 0 { // they changed once more since the timer was set
		s.arm(rest)
		s.mu.Unlock()
		return
	}
	s.working.Add(1)
	s.mu.Unlock()
	defer s.working.Done()
	s.look()
	// Closing the earliest snapshot is what makes Pebble look for work without a write.
	_ = s.db.NewSnapshot().Close() // never fails, says its source: it is open
}

// close ends the sweeper; the store may be closed afterwards. Closing it twice does no harm.
func (s *sweeper) close() {
	s.mu.Lock()
	s.closed = true
	if s.timer != nil {
		s.timer.Stop()
	}
	s.mu.Unlock()
	s.working.Wait()
}
