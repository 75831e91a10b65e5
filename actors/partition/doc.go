// Package partition is the actor of one replica of one topic-partition. It owns the offsets, the leader epoch, the high watermark,
// the producers' sequences, and everyone who waits on them: appends, long polls, trims. It never touches the disk: batches go to
// the writer, reads are answered with ranges, and what it must know of the store is read in kit's pool.
//
//	unborn --Become--> cold --first use--> loading --loaded--> leader <--Become--> follower
//	                    ^----- retention found nothing ----'      '--Lost--> failed
//	                    ^----- not used for a round of retention -'
//
// One of several replicas is never cold: its followers, or its leader, want the log. A cold partition holds what Become told and nothing else, so 100,000 idle ones cost little; no state has a goroutine or a timer
// of its own (one timer exists while appends wait). Messages that come while it loads wait in a bounded queue. Only the leader
// serves, but for reads that may come from a follower (KIP-392): anybody else gets NOT_LEADER_OR_FOLLOWER, a wrong epoch FENCED_ or UNKNOWN_LEADER_EPOCH, checked first and in one place.
//
// # Replication
//
// A follower subscribes at its leader, by the end of its log and the epoch of its last batch. The leader says where the follower's log is
// not its own (the follower cuts it there, reads it anew and subscribes again), or starts: from then on it sends every batch when it is
// appended, before its own disk has it, and the follower acknowledges what is on its disk. A subscription ends with the link, with the
// leader's epoch, and when anything does not fit; what belongs to another one is not looked at. So an ack is what a fetch at that offset is
// to Kafka. A follower that lags is fed from the tail or the store in turns. The actor replicas carries all this; see Replicas.
//
// The high watermark is the least durable end of all that may be in the ISR: of the committed one and of one that the leader has asked for
// and not been answered yet (KIP-497). It stands still while the committed ISR is below the minimum. Whoever joins has confirmed what it
// covers, and all that was there when the epoch began. Logs are cut by epochs and their ends, never by a high watermark (KIP-101, KIP-279).
//
// Invariants:
//   - start <= floor <= durable <= next and high <= durable, and none of them goes back while the actor lives, but for a follower that is cut
//     to its leader's log; start and durable are on the disk, so they do not go back by a crash either.
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
