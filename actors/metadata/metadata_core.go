package metadata

import (
	"slices"
	"time"

	"troupe/actors/meta"
)

// Limits of the proposals of one node.
const (
	// MaxWaiting bounds the proposals without an answer. One more is refused at once, with a retriable code.
	MaxWaiting = 4096
	// MaxOpen bounds the request ids in use, from the oldest without a result to the newest: it must be less than what Apply
	// remembers of one origin (256), or a late duplicate could be applied again.
	MaxOpen = 200
)

// place is where a proposal is on its way.
type place uint8

const (
	inBacklog place = iota // has no request id yet
	entered                // handed to Raft
	dropped                // has an id, and Raft does not have it
	settled                // applied; the node has yet to see it
	answered
)

// waiter is one proposal of an asker A.
type waiter[A any] struct {
	ask      A
	seq      uint64
	data     []byte // the encoded command, once it has an id
	came     time.Time
	deadline time.Time
	place    place
	index    uint64
	result   meta.Result
}

// book keeps the proposals that have no answer yet. It decides, and sends nothing.
type book[A any] struct {
	backlog []*waiter[A]          // in order of arrival
	open    []*waiter[A]          // by seq; those that are settled or answered are taken out from the front
	bySeq   map[uint64]*waiter[A] // entered and dropped
	applied []*waiter[A]          // settled, in order
	last    uint64                // the highest seq given
	n       int                   // without an answer
}

func newBook[A any]() *book[A] { return &book[A]{bySeq: map[uint64]*waiter[A]{}} }

// add takes a proposal; nil if there are too many.
func (b *book[A]) add(ask A, now time.Time, timeout time.Duration) *waiter[A] {
	if b.n >= MaxWaiting {
		return nil
	}
	w := &waiter[A]{ask: ask, came: now, deadline: now.Add(timeout)}
	b.backlog = append(b.backlog, w)
	b.n++
	return w
}

// admit gives the next proposal of the backlog its id, if the window of open ids has room for it; nil if not.
func (b *book[A]) admit() *waiter[A] {
	b.trim()
	for len(b.backlog) > 0 && b.backlog[0].place == answered {
		b.backlog = b.backlog[1:]
	}
	if len(b.backlog) == 0 || len(b.open) > 0 && b.last+1-b.open[0].seq >= MaxOpen {
		return nil
	}
	w := b.backlog[0]
	b.backlog = b.backlog[1:]
	b.last++
	w.seq, w.place = b.last, dropped
	b.open = append(b.open, w)
	b.bySeq[w.seq] = w
	return w
}

// trim takes what is decided out of the front of the window.
func (b *book[A]) trim() {
	for len(b.open) > 0 && b.open[0].place >= settled {
		b.open = b.open[1:]
	}
}

// drop notes that Raft did not take a proposal; it reports whether that one still needs an answer.
func (b *book[A]) drop(seq uint64) bool {
	w := b.bySeq[seq]
	if w != nil {
		w.place = dropped
	}
	return w != nil
}

// enter lists, by id, the proposals that are to be handed to Raft (again): the dropped ones, or all that are undecided, and notes that they were.
func (b *book[A]) enter(all bool) (out []*waiter[A]) {
	b.trim()
	for _, w := range b.open {
		if w.place == dropped || all && w.place == entered {
			w.place = entered
			out = append(out, w)
		}
	}
	return out
}

// settle notes a result; nil if nobody waits for it (any more).
func (b *book[A]) settle(seq, index uint64, r meta.Result) *waiter[A] {
	w := b.bySeq[seq]
	if w == nil {
		return nil
	}
	delete(b.bySeq, seq)
	w.place, w.index, w.result = settled, index, r
	b.applied = append(b.applied, w)
	return w
}

// answer closes a proposal; it reports false if it was closed before.
func (b *book[A]) answer(w *waiter[A]) bool {
	if w.place == answered {
		return false
	}
	delete(b.bySeq, w.seq)
	w.place = answered
	b.n--
	for len(b.applied) > 0 && b.applied[0].place == answered {
		b.applied = b.applied[1:]
	}
	return true
}

// all lists what has no answer: first what is settled, then by id, then the backlog.
func (b *book[A]) all() []*waiter[A] {
	var out []*waiter[A]
	keep := func(list []*waiter[A], from, to place) {
		for _, w := range list {
			if w.place >= from && w.place <= to {
				out = append(out, w)
			}
		}
	}
	keep(b.applied, settled, settled)
	keep(b.open, entered, dropped)
	keep(b.backlog, inBacklog, inBacklog)
	return out
}

// expired lists what is past its deadline, and says when the next one of the others is; zero if there is none.
func (b *book[A]) expired(now time.Time) (out []*waiter[A], next time.Time) {
	for _, w := range b.all() {
		switch {
		case !w.deadline.After(now):
			out = append(out, w)
		case next.IsZero() || w.deadline.Before(next):
			next = w.deadline
		}
	}
	return out, next
}

// oldest is when the oldest proposal without an answer came; zero if there is none. Settled ones are about to be answered.
func (b *book[A]) oldest() time.Time {
	b.trim()
	switch {
	case len(b.open) > 0:
		return b.open[0].came
	case len(b.backlog) > 0:
		return b.backlog[0].came
	}
	return time.Time{}
}

// compactor decides up to where the log may be forgotten: after so many entries or bytes, keeping a tail for followers that are a little behind.
type compactor struct {
	entries, tail uint64
	bytes         int

	first   uint64 // the log begins behind it
	held    int    // bytes of data since, as far as seen in this run
	weights []weight
}

// weight says how many bytes of data lie between the last weight and index.
type weight struct {
	index uint64
	bytes int
}

// weightGrain is how many bytes of data one weight stands for.
const weightGrain = 256 << 10

// add notes an applied entry.
func (k *compactor) add(index uint64, bytes int) {
	k.held += bytes
	if n := len(k.weights); n == 0 || k.weights[n-1].bytes >= weightGrain {
		k.weights = append(k.weights, weight{index, bytes})
		return
	}
	w := &k.weights[len(k.weights)-1]
	w.index, w.bytes = index, w.bytes+bytes
}

// next says up to which index to compact when the state is stored up to stored; false: not yet.
func (k *compactor) next(stored uint64) (uint64, bool) {
	to := k.first
	if stored >= k.first+k.entries+k.tail {
		to = stored - k.tail
	}
	if k.held > k.bytes {
		held := k.held
		for _, w := range k.weights {
			if held <= k.bytes/2 || w.index > stored {
				break
			}
			held -= w.bytes
			to = max(to, w.index)
		}
	}
	if to == k.first {
		return 0, false
	}
	k.cut(to)
	return to, true
}

// cut notes that the log begins behind index.
func (k *compactor) cut(index uint64) {
	k.first = index
	for len(k.weights) > 0 && k.weights[0].index <= index {
		k.held -= k.weights[0].bytes
		k.weights = k.weights[1:]
	}
}

// join appends the changes of one command to those before it. Past maxChanges it gives up the list and says to compare everything.
func join(all *meta.Changes, c meta.Changes) {
	if all.Reset = all.Reset || c.Reset; all.Reset {
		*all = meta.Changes{Reset: true}
		return
	}
	all.Topics = append(all.Topics, c.Topics...)
	for _, id := range c.Brokers {
		if !slices.Contains(all.Brokers, id) {
			all.Brokers = append(all.Brokers, id)
		}
	}
	for _, name := range c.Configs {
		if !slices.Contains(all.Configs, name) {
			all.Configs = append(all.Configs, name)
		}
	}
	if len(all.Topics)+len(all.Brokers)+len(all.Configs) > maxChanges {
		*all = meta.Changes{Reset: true}
	}
}

// maxChanges bounds what is kept for a node that is slow to see.
const maxChanges = 10_000
