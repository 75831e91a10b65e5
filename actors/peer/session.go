package peer

import (
	"bufio"
	"crypto/rand"
	"errors"
	"io"
	"net"

	"troupe/actors/kit"
)

// session is one life of a link: a connection per lane. It lives and dies as a whole.
type session struct {
	id    uint64
	mine  bool // dialled by us
	stage stage
	them  hello
	age   int // pulses in this stage
	ready int // connections whose handshake is over
	wires [lanes]Wire
	shake [lanes]*handshake

	out      [lanes]outLane[*outFrame]
	in       [lanes]inLane
	writing  [lanes]bool
	readers  [lanes]*frameReader
	early    []*got // came on another lane before the word that the session is taken
	heard    [lanes]uint64
	silent   [lanes]int  // pulses without a byte
	spoke    [lanes]bool // something was written since the last pulse
	asks     map[uint64]*openAsk
	asked    int // asks of the other side without an answer
	ping     uint64
	pingSent int64 // Unix nanoseconds; 0: answered
}

// stage of a session.
type stage uint8

const (
	gathering stage = iota // connections are made
	waiting                // all are there; the deciding side has not said that it takes the session
	working
)

// openAsk is an ask that has no answer yet.
type openAsk struct {
	ask   *Ask
	timer kit.Timer
	left  bool // handed to the writer
}

// hello is what we say on a connection of a session.
func (l *link) hello(lane Lane, session uint64) hello {
	return hello{Identity: l.me, lane: lane, session: session, last: l.last, windows: l.o.Window}
}

// dial begins a session of our own.
func (l *link) dial(c kit.Context) {
	s := &session{id: c.Rand(), mine: true}
	l.mine = s
	addresses := []string{l.address}
	if l.address == "" {
		addresses = nil
	}
	if l.learnt != "" && l.learnt != l.address {
		addresses = append(addresses, l.learnt)
	}
	to := addresses[l.failures%len(addresses)]
	for _, lane := range Lanes {
		l.o.Network.Dial(c, to, func(w Wire, err error) any { return dialed{s.id, lane, w, err} })
	}
	l.beat(c)
}

func (l *link) dialed(c kit.Context, m dialed) {
	s := l.mine
	if s == nil || s.id != m.session {
		m.Refuse()
		return
	}
	if m.err != nil {
		l.broken(c, s, cause(m.err))
		return
	}
	s.wires[m.lane] = m.wire
	h := &handshake{dialler: true, me: l.hello(m.lane, s.id), secret: l.o.Secret, judge: l.judge}
	s.shake[m.lane] = h
	b, want := h.begin(nonce())
	l.exchange(c, s, m.lane, b, want)
}

func (l *link) exchange(c kit.Context, s *session, lane Lane, b []byte, want int) {
	s.wires[lane].Exchange(c, b, want, func(data []byte, err error) any { return shook{s.id, lane, data, err} })
}

// judge decides on who answered our dial.
func (l *link) judge(h hello) (verdict, string) {
	v, detail := l.me.judge(h)
	switch {
	case v != welcome:
	case h.NodeID != l.node:
		v = wrongNode
	case !l.want.takes(h):
		v = wrongStore
	}
	return v, detail
}

func (l *link) shook(c kit.Context, m shook) {
	s := l.mine
	if s == nil || s.id != m.session {
		return // its wire was closed with the session
	}
	if m.err != nil {
		l.broken(c, s, "handshake: "+cause(m.err))
		return
	}
	h := s.shake[m.lane]
	b, want, err := h.next(m.data)
	switch {
	case err != nil:
		l.refused(c, err)
		l.broken(c, s, err.Error())
	case want > 0:
		l.exchange(c, s, m.lane, b, want)
	default:
		s.shake[m.lane] = nil
		l.attach(c, s, h.them)
	}
}

// refused logs a refusal, but not again and again.
func (l *link) refused(c kit.Context, err error) {
	if text := err.Error(); text != l.told {
		l.told = text
		c.Log().Warn("no link to a broker", "node", l.node, "address", l.address, "reason", text)
	}
}

// joined takes a connection that the other side has dialled. The newest session of theirs is the one that counts.
func (l *link) joined(c kit.Context, m joined) {
	h := m.them
	known := h.StoreID == l.lastStore && h.Incarnation < l.lastIncarnation // of a run that is over
	if known || l.up != nil && l.up.id == h.session || h.lane >= lanes {
		m.wire.Close()
		return
	}
	if l.theirs == nil || l.theirs.id != h.session {
		if l.theirs != nil {
			l.discard(c, l.theirs)
		}
		l.theirs = &session{id: h.session}
	}
	s := l.theirs
	if s.wires[h.lane] != nil {
		m.wire.Close()
		return
	}
	s.wires[h.lane] = m.wire
	if h.Address != "" {
		l.learnt = h.Address
	}
	l.failures = 0
	l.beat(c)
	l.attach(c, s, h)
}

// attach counts a connection whose handshake is over. With the last one the session may be taken.
func (l *link) attach(c kit.Context, s *session, them hello) {
	if s.ready > 0 && (them.Incarnation != s.them.Incarnation || them.StoreID != s.them.StoreID) {
		l.broken(c, s, "two brokers answer")
		return
	}
	s.them = them
	if s.ready++; s.ready < int(lanes) {
		return
	}
	s.stage, s.age, s.asks = waiting, 0, map[uint64]*openAsk{}
	for _, lane := range Lanes {
		s.out[lane] = outLane[*outFrame]{max: l.o.Queue[lane]}
		if lane != Control {
			s.out[lane].window = uint64(max(them.windows[lane], 1)) // none at all would mean no bound
		}
		s.in[lane] = inLane{window: uint64(l.o.Window[lane])}
		s.readers[lane] = &frameReader{lane: lane}
		s.heard[lane] = s.wires[lane].Heard()
		l.read(c, s, lane)
		l.read(c, s, lane)
	}
	switch {
	case !l.decides():
	case l.up != nil && !replaces(l.up.id, l.up.them.Incarnation, them):
		l.discard(c, s)
	default:
		s.out[Control].urge(&outFrame{typ: frameGo, id: s.id})
		l.take(c, s)
	}
}

// decides says whether this side chooses the session, so that two that dial each other never end up with two, or none.
func (l *link) decides() bool { return l.me.NodeID < l.node }

// read asks for the next frames of a lane.
func (l *link) read(c kit.Context, s *session, lane Lane) {
	r := s.readers[lane]
	s.wires[lane].Read(c, func(src *bufio.Reader) any {
		list, err := r.frames(src)
		return &got{s.id, lane, list, err}
	})
}

// discard ends a session that did not come to work, without blame.
func (l *link) discard(c kit.Context, s *session) {
	if l.mine == s {
		l.mine = nil
	}
	if l.theirs == s {
		l.theirs = nil
	}
	l.close(s)
	l.next(c)
}

// close ends the connections. What the writers have comes back as wrote.
func (l *link) close(s *session) {
	for i, w := range s.wires {
		if w != nil {
			w.Close()
			s.wires[i] = nil
		}
	}
	for _, g := range s.early {
		g.Refuse()
	}
	s.early = nil
}

func nonce() []byte {
	b := make([]byte, 32)
	rand.Read(b) // never fails
	return b
}

// cause says in a few words why a connection is gone.
func cause(err error) string {
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "the other side closed the connection"
	case errors.Is(err, net.ErrClosed):
		return "closed"
	}
	var op *net.OpError
	if errors.As(err, &op) && op.Err != nil {
		return op.Op + ": " + op.Err.Error()
	}
	return err.Error()
}
