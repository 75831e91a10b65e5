package writer

import (
	"fmt"
	"slices"
	"time"

	"troupe/actors/kit"
	"troupe/actors/kit/trace"
	"troupe/storage"
)

// The writer's limits.
const (
	// MaxCommit bounds the record bytes that are merged into one write.
	MaxCommit = 4 << 20
	// MergeBelow: a frame of at least this many bytes goes alone, so that the store can take it as it is.
	MergeBelow = 256 << 10
	// ReclaimEvery is the least time between two compactions that give disk space back.
	ReclaimEvery = 10 * time.Second
	// FreeEvery is how often the disk's free space is looked at, at least.
	FreeEvery = time.Second
	// LookAfter is how many bytes may be handed to the store before the free space is looked at again.
	LookAfter = 4 << 20

	aloneBelow          = 32 << 10 // record bytes: a larger commit takes a while to apply, and the next one should not wait for its sync to begin
	maxInFlight         = 2        // writes handed to the store and not yet durable
	maxChanges          = 1 << 20  // changes that wait; records are bounded by the connections' budget of request bytes
	maxChangesPerCommit = 4096
	maxSpare            = 1024 // entries of a list whose memory is kept for the next use
)

// Options of a Writer.
type Options struct {
	Data  storage.Data
	Gate  *Gate  // shared with the partitions
	Stats *Stats // nil: its own
}

// Writer makes the record batches and marks of all partitions of one store durable; see doc.go.
type Writer struct {
	data  storage.Data
	gate  *Gate
	stats *Stats

	order   order
	queue   fifo
	changes int // in queue
	commits uint64
	flying  int     // commits at the store
	newest  *commit // the one handed over last, nil when none flies
	spare   []*commit
	pass    func([]*Frame)
	failed  bool

	apply, wait kit.Blocker

	reclaim    kit.Blocker     // made when first needed
	reclaims   map[uint32]bool // partitions whose space is to be given back
	reclaiming bool
	reclaimAt  time.Time // when the next may start

	looking bool // at the disk's free space
	ticked  bool // the timer asked for a look; it is set again when the look has ended
	unseen  int  // bytes handed over since the last look began
}

// New makes the writer of one store. Spawn it once per store.
func New(o Options) *Writer {
	if o.Stats == nil {
		o.Stats = &Stats{}
	}
	if o.Gate == nil {
		o.Gate = &Gate{}
	}
	o.Stats.FreeBytes.Store(-1)
	w := &Writer{data: o.Data, gate: o.Gate, stats: o.Stats, order: newOrder()}
	w.pass = w.onPassed
	return w
}

// Receive implements kit.Actor.
func (w *Writer) Receive(c kit.Context, m any) {
	switch m := m.(type) {
	case kit.Started:
		w.onStarted(c)
	case Write:
		w.onWrite(c, m)
	case *Change:
		w.onChange(c, m)
	case applied:
		w.onApplied(c, m)
	case durable:
		w.onDurable(c, m)
	case Leave:
		w.onLeave(c, m)
	case Reclaim:
		w.onReclaim(c, m)
	case reclaimed:
		w.onReclaimed(c, m)
	case reclaimDue:
		w.startReclaim(c)
	case checkFree:
		w.onCheckFree(c)
	case free:
		w.onFree(c, m)
	case *kit.Inspect:
		w.onInspect(m)
	case kit.Stopping:
		w.onStopping()
	default:
		kit.Invariant(false, "BUG: writer got %T", m)
	}
}

// sentTwice is what the order says when a partition gives an offset a second time.
func sentTwice(it *Item) {
	kit.Invariant(false, "BUG: partition %d sent offsets %d to %d again", it.PartID, it.Append.Base, it.Append.Last)
}

func (w *Writer) onStarted(c kit.Context) {
	w.apply = c.Blocker(c.Self(), "apply")
	w.wait = c.Blocker(c.Self(), "sync")
	w.onCheckFree(c)
}

func (w *Writer) onWrite(c kit.Context, m Write) {
	if w.failed {
		m.Refuse()
		return
	}
	for k := range m.Items {
		if it := &m.Items[k]; it.Written && it.Alive != nil && !it.Alive.Load() {
			it.dropped = true
		}
	}
	w.order.add(m.Frame, w.pass)
	w.stashStats()
	w.pump(c)
}

// onPassed queues frames whose predecessors are durable, on their way, or among them.
func (w *Writer) onPassed(set []*Frame) {
	e := entry{frame: set[0]}
	if len(set) > 1 {
		e = entry{frames: set}
	}
	for _, f := range set {
		e.bytes += f.bytes
	}
	w.enqueue(e)
}

func (w *Writer) enqueue(e entry) {
	w.queue.push(e)
	w.stats.Queued.Add(1)
	w.stats.QueuedBytes.Add(int64(e.bytes))
}

func (w *Writer) onChange(c kit.Context, m *Change) {
	if w.failed || w.changes >= maxChanges {
		m.Refuse()
		return
	}
	if m.Forget {
		for _, op := range m.Ops {
			w.order.forget(op.PartID)
		}
	}
	w.changes++
	w.enqueue(entry{change: m})
	w.pump(c)
}

func (w *Writer) onLeave(c kit.Context, m Leave) {
	w.order.leave(m.PartID, w.pass)
	w.stashStats()
	w.pump(c)
}

// pump hands over commits while the store may have more.
func (w *Writer) pump(c kit.Context) {
	for !w.failed && w.flying < maxInFlight {
		k := w.build()
		if k == nil {
			return
		}
		w.changes -= len(k.changes)
		if len(k.write.Records) == 0 && len(k.write.Ops) == 0 {
			w.empty(k)
			continue
		}
		w.flying++
		w.newest = k
		w.stats.InFlight.Store(int64(w.flying))
		w.stats.InFlightBytes.Add(int64(k.bytes))
		w.apply.Do(w.at(k))
		if w.unseen += k.bytes; w.unseen >= LookAfter {
			w.look(c)
		}
	}
}

// at is the work of a commit at the store. A small one that is alone goes through in one go, applied and synced by the same goroutine; one that
// is not alone is synced beside the next one's Apply, and so is one whose answers do not wait for the sync.
func (w *Writer) at(k *commit) func() any {
	data := w.data
	if w.flying > 1 || k.bytes > aloneBelow || slices.ContainsFunc(k.touched, func(it *Item) bool { return it.WantApplied }) {
		return func() any { return applied{k, data.Apply(&k.write)} }
	}
	return func() any {
		if err := data.Apply(&k.write); err != nil {
			return applied{k, err}
		}
		return kit.Then{Fn: func() any {
			k.stamp(trace.Applied)
			return durable{k, data.Wait(&k.write)}
		}}
	}
}

// empty ends a commit that has nothing for the store: barriers, and frames whose partitions have all gone. A barrier is answered
// with the newest commit on its way.
func (w *Writer) empty(k *commit) {
	if w.newest != nil {
		w.newest.late = append(w.newest.late, k.changes...)
		k.changes = k.changes[:0]
	}
	k.announce()
	w.giveBack(k)
}

func (w *Writer) onApplied(c kit.Context, m applied) {
	if w.failed || m.err != nil {
		w.fail(c, m.commit, "apply", m.err)
		return
	}
	m.stamp(trace.Applied)
	for _, it := range m.touched {
		if it.WantApplied {
			it.Owner.Tell(Applied{it})
		}
	}
	data := w.data
	w.wait.Do(func() any { return durable{m.commit, data.Wait(&m.write)} })
}

func (w *Writer) onDurable(c kit.Context, m durable) {
	if w.failed || m.err != nil {
		w.fail(c, m.commit, "sync", m.err)
		return
	}
	m.stamp(trace.Synced)
	w.flying--
	if w.newest == m.commit {
		w.newest = nil
	}
	w.stats.InFlight.Store(int64(w.flying))
	w.stats.InFlightBytes.Add(-int64(m.bytes))
	w.stats.Commits.Add(1)
	w.stats.Frames.Add(int64(len(m.frames)))
	w.stats.Batches.Add(int64(len(m.write.Records)))
	w.stats.Bytes.Add(int64(m.bytes))
	m.announce()
	w.giveBack(m.commit)
	w.pump(c)
}

// fail ends the process: after a failed write or sync nobody knows what is on the disk, and a second try may claim what is not
// true. Nothing that this commit or a later one holds is ever called durable.
func (w *Writer) fail(c kit.Context, k *commit, during string, err error) {
	first := !w.failed
	w.failed = true
	k.abandon()
	if first {
		w.refuseAll()
		c.Fatal(fmt.Sprintf("DISK: the data store failed during %s: nothing further can be made durable", during), "err", err)
	}
}

// refuseAll answers everything that was not handed to the store.
func (w *Writer) refuseAll() {
	for _, f := range w.order.all() {
		Write{f}.Refuse()
	}
	for w.queue.len() > 0 {
		e := w.queue.pop()
		switch {
		case e.change != nil:
			e.change.Refuse()
		case e.frame != nil:
			Write{e.frame}.Refuse()
		default:
			for _, f := range e.frames {
				Write{f}.Refuse()
			}
		}
	}
	w.changes = 0
	w.stashStats()
	w.stats.Queued.Store(0)
	w.stats.QueuedBytes.Store(0)
}

// onStopping answers what was not handed to the store. What is at the store comes back as a message to a stopped actor, whose
// Refuse tells the truth. To lose nothing, whoever stops the writer sends a Change without Ops first and waits for its answer.
func (w *Writer) onStopping() {
	w.failed = true
	w.refuseAll()
	for _, b := range []kit.Blocker{w.apply, w.wait, w.reclaim} {
		if b != nil {
			b.Close()
		}
	}
}

func (w *Writer) stashStats() {
	w.stats.Stashed.Store(int64(w.order.stashed))
	w.stats.StashedBytes.Store(w.order.bytes)
}

func (w *Writer) onInspect(m *kit.Inspect) {
	state := "running"
	switch {
	case w.failed:
		state = "failed"
	case w.gate.Full():
		state = "full"
	}
	m.Reply(kit.Inspected{Inspect: m, State: state, Fields: []kit.Field{
		{Name: "queued", Value: w.queue.len()},
		{Name: "queued bytes", Value: w.stats.QueuedBytes.Load()},
		{Name: "stashed frames", Value: w.order.stashed},
		{Name: "stashed bytes", Value: w.order.bytes},
		{Name: "commits at the store", Value: w.flying},
		{Name: "bytes at the store", Value: w.stats.InFlightBytes.Load()},
		{Name: "commits", Value: w.stats.Commits.Load()},
		{Name: "partitions", Value: len(w.order.parts)},
		{Name: "free bytes", Value: w.stats.FreeBytes.Load()},
	}})
}
