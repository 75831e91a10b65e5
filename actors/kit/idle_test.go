package kit

import (
	"fmt"
	"io"
	"log/slog"
	"runtime"
	"sync/atomic"
	"testing"
	"time"
)

// hasty is a Troupe whose goroutines are given up after a few milliseconds.
func hasty(t *testing.T) *Troupe {
	tr := New(slog.New(slog.NewTextHandler(io.Discard, nil)), 4)
	tr.SetFatal(func(reason string) { t.Errorf("fatal: %s", reason) })
	tr.janitor.every, tr.janitor.limit = 2*time.Millisecond, 2
	t.Cleanup(tr.Close)
	return tr
}

func TestIdleCostsNoGoroutine(t *testing.T) {
	tr := hasty(t)
	before := runtime.NumGoroutine()
	var refs []*Ref
	var got atomic.Int32
	for i := range 500 {
		r := tr.Spawn(fmt.Sprintf("a/%d", i), fn(func(_ Context, m any) {
			if _, ok := m.(int); ok {
				got.Add(1)
			}
		}), Options{})
		b := tr.Blocker(r, "disk")
		b.Do(func() any { return 1 })
		tr.Go(r, func() any { return 1 })
		refs = append(refs, r)
	}
	for round := 1; round <= 3; round++ {
		until(t, "all handled", func() bool { return got.Load() == int32(500*(round+1)) })
		until(t, "goroutines given up", func() bool { return runtime.NumGoroutine() <= before+2 })
		until(t, "janitor at rest", func() bool { return len(tr.janitor.list()) == 0 })
		for _, r := range refs {
			r.Tell(1)
		}
	}
}

// Posts that meet the end of the goroutine are not lost, and never run on two goroutines at once.
func TestPostsRaceWithGivingUp(t *testing.T) {
	tr := hasty(t)
	tr.janitor.every, tr.janitor.limit = 100*time.Microsecond, 1
	n, want := 0, 0
	var got atomic.Int32
	r := tr.Spawn("a", fn(func(_ Context, m any) {
		if x, ok := m.(int); ok {
			if x != n+1 {
				t.Errorf("%d after %d", x, n)
			}
			n = x
			got.Store(int32(x))
		}
	}), Options{})
	for end := time.Now().Add(300 * time.Millisecond); time.Now().Before(end); {
		want++
		r.Tell(want)
		time.Sleep(time.Duration(want%5) * 100 * time.Microsecond)
	}
	until(t, "all handled", func() bool { return got.Load() == int32(want) })
}

func TestBurstsGiveTheirMemoryBack(t *testing.T) {
	tr := newTroupe(t)
	gate := make(chan struct{})
	r := tr.Spawn("a", fn(func(_ Context, m any) {
		if m == 0 {
			<-gate
		}
	}), Options{})
	r.Tell(0)
	for range 200_000 {
		r.Tell(1)
	}
	b := r.box.(*mailbox)
	close(gate)
	until(t, "idle", func() bool { i, _ := tr.Actor("a"); return i.State == StateIdle })
	b.mu.Lock()
	defer b.mu.Unlock()
	if cap(b.q) > keepItems || cap(b.cur) > keepItems {
		t.Fatalf("kept %d and %d items", cap(b.q), cap(b.cur))
	}
}

func TestBlockerKeepsOrderAndCloses(t *testing.T) {
	tr := hasty(t)
	owner, j := sink(tr, "a")
	b := tr.Blocker(owner, "disk")
	for i := range 3 {
		b.Do(func() any { time.Sleep(5 * time.Millisecond); return i })
	}
	j.wait(t, "0 1 2")
	time.Sleep(20 * time.Millisecond) // its goroutine has gone
	b.Do(func() any { return nil })
	b.Do(func() any { return 3 })
	b.Close()
	b.Close()
	b.Do(func() any { return 4 })
	j.wait(t, "0 1 2 3")
	time.Sleep(5 * time.Millisecond)
	j.wait(t, "0 1 2 3")
}

func TestPoolIsBoundedAndFair(t *testing.T) {
	tr := newTroupe(t)
	var at, most atomic.Int32
	before := runtime.NumGoroutine()
	r, j := sink(tr, "a")
	gate := make(chan struct{})
	for i := range 4 {
		tr.Go(r, func() any { <-gate; _ = i; return nil })
	}
	until(t, "four workers", func() bool { return tr.Pool().Busy == 4 && tr.Pool().Queued == 0 })
	for range 1000 {
		tr.Go(r, func() any {
			most.Store(max(most.Load(), at.Add(1)))
			at.Add(-1)
			return nil
		})
	}
	tr.Go(r, func() any { return "last" })
	if n := runtime.NumGoroutine(); n > before+6 {
		t.Fatalf("%d goroutines for queued functions", n-before)
	}
	if p := tr.Pool(); p.Queued != 1001 || p.OldestWait <= 0 {
		t.Fatalf("%+v", p)
	}
	close(gate)
	j.wait(t, "last")
	if most.Load() > 4 {
		t.Fatalf("%d at once", most.Load())
	}
	until(t, "all done", func() bool { return tr.Pool().Done == 1005 })
}

// 100,000 idle actors must be cheap: what an actor that has worked keeps, once its goroutine has gone.
func TestIdleActorsAreSmall(t *testing.T) {
	tr := hasty(t)
	tr.Spawn("first", fn(func(Context, any) {}), Options{})
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc + m.StackInuse
	}
	before := heap()
	const n = 10_000
	for i := range n {
		r := tr.Spawn(fmt.Sprintf("a/%d", i), fn(func(Context, any) {}), Options{})
		for range 100 {
			r.Tell(1)
		}
	}
	until(t, "all handled", func() bool { k := tr.Kinds(); return k[0].Kind == "a" && k[0].Processed >= 100*n })
	until(t, "janitor at rest", func() bool { return len(tr.janitor.list()) == 0 })
	if each := int64(heap()-before) / n; each > 2048 {
		t.Fatalf("%d bytes each", each)
	} else {
		t.Logf("%d bytes each", each)
	}
}

// A function that goes on afresh runs before what is queued, on another goroutine, and its result is the blocker's.
func TestAfresh(t *testing.T) {
	tr := newTroupe(t)
	owner, j := sink(tr, "a")
	for _, do := range []func(func() any){tr.Blocker(owner, "read").Do, func(fn func() any) { tr.Go(owner, fn) }} {
		gate := make(chan struct{})
		do(func() any {
			<-gate
			return Afresh{func() any { return Afresh{func() any { return 1 }} }}
		})
		close(gate)
		do(func() any { return nil })
	}
	j.wait(t, "1 1")

	b := tr.Blocker(owner, "read")
	gate := make(chan struct{})
	b.Do(func() any { <-gate; return Afresh{func() any { return 2 }} })
	b.Do(func() any { return 3 })
	close(gate)
	j.wait(t, "1 1 2 3")
}

// A function that goes on with another one does so before what is queued, and only the last one's result is told.
func TestThen(t *testing.T) {
	tr := newTroupe(t)
	owner, j := sink(tr, "a")
	b := tr.Blocker(owner, "work")
	gate := make(chan struct{})
	b.Do(func() any { <-gate; return Then{func() any { return Then{func() any { return 1 }} }} })
	b.Do(func() any { return 2 })
	b.Do(func() any {
		return Then{func() any { return Afresh{func() any { return Then{func() any { return 3 }} }} }}
	})
	b.Do(func() any { return 4 })
	close(gate)
	j.wait(t, "1 2 3 4")
}

// Very many that wait keep little of the stack that they needed before.
func TestAfreshGivesTheStackBack(t *testing.T) {
	tr := newTroupe(t)
	owner, _ := sink(tr, "a")
	gate := make(chan struct{})
	defer close(gate)
	var waiting atomic.Int32
	for range 1000 {
		tr.Blocker(owner, "read").Do(func() any {
			deep(100)
			return Afresh{func() any { waiting.Add(1); <-gate; return nil }}
		})
	}
	until(t, "all wait", func() bool { return waiting.Load() == 1000 })
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	if each := m.StackInuse / 1000; each > 10<<10 { // deep needs 32 KB
		t.Errorf("%d bytes of stack each", each)
	}
}

//go:noinline
func deep(n int) (sum int) {
	var room [128]byte
	if n > 0 {
		room[n%128] = byte(deep(n - 1))
	}
	return int(room[n%128]) + n
}

// Where there are very many goroutines, those of newcomers are given up long before the others', and newcomers have no samples.
func TestNewcomersOfACrowd(t *testing.T) {
	tr := hasty(t)
	tr.janitor.limit = 1 << 30
	var got atomic.Int32
	count := fn(func(_ Context, m any) {
		if _, ok := m.(int); ok {
			got.Add(1)
		}
	})
	busy := tr.Spawn("busy", count, Options{})
	for range newcomer {
		busy.Tell(1)
	}
	until(t, "the busy one has handled all", func() bool { return got.Load() == newcomer })
	some := tr.Spawn("some", count, Options{})
	some.Tell(1)
	time.Sleep(20 * time.Millisecond)
	if n, _ := tr.Actor("some"); !n.Goroutine {
		t.Error("the goroutine was given up where there is no crowd")
	}
	for i := range manyLive {
		r := tr.Spawn(fmt.Sprintf("a/%d", i), count, Options{})
		r.Tell(1)
	}
	until(t, "newcomers given up", func() bool { n, _ := tr.Actor("some"); return !n.Goroutine && len(tr.janitor.list()) < manyLive/2 })
	if n, _ := tr.Actor("busy"); !n.Goroutine {
		t.Error("the goroutine of a busy actor was given up")
	}
	if some.Box().(*mailbox).timing.Load() != nil {
		t.Error("an actor with one quick message has samples")
	}
}
