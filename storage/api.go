package storage

import "time"

// Data is the store of all partitions of one disk. Two engines implement it, behind one conformance suite:
// Pebble (Open) and the model of storage/sim.
//
// Writes come from one writer only, in order: Apply makes a write visible to the store's own reads, Wait returns
// when it is durable. Nothing is served or acknowledged before Wait has returned.
// Reads may come from any goroutine; they may block on the disk, so actors do them through kit's pool.
type Data interface {
	// Apply hands one write to the store; it may block (write stall). The write is not durable yet.
	Apply(w *Write) error
	// Wait blocks until w and all writes applied before it are durable. An error is final: the process must end.
	Wait(w *Write) error

	// Load reads what a partition actor needs to begin: ends, epochs, producers. It repairs nothing: after a crash the
	// store holds a contiguous prefix of what was applied (the writer commits contiguous offsets only).
	Load(partID uint32) (Loaded, error)
	// Read appends batches from the one that covers offset on, up to maxBytes but at least one, none at or past limit
	// (the high watermark or last stable offset). The first batch is returned whole even when it exceeds maxBytes, if minOne.
	Read(partID uint32, offset, limit int64, maxBytes int, minOne bool) (Batches, error)
	// OffsetForTime finds the first record whose timestamp is >= ts below limit; ok is false if there is none.
	OffsetForTime(partID uint32, ts int64, start, limit int64) (at TimeOffset, ok bool, err error)
	// MaxTimestamp finds the first record that holds the greatest timestamp below limit.
	MaxTimestamp(partID uint32, start, limit int64) (at TimeOffset, ok bool, err error)
	// Expire says up to which offset retention may delete: whole virtual segments that are older than minTime
	// or by which the partition exceeds maxBytes; it returns start if nothing may go. maxBytes < 0, zero minTime: no limit.
	Expire(partID uint32, start, limit int64, minTime time.Time, maxBytes int64) (int64, error)
	// Dirt is what compaction must know of a partition: how far it is clean, and the closed segments behind.
	Dirt(partID uint32) (Dirt, error)
	// Size is the number of record bytes between the log start and the end, within a few MB.
	Size(partID uint32) (int64, error)
	// Scrub reads batches from the one that covers offset on, about maxBytes but at least one, only to look at their checksums. It says
	// where to go on (-1: that was all) and how many bytes it read. A *CorruptError names what is damaged; behind its Offset it goes on.
	Scrub(partID uint32, offset int64, maxBytes int) (next int64, bytes int, err error)
	// Partitions lists the partIds that have any key, for dropping those that the image does not know.
	Partitions() ([]uint32, error)
	// Reclaim gives the space of deleted ranges back to the disk (one compaction over the joint range).
	Reclaim(parts []uint32) error
	// Free reports the free bytes of the file system and whether writes of records must stop.
	Free() (bytes uint64, full bool)
	// MinFree is below how many free bytes writes of records must stop, 0 if it is not known.
	MinFree() uint64
	// Capacity is the size of the file system in bytes, 0 if it is not known. It may block.
	Capacity() uint64
	// Metrics are for /metrics: name to value, names without prefix.
	Metrics() map[string]float64
	Close() error
}

// Loaded is what is durable of one partition.
type Loaded struct {
	Start     int64 // log start offset
	End       int64 // next offset to give
	MaxTime   int64 // greatest record timestamp seen, -1 if none
	Epochs    []EpochStart
	Producers []Producer
	Roll      Roll  // the active virtual segment
	Bytes     int64 // cumulative bytes of the partition at End: what Append.Bytes of the next batch must say
	// Stale says that there are marks of epochs or segments past End, whose records a crash took. They are not among the above, and must be cut
	// off (OpTruncate at End) before the log grows over them: they would hold for records that they do not know.
	Stale bool
}

// EpochStart says at which offset a leader epoch began.
type EpochStart struct {
	Epoch int32
	Start int64
}

// Producer is what a partition remembers of one idempotent producer: its last five batches.
type Producer struct {
	ID       int64
	Epoch    int16
	LastTime int64 // ms, of its last append
	Batches  []ProducerBatch
}

// ProducerBatch is one accepted batch of a producer.
type ProducerBatch struct {
	FirstSeq, LastSeq int32
	Base, Last        int64
	MaxTime           int64
}

// Roll is the beginning of a virtual segment.
type Roll struct {
	Offset int64
	TimeMs int64 // when it was rolled
	Bytes  int64 // cumulative bytes of the partition at Offset
}

// TimeOffset is a record found by time.
type TimeOffset struct {
	Offset, Timestamp int64
	LeaderEpoch       int32
}

// Batches are record batches as they go to a client: slices of counted slabs, or of plain memory.
type Batches struct {
	Data  [][]byte
	Bytes int
	slabs []*Slab
	from  *Lending // what Bytes were granted by, nil: nobody counts them
}

// Release gives the slabs back. Data must not be used afterwards.
func (b *Batches) Release() {
	for _, s := range b.slabs {
		s.Release()
	}
	if b.from != nil {
		b.from.Give(b.Bytes)
	}
	*b = Batches{}
}

// Write is one commit: all that the writer makes durable at once.
type Write struct {
	Records []Append // in order; offsets of one partition are contiguous
	Ops     []Op     // marks and deletions, applied after Records, atomically with them
	handle  any      // the engine's own, between Apply and Wait
}

// Append is one record batch with its offsets already written into it.
type Append struct {
	PartID     uint32
	Base, Last int64
	Slab       *Slab     // owner of the bytes
	At         int       // index of the batch in Slab (see Slab.Batch)
	Unshared   bool      // nobody reads the bytes before Apply has returned: it may move them about, and back
	MaxTime    int64     // max timestamp of the batch, for the time index
	Bytes      int64     // cumulative bytes of the partition before this batch
	Producer   *Producer // state after this batch, nil if it has no producer id; must not change until Apply has returned
}

// Op is one change beside the records.
type Op struct {
	Kind   OpKind
	PartID uint32
	Offset int64 // SetStart: new log start; TruncateTo: new end; Epoch: start of the epoch; Roll: offset
	Epoch  int32 // Epoch
	TimeMs int64 // Roll
	Bytes  int64 // Roll
	// MaxTime, of a Roll, is the greatest timestamp of what lies before Offset, in ms; 0 or less: none. The store must be told, because records
	// that precede a mark may come to it later than the mark.
	MaxTime int64
	ID      int64 // DropProducer
	Clean   *Clean
}

// OpKind says what an Op does.
type OpKind uint8

// The kinds of Op.
const (
	OpSetStart     OpKind = iota + 1 // log start moves up; what is wholly below it is deleted
	OpTruncate                       // the log ends before Offset; batches holding offsets >= Offset go
	OpEpoch                          // a leader epoch starts at Offset
	OpRoll                           // a virtual segment starts at Offset
	OpDrop                           // everything of the partition goes
	OpDropProducer                   // an expired producer is forgotten
	OpClean                          // compaction rewrites batches below a segment's start
)
