package group

import "time"

// clock makes moments. The difference of two times of one process takes no notice of jumps of the wall clock; and should a clock jump all
// the same, it never goes back.
type clock struct {
	base time.Time // when the shard began
	last int64
}

func (k *clock) at(now time.Time) moment {
	k.last = max(k.last, now.Sub(k.base).Milliseconds()+1, 1)
	return moment{mono: k.last, wall: now.UnixMilli()}
}
