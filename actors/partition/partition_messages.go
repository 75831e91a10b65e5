package partition

import (
	"time"

	"troupe/actors/kit"
	"troupe/actors/meta"
	"troupe/actors/writer"
	"troupe/kafka/code"
	"troupe/storage"
)

// Become tells a replica what the cluster decided about it; it is sent on every change and fences by epochs:
// an older PartitionEpoch than the known one is ignored.
//
// From: node.
type Become struct {
	TopicID   meta.TopicID
	Topic     string
	Partition meta.Partition
	Config    Config // effective topic configuration
	Self      int32  // our node id
}

// Config is what a partition needs of its topic's effective configuration.
type Config struct {
	MaxMessageBytes  int
	RetentionMs      int64 // -1: no limit
	RetentionBytes   int64 // -1: no limit
	SegmentBytes     int64
	SegmentMs        int64
	SegmentJitterMs  int64 // each partition takes its own part of it off SegmentMs
	Compact, Delete  bool  // cleanup.policy
	LogAppendTime    bool  // message.timestamp.type
	BeforeMaxMs      int64
	AfterMaxMs       int64
	MinISR           int // effective: min(min.insync.replicas, replicas)
	CompressionType  string
	FlushOS          bool // flush.policy=os: acknowledge before fsync
	ProducerExpiryMs int64
	Internal         bool
	LagMaxMs         int64 // replica.lag.time.max.ms; 0: its default
}

// Append asks to append the item's batch. The batch was checked by conn (framing, CRC, codec, counts: record.Check);
// the partition checks fences, size, timestamps against its clock, and the producer's sequence.
//
// From: conn. Answer: writer.Done for the whole frame. Fence: leader, LeaderEpoch if given.
type Append struct{ *writer.Item }

// Refuse implements kit.Refuser: the replica has gone.
func (a Append) Refuse() {
	a.refuse(code.NotLeaderForPartition, -1)
}

// refuse settles and answers an item that is not appended.
func (a Append) refuse(c code.Code, logStart int64) {
	a.Code, a.Base, a.LogStart, a.AppendTime = c, -1, logStart, -1
	a.Settled()
	a.Answered()
}

// Read asks which offsets may be read. It carries no bytes: the asker reads the range from the tail or the store. With Replica a follower
// answers too, by the high watermark that it knows: for consumers that may read from the nearest replica (KIP-392). An offset past its end
// is OFFSET_OUT_OF_RANGE there, which sends a consumer back to the leader.
//
// From: conn. Answer: Readable. Fence: LeaderEpoch (-1: none).
type Read struct {
	kit.Ask
	Replica       bool
	Offset        int64
	LeaderEpoch   int32
	LastEpoch     int32 // LastFetchedEpoch, -1: none
	ReadCommitted bool
	Index         int // the partition's place in the fetch: the asker's own
}

// Readable answers Read.
//
// From: partition.
type Readable struct {
	*Read
	Code      code.Code // OK, NOT_LEADER_OR_FOLLOWER, FENCED/UNKNOWN_LEADER_EPOCH, OFFSET_OUT_OF_RANGE, KAFKA_STORAGE_ERROR
	PartID    uint32
	Start     int64     // log start offset
	High      int64     // high watermark
	Stable    int64     // last stable offset
	Limit     int64     // read below this: High, or Stable for read_committed
	Diverging *EpochEnd // set when LastEpoch diverges (KIP-595)
}

// Refuse implements kit.Refuser.
func (r *Read) Refuse() {
	r.Reply(Readable{Read: r, Code: code.NotLeaderForPartition, Start: -1, High: -1, Stable: -1})
}

// Unreadable says that a range which Readable gave cannot be read from the store. A leader gives its place to another replica in sync. No answer.
//
// From: conn, group shard. Fence: LeaderEpoch.
type Unreadable struct {
	LeaderEpoch int32
	Err         error
}

// Watch asks to be told when the readable end moves past Offset, or the replica stops leading. With Replica a follower keeps it too.
//
// From: conn (long poll). Answer: Grown, once: at growth, when the leadership changes, or at Unwatch.
type Watch struct {
	kit.Ask
	Replica       bool
	Offset        int64
	ReadCommitted bool
	Index         int // the partition's place in the fetch: the asker's own
}

// Grown answers Watch.
//
// From: partition.
type Grown struct {
	*Watch
	Cancelled bool
}

// Refuse implements kit.Refuser.
func (w *Watch) Refuse() { w.Reply(Grown{Watch: w}) }

// Unwatch ends a Watch that the asker no longer needs; the Watch is answered Cancelled if it still waited.
//
// From: conn.
type Unwatch struct{ *Watch }

// Locate asks for an offset by one of ListOffsets' special timestamps, or for the range in which to search by time.
//
// From: conn. Answer: Located. Fence: LeaderEpoch (-1: none).
type Locate struct {
	kit.Ask
	Timestamp     int64 // >= 0, or -1 latest, -2 earliest, -3 max timestamp, -4 earliest local, -5 latest tiered, -6 earliest pending upload
	LeaderEpoch   int32
	ReadCommitted bool
	Replica       bool // a follower tells where the log starts (-2), too
	Index         int  // the partition's place in the request: the asker's own
}

// Located answers Locate. For a time (Timestamp >= 0, or -3) Search is set and the asker looks up storage in [Start, Limit).
//
// From: partition.
type Located struct {
	*Locate
	Code        code.Code
	PartID      uint32
	Search      bool
	Start       int64
	Limit       int64
	Offset      int64
	Timestamp   int64
	LeaderEpoch int32
}

// Refuse implements kit.Refuser.
func (l *Locate) Refuse() {
	l.Reply(Located{Locate: l, Code: code.NotLeaderForPartition, Offset: -1, Timestamp: -1, LeaderEpoch: -1})
}

// FindEpoch asks where a leader epoch ends (OffsetForLeaderEpoch, KIP-101, KIP-320).
//
// From: conn. Answer: FoundEpoch. Fence: CurrentEpoch (-1: none).
type FindEpoch struct {
	kit.Ask
	Epoch        int32
	CurrentEpoch int32
	Index        int // the ask's place in the request: the asker's own
}

// FoundEpoch answers FindEpoch.
//
// From: partition.
type FoundEpoch struct {
	*FindEpoch
	Code code.Code
	EpochEnd
}

// EpochEnd is the largest epoch not above the asked one, and the offset at which it ends; -1, -1 if there is none.
type EpochEnd struct {
	Epoch int32
	End   int64
}

// Refuse implements kit.Refuser.
func (f *FindEpoch) Refuse() {
	f.Reply(FoundEpoch{f, code.NotLeaderForPartition, EpochEnd{-1, -1}})
}

// ListProducers asks which idempotent producers the partition remembers (DescribeProducers, KIP-664).
//
// From: conn. Answer: Producers. Fence: leader.
type ListProducers struct{ kit.Ask }

// Producers answers ListProducers.
//
// From: partition.
type Producers struct {
	*ListProducers
	Code code.Code        // OK, NOT_LEADER_OR_FOLLOWER, KAFKA_STORAGE_ERROR
	List []ActiveProducer // by id
}

// ActiveProducer is one producer and the last batch that it wrote here.
type ActiveProducer struct {
	ID       int64
	Epoch    int16
	LastSeq  int32 // -1: none
	LastTime int64 // ms, the greatest timestamp of that batch; -1: none
}

// Refuse implements kit.Refuser.
func (l *ListProducers) Refuse() {
	l.Reply(Producers{ListProducers: l, Code: code.NotLeaderForPartition})
}

// Trim asks to raise the log start to Offset (-1: the high watermark), and delete what is below it (DeleteRecords).
//
// From: conn. Answer: Trimmed, when the replicas that may lead next have it on their disks too, or the time is over.
type Trim struct {
	kit.Ask
	Offset  int64
	Timeout time.Duration // at least MinTimeout
}

// Trimmed answers Trim.
//
// From: partition.
type Trimmed struct {
	*Trim
	Code  code.Code // OK, POLICY_VIOLATION, OFFSET_OUT_OF_RANGE, NOT_LEADER_OR_FOLLOWER, REQUEST_TIMED_OUT, KAFKA_STORAGE_ERROR
	Start int64     // low watermark: the least log start of those replicas; -1: none
}

// Refuse implements kit.Refuser.
func (t *Trim) Refuse() { t.Reply(Trimmed{t, code.NotLeaderForPartition, -1}) }

// Measure asks how many records a follower is known to lack.
//
// From: conn. Answer: Measured.
type Measure struct {
	kit.Ask
	Index int // the partition's place in the answer: the asker's own
}

// Measured answers Measure.
//
// From: partition.
type Measured struct {
	*Measure
	Lag int64 // from the end of the log to the leader's high watermark; 0 at who leads, and while nothing is known
}

// Refuse implements kit.Refuser.
func (m *Measure) Refuse() { m.Reply(Measured{Measure: m}) }

// Clean asks within which bounds the log may be compacted now.
//
// From: cleaner. Answer: Cleanable.
type Clean struct{ kit.Ask }

// Cleanable answers Clean.
//
// From: partition.
type Cleanable struct {
	*Clean
	Code  code.Code       // OK, or NOT_LEADER_OR_FOLLOWER: not here, not now
	Epoch int32           // of the log: another one when the leader has changed, or the log was cut
	Limit int64           // what lies from here on may still be lost
	Last  map[int64]int64 // by producer id: the last offset of its newest batch
}

// Refuse implements kit.Refuser.
func (m *Clean) Refuse() { m.Reply(Cleanable{Clean: m, Code: code.NotLeaderForPartition}) }

// Rewrite asks to make one step of a compaction durable. Batches below the log start are left out.
//
// From: cleaner. Answer: Rewritten, when durable. Fence: Epoch, and the log starts below the step's end.
type Rewrite struct {
	kit.Ask
	Epoch   int32 // as Cleanable told it
	Step    *storage.Clean
	Reclaim bool // when it is durable, disk space may be given back
}

// Rewritten answers Rewrite.
//
// From: partition.
type Rewritten struct {
	*Rewrite
	Code code.Code // OK, OFFSET_OUT_OF_RANGE: the log has been cut, NOT_LEADER_OR_FOLLOWER, KAFKA_STORAGE_ERROR
}

// Refuse implements kit.Refuser.
func (m *Rewrite) Refuse() { m.Reply(Rewritten{m, code.NotLeaderForPartition}) }

// LeaseEnded says that this broker may not serve as a leader any more (see Lease): who waits for it is told now, and not when his time is
// over. No answer.
//
// From: node, to the local replicas that lead. Fence: the Lease; while it is held again nothing ends.
type LeaseEnded struct{}

// Retain asks to delete what retention.ms and retention.bytes no longer keep, and to forget producers that have been silent too
// long. A partition that is not loaded looks into the store and stays cold if there is nothing to do; one that nobody has used since
// the last Retain gives its memory back. No answer.
//
// From: node, to every local replica, every log.retention.check.interval.ms.
type Retain struct{}

// loadedLog is what the store knows of the partition.
//
// From: kit's pool.
type loadedLog struct {
	storage.Loaded
	worth bool // retention would find something; only if it was asked
	err   error
}

// expired says up to which offset retention may delete.
//
// From: kit's pool. Fence: alive, the log that asked.
type expired struct {
	log   *log
	start int64
	err   error
}

// overdue is the timer of appends that have waited too long.
//
// From: the partition's own timer. Fence: the log that set it, and the deadline, which an earlier one may have replaced.
type overdue struct {
	log      *log
	deadline int64 // ms
}
