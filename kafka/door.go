package kafka

import (
	"errors"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"troupe/actors/kit"
	"troupe/actors/meta"
	"troupe/kafka/api"
)

// shared is what all connections of a door use. Immutable but for memory, stats and unread, which are safe for any goroutine.
type shared struct {
	env    *api.Env
	cfg    Config
	memory *memory
	stats  *Stats
	self   *kit.Ref     // the door
	unread atomic.Int64 // bytes of answers that clients have not read
}

// find says what the reader of a Produce request must know of a topic. Before the view has caught up nothing is known for sure.
func (d *shared) find(version int16, name string, id [16]byte) topicFacts {
	view := d.env.Published.Get()
	if !view.CaughtUp {
		return topicFacts{}
	}
	img := view.Image
	var t *meta.Topic
	if version >= 13 {
		t = img.TopicByID(id)
	} else {
		t = img.Topic(name)
	}
	if t == nil {
		return topicFacts{}
	}
	return factsOf(img, t, meta.Defaults{BrokerID: d.env.NodeID, Static: d.env.Static})
}

// door is the actor that owns the listeners. It knows every connection.
type door struct {
	*shared
	conns      map[*kit.Ref]bool
	perIP      map[string]int
	listeners  []net.Listener
	closing    bool
	full       bool       // a limit of connections was told to the log
	held       []accepted // wait for another connection to end, at most one per listener
	rechecking bool       // a timer runs
	paidUntil  time.Time  // by the rate of connections
	last       uint64
	waiting    []*closeDoor
}

// serve asks to accept connections.
//
// From: Server.Serve.
type serve struct{ l net.Listener }

// accepted is a new connection, or why there is none.
//
// From: the door's acceptor, one per listener.
type accepted struct {
	l   net.Listener
	by  kit.Blocker
	nc  net.Conn
	err error
	// held: it has been told to wait before.
	held bool
}

// again lets an acceptor try once more after an error.
//
// From: the door's own timer.
type again struct{ a accepted }

// parted says that a connection has ended.
//
// From: conn, when it stops.
type parted struct {
	conn *kit.Ref
	host string
}

// closeDoor asks all connections to finish what they have read and to end.
//
// From: Server.Close. Answer: doorClosed, when the last one has.
type closeDoor struct{ kit.Ask }

// Refuse implements kit.Refuser: a door that has gone has no connections.
func (c *closeDoor) Refuse() { c.Reply(doorClosed{c}) }

// doorClosed answers closeDoor.
//
// From: door.
type doorClosed struct{ *closeDoor }

// cutAll asks all connections to end at once.
//
// From: Server.Close, when time is up.
type cutAll struct{}

// Receive implements kit.Actor.
func (d *door) Receive(x kit.Context, m any) {
	switch m := m.(type) {
	case kit.Started:
	case serve:
		d.serve(x, m)
	case accepted:
		d.accepted(x, m)
	case again:
		d.accept(m.a)
	case parted:
		d.parted(x, m)
	case recheck:
		d.rechecking = false
		d.release(x)
	case *closeDoor:
		d.close(m)
	case cutAll:
		d.tellAll(cut{})
	case *kit.Inspect:
		m.Reply(d.inspect(m))
	case kit.Stopping:
		d.stop()
	}
}

func (d *door) serve(x kit.Context, m serve) {
	d.listeners = append(d.listeners, m.l)
	d.accept(accepted{l: m.l, by: x.Blocker(x.Self(), "accept "+m.l.Addr().String())})
}

func (d *door) accept(a accepted) {
	a.by.Do(func() any {
		a.nc, a.err = a.l.Accept()
		a.held = false
		return a
	})
}

// notAccepted says why there is no connection, and tries again unless the listener is closed.
func (d *door) notAccepted(x kit.Context, m accepted) {
	if errors.Is(m.err, net.ErrClosed) {
		m.by.Close()
		return
	}
	// Out of file descriptors, mostly: it passes.
	x.Log().Warn("cannot accept connections", "listener", m.l.Addr().String(), "err", m.err)
	x.After(x.Self(), 100*time.Millisecond, again{m})
}

// admit spawns a conn.
func (d *door) admit(x kit.Context, nc net.Conn, host string) {
	d.cfg.Buffers.set(nc)
	d.last++
	c := newConn(d.shared, d.last, nc)
	ref := x.Spawn("conn/"+strconv.FormatUint(d.last, 10), c, kit.Options{Kind: "conn", MayDie: true})
	d.conns[ref] = true
	d.perIP[host]++
	d.stats.Accepted.Add(1)
	d.stats.Open.Store(int64(len(d.conns)))
}

func (d *door) parted(x kit.Context, m parted) {
	if !d.conns[m.conn] {
		return
	}
	delete(d.conns, m.conn)
	if d.perIP[m.host]--; d.perIP[m.host] == 0 {
		delete(d.perIP, m.host)
	}
	d.stats.Open.Store(int64(len(d.conns)))
	d.release(x)
	d.answerClosed()
}

func (d *door) close(m *closeDoor) {
	d.waiting = append(d.waiting, m)
	d.closing = true
	d.closeListeners()
	d.dropHeld()
	d.tellAll(leave{})
	d.answerClosed()
}

func (d *door) answerClosed() {
	if !d.closing || len(d.conns) > 0 {
		return
	}
	for _, w := range d.waiting {
		w.Reply(doorClosed{w})
	}
	d.waiting = nil
}

func (d *door) tellAll(m any) {
	all := slices.SortedFunc(maps.Keys(d.conns), func(a, b *kit.Ref) int { return strings.Compare(a.Name(), b.Name()) })
	for _, c := range all {
		c.Tell(m)
	}
}

func (d *door) closeListeners() {
	for _, l := range d.listeners {
		l.Close()
	}
	d.listeners = nil
}

// dropHeld hangs up on those who wait to come in. Their acceptors learn that the listeners are closed.
func (d *door) dropHeld() {
	for _, m := range d.held {
		m.nc.Close()
		d.accept(m)
	}
	d.held = nil
}

func (d *door) stop() {
	d.closeListeners()
	d.dropHeld()
	d.tellAll(cut{})
	for _, w := range d.waiting {
		w.Refuse()
	}
	d.waiting = nil
}

func (d *door) inspect(m *kit.Inspect) kit.Inspected {
	state := "open"
	if d.closing {
		state = "closing"
	}
	return kit.Inspected{Inspect: m, State: state, Fields: []kit.Field{
		{Name: "connections", Value: len(d.conns)},
		{Name: "clients", Value: len(d.perIP)},
		{Name: "held", Value: len(d.held)},
		{Name: "request_bytes", Value: d.memory.requests.inUse()},
	}}
}
