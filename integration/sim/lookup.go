package sim

import (
	"troupe/actors/kit"
	"troupe/actors/partition"
	"troupe/kafka/code"
	"troupe/storage"
)

// ListOffsets' special timestamps that consumers use.
const (
	latest   = -1
	earliest = -2
)

// found is what a search by time has found in the store.
type found struct {
	located partition.Located
	at      storage.TimeOffset
	ok      bool
	err     error
}

// someTime is a timestamp to look for: the newest, or that of some record that was consumed, or a little beside it.
func (x *consumer) someTime() int64 {
	if t, ok := x.a.times[x.a.start+int64(x.w.IntN(int(max(x.a.high-x.a.start, 1))))]; ok && x.w.Chance(.7) {
		return t + int64(x.w.IntN(3)) - 1
	}
	return latest
}

// search looks in the store for the first record of a time, in the range that the partition has named.
func (x *consumer) search(c kit.Context, m partition.Located) {
	data := x.w.broker.Data
	x.asked, x.since = m.Locate, x.w.Now()
	c.Go(c.Self(), func() any {
		at, ok, err := data.OffsetForTime(m.PartID, m.Locate.Timestamp, m.Start, m.Limit)
		return found{m, at, ok, err}
	})
}

// onFound compares with what was consumed: no record of that time or later lies before the one that was found.
func (x *consumer) onFound(c kit.Context, m found) {
	x.asked = nil
	l := m.located
	to := l.Limit
	if m.ok {
		to = m.at.Offset
	}
	switch {
	case m.err != nil:
		x.w.Fail("%s: %s: %v", x.id, x.a, m.err)
		return
	case x.a.gone || x.a.start > l.Start || x.a.compacts && !m.ok || x.a.asked > l.Start: // what was there may have been deleted meanwhile
	case m.ok && (to < l.Start || to >= l.Limit || m.at.Timestamp < l.Locate.Timestamp):
		x.w.Fail("%s: %s: the first record of time %d in [%d, %d) is said to be %+v", x.id, x.a, l.Locate.Timestamp, l.Start, l.Limit, m.at)
		return
	default:
		for o := l.Start; o < to; o++ {
			if t, ok := x.a.times[o]; ok && !x.a.compacts && t >= l.Locate.Timestamp {
				x.w.Fail("%s: %s: the first record of time %d in [%d, %d) is said to be %+v (%v), and offset %d has time %d", x.id, x.a, l.Locate.Timestamp,
					l.Start, l.Limit, m.at, m.ok, o, t)
				return
			}
		}
	}
	x.goOn(c, code.OK)
}
