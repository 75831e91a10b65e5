package writer

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"

	"troupe/actors/kit"
	kitsim "troupe/actors/kit/sim"
	"troupe/storage"
	"troupe/storage/record"
	"troupe/storage/sim"
)

// recorded notes what the store is asked, and otherwise is the model.
type recorded struct {
	*sim.Data
	say     func(format string, args ...any)
	failing string
}

func (r *recorded) Apply(w *storage.Write) error {
	var out []string
	for _, a := range w.Records {
		out = append(out, fmt.Sprintf("%d:%d-%d", a.PartID, a.Base, a.Last))
	}
	for _, o := range w.Ops {
		out = append(out, fmt.Sprintf("op%d(%d)", o.Kind, o.PartID))
	}
	r.say("apply %s", strings.Join(out, " "))
	if r.failing == "apply" {
		return errors.New("I/O error")
	}
	return r.Data.Apply(w)
}

func (r *recorded) Wait(w *storage.Write) error {
	r.say("sync")
	if r.failing == "sync" {
		return errors.New("I/O error")
	}
	return r.Data.Wait(w)
}

func (r *recorded) Reclaim(parts []uint32) error {
	r.say("reclaim %v", parts)
	return r.Data.Reclaim(parts)
}

// realFrame makes a frame of the text of frameOf with batches that a store takes.
func realFrame(text string, size int) *Frame {
	f := frameOf(text)
	f.Slab.Release()
	var batches []record.Batch
	need := 0
	for k := range f.Items {
		a := &f.Items[k].Append
		rs := make([]record.Record, a.Last-a.Base+1)
		for i := range rs {
			rs[i] = record.Record{Key: []byte("k"), Value: make([]byte, size), Timestamp: 1000}
		}
		b, err := record.Build(record.Plain(), rs)
		if err != nil {
			panic(err)
		}
		b.SetBaseOffset(a.Base)
		batches = append(batches, b)
		need += len(b) + storage.SlabOverhead
	}
	f.Slab = storage.NewSlab(need)
	for k, b := range batches {
		at, _ := f.Slab.Add(len(b))
		copy(f.Slab.Batch(at), b)
		f.Items[k].At, f.Items[k].Append.Slab, f.Items[k].Append.At = at, f.Slab, at
		f.Items[k].Append.MaxTime = 1000
	}
	return f
}

func TestStories(t *testing.T) {
	live := storage.SlabsLive()
	kitsim.Stories(t, "testdata", func(st *kitsim.Stage) func(d *datadriven.TestData) string {
		owner, asker := st.Probe("owner"), st.Probe("asker")
		data := &recorded{Data: sim.NewData(), say: st.Say}
		stats, gate := &Stats{}, &Gate{}
		w := st.Sys.Spawn("writer", New(Options{Data: data, Gate: gate, Stats: stats}), kit.Options{})
		slot := uint64(0)
		return func(d *datadriven.TestData) string {
			switch d.Cmd {
			case "write": // one frame per line
				size := 1
				if d.HasArg("size") {
					d.ScanArgs(t, "size", &size)
				}
				for line := range strings.SplitSeq(strings.TrimSpace(d.Input), "\n") {
					f := realFrame(line, size)
					for k := range f.Items {
						f.Items[k].Owner = owner.Ref()
						f.Items[k].WantApplied = d.HasArg("os")
					}
					w.Tell(Write{f})
				}
			case "change", "forget": // one change per line: <kind> <part>...
				for line := range strings.SplitSeq(strings.TrimSpace(d.Input), "\n") {
					slot++
					m := &Change{Ask: kit.Ask{ReplyTo: asker.Ref(), Slot: slot}, Forget: d.Cmd == "forget"}
					var kind, part int
					if n, _ := fmt.Sscan(line, &kind, &part); n == 2 {
						m.Ops = []storage.Op{{Kind: storage.OpKind(kind), PartID: uint32(part)}}
					}
					w.Tell(m)
				}
			case "leave", "reclaim":
				var part int
				d.ScanArgs(t, "part", &part)
				if d.Cmd == "leave" {
					w.Tell(Leave{uint32(part)})
				} else {
					w.Tell(Reclaim{uint32(part)})
				}
			case "disk":
				data.SetFaults(sim.Faults{Full: d.HasArg("full"), Near: d.HasArg("near")})
				data.failing = ""
				d.MaybeScanArgs(t, "fails", &data.failing)
			case "gate":
				return fmt.Sprintf("full=%v shut=%v", gate.Full(), gate.Shut())
			case "stats":
				return fmt.Sprintf("commits=%d frames=%d batches=%d stashed=%d queued=%d in flight=%d (%d bytes)", stats.Commits.Load(), stats.Frames.Load(),
					stats.Batches.Load(), stats.Stashed.Load(), stats.Queued.Load(), stats.InFlight.Load(), stats.InFlightBytes.Load())
			default:
				d.Fatalf(t, "unknown command %s", d.Cmd)
			}
			return ""
		}
	})
	if n := storage.SlabsLive(); n != live {
		t.Errorf("%d slabs were never given back", n-live)
	}
}

// TestCommitsUntilStopped: a drain by a barrier, with the real kit.
func TestDrain(t *testing.T) {
	sys := kit.New(quiet(), 4)
	defer sys.Close()
	stats := &Stats{}
	w := sys.Spawn("writer", New(Options{Data: sim.NewData(), Stats: stats}), kit.Options{})
	owner := sys.Spawn("owner", sink{}, kit.Options{})
	for i := range 500 {
		text := fmt.Sprintf("1:%d", i)
		if i == 0 {
			text = "1!0"
		}
		f := realFrame(text, 100)
		f.Items[0].Owner = owner
		w.Tell(Write{f})
	}
	_, ok := kit.Await[Changed](sys, 10*time.Second, func(r *kit.Ref) { w.Tell(&Change{Ask: kit.Ask{ReplyTo: r}}) })
	if !ok || stats.Frames.Load() != 500 {
		t.Errorf("barrier answered: %v, frames durable: %d", ok, stats.Frames.Load())
	}
	if c := stats.Commits.Load(); c >= 500 {
		t.Errorf("%d commits for 500 frames: nothing was merged", c)
	}
}
