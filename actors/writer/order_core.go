package writer

import (
	"cmp"
	"slices"
)

// place is an offset of a partition.
type place struct {
	part   uint32
	offset int64
}

// order decides which frames may be committed: it lets a frame pass only when the predecessors of all its items have passed, and
// frames that wait for each other in a cycle pass together. See doc.go for why nothing waits for ever.
type order struct {
	parts   map[uint32]*track
	ends    map[place]*Item    // stashed items by the offset behind them
	waiting map[place][]*Frame // stashed frames by the offset that nobody has brought yet; each frame stands in one list
	stashed int                // frames in waiting
	bytes   int64              // of the stashed frames
	arrival uint64
	search  uint64
	one     [1]*Frame // for the usual case, a frame that passes alone
}

// track is what the writer knows of one partition.
type track struct {
	next   int64  // the offset that must come next
	commit uint64 // number of the last commit that touched it
	at     int    // its place in that commit's touched
}

func newOrder() order {
	return order{parts: map[uint32]*track{}, ends: map[place]*Item{}, waiting: map[place][]*Frame{}}
}

// live calls fn for every item of f that is to be written, until fn returns false.
func (f *Frame) live(fn func(*Item) bool) {
	for k := range f.Items {
		if it := &f.Items[k]; it.Written && !it.dropped && !fn(it) {
			return
		}
	}
}

// add takes a frame that has arrived and calls pass for every set of frames that may now be committed, in this order; a set of
// more than one waits for each other in a cycle and must be committed together.
func (o *order) add(f *Frame, pass func([]*Frame)) {
	o.arrival++
	f.arrival = o.arrival
	f.bytes = 0
	f.live(func(it *Item) bool { f.bytes += it.size(); return true })
	if o.stashed == 0 && o.ready(f) {
		o.one[0] = f
		o.advance(o.one[:])
		f.done = true
		pass(o.one[:]) // not kept: see onPassed
		return
	}
	work := []*Frame{f}
	f.live(func(it *Item) bool {
		p := it.behind()
		if o.ends[p] != nil {
			sentTwice(it)
		}
		o.ends[p] = it
		for _, g := range o.waiting[p] {
			o.unstick(g)
			work = append(work, g)
		}
		delete(o.waiting, p)
		return true
	})
	o.decide(work, pass)
}

// leave drops what is stashed of a partition that has stopped.
func (o *order) leave(part uint32, pass func([]*Frame)) {
	delete(o.parts, part)
	if o.stashed == 0 {
		return
	}
	var work []*Frame
	for _, list := range o.waiting {
		work = append(work, list...)
	}
	clear(o.waiting)
	slices.SortFunc(work, func(a, b *Frame) int { return cmp.Compare(a.arrival, b.arrival) })
	for _, f := range work {
		o.unstick(f)
		f.live(func(it *Item) bool {
			if it.PartID == part {
				delete(o.ends, it.behind())
				it.dropped = true
				f.bytes -= it.size()
			}
			return true
		})
	}
	o.decide(work, pass)
}

// forget makes the partition's next item one without a predecessor.
func (o *order) forget(part uint32) { delete(o.parts, part) }

// all is every stashed frame, in order of arrival; the stash is empty afterwards.
func (o *order) all() []*Frame {
	var list []*Frame
	for _, l := range o.waiting {
		list = append(list, l...)
	}
	slices.SortFunc(list, func(a, b *Frame) int { return cmp.Compare(a.arrival, b.arrival) })
	o.stashed, o.bytes = 0, 0
	clear(o.waiting)
	clear(o.ends)
	return list
}

// decide passes or stashes frames of which it is not known what they wait for.
func (o *order) decide(work []*Frame, pass func([]*Frame)) {
	for _, f := range work {
		if f.done {
			continue
		}
		set, missing, ok := o.closure(f)
		if !ok {
			o.stick(f, missing)
			continue
		}
		slices.SortFunc(set, func(a, b *Frame) int { return cmp.Compare(a.arrival, b.arrival) })
		for _, g := range set {
			g.live(func(it *Item) bool { delete(o.ends, it.behind()); return true })
			g.done = true
		}
		o.advance(set)
		pass(set)
	}
}

// closure gathers f and all frames that must be committed with it or before it. It fails with the offset that nobody has brought.
func (o *order) closure(f *Frame) (set []*Frame, missing place, ok bool) {
	o.search++
	f.visited = o.search
	set, ok = []*Frame{f}, true
	for i := 0; i < len(set) && ok; i++ {
		set[i].live(func(it *Item) bool {
			if o.follows(it) {
				return true
			}
			before := o.ends[it.begin()]
			switch {
			case before == nil:
				missing, ok = it.begin(), false
			case before.Frame.stuck:
				missing, ok = before.Frame.missing, false
			case before.Frame.visited != o.search:
				before.Frame.visited = o.search
				set = append(set, before.Frame)
			}
			return ok
		})
	}
	return set, missing, ok
}

// follows says whether everything before the item has passed.
func (o *order) follows(it *Item) bool {
	if it.First {
		return true
	}
	t := o.parts[it.PartID]
	if t == nil || t.next == it.Append.Base {
		return t != nil
	}
	if it.Append.Base < t.next {
		sentTwice(it)
	}
	return false
}

func (o *order) ready(f *Frame) (ok bool) {
	ok = true
	f.live(func(it *Item) bool { ok = o.follows(it); return ok })
	return ok
}

// advance moves the partitions' next offsets behind a set that passes.
func (o *order) advance(set []*Frame) {
	for _, f := range set {
		f.live(func(it *Item) bool {
			if t := o.parts[it.PartID]; t == nil {
				o.parts[it.PartID] = &track{next: it.Append.Last + 1}
			} else if it.First {
				t.next = it.Append.Last + 1
			}
			return true
		})
	}
	for _, f := range set {
		f.live(func(it *Item) bool {
			t := o.parts[it.PartID]
			t.next = max(t.next, it.Append.Last+1)
			return true
		})
	}
}

func (o *order) stick(f *Frame, missing place) {
	f.stuck, f.missing = true, missing
	o.waiting[missing] = append(o.waiting[missing], f)
	o.stashed++
	o.bytes += int64(f.bytes)
}

func (o *order) unstick(f *Frame) {
	f.stuck = false
	o.stashed--
	o.bytes -= int64(f.bytes)
}

func (i *Item) begin() place  { return place{i.PartID, i.Append.Base} }
func (i *Item) behind() place { return place{i.PartID, i.Append.Last + 1} }

func (i *Item) size() int { return len(i.Append.Slab.Batch(i.Append.At)) }
