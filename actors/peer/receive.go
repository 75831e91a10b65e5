package peer

import (
	"fmt"
	"time"

	"troupe/actors/kit"
)

// find is the session that a message of the network belongs to.
func (l *link) find(id uint64) *session {
	for _, s := range []*session{l.up, l.mine, l.theirs} {
		if s != nil && s.id == id {
			return s
		}
	}
	return nil
}

// got handles what has come in. Whatever breaks the rules breaks the session, and what came behind it is not looked at.
func (l *link) got(c kit.Context, m *got) {
	s := l.find(m.session)
	if s == nil {
		m.Refuse()
		return
	}
	if s.stage == waiting && m.lane != Control {
		s.early = append(s.early, m) // at most as many as reads were asked for
		return
	}
	for i := range m.frames {
		f := &m.frames[i]
		if err := l.frame(c, s, f); err != nil {
			l.count.violations++
			c.Log().Warn("a broker breaks the rules of the link", "node", l.node, "reason", err.Error())
			l.broken(c, s, err.Error())
		}
		if l.find(s.id) == nil {
			m.frames = m.frames[i+1:]
			f.release()
			m.Refuse()
			return
		}
	}
	if m.err != nil {
		l.broken(c, s, cause(m.err))
		return
	}
	l.read(c, s, m.lane)
}

// frame handles one frame. It releases the frame, or passes it on.
func (l *link) frame(c kit.Context, s *session, f *frame) error {
	if s.stage == waiting && f.typ != frameGo {
		return fmt.Errorf("frame of type %d before the session was taken", f.typ)
	}
	l.count.lanes[f.lane].received(f.size())
	switch f.typ {
	case frameMessage:
		return l.deliver(c, s, f)
	case frameAsk:
		l.pose(c, s, f)
	case frameAnswer, frameRefused:
		l.answered(s, f)
	case framePing:
		if f.lane == Control {
			s.out[Control].urge(&outFrame{typ: framePong, id: f.id})
			l.flush(c, s, Control)
		}
	case framePong:
		if f.id == s.ping && s.pingSent != 0 {
			l.count.measured(time.Duration(c.Now().UnixNano() - s.pingSent))
			s.pingSent = 0
		}
	case frameCredit:
		return l.credit(c, s, f)
	case frameGo:
		if s.stage != waiting || f.id != s.id || l.decides() {
			return fmt.Errorf("a session is taken that does not wait for it")
		}
		l.take(c, s)
	}
	return nil
}

// deliver passes a message on to who registered for it. Nobody there, or no room: it is dropped.
func (l *link) deliver(c kit.Context, s *session, f *frame) error {
	size := f.size()
	if f.lane != Control {
		if err := s.in[f.lane].take(size); err != nil {
			return err
		}
	}
	m := &Received{From: l.node, Incarnation: s.them.Incarnation, Session: s.id, Lane: f.lane, Kind: f.kind, Head: f.bytes,
		Slab: f.slab, size: size, link: c.Self()}
	f.slab = nil
	if h := l.handler(f.kind); h.to == nil || !h.to.TryTell(m) {
		l.count.lanes[f.lane].Undelivered++
		m.Done()
	}
	return nil
}

func (l *link) handler(k Kind) handler {
	if k < kinds {
		return l.kinds[k]
	}
	return handler{}
}

// Done says that the bytes of the message are not needed any more, or that whoever needs them holds the slab: the sender may send as much
// again. A second Done does nothing.
func (r *Received) Done() {
	if r.done {
		return
	}
	r.done = true
	if r.Slab != nil {
		r.Slab.Release()
	}
	if r.Lane != Control && r.link != nil {
		r.link.Tell(freed{r.Session, r.Lane, r.size})
	}
}

// Refuse implements kit.Refuser: who was to get the message has stopped.
func (r *Received) Refuse() { r.Done() }

// freed gives credit, not for every message but in good time.
func (l *link) freed(c kit.Context, m freed) {
	s := l.up
	if s == nil || s.id != m.session {
		return
	}
	in := &s.in[m.lane]
	if in.free(m.size) && in.given != in.freed {
		in.given = in.freed
		s.out[Control].urge(&outFrame{typ: frameCredit, id: uint64(m.lane)<<creditBits | in.given})
		l.flush(c, s, Control)
	}
}

// creditBits are what the total of a credit frame takes.
const creditBits = 56

func (l *link) credit(c kit.Context, s *session, f *frame) error {
	lane, total := Lane(f.id>>creditBits), f.id&(1<<creditBits-1)
	if lane != Append && lane != Bulk {
		return fmt.Errorf("credit for lane %d", lane)
	}
	if err := s.out[lane].credit(total); err != nil {
		return err
	}
	l.flush(c, s, lane)
	return nil
}
