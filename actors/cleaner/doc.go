// Package cleaner is the actor that compacts logs: of each key it keeps the last record (cleanup.policy=compact). It owns the list of
// compacted replicas of this broker and the one compaction that is under way. It never writes: shrunk batches go through their
// partition to the writer, so they come to the disk in order with everything else of the partition.
//
//	idle --wake--> looking --looked--> idle, or asking --Cleanable--> mapping --mapped--> ... --> shrinking --shrunk-->
//	     writing --Rewritten--> shrinking ... --the last step--> looking
//
// # What is compacted
//
// A log is cut into virtual segments by roll marks. Only closed ones are looked at, below the high watermark and older than
// min.compaction.lag.ms: what a producer appends next to, and what may still be lost, stays as it is. From where the log was not
// compacted yet (its dirty part) the first pass learns the last offset of each key; the second goes from the log start to the end of
// what the first has seen, and takes out each record whose key was seen at a later offset. When the keys do not fit the memory that
// they may have, the first pass ends early, and another round does the rest. Which log is next: one whose dirty records are older than
// max.compaction.lag.ms, else the one with the greatest share of dirty bytes above min.cleanable.dirty.ratio.
//
// Keys are told apart by 128 bits of their SHA-256: nobody finds two with the same.
//
// A tombstone (a null value) stays for delete.retention.ms after the first compaction that passed it, which writes the time into the
// batch (KIP-534). It goes in a later one, when all older records of its key have gone.
//
// # Invariants
//
//   - Offsets do not change; a batch keeps its first and last. One that is empty goes, unless it holds the last sequence of a producer
//     or ends at the high watermark, where the log may end: a replica that is behind could not come to the end of a log that has nothing there;
//     or begins a leader epoch, which a replica that copies the log knows by that batch alone.
//   - A record goes only when a later one of its key is durable, or it is a tombstone whose time has come; and no earlier than all
//     older records of its key. Steps go upwards, one after the other, so this holds at each moment and after each crash.
//   - Control batches and batches of transactions stay as they are.
//   - A batch whose checksum does not fit stops the compaction of its log; it is told, and the log is left alone until the next start.
//
// # Limits
//
// One compaction at a time. Memory: log.cleaner.dedupe.buffer.size, or less as Options say, two batches of inflated records, and one
// step (maxStep). Each look at the disk takes about a MB.
package cleaner
