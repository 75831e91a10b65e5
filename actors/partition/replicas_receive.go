package partition

import (
	"troupe/actors/kit"
	"troupe/actors/peer"
	"troupe/actors/writer"
)

// onReceived passes on what another broker says. What is for a replica that is not here is dropped, but for subscriptions, which are told
// to come again: this broker may not know the partition yet. Nothing is ever made because somebody sent something.
func (r *Replicas) onReceived(c kit.Context, m *peer.Received) {
	w := r.ways[m.From]
	if w == nil || w.session != m.Session {
		m.Done()
		return
	}
	parts := 0
	if m.Slab != nil {
		parts = m.Slab.Len()
	}
	x, err := takeMessage(m.Head, parts)
	if err != nil {
		c.Log().Warn("a broker sends what a replica does not understand", "node", m.From, "bytes", len(m.Head))
		m.Done()
		return
	}
	if x.kind == wireAppend {
		r.deliver(c, m, x.appends)
		return
	}
	m.Done()
	for i := range x.subs {
		s := &x.subs[i]
		if l := r.locals[s.part]; l == nil || l.topic != s.topic || l.index != s.index {
			r.retriable(c, w, s)
		} else {
			l.ref.Tell(&subscribed{c.Self(), w.path, *s})
		}
	}
	for _, e := range x.epochs {
		r.tell(e.part, knows{e})
	}
	for _, e := range x.replies {
		r.tell(e.part, responded{e})
	}
	for _, e := range x.acks {
		r.tell(e.part, acked{w.path, e})
	}
	for _, e := range x.highs {
		r.tell(e.part, tipped{e})
	}
}

func (r *Replicas) tell(part uint32, m any) {
	if l := r.locals[part]; l != nil {
		l.ref.Tell(m)
	}
}

// deliver makes a frame of batches one frame for the writer: the slab in which they came is committed as it is.
func (r *Replicas) deliver(c kit.Context, m *peer.Received, entries []appendEntry) {
	n := 0
	for i := range entries {
		if r.locals[entries[i].part] != nil {
			n += int(entries[i].parts)
		}
	}
	if n == 0 {
		m.Done()
		return
	}
	r.slot++
	r.inbound[r.slot] = m
	f := &writer.Frame{Slab: m.Slab, ReplyTo: c.Self(), Slot: r.slot, Writer: r.o.Writer, Items: make([]writer.Item, n)}
	messages := make([]replicated, 0, len(entries))
	refs := make([]*kit.Ref, 0, len(entries))
	at, k := 0, 0
	for _, e := range entries {
		l := r.locals[e.part]
		if l == nil {
			at += int(e.parts)
			continue
		}
		for i := range f.Items[k : k+int(e.parts)] {
			f.Items[k+i] = writer.Item{Frame: f, At: at + i, LeaderEpoch: e.epoch, TopicID: l.topic, Index: l.index}
		}
		messages = append(messages, replicated{e, f.Items[k : k+int(e.parts)]})
		refs = append(refs, l.ref)
		at, k = at+int(e.parts), k+int(e.parts)
	}
	f.Begin()
	for i := range messages {
		refs[i].Tell(&messages[i])
	}
}

// onDone gives the credit for a frame back: its batches are on the disk, or were refused.
func (r *Replicas) onDone(m writer.Done) {
	slot := m.Frame.Slot
	if x := r.inbound[slot]; x != nil {
		delete(r.inbound, slot)
		x.Done()
	}
}
