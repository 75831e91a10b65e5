package kit

import (
	"context"
	"reflect"
	"runtime/pprof"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	slowRun   = time.Millisecond      // one message that takes this long: time all of them
	quickRun  = 50 * time.Microsecond // back to samples
	lastCount = 16                    // message types that an actor remembers
)

// counters of one mailbox, guarded by its mu, but for timing.
type counters struct {
	in        uint64 // accepted messages
	processed uint64
	refused   uint64 // arrived after the end, or were left over at the end
	full      uint64 // TryPost refused because of the limit
	panics    uint64
	busy      int64 // ns spent in Receive
	high      int   // the largest queue taken at once
	last      *[lastCount]seen
	lastAt    uint64
	timing    atomic.Pointer[timing]
	kept      quantiles // of samples that were given to the kind
}

// seen is one message that an actor handled: for the flight recorder.
type seen struct {
	typ reflect.Type
	at  int64 // start of its batch
}

type timing struct {
	wait, run liveHist
	ev        Event // the consumer's own, reused
}

type quantiles struct{ wait50, wait99, run50, run99 time.Duration }

// book adds what the consumer did since the last booking. mu is held.
func (b *mailbox) book() {
	done := int(b.pos.Load())
	n := done - b.chunk[0]
	if n <= 0 || len(b.cur) == 0 {
		return
	}
	part := b.cur[b.chunk[0]:done]
	b.chunk[0] = done
	if b.last == nil {
		b.last = new([lastCount]seen)
	}
	for i := max(0, n-lastCount); i < n; i++ {
		b.last[b.lastAt%lastCount] = seen{reflect.TypeOf(part[i].m), b.t}
		b.lastAt++
	}
	clear(part)
	b.processed += uint64(n)
	timed := b.fresh // the last message was
	b.tick()
	run := b.t - b.bookedAt
	b.busy += run
	b.bookedAt = b.t
	if run > int64(n)*int64(slowRun) && !timed {
		b.slow.Store(true)
		if n == 1 {
			b.samples().run.add(run)
		}
	}
}

func (b *mailbox) samples() *timing {
	tm := b.timing.Load()
	if tm == nil {
		tm = new(timing)
		b.timing.Store(tm)
	}
	return tm
}

// timed hands over one message between two readings of the clock.
func (b *mailbox) timed(it item, tr *tracerBox) {
	var from string
	if tr != nil {
		from = asker(it.m) // now: afterwards the ask may be another's
	}
	b.tick()
	start := b.t
	b.fresh = false
	b.inv.InvokeUserMessage(it.m)
	b.tick()
	end := b.t
	run, wait := end-start, int64(-1)
	switch {
	case it.at != 0:
		wait = start - it.at
	case b.slow.Load(): // it was queued before the actor was known as slow: it has waited at least since the batch was taken
		wait = start - b.takenAt
	}
	if tr == nil && b.processed < newcomer && max(run, wait) < int64(slowRun) && b.timing.Load() == nil {
		return // ten thousand clients that have only said hello would have a kilobyte each of samples that nobody looks for
	}
	tm := b.samples()
	if wait >= 0 {
		tm.wait.add(wait)
	}
	tm.run.add(run)
	if run > int64(slowRun) {
		b.slow.Store(true)
	} else if run < int64(quickRun) && b.slow.Load() {
		b.slow.Store(false)
	}
	if tr != nil {
		tm.ev = Event{Actor: b.sh.self, ActorID: b.sh.id, Kind: b.sh.kind.name, From: from, Type: reflect.TypeOf(it.m),
			EnqueuedAt: it.at, StartedAt: start, EndedAt: end}
		tr.Message(&tm.ev)
	}
}

// inHand names the message that the consumer works on. Only the consumer calls it.
func (b *mailbox) inHand() string {
	if b.inSys != nil {
		return "Started"
	}
	if p := b.pos.Load(); p > 0 && int(p) <= len(b.cur) {
		return TypeName(b.cur[p-1].m)
	}
	return ""
}

// forget gives the samples to the kind and frees what only an active actor needs. mu is held.
func (b *mailbox) forget(k *kind) {
	if tm := b.timing.Swap(nil); tm != nil {
		b.kept = tm.quantiles()
		k.mu.Lock()
		tm.wait.addTo(&k.past.Wait)
		tm.run.addTo(&k.past.Run)
		k.mu.Unlock()
	}
	b.last = nil
}

// retire adds everything of a stopped actor to its kind's totals, which never go back.
func (b *mailbox) retire(k *kind) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.book()
	b.forget(k)
	k.mu.Lock()
	defer k.mu.Unlock()
	k.past.add(&b.counters)
	b.counters.in, b.counters.processed, b.counters.refused, b.counters.full = 0, 0, 0, 0
	b.counters.panics, b.counters.busy = 0, 0
}

func (tm *timing) quantiles() quantiles {
	var w, r Histogram
	tm.wait.addTo(&w)
	tm.run.addTo(&r)
	return quantiles{w.Quantile(.5), w.Quantile(.99), r.Quantile(.5), r.Quantile(.99)}
}

// kind is what actors of one Options.Kind share.
type kind struct {
	name   string
	labels context.Context // for CPU profiles
	mu     sync.Mutex
	past   KindInfo // of actors and samples that are gone
}

func newKind(name string) *kind {
	return &kind{name: name, labels: pprof.WithLabels(context.Background(), pprof.Labels("actor", name)), past: KindInfo{Kind: name}}
}

// label marks the goroutine, once: CPU profiles then read by kind of actor.
func (k *kind) label() { pprof.SetGoroutineLabels(k.labels) }

func (k *KindInfo) add(c *counters) {
	k.In += c.in
	k.Processed += c.processed
	k.Refused += c.refused
	k.Full += c.full
	k.Panics += c.panics
	k.Busy += time.Duration(c.busy)
}

// TypeName is a message's type as people read it: partition.Append.
func TypeName(m any) string { return typeText(reflect.TypeOf(m)) }

func typeText(t reflect.Type) string {
	if t == nil {
		return "nil"
	}
	return strings.TrimPrefix(t.String(), "*")
}
