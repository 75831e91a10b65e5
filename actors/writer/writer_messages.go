package writer

import (
	"sync/atomic"

	"troupe/actors/kit"
	"troupe/kafka/code"
	"troupe/storage"
)

// Frame is the record batches of one produce request (or of a part of it, up to 4 MB) on their way through the broker.
// It stays whole: every hop sends one message per frame, not one per batch.
//
//	conn --partition.Append per item--> partitions (each fills its own item; the last one sends on)
//	     --Write per frame--> writer --Synced per partition--> partitions --Done per frame--> conn
//
// Ownership: each Item belongs to the partition it was sent to until that partition calls Accepted or Refused, then to
// the writer, then (Synced) to the partition again until it calls Answered. The conn owns all of it after Done.
type Frame struct {
	Slab  *storage.Slab
	Items []Item
	// ReplyTo gets Done when every item has its answer. Slot is the asker's own mark.
	ReplyTo *kit.Ref
	Slot    uint64
	Writer  *kit.Ref // gets the frame when all partitions have settled

	pending atomic.Int32 // items whose partition has not yet accepted or refused
	waiting atomic.Int32 // items without an answer
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

	// What the partition decided.
	PartID  uint32
	Append  storage.Append
	First   bool // first append of this partition since it was loaded: the writer knows no predecessor
	Written bool // accepted: the writer must commit it

	// The answer.
	Code         code.Code
	Message      string
	RecordErrors []RecordError
	Base         int64 // base offset given, -1 on error
	LogStart     int64
	AppendTime   int64 // ms with LogAppendTime, else -1

	Next *Item // for queues inside the partition
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
}

// Settled is called by a partition when it has accepted (Written) or refused its item; the last one of the frame
// sends the whole frame to the writer (if any item was accepted).
func (i *Item) Settled() {
	if i.Frame.pending.Add(-1) == 0 {
		for k := range i.Frame.Items {
			if i.Frame.Items[k].Written {
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

// Synced says that this item and everything before it of its partition is durable. One per partition and commit, with the
// partition's last item in it; items of the same partition in the same or earlier commits are covered.
//
// From: writer.
type Synced struct{ *Item }

// Change asks to make marks and deletions durable, in order with the records (see storage.Op).
//
// From: partition (retention, epochs, rolls, truncation), node (drop). Answer: Changed, when durable.
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
	Code code.Code // OK, or KAFKA_STORAGE_ERROR when the disk is full or the writer has stopped
}

// Refuse implements kit.Refuser.
func (c *Change) Refuse() { c.Reply(Changed{c, code.KafkaStorageError}) }
