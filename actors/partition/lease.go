package partition

import (
	"sync/atomic"
	"time"
)

// Lease says until when this broker may serve clients as a leader. The controller's answers to heartbeats extend it; a broker that has not
// been heard is fenced, and another one leads in its stead, a little later than the lease ends. It is looked at with each request, so that
// a broker that was stopped for a while does not serve what it took for its own before. One for all partitions, written by the node actor.
// A nil Lease is held for ever.
type Lease struct {
	now func() time.Time
	p   atomic.Pointer[validity]
}

// validity is a stretch of time; one without an end is free.
type validity struct{ from, to time.Time }

// NewLease makes a lease that is not held yet.
func NewLease(now func() time.Time) *Lease { return &Lease{now: now} }

// Held reports whether this broker may serve as a leader now. Outside of the stretch on both sides it may not: a clock that has gone back
// says nothing about how long ago it was extended.
func (l *Lease) Held() bool {
	if l == nil {
		return true
	}
	v := l.p.Load()
	if v == nil {
		return false
	}
	if v.to.IsZero() {
		return true
	}
	now := l.now()
	return !now.Before(v.from) && now.Before(v.to)
}

// Extend makes it held between two moments.
func (l *Lease) Extend(from, to time.Time) { l.p.Store(&validity{from, to}) }

// Free makes it held until further notice: there is nobody else who could lead.
func (l *Lease) Free() { l.p.Store(&validity{}) }

// Revoke ends it now.
func (l *Lease) Revoke() { l.p.Store(nil) }
