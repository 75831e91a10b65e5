package sim

import (
	"fmt"
	"slices"
	"time"

	"troupe/actors/kit"
	"troupe/actors/partition"
	"troupe/actors/writer"
	"troupe/kafka/api"
	"troupe/kafka/code"
	"troupe/storage"
	"troupe/storage/record"
)

// hawker produces to partitions of a cluster: each batch goes to the broker that takes itself for the leader by what it publishes, now and
// then to another one. An idempotent hawker sends a batch until it is acknowledged; a plain one never sends anything twice.
type hawker struct {
	t       *town
	id      string
	idem    bool
	acks    int16
	pid     int64
	left    int
	streams []*stream
	begun   int
	slot    uint64
	asking  map[*api.NextProducerID]*house
	frames  map[uint64]*errand
}

// errand is one frame under way to a broker.
type errand struct {
	flight
	to     *house
	partID uint32
}

func (p *hawker) name() string { return p.id }

func (p *hawker) receive(h *house, c kit.Context, m any) {
	switch m := m.(type) {
	case kit.Started, turn:
		p.turn(h, c)
		if !p.done() {
			p.t.soon(c, 80*time.Millisecond)
		}
	case writer.Done:
		p.onDone(h, m)
	case api.ProducerIDGiven:
		p.onID(m)
	}
}

// soon sets a client's next turn at a broker.
func (t *town) soon(c kit.Context, most time.Duration) {
	c.After(c.Self(), time.Duration(t.IntN(int(most))), turn{})
}

func (p *hawker) turn(h *house, c kit.Context) {
	if p.idem && p.pid < 0 {
		if len(p.asking) == 0 {
			ask := &api.NextProducerID{Ask: kit.Ask{ReplyTo: c.Self()}}
			p.asking[ask] = h
			h.broker.Shared.ProducerIDs.Tell(ask)
		}
		return
	}
	p.streams = slices.DeleteFunc(p.streams, func(s *stream) bool { return s.a.gone })
	if len(p.streams) < 4 && p.t.Chance(.3) {
		p.choose()
	}
	for _, i := range p.t.rng.Perm(len(p.streams)) {
		if s := p.streams[i]; p.t.Chance(.7) {
			p.offer(h, c, s)
		}
	}
}

// choose begins a stream to a partition that exists.
func (p *hawker) choose() {
	live := p.t.cluster.live()
	if len(live) == 0 {
		return
	}
	x := live[p.t.IntN(len(live))]
	a := p.t.account(x, p.t.IntN(x.partitions))
	if slices.ContainsFunc(p.streams, func(s *stream) bool { return s.a == a }) {
		return
	}
	p.begun++
	p.streams = append(p.streams, &stream{a: a, name: fmt.Sprintf("%s/%d", p.id, p.begun)})
}

// offer sends the next batch of a stream if the broker leads the partition.
func (p *hawker) offer(h *house, c kit.Context, s *stream) {
	_, part := h.find(s.a)
	if part == nil || part.Leader != h.id && !p.t.Chance(.02) {
		return
	}
	ref := h.broker.Published.Get().Partition(part.ID)
	if ref == nil {
		return
	}
	b := s.next(p.idem, &p.left, func() *batch { return s.make(p.t.Sim, p.t.ledger, p.idem, p.pid) })
	if b == nil {
		return
	}
	timeout := time.Duration(500+p.t.IntN(2500)) * time.Millisecond
	items := []flown{{s, b}}
	f := frame(p.t.Sim, items, len(b.bytes)+storage.SlabOverhead, p.acks, timeout)
	if f == nil {
		return
	}
	p.slot++
	f.ReplyTo, f.Slot, f.Writer = c.Self(), p.slot, h.broker.Writer
	f.Begin()
	p.frames[p.slot] = &errand{flight{f, items, p.t.Now(), max(timeout, partition.MinTimeout)}, h, part.ID}
	ref.Tell(partition.Append{Item: &f.Items[0]})
}

func (p *hawker) onID(m api.ProducerIDGiven) {
	delete(p.asking, m.NextProducerID)
	if m.Code != code.OK {
		return
	}
	if p.t.cluster.given[m.ID] {
		p.t.Fail("producer id %d was given twice", m.ID)
	}
	p.t.cluster.given[m.ID] = true
	if p.pid < 0 {
		p.pid = m.ID
	}
}

func (p *hawker) onDone(h *house, m writer.Done) {
	x := p.frames[m.Slot]
	if x == nil || x.frame != m.Frame {
		p.t.Fail("%s: frame %d was answered twice", p.id, m.Slot)
		return
	}
	delete(p.frames, m.Slot)
	s, b, it := x.items[0].s, x.items[0].b, &m.Items[0]
	b.flying = false
	switch it.Code {
	case code.OK:
	case code.RequestTimedOut:
		p.t.ledger.timedOut++
	default:
		p.t.ledger.refused++
	}
	switch {
	case it.Code == code.OK && p.acks == -1:
		p.confirmed(h, x, it.Base)
	case it.Code == code.OK, !p.idem:
		s.drop(b) // acks=1 promises nothing when a leader dies; or the outcome is not known and never will be
	case retries(it.Code):
		s.again = true
	default:
		p.t.Fail("%s: batch %s of %s was refused by %s with %s %s", p.id, brief(b.values[0]), s.a, host(h.id), it.Code, it.Message)
	}
	m.Frame.Slab.Release()
}

func (p *hawker) confirmed(h *house, x *errand, base int64) {
	s, b := x.items[0].s, x.items[0].b
	s.drop(b)
	s.known = true
	p.t.ledger.acked += uint64(len(b.values))
	if b.sent > 1 {
		p.t.ledger.repeated++
	}
	p.t.told(h, s.a, x.partID, base+int64(len(b.values)), "acknowledged")
	for i, v := range b.values {
		if err := s.a.promise(base+int64(i), v, "acknowledged"); err != nil {
			p.t.Fail("D5: %v", err)
		}
	}
}

func (p *hawker) cut(h *house) {
	for slot, x := range p.frames {
		if x.to != h {
			continue
		}
		delete(p.frames, slot)
		s, b := x.items[0].s, x.items[0].b
		b.flying = false
		if s.again = true; !p.idem {
			s.drop(b)
		}
	}
	for ask, to := range p.asking {
		if to == h {
			delete(p.asking, ask)
		}
	}
}

func (p *hawker) done() bool {
	for _, s := range p.streams {
		if len(s.batch) > 0 && !s.a.gone {
			return false
		}
	}
	return p.left == 0 && len(p.frames) == 0
}

func (p *hawker) waits() (what string, since time.Duration) {
	for _, x := range p.frames {
		if at := x.since + x.limit; what == "" || at < since {
			since, what = at, fmt.Sprintf("the answer to a frame of %s", host(x.to.id))
		}
	}
	return what, since
}

// walker reads partitions from their starts, at whoever leads, or at a follower (KIP-392): what was read must never change.
type walker struct {
	t      *town
	id     string
	finite int // partitions still to be begun
	nearby bool
	a      *account
	at     int64
	idle   int
	asked  *partition.Read
	latest *partition.Locate
	least  int64 // what the end must be that is asked for
	to     *house
	since  time.Duration
}

func (x *walker) name() string { return x.id }

func (x *walker) receive(h *house, c kit.Context, m any) {
	switch m := m.(type) {
	case kit.Started, turn:
		x.turn(h, c)
		if !x.done() {
			x.t.soon(c, 30*time.Millisecond)
		}
	case partition.Readable:
		x.onReadable(h, m)
	case partition.Located:
		x.onLocated(m)
	}
}

func (x *walker) turn(h *house, c kit.Context) {
	if x.asked != nil || x.latest != nil {
		return
	}
	if x.a != nil && (x.a.gone || x.idle > 3) {
		x.a, x.idle = nil, 0
	}
	if live := x.t.cluster.live(); x.a == nil && x.finite > 0 && len(live) > 0 {
		x.finite--
		p := live[x.t.IntN(len(live))]
		x.a, x.at = x.t.account(p, x.t.IntN(p.partitions)), 0
	}
	if x.a == nil {
		return
	}
	_, p := h.find(x.a)
	if p == nil || p.Leader != h.id && !x.nearby {
		return
	}
	ref := h.broker.Published.Get().Partition(p.ID)
	switch {
	case ref == nil:
	case p.Leader == h.id && x.t.Chance(.2): // ListOffsets, whose answer never goes back
		x.latest, x.to, x.since = &partition.Locate{Ask: kit.Ask{ReplyTo: c.Self()}, Timestamp: latest, LeaderEpoch: p.LeaderEpoch}, h, x.t.Now()
		x.least = x.t.book.crests[p.ID].upTo(p.LeaderEpoch)
		ref.Tell(x.latest)
	default:
		x.asked, x.to, x.since = &partition.Read{Ask: kit.Ask{ReplyTo: c.Self()}, Replica: x.nearby, Offset: x.at, LeaderEpoch: -1, LastEpoch: -1}, h, x.t.Now()
		ref.Tell(x.asked)
	}
}

func (x *walker) onReadable(h *house, m partition.Readable) {
	if m.Read != x.asked {
		x.t.Fail("%s: a second answer to Read", x.id)
		return
	}
	x.asked = nil
	if m.Code != code.OK || x.a.gone {
		return // another leader, or one that does not know yet how far it may show
	}
	if x.t.told(h, x.a, m.PartID, m.High, "shown to readers"); m.Limit <= x.at {
		x.idle++
		return
	}
	got, err := h.broker.Data.Read(m.PartID, x.at, m.Limit, 1<<20, true)
	if err != nil {
		x.t.Fail("%s: %s: %v", x.id, x.a, err)
		return
	}
	defer got.Release()
	if err := eachBatch(got.Data, x.take); err != nil {
		x.t.Fail("D6: %s: %s of %s: %v", x.id, x.a, host(h.id), err)
	}
}

// onLocated: the end that clients are told is not below what any leader up to then has had for a high watermark when it was asked for.
func (x *walker) onLocated(m partition.Located) {
	if m.Locate != x.latest {
		x.t.Fail("%s: a second answer to Locate", x.id)
		return
	}
	if x.latest = nil; m.Code == code.OK && !x.a.gone && m.Offset < x.least {
		x.t.Fail("D6: %s: the end is said to be %d in epoch %d, and the high watermark was %d before", x.a, m.Offset, m.Locate.LeaderEpoch, x.least)
	}
}

func (x *walker) take(b record.Batch) error {
	recs, bad := record.Records(b)
	switch {
	case !b.Intact() || bad != nil:
		return fmt.Errorf("the batch at offset %d is damaged", x.at)
	case b.BaseOffset() > x.at:
		return fmt.Errorf("offset %d is missing: the next batch begins at %d", x.at, b.BaseOffset())
	}
	for i := range recs {
		if recs[i].Offset < x.at {
			continue
		}
		if err := x.a.promise(recs[i].Offset, identity(&recs[i]), "consumed"); err != nil {
			return err
		}
		x.t.ledger.consumed++
	}
	x.at, x.idle = b.LastOffset()+1, 0
	return nil
}

func (x *walker) cut(h *house) {
	if x.to == h {
		x.asked, x.latest = nil, nil
	}
}

func (x *walker) done() bool { return x.finite == 0 && x.a == nil && x.asked == nil && x.latest == nil }

func (x *walker) waits() (string, time.Duration) {
	if x.asked == nil && x.latest == nil {
		return "", 0
	}
	return "the answer to Read or Locate of " + host(x.to.id), x.since
}
