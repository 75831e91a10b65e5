package kit

import (
	"sync/atomic"
	"time"
)

const (
	timerPending = iota
	timerSent
	timerStopped
)

// timer is one After. state decides between the clock and Stop: whoever moves it first has won.
type timer struct {
	state atomic.Int32
	to    *Ref
	m     any
	t     *time.Timer
}

func (x *timer) fire() {
	if x.state.CompareAndSwap(timerPending, timerSent) {
		x.to.Tell(x.m)
	}
}

// Stop implements Timer. After true, m is never sent; a second Stop says the same as the first.
func (x *timer) Stop() bool {
	if x.state.CompareAndSwap(timerPending, timerStopped) {
		x.t.Stop()
		return true
	}
	return x.state.Load() == timerStopped
}
