// Package partition is the actor of one replica of one topic-partition. It owns the offsets, the leader epoch, the high watermark,
// the producers' sequences, and everyone who waits on them: appends, long polls, trims. It never touches the disk: batches go to
// the writer, reads are answered with ranges, and what it must know of the store is read in kit's pool.
//
//	unborn --Become--> cold --first use--> loading --loaded--> leader <--Become--> follower
//	                    ^----- retention found nothing ----'      '--Lost--> failed
//	                    ^----- not used for a round of retention -'
//
// A cold partition holds what Become told and nothing else, so 100,000 idle ones cost little; no state has a goroutine or a timer
// of its own (one timer exists while appends wait). Messages that come while it loads wait in a bounded queue. Only the leader
// serves: anybody else gets NOT_LEADER_OR_FOLLOWER, a wrong epoch FENCED_ or UNKNOWN_LEADER_EPOCH, checked first and in one place.
//
// Invariants:
//   - start <= floor <= high <= durable <= next, and none of them goes back while the actor lives; start and durable are on the
//     disk, so they do not go back by a crash either.
//   - What is not durable is neither readable (high), nor in the tail, nor acknowledged, but for flush.policy=os, which
//     acknowledges when the store has taken it, and acks=0.
//   - Every item is settled once and answered once. Accepted items are answered in the order of offsets; a repetition is
//     answered only when the original is below the high watermark.
//   - The start of a leader epoch, and a roll mark, are on the disk no later than the first batch behind them.
//   - At most one actor of a partId has items on their way: it says Leave when it stops, and loads behind a barrier in the writer.
//
// Retention is driven by the node, which tells Retain to every replica. Deleting a partition is the node's: it stops the actor,
// then sends OpDrop to the writer.
package partition
