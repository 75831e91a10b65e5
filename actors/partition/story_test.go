package partition

import (
	"fmt"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"troupe/actors/kit"
	kitsim "troupe/actors/kit/sim"
	"troupe/actors/meta"
	"troupe/actors/writer"
	"troupe/storage"
	"troupe/storage/record"
	"troupe/storage/sim"
)

// fakeWriter stands in for the writer: it makes durable what it is told, at once or when the story says so.
type fakeWriter struct {
	*kitsim.Probe
	data *sim.Data
	hold bool
	held []any
}

func newFakeWriter(st *kitsim.Stage, data *sim.Data) *fakeWriter {
	w := &fakeWriter{Probe: st.Probe("writer"), data: data}
	w.On = func(m any) {
		w.held = append(w.held, m)
		if !w.hold {
			w.release(len(w.held))
		}
	}
	return w
}

// release handles the oldest n messages.
func (w *fakeWriter) release(n int) {
	for ; n > 0 && len(w.held) > 0; n-- {
		m := w.held[0]
		w.held = w.held[1:]
		switch m := m.(type) {
		case writer.Write:
			s := &storage.Write{}
			for k := range m.Items {
				if m.Items[k].Written {
					s.Records = append(s.Records, m.Items[k].Append)
				}
			}
			w.commit(s)
			m.Slab.Release()
			for k := range m.Items {
				if m.Items[k].Written {
					m.Items[k].Owner.Tell(writer.Synced{Item: &m.Items[k]})
				}
			}
		case *writer.Change:
			w.commit(&storage.Write{Ops: m.Ops})
			m.Reply(writer.Changed{Change: m})
		}
	}
}

func (w *fakeWriter) commit(s *storage.Write) {
	if err := w.data.Apply(s); err != nil {
		panic(err)
	}
	if err := w.data.Wait(s); err != nil {
		panic(err)
	}
}

// story is one partition among fakes.
type story struct {
	t       *testing.T
	st      *kitsim.Stage
	data    *sim.Data
	tail    *storage.Tail
	gate    *writer.Gate
	lease   *Lease
	w       *fakeWriter
	conn    *kitsim.Probe
	p       *kit.Ref
	cfg     Config
	facts   meta.Partition
	watches map[int]*Watch
}

func TestStories(t *testing.T) {
	live := storage.SlabsLive()
	kitsim.Stories(t, "testdata", func(st *kitsim.Stage) func(d *datadriven.TestData) string {
		s := &story{t: t, st: st, data: sim.NewData(), tail: storage.NewTail(1 << 20), gate: &writer.Gate{}, cfg: plainConfig(), watches: map[int]*Watch{}}
		s.lease = NewLease(st.Sys.Now)
		s.lease.Free()
		s.w, s.conn = newFakeWriter(st, s.data), st.Probe("conn")
		s.conn.On = func(m any) {
			if d, ok := m.(writer.Done); ok {
				d.Slab.Release()
			}
		}
		s.spawn()
		t.Cleanup(func() { s.tail.Drop(7) })
		return s.command
	})
	if n := storage.SlabsLive(); n != live {
		t.Errorf("%d slabs were never given back", n-live)
	}
}

func (s *story) spawn() {
	s.p = s.st.Sys.Spawn("p", New(Options{PartID: 7, Data: s.data, Tail: s.tail, Writer: s.w.Ref(), Gate: s.gate, Lease: s.lease}), kit.Options{})
}

func (s *story) ask() kit.Ask { return kit.Ask{ReplyTo: s.conn.Ref()} }

func (s *story) command(d *datadriven.TestData) string {
	num := func(name string, def int64) int64 {
		d.MaybeScanArgs(s.t, name, &def)
		return def
	}
	switch d.Cmd {
	case "become":
		s.become(d, num)
	case "produce":
		s.produce(d, num)
	case "read":
		s.p.Tell(&Read{Ask: s.ask(), Offset: num("offset", 0), LeaderEpoch: int32(num("epoch", -1)), LastEpoch: int32(num("last", -1))})
	case "fetch":
		return s.fetch(num("offset", 0), num("limit", 1<<40))
	case "watch":
		w := &Watch{Ask: s.ask(), Offset: num("offset", 0), Index: int(num("id", 0))}
		s.watches[w.Index] = w
		s.p.Tell(w)
	case "unwatch":
		s.p.Tell(Unwatch{s.watches[int(num("id", 0))]})
	case "locate":
		s.p.Tell(&Locate{Ask: s.ask(), Timestamp: num("at", -1), LeaderEpoch: int32(num("epoch", -1))})
	case "find-epoch":
		s.p.Tell(&FindEpoch{Ask: s.ask(), Epoch: int32(num("of", 0)), CurrentEpoch: int32(num("epoch", -1))})
	case "producers":
		s.p.Tell(&ListProducers{Ask: s.ask()})
	case "trim":
		s.p.Tell(&Trim{Ask: s.ask(), Offset: num("to", -1)})
	case "retain":
		s.p.Tell(Retain{})
	case "clean":
		s.p.Tell(&Clean{Ask: s.ask()})
	case "rewrite":
		s.rewrite(d, num)
	case "state":
		s.p.Tell(&kit.Inspect{Ask: s.ask()})
	case "hold":
		s.w.hold = true
	case "release":
		n := num("n", 1<<30)
		s.w.hold = n < 1<<30
		s.w.release(int(n))
	case "lose":
		for _, m := range s.w.held {
			m.(kit.Refuser).Refuse()
		}
		s.w.held = nil
	case "lease":
		s.endLease(d)
	case "gate":
		s.gate.Set(d.HasArg("full") || d.HasArg("shut"), d.HasArg("shut"))
	case "restart":
		s.st.Restart()
		s.data = s.data.Reopen()
		s.w.data, s.w.held = s.data, nil
		s.tail.Drop(7)
		s.spawn()
	default:
		d.Fatalf(s.t, "unknown command %s", d.Cmd)
	}
	return ""
}

// endLease ends the right to lead (ends), as the node does when it has seen it (noticed), or gives it back (held).
func (s *story) endLease(d *datadriven.TestData) {
	switch {
	case d.HasArg("held"):
		s.lease.Free()
	default:
		s.lease.Revoke()
	}
	if !d.HasArg("ends") {
		s.p.Tell(LeaseEnded{})
	}
}

// become sends what the cluster decided; what is not named stays as it is.
func (s *story) become(d *datadriven.TestData, num func(string, int64) int64) {
	f := &s.facts
	f.ID, f.Replicas, f.ISR = 7, []int32{1}, []int32{1}
	if d.HasArg("isr") {
		f.Replicas, f.ISR = []int32{1, 2, 3}, nil
		for _, a := range d.CmdArgs {
			if a.Key == "isr" {
				for _, v := range a.Vals {
					var id int32
					fmt.Sscan(v, &id)
					f.ISR = append(f.ISR, id)
				}
			}
		}
	}
	f.Leader, f.LeaderEpoch, f.PartitionEpoch = int32(num("leader", 1)), int32(num("epoch", int64(f.LeaderEpoch))), int32(num("pepoch", int64(f.PartitionEpoch)))
	s.cfg.MinISR = int(num("min-isr", int64(s.cfg.MinISR)))
	s.cfg.RetentionMs, s.cfg.RetentionBytes = num("retention-ms", s.cfg.RetentionMs), num("retention-bytes", s.cfg.RetentionBytes)
	s.cfg.SegmentBytes = num("segment-bytes", s.cfg.SegmentBytes)
	s.cfg.ProducerExpiryMs = num("producer-expiry", s.cfg.ProducerExpiryMs)
	s.cfg.FlushOS = s.cfg.FlushOS || d.HasArg("os")
	s.cfg.LogAppendTime = s.cfg.LogAppendTime || d.HasArg("append-time")
	s.p.Tell(Become{Topic: "t", Partition: *f, Config: s.cfg, Self: 1})
}

// produce sends frames of one batch each.
func (s *story) produce(d *datadriven.TestData, num func(string, int64) int64) {
	for i := range num("times", 1) {
		o := record.Plain()
		if d.HasArg("pid") {
			o.ProducerID, o.ProducerEpoch, o.BaseSequence = num("pid", 0), int16(num("pepoch", 0)), int32(num("seq", 0)+i)
		}
		b := built(o, int(num("n", 1)), num("ts", kitsim.Epoch.UnixMilli()))
		slab := storage.NewSlab(len(b) + storage.SlabOverhead)
		at, _ := slab.Add(len(b))
		copy(slab.Batch(at), b)
		f := &writer.Frame{Slab: slab, ReplyTo: s.conn.Ref(), Writer: s.w.Ref()}
		f.Items = []writer.Item{{Frame: f, At: at, LeaderEpoch: int32(num("epoch", -1)), Acks: int16(num("acks", -1)), TimeoutMs: int32(num("timeout", 30000)), Own: d.HasArg("own")}}
		f.Begin()
		s.p.Tell(Append{&f.Items[0]})
	}
}

// rewrite sends a step of compaction that drops batches of one record each.
func (s *story) rewrite(d *datadriven.TestData, num func(string, int64) int64) {
	step := &storage.Clean{Through: num("through", 0), To: num("to", 0)}
	for _, a := range d.CmdArgs {
		if a.Key != "drop" {
			continue
		}
		for _, v := range a.Vals {
			var o int64
			fmt.Sscan(v, &o)
			step.Batches = append(step.Batches, storage.Rewrite{Last: o, Was: len(built(record.Plain(), 1, 0))})
		}
	}
	s.p.Tell(&Rewrite{Ask: s.ask(), Epoch: int32(num("epoch", int64(s.facts.LeaderEpoch))), Step: step, Reclaim: d.HasArg("reclaim")})
}

// fetch reads as a conn does: from the tail, else from the store.
func (s *story) fetch(offset, limit int64) string {
	b, ok := s.tail.Read(7, offset, limit, 1<<20, true)
	from := "tail"
	if !ok {
		var err error
		if b, err = s.data.Read(7, offset, limit, 1<<20, true); err != nil {
			return err.Error()
		}
		from = "store"
	}
	defer b.Release()
	out := []string{from + ":"}
	for _, raw := range b.Data {
		r := record.Batch(raw)
		out = append(out, fmt.Sprintf("%d-%d (epoch %d)", r.BaseOffset(), r.LastOffset(), r.LeaderEpoch()))
	}
	return strings.Join(out, " ")
}
