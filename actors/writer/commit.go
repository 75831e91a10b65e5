package writer

import (
	"cmp"
	"slices"

	"troupe/actors/kit"
	"troupe/actors/kit/trace"
	"troupe/kafka/code"
	"troupe/storage"
)

// entry is what waits for a commit: frames that go together, or one change.
type entry struct {
	frame  *Frame   // one frame, the usual case
	frames []*Frame // several that wait for each other
	change *Change
	bytes  int
}

// commit is one storage.Write on its way, and who must hear of it. It belongs to the writer, except while a blocker works on
// it; then it comes back in the blocker's message.
type commit struct {
	write   storage.Write
	number  uint64
	bytes   int
	frames  []*Frame
	touched []*Item // the last item of each partition
	changes []*Change
	late    []*Change // barriers that came when it was on its way
	taken   int64     // when it was built, by the clock of traces; 0: no frame is traced
	last    bool      // holds an op after which no record of its partition may come in the same write
}

// build takes what waits from the queue into one commit, as far as it may be merged. It returns nil if nothing waits.
func (w *Writer) build() *commit {
	if w.queue.len() == 0 {
		return nil
	}
	w.commits++
	k := w.take()
	k.number = w.commits
	for w.queue.len() > 0 {
		e := *w.queue.head()
		if !k.mayTake(&e) {
			break
		}
		w.queue.pop()
		w.stats.Queued.Add(-1)
		w.stats.QueuedBytes.Add(-int64(e.bytes))
		w.put(k, e)
	}
	return k
}

// mayTake says whether e may go into the same write as what is in k. Records come before ops in a write, so records that
// follow a truncation or a drop (of a partition, of a producer) need the next write. Big frames go alone: the store commits them without copying.
func (k *commit) mayTake(e *entry) bool {
	if len(k.frames) == 0 && len(k.changes) == 0 {
		return true
	}
	if e.change != nil {
		return len(k.changes) < maxChangesPerCommit
	}
	return !k.last && k.bytes < MergeBelow && e.bytes < MergeBelow && k.bytes+e.bytes <= MaxCommit ||
		!k.last && len(k.frames) == 0
}

func (w *Writer) put(k *commit, e entry) {
	k.bytes += e.bytes
	switch {
	case e.change != nil:
		k.changes = append(k.changes, e.change)
		k.write.Ops = append(k.write.Ops, e.change.Ops...)
		for _, op := range e.change.Ops {
			k.last = k.last || op.Kind == storage.OpTruncate || op.Kind == storage.OpDrop || op.Kind == storage.OpDropProducer
		}
	case e.frame != nil:
		w.putFrame(k, e.frame)
	default:
		from := len(k.write.Records)
		for _, f := range e.frames {
			w.putFrame(k, f)
		}
		// The frames of a cycle hold each partition's batches in different orders.
		slices.SortStableFunc(k.write.Records[from:], func(a, b storage.Append) int {
			return cmp.Or(cmp.Compare(a.PartID, b.PartID), cmp.Compare(a.Base, b.Base))
		})
	}
}

func (w *Writer) putFrame(k *commit, f *Frame) {
	k.frames = append(k.frames, f)
	if k.taken == 0 {
		k.taken = f.Op.Now()
	}
	f.Op.StampAt(trace.Taken, k.taken)
	for i := range f.Items {
		it := &f.Items[i]
		if !it.Written || it.dropped {
			continue
		}
		k.write.Records = append(k.write.Records, it.Append)
		t := w.order.parts[it.PartID]
		if t == nil { // its partition has left since
			k.touched = append(k.touched, it)
			continue
		}
		switch {
		case t.commit != k.number:
			t.commit, t.at = k.number, len(k.touched)
			k.touched = append(k.touched, it)
		case k.touched[t.at].Append.Last < it.Append.Last:
			k.touched[t.at] = it
		}
	}
}

// announce tells everyone that the commit is durable. The slabs are released first: what the partitions still need they hold.
func (k *commit) announce() {
	k.release()
	for _, it := range k.touched {
		it.Owner.Tell(Synced{it})
	}
	for _, ch := range k.changes {
		ch.Reply(Changed{ch, code.OK})
	}
	for _, ch := range k.late {
		ch.Reply(Changed{ch, code.OK})
	}
}

// abandon answers everyone without claiming anything: whether the commit is on the disk is not known.
func (k *commit) abandon() {
	k.release()
	for _, it := range k.touched {
		it.Owner.Tell(Lost{it})
	}
	for _, ch := range k.changes {
		ch.Refuse()
	}
	for _, ch := range k.late {
		ch.Refuse()
	}
}

func (k *commit) release() {
	for _, f := range k.frames {
		f.letGo()
	}
}

// stamp notes that a stage is passed by all requests of the commit.
func (k *commit) stamp(s trace.Stage) {
	var now int64
	for _, f := range k.frames {
		if now == 0 {
			now = f.Op.Now()
		}
		f.Op.StampAt(s, now)
	}
}

func (w *Writer) take() *commit {
	if n := len(w.spare); n > 0 {
		k := w.spare[n-1]
		w.spare = w.spare[:n-1]
		return k
	}
	return &commit{}
}

// giveBack keeps the commit's memory for the next one.
func (w *Writer) giveBack(k *commit) {
	if len(w.spare) > maxInFlight || cap(k.touched) > maxSpare || cap(k.changes) > maxSpare {
		return
	}
	clear(k.frames)
	clear(k.touched)
	clear(k.changes)
	clear(k.write.Records)
	*k = commit{
		write:  storage.Write{Records: k.write.Records[:0], Ops: k.write.Ops[:0]},
		frames: k.frames[:0], touched: k.touched[:0], changes: k.changes[:0],
	}
	w.spare = append(w.spare, k)
}

// fifo is a queue that gives its memory back when it is empty.
type fifo struct {
	list []entry
	from int
}

func (q *fifo) len() int     { return len(q.list) - q.from }
func (q *fifo) head() *entry { return &q.list[q.from] }

func (q *fifo) push(e entry) {
	if len(q.list) == cap(q.list) && q.from > len(q.list)/2 { // never empty: move instead of growing
		n := copy(q.list, q.list[q.from:])
		clear(q.list[n:])
		q.list, q.from = q.list[:n], 0
	}
	q.list = append(q.list, e)
}

func (q *fifo) pop() entry {
	kit.Invariant(q.len() > 0, "BUG: pop of an empty queue")
	e := q.list[q.from]
	q.list[q.from] = entry{}
	if q.from++; q.from == len(q.list) {
		q.from, q.list = 0, q.list[:0]
		if cap(q.list) > maxSpare {
			q.list = nil
		}
	}
	return e
}
