package cleaner

import "math"

// reach is what of a log may be compacted now.
type reach struct {
	end   int64 // where it ends: the end of a virtual segment
	bytes int64 // of dirty records below
	ratio float64
}

// reachOf looks for the first segment that must be left alone (LogCleanerManager.cleanableOffsets): one that holds what may still be
// lost, or something younger than the minimum lag.
func reachOf(d *dirt, limit, now int64, c Config) reach {
	r := reach{end: d.Clean}
	for _, s := range d.Segments {
		if s.End > limit || c.MinLagMs > 0 && s.MaxTime > now-c.MinLagMs {
			break
		}
		r.end, r.bytes = s.End, r.bytes+s.Bytes
	}
	if all := d.CleanBytes + r.bytes; all > 0 {
		r.ratio = float64(r.bytes) / float64(all)
	}
	return r
}

// overdue says whether the oldest dirty record has waited for longer than the maximum lag.
func (d *dirty) overdue(now int64, c Config) bool {
	return c.MaxLagMs < math.MaxInt64 && d.oldest >= 0 && d.oldest < now-c.MaxLagMs
}

// choose is the log to be compacted next, nil if none is dirty enough (LogCleanerManager.grabFilthiestCompactedLog): one that is
// overdue, else the one with the greatest share of dirty bytes.
func choose(list []dirty, now int64, config func(partID uint32) (Config, bool)) (best *dirty) {
	var most float64
	late := false
	for i := range list {
		d := &list[i]
		c, ok := config(d.partID)
		if !ok || d.err != nil {
			continue
		}
		r := reachOf(&d.at, math.MaxInt64, now, c)
		over := d.overdue(now, c) && r.bytes > 0
		if !over && (r.ratio <= c.MinDirtyRatio || late) || over == late && r.ratio <= most && best != nil {
			continue
		}
		best, most, late = d, r.ratio, over
	}
	return best
}
