package node

import (
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	kitsim "troupe/actors/kit/sim"
)

// clock is a clock that the test moves.
type clock struct{ t time.Time }

func (c *clock) now() time.Time { return c.t }

func find(s *Steps, name string) Step {
	list := s.Get()
	return list[slices.IndexFunc(list, func(st Step) bool { return st.Name == name })]
}

func TestSteps(t *testing.T) {
	c := &clock{kitsim.Epoch}
	ready := 0
	s := NewSteps(c.now, func() { ready++ })
	var names []string
	for _, st := range s.Get() {
		names = append(names, st.Name)
	}
	if got := strings.Join(names, ", "); got != "stores opened, actors spawned, raft loop running, metadata leader known, metadata image loaded, cluster initialised, "+
		"broker registered, metadata caught up, heartbeats answered, broker unfenced, serving clients" {
		t.Fatal(got)
	}
	before := s.Get()
	c.t = c.t.Add(time.Second)
	s.Wait(StepLeader, "an election")
	c.t = c.t.Add(time.Second)
	s.Wait(StepLeader, "another election")
	if st := find(s, StepLeader); st.Done || st.WaitsFor != "another election" || !st.Since.Equal(kitsim.Epoch.Add(time.Second)) {
		t.Fatalf("a repeated Wait gives %+v", st)
	}
	c.t = c.t.Add(time.Second)
	s.Finish(StepLeader)
	c.t = c.t.Add(time.Second)
	s.Finish(StepLeader)
	s.Wait(StepLeader, "nothing")
	if st := find(s, StepLeader); !st.Done || st.WaitsFor != "" || st.Took != 2*time.Second {
		t.Fatalf("a step that is done is %+v", st)
	}
	if st := before[slices.Index(order, StepLeader)]; st.Done || st.WaitsFor != "" {
		t.Fatalf("a list that was read changed: %+v", st)
	}
	for i, name := range order {
		if s.Ready() || ready != 0 {
			t.Fatalf("ready with %d steps open", len(order)-i)
		}
		s.Finish(name)
	}
	if !s.Ready() || ready != 1 {
		t.Fatalf("every step is done: %v, told %d times", s.Ready(), ready)
	}
	s.Undo(StepUnfence, "UnfenceBroker")
	if st := find(s, StepUnfence); s.Ready() || st.Done || st.WaitsFor != "UnfenceBroker" || !st.Since.Equal(c.t) || st.Took != 0 {
		t.Fatalf("an undone step is %+v", st)
	}
	s.Finish(StepUnfence)
	if !s.Ready() || ready != 1 {
		t.Fatalf("done again: %v, told %d times", s.Ready(), ready)
	}
}

// Whoever finishes steps at the same time as others loses nothing, readers see whole steps, and ready is called once.
func TestStepsFromMany(t *testing.T) {
	for range 20 {
		var ready atomic.Int32
		s := NewSteps(time.Now, func() { ready.Add(1) })
		var writers, readers sync.WaitGroup
		for range 2 {
			readers.Go(func() {
				for range 100 {
					for _, st := range s.Get() {
						if st.Done && (st.WaitsFor != "" || st.Since.IsZero()) {
							t.Errorf("half a step: %+v", st)
						}
					}
					runtime.Gosched()
				}
			})
		}
		for _, name := range order {
			for range 2 { // both may be last
				writers.Go(func() {
					s.Wait(name, "its turn")
					s.Finish(name)
				})
			}
		}
		writers.Wait()
		readers.Wait()
		if !s.Ready() || ready.Load() != 1 {
			t.Fatalf("ready %v, told %d times: %+v", s.Ready(), ready.Load(), s.Get())
		}
	}
}
