package trace

import (
	"math"
	"sync/atomic"
	"time"

	"troupe/actors/kit"
)

// window is over which time the slow threshold looks back, in steps.
const (
	windowStep  = 5 * time.Second
	windowSteps = 12
	// minSample is how many operations a window must have for its p99.9 to mean something; with fewer the threshold is Floor.
	minSample = 1000
)

// Phase is one part of a request's time, by the names that every operator of Kafka knows (RequestChannel, RequestMetrics).
type Phase uint8

// The phases. Their sum is the total.
const (
	Receive       Phase = iota // from the first byte to the whole request, checked; Kafka does not count it
	RequestQueue               // until its handler begins
	Local                      // the broker's own work, the disk included
	Remote                     // what others do: replicas, more bytes for a long poll, members of a group, the metadata quorum
	ResponseQueue              // until its answer is next to be written
	ResponseSend               // on the socket: a slow client
	Total
	NumPhases
)

var phases = [NumPhases]string{"receive", "request_queue", "local", "remote", "response_queue", "response_send", "total"}

// String is the stable name of a phase.
func (p Phase) String() string { return phases[p] }

// api is what is known of all requests of one API key.
type api struct {
	phase [NumPhases]kit.LiveHistogram // but for those that are one stage
	stage [NumStages]atomic.Pointer[kit.LiveHistogram]
	busy  kit.LiveHistogram
	codes [maxCode]atomic.Uint64 // by error code, from -1 on

	threshold atomic.Int64
	nextLook  atomic.Int64
	past      [windowSteps]moment // of busy; who takes nextLook owns it until it is set again
	pastAt    int
}

type moment struct {
	t int64
	h kit.Histogram
}

const maxCode = 160 // Kafka's highest is 133

func (r *Recorder) api(key int) *api {
	if a := r.apis[key].Load(); a != nil {
		return a
	}
	a := &api{}
	a.threshold.Store(int64(Floor))
	a.nextLook.Store(r.now() + int64(windowStep))
	if !r.apis[key].CompareAndSwap(nil, a) {
		a = r.apis[key].Load()
	}
	return a
}

func (a *api) failed(code int16) { a.codes[min(max(int(code)+1, 0), maxCode-1)].Add(1) }

// book adds the durations of an operation that has ended.
func (a *api) book(o *Op, total, busy int64) {
	var at [NumStages]int64
	prev := o.at[Received].Load()
	for s := Received + 1; s < NumStages; s++ {
		t := o.at[s].Load()
		if t == 0 {
			continue
		}
		t = max(t, prev)
		a.stageOf(s).Add(t - prev)
		at[s], prev = t, t
	}
	remote := between(&at, Waiting, Woken) + between(&at, Synced, Answered) + between(&at, Entered, Seen)
	a.phase[Total].Add(total)
	a.busy.Add(busy)
	a.phase[Local].Add(max(between(&at, Begun, Answered)-remote, 0))
	a.phase[Remote].Add(remote)
	a.phase[ResponseQueue].Add(between(&at, Answered, Writing))
}

func between(at *[NumStages]int64, from, to Stage) int64 {
	if at[from] == 0 || at[to] == 0 {
		return 0
	}
	return max(at[to]-at[from], 0)
}

func (a *api) stageOf(s Stage) *kit.LiveHistogram {
	if h := a.stage[s].Load(); h != nil {
		return h
	}
	a.stage[s].CompareAndSwap(nil, &kit.LiveHistogram{})
	return a.stage[s].Load()
}

// slowFrom is the duration from which on an operation is slow; now and then it looks at the last minute anew.
func (a *api) slowFrom(now int64) int64 {
	if next := a.nextLook.Load(); now >= next && a.nextLook.CompareAndSwap(next, math.MaxInt64) {
		a.look(now)
		a.nextLook.Store(now + int64(windowStep))
	}
	return a.threshold.Load()
}

func (a *api) look(now int64) {
	cur := moment{t: now, h: a.busy.Load()}
	window := cur.h
	if base := a.base(now); base != nil {
		window.Subtract(&base.h)
	}
	a.past[a.pastAt%windowSteps] = cur
	a.pastAt++
	limit := int64(Floor)
	if window.Count() >= minSample {
		limit = min(max(int64(window.Quantile(.999)), limit), int64(Cap))
	}
	a.threshold.Store(limit)
}

// base is the oldest moment within the window; after a pause the newest one, so that what was before the pause does not count.
func (a *api) base(now int64) *moment {
	const length = int64(windowStep * (windowSteps + 1))
	var oldest, newest *moment
	for i := range a.past {
		m := &a.past[i]
		if m.t == 0 {
			continue
		}
		if newest == nil || m.t > newest.t {
			newest = m
		}
		if now-m.t <= length && (oldest == nil || m.t < oldest.t) {
			oldest = m
		}
	}
	if oldest != nil {
		return oldest
	}
	return newest
}

// APIInfo are the figures of one API key.
type APIInfo struct {
	Key    int16
	Phases [NumPhases]kit.Histogram
	Stages [NumStages]kit.Histogram // no samples for those that it does not pass
	Slow   time.Duration            // the threshold now
	Codes  map[int16]uint64         // answers with an error, by code
}

// APIs are the figures of every API that was called, by key.
func (r *Recorder) APIs() []APIInfo {
	var out []APIInfo
	if r == nil {
		return out
	}
	for key := range r.apis {
		a := r.apis[key].Load()
		if a == nil {
			continue
		}
		i := APIInfo{Key: int16(key), Slow: time.Duration(a.threshold.Load()), Codes: map[int16]uint64{}}
		if r.fixed != 0 {
			i.Slow = time.Duration(r.fixed)
		}
		for s := range a.stage {
			if h := a.stage[s].Load(); h != nil {
				i.Stages[s] = h.Load()
			}
		}
		for p := range a.phase {
			i.Phases[p] = a.phase[p].Load()
		}
		i.Phases[Receive], i.Phases[RequestQueue], i.Phases[ResponseSend] = i.Stages[Parsed], i.Stages[Begun], i.Stages[Written]
		for c := range a.codes {
			if n := a.codes[c].Load(); n > 0 {
				i.Codes[int16(c-1)] = n
			}
		}
		out = append(out, i)
	}
	return out
}
