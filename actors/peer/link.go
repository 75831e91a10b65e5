package peer

import (
	"maps"
	"slices"
	"time"

	"troupe/actors/kit"
)

// LinkName is the name of the link to a node.
func LinkName(node int32) string { return "peer/" + itoa(node) }

// link is the actor of all that goes to and comes from one other broker; see doc.go.
type link struct {
	o    *Options
	root *kit.Ref
	node int32
	me   Identity

	address string // as Link said
	learnt  string // as the other side said of itself
	want    Link   // as it was asked for last
	wanted  bool   // somebody asked for the link: dial
	kinds   [kinds]handler

	up           *session
	mine, theirs *session // on the way: dialled by us, by them

	last            uint64 // the session that was up last
	lastIncarnation uint64
	lastStore       [16]byte
	failures        int // dials in a row that came to nothing
	attempt         int // the redial that counts
	redialing       bool
	beating         bool
	asks            uint64 // number of the last
	full            [lanes]map[*kit.Ref]bool
	told            string // the last refusal that was logged
	since           time.Time
	why             string // it is down
	count           counts
}

// Receive implements kit.Actor.
func (l *link) Receive(c kit.Context, m any) {
	switch m := m.(type) {
	case kit.Started:
		l.start(c)
	case Link:
		l.link(c, m)
	case handlers:
		l.handlers(c, m)
	case become:
		l.me = m.me
	case joined:
		l.joined(c, m)
	case dialed:
		l.dialed(c, m)
	case shook:
		l.shook(c, m)
	case *got:
		l.got(c, m)
	case wrote:
		l.wrote(c, m)
	case freed:
		l.freed(c, m)
	case *Send:
		l.send(c, m)
	case Answer: // before Ask and Asked, which it embeds
		l.answer(c, m)
	case *Ask:
		l.ask(c, m)
	case pulse:
		l.pulse(c)
	case redial:
		l.redial(c, m)
	case expired:
		l.expired(m)
	case *kit.Inspect:
		m.Reply(l.inspect(c, m))
	case kit.Stopping:
		l.stop(c)
	}
}

func (l *link) start(c kit.Context) {
	l.since, l.why = c.Now(), "not dialled yet"
	l.publish(c)
}

func (l *link) link(c kit.Context, m Link) {
	if l.wanted && l.want == m {
		return
	}
	l.wanted, l.want, l.address, l.failures = true, m, m.Address, 0
	if l.mine != nil {
		l.discard(c, l.mine) // to where nobody is any more
	}
	if l.up != nil && !m.takes(l.up.them) {
		l.broken(c, l.up, verdictText[wrongStore])
	}
	if l.up == nil && (l.address != "" || l.learnt != "") {
		l.attempt++ // the address is new: no pause
		l.redialing = false
		if l.mine == nil {
			l.dial(c)
		}
	}
	l.publish(c)
}

// handlers takes the table of who gets what. Who is new learns that the link is up.
func (l *link) handlers(c kit.Context, m handlers) {
	old := l.audience()
	l.kinds = m.kinds
	if l.up == nil {
		return
	}
	for _, to := range l.audience() {
		if !slices.Contains(old, to) {
			to.Tell(l.upMessage(c))
		}
	}
}

// audience is all who registered, each once, in the order of their kinds.
func (l *link) audience() (list []*kit.Ref) {
	for _, h := range l.kinds {
		if h.to != nil && !slices.Contains(list, h.to) {
			list = append(list, h.to)
		}
	}
	return list
}

func (l *link) upMessage(c kit.Context) Up {
	return Up{Node: l.node, Incarnation: l.up.them.Incarnation, StoreID: l.up.them.StoreID, Session: l.up.id, Link: c.Self()}
}

// take makes a session the one that works.
func (l *link) take(c kit.Context, s *session) {
	if l.up != nil {
		l.down(c, "replaced by a new connection")
	}
	for _, x := range []*session{l.mine, l.theirs} {
		if x != nil && x != s {
			l.close(x)
		}
	}
	l.mine, l.theirs, l.up = nil, nil, s
	s.stage, s.age = working, 0
	l.last, l.lastIncarnation, l.lastStore = s.id, s.them.Incarnation, s.them.StoreID
	if s.them.Address != "" {
		l.learnt = s.them.Address
	}
	l.failures, l.told, l.since, l.why = 0, "", c.Now(), ""
	l.attempt++
	l.redialing = false
	l.count.ups++
	c.Log().Info("link to a broker is up", "node", l.node, "remote", s.wires[Control].Remote())
	for _, to := range l.audience() {
		to.Tell(l.upMessage(c))
	}
	l.flush(c, s, Control)
	early := s.early
	s.early = nil
	for i, g := range early {
		if l.up != s {
			early[i].Refuse()
			continue
		}
		l.got(c, g)
	}
	l.publish(c)
}

// broken ends a session, whatever its stage.
func (l *link) broken(c kit.Context, s *session, why string) {
	switch s {
	case l.up:
		l.down(c, why)
	case l.mine, l.theirs:
		if s.mine {
			l.failures++
		}
		if l.up == nil {
			l.why = why
		}
		l.discard(c, s)
		return
	}
	l.next(c)
}

// down ends the session that worked: everybody learns what became of what he sent.
func (l *link) down(c kit.Context, why string) {
	s := l.up
	l.up = nil
	l.since, l.why = c.Now(), why
	l.close(s)
	for _, lane := range Lanes {
		for _, q := range s.out[lane].q {
			l.lose(q.f, lane, Unreachable)
		}
		s.out[lane].q = nil
		l.drained(lane)
	}
	for _, id := range slices.Sorted(maps.Keys(s.asks)) {
		a := s.asks[id]
		reason := Unreachable
		if a.left {
			reason = Lost
		}
		a.end(reason, nil)
	}
	s.asks = nil
	c.Log().Info("link to a broker is down", "node", l.node, "reason", why)
	m := Down{Node: l.node, Incarnation: s.them.Incarnation, Session: s.id, Reason: why}
	for _, to := range l.audience() {
		to.Tell(m)
	}
	l.publish(c)
}

// next sees to it that a link which does not work is dialled, or given up if nobody asked for it.
func (l *link) next(c kit.Context) {
	switch {
	case l.up != nil || l.mine != nil || l.redialing:
	case !l.wanted:
		if l.theirs == nil {
			l.root.Tell(idle{l.node, c.Self()})
		}
	case l.address != "" || l.learnt != "":
		l.attempt++
		l.redialing = true
		c.After(c.Self(), pause(l.failures, c.Rand()), redial{l.attempt})
	}
	l.publish(c)
}

func (l *link) redial(c kit.Context, m redial) {
	if m.attempt != l.attempt || !l.redialing {
		return
	}
	l.redialing = false
	if l.up == nil && l.mine == nil && (l.address != "" || l.learnt != "") {
		l.dial(c)
	}
}

// beat keeps pulses coming while there is a session.
func (l *link) beat(c kit.Context) {
	if !l.beating {
		l.beating = true
		c.After(c.Self(), l.o.Pulse, pulse{})
	}
}

// pulse looks whether the other side lives, and shows that we do. It counts beats and not time: a broker that was stopped for a while
// finds nobody dead when it goes on.
func (l *link) pulse(c kit.Context) {
	l.beating = false
	for _, s := range []*session{l.mine, l.theirs} {
		if s == nil {
			continue
		}
		if s.age++; s.age > handshakePulses {
			l.broken(c, s, "no answer")
		}
	}
	if l.up != nil {
		l.listen(c, l.up)
	}
	if l.up != nil {
		l.speak(c, l.up)
	}
	if l.up != nil || l.mine != nil || l.theirs != nil {
		l.beat(c)
	}
	l.publish(c)
}

func (l *link) listen(c kit.Context, s *session) {
	for _, lane := range Lanes {
		h := s.wires[lane].Heard()
		if h != s.heard[lane] {
			s.heard[lane], s.silent[lane] = h, 0
			continue
		}
		if s.silent[lane]++; s.silent[lane] >= silentPulses {
			l.broken(c, s, "silent for "+(silentPulses*l.o.Pulse).String()+" on lane "+lane.String())
			return
		}
	}
}

func (l *link) speak(c kit.Context, s *session) {
	for _, lane := range Lanes {
		if s.writing[lane] || lane != Control && s.spoke[lane] {
			s.spoke[lane] = false
			continue
		}
		f := &outFrame{typ: framePing}
		if lane == Control {
			s.ping++
			f.id, s.pingSent = s.ping, c.Now().UnixNano()
		}
		s.out[lane].urge(f)
		l.flush(c, s, lane)
		s.spoke[lane] = false
	}
}

func (l *link) stop(c kit.Context) {
	l.wanted = false
	for _, s := range []*session{l.mine, l.theirs} {
		if s != nil {
			l.close(s)
		}
	}
	l.mine, l.theirs = nil, nil
	if l.up != nil {
		l.down(c, "this broker stops")
	}
	l.o.Board.drop(l.node)
}
