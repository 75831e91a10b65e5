package kafka

import (
	"errors"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"troupe/actors/kit/trace"
	"troupe/kafka/api"
)

// output gathers encoded answers until the writer is free. Small parts share one buffer; big ranges are written from where
// they are.
type output struct {
	bufs     net.Buffers
	heads    []*[]byte // pooled buffers, given back after the write
	releases []func()
	size     int
	ops      trace.Ops // of these answers
}

// bigHead is the size above which a buffer for heads is not kept in the pool.
const bigHead = 64 << 10

var heads = sync.Pool{New: func() any { b := make([]byte, 0, 512); return &b }}

// add encodes the answer of a slot.
func (o *output) add(s *slot) {
	c := s.call
	before := o.size
	o.ops.Add(c.Op)
	flexible := s.entry.Flexible(c.Version) && s.entry.Serves(c.Version)
	p := heads.Get().(*[]byte)
	head, rest, release := api.AppendFrame((*p)[:0], c.Key, flexible, c.CorrelationID, s.resp)
	*p = head
	o.heads = append(o.heads, p)
	o.bufs = append(o.bufs, head)
	o.size += len(head)
	for _, r := range rest {
		if len(r) > 0 {
			o.bufs = append(o.bufs, r)
			o.size += len(r)
		}
	}
	if release != nil {
		o.releases = append(o.releases, release)
	}
	c.Op.SetOut(o.size - before)
	c.Op.Stamp(trace.Encoded)
}

// take hands everything over to the writer.
func (o *output) take() output {
	w := *o
	*o = output{}
	return w
}

// drop releases everything unwritten.
func (o *output) drop() {
	w := o.take()
	w.release()
	w.ops.End(trace.Gone)
}

func (o *output) release() {
	for _, f := range o.releases {
		f()
	}
	for _, p := range o.heads {
		if cap(*p) <= bigHead {
			heads.Put(p)
		}
	}
}

const (
	// maxUnread is what all clients together may leave unread. Beyond it those that read nothing are given up soon.
	maxUnread = 192 << 20
	// crowdedAt is from where on no client is given another answer before it has read all others.
	crowdedAt = 64 << 20
	// patience is how long a client that reads nothing is borne when too much is unread.
	patience = 10 * time.Second
)

// writeTo writes everything. A client that reads nothing for the idle time is given up, or much sooner if too much is unread by
// all together, whose bytes unread counts.
func (o *output) writeTo(nc net.Conn, idle time.Duration, unread *atomic.Int64) written {
	size := int64(o.size)
	unread.Add(size)
	o.ops.Stamp(trace.Writing)
	n, err := o.patiently(nc, idle, unread)
	unread.Add(-size)
	how := trace.Done
	if err != nil {
		how = trace.Gone
	} else {
		o.ops.Stamp(trace.Written)
	}
	o.ops.End(how)
	o.release()
	return written{bytes: int(n), err: err}
}

// patiently writes as long as the client reads now and then.
func (o *output) patiently(nc net.Conn, idle time.Duration, unread *atomic.Int64) (total int64, err error) {
	for quiet := time.Duration(0); ; {
		step := min(idle, patience)
		nc.SetWriteDeadline(time.Now().Add(step))
		n, err := o.bufs.WriteTo(nc)
		total += n
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			return total, err
		}
		if quiet += step; n > 0 {
			quiet = 0
		}
		if quiet >= idle || quiet > 0 && unread.Load() > maxUnread {
			return total, err
		}
	}
}
