package cleaner

import (
	"strings"
	"testing"
	"time"

	"troupe/actors/kit"
	kitsim "troupe/actors/kit/sim"
	"troupe/actors/partition"
	"troupe/actors/writer"
	"troupe/kafka/code"
	"troupe/storage"
	"troupe/storage/record"
)

// fakes are partitions that say what a test wants, over one store.
type fakes struct {
	*shop
	st      *kitsim.Stage
	gate    writer.Gate
	cleaner *kit.Ref
	parts   map[uint32]*fakePart
	stats   Stats
}

type fakePart struct {
	*kitsim.Probe
	code, refuse code.Code // of Cleanable, of Rewritten
	asked        int
	steps        []*storage.Clean
}

func newFakes(t *testing.T, ids ...uint32) *fakes {
	f := &fakes{shop: newShop(t), st: kitsim.NewStage(t), parts: map[uint32]*fakePart{}}
	f.cleaner = f.st.Sys.Spawn(Name, New(Options{Data: f.data, Gate: &f.gate, Stats: &f.stats}), kit.Options{})
	for _, id := range ids {
		p := &fakePart{Probe: f.st.Probe("partition/" + string(rune('0'+id)))}
		p.On = func(m any) {
			switch m := m.(type) {
			case *partition.Clean:
				p.asked++
				m.Reply(partition.Cleanable{Clean: m, Code: p.code, Limit: 1 << 60})
			case *partition.Rewrite:
				if p.refuse == code.OK {
					p.steps = append(p.steps, m.Step)
					f.write(&storage.Write{Ops: []storage.Op{{Kind: storage.OpClean, PartID: id, Clean: m.Step}}})
				}
				m.Reply(partition.Rewritten{Rewrite: m, Code: p.refuse})
			}
		}
		f.parts[id] = p
		f.keep(id)
	}
	return f
}

func (f *fakes) keep(id uint32) {
	f.cleaner.Tell(Keep{PartID: id, Ref: f.parts[id].Ref(), Name: "t", Config: Config{MinDirtyRatio: 0.1, MaxLagMs: 1<<63 - 1}})
}

func (f *fakes) set(enabled bool) {
	f.cleaner.Tell(Settings{Enabled: enabled, BackoffMs: 1000, BufferBytes: 1 << 20})
}

func (f *fakes) pass(d time.Duration) {
	f.t.Helper()
	f.must(f.st.Run(d))
}

// fill writes some dirt to a partition.
func (f *fakes) fill(id uint32, damage bool) {
	f.t.Helper()
	var end, bytes int64
	for range 3 {
		b, err := record.Build(func() record.BuildOpts { o := record.Plain(); o.BaseOffset = end; return o }(), []record.Record{{Key: []byte("k"), Value: []byte("v")}})
		f.must(err)
		if damage {
			b[len(b)-2] ^= 1
		}
		slab := storage.NewSlab(len(b) + storage.SlabOverhead)
		at, _ := slab.Add(len(b))
		copy(slab.Batch(at), b)
		f.write(&storage.Write{Records: []storage.Append{{PartID: id, Base: end, Last: end, Slab: slab, At: at, Bytes: bytes}}})
		slab.Release()
		end, bytes = end+1, bytes+int64(len(b))
	}
	f.write(&storage.Write{Ops: []storage.Op{{Kind: storage.OpRoll, PartID: id, Offset: end, TimeMs: 1, Bytes: bytes}}})
}

func TestCleanerWaits(t *testing.T) {
	f := newFakes(t, 1)
	f.fill(1, false)
	f.pass(time.Minute)
	if f.parts[1].asked != 0 {
		t.Error("it began before it had its settings")
	}
	f.set(false)
	f.pass(time.Minute)
	f.gate.Set(true, false)
	f.set(true)
	f.pass(time.Minute)
	if f.parts[1].asked != 0 {
		t.Error("it compacts although it is switched off, or the disk is full")
	}
	f.gate.Set(false, false)
	f.pass(2 * time.Second)
	if p := f.parts[1]; p.asked != 1 || len(p.steps) != 1 || len(p.steps[0].Batches) != 2 || p.steps[0].To != 3 {
		t.Errorf("%d asked, steps %+v", p.asked, p.steps)
	}
	f.pass(time.Minute)
	if f.parts[1].asked != 1 || f.stats.Rounds.Load() != 1 {
		t.Error("it compacts what is clean")
	}
}

// One that refuses, or cannot be read, does not keep the others from it.
func TestCleanerPassesOver(t *testing.T) {
	f := newFakes(t, 1, 2, 3, 4)
	for id := range uint32(4) {
		f.fill(id+1, id+1 == 2)
	}
	f.parts[1].code = code.NotLeaderForPartition
	f.parts[3].refuse = code.OffsetOutOfRange
	f.set(true)
	f.pass(3500 * time.Millisecond)
	if n := len(f.parts[4].steps); n != 1 {
		t.Errorf("partition 4 was compacted %d times", n)
	}
	if f.parts[1].asked < 2 || f.parts[3].asked < 2 {
		t.Errorf("asked %d and %d times", f.parts[1].asked, f.parts[3].asked)
	}
	if f.parts[2].asked != 1 || f.stats.Damaged.Load() != 1 {
		t.Errorf("the damaged one was asked %d times", f.parts[2].asked)
	}
	f.cleaner.Tell(Forget{PartID: 2})
	f.parts[1].code, f.parts[3].refuse = code.OK, code.OK
	f.pass(3 * time.Second)
	if len(f.parts[1].steps) != 1 || len(f.parts[3].steps) != 1 || f.stats.Damaged.Load() != 0 || f.stats.Partitions.Load() != 3 {
		t.Errorf("not compacted in the end: %+v", f.stats.Metrics())
	}
	var seen kit.Inspected
	p := f.st.Probe("me")
	p.On = func(m any) { seen = m.(kit.Inspected) }
	f.cleaner.Tell(&kit.Inspect{Ask: kit.Ask{ReplyTo: p.Ref()}})
	f.pass(0)
	if last := seen.Fields[3].Value.(string); seen.State != "idle" || !strings.HasPrefix(last, "t: done, up to offset 3") {
		t.Errorf("%s: %s", seen.State, last)
	}
}
