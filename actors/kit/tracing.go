package kit

import (
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
)

// Tracer sees every message that an actor has handled, on that actor's goroutine. ev is reused: copy what is kept.
type Tracer interface{ Message(ev *Event) }

// Event is one handled message. Times are nanoseconds of the Unix epoch on a monotonic clock.
type Event struct {
	Seq        uint64 // place in a Ring
	Actor      *Ref
	ActorID    uint32
	Kind       string
	From       string // the asker, if the message is an ask and names one
	Type       reflect.Type
	EnqueuedAt int64 // 0: was queued before the tracer was set
	StartedAt  int64
	EndedAt    int64
}

// TypeName is the message's type as people read it.
func (e *Event) TypeName() string { return typeText(e.Type) }

type tracerBox struct{ Tracer }

// SetTracer makes tr see every message from now on; nil switches tracing off.
func (t *Troupe) SetTracer(tr Tracer) {
	if tr == nil {
		t.tracer.Store(nil)
		return
	}
	t.tracer.Store(&tracerBox{tr})
}

// asker names who sent an ask. Answers embed their ask too: those are answered, and their sender is not known here.
func asker(m any) string {
	if a := AskOf(m); a != nil && a.ReplyTo != nil && !a.answered {
		return a.ReplyTo.Name()
	}
	return ""
}

const ringShards = 8

// Ring is a Tracer that keeps the newest events of a whole system in bounded memory.
type Ring struct {
	seq    atomic.Uint64
	shards [ringShards]ringShard
}

type ringShard struct {
	mu sync.Mutex
	at int
	ev []Event
	_  [64]byte // no two shards in one cache line
}

// NewRing keeps about n events; one event takes 104 bytes.
func NewRing(n int) *Ring {
	r := &Ring{}
	for i := range r.shards {
		r.shards[i].ev = make([]Event, max(n/ringShards, 1))
	}
	return r
}

// Message implements Tracer.
func (r *Ring) Message(ev *Event) {
	s := &r.shards[ev.ActorID%ringShards]
	s.mu.Lock()
	e := &s.ev[s.at]
	*e = *ev
	e.Seq = r.seq.Add(1)
	if s.at++; s.at == len(s.ev) {
		s.at = 0
	}
	s.mu.Unlock()
}

// Events is a copy of what the ring holds, oldest first.
func (r *Ring) Events() []Event {
	var all []Event
	for i := range r.shards {
		s := &r.shards[i]
		s.mu.Lock()
		for _, e := range s.ev {
			if e.Seq != 0 {
				all = append(all, e)
			}
		}
		s.mu.Unlock()
	}
	slices.SortFunc(all, func(a, b Event) int { return int(int64(a.Seq - b.Seq)) })
	return all
}
