package partition

import (
	"fmt"
	"io"
	"log/slog"
	"testing"
	"time"

	"troupe/actors/kit"
	"troupe/actors/meta"
	"troupe/actors/writer"
	"troupe/storage"
	"troupe/storage/record"
)

// nowhere is a store that keeps nothing.
type nowhere struct{ storage.Data }

func (nowhere) Apply(*storage.Write) error { return nil }
func (nowhere) Wait(*storage.Write) error  { return nil }
func (nowhere) Free() (uint64, bool)       { return 1 << 40, false }
func (nowhere) Load(uint32) (storage.Loaded, error) {
	return storage.Loaded{MaxTime: -1}, nil
}

// asker takes Done and passes it to the benchmark.
type asker struct{ done chan struct{} }

func (a asker) Receive(_ kit.Context, m any) {
	if d, ok := m.(writer.Done); ok {
		d.Slab.Release()
		a.done <- struct{}{}
	}
}

// BenchmarkAppend is the way of a frame of 12 batches of 1 KiB from Append to Done, without disk; one op is one frame.
func BenchmarkAppend(b *testing.B) {
	const parts, window = 12, 16
	sys := kit.New(slog.New(slog.NewTextHandler(io.Discard, nil)), 4)
	defer sys.Close()
	tail := storage.NewTail(4 << 20)
	w := sys.Spawn("writer", writer.New(writer.Options{Data: nowhere{}}), kit.Options{})
	done := make(chan struct{}, 2*window)
	reply := sys.Spawn("conn", asker{done}, kit.Options{})
	refs := make([]*kit.Ref, parts)
	for i := range refs {
		refs[i] = sys.Spawn(fmt.Sprintf("partition/%d", i), New(Options{PartID: uint32(i), Data: nowhere{}, Tail: tail, Writer: w}), kit.Options{})
		refs[i].Tell(Become{Topic: "t", Self: 1, Config: plainConfig(), Partition: meta.Partition{ID: uint32(i), Replicas: []int32{1}, ISR: []int32{1}, Leader: 1}})
	}
	o := record.Plain()
	o.ProducerID, o.ProducerEpoch, o.BaseSequence = 5, 0, 0
	batch, err := record.Build(o, []record.Record{{Value: make([]byte, 1024), Timestamp: time.Now().UnixMilli()}})
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(parts * len(batch)))
	b.ReportAllocs()
	b.ResetTimer()
	flying := 0
	for n := range b.N {
		slab := storage.NewSlab(parts * (len(batch) + storage.SlabOverhead))
		f := &writer.Frame{Slab: slab, ReplyTo: reply, Writer: w, Items: make([]writer.Item, parts)}
		for k := range f.Items {
			at, _ := slab.Add(len(batch))
			copy(slab.Batch(at), batch)
			putSequence(slab.Batch(at), int32(n))
			f.Items[k] = writer.Item{Frame: f, At: at, LeaderEpoch: -1, Acks: -1, TimeoutMs: 30000}
		}
		f.Begin()
		for k := range f.Items {
			refs[k].Tell(Append{&f.Items[k]})
		}
		if flying++; flying >= window {
			<-done
			flying--
		}
	}
	for ; flying > 0; flying-- {
		<-done
	}
}

// putSequence writes a producer's sequence; the partition does not look at the checksum.
func putSequence(b record.Batch, seq int32) {
	b[53], b[54], b[55], b[56] = byte(seq>>24), byte(seq>>16), byte(seq>>8), byte(seq)
}

// BenchmarkCold is what a partition costs that nobody uses; see bytes per op.
func BenchmarkCold(b *testing.B) {
	sys := kit.New(slog.New(slog.NewTextHandler(io.Discard, nil)), 4)
	defer sys.Close()
	b.ReportAllocs()
	for i := range b.N {
		r := sys.Spawn(fmt.Sprintf("partition/%d", i), New(Options{PartID: uint32(i), Data: nowhere{}}), kit.Options{Kind: "partition"})
		r.Tell(Become{Topic: "t", Self: 1, Config: plainConfig(), Partition: meta.Partition{ID: uint32(i), Replicas: []int32{1}, ISR: []int32{1}, Leader: 1}})
	}
}
