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

// Batches may come before the answer that announces them, if there was no room for that one on the way. They are not taken, and the leader does not
// hear of it: the follower asks for them again, or it would wait for the next batch, and be behind for so long.
func TestBatchesBeforeTheAnswer(t *testing.T) {
	r, s := newFollower(t)
	r.replicate(s.number, 0, 1, 0, r.batches(1, 0, 4))
	r.tell(responded{reply{part: 7, number: s.number, outcome: started}})
	next := r.subscription()
	if r.p.log.next != 0 || next.number == s.number || next.from != 0 {
		t.Fatalf("the log ends at %d, then %+v", r.p.log.next, next)
	}
	r.tell(responded{reply{part: 7, number: next.number, outcome: started}})
	r.replicate(next.number, 0, 1, 0, r.batches(1, 0, 4))
	if r.p.log.durable != 1 || len(outgoing[subscribe](r)) != 0 {
		t.Errorf("durable to %d", r.p.log.durable)
	}
	r.tail.Drop(7)
}
