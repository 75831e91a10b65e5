package sim

import (
	"fmt"
	"time"

	"troupe/actors/kit"
	"troupe/actors/partition"
	"troupe/kafka/code"
	"troupe/storage"
	"troupe/storage/record"
)

// consumer reads one partition from the start to the end, as a connection does: it asks the partition for a range, takes the
// bytes from the tail or the store, and at the end of the log waits until it grows. When it has read what was promised, it
// goes on with another partition.
type consumer struct {
	w      *World
	id     string
	bytes  int  // most bytes of one read
	trims  bool // it deletes records now and then
	finite int  // partitions still to be begun

	a        *account
	at       int64 // next offset
	idle     int   // times that there was nothing new
	watch    *partition.Watch
	asked    any // the one ask that is under way
	since    time.Duration
	least    marks // what was known when it was asked
	trimming *partition.Trim

	// Of a compacted log that is read from its start: what was promised then, and where the newest record of each key is.
	promised map[string]int64
	newest   map[string]int64
}

// bytesRead are the batches that a read of the store has found.
type bytesRead struct {
	read partition.Readable
	storage.Batches
	err error
}

// Refuse gives the slabs back when the consumer has gone.
func (b *bytesRead) Refuse() { b.Release() }

// enough ends a long poll.
type enough struct{ *partition.Watch }

// maxIdle is how often a consumer waits at the end of a log before it goes on with another.
const maxIdle = 3

func (x *consumer) name() string { return x.id }

func (x *consumer) receive(c kit.Context, m any) {
	switch m := m.(type) {
	case kit.Started, turn:
		x.turn(c)
	case partition.Located:
		x.onLocated(c, m)
	case partition.Readable:
		x.onReadable(c, m)
	case *bytesRead:
		x.onBytes(c, m)
	case found:
		x.onFound(c, m)
	case partition.Grown:
		x.onGrown(c, m)
	case enough:
		if x.watch == m.Watch {
			x.tell(partition.Unwatch{Watch: m.Watch})
		}
	case partition.Trimmed:
		x.onTrimmed(c, m)
	}
}

// turn begins or goes on.
func (x *consumer) turn(c kit.Context) {
	if x.w.closing {
		return
	}
	switch {
	case x.asked != nil:
		return
	case x.a != nil && x.a.gone, x.idle >= maxIdle:
		x.a, x.idle = nil, 0
	}
	if x.a == nil && !x.choose() {
		if !x.done() {
			x.w.soon(c, 30*time.Millisecond)
		}
		return
	}
	if x.at < 0 {
		x.ask(c, &partition.Locate{Ask: kit.Ask{ReplyTo: c.Self()}, Timestamp: earliest, LeaderEpoch: -1})
		return
	}
	if x.w.Chance(.03) {
		x.ask(c, &partition.Locate{Ask: kit.Ask{ReplyTo: c.Self()}, Timestamp: x.someTime(), LeaderEpoch: -1})
		return
	}
	if x.trims && x.trimming == nil && !x.a.compacts && x.a.high > x.a.start && x.w.Chance(.05) {
		x.trim(c)
		return
	}
	x.ask(c, &partition.Read{Ask: kit.Ask{ReplyTo: c.Self()}, Offset: x.at, LeaderEpoch: -1, LastEpoch: -1})
}

func (x *consumer) choose() bool {
	live := x.w.cluster.live()
	if len(live) == 0 || x.finite == 0 {
		return false
	}
	x.finite--
	t := live[x.w.IntN(len(live))]
	x.a = x.w.account(t, x.w.IntN(t.partitions))
	x.at = -1
	return true
}

// ask tells the partition; if there is none, the next turn tries again.
func (x *consumer) ask(c kit.Context, m any) {
	x.least = x.a.marks()
	if x.tell(m) {
		x.asked, x.since = m, x.w.Now()
		return
	}
	x.w.soon(c, 100*time.Millisecond)
}

func (x *consumer) tell(m any) bool {
	ref := x.w.find(x.w.broker.Published.Get(), x.a)
	if ref != nil {
		ref.Tell(m)
	}
	return ref != nil
}

func (x *consumer) onLocated(c kit.Context, m partition.Located) {
	if x.asked != m.Locate {
		x.w.Fail("%s: a second answer to Locate", x.id)
		return
	}
	x.asked = nil
	switch {
	case m.Code != code.OK:
	case m.Locate.Timestamp == earliest:
		x.at = m.Offset
		if x.promised, x.newest = nil, nil; x.a.compacts {
			x.promised, x.newest = x.a.newest(), map[string]int64{}
		}
	case m.Locate.Timestamp == latest:
		if m.Offset < x.least.high && !x.a.gone {
			x.w.Fail("%s: %s: the latest offset is %d, and records up to %d were seen or promised", x.id, x.a, m.Offset, x.least.high)
			return
		}
	default:
		x.search(c, m)
		return
	}
	x.goOn(c, m.Code)
}

func (x *consumer) onReadable(c kit.Context, m partition.Readable) {
	if x.asked != m.Read {
		x.w.Fail("%s: a second answer to Read", x.id)
		return
	}
	x.asked = nil
	switch {
	case m.Code == code.OffsetOutOfRange && x.a.start > x.at:
		x.at = -1 // it was trimmed meanwhile
		fallthrough
	case m.Code == code.OffsetOutOfRange && (x.a.cleans || x.a.asked > x.at), m.Code != code.OK && m.Code != code.OffsetOutOfRange:
		if m.Code == code.OffsetOutOfRange {
			x.at = -1
		}
		x.goOn(c, m.Code)
		return
	case m.Code != code.OK:
		x.w.Fail("%s: %s: offset %d is out of range, and the log was seen from %d to %d", x.id, x.a, x.at, x.a.start, x.a.high)
		return
	}
	if err := x.a.look(m.High, m.Start, x.least); err != nil {
		x.w.Fail("%v", err)
		return
	}
	if x.w.checkDurable(x.a, m.High, "shown to readers"); x.w.Err() != nil {
		return
	}
	if x.at >= m.Limit {
		x.whole()
		x.wait(c)
		return
	}
	b := x.w.broker
	if got, ok := b.Tail.Read(m.PartID, x.at, m.Limit, x.bytes, true); ok && x.w.Chance(.8) {
		x.onBytes(c, &bytesRead{read: m, Batches: got})
		return
	} else if ok {
		got.Release()
	}
	data, at, most := b.Data, x.at, x.bytes
	x.asked, x.since = m, x.w.Now()
	c.Go(c.Self(), func() any {
		got, err := data.Read(m.PartID, at, m.Limit, most, true)
		return &bytesRead{m, got, err}
	})
}

// onBytes takes the records in.
func (x *consumer) onBytes(c kit.Context, m *bytesRead) {
	x.asked = nil
	defer m.Release()
	if m.err != nil {
		x.w.Fail("%s: %s: %v", x.id, x.a, m.err)
		return
	}
	if len(m.Data) > 0 {
		x.idle = 0
	}
	was := x.at
	if err := eachBatch(m.Data, func(b record.Batch) error { return x.take(b, m.read.Limit) }); err != nil {
		x.w.Fail("%s: %s: %v", x.id, x.a, err)
		return
	}
	// What lay below the limit may have been compacted away since it was told, by records above.
	if x.at == was && !x.a.gone && !x.a.compacts && x.a.asked <= was {
		x.w.Fail("%s: %s: nothing at offset %d, which is below %d", x.id, x.a, was, m.read.Limit)
		return
	}
	x.goOn(c, code.OK)
}

// eachBatch cuts what was read into batches.
func eachBatch(data [][]byte, f func(b record.Batch) error) error {
	for _, d := range data {
		for len(d) > 0 {
			n := len(d)
			if n > record.HeaderLen {
				n = min(n, int(record.Batch(d).Length())+record.Overhead)
			}
			if err := f(record.Batch(d[:n])); err != nil {
				return err
			}
			d = d[n:]
		}
	}
	return nil
}

func (x *consumer) take(b record.Batch, limit int64) error {
	switch {
	case !b.Intact():
		return fmt.Errorf("the batch at offset %d is damaged", x.at)
	case b.LastOffset() < x.at || b.LastOffset() >= limit:
		return fmt.Errorf("a read of [%d, %d) gave a batch of %d to %d", x.at, limit, b.BaseOffset(), b.LastOffset())
	case b.BaseOffset() > x.at && !x.a.compacts && x.a.asked <= x.at && !x.a.gone:
		return fmt.Errorf("offset %d is missing: the next batch begins at %d", x.at, b.BaseOffset())
	}
	recs, bad := record.Records(b)
	if bad != nil {
		return fmt.Errorf("the batch at offset %d cannot be read: %s", b.BaseOffset(), bad.Message)
	}
	for i := range recs {
		r := &recs[i]
		if r.Offset < x.at {
			continue
		}
		if err := x.a.promise(r.Offset, identity(r), "consumed"); err != nil {
			return err
		}
		if x.newest != nil {
			x.newest[string(r.Key)] = r.Offset
		}
		x.a.times[r.Offset] = r.Timestamp
		x.w.ledger.consumed++
	}
	x.at = b.LastOffset() + 1
	return nil
}

// whole looks at a compacted log that was read from its start to its end: of each key the last record that was promised at the begin must
// have been there, or a later one.
func (x *consumer) whole() {
	promised := x.promised
	if x.promised = nil; x.a.gone {
		return
	}
	for key, o := range promised {
		newest, ok := x.newest[key]
		if !ok {
			newest = -1
		}
		if newest < o && o >= x.a.asked && !x.a.mayLack(key, o, newest) {
			x.w.Fail("%s: %s: the last record of key %q, promised at offset %d, was not among those read (the newest was at %d)", x.id, x.a, key, o, newest)
			return
		}
	}
	x.newest = nil
}

// wait is a long poll at the end of the log.
func (x *consumer) wait(c kit.Context) {
	x.idle++
	x.watch = &partition.Watch{Ask: kit.Ask{ReplyTo: c.Self()}, Offset: x.at}
	if !x.tell(x.watch) {
		x.watch = nil
		x.w.soon(c, 30*time.Millisecond)
		return
	}
	x.asked, x.since = x.watch, x.w.Now()
	c.After(c.Self(), time.Duration(x.w.IntN(int(200*time.Millisecond))), enough{x.watch})
}

func (x *consumer) onGrown(c kit.Context, m partition.Grown) {
	if x.watch != m.Watch {
		x.w.Fail("%s: a second answer to Watch", x.id)
		return
	}
	x.watch, x.asked = nil, nil
	x.turn(c)
}

func (x *consumer) trim(c kit.Context) {
	to := x.a.start + 1 + int64(x.w.IntN(int(x.a.high-x.a.start)))
	x.a.asked = max(x.a.asked, to)
	x.trimming = &partition.Trim{Ask: kit.Ask{ReplyTo: c.Self()}, Offset: to}
	x.ask(c, x.trimming)
	if x.asked == nil {
		x.trimming = nil
	}
}

func (x *consumer) onTrimmed(c kit.Context, m partition.Trimmed) {
	if x.trimming != m.Trim {
		x.w.Fail("%s: a second answer to Trim", x.id)
		return
	}
	x.trimming, x.asked = nil, nil
	if m.Code == code.OK {
		if m.Start < m.Offset && !x.a.gone {
			x.w.Fail("%s: %s was trimmed to %d, and starts at %d", x.id, x.a, m.Offset, m.Start)
			return
		}
		x.a.start = max(x.a.start, m.Start)
		x.w.trims++
	}
	x.goOn(c, m.Code)
}

// goOn takes the next turn: at once after a success, else a little later.
func (x *consumer) goOn(c kit.Context, got code.Code) {
	if got == code.OK {
		x.turn(c)
		return
	}
	x.w.soon(c, 50*time.Millisecond)
}

func (x *consumer) cut() { x.asked, x.watch, x.trimming = nil, nil, nil }

func (x *consumer) done() bool { return x.finite == 0 && x.a == nil && x.asked == nil }

func (x *consumer) waits() (string, time.Duration) {
	if x.asked == nil {
		return "", 0
	}
	return fmt.Sprintf("the answer to %T", x.asked), x.since
}
