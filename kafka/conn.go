package kafka

import (
	"errors"
	"io"
	"net"
	"os"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"

	"troupe/actors/kit"
	"troupe/actors/kit/trace"
	"troupe/kafka/api"
)

// readAhead is how many frames the reader may take on without being asked again.
const readAhead = 2

// conn is the actor of one connection.
type conn struct {
	door *shared
	info api.Conn
	nc   net.Conn
	raw  syscall.RawConn // of nc, nil if it has none

	self           *kit.Ref
	reader, writer kit.Blocker
	read           *reader // the reader's own, but for stop

	calls   []*slot // in the order of the requests, not yet handed to the writer
	first   uint64  // number of calls[0]; a call's Slot is its number
	started int     // calls[:started] have begun
	running int     // of those, the ones that have not ended
	alone   bool    // one of the running must not share
	early   bool    // the next call waits until the broker knows the cluster; a timer runs

	asked     int // frames that the reader was asked for and has not delivered
	closing   bool
	gone      bool // the socket is closed
	stopping  bool
	writing   bool
	out       output
	unwritten int        // bytes handed to the writer
	poll      trace.Poll // the last long poll
}

// slot is the place of one call in the order of answers.
type slot struct {
	conn     *conn
	call     *api.Call
	entry    *api.Entry
	held     held
	detached func() // gives back what was held, if the call has taken that over
	begun    bool
	ended    bool
	resp     api.Response // nil: no answer
}

func newConn(d *shared, id uint64, nc net.Conn) *conn {
	c := &conn{door: d, nc: nc, info: api.Conn{ID: id, RemoteHost: hostOf(nc.RemoteAddr()), Listener: d.cfg.Listener}, first: 1}
	c.read = newReader(newSource(nc, d.cfg.IdleClose, d.cfg.FrameDeadline), &d.cfg, d.memory, d.find)
	c.read.behind = d.env.Behind
	c.read.conn, c.read.host = id, c.info.RemoteHost
	if sc, ok := nc.(syscall.Conn); ok {
		c.raw, _ = sc.SyscallConn()
	}
	return c
}

// Receive implements kit.Actor.
func (c *conn) Receive(x kit.Context, m any) {
	switch m := m.(type) {
	case kit.Started:
		c.start(x)
	case *arrived:
		c.arrived(x, m)
	case *kit.Inspect: // before Answer: every ask has a slot
		m.Reply(c.inspect(m))
		return
	case kit.Answer:
		c.deliver(x, m)
	case written:
		c.written(x, m)
	case quiet:
		c.quiet(x)
	case lookAgain:
		c.early = false
	case readEnded:
		c.ended(x, m)
	case leave:
		c.leave(x)
	case cut:
		c.hangUp(x)
	case kit.Stopping:
		c.stop()
		return
	}
	c.advance(x)
}

func (c *conn) start(x kit.Context) {
	c.self = x.Self()
	c.reader = x.Blocker(c.self, "read")
	c.writer = x.Blocker(c.self, "write")
}

func (c *conn) arrived(x kit.Context, m *arrived) {
	c.asked--
	n := c.first + uint64(len(c.calls))
	m.call.Slot, m.call.Conn, m.call.Env, m.call.Table = n, &c.info, c.door.env, c.door.cfg.Table
	c.calls = append(c.calls, &slot{conn: c, call: m.call, entry: m.entry, held: m.held})
	c.door.stats.request(m.call.Key)
}

// deliver hands an answer to its call; a call that has ended takes no more.
func (c *conn) deliver(x kit.Context, m kit.Answer) {
	i := m.AskSlot() - c.first
	if i >= uint64(len(c.calls)) || c.calls[i].ended {
		api.Drop(m)
		return
	}
	c.calls[i].call.Sys = x
	c.calls[i].call.Deliver(m)
}

func (c *conn) quiet(x kit.Context) {
	c.asked--
	if len(c.calls) == 0 && !c.writing {
		c.hangUp(x)
	}
}

func (c *conn) ended(x kit.Context, m readEnded) {
	c.asked = 0
	if c.closing && !c.gone {
		return // it was asked to leave: what was read before is answered
	}
	if !c.closing && !errors.Is(m.reason, io.EOF) && !errors.Is(m.reason, net.ErrClosed) {
		c.door.stats.refused(m.reason)
		if errors.Is(m.reason, errFrame) {
			x.Log().Info("connection closed", "client", c.nc.RemoteAddr().String(), "reason", m.reason)
		} else if !errors.Is(m.reason, os.ErrDeadlineExceeded) && !errors.Is(m.reason, io.ErrUnexpectedEOF) {
			x.Log().Debug("connection closed", "client", c.nc.RemoteAddr().String(), "reason", m.reason)
		}
	}
	c.hangUp(x)
}

// hangUp closes the socket. What has been read is still carried out, if it changes anything, but not answered: Kafka too
// stores what an acks=0 producer sent before it left.
func (c *conn) hangUp(x kit.Context) {
	c.closing = true
	if c.gone {
		return
	}
	c.gone = true
	c.nc.Close()
	c.read.stop()
	c.out.drop()
	c.callOff(x)
}

// leave is the polite end, at shutdown: long polls answer now, everything that was read is answered.
func (c *conn) leave(x kit.Context) {
	if c.closing {
		return
	}
	c.closing = true
	c.nc.SetReadDeadline(time.Unix(1, 0))
	c.read.stop()
	c.callOff(x)
}

// callOff tells the calls that wait for something that nobody waits for them.
func (c *conn) callOff(x kit.Context) {
	for _, s := range c.calls[:c.started] {
		if f := s.call.OnClose; f != nil && !s.ended {
			s.call.OnClose, s.call.Sys = nil, x
			f(s.call)
		}
	}
}

// advance does all that can be done now: begin calls, write answers, ask for frames, end.
func (c *conn) advance(x kit.Context) {
	for again := true; again; {
		c.begin(x)
		c.collect()
		again = c.write(x) && c.started < len(c.calls)
	}
	c.ask()
	if c.closing && len(c.calls) == 0 && !c.writing && !c.stopping {
		c.stopping = true
		x.Stop(c.self, nil, nil)
	}
}

// begin starts the calls whose turn has come. None begins while the client leaves much unread: the next answer would have to wait too.
func (c *conn) begin(x kit.Context) {
	for c.started < len(c.calls) && c.reads() {
		s := c.calls[c.started]
		shared := s.entry.Pipelined
		if c.running > 0 && (c.alone || !shared) {
			return
		}
		view := c.door.env.Published.Get()
		tooEarly := !view.CaughtUp && !s.entry.Early
		if tooEarly && !c.closing {
			c.lookLater(x)
			return
		}
		c.started++
		c.running++
		c.alone = !shared
		if tooEarly {
			s.forgo()
			continue
		}
		s.begun = true
		s.call.Op.BeginBehind(c.poll)
		if c.gone && !shared {
			s.end(nil) // nobody would see it
			continue
		}
		s.call.Sys, s.call.View = x, view
		s.call.Start(s.entry, s)
		if c.gone && !s.ended && s.call.OnClose != nil {
			c.callOff(x)
		}
		if s.ended {
			c.collect()
		}
	}
}

// lookEvery is how often a call that came early looks whether its time has come.
const lookEvery = 10 * time.Millisecond

// lookLater holds the calls back for a moment: an answer from a view that lacks what was committed before this start would be wrong, and
// often final for the client (an unknown topic, an empty list). The client sees a slow broker, and at its own time-out a lost connection;
// with Kafka, whose port is closed for as long, it sees the latter at once.
func (c *conn) lookLater(x kit.Context) {
	if !c.early {
		c.early = true
		x.After(c.self, lookEvery, lookAgain{})
	}
}

// forgo ends a call that came early and whose connection ends before its time has come: it is neither carried out nor answered.
func (s *slot) forgo() {
	if p := s.call.Produce; p != nil {
		p.Release()
	}
	s.begun = true
	s.end(nil)
}

// reads says whether the client reads its answers, more or less.
func (c *conn) reads() bool {
	left := c.out.size + c.unwritten
	return left == 0 || left < c.door.cfg.MaxUnwritten && c.door.unread.Load() < c.door.cfg.UnreadMemory
}

// collect moves the answers that are next in order to the output.
func (c *conn) collect() {
	n := 0
	for n < len(c.calls) && c.calls[n].ended {
		s := c.calls[n]
		c.calls[n] = nil
		n++
		switch {
		case s.resp != nil:
			c.out.add(s)
		case c.gone:
			s.call.Op.End(trace.Gone)
		default:
			s.call.Op.End(trace.Silent)
		}
	}
	c.calls = c.calls[n:]
	c.first += uint64(n)
	c.started -= n
	if len(c.calls) == 0 {
		c.calls = nil
	}
	if c.gone {
		c.out.drop()
	}
}

// write hands the output to the socket, or to the writer if the socket does not take it at once. It reports whether all is written: calls that
// waited for that may begin.
func (c *conn) write(x kit.Context) bool {
	if c.writing || c.gone || c.out.size == 0 {
		return false
	}
	w := c.out.take()
	if c.raw != nil && w.size <= directWrite {
		n, done, err := w.tryWrite(c.raw)
		c.door.stats.bytesOut.Add(int64(n))
		if err != nil {
			c.hangUp(x)
		}
		if done || err != nil {
			return done
		}
	}
	c.writing = true
	c.unwritten = w.size
	nc, d := c.nc, c.door
	c.writer.Do(func() any { return w.writeTo(nc, d) })
	return false
}

func (c *conn) written(x kit.Context, m written) {
	c.writing, c.unwritten = false, 0
	c.door.stats.bytesOut.Add(int64(m.bytes))
	if m.err != nil {
		c.hangUp(x)
	}
}

// ask lets the reader go on, unless enough is under way: then the client waits, by the window of its socket.
func (c *conn) ask() {
	if c.closing {
		return
	}
	for c.asked < readAhead && len(c.calls)+c.asked < c.door.cfg.MaxInFlight && c.reads() {
		c.asked++
		c.reader.Do(c.read.next)
	}
}

// stop is the last of it: usually nothing is left.
func (c *conn) stop() {
	for _, s := range c.calls {
		if p := s.call.Produce; p != nil && !s.begun {
			p.Release()
		}
		s.drop()
	}
	c.out.drop()
	c.close()
}

// close leaves nothing open. Calls that have no answer yet will not get one.
func (c *conn) close() {
	c.nc.Close()
	c.read.stop()
	for _, s := range c.calls {
		if s == nil { // answered just now
			continue
		}
		if !s.ended {
			s.Rest()
			if s.detached != nil {
				s.detached()
			}
		}
		s.call.Op.End(trace.Gone)
	}
	c.calls = nil
	c.out.ops.End(trace.Gone)
	if c.reader != nil {
		c.reader.Do(func() any { c.read.src.close(); return nil })
		c.reader.Close()
		c.writer.Close()
	}
	c.door.self.Tell(parted{c.self, c.info.RemoteHost})
}

// Crashed implements kit.Crasher: a request that makes us panic costs its own connection only.
func (c *conn) Crashed(kit.Context, any) { c.close() }

func (c *conn) inspect(m *kit.Inspect) kit.Inspected {
	state := "open"
	if c.closing {
		state = "closing"
	}
	return kit.Inspected{Inspect: m, State: state, Fields: []kit.Field{
		{Name: "client", Value: c.nc.RemoteAddr().String()},
		{Name: "software", Value: c.info.ClientSoftware + " " + c.info.ClientVersion},
		{Name: "calls", Value: len(c.calls)},
		{Name: "running", Value: c.running},
		{Name: "unwritten", Value: strconv.Itoa(c.out.size + c.unwritten)},
	}}
}

// Rest implements api.Completion.
func (s *slot) Rest() {
	s.conn.door.memory.give(s.held)
	s.held = held{}
	s.call.Op.SetCharged(0)
}

// Detach implements api.Completion.
func (s *slot) Detach() func() {
	h, m := s.held, s.conn.door.memory
	s.held = held{}
	var given atomic.Bool
	s.detached = func() {
		if given.CompareAndSwap(false, true) {
			m.give(h)
		}
	}
	return s.detached
}

// Respond implements api.Completion.
func (s *slot) Respond(resp api.Response) { s.end(resp) }

// Silent implements api.Completion.
func (s *slot) Silent() { s.end(nil) }

// Disconnect implements api.Completion.
func (s *slot) Disconnect(reason string) {
	c := s.conn
	c.door.stats.refused(errors.New(reason))
	s.end(nil)
	c.hangUp(s.call.Sys)
}

func (s *slot) end(resp api.Response) {
	s.ended, s.resp = true, resp
	s.call.Op.Stamp(trace.Answered)
	if p := s.call.Op.Polled(); p != (trace.Poll{}) {
		s.conn.poll = p
	}
	s.conn.running--
	s.Rest()
}

// drop releases an answer that will not be written.
func (s *slot) drop() {
	if s.resp == nil {
		return
	}
	if _, ok := s.resp.(api.Streamed); ok {
		s.resp = nil // holds nothing but memory
		return
	}
	if _, _, release := s.resp.AppendTo(nil); release != nil {
		release()
	}
	s.resp = nil
}

func hostOf(a net.Addr) string {
	host, _, err := net.SplitHostPort(a.String())
	if err != nil {
		return a.String()
	}
	return host
}
