package writer

import (
	"fmt"
	"strings"
	"sync/atomic"

	"troupe/actors/kit"
	"troupe/actors/kit/trace"
	"troupe/kafka/code"
	"troupe/storage"
	"troupe/storage/record"
)

// Frame is the record batches of one produce request (or of a part of it, up to 4 MB) on their way through the broker.
// It stays whole: every hop sends one message per frame, not one per batch.
//
//	conn --partition.Append per item--> partitions (each fills its own item; the last one sends on)
//	     --Write per frame--> writer --Synced per partition--> partitions --Done per frame--> conn
//
// Ownership: each Item belongs to the partition it was sent to until that partition calls Accepted or Refused, then to
// the writer, then (Synced) to the partition again until it calls Answered. The conn may read all of it after Done, but must
// not write to it or use it again: an item can be answered (time-out, stop) before the writer is through with it.
//
// References to the slab: the conn holds the one it was made with until Done. The writer holds one from Settled (taken
// by the partition that settles last, before anybody can be answered) until the frame is durable. Each partition holds one
// per accepted item until it has published the batch to the tail or given up. The tail holds its own.
type Frame struct {
	Slab  *storage.Slab
	Items []Item
	// ReplyTo gets Done when every item has its answer. Slot is the asker's own mark.
	ReplyTo *kit.Ref
	Slot    uint64
	Writer  *kit.Ref // gets the frame when all partitions have settled
	// LetGo, if set, is called once when the writer, having got the frame, is through with it: nothing of it is on its way to the disk any more.
	// It may be long after Done (acks=0, a time-out). It must not block.
	LetGo func()
	Op    *trace.Op // of the request; held from Begin until the last answer, and by the writer as long as the slab

	pending atomic.Int32 // items whose partition has not yet accepted or refused
	waiting atomic.Int32 // items without an answer

	// The writer's own, between Write and the commit.
	arrival uint64 // number of the frame in order of arrival
	bytes   int    // of the batches to be written
	visited uint64 // mark of the last search that came by
	stuck   bool   // waits in the stash for missing
	done    bool   // on its way to the store
	missing place
}

// Item is one record batch for one partition.
type Item struct {
	Frame *Frame
	At    int      // index of the batch in Frame.Slab
	Owner *kit.Ref // the partition: set by it, told Synced

	// What the request says. Set by conn, read by the partition.
	TopicID     [16]byte
	Index       int32 // partition number
	LeaderEpoch int32 // -1: not given
	Acks        int16 // 0, 1, -1
	TimeoutMs   int32
	User        any // conn's own
	// Own says that the batch is the broker's own, such as a commit: it may use room that is kept back when the disk is nearly full.
	Own bool
	// Info is what record.Check found in the batch; zero if the batch was made inside the broker (then its header is trusted).
	Info record.Info
	// KeysChecked: record.Check ran with NeedKeys, so no record lacks a key.
	KeysChecked bool

	// What the partition decided.
	PartID  uint32
	Append  storage.Append
	First   bool // first append of this partition since it was loaded: the writer knows no predecessor
	Written bool // accepted: the writer must commit it
	// WantApplied asks for Applied beside Synced (flush.policy=os).
	WantApplied bool
	// Alive is false from when the partition stopped: what it had accepted and the writer has not yet taken is not written.
	Alive *atomic.Bool

	// The answer.
	Code         code.Code
	Message      string
	RecordErrors []RecordError
	Base         int64 // base offset given, -1 on error
	LogStart     int64
	AppendTime   int64 // ms with LogAppendTime, else -1

	Next *Item // for queues inside the partition

	dropped bool // the writer's own: its partition stopped before it could be written
	state   storage.Producer
	window  [5]storage.ProducerBatch
}

// SetProducer sets Append.Producer to a copy of p that lives inside the item: what the partition remembers goes on changing
// while the item is on its way. At most five batches.
func (i *Item) SetProducer(p storage.Producer) {
	n := copy(i.window[:], p.Batches)
	i.state = p
	i.state.Batches = i.window[:n]
	i.Append.Producer = &i.state
}

// String says in short what the item is, for traces.
func (i *Item) String() string {
	var w strings.Builder
	fmt.Fprintf(&w, "#%d", i.Index)
	if i.Written {
		fmt.Fprintf(&w, " part=%d %d-%d", i.PartID, i.Append.Base, i.Append.Last)
		if i.First {
			w.WriteString(" first")
		}
	}
	if i.Code != code.OK {
		fmt.Fprintf(&w, " %s", i.Code)
	} else if !i.Written && i.Base >= 0 {
		fmt.Fprintf(&w, " base=%d", i.Base)
	}
	if i.AppendTime > 0 {
		fmt.Fprintf(&w, " time=%d", i.AppendTime)
	}
	if i.Message != "" {
		fmt.Fprintf(&w, " %q", i.Message)
	}
	for _, e := range i.RecordErrors {
		fmt.Fprintf(&w, " record %d: %q", e.Index, e.Message)
	}
	return w.String()
}

// String says in short what the frame holds, for traces.
func (f *Frame) String() string {
	out := make([]string, len(f.Items))
	for k := range f.Items {
		out[k] = "(" + f.Items[k].String() + ")"
	}
	return strings.Join(out, " ")
}

// RecordError names one record of a batch that was refused (KIP-467).
type RecordError struct {
	Index   int32
	Message string
}

// Begin must be called once, when all items are in place, before the first is sent.
func (f *Frame) Begin() {
	f.pending.Store(int32(len(f.Items)))
	f.waiting.Store(int32(len(f.Items)))
	f.Op.Hold()
}

// Settled is called by a partition when it has accepted (Written) or refused its item; the last one of the frame
// sends the whole frame to the writer (if any item was accepted).
func (i *Item) Settled() {
	if i.Frame.pending.Add(-1) == 0 {
		i.Frame.Op.Stamp(trace.Settled)
		for k := range i.Frame.Items {
			if i.Frame.Items[k].Written {
				i.Frame.Slab.Hold() // the writer's
				i.Frame.Op.Hold()
				i.Frame.Writer.Tell(Write{i.Frame})
				return
			}
		}
	}
}

// Answered is called by a partition once per item when Code, Base and so on are final; the last one of the frame
// tells Done to the asker. A refused item is answered at once, an accepted one after Synced (and the high watermark).
func (i *Item) Answered() {
	n := i.Frame.waiting.Add(-1)
	kit.Invariant(n >= 0, "BUG: item answered twice")
	if n == 0 {
		i.Frame.Op.Release()
		i.Frame.ReplyTo.Tell(Done{i.Frame})
	}
}

// Done answers a frame: every item has its answer. The asker releases the slab.
//
// From: the partition that answered last.
type Done struct{ *Frame }

// AskSlot implements kit.Answer.
func (d Done) AskSlot() uint64 { return d.Frame.Slot }

// Write asks to commit every accepted item of a frame. The writer commits only contiguous offsets: an item whose
// predecessor has not arrived yet waits for it.
//
// From: the partition that settled last. Answer: Synced to each owner.
type Write struct{ *Frame }

// Refuse implements kit.Refuser: the writer has stopped.
func (w Write) Refuse() {
	w.live(func(it *Item) bool { it.Owner.Tell(Lost{it}); return true })
	w.letGo()
}

// letGo gives back what the writer holds of a frame.
func (f *Frame) letGo() {
	f.Slab.Release()
	f.Op.Release()
	if f.LetGo != nil {
		f.LetGo()
	}
}

// Lost says that this item will not be written and that nothing behind it of its partition will: the writer has stopped or failed.
//
// From: writer.
type Lost struct{ *Item }

// Applied says that this item and everything before it of its partition was handed to the store, but need not be durable. Only
// for items with WantApplied; like Synced, one per partition and commit.
//
// From: writer.
type Applied struct{ *Item }

// Synced says that this item and everything before it of its partition is durable. One per partition and commit, with the
// partition's last item in it; items of the same partition in the same or earlier commits are covered.
//
// From: writer.
type Synced struct{ *Item }

// Change asks to make marks and deletions durable, in order with the records (see storage.Op).
//
// Without Ops it is a barrier: it is answered when everything that the writer took before it is durable.
//
// From: partition (retention, epochs, rolls, truncation, before it loads), node (drop). Answer: Changed, when durable.
type Change struct {
	kit.Ask
	Ops []storage.Op
	// Forget tells the writer that the partition's next append has no predecessor to wait for (truncated, dropped).
	Forget bool
}

// Changed answers Change.
//
// From: writer.
type Changed struct {
	*Change
	Code code.Code // OK, or KAFKA_STORAGE_ERROR when the writer has stopped, failed or has too many changes queued
}

// Refuse implements kit.Refuser.
func (c *Change) Refuse() { c.Reply(Changed{c, code.KafkaStorageError}) }

// Leave says that a partition has stopped. What it had accepted and the writer has not yet queued is never written; its waiters
// have been answered. The next append of this partId comes from a successor, with First.
//
// From: partition, when it stops.
type Leave struct{ PartID uint32 }

// Reclaim asks to give the disk space of deleted ranges back. Requests are gathered: at most one compaction every ReclaimEvery.
//
// From: partition (retention, trim), node (drop), after the deletion is durable.
type Reclaim struct{ PartID uint32 }

// applied says that the store took a commit.
//
// From: the apply blocker.
type applied struct {
	*commit
	err error
}

// Refuse implements kit.Refuser: the writer stopped meanwhile, so nobody will wait for this commit.
func (a applied) Refuse() { a.abandon() }

// durable says that a commit and all before it are on the disk.
//
// From: the wait blocker.
type durable struct {
	*commit
	err error
}

// Refuse implements kit.Refuser: the writer stopped meanwhile; what is durable is durable.
func (d durable) Refuse() {
	if d.err != nil {
		d.abandon()
		return
	}
	d.announce()
}

// checkFree is the timer that looks at the disk's free space.
//
// From: the writer's own timer.
type checkFree struct{}

// free is the disk's free space.
//
// From: kit's pool.
type free struct {
	bytes uint64
	full  bool
}

// reclaimDue is the timer that starts the next compaction.
//
// From: the writer's own timer.
type reclaimDue struct{}

// reclaimed says that a compaction has ended.
//
// From: the reclaim blocker.
type reclaimed struct{ err error }
