package partition

import (
	"testing"

	"troupe/storage"
	"troupe/storage/record"
)

// compacted is a store in which compaction has left nothing of what is read.
type compacted struct {
	storage.Data
	read func()
}

func (d compacted) Read(uint32, int64, int64, int, bool) (storage.Batches, error) {
	d.read()
	return storage.Batches{}, nil
}

// Where compaction has left nothing a follower goes on behind what was looked through, and not behind what has become durable meanwhile.
func TestFeedGoesOnBehindWhatWasRead(t *testing.T) {
	r := newReplica(t)
	r.become()
	r.produce(1)
	r.tail.Drop(7)
	r.w.hold = true
	r.produce(1)
	r.p.o.Data = compacted{r.data, func() { r.w.hold = false; r.w.release(len(r.w.held)) }}
	r.follower(2, 1, 0, -1)
	r.tell(granted{r.paths[2], r.carry.Ref()})
	if l := r.p.log; l.durable != 2 {
		t.Fatalf("durable to %d", l.durable)
	}
	r.tell(granted{r.paths[2], r.carry.Ref()})
	if p := outgoing[*push](r); len(p) != 1 || p[0].prev != 0 || record.Batch(p[0].parts[0].Bytes).BaseOffset() != 1 {
		t.Fatalf("fed by %+v", p)
	}
	r.tail.Drop(7)
}
