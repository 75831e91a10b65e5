package api

import (
	"time"

	"troupe/actors/kit"
	"troupe/actors/kit/trace"
	"troupe/actors/partition"
	"troupe/kafka/code"
)

// fetchWait is the long poll of a fetch that found less than it wants: a Watch in each partition, and a timer. Nothing else of it
// stays: bytes that were read are given back and read again at the end.
type fetchWait struct {
	waiting bool
	size    int               // bytes that all partitions together would give
	watches []partition.Watch // by partition: in one piece, for there may be many
	watched []bool            // by partition: its watch is not answered yet, and its own
	timer   kit.Timer
}

const (
	// maxWaiting is how many partitions all long polls of large fetches may wait for together. A large fetch beyond that is answered
	// with what there is, and its client asks again.
	maxWaiting = 1 << 17
	// alwaysWait is up to how many partitions a fetch is not counted.
	alwaysWait = 1_000
)

// pollExpired ends a long poll.
//
// From: the fetch's own timer.
type pollExpired struct{}

// begin waits, and reports whether it may: memory for waiting is bounded.
func (w *fetchWait) begin(f *fetchCall) bool {
	if len(f.parts) > alwaysWait && f.c.Env.waiting.Add(int64(len(f.parts))) > maxWaiting {
		f.c.Env.waiting.Add(-int64(len(f.parts)))
		return false
	}
	w.waiting = true
	f.c.Op.Await(trace.AwaitBytes, "")
	f.c.Rest()
	w.watches, w.watched = make([]partition.Watch, len(f.parts)), make([]bool, len(f.parts))
	w.timer = f.c.After(time.Duration(f.req.MaxWaitMillis)*time.Millisecond, pollExpired{})
	f.release()
	for i := range f.parts {
		w.size += f.parts[i].size
		if f.parts[i].code == code.OK {
			w.watch(f, i)
		}
	}
	return true
}

func (w *fetchWait) watch(f *fetchCall, i int) {
	p := &f.parts[i]
	w.watches[i] = partition.Watch{Ask: f.c.Ask(), Offset: p.limit, ReadCommitted: f.req.IsolationLevel == readCommitted,
		Replica: f.anyReplica(), Index: i}
	w.watched[i] = true
	p.ref.Tell(&w.watches[i])
}

// onGrown looks at a partition again: it has more to read, or leads no more.
func (w *fetchWait) onGrown(f *fetchCall, m partition.Grown) {
	if !w.waiting || &w.watches[m.Index] != m.Watch {
		return
	}
	w.watched[m.Index] = false
	f.read(m.Index, &partition.Read{})
}

// onReadable ends the wait if there is enough now, or an error.
func (w *fetchWait) onReadable(f *fetchCall, i int) {
	p := &f.parts[i]
	if p.code != code.OK || p.diverging != nil || p.preferred != noReplica {
		w.finish(f)
		return
	}
	w.size -= p.size
	f.measure(i)
	if w.size += p.size; w.size >= f.minBytes {
		w.finish(f)
		return
	}
	w.watch(f, i)
}

func (w *fetchWait) onExpired(f *fetchCall) {
	if w.waiting {
		w.finish(f)
	}
}

// finish reads what there is, for the answer.
func (w *fetchWait) finish(f *fetchCall) {
	w.stop(f)
	f.gather.last = true
	f.gather.begin(f)
}

// stop calls off the watches and the timer.
func (w *fetchWait) stop(f *fetchCall) {
	if !w.waiting {
		return
	}
	w.waiting = false
	f.c.Op.Resume()
	if len(f.parts) > alwaysWait {
		f.c.Env.waiting.Add(-int64(len(f.parts)))
	}
	w.timer.Stop()
	for i, is := range w.watched {
		if is {
			f.parts[i].ref.Tell(partition.Unwatch{Watch: &w.watches[i]})
		}
	}
	w.watches, w.watched = nil, nil
}

// measure finds out how many bytes a partition would give. What is no longer in the tail counts as enough: it is more than the
// tail holds.
func (f *fetchCall) measure(i int) {
	p, w := &f.parts[i], &f.scope.parts[i]
	p.size = 0
	if w.offset >= p.limit {
		return
	}
	b, ok := f.c.Env.Tail.Read(p.partID, w.offset, p.limit, int(w.maxBytes), true)
	p.size = b.Bytes
	b.Release()
	if !ok {
		p.size = f.minBytes
	}
}
