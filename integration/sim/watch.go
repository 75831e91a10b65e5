package sim

import (
	"fmt"
	"strconv"
	"time"

	kitsim "troupe/actors/kit/sim"
	"troupe/actors/meta"
	"troupe/storage"
	"troupe/storage/record"
)

// watched is the data store of one life of the broker, and somebody who looks on: it knows what is durable, whatever the broker
// believes, and sees to it that nothing is deleted that must stay.
type watched struct {
	storage.Data
	w      *World
	ends   map[uint32]int64 // by partition: the end of what is durable
	flying []applied        // not waited for yet, in order
}

// applied is a write that the store has taken.
type applied struct {
	write *storage.Write
	ends  map[uint32]int64 // how far the log of each partition reaches after it; 0: it was dropped
}

// watch begins with what a store holds at the start of a process: all of it is durable.
func (w *World) watch(d storage.Data) (storage.Data, error) {
	x := &watched{Data: d, w: w, ends: map[uint32]int64{}}
	ids, err := d.Partitions()
	for _, id := range ids {
		l, lerr := d.Load(id)
		if lerr != nil {
			return nil, lerr
		}
		x.ends[id] = l.End
	}
	w.watched = x
	return x, err
}

// Apply implements storage.Data.
func (x *watched) Apply(m *storage.Write) error {
	for i := range m.Ops {
		if err := x.allowed(&m.Ops[i], m); err != nil {
			x.w.Fail("%v", err)
		}
	}
	if err := x.Data.Apply(m); err != nil {
		return err
	}
	a := applied{m, map[uint32]int64{}}
	for _, r := range m.Records {
		a.ends[r.PartID] = r.Last + 1
	}
	for _, o := range m.Ops {
		if o.Kind == storage.OpDrop {
			a.ends[o.PartID] = 0
		}
	}
	x.flying = append(x.flying, a)
	return nil
}

// Wait implements storage.Data: it makes durable what it waits for, and all that was applied before.
func (x *watched) Wait(m *storage.Write) error {
	if err := x.Data.Wait(m); err != nil {
		return err
	}
	for i := range x.flying {
		if x.flying[i].write != m {
			continue
		}
		for _, a := range x.flying[:i+1] {
			for id, end := range a.ends {
				x.ends[id] = end
			}
		}
		x.flying = append([]applied(nil), x.flying[i+1:]...)
		break
	}
	return nil
}

// checkDurable: nobody is told of records that a crash could take.
func (w *World) checkDurable(a *account, to int64, how string) {
	t := w.broker.Published.Get().Image.TopicByID(a.topic)
	if a.gone || t == nil || int(a.index) >= len(t.Partitions) {
		return
	}
	if end := w.watched.ends[t.Partitions[a.index].ID]; end < to {
		w.Fail("%s: records up to %d were %s, and what is durable ends at %d", a, to, how, end)
	}
}

// allowed looks at a change before the store takes it.
func (x *watched) allowed(o *storage.Op, m *storage.Write) error {
	if o.Kind != storage.OpSetStart && o.Kind != storage.OpClean {
		return nil
	}
	t, p := x.w.broker.Published.Get().Image.ByPartID(o.PartID)
	if t == nil {
		return nil
	}
	l, err := x.Load(o.PartID)
	if err != nil {
		return err
	}
	active := l.Roll.Offset
	for i := range m.Ops {
		if r := &m.Ops[i]; r.Kind == storage.OpRoll && r.PartID == o.PartID {
			active = max(active, r.Offset)
		}
	}
	if o.Kind == storage.OpClean {
		if n := len(o.Clean.Batches); n > 0 && o.Clean.Batches[n-1].Last >= active {
			return fmt.Errorf("compaction of %s rewrites offset %d, and its active segment begins at %d", t.Name, o.Clean.Batches[n-1].Last, active)
		}
		return nil
	}
	index := int32(0)
	for i := range t.Partitions {
		if t.Partitions[i].ID == p.ID {
			index = int32(i)
		}
	}
	a := x.w.ledger.part(t.ID, index)
	if o.Offset <= max(a.asked, l.Start) {
		return nil
	}
	if o.Offset > active {
		return fmt.Errorf("%s: retention deletes up to %d, and the active segment begins at %d", a, o.Offset, active)
	}
	if err := x.expired(a, t, o, l); err != nil {
		return err
	}
	a.asked = o.Offset
	x.w.retained++
	return nil
}

// expired: what retention deletes is older than retention.ms, or as much as retention.bytes stays. Retention decides by what it has read
// a while ago, by a clock that may have been another then.
func (x *watched) expired(a *account, t *meta.Topic, o *storage.Op, l storage.Loaded) error {
	if policy := t.Configs["cleanup.policy"]; policy == "compact" {
		return fmt.Errorf("%s: retention deletes up to %d, and the topic is only compacted", a, o.Offset)
	}
	newest, kept := int64(-1), int64(0)
	err := x.each(o.PartID, l.Start, l.End, func(b record.Batch) error {
		if b.LastOffset() < o.Offset {
			newest = max(newest, b.MaxTimestamp())
		} else {
			kept += int64(len(b))
		}
		return nil
	})
	if err != nil {
		return err
	}
	bytes, age := number64(t.Configs["retention.bytes"], -1), number64(t.Configs["retention.ms"], 7*24*3600*1000)
	if bytes >= 0 && (kept >= bytes || a.compacts) { // compaction may have taken some since
		return nil
	}
	if latest := x.w.brokerTime(); age < 0 || newest >= latest-age {
		return fmt.Errorf("%s: retention deletes up to %d and keeps %d bytes (retention.bytes is %d); the newest of it is of %d, and it is %d (retention.ms is %d)",
			a, o.Offset, kept, bytes, newest, latest, age)
	}
	return nil
}

func number64(s string, def int64) int64 {
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return n
	}
	return def
}

// each reads the batches of [from, to).
func (x *watched) each(id uint32, from, to int64, f func(b record.Batch) error) error {
	for from < to {
		got, err := x.Read(id, from, to, 1<<20, true)
		if err != nil || len(got.Data) == 0 {
			return err
		}
		err = eachBatch(got.Data, func(b record.Batch) error {
			from = b.LastOffset() + 1
			return f(b)
		})
		got.Release()
		if err != nil {
			return err
		}
	}
	return nil
}

// memory is how long a broker may act by what its clock showed before a jump.
const memory = 30 * time.Second

// jump moves the broker's clock by d, at most so far from the clients' that no producer is forgotten and no record is refused for a time
// too far in the future.
func (w *World) jump(d time.Duration) {
	const ahead, behind = 10 * time.Hour, 50 * time.Minute
	d = min(max(d, -behind-w.skew), ahead-w.skew)
	if w.Now()-w.jumped > memory {
		w.skewed = w.skew
	}
	w.node.JumpClock(d)
	w.skew += d
	w.skewed, w.jumped = max(w.skewed, w.skew), w.Now()
	w.jumps++
}

// brokerTime is the latest time in ms that the broker's clock may have shown when it decided on what it does now.
func (w *World) brokerTime() int64 {
	skew := w.skew
	if w.Now()-w.jumped <= memory {
		skew = w.skewed
	}
	return kitsim.Epoch.Add(w.Now() + skew).UnixMilli() // rounded once
}
