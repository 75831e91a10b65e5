package kafka

import (
	"errors"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"troupe/actors/kit/trace"
	"troupe/kafka/api"
)

// output gathers encoded answers until the writer is free. Small parts share one buffer; big ranges are written from where
// they are.
type output struct {
	bufs     net.Buffers
	streams  []streamed // bodies that are made while they are written, in order
	heads    []*[]byte  // pooled buffers, given back after the write
	releases []func()
	size     int       // of all that is to be written
	memory   int       // what of it is in memory at a time
	ops      trace.Ops // of these answers
}

// streamed is a body that belongs behind bufs[:at].
type streamed struct {
	at   int
	body api.Streamed
}

const (
	// streamFrom is the length of a body from which on it is made while it is written.
	streamFrom = 16 << 10
	// pieceSize is about what a streamed body takes in memory.
	pieceSize = 32 << 10
)

var pieceBuffers = sync.Pool{New: func() any { b := make([]byte, 0, pieceSize+4<<10); return &b }}

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
	if body, ok := s.resp.(api.Streamed); ok && body.Size() >= streamFrom {
		*p = api.AppendHeader((*p)[:0], c.Key, flexible, c.CorrelationID, body.Size())
		o.put(*p)
		o.streams = append(o.streams, streamed{len(o.bufs), body})
		o.size += body.Size()
		o.memory += pieceSize + body.Held()
	} else {
		head, rest, release := api.AppendFrame((*p)[:0], c.Key, flexible, c.CorrelationID, s.resp)
		*p = head
		o.put(head)
		for _, r := range rest {
			o.put(r)
		}
		if release != nil {
			o.releases = append(o.releases, release)
		}
	}
	o.heads = append(o.heads, p)
	c.Op.SetOut(o.size - before)
	c.Op.Stamp(trace.Encoded)
}

func (o *output) put(b []byte) {
	if len(b) > 0 {
		o.bufs = append(o.bufs, b)
		o.size += len(b)
		o.memory += len(b)
	}
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
	// muchUnread times Config.UnreadMemory is what all clients together may leave unread. Beyond it those that read nothing are given up soon.
	muchUnread = 3
	// patience is how long a client that reads nothing is borne when too much is unread.
	patience = 10 * time.Second
)

// directWrite is up to how many bytes are written by the actor itself if the socket takes them at once: handing them to another goroutine would
// take longer, and every connection that has just said hello would have one with a stack.
const directWrite = 16 << 10

// tryWrite writes what the socket takes without waiting. It reports whether that is everything; the rest is still to be written by writeTo.
func (o *output) tryWrite(raw syscall.RawConn) (n int, done bool, err error) {
	o.ops.Stamp(trace.Writing)
	if e := raw.Write(func(fd uintptr) bool {
		n, err = writev(int(fd), o.bufs)
		return true
	}); e != nil {
		err = e
	}
	switch {
	case err != nil:
		o.ops.End(trace.Gone)
		o.release()
	case n == o.size:
		o.ops.Stamp(trace.Written)
		o.ops.End(trace.Done)
		o.release()
		return n, true, nil
	}
	o.skip(n)
	return n, false, err
}

// writev is one write to a socket that does not block; what would block is 0 bytes.
func writev(fd int, bufs net.Buffers) (n int, err error) {
	for {
		if len(bufs) == 1 {
			n, err = unix.Write(fd, bufs[0])
		} else {
			n, err = unix.Writev(fd, bufs)
		}
		switch err {
		case unix.EINTR:
			continue
		case unix.EAGAIN:
			return 0, nil
		}
		return max(n, 0), err
	}
}

// skip leaves out the first n bytes: they are written.
func (o *output) skip(n int) {
	o.size -= n
	for n > 0 {
		k := min(n, len(o.bufs[0]))
		if o.bufs[0] = o.bufs[0][k:]; len(o.bufs[0]) == 0 {
			o.bufs = o.bufs[1:]
		}
		n -= k
	}
}

// writeTo writes everything. A client that reads nothing for the idle time is given up, or much sooner if too much is unread by
// all together, whose bytes d.unread counts.
func (o *output) writeTo(nc net.Conn, d *shared) written {
	size := int64(o.memory)
	d.unread.Add(size)
	o.ops.Stamp(trace.Writing)
	n, err := o.all(nc, d)
	_ = nc.SetWriteDeadline(time.Time{}) // or the next tryWrite would find that it has passed
	d.unread.Add(-size)
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

// all writes what is in memory and the streamed bodies, in order.
func (o *output) all(nc net.Conn, d *shared) (total int64, err error) {
	if len(o.streams) == 0 {
		return patiently(o.bufs, nc, d)
	}
	p := pieceBuffers.Get().(*[]byte)
	defer pieceBuffers.Put(p)
	from := 0
	for _, s := range o.streams {
		n, err := patiently(o.bufs[from:s.at], nc, d)
		from, total = s.at, total+n
		for err == nil {
			if *p = s.body.Next((*p)[:0]); len(*p) == 0 {
				break
			}
			n, err = patiently(net.Buffers{*p}, nc, d)
			total += n
		}
		if err != nil {
			return total, err
		}
	}
	n, err := patiently(o.bufs[from:], nc, d)
	return total + n, err
}

// patiently writes as long as the client reads now and then.
func patiently(bufs net.Buffers, nc net.Conn, d *shared) (total int64, err error) {
	idle := d.cfg.IdleClose
	for quiet := time.Duration(0); len(bufs) > 0; {
		step := min(idle, patience)
		nc.SetWriteDeadline(time.Now().Add(step))
		n, err := bufs.WriteTo(nc)
		total += n
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			return total, err
		}
		if quiet += step; n > 0 {
			quiet = 0
		}
		if quiet >= idle || quiet > 0 && d.unread.Load() > muchUnread*d.cfg.UnreadMemory {
			return total, err
		}
	}
	return total, nil
}
