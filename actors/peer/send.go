package peer

import (
	"maps"
	"net"
	"slices"
	"strings"

	"troupe/actors/kit"
)

// send queues a message, or tells at once that it did not leave.
func (l *link) send(c kit.Context, m *Send) {
	s := l.up
	f := &outFrame{typ: frameMessage, kind: m.Kind, bytes: m.Head, send: m}
	switch {
	case s == nil:
		l.lose(f, m.Lane, Unreachable)
	case !fits(m):
		l.lose(f, m.Lane, TooLarge)
	case !s.out[m.Lane].push(f, f.size()):
		l.lose(f, m.Lane, Full)
		if m.From != nil {
			if l.full[m.Lane] == nil {
				l.full[m.Lane] = map[*kit.Ref]bool{}
			}
			l.full[m.Lane][m.From] = true // bounded by the actors that send
		}
	default:
		l.flush(c, s, m.Lane)
	}
}

// fits says whether some frame of the lane can carry the message.
func fits(m *Send) bool {
	if m.Lane >= lanes || len(m.Parts) > MaxParts || m.Lane == Control && len(m.Parts) > 0 || m.Lane != Control && len(m.Head) > maxHead {
		return false
	}
	size := len(m.Head)
	for _, p := range m.Parts {
		size += 4 + len(p.Bytes)
	}
	return size <= int(maxFrame[m.Lane])
}

// lose tells the sender of a frame that it is gone.
func (l *link) lose(f *outFrame, lane Lane, r Reason) {
	m := f.send
	if m == nil {
		return // asks are answered by who keeps them
	}
	m.release()
	if lane < lanes {
		l.count.lanes[lane].Dropped++
	}
	m.dropped(r)
}

func (m *Send) dropped(r Reason) {
	if m.From != nil {
		m.From.Tell(Dropped{To: m.To, Lane: m.Lane, Kind: m.Kind, Slot: m.Slot, Reason: r})
	}
}

// Refuse implements kit.Refuser: the link has stopped.
func (m *Send) Refuse() {
	m.release()
	m.dropped(Unreachable)
}

// writeBytes is about how much one write carries.
const writeBytes = 1 << 20

// flush hands the writer what is queued, when it is free.
func (l *link) flush(c kit.Context, s *session, lane Lane) {
	if s.stage != working || s.writing[lane] {
		return
	}
	o := &s.out[lane]
	list, size := o.next(writeBytes)
	if len(list) == 0 {
		return
	}
	b := &batch{frames: list, size: size, first: o.number}
	o.number += uint32(len(list))
	for _, f := range list {
		if f.ask != nil {
			f.ask.left = true
		}
	}
	s.writing[lane], s.spoke[lane] = true, true
	l.count.lanes[lane].sent(b)
	s.wires[lane].Write(c, func() net.Buffers { return b.fill(lane) }, func(err error) any { return wrote{s.id, lane, b, err} })
}

// wrote gives back what the written frames held and goes on.
func (l *link) wrote(c kit.Context, m wrote) {
	for _, f := range m.batch.frames {
		switch {
		case f.send == nil:
		case m.err != nil:
			l.lose(f, m.lane, Lost)
		default:
			f.release()
			if f.send.Confirm && f.send.From != nil {
				f.send.From.Tell(Sent{To: l.node, Kind: f.send.Kind, Slot: f.send.Slot})
			}
		}
	}
	s := l.find(m.session)
	if s == nil {
		return
	}
	s.writing[m.lane] = false
	o := &s.out[m.lane]
	o.written(m.batch.size)
	if m.err != nil {
		l.broken(c, s, "write: "+cause(m.err))
		return
	}
	l.flush(c, s, m.lane)
	if o.bytes <= o.max/2 {
		l.drained(m.lane)
	}
}

// drained tells those whose messages found the lane full that they may try again.
func (l *link) drained(lane Lane) {
	if len(l.full[lane]) == 0 {
		return
	}
	list := slices.SortedFunc(maps.Keys(l.full[lane]), func(a, b *kit.Ref) int { return strings.Compare(a.Name(), b.Name()) })
	l.full[lane] = nil
	for _, to := range list {
		to.Tell(Drained{l.node, lane})
	}
}
