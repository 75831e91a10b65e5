package partition

import (
	"slices"

	"troupe/actors/kit"
	"troupe/kafka/code"
)

// onWatch keeps a long poll until there is something to read. One that cannot be kept is answered at once: the asker reads again
// and learns why, or gives up by its own timer.
func (p *Partition) onWatch(c kit.Context, m *Watch) {
	if p.fenceRead(-1, m.Replica) != code.OK {
		m.Reply(Grown{Watch: m})
		return
	}
	if !p.ready(c, m) {
		return
	}
	l := p.log
	switch {
	case m.Offset < l.high || m.Offset < l.floor:
		m.Reply(Grown{Watch: m})
	case len(l.watches) >= maxWatches:
		m.Reply(Grown{Watch: m, Cancelled: true})
	default:
		l.watches = append(l.watches, m)
	}
}

func (p *Partition) onUnwatch(m Unwatch) {
	if i := slices.Index(p.deferred, any(m.Watch)); i >= 0 {
		p.deferred = slices.Delete(p.deferred, i, i+1)
		m.Reply(Grown{Watch: m.Watch, Cancelled: true})
		return
	}
	if p.log == nil {
		return // it was answered
	}
	if i := slices.Index(p.log.watches, m.Watch); i >= 0 {
		p.log.watches = slices.Delete(p.log.watches, i, i+1)
		m.Reply(Grown{Watch: m.Watch, Cancelled: true})
	}
}

// growBelow answers the long polls that have something to read now, in the order in which they came.
func (l *log) growBelow() {
	if len(l.watches) == 0 {
		return
	}
	kept := l.watches[:0]
	for _, w := range l.watches {
		if w.Offset < l.high || w.Offset < l.floor {
			w.Reply(Grown{Watch: w})
		} else {
			kept = append(kept, w)
		}
	}
	clear(l.watches[len(kept):])
	if l.watches = kept; len(kept) == 0 && cap(kept) > spareQueue {
		l.watches = nil
	}
}

// growAll answers every long poll: the replica does not lead any more.
func (l *log) growAll() {
	list := l.watches
	l.watches = nil
	for _, w := range list {
		w.Reply(Grown{Watch: w})
	}
}
