package kit

import (
	"runtime/debug"
	"sync"
	"time"
)

// task is one function and who is told its result.
type task struct {
	to *Ref
	fn func() any
	at int64
}

// pool runs short blocking functions on a bounded number of goroutines, first come first served.
type pool struct {
	t    *Troupe
	size int

	mu      sync.Mutex
	work    sync.Cond
	q       fifo[task]
	workers int
	idle    int
	quit    int // idle workers that are to end
	done    uint64
	idleAt  uint32 // last tick at which all workers were busy or work came
	high    int
	watched bool // the janitor knows us
}

// PoolInfo is the pool as people see it.
type PoolInfo struct {
	Size, Busy, Queued, HighWater int
	Done                          uint64
	OldestWait                    time.Duration
}

func newPool(t *Troupe, size int) *pool {
	p := &pool{t: t, size: max(size, 1)}
	p.work.L = &p.mu
	return p
}

func (p *pool) do(k task) {
	p.mu.Lock()
	p.q.push(k)
	p.high = max(p.high, p.q.len())
	grow := p.idle-p.quit < p.q.len() && p.workers < p.size
	if grow {
		p.workers++
	} else {
		p.work.Signal()
	}
	watch := grow && !p.watched
	p.watched = p.watched || watch
	p.mu.Unlock()
	if grow {
		go p.worker()
	}
	if watch {
		p.t.janitor.add(p)
	}
}

func (p *pool) worker() {
	for {
		p.mu.Lock()
		for p.q.len() == 0 {
			if p.quit > 0 {
				p.quit--
				p.workers--
				p.mu.Unlock()
				return
			}
			p.idle++
			p.work.Wait()
			p.idle--
		}
		k := p.q.pop()
		if p.q.len() > 0 || p.idle == 0 {
			p.idleAt = p.t.janitor.tick.Load()
		}
		p.mu.Unlock()
		for k.fn != nil {
			k.fn = p.t.runTask("pool", k)
		}
		p.mu.Lock()
		p.done++
		p.mu.Unlock()
	}
}

// reap implements idler: when not all workers were needed for limit ticks, one that waits is let go per tick.
func (p *pool) reap(tick, limit uint32) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.workers == 0 {
		p.watched = false
		return true
	}
	if p.idle > p.quit && tick-p.idleAt >= limit {
		p.quit++
		p.work.Signal()
	}
	return false
}

func (p *pool) info(now int64) PoolInfo {
	p.mu.Lock()
	defer p.mu.Unlock()
	i := PoolInfo{Size: p.size, Busy: p.workers - p.idle, Queued: p.q.len(), HighWater: p.high, Done: p.done}
	if p.q.len() > 0 {
		i.OldestWait = time.Duration(now - p.q.first().at)
	}
	return i
}

// runTask runs a function for an actor and tells the result; what is to run afresh is returned. A panic counts as the actor's own.
func (t *Troupe) runTask(where string, k task) (again func() any) {
	defer t.caught(where, k.to)
	for fn := k.fn; ; {
		switch m := fn().(type) {
		case nil:
			return nil
		case Afresh:
			return m.Fn
		case Then:
			fn = m.Fn
		default:
			k.to.Tell(m)
			return nil
		}
	}
}

// caught is deferred by runTask, which stays flat: panics are dealt with here.
func (t *Troupe) caught(where string, to *Ref) {
	r := recover()
	if r == nil {
		return
	}
	stack := debug.Stack()
	attrs := []any{"actor", to.name, "in", where, "panic", panicText(r)}
	if b, ok := to.box.(*mailbox); ok && b.sh.o.MayDie {
		t.log.Error("function of an actor panicked", append(attrs, "stack", string(clip(stack, maxStack)))...)
		t.Stop(to, nil, nil)
		return
	}
	t.crash("function of an actor panicked", t.flightText("function of "+to.name, panicText(r), stack), attrs...)
}

// fifo is a queue that gives its memory back when it is empty.
type fifo[T any] struct {
	items []T
	head  int
}

func (f *fifo[T]) len() int  { return len(f.items) - f.head }
func (f *fifo[T]) push(x T)  { f.items = append(f.items, x) }
func (f *fifo[T]) first() *T { return &f.items[f.head] }

func (f *fifo[T]) pop() T {
	var zero T
	x := f.items[f.head]
	f.items[f.head] = zero
	f.head++
	switch {
	case f.head == len(f.items):
		f.items, f.head = f.items[:0], 0
		if cap(f.items) > keepItems {
			f.items = nil
		}
	case f.head > 64 && f.head > len(f.items)/2:
		n := copy(f.items, f.items[f.head:])
		clear(f.items[n:])
		f.items, f.head = f.items[:n], 0
	}
	return x
}
