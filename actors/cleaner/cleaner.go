package cleaner

import (
	"slices"
	"sync/atomic"
	"time"

	"troupe/actors/kit"
	"troupe/actors/partition"
	"troupe/actors/writer"
	"troupe/kafka/code"
	"troupe/storage"
	"troupe/storage/record"
)

// Name is the name of a broker's cleaner.
const Name = "cleaner"

// Options of a Cleaner.
type Options struct {
	Data storage.Data
	Gate *writer.Gate // nil: always open. While it is closed nothing is compacted: it needs room before it makes some
	// MaxBuffer bounds the memory for keys in bytes, whatever the settings say; 0: they alone do.
	MaxBuffer int64
	MaxBatch  int    // batches of a step; 0: maxBatch
	Stats     *Stats // nil: its own
}

// Stats are the cleaner's counters and gauges, for metrics. The cleaner writes them; safe to read from any goroutine.
type Stats struct {
	Partitions, Damaged    atomic.Int64 // that are to be compacted, and those of them that cannot be
	Running                atomic.Int64 // compactions under way
	Rounds                 atomic.Int64 // compactions that ended well
	Read, Written, Removed atomic.Int64 // bytes, bytes, records
	DirtyPermille          atomic.Int64 // greatest share of dirty bytes at the last look
}

// Metrics are the stats by name, for /metrics.
func (s *Stats) Metrics() map[string]float64 {
	return map[string]float64{
		"cleaner_partitions": float64(s.Partitions.Load()), "cleaner_uncleanable_partitions": float64(s.Damaged.Load()),
		"cleaner_running": float64(s.Running.Load()), "cleaner_rounds_total": float64(s.Rounds.Load()),
		"cleaner_read_bytes_total": float64(s.Read.Load()), "cleaner_written_bytes_total": float64(s.Written.Load()),
		"cleaner_removed_records_total": float64(s.Removed.Load()), "cleaner_max_dirty_ratio": float64(s.DirtyPermille.Load()) / 1000,
	}
}

// state is what the cleaner is at; see doc.go.
type state uint8

const (
	off       state = iota // no settings yet, or it is switched off
	idle                   // until the timer
	looking                // how dirty the logs are
	asking                 // a partition for its bounds
	mapping                // keys
	shrinking              // batches
	writing                // a step is on its way to the disk
	resting                // until the disk's share is due
)

var stateNames = [...]string{"off", "idle", "looking", "asking", "mapping", "shrinking", "writing", "resting"}

// Cleaner compacts logs; see doc.go.
type Cleaner struct {
	o     Options
	set   Settings
	state state
	timer bool // wake is on its way

	kept    map[uint32]*entry
	job     *job
	list    []dirty // as it was at the last look
	chosen  dirty   // the log that job is about
	last    string  // how the last compaction ended
	blocker kit.Blocker
	stopped bool
}

// entry is one replica that is to be compacted.
type entry struct {
	Keep
	damaged string // why it is left alone
	passed  bool   // it could not be compacted just now: others come first
}

// New makes the cleaner of one store. Spawn it once per store, under Name.
func New(o Options) *Cleaner {
	if o.Gate == nil {
		o.Gate = &writer.Gate{}
	}
	if o.Stats == nil {
		o.Stats = &Stats{}
	}
	if o.MaxBatch == 0 {
		o.MaxBatch = maxBatch
	}
	return &Cleaner{o: o, kept: map[uint32]*entry{}, last: "none"}
}

// Receive implements kit.Actor.
func (k *Cleaner) Receive(c kit.Context, m any) {
	switch m := m.(type) {
	case kit.Started:
		k.blocker = c.Blocker(c.Self(), "clean")
	case Settings:
		k.onSettings(c, m)
	case Keep:
		k.onKeep(c, m)
	case Forget:
		k.onForget(m)
	case wake:
		k.onWake(c)
	case looked:
		k.onLooked(c, m)
	case partition.Cleanable:
		k.onCleanable(c, m)
	case mapped:
		k.onMapped(c, m)
	case shrunk:
		k.onShrunk(c, m)
	case partition.Rewritten:
		k.onRewritten(c, m)
	case next:
		k.onNext(c, m)
	case *kit.Inspect:
		k.onInspect(m)
	case kit.Stopping:
		k.onStopping()
	default:
		kit.Invariant(false, "BUG: cleaner got %T", m)
	}
}

func (k *Cleaner) onSettings(c kit.Context, m Settings) {
	k.set = m
	switch {
	case !m.Enabled && k.state == idle:
		k.state = off
	case m.Enabled && k.state == off:
		k.state = idle
		k.arm(c)
	}
}

func (k *Cleaner) onKeep(c kit.Context, m Keep) {
	e := k.kept[m.PartID]
	if e == nil {
		e = &entry{}
		k.kept[m.PartID] = e
	}
	e.Keep = m
	k.count()
	k.arm(c)
}

func (k *Cleaner) onForget(m Forget) {
	delete(k.kept, m.PartID)
	k.count()
}

func (k *Cleaner) count() {
	damaged := 0
	for _, e := range k.kept {
		if e.damaged != "" {
			damaged++
		}
	}
	k.o.Stats.Partitions.Store(int64(len(k.kept)))
	k.o.Stats.Damaged.Store(int64(damaged))
}

// arm sets the timer of the next look, if there is anything to look at.
func (k *Cleaner) arm(c kit.Context) {
	if k.timer || k.state != idle || len(k.kept) == 0 {
		return
	}
	k.timer = true
	c.After(c.Self(), time.Duration(max(k.set.BackoffMs, 10))*time.Millisecond, wake{})
}

func (k *Cleaner) onWake(c kit.Context) {
	k.timer = false
	if k.state != idle {
		return
	}
	if k.o.Gate.Full() {
		k.arm(c)
		return
	}
	k.look()
}

// look reads how dirty the logs are, in the order of their numbers.
func (k *Cleaner) look() {
	k.state = looking
	ids := make([]uint32, 0, len(k.kept))
	aging := map[uint32]bool{}
	for id, e := range k.kept {
		if e.damaged == "" {
			ids = append(ids, id)
			aging[id] = e.Config.MaxLagMs < 1<<63-1
		}
	}
	slices.Sort(ids)
	data := k.o.Data
	k.blocker.Do(func() any {
		list := make([]dirty, len(ids))
		for i, id := range ids {
			list[i] = lookAt(data, id, aging[id])
		}
		return looked{list}
	})
}

// lookAt reads how dirty a log is, and how old its first dirty batch if that matters.
func lookAt(data storage.Data, id uint32, aging bool) dirty {
	d := dirty{partID: id, oldest: -1}
	if d.at, d.err = data.Dirt(id); d.err != nil || !aging || len(d.at.Segments) == 0 {
		return d
	}
	var b storage.Batches
	if b, d.err = data.Read(id, d.at.Clean, d.at.Segments[0].End, 1, true); d.err == nil && len(b.Data) > 0 {
		d.oldest = record.Batch(b.Data[0]).MaxTimestamp()
	}
	b.Release()
	return d
}

func (k *Cleaner) onLooked(c kit.Context, m looked) {
	most := 0.0
	for i := range m.list {
		d := &m.list[i]
		if e := k.kept[d.partID]; e != nil && d.err != nil {
			k.giveUp(c, e, d.err)
		} else if e != nil {
			most = max(most, reachOf(&d.at, 1<<63-1, c.Now().UnixMilli(), e.Config).ratio)
		}
	}
	k.o.Stats.DirtyPermille.Store(int64(most * 1000))
	k.list = m.list
	k.choose(c)
}

// choose asks the log that is to be compacted next for its bounds.
func (k *Cleaner) choose(c kit.Context) {
	best := choose(k.list, c.Now().UnixMilli(), func(id uint32) (Config, bool) {
		if e := k.kept[id]; e != nil && !e.passed {
			return e.Config, true
		}
		return Config{}, false
	})
	if best == nil || !k.set.Enabled || k.o.Gate.Full() {
		k.pause(c)
		return
	}
	k.state, k.chosen = asking, *best
	k.kept[best.partID].Ref.Tell(&partition.Clean{Ask: kit.Ask{ReplyTo: c.Self()}})
}

// pause waits for the next look.
func (k *Cleaner) pause(c kit.Context) {
	k.job, k.list = nil, nil
	for _, e := range k.kept {
		e.passed = false
	}
	if k.state = idle; !k.set.Enabled {
		k.state = off
	}
	k.arm(c)
}

// giveUp leaves a log alone from now on: it cannot be read.
func (k *Cleaner) giveUp(c kit.Context, e *entry, err error) {
	e.damaged = err.Error()
	k.count()
	c.Log().Error("a log cannot be compacted and is left alone until the next start", "partition", e.Name, "part", e.PartID, "err", err)
}

func (k *Cleaner) onCleanable(c kit.Context, m partition.Cleanable) {
	e := k.kept[k.chosen.partID]
	if e == nil || k.stopped {
		k.choose(c)
		return
	}
	now, d := c.Now().UnixMilli(), &k.chosen.at
	r := reachOf(d, m.Limit, now, e.Config)
	if m.Code != code.OK || r.bytes == 0 {
		e.passed = true
		k.choose(c)
		return
	}
	budget := k.set.BufferBytes
	if k.o.MaxBuffer > 0 {
		budget = min(budget, k.o.MaxBuffer)
	}
	k.job = &job{partID: e.PartID, name: e.Name, cfg: e.Config, data: k.o.Data, most: k.o.MaxBatch, began: now,
		start: d.Start, from: d.Clean, through: r.end, to: r.end, at: d.Clean, keys: newKeys(budget), last: m.Last, limit: m.Limit, epoch: m.Epoch}
	k.o.Stats.Running.Store(1)
	k.state = mapping
	k.run(c, k.job)
}

func (k *Cleaner) onInspect(m *kit.Inspect) {
	f := []kit.Field{
		{Name: "partitions", Value: len(k.kept)},
		{Name: "cannot be compacted", Value: k.o.Stats.Damaged.Load()},
		{Name: "greatest dirty share", Value: float64(k.o.Stats.DirtyPermille.Load()) / 1000},
		{Name: "last", Value: k.last},
	}
	if j := k.job; j != nil {
		f = append(f, kit.Field{Name: "partition", Value: j.name}, kit.Field{Name: "of offsets", Value: j.to}, kit.Field{Name: "clean below", Value: j.from})
		if k.state == writing || k.state == resting { // else the blocker has it
			f = append(f, kit.Field{Name: "at", Value: j.at}, kit.Field{Name: "keys", Value: j.keys.n}, kit.Field{Name: "removed records", Value: j.removed})
		}
	}
	m.Reply(kit.Inspected{Inspect: m, State: stateNames[k.state], Fields: f})
}

func (k *Cleaner) onStopping() {
	k.stopped = true
	k.o.Stats.Running.Store(0)
	if k.blocker != nil {
		k.blocker.Close()
	}
}
