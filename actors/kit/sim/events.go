package sim

import "troupe/actors/kit"

const (
	evTimer = iota
	evWork  // pool, blocker, network
	evTest  // of the test itself
)

// event is something that happens at a time. Of two at the same time the one made first comes first.
type event struct {
	at    int64
	seq   uint64
	kind  int
	life  *Life // dropped when this one crashes; nil: the test's own
	run   func()
	timer *timer
	index int // place in the heap; -1: not in it
}

const (
	timerPending = iota
	timerSent
	timerStopped
)

// timer implements kit.Timer.
type timer struct {
	s     *Sim
	ev    event
	to    *kit.Ref
	m     any
	state int
}

// Stop implements kit.Timer.
func (t *timer) Stop() bool {
	if t.state == timerPending {
		t.state = timerStopped
		if t.ev.index >= 0 {
			t.s.events.remove(t.ev.index)
		}
	}
	return t.state == timerStopped
}

func (s *Sim) at(l *Life, d int64, kind int, run func()) {
	if l != nil && l.dead {
		return
	}
	if kind == evWork {
		s.work++
	}
	s.events.push(&event{at: s.now + max(d, 0), kind: kind, life: l, run: run})
}

// heap is a binary heap of events, by time and then by age.
type heap struct {
	e   []*event
	seq uint64
}

func (h *heap) len() int      { return len(h.e) }
func (h *heap) first() *event { return h.e[0] }

func (h *heap) less(i, j int) bool {
	a, b := h.e[i], h.e[j]
	return a.at < b.at || a.at == b.at && a.seq < b.seq
}

func (h *heap) swap(i, j int) {
	h.e[i], h.e[j] = h.e[j], h.e[i]
	h.e[i].index, h.e[j].index = i, j
}

func (h *heap) push(e *event) {
	h.seq++
	e.seq, e.index = h.seq, len(h.e)
	h.e = append(h.e, e)
	h.up(e.index)
}

func (h *heap) pop() *event { return h.remove(0) }

func (h *heap) remove(i int) *event {
	e, last := h.e[i], len(h.e)-1
	h.swap(i, last)
	h.e[last] = nil
	h.e = h.e[:last]
	if i < last {
		h.down(i)
		h.up(i)
	}
	e.index = -1
	return e
}

func (h *heap) up(i int) {
	for i > 0 {
		p := (i - 1) / 2
		if !h.less(i, p) {
			return
		}
		h.swap(i, p)
		i = p
	}
}

func (h *heap) down(i int) {
	for {
		c := 2*i + 1
		if c >= len(h.e) {
			return
		}
		if c+1 < len(h.e) && h.less(c+1, c) {
			c++
		}
		if !h.less(c, i) {
			return
		}
		h.swap(i, c)
		i = c
	}
}

// dropIf removes the events that drop names; it returns how many of them were work.
func (h *heap) dropIf(drop func(*event) bool) (work int) {
	old := h.e
	h.e = nil
	for _, e := range old {
		if drop(e) {
			e.index = -1
			if e.kind == evWork {
				work++
			}
			continue
		}
		e.index = len(h.e)
		h.e = append(h.e, e)
		h.up(e.index)
	}
	return work
}
