package kit

import (
	"sync/atomic"
	"time"
)

// channelBox is a mailbox for one answer, outside of actors.
type channelBox[T any] struct {
	c      chan T
	closed atomic.Bool
}

// Post implements Box.
func (b *channelBox[T]) Post(m any) bool {
	if b.closed.Load() {
		return false
	}
	if x, ok := m.(T); ok {
		select {
		case b.c <- x:
		default:
		}
	}
	return true
}

// TryPost implements Box.
func (b *channelBox[T]) TryPost(m any) bool { return b.Post(m) }

// Depth implements Box.
func (b *channelBox[T]) Depth() int { return len(b.c) }

// Await lets a goroutine that is no actor (an HTTP handler, main, a test) ask an actor: send tells the ask with
// replyTo, and Await waits for the first answer of type T, at most timeout. Actors must not use it: they never wait.
func Await[T any](_ System, timeout time.Duration, send func(replyTo *Ref)) (T, bool) {
	box := &channelBox[T]{c: make(chan T, 1)}
	defer box.closed.Store(true)
	send(NewRef("await", box))
	limit := time.NewTimer(timeout)
	defer limit.Stop()
	select {
	case x := <-box.c:
		return x, true
	case <-limit.C:
		var zero T
		return zero, false
	}
}
