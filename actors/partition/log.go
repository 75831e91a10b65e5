package partition

import (
	"slices"
	"sync/atomic"

	"troupe/actors/kit"
	"troupe/actors/writer"
	"troupe/storage"
)

// log is what a partition holds when it is loaded: the core, and everybody who waits on it.
type log struct {
	core
	first    bool         // the next append is the first since the load
	alive    *atomic.Bool // shared with the items on their way; false when the partition has stopped
	applied  int64        // end of what the store took
	unsynced queue[batch] // accepted, not yet durable, in offset order
	waits    [3]queue[wait]
	watches  []*Watch
	changes  []change
	trims    []trimming
	timer    kit.Timer
	timerAt  int64       // ms when it fires; 0: none is set
	retains  bool        // a round of retention is under way
	led      *leadership // of a leader of several replicas
}

// batch is an accepted batch that is not yet durable; the partition holds a reference to its slab.
type batch struct {
	slab       *storage.Slab
	at         int
	base, last int64
	unshared   bool         // the store may be moving its bytes about: nobody is sent them until it is durable
	item       *writer.Item // of a follower, to be answered; nil: a leader's, whose answer waits for more
}

// wait is an item that waits until everything up to until is covered; item nil: it was answered already (time-out).
type wait struct {
	item     *writer.Item
	until    int64
	deadline int64 // ms
}

// What an item can wait for: an index of log.waits.
const (
	forHigh    = iota // acks=-1: the high watermark
	forDurable        // acks=1: the local disk
	forApplied        // flush.policy=os: the store took it
)

// change is a writer.Change on its way, and what to do when it is durable.
type change struct {
	*writer.Change
	start int64 // log start to be shown; 0: none
	roll  bool  // retention goes on

	rewrite *Rewrite // to be answered
}

// trimming is a DeleteRecords that waits until enough replicas have no record below an offset.
type trimming struct {
	*Trim
	below    int64
	deadline int64 // ms
}

func newLog(c core) *log {
	l := &log{core: c, first: true, alive: &atomic.Bool{}, applied: c.next}
	l.alive.Store(true)
	return l
}

func (l *log) waiting() (n int) {
	for i := range l.waits {
		n += l.waits[i].len()
	}
	return n
}

// awaiting says in a few words what the partition waits for.
func (l *log) awaiting() string {
	switch {
	case l.durable < l.next:
		return "fsync"
	case l.high < l.durable:
		return "quorum"
	case len(l.changes) > 0:
		return "fsync of marks"
	}
	return ""
}

// queue is a FIFO in one slice. Its memory is given back when it is empty.
type queue[T any] struct {
	list []T
	from int
}

const spareQueue = 64 // entries of an empty queue whose memory is kept

func (q *queue[T]) len() int  { return len(q.list) - q.from }
func (q *queue[T]) head() *T  { return &q.list[q.from] }
func (q *queue[T]) last() *T  { return &q.list[len(q.list)-1] }
func (q *queue[T]) each() []T { return q.list[q.from:] }
func (q *queue[T]) push(x T) {
	if len(q.list) == cap(q.list) && q.from > len(q.list)/2 {
		n := copy(q.list, q.list[q.from:])
		clear(q.list[n:])
		q.list, q.from = q.list[:n], 0
	}
	q.list = append(q.list, x)
}

func (q *queue[T]) pop() T {
	x := q.list[q.from]
	var zero T
	q.list[q.from] = zero
	if q.from++; q.from == len(q.list) {
		q.list, q.from = q.list[:0], 0
		if cap(q.list) > spareQueue {
			q.list = nil
		}
	}
	return x
}

// unshared says whether a batch is on its way to the disk that nobody may be sent.
func (l *log) unshared() bool {
	return slices.ContainsFunc(l.unsynced.each(), func(b batch) bool { return b.unshared })
}
