package kit

import (
	"fmt"
	"sync"
)

type blocker struct {
	owner  *Ref
	mu     sync.Mutex
	cond   sync.Cond
	q      []func() any
	closed bool
}

// Do implements Blocker.
func (b *blocker) Do(fn func() any) {
	b.mu.Lock()
	b.q = append(b.q, fn)
	b.mu.Unlock()
	b.cond.Signal()
}

// Close implements Blocker.
func (b *blocker) Close() {
	b.mu.Lock()
	b.closed = true
	b.mu.Unlock()
	b.cond.Signal()
}

func (b *blocker) loop() {
	for {
		b.mu.Lock()
		for len(b.q) == 0 && !b.closed {
			b.cond.Wait()
		}
		if len(b.q) == 0 {
			b.mu.Unlock()
			return
		}
		fn := b.q[0]
		b.q = b.q[1:]
		b.mu.Unlock()
		if m := fn(); m != nil {
			b.owner.Tell(m)
		}
	}
}

func typeName(m any) string { return fmt.Sprintf("%T", m) }
