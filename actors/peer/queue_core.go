package peer

import (
	"fmt"
	"time"
)

// outLane is what one lane of a session has to send: a queue bounded by bytes and frames, and the credit that the other side gives.
// Without a window there is no credit to keep to (the control lane).
type outLane[F any] struct {
	max    int // bytes that may be queued or be with the writer
	window uint64
	urgent []F // pings, credit and the like: small, before all others, without credit
	q      []queued[F]
	bytes  int // queued, and with the writer
	sent   uint64
	freed  uint64 // of those sent, what the other side is through with
	number uint32 // of the next frame
}

type queued[F any] struct {
	f    F
	size int
}

// push queues a frame; false: the lane is full. A frame that is larger than the whole queue is taken when the queue is empty.
func (o *outLane[F]) push(f F, size int) bool {
	if len(o.q) >= maxFrames || o.bytes > 0 && o.bytes+size > o.max {
		return false
	}
	o.q = append(o.q, queued[F]{f, size})
	o.bytes += size
	return true
}

// urge queues a frame of the protocol itself.
func (o *outLane[F]) urge(f F) { o.urgent = append(o.urgent, f) }

// next takes frames for one write, about limit bytes, as far as credit goes. A frame that is larger than the whole window goes alone.
func (o *outLane[F]) next(limit int) (list []F, size int) {
	list, o.urgent = o.urgent, nil
	n := 0
	for n < len(o.q) && size < limit && len(list) < 128 {
		s := o.q[n].size
		if o.window > 0 && o.sent > o.freed && o.sent-o.freed+uint64(s) > o.window {
			break
		}
		o.sent += uint64(s)
		size += s
		list = append(list, o.q[n].f)
		o.q[n] = queued[F]{}
		n++
	}
	if o.q = o.q[n:]; len(o.q) == 0 {
		o.q = nil
	}
	return list, size
}

// written gives the room of a write back.
func (o *outLane[F]) written(size int) { o.bytes -= size }

// credit takes the total that the other side is through with.
func (o *outLane[F]) credit(total uint64) error {
	if total > o.sent {
		return fmt.Errorf("credit for %d bytes, of which %d were sent", total, o.sent)
	}
	o.freed = max(o.freed, total)
	return nil
}

// left is how many bytes of credit are left.
func (o *outLane[F]) left() uint64 {
	if used := o.sent - o.freed; used < o.window {
		return o.window - used
	}
	return 0
}

// inLane is what one lane of a session has received, and how much of that it has given credit for.
type inLane struct {
	window                 uint64
	received, freed, given uint64
}

// take counts a frame; an error says that the other side sends more than it has credit for.
func (i *inLane) take(size int) error {
	if held := i.received - i.given; held > 0 && held+uint64(size) > i.window {
		return fmt.Errorf("%d bytes beyond its credit", held+uint64(size)-i.window)
	}
	i.received += uint64(size)
	return nil
}

// free counts what somebody is through with, and says whether it is time to give credit for it.
func (i *inLane) free(size int) (due bool) {
	i.freed += uint64(size)
	return i.freed-i.given >= i.window/8 || i.freed == i.received
}

// replaces says whether the deciding side drops a session that seems to work for a new one: the other side is another run by now, or has
// lost the old one. If it never knew the old one as up, the two have dialled each other at the same moment, and the old one stays.
func replaces(upSession, upIncarnation uint64, h hello) bool {
	return h.Incarnation > upIncarnation || h.last == upSession
}

// Pauses between dials.
const (
	firstPause = 40 * time.Millisecond
	maxPause   = 1500 * time.Millisecond
)

// pause is how long to wait before a dial when the last n have failed: at least half of it is certain, the rest is chance.
func pause(n int, chance uint64) time.Duration {
	d := min(firstPause<<min(n, 10), maxPause)
	return d/2 + time.Duration(chance%uint64(d/2))
}
