package kit

import (
	"cmp"
	"reflect"
	"slices"
	"time"
)

// The states of an actor as people see them.
const (
	StateIdle    = "idle"    // nothing to do
	StateRunning = "running" // works on a message, or one waits
	StateBlocked = "blocked" // has worked on one message for longer than BlockedAfter
)

// BlockedAfter is how long an actor may work on one message before it is shown as blocked.
const BlockedAfter = time.Second

// ActorInfo is one living actor as people see it. Quantiles are of samples: one message in 64, those that found the
// actor waiting, and all messages of a slow actor, since it was last idle for some seconds; of its first 16 messages those that took a millisecond.
type ActorInfo struct {
	Name      string `json:"name"`
	Kind      string `json:"kind"`
	State     string `json:"state"`
	Depth     int    `json:"depth"`
	HighWater int    `json:"high_water"` // the largest queue that was taken at once
	Limit     int    `json:"limit"`
	In        uint64 `json:"in"`
	Processed uint64 `json:"processed"`
	Refused   uint64 `json:"refused"` // came after the end
	Full      uint64 `json:"full"`    // TryTell refused by the limit
	Panics    uint64 `json:"panics"`
	Goroutine bool   `json:"goroutine"` // false: given up, the next message starts one

	Busy       time.Duration `json:"busy_ns"`        // spent in Receive
	OldestWait time.Duration `json:"oldest_wait_ns"` // since the batch in work was taken; 0: none waits
	Wait50     time.Duration `json:"wait_p50_ns"`
	Wait99     time.Duration `json:"wait_p99_ns"`
	Run50      time.Duration `json:"run_p50_ns"`
	Run99      time.Duration `json:"run_p99_ns"`

	Current      string        `json:"current,omitempty"`        // type of the message in hand
	CurrentSince time.Duration `json:"current_for_ns,omitempty"` // how long; counted from at most 63 quick messages before it
	Last         []LastMessage `json:"last,omitempty"`           // only from Actor: newest last
}

// LastMessage is one of the messages that an actor handled last.
type LastMessage struct {
	Type string    `json:"type"`
	At   time.Time `json:"at"` // start of the batch it was in
}

// KindInfo sums the actors of one kind, with those that have stopped: its counters never go back.
type KindInfo struct {
	Kind                                 string
	Actors, Running, Blocked             int
	Depth                                int
	In, Processed, Refused, Full, Panics uint64
	Busy                                 time.Duration
	OldestWait                           time.Duration
	Wait, Run                            Histogram
}

// Actors describes every living actor, by name.
func (t *Troupe) Actors() []ActorInfo {
	now := t.nanos()
	var list []ActorInfo
	t.names.Range(func(_, r any) bool {
		if b, ok := r.(*Ref).box.(*mailbox); ok {
			list = append(list, b.info(now, false))
		}
		return true
	})
	slices.SortFunc(list, func(a, b ActorInfo) int { return cmp.Compare(a.Name, b.Name) })
	return list
}

// Actor describes one living actor, with the messages it handled last.
func (t *Troupe) Actor(name string) (ActorInfo, bool) {
	r := t.Lookup(name)
	if r == nil {
		return ActorInfo{}, false
	}
	return r.box.(*mailbox).info(t.nanos(), true), true
}

// Kinds sums actors by kind, by name, for metrics.
func (t *Troupe) Kinds() []KindInfo {
	now := t.nanos()
	sums := map[string]*KindInfo{}
	t.kinds.Range(func(name, v any) bool {
		k := v.(*kind)
		k.mu.Lock()
		past := k.past
		k.mu.Unlock()
		sums[name.(string)] = &past
		return true
	})
	t.names.Range(func(_, r any) bool {
		if b, ok := r.(*Ref).box.(*mailbox); ok && sums[b.sh.kind.name] != nil {
			b.addTo(sums[b.sh.kind.name], now)
		}
		return true
	})
	list := make([]KindInfo, 0, len(sums))
	for _, k := range sums {
		list = append(list, *k)
	}
	slices.SortFunc(list, func(a, b KindInfo) int { return cmp.Compare(a.Kind, b.Kind) })
	return list
}

// Pool describes the pool for short blocking work.
func (t *Troupe) Pool() PoolInfo { return t.pool.info(t.nanos()) }

// Blockers describes the blockers that have a goroutine now, by actor and name.
func (t *Troupe) Blockers() []BlockerInfo {
	now := t.nanos()
	var list []BlockerInfo
	for _, i := range t.janitor.list() {
		if b, ok := i.(*blocker); ok {
			list = append(list, b.info(now))
		}
	}
	slices.SortFunc(list, func(a, b BlockerInfo) int {
		return cmp.Or(cmp.Compare(a.Actor, b.Actor), cmp.Compare(a.Name, b.Name))
	})
	return list
}

// Inspect asks an actor for its state; false: there is no such actor, or it did not answer in time. Not for actors.
func (t *Troupe) Inspect(name string, timeout time.Duration) (Inspected, bool) {
	r := t.Lookup(name)
	if r == nil {
		return Inspected{}, false
	}
	return Await[Inspected](t, timeout, func(replyTo *Ref) { r.Tell(&Inspect{Ask{ReplyTo: replyTo}}) })
}

// state is the actor's state and the message in hand. mu is held.
func (b *mailbox) state(now int64) (state string, current reflect.Type, since time.Duration) {
	if !b.live || b.parked {
		if b.waiting() > 0 {
			return StateRunning, nil, 0 // not started yet
		}
		return StateIdle, nil, 0
	}
	if p := b.pos.Load(); b.inSys != nil {
		current = reflect.TypeFor[Started]()
	} else if p > 0 && int(p) <= len(b.cur) {
		current = reflect.TypeOf(b.cur[p-1].m)
	}
	if current == nil { // woken, and not yet at work
		return StateRunning, nil, 0
	}
	if since = time.Duration(max(now-b.since.Load(), 0)); since > BlockedAfter {
		return StateBlocked, current, since
	}
	return StateRunning, current, since
}

// oldestWait counts from when the batch in work was taken: what is left of it has waited a little longer, what came
// behind it a little less. mu is held.
func (b *mailbox) oldestWait(now int64) time.Duration {
	if b.waiting() == 0 || !b.live {
		return 0
	}
	return time.Duration(max(now-b.takenAt, 0))
}

func (b *mailbox) info(now int64, last bool) ActorInfo {
	b.mu.Lock()
	defer b.mu.Unlock()
	i := ActorInfo{Name: b.sh.self.name, Kind: b.sh.kind.name, Limit: b.limit, Depth: b.waiting(), HighWater: b.high,
		In: b.in, Processed: b.processed, Refused: b.refused, Full: b.full, Panics: b.panics, Goroutine: b.live,
		Busy: time.Duration(b.busy), OldestWait: b.oldestWait(now)}
	var typ reflect.Type
	if i.State, typ, i.CurrentSince = b.state(now); typ != nil {
		i.Current = typeText(typ)
		i.Busy += time.Duration(max(now-b.bookedAt, 0))
	}
	q := b.kept
	if tm := b.timing.Load(); tm != nil {
		q = tm.quantiles()
	}
	i.Wait50, i.Wait99, i.Run50, i.Run99 = q.wait50, q.wait99, q.run50, q.run99
	if last {
		i.Last = b.lastMessages()
	}
	return i
}

// lastMessages is what the actor handled last, newest last; without what it did since the last booking. mu is held.
func (b *mailbox) lastMessages() []LastMessage {
	if b.last == nil {
		return nil
	}
	var list []LastMessage
	for n := b.lastAt - min(b.lastAt, lastCount); n < b.lastAt; n++ {
		s := b.last[n%lastCount]
		list = append(list, LastMessage{typeText(s.typ), time.Unix(0, s.at)})
	}
	return list
}

func (b *mailbox) addTo(k *KindInfo, now int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	k.Actors++
	switch state, _, _ := b.state(now); state {
	case StateRunning:
		k.Running++
	case StateBlocked:
		k.Blocked++
	}
	k.Depth += b.waiting()
	k.OldestWait = max(k.OldestWait, b.oldestWait(now))
	k.add(&b.counters)
	if tm := b.timing.Load(); tm != nil {
		tm.wait.addTo(&k.Wait)
		tm.run.addTo(&k.Run)
	}
}
