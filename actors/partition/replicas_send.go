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
		w.subs.put(m.part, m.subscription)
		r.later(c)
	}
}

func (r *Replicas) onRespond(c kit.Context, m respond) {
	if w := r.way(m.path); w != nil {
		w.reply(m.reply, m.epochs)
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
	if a := w.acks.of(m.part); a != nil && a.number == m.number {
		a.durable, a.start = max(a.durable, m.durable), max(a.start, m.start)
		return
	}
	w.acks.put(m.part, m.ackEntry)
	r.later(c)
}

func (r *Replicas) onTip(c kit.Context, m tip) {
	w := r.way(m.path)
	if w == nil {
		return
	}
	w.tips.put(m.part, m.highEntry)
	r.tipLater(c)
}

func (r *Replicas) tipLater(c kit.Context) {
	if !r.tipping {
		r.tipping = true
		c.After(c.Self(), tipEvery, flushTips{})
	}
}

// onFlush sends what has gathered.
func (r *Replicas) onFlush(c kit.Context) {
	r.flushing = false
	for _, w := range r.each() {
		sendAll(r, c, w, peer.Control, wireSubscribe, &w.subs)
		r.sendAppends(c, w)
		sendAll(r, c, w, peer.Control, wireAcks, &w.acks)
	}
	r.propose(c)
}

func (r *Replicas) onFlushTips(c kit.Context) {
	r.tipping = false
	for _, w := range r.each() {
		sendAll(r, c, w, peer.Append, wireHighs, &w.tips)
	}
}

// sendAppends sends the frame of batches that is being gathered, behind the answers to subscriptions that it may need.
func (r *Replicas) sendAppends(c kit.Context, w *way) {
	r.sendReplies(c, w)
	if len(w.appends) == 0 {
		return
	}
	f := w.flight
	f.lane = peer.Append
	r.send(c, f, &peer.Send{To: w.node, Lane: peer.Append, Head: w.appends, Parts: w.parts})
	w.appends, w.parts, w.flight = nil, nil, &flight{path: w.path}
}

// begun is where epochs began, for one reply.
type begun struct {
	number uint64 // of the subscription
	list   []epochBegin
}

// reply gathers a reply, with the epochs that are to be told before it.
func (w *way) reply(r reply, epochs []epochBegin) {
	w.replies.put(r.part, r)
	delete(w.epochs, r.part)
	if len(epochs) > 0 {
		w.epochs[r.part] = begun{r.number, epochs}
	}
}

// sendReplies sends the replies, and before them the epochs that belong to them.
func (r *Replicas) sendReplies(c kit.Context, w *way) {
	if len(w.replies.list) == 0 || w.full[peer.Append] {
		return
	}
	var head []byte
	for _, a := range w.replies.list {
		b := w.epochs[a.part]
		for _, e := range b.list {
			head = putEntry(head, wireEpochs, epochEntry{a.part, b.number, e.Epoch, e.Start})
		}
		if len(head) >= headBytes {
			r.sendHead(c, w, peer.Append, head)
			head = nil
		}
	}
	if head != nil {
		r.sendHead(c, w, peer.Append, head)
	}
	clear(w.epochs)
	sendAll(r, c, w, peer.Append, wireReply, &w.replies)
}

// headBytes is about how long a message without parts may be: those of very many partitions are several.
const headBytes = 256 << 10

// sendAll sends what has gathered of one kind, in messages without parts, unless the lane is known to have no room: then it gathers on.
func sendAll[E wireEntry](r *Replicas, c kit.Context, w *way, lane peer.Lane, kind wireKind, g *gathered[E]) {
	if len(g.list) == 0 || w.full[lane] {
		return
	}
	var head []byte
	for _, e := range g.list {
		if head = putEntry(head, kind, e); len(head) >= headBytes {
			r.sendHead(c, w, lane, head)
			head = nil
		}
	}
	if head != nil {
		r.sendHead(c, w, lane, head)
	}
	g.clear()
}

// sendHead sends a message without parts. If the lane has no room it goes back to what is gathered: all that it says is fenced by numbers.
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
		w := r.way(f.path)
		w.full[f.lane] = true
		w.gatherAgain(f.head)
		return
	}
	for _, x := range f.refs {
		x.ref.Tell(unsent{f.path})
	}
}

// onDrained sends what has gathered meanwhile.
func (r *Replicas) onDrained(c kit.Context, m peer.Drained) {
	if w := r.ways[m.Node]; w != nil && w.full[m.Lane] {
		w.full[m.Lane] = false
		r.later(c)
		r.tipLater(c)
	}
}

// gatherAgain puts back what did not leave, where nothing newer has been said of a partition.
func (w *way) gatherAgain(head []byte) {
	m, err := takeMessage(head, 0)
	kit.Invariant(err == nil, "BUG: a message of %d bytes was sent that makes no sense", len(head))
	for _, e := range m.subs {
		w.subs.putOld(e.part, e)
	}
	for _, e := range m.epochs { // all of a partition are in one message
		if b := w.epochs[e.part]; b.number <= e.number {
			if b.number < e.number {
				b = begun{number: e.number}
			}
			b.list = append(b.list, epochBegin{Epoch: e.epoch, Start: e.start})
			w.epochs[e.part] = b
		}
	}
	for _, e := range m.replies {
		w.replies.putOld(e.part, e)
	}
	for _, e := range m.acks {
		if a := w.acks.of(e.part); a != nil && a.number == e.number {
			a.durable, a.start = max(a.durable, e.durable), max(a.start, e.start)
		}
		w.acks.putOld(e.part, e)
	}
	for _, e := range m.highs {
		w.tips.putOld(e.part, e)
	}
}

// gathered is what is to be said of partitions, the newest of each, in the order in which it was said first.
type gathered[E wireEntry] struct {
	list []E
	at   map[uint32]int // place in list, by part
}

// of is what is to be said of a part; nil: nothing. It is good until the next put.
func (g *gathered[E]) of(part uint32) *E {
	if i, ok := g.at[part]; ok {
		return &g.list[i]
	}
	return nil
}

func (g *gathered[E]) put(part uint32, e E) {
	if old := g.of(part); old != nil {
		*old = e
		return
	}
	if g.at == nil {
		g.at = map[uint32]int{}
	}
	g.at[part] = len(g.list)
	g.list = append(g.list, e)
}

// putOld is put for what was said earlier.
func (g *gathered[E]) putOld(part uint32, e E) {
	if g.of(part) == nil {
		g.put(part, e)
	}
}

// clear forgets all. Much room is given back.
func (g *gathered[E]) clear() {
	if cap(g.list) > 4096 {
		*g = gathered[E]{}
		return
	}
	g.list = g.list[:0]
	clear(g.at)
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
	w.reply(reply{part: s.part, number: s.number, outcome: notServed, code: code.UnknownTopicId}, nil)
	r.later(c)
}
