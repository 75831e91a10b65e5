package partition

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"troupe/actors/kit"
	kitsim "troupe/actors/kit/sim"
	"troupe/actors/meta"
	"troupe/actors/writer"
	"troupe/kafka/code"
	"troupe/storage"
	"troupe/storage/record"
	"troupe/storage/sim"
)

// world is one broker's writer and a few partitions, under idempotent producers that repeat what was not acknowledged. Values are
// unique, so that what is read back can be told apart.
type world struct {
	s      *kitsim.Sim
	node   *kitsim.Node
	data   storage.Data
	lose   func() // what a loss of power does to data
	tail   *storage.Tail
	writer *kit.Ref
	parts  []*kit.Ref
	epochs []int32
	lives  int
	made   int // batches made, for values

	conn    *kitsim.Probe
	clients []*client
	acked   []map[int64]string // per partition: offset -> value that was acknowledged
	seen    []map[int64]string // per partition: offset -> value that a reader saw
	acks    int
	again   int // batches repeated
	broken  string
}

// client is one idempotent producer.
type client struct {
	id    int64
	lines []line // per partition
}

// line is what a producer has under way for one partition.
type line struct {
	next    int32 // sequence
	made    int   // batches so far
	unacked []*sent
	flying  int  // items without an answer, of this life of the broker
	known   bool // a batch was acknowledged
	stopped bool // an answer was an error: wait for the others, then repeat all in order
}

type sent struct {
	value  string
	number int // of its line
	seq    int32
	n      int
}

const simParts = 3

func newWorld(s *kitsim.Sim, noSync bool) *world {
	model := sim.NewData()
	model.NoSync = noSync
	w := newWorldOn(s, model)
	w.lose = func() {
		model = model.Crash(s)
		w.data = model
	}
	return w
}

// newPebbleWorld keeps its data in the real engine, on a disk that loses what was not synced.
func newPebbleWorld(t *testing.T, s *kitsim.Sim) *world {
	disk := sim.NewDisk()
	open := func() storage.Data {
		d, err := disk.Open("data", storage.Options{OnFatal: func(r string) { t.Error("fatal: " + r) }})
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	w := newWorldOn(s, open())
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

func newWorldOn(s *kitsim.Sim, data storage.Data) *world {
	w := &world{s: s, data: data, epochs: make([]int32, simParts)}
	for range simParts {
		w.acked, w.seen = append(w.acked, map[int64]string{}), append(w.seen, map[int64]string{})
	}
	for id := range int64(3) {
		w.clients = append(w.clients, &client{id: id, lines: make([]line, simParts)})
	}
	w.conn = s.Probe("conn")
	w.conn.On = func(m any) {
		if d, ok := m.(writer.Done); ok {
			w.onDone(d)
		}
	}
	w.node = s.Node("n1", w.boot)
	return w
}

func (w *world) boot(l *kitsim.Life) {
	w.lives++
	w.tail = storage.NewTail(1 << 20)
	w.parts = make([]*kit.Ref, simParts)
	w.writer = l.Spawn("writer", writer.New(writer.Options{Data: w.data}), kit.Options{})
	for i := range w.parts {
		w.spawn(l, i)
	}
	for _, c := range w.clients {
		for i := range c.lines {
			c.lines[i].flying, c.lines[i].stopped = 0, true
		}
	}
}

func (w *world) spawn(l *kitsim.Life, i int) {
	w.epochs[i]++
	w.parts[i] = l.Spawn(fmt.Sprintf("partition/%d-%d", i, w.epochs[i]), New(Options{PartID: uint32(i), Data: w.data, Tail: w.tail, Writer: w.writer}), kit.Options{})
	cfg := plainConfig()
	cfg.SegmentBytes = 2000
	w.parts[i].Tell(Become{Topic: "t", Self: 1, Config: cfg, Partition: meta.Partition{ID: uint32(i), Index: int32(i), Replicas: []int32{1}, ISR: []int32{1},
		Leader: 1, LeaderEpoch: w.epochs[i], PartitionEpoch: w.epochs[i]}})
}

// produce sends a frame with a batch for each of some partitions.
func (w *world) produce(c *client) {
	type part struct {
		at int
		b  *sent
	}
	var of []part
	for i := range c.lines {
		l := &c.lines[i]
		// Until a partition has acknowledged something of a producer, it takes any sequence as the first (as Kafka does): a second
		// batch could overtake the first one across a stop.
		// No more than five batches from the oldest without an answer: that is what a partition remembers.
		if l.stopped || len(l.unacked) > 0 && (!l.known || l.made-l.unacked[0].number >= 4) || w.s.IntN(3) == 0 {
			continue
		}
		w.made++
		l.made++
		b := &sent{value: fmt.Sprintf("%d/%d", c.id, w.made), number: l.made, seq: l.next, n: 1 + w.s.IntN(3)}
		l.next += int32(b.n)
		l.unacked = append(l.unacked, b)
		of = append(of, part{i, b})
	}
	if len(of) == 0 {
		return
	}
	list := make([]*sent, len(of))
	at := make([]int, len(of))
	for k, p := range of {
		list[k], at[k] = p.b, p.at
	}
	w.send(c, at, list)
}

// repeat sends everything that was not acknowledged again, in order.
func (w *world) repeat(c *client) {
	for i := range c.lines {
		if l := &c.lines[i]; l.stopped && l.flying == 0 {
			l.stopped = false
			for _, b := range l.unacked {
				w.again++
				w.send(c, []int{i}, []*sent{b})
			}
		}
	}
}

func (w *world) send(c *client, at []int, list []*sent) {
	var batches []record.Batch
	need := 0
	for _, s := range list {
		o := record.Plain()
		o.ProducerID, o.ProducerEpoch, o.BaseSequence = c.id, 0, s.seq
		rs := make([]record.Record, s.n)
		for i := range rs {
			rs[i] = record.Record{Key: []byte("k"), Value: fmt.Appendf(nil, "%s.%d", s.value, i), Timestamp: 1000}
		}
		b, err := record.Build(o, rs)
		if err != nil {
			panic(err)
		}
		batches = append(batches, b)
		need += len(b) + storage.SlabOverhead
	}
	slab := storage.NewSlab(need)
	f := &writer.Frame{Slab: slab, ReplyTo: w.conn.Ref(), Writer: w.writer, Slot: uint64(w.lives), Items: make([]writer.Item, len(list))}
	for k, b := range batches {
		n, _ := slab.Add(len(b))
		copy(slab.Batch(n), b)
		l := &c.lines[at[k]]
		l.flying++
		f.Items[k] = writer.Item{Frame: f, At: n, Index: int32(at[k]), LeaderEpoch: -1, Acks: []int16{-1, 1}[w.s.IntN(2)], TimeoutMs: 30000, User: [2]any{c, list[k]}}
	}
	f.Begin()
	for k := range f.Items {
		w.parts[at[k]].Tell(Append{&f.Items[k]})
	}
}

func (w *world) onDone(d writer.Done) {
	d.Slab.Release()
	for k := range d.Items {
		it := &d.Items[k]
		c, b := it.User.([2]any)[0].(*client), it.User.([2]any)[1].(*sent)
		l := &c.lines[it.Index]
		if d.Slot == uint64(w.lives) {
			l.flying--
		}
		if it.Code != code.OK {
			// A batch behind one that a stopped partition refused is out of order; the first one never is.
			if it.Code != code.NotLeaderForPartition && !(it.Code == code.OutOfOrderSequenceNumber && b != l.unacked[0]) {
				w.broken = fmt.Sprintf("producer %d, partition %d, sequence %d: %s", c.id, it.Index, b.seq, it.Code)
			}
			l.stopped = true
			continue
		}
		w.acks++
		l.known = true
		l.unacked = slices.DeleteFunc(l.unacked, func(x *sent) bool { return x == b })
		for i := range b.n {
			w.note(w.acked, int(it.Index), it.Base+int64(i), fmt.Sprintf("%s.%d", b.value, i))
		}
	}
}

// note remembers what stands at an offset; it must always be the same.
func (w *world) note(list []map[int64]string, part int, offset int64, value string) {
	if old, ok := list[part][offset]; ok && old != value {
		w.broken = fmt.Sprintf("partition %d: offset %d was %q and is %q", part, offset, old, value)
	}
	list[part][offset] = value
}

// consume reads what the partition says is readable, from the tail if it is there.
func (w *world) consume(part int) {
	p := w.s.Probe("reader")
	from := int64(0)
	if n := len(w.seen[part]); n > 0 {
		from = int64(w.s.IntN(n + 1))
	}
	life := w.lives
	p.On = func(m any) {
		r := m.(Readable)
		if r.Code != code.OK || life != w.lives {
			return
		}
		b, ok := w.tail.Read(uint32(part), from, r.Limit, 1<<20, true)
		if !ok {
			var err error
			if b, err = w.data.Read(uint32(part), from, r.Limit, 1<<20, true); err != nil {
				w.broken = err.Error()
				return
			}
		}
		w.look(w.seen, part, b)
		b.Release()
	}
	w.parts[part].Tell(&Read{Ask: kit.Ask{ReplyTo: p.Ref()}, Offset: from, LeaderEpoch: -1, LastEpoch: -1})
}

// look notes the values of batches, and that they follow each other.
func (w *world) look(list []map[int64]string, part int, b storage.Batches) {
	next := int64(-1)
	var raw []byte
	for _, data := range b.Data {
		raw = append(raw, data...)
	}
	for len(raw) > 0 {
		n := int(record.Batch(raw).Length()) + record.Overhead
		one := record.Batch(raw[:n])
		raw = raw[n:]
		rs, err := record.Records(one)
		if err != nil {
			w.broken = err.Error()
			return
		}
		for _, r := range rs {
			if next >= 0 && r.Offset != next {
				w.broken = fmt.Sprintf("partition %d: a hole before offset %d, after %d", part, r.Offset, next-1)
			}
			next = r.Offset + 1
			w.note(list, part, r.Offset, string(r.Value))
		}
	}
}

// verify looks at what a new process would find.
func (w *world) verify() error {
	all := make([]map[int64]string, simParts)
	for part := range simParts {
		all[part] = map[int64]string{}
		l, err := w.data.Load(uint32(part))
		if err != nil {
			return err
		}
		b, err := w.data.Read(uint32(part), 0, 1<<60, 1<<30, true)
		if err != nil {
			return err
		}
		w.look(all, part, b)
		if int64(len(all[part])) != l.End {
			return fmt.Errorf("partition %d: %d records, but the end is %d", part, len(all[part]), l.End)
		}
		for _, list := range []map[int64]string{w.acked[part], w.seen[part]} {
			for offset, v := range list {
				if all[part][offset] != v {
					return fmt.Errorf("partition %d: offset %d was %q and is %q", part, offset, v, all[part][offset])
				}
			}
		}
		if err := ordered(part, all[part]); err != nil {
			return err
		}
	}
	if w.broken != "" {
		return fmt.Errorf("%s", w.broken)
	}
	return nil
}

// ordered checks that each producer's values come in the order in which it sent them, each once.
func ordered(part int, all map[int64]string) error {
	last := map[int][2]int{}
	for offset := range int64(len(all)) {
		var id, n, i int
		fmt.Sscanf(all[offset], "%d/%d.%d", &id, &n, &i)
		if was := last[id]; cmp.Or(cmp.Compare(was[0], n), cmp.Compare(was[1], i+1)) >= 0 {
			return fmt.Errorf("partition %d: offset %d holds %q after %v of the same producer", part, offset, all[offset], was)
		}
		last[id] = [2]int{n, i + 1}
	}
	return nil
}

// run lets the world go on for some rounds, with crashes and with partitions that stop and come back.
func (w *world) run(rounds int, crashes bool) error {
	for range rounds {
		for _, c := range w.clients {
			w.repeat(c)
			w.produce(c)
		}
		w.consume(w.s.IntN(simParts))
		switch x := w.s.IntN(60); {
		case x == 0 && crashes:
			w.crash()
		case x == 1:
			w.replace(w.s.IntN(simParts))
		}
		if err := w.s.RunSteps(5 + w.s.IntN(60)); err != nil {
			return err
		}
		if w.broken != "" {
			return fmt.Errorf("%s", w.broken)
		}
	}
	for range 20 { // everything is acknowledged in the end
		if err := w.s.Settle(time.Minute); err != nil {
			return err
		}
		for _, c := range w.clients {
			w.repeat(c)
		}
	}
	for _, c := range w.clients {
		for i := range c.lines {
			if n := len(c.lines[i].unacked); n > 0 {
				return fmt.Errorf("producer %d, partition %d: %d batches are never acknowledged", c.id, i, n)
			}
		}
	}
	return w.verify()
}

// replace stops a partition and starts its successor when it has stopped.
func (w *world) replace(i int) {
	old, life := w.parts[i], w.lives
	stopped := w.s.Probe("stopped")
	stopped.On = func(any) {
		if life == w.lives && w.parts[i] == old {
			w.spawn(w.node.Life(), i)
		}
	}
	w.node.Life().Stop(old, stopped.Ref(), "stopped")
}

func (w *world) crash() {
	w.node.Crash()
	w.lose()
	w.node.Restart()
}

func TestSimulation(t *testing.T) {
	acks, again := 0, 0
	sum := kitsim.Seeds(t, 60, func(t *testing.T, s *kitsim.Sim) {
		live := storage.SlabsLive()
		crashes := s.Seed%3 != 0
		w := newWorld(s, false)
		if err := w.run(150, crashes); err != nil {
			t.Fatal(err)
		}
		acks, again = acks+w.acks, again+w.again
		if crashes {
			w.crash()
			if err := w.verify(); err != nil {
				t.Fatal(err)
			}
			return
		}
		// A clean end leaves nothing behind.
		for i := range w.parts {
			w.node.Life().Stop(w.parts[i], nil, nil)
		}
		_ = s.Settle(time.Minute)
		w.node.StopActors()
		_ = s.Settle(time.Minute)
		for i := range w.parts {
			w.tail.Drop(uint32(i))
		}
		if n := storage.SlabsLive(); n != live {
			t.Errorf("%d slabs are still held", n-live)
		}
		for _, a := range s.Unanswered(0) {
			t.Errorf("never answered: %s", a)
		}
	})
	t.Logf("%d acknowledged, %d repeated, %d messages, %d crashes", acks, again, sum.Messages, sum.Crashes)
}

// TestSimulationOnPebble is the same on the real engine.
func TestSimulationOnPebble(t *testing.T) {
	for seed := uint64(1); seed <= 6; seed++ {
		s := kitsim.New(seed)
		w := newPebbleWorld(t, s)
		err := w.run(120, true)
		if err == nil {
			w.crash()
			err = w.verify()
		}
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
	}
}

// TestSimulationNeedsSync: with a store that does not sync, acknowledged records are lost, and this simulation sees it.
func TestSimulationNeedsSync(t *testing.T) {
	found := 0
	for seed := uint64(1); seed <= 20; seed++ {
		w := newWorld(kitsim.New(seed), true)
		err := w.run(100, true)
		if err == nil {
			w.crash()
			err = w.verify()
		}
		if err != nil {
			found++
		}
	}
	if found < 15 {
		t.Errorf("only %d of 20 runs without sync were found out", found)
	}
}
