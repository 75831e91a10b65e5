package cleaner

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"troupe/actors/kit"
	kitsim "troupe/actors/kit/sim"
	"troupe/actors/meta"
	"troupe/actors/partition"
	"troupe/actors/writer"
	"troupe/kafka/code"
	"troupe/storage"
	"troupe/storage/record"
	"troupe/storage/sim"
)

const (
	simParts = 2
	oneStep  = 100 // ms that may lie between the clock of a step and its commit
)

// world is a writer, two compacted partitions under idempotent producers, and their cleaner, on a disk that loses what was not synced.
type world struct {
	s       *kitsim.Sim
	node    *kitsim.Node
	data    storage.Data
	lose    func() // what a loss of power does to data
	tail    *storage.Tail
	writer  *kit.Ref
	cleaner *kit.Ref
	parts   []*kit.Ref
	lives   int32
	stats   Stats
	cfg     Config
	buffer  int64
	conn    *kitsim.Probe
	trims   bool  // records are deleted too, when asked for
	most    int64 // and when a log is larger, in bytes; -1: not
	lines   []*line
	broken  string
}

// line is the producer of one partition, and what it knows that must be there.
type line struct {
	seq    int32
	open   []record.Record // without an answer
	codec  record.Codec
	flying bool
	known  []fact // by offset
	marked int64  // the log was seen to be clean below
	asked  int64  // the greatest log start that was asked for
	start  int64  // the log start that was told
}

// fact is one acknowledged record.
type fact struct {
	key, value string
	tombstone  bool
	time       int64 // ms, when it was sent
	dirty      int64 // ms, when it was last seen without a delete horizon
}

func newWorld(s *kitsim.Sim, data storage.Data) *world {
	w := &world{s: s, data: data, buffer: []int64{0, 1 << 20}[s.IntN(2)]}
	w.cfg = Config{MinDirtyRatio: []float64{0, 0.3}[s.IntN(2)], MinLagMs: []int64{0, 400}[s.IntN(2)], MaxLagMs: []int64{1000, math.MaxInt64}[s.IntN(2)],
		DeleteRetentionMs: []int64{0, 300, 5000}[s.IntN(3)]}
	w.trims, w.most = s.IntN(2) == 0, -1
	if w.trims {
		w.most = []int64{-1, 2000}[s.IntN(2)]
	}
	for range simParts {
		w.lines = append(w.lines, &line{})
	}
	w.conn = s.Probe("conn")
	w.conn.On = func(m any) {
		switch m := m.(type) {
		case writer.Done:
			w.onDone(m)
		case partition.Trimmed:
			if l := w.lines[m.Slot%simParts]; m.Code == code.OK && m.Slot/simParts == uint64(w.lives) {
				l.start = max(l.start, m.Start)
			}
		}
	}
	w.node = s.Node("n1", w.boot)
	return w
}

func newModelWorld(s *kitsim.Sim, noSync bool) *world {
	model := sim.NewData()
	model.NoSync = noSync
	w := newWorld(s, model)
	w.lose = func() {
		model = model.Crash(s)
		w.data = model
	}
	return w
}

func newPebbleWorld(t *testing.T, s *kitsim.Sim) *world {
	disk := sim.NewDisk()
	open := func() storage.Data {
		d, err := disk.Open("data", storage.Options{OnFatal: func(r string) { t.Error("fatal: " + r) }})
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	w := newWorld(s, open())
	w.lose = func() {
		next := disk.Crash(rand.New(rand.NewPCG(s.Rand(), 1)), s.IntN(101))
		if err := w.data.Close(); err != nil {
			t.Error(err)
		}
		disk = next
		w.data = open()
	}
	t.Cleanup(func() { _ = w.data.Close() })
	return w
}

func (w *world) boot(l *kitsim.Life) {
	w.lives++
	w.tail = storage.NewTail([]int64{0, 1 << 20}[w.s.IntN(2)])
	w.writer = l.Spawn("writer", writer.New(writer.Options{Data: w.data}), kit.Options{})
	w.cleaner = l.Spawn(Name, New(Options{Data: w.data, MaxBatch: 1 + w.s.IntN(4), Stats: &w.stats}), kit.Options{})
	w.parts = nil
	for i := range simParts {
		p := l.Spawn(fmt.Sprint("partition/", i), partition.New(partition.Options{PartID: uint32(i), Data: w.data, Tail: w.tail, Writer: w.writer}), kit.Options{})
		p.Tell(partition.Become{Topic: "t", Self: 1,
			Config: partition.Config{MaxMessageBytes: 1 << 20, RetentionMs: -1, RetentionBytes: w.most, Delete: w.trims, SegmentBytes: 600, SegmentMs: 1e9, Compact: true, BeforeMaxMs: math.MaxInt64,
				AfterMaxMs: math.MaxInt64, MinISR: 1, ProducerExpiryMs: math.MaxInt64},
			Partition: meta.Partition{ID: uint32(i), Index: int32(i), Replicas: []int32{1}, ISR: []int32{1}, Leader: 1, LeaderEpoch: w.lives, PartitionEpoch: w.lives}})
		w.parts = append(w.parts, p)
		w.cleaner.Tell(Keep{PartID: uint32(i), Ref: p, Name: fmt.Sprint("t-", i), Config: w.cfg})
		w.lines[i].flying = false
	}
	w.cleaner.Tell(Settings{Enabled: true, BackoffMs: 20, BufferBytes: w.buffer, BytesPerSecond: []float64{math.MaxFloat64, 20_000}[w.s.IntN(2)]})
}

func (w *world) now() int64 { return kitsim.Epoch.Add(w.s.Now()).UnixMilli() }

// produce sends the batch that has no answer yet, or a new one.
func (w *world) produce(i int) {
	l := w.lines[i]
	if l.flying {
		return
	}
	if l.open == nil {
		l.codec = record.Codec(w.s.IntN(5))
		for range 1 + w.s.IntN(4) {
			r := record.Record{Timestamp: w.now(), Key: fmt.Append(nil, "k", w.s.IntN(12))}
			if w.s.IntN(4) > 0 {
				r.Value = fmt.Append(nil, "v", w.s.IntN(1e9))
			}
			l.open = append(l.open, r)
		}
	}
	o := record.Plain()
	o.Codec, o.ProducerID, o.ProducerEpoch, o.BaseSequence = l.codec, int64(i), 0, l.seq
	b, err := record.Build(o, l.open)
	if err != nil {
		panic(err)
	}
	slab := storage.NewSlab(len(b) + storage.SlabOverhead)
	at, _ := slab.Add(len(b))
	copy(slab.Batch(at), b)
	f := &writer.Frame{Slab: slab, ReplyTo: w.conn.Ref(), Writer: w.writer, Slot: uint64(w.lives)}
	f.Items = []writer.Item{{Frame: f, At: at, Index: int32(i), LeaderEpoch: -1, Acks: -1, TimeoutMs: 30000}}
	f.Begin()
	l.flying = true
	w.parts[i].Tell(partition.Append{Item: &f.Items[0]})
}

func (w *world) onDone(d writer.Done) {
	d.Slab.Release()
	it := &d.Items[0]
	l := w.lines[it.Index]
	if d.Slot != uint64(w.lives) {
		return
	}
	l.flying = false
	switch {
	case it.Code == code.NotLeaderForPartition:
	case it.Code != code.OK:
		w.broken = fmt.Sprintf("partition %d, sequence %d: %s", it.Index, l.seq, it.Code)
	case it.Base != int64(len(l.known)):
		w.broken = fmt.Sprintf("partition %d: offset %d follows %d", it.Index, it.Base, len(l.known)-1)
	default:
		for _, r := range l.open {
			l.known = append(l.known, fact{string(r.Key), string(r.Value), r.Value == nil, r.Timestamp, w.now()})
		}
		l.seq += int32(len(l.open))
		l.open = nil
	}
}

// held is what the store holds of a partition, by offset.
func (w *world) held(part int, at storage.Loaded) (map[int64]record.Record, error) {
	b, err := w.data.Read(uint32(part), 0, math.MaxInt64, 1<<30, true)
	if err != nil {
		return nil, err
	}
	defer b.Release()
	out := map[int64]record.Record{}
	next, size := at.Start, int64(0)
	for _, raw := range b.Data {
		for len(raw) > 0 {
			n := int(record.Batch(raw).Length()) + record.Overhead
			one := record.Batch(raw[:n:n])
			raw = raw[n:]
			if size == 0 {
				next = min(next, one.BaseOffset()) // a batch over the log start stays whole
			}
			size += int64(n)
			if !one.Intact() || one.BaseOffset() < next || one.BaseOffset() > next && one.BaseOffset() >= at.Roll.Offset {
				return nil, fmt.Errorf("partition %d: the batch of offset %d to %d follows offset %d, intact: %v", part, one.BaseOffset(), one.LastOffset(), next-1, one.Intact())
			}
			next = one.LastOffset() + 1
			recs, err := record.Records(one)
			if err != nil {
				return nil, err
			}
			_, marked := one.DeleteHorizon()
			for _, r := range recs {
				out[r.Offset] = r
				if known := w.lines[part].known; !marked && r.Offset < int64(len(known)) {
					known[r.Offset].dirty = w.now()
				}
			}
		}
	}
	if got, err := w.data.Size(uint32(part)); err != nil || got != size {
		return nil, fmt.Errorf("partition %d: %d bytes are there, %d are counted: %w", part, size, got, err)
	}
	return out, nil
}

// verify holds a partition against what was acknowledged.
func (w *world) verify(part int) error {
	l, now := w.lines[part], w.now()
	at, err := w.data.Load(uint32(part))
	if err != nil {
		return err
	}
	d, err := w.data.Dirt(uint32(part))
	if err != nil {
		return err
	}
	held, err := w.held(part, at)
	if err != nil {
		return err
	}
	if at.Start < l.start || w.most < 0 && at.Start > l.asked {
		return fmt.Errorf("partition %d starts at %d; %d was told, %d asked for", part, at.Start, l.start, l.asked)
	}
	if at.End < int64(len(l.known)) || d.Clean < l.marked {
		return fmt.Errorf("partition %d holds offsets %d to %d, and is clean below %d; acknowledged were %d, and it was clean below %d", part, at.Start, at.End, d.Clean, len(l.known), l.marked)
	}
	l.marked = d.Clean
	last := map[string]int64{} // by key: the newest record
	for o := at.Start; o < at.End; o++ {
		if r, ok := held[o]; ok && o >= int64(len(l.known)) {
			last[string(r.Key)] = o
		} else if !ok && (o >= int64(len(l.known)) || o >= at.Roll.Offset) {
			return fmt.Errorf("partition %d: offset %d of the active part is gone", part, o)
		} else if o < int64(len(l.known)) {
			last[l.known[o].key] = o
		}
	}
	clean := map[string]int64{}
	for i := at.Start; i < min(d.Clean, int64(len(l.known))); i++ {
		if _, ok := held[i]; !ok {
			continue
		}
		key := l.known[i].key
		if before, ok := clean[key]; ok {
			return fmt.Errorf("partition %d is clean below %d, and holds %s at offsets %d and %d", part, d.Clean, key, before, i)
		}
		clean[key] = i
	}
	for i := range l.known {
		o, f := int64(i), &l.known[i]
		if o < at.Start {
			continue
		}
		if o < d.Clean && f.time > now-w.cfg.MinLagMs && w.cfg.MinLagMs > 0 {
			return fmt.Errorf("partition %d: offset %d, sent at %d, is clean at %d", part, o, f.time, now)
		}
		r, ok := held[o]
		newest := last[f.key]
		switch {
		case ok && (string(r.Key) != f.key || string(r.Value) != f.value || (r.Value == nil) != f.tombstone || r.Timestamp != f.time):
			return fmt.Errorf("partition %d: offset %d is %+v and was %+v", part, o, r, *f)
		case ok && newest > o:
			if _, there := held[newest]; !there {
				return fmt.Errorf("partition %d: offset %d is there, its tombstone at %d has gone", part, o, newest)
			}
		case ok || newest > o:
		case !f.tombstone:
			return fmt.Errorf("partition %d: the last value of %s, at offset %d, is gone", part, f.key, o)
		case now < f.dirty+w.cfg.DeleteRetentionMs-oneStep:
			return fmt.Errorf("partition %d: the tombstone at offset %d was dirty at %d and is gone at %d", part, o, f.dirty, now)
		}
	}
	return nil
}

func (w *world) check() error {
	for part := range simParts {
		if err := w.verify(part); err != nil {
			return err
		}
	}
	if w.broken != "" {
		return fmt.Errorf("%s", w.broken)
	}
	return nil
}

func (w *world) crash() {
	w.node.Crash()
	w.lose()
	for _, l := range w.lines {
		l.marked = 0 // the mark may not have been durable yet
	}
	w.node.Restart()
}

// run lets the world go on for some rounds.
func (w *world) run(rounds int) error {
	for range rounds {
		for i := range simParts {
			if w.s.IntN(3) > 0 {
				w.produce(i)
			}
		}
		switch w.s.IntN(25) {
		case 0:
			w.crash()
		case 1:
			for _, p := range w.parts {
				p.Tell(partition.Retain{})
			}
		case 3, 4:
			if i := w.s.IntN(simParts); w.trims && len(w.lines[i].known) > 0 {
				l := w.lines[i]
				to := l.start + int64(w.s.IntN(len(l.known)-int(l.start)+1))
				if w.s.IntN(3) > 0 {
					to = min(to, l.start+20)
				}
				l.asked = max(l.asked, to)
				w.parts[i].Tell(&partition.Trim{Ask: kit.Ask{ReplyTo: w.conn.Ref(), Slot: uint64(w.lives)*simParts + uint64(i)}, Offset: to})
			}
		case 2: // old enough for everything
			if err := w.s.Run(time.Duration(w.s.IntN(1500)) * time.Millisecond); err != nil {
				return err
			}
		}
		if err := w.s.RunSteps(5 + w.s.IntN(40)); err != nil {
			return err
		}
		if err := w.check(); err != nil {
			return err
		}
	}
	for range 3 {
		if err := w.s.Run(10 * time.Second); err != nil {
			return err
		}
		if err := w.check(); err != nil {
			return err
		}
	}
	w.crash()
	return w.check()
}

func TestSimulation(t *testing.T) {
	var all, rounds, removed, cut int64
	sum := kitsim.Seeds(t, 60, func(t *testing.T, s *kitsim.Sim) {
		w := newModelWorld(s, false)
		if err := w.run(150); err != nil {
			t.Fatal(err)
		}
		for _, l := range w.lines {
			all, cut = all+int64(len(l.known)), cut+l.start
		}
		rounds, removed = rounds+w.stats.Rounds.Load(), removed+w.stats.Removed.Load()
		if n := w.stats.Damaged.Load(); n != 0 {
			t.Errorf("%d logs were given up", n)
		}
	})
	t.Logf("%d records, of which %d were cut off, %d compactions took %d out, %d messages, %d crashes", all, cut, rounds, removed, sum.Messages, sum.Crashes)
	if removed < all/10 || cut < all/20 {
		t.Errorf("%d of %d records were taken out, %d cut off: it proves little", removed, all, cut)
	}
}

// TestSimulationOnPebble is the same on the real engine.
func TestSimulationOnPebble(t *testing.T) {
	for seed := uint64(1); seed <= 6; seed++ {
		w := newPebbleWorld(t, kitsim.New(seed))
		if err := w.run(100); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
	}
}
