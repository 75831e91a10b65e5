package partition

import (
	"slices"

	"troupe/actors/kit"
	"troupe/actors/peer"
	"troupe/kafka/code"
	"troupe/storage/record"
)

// stream is one follower's subscription at the leader. While it is hot, each batch is sent when it is appended; else the follower is fed
// what it lacks in turns, from the tail or the store, until it lacks nothing.
type stream struct {
	*path
	number uint64
	prev   int64 // end of the follower's log, with all that was sent
	next   int64 // what is to be sent begins here: prev, or behind a gap that compaction has left
	hot    bool
	waits  bool  // for a turn, or the store
	told   int64 // high watermark
	start  int64 // log start that was told
}

// path is the link to a broker, nil while it is down.
func (p *Partition) path(node int32) *path {
	for _, x := range p.paths {
		if x.node == node {
			return x
		}
	}
	return nil
}

func (p *Partition) onLinked(c kit.Context, m linked) {
	p.paths = slices.DeleteFunc(p.paths, func(x *path) bool { return x.node == m.node })
	p.paths = append(p.paths, m.path)
	p.turned(c, m.node, true)
	if s := p.sub; s != nil && s.leader == m.node {
		p.subscribe(c)
	}
}

func (p *Partition) onUnlinked(c kit.Context, m unlinked) {
	p.paths = slices.DeleteFunc(p.paths, func(x *path) bool { return x == m.path })
	p.turned(c, m.node, false)
	if s := p.sub; s != nil && s.path == m.path {
		s.end()
	}
}

// turned notes that the link to a follower went up or down.
func (p *Partition) turned(c kit.Context, node int32, up bool) {
	if p.log == nil || p.log.led == nil {
		return
	}
	d := p.log.led
	if s := d.stream(node); s != nil {
		p.endStream(s)
	}
	if m := d.mate(node); m != nil && m.up != up {
		m.up, m.changedAt = up, c.Now().UnixMilli()
	}
	p.watchMates(c)
}

func (d *leadership) stream(node int32) *stream {
	if i := slices.IndexFunc(d.streams, func(s *stream) bool { return s.node == node }); i >= 0 {
		return d.streams[i]
	}
	return nil
}

// endStream forgets what is known of a follower by its subscription: how far it is counts again when it says so anew.
func (p *Partition) endStream(s *stream) {
	l := p.log
	d := l.led
	d.streams = slices.DeleteFunc(d.streams, func(x *stream) bool { return x == s })
	if m := d.mate(s.node); m != nil {
		m.streaming, m.durable, m.start, m.since, m.caughtAt = false, -1, -1, 0, 0
	}
	l.forgetEnd(s.node)
}

// onSubscribed takes a follower in, or tells it where its log is not the leader's.
func (p *Partition) onSubscribed(c kit.Context, m *subscribed) {
	if bad := p.fence(m.epoch); bad != code.OK {
		m.respond(reply{outcome: notServed, code: bad})
		return
	}
	if !p.ready(c, m) {
		return
	}
	l := p.log
	switch {
	case p.path(m.node) != m.path:
		return // the link has broken meanwhile
	case l.led == nil || l.led.mate(m.node) == nil, l.unshared(): // the last until what was appended before there were followers is durable
		m.respond(reply{outcome: notServed, code: code.ReplicaNotAvailable})
		return
	}
	end, out := l.parts(m.from, m.lastEpoch)
	switch {
	case end != nil:
		m.respond(reply{outcome: diverged, epoch: end.Epoch, offset: end.End})
		return
	case out:
		m.respond(reply{outcome: outOfLog, offset: l.floor})
		return
	}
	if s := l.led.stream(m.node); s != nil {
		p.endStream(s)
	}
	now := c.Now().UnixMilli()
	x := l.led.mate(m.node)
	x.streaming, x.brokerEpoch, x.subscribed, x.ackAt, x.ackEnd = true, m.brokerEpoch, now, now, l.next
	s := &stream{path: m.path, number: m.number, prev: m.from, next: m.from, told: l.high, start: l.start}
	l.led.streams = append(l.led.streams, s)
	slices.SortFunc(l.led.streams, func(a, b *stream) int { return int(a.node) - int(b.node) })
	m.start(l.high, l.start, l.begunAfter(m.lastEpoch))
	p.feed(c, s)
	p.watchMates(c)
}

// push sends a batch that was just appended to those who have everything before it.
func (p *Partition) push(c kit.Context, b batch) {
	for _, s := range p.log.led.streams {
		if !s.hot {
			continue
		}
		n := int64(len(b.slab.Batch(b.at)))
		if s.path.hot.Add(n) > hotWindow {
			s.path.hot.Add(-n)
			s.hot = false
			p.feed(c, s)
			continue
		}
		m := p.pushTo(s)
		b.slab.Hold()
		m.one[0] = peer.Part{Bytes: b.slab.Batch(b.at), Slab: b.slab}
		m.parts, m.size = m.one[:], int(n)
		s.prev, s.next = b.last+1, b.last+1
		p.o.Replicas.Tell(m)
	}
}

func (p *Partition) pushTo(s *stream) *push {
	l := p.log
	s.told, s.start = l.high, l.start
	return &push{path: s.path, appendEntry: appendEntry{part: p.o.PartID, number: s.number, epoch: p.facts.LeaderEpoch, prev: s.prev, high: l.high, start: l.start}}
}

// feed makes a stream hot if its follower lacks nothing, else it asks for a turn.
func (p *Partition) feed(c kit.Context, s *stream) {
	switch {
	case s.waits || s.hot:
	case s.next == p.log.next:
		s.hot = true
	default:
		s.waits = true
		p.o.Replicas.Tell(hungry{s.path, p.o.PartID, c.Self()})
	}
}

func (p *Partition) onGranted(c kit.Context, m granted) {
	var s *stream
	if l := p.log; l != nil && l.led != nil {
		if s = l.led.stream(m.node); s != nil && (s.path != m.path || !s.waits) {
			s = nil
		}
	}
	if s == nil || p.state != loaded {
		p.o.Replicas.Tell(sated{m.path})
		return
	}
	l := p.log
	if s.next >= l.durable {
		p.feedUnsynced(c, s)
		return
	}
	if b, ok := p.o.Tail.Read(p.o.PartID, s.next, l.durable, feedChunk, true); ok && b.Bytes > 0 {
		p.onChunk(c, chunk{p.o.Replicas, l, s, l.durable, b, nil})
		return
	}
	data, id, from, limit, replicas := p.o.Data, p.o.PartID, s.next, l.durable, p.o.Replicas
	c.Go(c.Self(), func() any {
		b, err := data.Read(id, from, limit, feedChunk, true)
		return chunk{replicas, l, s, limit, b, err}
	})
}

// feedUnsynced sends what is on its way to the disk.
func (p *Partition) feedUnsynced(c kit.Context, s *stream) {
	m := p.pushTo(s)
	m.fed = true
	for _, b := range p.log.unsynced.each() {
		if b.last < s.next {
			continue
		}
		if m.size > 0 && m.size+len(b.slab.Batch(b.at)) > feedChunk || len(m.parts) == frameParts {
			break
		}
		b.slab.Hold()
		m.parts = append(m.parts, peer.Part{Bytes: b.slab.Batch(b.at), Slab: b.slab})
		m.size += len(b.slab.Batch(b.at))
		s.next = b.last + 1
	}
	p.fed(c, s, m)
}

// onChunk sends what was read for a follower. Batches are cut apart: each is a part of the frame.
func (p *Partition) onChunk(c kit.Context, m chunk) {
	l := p.log
	if l == nil || l != m.log || l.led == nil || l.led.stream(m.node) != m.stream {
		m.batches.Release()
		p.o.Replicas.Tell(sated{m.path})
		return
	}
	s := m.stream
	if m.err != nil {
		p.o.Replicas.Tell(sated{m.path})
		p.disown(s, code.KafkaStorageError)
		p.handOver(c, m.err)
		return
	}
	x := p.pushTo(s)
	x.fed, x.held = true, m.batches
	for _, run := range m.batches.Data {
		for len(run) > 0 && len(x.parts) < frameParts {
			b := record.Batch(run)
			n := record.Overhead + int(b.Length())
			x.parts = append(x.parts, peer.Part{Bytes: run[:n:n]})
			x.size += n
			s.next = b.LastOffset() + 1
			run = run[n:]
		}
	}
	if len(x.parts) == 0 { // compaction has left nothing there
		s.next = m.limit // not the durable end: that may have moved since
	}
	p.fed(c, s, x)
}

// fed ends a turn.
func (p *Partition) fed(c kit.Context, s *stream, m *push) {
	s.waits = false
	if len(m.parts) == 0 {
		m.held.Release()
		p.o.Replicas.Tell(sated{s.path})
		if s.prev < p.log.floor { // all that it lacks has been deleted: it has to begin where the log does
			p.disown(s, code.ReplicaNotAvailable)
			return
		}
	} else {
		s.prev = s.next
		p.o.Replicas.Tell(m)
	}
	p.feed(c, s)
}

// handOver gives the leadership to another replica that has everything, for this one cannot read some of it. Where there is none it goes on with
// what it can read: one damaged batch is no reason to keep all others, of all partitions here, from their readers.
func (p *Partition) handOver(c kit.Context, err error) {
	d, now := p.log.led, c.Now().UnixMilli()
	if now < d.offerAt || d.wish != nil || p.brokerEpoch == 0 {
		return // who could not read comes again
	}
	d.offerAt = now + damagedMs
	c.Log().Error("DISK: a leader cannot read its log and gives its place to another replica in sync, if there is one", "partition", p.name(),
		"part", p.o.PartID, "err", err)
	if len(p.log.isr) > 1 || len(p.facts.ELR) > 0 {
		p.resign(c)
	}
}

func (p *Partition) onUnreadable(c kit.Context, m Unreadable) {
	if p.state == loaded && p.log.led != nil && m.LeaderEpoch == p.facts.LeaderEpoch {
		p.handOver(c, m.Err)
	}
}

// onUnsent makes a follower subscribe anew: a frame for it was dropped.
func (p *Partition) onUnsent(_ kit.Context, m unsent) {
	if p.log == nil || p.log.led == nil {
		return
	}
	if s := p.log.led.stream(m.node); s != nil && s.path == m.path {
		p.disown(s, code.ReplicaNotAvailable)
	}
}

// disown makes a follower subscribe anew.
func (p *Partition) disown(s *stream, why code.Code) {
	p.o.Replicas.Tell(respond{path: s.path, reply: reply{part: p.o.PartID, number: s.number, outcome: notServed, code: why}})
	p.endStream(s)
}

// onAcked takes how far a follower is. Only what it says by its present subscription counts.
func (p *Partition) onAcked(c kit.Context, m acked) {
	l := p.log
	if l == nil || l.led == nil || p.state != loaded {
		return
	}
	s := l.led.stream(m.node)
	if s == nil || s.path != m.path || s.number != m.number || m.durable > s.next {
		return
	}
	x, now := l.led.mate(m.node), c.Now().UnixMilli()
	x.acked(m.durable, l.next, now)
	x.start = m.start
	l.ack(m.node, m.durable)
	p.advance(c)
	p.answerTrims()
	if x.joined == 0 {
		p.judge(c, now)
	}
}

// tellHigh tells followers of the high watermark when no batch will carry it, and of the log start.
func (p *Partition) tellHigh() {
	l := p.log
	if l.led == nil {
		return
	}
	for _, s := range l.led.streams {
		if s.hot && (s.told < l.high && l.high == l.next || s.start < l.start) {
			s.told, s.start = l.high, l.start
			p.o.Replicas.Tell(tip{s.path, highEntry{p.o.PartID, s.number, l.high, l.start}})
		}
	}
}
