package writer

import (
	"maps"
	"slices"

	"troupe/actors/kit"
)

// onCheckFree looks at the disk, by the timer and early when much was written since: a fast writer could fill it between two ticks.
func (w *Writer) onCheckFree(c kit.Context) {
	w.ticked = true
	w.look(c)
}

// look asks the disk, in the pool: statfs may hang.
func (w *Writer) look(c kit.Context) {
	if w.looking {
		return
	}
	w.looking, w.unseen = true, 0
	data := w.data
	c.Go(c.Self(), func() any {
		n, full := data.Free()
		return free{n, full}
	})
}

// onFree closes or opens the gate.
func (w *Writer) onFree(c kit.Context, m free) {
	w.stats.FreeBytes.Store(int64(m.bytes))
	shut := m.full && m.bytes < w.data.MinFree()/ownShare
	was, wasShut := w.gate.Full(), w.gate.Shut()
	w.gate.Set(m.full, shut)
	switch {
	case shut && !wasShut:
		c.Log().Warn("disk full: records and commits are refused until space is freed", "free", m.bytes)
	case m.full && !was:
		c.Log().Warn("disk nearly full: records are refused until space is freed", "free", m.bytes)
	case was && !m.full:
		c.Log().Info("disk has room again: records are accepted", "free", m.bytes)
	}
	w.looking = false
	if w.ticked {
		w.ticked = false
		c.After(c.Self(), FreeEvery, checkFree{})
	}
}

func (w *Writer) onReclaim(c kit.Context, m Reclaim) {
	if w.reclaims[m.PartID] {
		return
	}
	if w.reclaims == nil {
		w.reclaims = map[uint32]bool{}
	}
	w.reclaims[m.PartID] = true
	if len(w.reclaims) == 1 && !w.reclaiming {
		w.armReclaim(c)
	}
}

func (w *Writer) armReclaim(c kit.Context) {
	c.After(c.Self(), max(w.reclaimAt.Sub(c.Now()), 0), reclaimDue{})
}

// startReclaim compacts what has gathered. One at a time: reclaims are armed when the first comes and when one has ended.
func (w *Writer) startReclaim(c kit.Context) {
	if w.failed || w.reclaiming || len(w.reclaims) == 0 {
		return
	}
	if w.reclaim == nil {
		w.reclaim = c.Blocker(c.Self(), "reclaim")
	}
	parts, data := slices.Sorted(maps.Keys(w.reclaims)), w.data
	w.reclaims, w.reclaiming = nil, true
	w.stats.Reclaims.Add(1)
	w.reclaim.Do(func() any { return reclaimed{data.Reclaim(parts)} })
}

func (w *Writer) onReclaimed(c kit.Context, m reclaimed) {
	w.reclaiming = false
	w.reclaimAt = c.Now().Add(ReclaimEvery)
	if m.err != nil {
		c.Log().Warn("disk space of deleted records was not given back; it will be with the next deletion", "err", m.err)
	}
	if len(w.reclaims) > 0 {
		w.armReclaim(c)
	}
}
