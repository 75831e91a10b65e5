package partition

import (
	"strconv"

	"troupe/actors/kit"
	"troupe/actors/peer"
	"troupe/kafka/code"
)

func nodeText(id int32) string { return "node " + strconv.Itoa(int(id)) }

func (r *Replicas) onSubscribe(c kit.Context, m subscribe) {
	if w := r.way(m.path); w != nil {
		w.subs = putEntry(w.subs, wireSubscribe, m.subscription)
		r.later(c)
	}
}

func (r *Replicas) onRespond(c kit.Context, m respond) {
	if w := r.way(m.path); w != nil {
		for _, e := range m.epochs {
			w.epochs = putEntry(w.epochs, wireEpochs, epochEntry{m.part, m.number, e.Epoch, e.Start})
		}
		w.replies = putEntry(w.replies, wireReply, m.reply)
		if len(w.epochs) >= epochBytes {
			r.sendAppends(c, w)
		}
		r.later(c)
	}
}

// onPush adds batches to the frame that is being gathered.
func (r *Replicas) onPush(c kit.Context, m *push) {
	w := r.way(m.path)
	if w == nil {
		for _, p := range m.parts {
			if p.Slab != nil {
				p.Slab.Release()
			}
		}
		m.held.Release()
		return
	}
	if len(w.parts) > 0 && len(w.parts)+len(m.parts) > peer.MaxParts {
		r.sendAppends(c, w)
	}
	m.appendEntry.parts = uint16(len(m.parts))
	w.appends = putEntry(w.appends, wireAppend, m.appendEntry)
	w.parts = append(w.parts, m.parts...)
	f := w.flight
	if x := r.locals[m.part]; x != nil {
		f.refs = append(f.refs, x)
	}
	if m.fed {
		f.turns++
		f.held = append(f.held, *m)
	} else {
		f.hot += int64(m.size)
	}
	f.size += m.size
	if f.size >= frameBytes || len(w.parts) >= frameParts {
		r.sendAppends(c, w)
		return
	}
	r.later(c)
}

func (r *Replicas) onAck(c kit.Context, m ack) {
	w := r.way(m.path)
	if w == nil {
		return
	}
	if i, ok := w.newestAck[m.part]; ok && w.acks[i].number == m.number {
		w.acks[i].durable, w.acks[i].start = max(w.acks[i].durable, m.durable), max(w.acks[i].start, m.start)
		return
	}
	w.newestAck[m.part] = len(w.acks)
	w.acks = append(w.acks, m.ackEntry)
	r.later(c)
}

func (r *Replicas) onTip(c kit.Context, m tip) {
	w := r.way(m.path)
	if w == nil {
		return
	}
	if i, ok := w.newestTip[m.part]; ok {
		w.tips[i] = m.highEntry
		return
	}
	w.newestTip[m.part] = len(w.tips)
	w.tips = append(w.tips, m.highEntry)
	if !r.tipping {
		r.tipping = true
		c.After(c.Self(), tipEvery, flushTips{})
	}
}

// onFlush sends what has gathered.
func (r *Replicas) onFlush(c kit.Context) {
	r.flushing = false
	for _, w := range r.each() {
		if len(w.subs) > 0 {
			r.sendHead(c, w, peer.Control, w.subs)
			w.subs = nil
		}
		r.sendAppends(c, w)
		if len(w.acks) > 0 {
			var head []byte
			for _, a := range w.acks {
				head = putEntry(head, wireAcks, a)
			}
			r.sendHead(c, w, peer.Control, head)
			w.acks = w.acks[:0]
			clear(w.newestAck)
		}
	}
	r.propose(c)
}

func (r *Replicas) onFlushTips(c kit.Context) {
	r.tipping = false
	for _, w := range r.each() {
		if len(w.tips) == 0 {
			continue
		}
		var head []byte
		for _, t := range w.tips {
			head = putEntry(head, wireHighs, t)
		}
		r.sendHead(c, w, peer.Append, head)
		w.tips = w.tips[:0]
		clear(w.newestTip)
	}
}

// sendAppends sends the frame of batches that is being gathered, behind the answers to subscriptions that it may need.
func (r *Replicas) sendAppends(c kit.Context, w *way) {
	if len(w.epochs) > 0 {
		r.sendHead(c, w, peer.Append, w.epochs)
		w.epochs = nil
	}
	if len(w.replies) > 0 {
		r.sendHead(c, w, peer.Append, w.replies)
		w.replies = nil
	}
	if len(w.appends) == 0 {
		return
	}
	f := w.flight
	f.lane = peer.Append
	r.send(c, f, &peer.Send{To: w.node, Lane: peer.Append, Head: w.appends, Parts: w.parts})
	w.appends, w.parts, w.flight = nil, nil, &flight{path: w.path}
}

// sendHead sends a message without parts. It is repeated if the lane has no room: all that it says is fenced by numbers.
func (r *Replicas) sendHead(c kit.Context, w *way, lane peer.Lane, head []byte) {
	r.send(c, &flight{path: w.path, lane: lane, head: head}, &peer.Send{To: w.node, Lane: lane, Head: head})
}

func (r *Replicas) send(c kit.Context, f *flight, m *peer.Send) {
	r.slot++
	r.flights[r.slot] = f
	m.Kind, m.From, m.Slot, m.Confirm = peer.KindReplication, c.Self(), r.slot, true
	f.link.Tell(m)
}

// onLeft is called when a frame is on the socket, or lost: there is room for as much again.
func (r *Replicas) onLeft(c kit.Context, slot uint64) *flight {
	f := r.flights[slot]
	if f == nil {
		return nil
	}
	delete(r.flights, slot)
	f.path.hot.Add(-f.hot)
	f.release()
	if w := r.way(f.path); w != nil && f.turns > 0 {
		w.grants -= f.turns
		w.grant(c.Self())
	}
	return f
}

func (r *Replicas) onDropped(c kit.Context, m peer.Dropped) {
	f := r.onLeft(c, m.Slot)
	if f == nil || r.way(f.path) == nil || m.Reason == peer.Unreachable || m.Reason == peer.Lost {
		return // the link is down; that is told to all
	}
	if f.head != nil {
		c.After(c.Self(), againAfter, again{f.path, f.lane, f.head})
		return
	}
	for _, x := range f.refs {
		x.ref.Tell(unsent{f.path})
	}
}

func (r *Replicas) onAgain(c kit.Context, m again) {
	if w := r.way(m.path); w != nil {
		r.sendHead(c, w, m.lane, m.head)
	}
}

func (r *Replicas) onHungry(c kit.Context, m hungry) {
	if w := r.way(m.path); w != nil {
		w.queue = append(w.queue, m) // at most one of each partition
		w.grant(c.Self())
	}
}

func (r *Replicas) onSated(c kit.Context, m sated) {
	if w := r.way(m.path); w != nil {
		w.grants--
		w.grant(c.Self())
	}
}

// grant gives turns to those who have waited longest.
func (w *way) grant(replicas *kit.Ref) {
	for w.grants < maxGrants && len(w.queue) > 0 {
		m := w.queue[0]
		w.queue = w.queue[1:]
		w.grants++
		m.ref.Tell(granted{w.path, replicas})
	}
}

// retriable is how a subscription to a replica that is not here, or not yet, is answered.
func (r *Replicas) retriable(c kit.Context, w *way, s *subscription) {
	w.replies = putEntry(w.replies, wireReply, reply{part: s.part, number: s.number, outcome: notServed, code: code.UnknownTopicId})
	r.later(c)
}
