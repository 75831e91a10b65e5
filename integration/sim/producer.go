package sim

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"troupe/actors/kit"
	kitsim "troupe/actors/kit/sim"
	"troupe/actors/partition"
	"troupe/actors/writer"
	"troupe/kafka/api"
	"troupe/kafka/code"
	"troupe/storage"
	"troupe/storage/record"
)

// producer writes to some partitions, up to five batches ahead on each.
//
// It asks for nothing but what connections share: its producer id comes from there. An idempotent one sends a batch again, with the same sequence, until it is acknowledged: after a refusal when everything in
// flight has its answer, and after a crash of the broker. A plain one never sends anything twice.
type producer struct {
	w       *World
	id      string
	idem    bool
	acks    int16
	pid     int64
	left    int // batches still to be made
	streams []*stream
	begun   int // streams so far

	asking *api.NextProducerID
	since  time.Duration
	slot   uint64
	frames map[uint64]*flight
	order  []uint64
}

// stream is what one producer writes to one partition.
type stream struct {
	made  int // batches so far
	a     *account
	name  string
	n     int      // records made
	batch []*batch // made and not acknowledged, in order
	known bool     // a batch was acknowledged: the partition knows the producer
	again bool     // a refusal came: wait for all answers, then send all again
}

// batch is one record batch of a stream.
type batch struct {
	no     int // place among the batches of its stream
	bytes  record.Batch
	values []string
	flying bool
	sent   int
}

// flight is one frame under way.
type flight struct {
	frame *writer.Frame
	items []flown
	since time.Duration
	limit time.Duration
}

type flown struct {
	s *stream
	b *batch
}

// sharedKeys are those that all producers write to, beside a key of each stream's own.
var sharedKeys = []string{"a", "b", "c", "d", "e"}

// ahead is how many batches of one partition may be under way.
const ahead = 5

func (p *producer) name() string { return p.id }

func (p *producer) receive(c kit.Context, m any) {
	switch m := m.(type) {
	case kit.Started, turn:
		p.turn(c)
		if !p.done() {
			p.w.soon(c, 20*time.Millisecond)
		}
	case writer.Done:
		p.onDone(m)
	case api.ProducerIDGiven:
		p.onID(m)
	}
}

func (p *producer) turn(c kit.Context) {
	if p.w.closing {
		return
	}
	if p.idem && p.pid < 0 {
		p.askID(c)
		return
	}
	p.streams = slices.DeleteFunc(p.streams, func(s *stream) bool { return s.a.gone })
	if len(p.streams) < 4 && p.w.Chance(.5) {
		p.choose()
	}
	var items []flown
	for _, i := range p.w.perm(len(p.streams)) {
		if s := p.streams[i]; len(items) == 0 || p.w.Chance(.6) {
			if b := p.next(s); b != nil {
				items = append(items, flown{s, b})
			}
		}
	}
	if len(items) > 0 {
		p.send(c, items)
	}
}

func (p *producer) askID(c kit.Context) {
	if p.asking == nil {
		p.asking, p.since = &api.NextProducerID{Ask: kit.Ask{ReplyTo: c.Self()}}, p.w.Now()
		p.w.broker.Shared.ProducerIDs.Tell(p.asking)
	}
}

func (p *producer) onID(m api.ProducerIDGiven) {
	if p.asking != m.NextProducerID {
		p.w.Fail("%s: a second answer to NextProducerID", p.id)
		return
	}
	p.asking = nil
	if m.Code != code.OK {
		return
	}
	if p.w.cluster.given[m.ID] {
		p.w.Fail("producer id %d was given twice", m.ID)
	}
	p.w.cluster.given[m.ID] = true
	p.pid = m.ID
}

// choose begins a stream to a partition that exists.
func (p *producer) choose() {
	live := p.w.cluster.live()
	if len(live) == 0 {
		return
	}
	t := live[p.w.IntN(len(live))]
	if t.weak && p.idem {
		return // it would lose the sequence in a crash
	}
	a := p.w.account(t, p.w.IntN(t.partitions))
	for _, s := range p.streams {
		if s.a == a {
			return
		}
	}
	p.begun++
	p.streams = append(p.streams, &stream{a: a, name: fmt.Sprintf("%s/%d", p.id, p.begun)})
}

// next is the batch of a stream to be sent now; nil if there is none.
func (p *producer) next(s *stream) *batch {
	return s.next(p.idem, &p.left, func() *batch { return s.make(p.w.Sim, p.w.ledger, p.idem, p.pid) })
}

// next is the batch to be sent now, one that was sent before or a new one of those left to be made.
func (s *stream) next(idem bool, left *int, create func() *batch) *batch {
	if s.a.gone {
		s.batch = nil
		return nil
	}
	flying := 0
	for _, b := range s.batch {
		if b.flying {
			flying++
		}
	}
	if s.again && flying > 0 {
		return nil
	}
	s.again = false
	for _, b := range s.batch {
		if !b.flying {
			return b
		}
	}
	most := ahead
	if idem && !s.known {
		most = 1 // a partition that does not know the producer takes any first sequence, as Kafka does
	}
	if *left == 0 || len(s.batch) >= most {
		return nil
	}
	// A partition remembers five batches. If later batches were acknowledged and an older one was not, a producer that went on would
	// push that one out of the memory, and its repetition would be out of order for ever, in Kafka too.
	if len(s.batch) > 0 && s.made-s.batch[0].no >= ahead {
		return nil
	}
	*left--
	b := create()
	s.batch = append(s.batch, b)
	return b
}

// make makes the next batch of a stream.
func (s *stream) make(w *kitsim.Sim, l *Ledger, idem bool, pid int64) *batch {
	o := record.Plain()
	if idem {
		o.ProducerID, o.ProducerEpoch, o.BaseSequence = pid, 0, int32(s.n)
	}
	if w.Chance(.1) {
		o.Codec = record.Snappy
	}
	b := &batch{no: s.made}
	s.made++
	var recs []record.Record
	for range 1 + w.IntN(4) {
		pad := w.IntN(100)
		if w.Chance(.02) {
			pad = w.IntN(20_000)
		}
		v := fmt.Sprintf("%s/%d%s", s.name, s.n, strings.Repeat(".", pad))
		key := s.name
		if w.Chance(.7) {
			key = sharedKeys[w.IntN(len(sharedKeys))]
		}
		r := record.Record{Timestamp: clientTime(w), Key: []byte(key), Value: []byte(v)}
		if w.Chance(.1) {
			r.Value, r.Headers = nil, []record.Header{{Key: "id", Value: []byte(v)}}
			l.tombstones++
		}
		s.a.send(v, sender{stream: s.name, n: s.n, key: key, once: true, strict: idem}, r.Value == nil)
		b.values = append(b.values, v)
		recs = append(recs, r)
		s.n++
	}
	var err error
	if b.bytes, err = record.Build(o, recs); err != nil {
		w.Fail("%v", err)
	}
	return b
}

// send makes one frame of the batches and gives each to its partition, as a connection does.
func (p *producer) send(c kit.Context, items []flown) {
	view := p.w.broker.Published.Get()
	var refs []*kit.Ref
	room, k := 0, 0
	for _, x := range items {
		if ref := p.w.find(view, x.s.a); ref != nil {
			items[k] = x
			k++
			refs = append(refs, ref)
			room += len(x.b.bytes) + storage.SlabOverhead
		}
	}
	if items = items[:k]; k == 0 {
		return
	}
	p.slot++
	timeout := time.Duration(500+p.w.IntN(2500)) * time.Millisecond
	f := frame(p.w.Sim, items, room, p.acks, timeout)
	if f == nil {
		return
	}
	f.ReplyTo, f.Slot, f.Writer = c.Self(), p.slot, p.w.broker.Writer
	f.Begin()
	p.frames[p.slot] = &flight{f, items, p.w.Now(), max(timeout, partition.MinTimeout)}
	p.order = append(p.order, p.slot)
	for i := range f.Items {
		refs[i].Tell(partition.Append{Item: &f.Items[i]})
	}
}

// frame makes a frame of batches that takes room bytes; nil: the run has failed.
func frame(w *kitsim.Sim, items []flown, room int, acks int16, timeout time.Duration) *writer.Frame {
	f := &writer.Frame{Slab: storage.NewSlab(room), Items: make([]writer.Item, len(items))}
	for i, x := range items {
		at, ok := f.Slab.Add(len(x.b.bytes))
		if !ok {
			w.Fail("BUG: a slab for %d bytes is full", room)
			return nil
		}
		copy(f.Slab.Batch(at), x.b.bytes)
		info, bad := record.Check(f.Slab.Batch(at), record.Opts{})
		if bad != nil {
			w.Fail("BUG: a good batch is refused: %s", bad.Message)
			return nil
		}
		f.Items[i] = writer.Item{Frame: f, At: at, TopicID: x.s.a.topic, Index: x.s.a.index, LeaderEpoch: -1, Acks: acks,
			TimeoutMs: int32(timeout.Milliseconds()), Info: info, Base: -1, LogStart: -1, AppendTime: -1}
		x.b.flying = true
		x.b.sent++
	}
	return f
}

func (p *producer) onDone(m writer.Done) {
	x := p.frames[m.Slot]
	if x == nil || x.frame != m.Frame {
		p.w.Fail("%s: frame %d was answered twice", p.id, m.Slot)
		return
	}
	delete(p.frames, m.Slot)
	for i, f := range x.items {
		f.b.flying = false
		p.outcome(f.s, f.b, &m.Items[i])
	}
	m.Frame.Slab.Release()
}

func (p *producer) outcome(s *stream, b *batch, it *writer.Item) {
	switch it.Code {
	case code.OK:
	case code.RequestTimedOut:
		p.w.ledger.timedOut++
	default:
		p.w.ledger.refused++
	}
	switch {
	case it.Code == code.OK && p.acks != 0:
		s.drop(b)
		s.known = true
		p.w.ledger.acked += uint64(len(b.values))
		if s.a.weak {
			return
		}
		p.w.checkDurable(s.a, it.Base+int64(len(b.values)), "acknowledged")
		for i, v := range b.values {
			if err := s.a.promise(it.Base+int64(i), v, "acknowledged"); err != nil {
				p.w.Fail("%v", err)
			}
		}
		if b.sent > 1 {
			p.w.ledger.repeated++
		}
	case it.Code == code.OK, !p.idem:
		s.drop(b) // the outcome is not known and never will be
	case retriable(it.Code):
		s.again = true
	default:
		p.w.Fail("%s: batch %s of %s was refused with %s %s", p.id, b.values[0], s.a, it.Code, it.Message)
	}
}

// retriable says whether an idempotent producer may meet a code without anybody's fault. A sequence is out of order when the batch
// before it was refused.
func retriable(c code.Code) bool {
	switch c {
	case code.NotLeaderForPartition, code.KafkaStorageError, code.RequestTimedOut, code.OutOfOrderSequenceNumber:
		return true
	}
	return false
}

func (s *stream) drop(b *batch) {
	if i := slices.Index(s.batch, b); i >= 0 {
		s.batch = slices.Delete(s.batch, i, i+1)
	}
}

func (p *producer) cut() {
	p.frames, p.order = map[uint64]*flight{}, nil
	for _, s := range p.streams {
		for _, b := range slices.Clone(s.batch) {
			switch {
			case !b.flying:
			case p.idem:
				b.flying = false
			default:
				s.drop(b)
			}
		}
	}
	p.asking = nil
}

func (p *producer) done() bool {
	for _, s := range p.streams {
		if len(s.batch) > 0 && !s.a.gone {
			return false
		}
	}
	return p.left == 0 && len(p.frames) == 0
}

func (p *producer) waits() (string, time.Duration) {
	for len(p.order) > 0 && p.frames[p.order[0]] == nil {
		p.order = p.order[1:]
	}
	switch {
	case len(p.order) == 0 && p.asking != nil:
		return "a producer id", p.since
	case len(p.order) == 0:
		return "", 0
	}
	x := p.frames[p.order[0]]
	return fmt.Sprintf("the answer to frame %d, which asked for %s", x.frame.Slot, x.limit), x.since + x.limit
}
