package node

import (
	"slices"
	"sync/atomic"
	"time"
)

// Step is one step of a broker's start: what it waits for, since when, and how long it took.
type Step struct {
	Name     string
	Done     bool
	WaitsFor string    // empty when done
	Since    time.Time // when it began to wait; zero if its turn has not come
	Took     time.Duration
}

// The steps of a start, in order.
const (
	StepStores   = "stores opened"
	StepFound    = "cluster found" // only while this broker belongs to none: see Expect
	StepActors   = "actors spawned"
	StepRaft     = "raft loop running"
	StepLeader   = "metadata leader known"
	StepImage    = "metadata image loaded"
	StepInit     = "cluster initialised"
	StepRegister = "broker registered"
	StepCaughtUp = "metadata caught up"
	StepBeat     = "heartbeats answered"
	StepUnfence  = "broker unfenced"
	StepServing  = "serving clients"
)

var order = []string{StepStores, StepActors, StepRaft, StepLeader, StepImage, StepInit, StepRegister, StepCaughtUp, StepBeat, StepUnfence, StepServing}

// Steps is the boot list that /readyz shows. run and the node actor finish steps, anybody reads; lists are immutable.
type Steps struct {
	p     atomic.Pointer[[]Step]
	now   func() time.Time
	ready func()
	told  atomic.Bool
}

// NewSteps makes the list, with nothing done; the first step begins to wait now. ready is called once, by whoever finishes the
// last step, when every step has been done for the first time.
func NewSteps(now func() time.Time, ready func()) *Steps {
	s := &Steps{now: now, ready: ready}
	list := make([]Step, len(order))
	for i, n := range order {
		list[i].Name = n
	}
	list[0].Since = now()
	s.p.Store(&list)
	return s
}

// Expect puts a step into the list that not every start has, behind another one. Before any reader could see the list complete.
func (s *Steps) Expect(name, behind string) {
	list := slices.Clone(s.Get())
	i := slices.IndexFunc(list, func(st Step) bool { return st.Name == behind })
	list = slices.Insert(list, i+1, Step{Name: name})
	s.p.Store(&list)
}

// Get is the list as it is now.
func (s *Steps) Get() []Step { return *s.p.Load() }

// Ready reports whether every step is done.
func (s *Steps) Ready() bool {
	for _, st := range s.Get() {
		if !st.Done {
			return false
		}
	}
	return true
}

// Wait says what a step waits for. Repeating it keeps the time since. A step that is done stays done: Undo opens it again.
func (s *Steps) Wait(name, what string) {
	s.change(name, func(st *Step, now time.Time) {
		if st.Done {
			return
		}
		if st.Since.IsZero() {
			st.Since = now
		}
		st.WaitsFor = what
	})
}

// Finish marks a step as done.
func (s *Steps) Finish(name string) {
	s.change(name, func(st *Step, now time.Time) {
		if st.Done {
			return
		}
		if st.Since.IsZero() {
			st.Since = now
		}
		st.Done, st.WaitsFor, st.Took = true, "", now.Sub(st.Since)
	})
}

// Undo opens a step again: a broker that was fenced is not ready until it is unfenced.
func (s *Steps) Undo(name, what string) {
	s.change(name, func(st *Step, now time.Time) { st.Done, st.WaitsFor, st.Since, st.Took = false, what, now, 0 })
}

func (s *Steps) change(name string, f func(*Step, time.Time)) {
	for {
		old := s.p.Load()
		list := append([]Step(nil), *old...)
		for i := range list {
			if list[i].Name == name {
				f(&list[i], s.now())
			}
		}
		if s.p.CompareAndSwap(old, &list) {
			break
		}
	}
	if s.Ready() && s.told.CompareAndSwap(false, true) {
		s.ready()
	}
}
