// Package group is the coordinator of consumer groups: one shard actor per local replica of __consumer_offsets, and one actor per
// group that has something to do. It serves the classic protocol: JoinGroup, SyncGroup, Heartbeat, LeaveGroup, and the commits of
// offsets, with or without members.
//
// Whoever wants something of a group tells it to the shard's actor, ShardName(PartitionFor(group, partitions)), on the broker that
// leads that partition. The shard passes it on to the group's actor, which answers. Every ask is answered exactly once: by the
// group, or by Refuse with a retriable code when a shard does not lead (NOT_COORDINATOR), loads (COORDINATOR_LOAD_IN_PROGRESS) or
// stops.
//
// # Where the state lives
//
// A group is a core: members, generation, offsets. It belongs to the shard while the group has nothing to do (it only keeps offsets), and
// to the group's actor otherwise; it is never in both, and passes as a pointer in a message. An actor is made for the first message, and
// gives the core back when the group has had neither members nor messages for a while. So thousands of groups that only committed are
// entries of a map, and an idle shard is an empty one.
//
// A follower reads along: it watches its broker's own replica and keeps what the log says up to the replica's high watermark, so that a shard
// that takes over has only the tail to read. What it knows is shown to nobody before it leads and has read all.
//
//	shard:  follower --Become(leader)--> loading --read--> leader --Become--> follower        any --Retire--> retired
//
//	group:              first Join                  all joined, or time is over           durable
//	          Empty -----------------> Preparing ------------------------> Completing ------------------> Stable
//	            ^   ..waits initial.delay  |  ^ ^                              | the leader's Sync           |
//	            '----- nobody joined ------'  | '--- Join, Leave, silence -----'                             |
//	                                          '--- Join of the leader, of a new or changed member, Leave, silence
//	          Empty --Delete, or nothing left of it--> Dead --durable--> gone
//
// # What is durable
//
// Groups and offsets are records of __consumer_offsets in Kafka's own format. A group asks its shard to write, and the shard puts
// what queues up while one write is on its way into the next batch, which goes to the partition like any produce with acks=all.
//
// Invariants:
//   - An offset is shown, and a commit, a deletion or an assignment is answered, only when it is durable. Offsets never go back.
//   - A generation is durable before any member hears of it (Kafka writes it with the assignment only), so no crash makes it a
//     second time with other members. After a restart such a group waits for its leader's assignment.
//   - Writes of one group become durable in the order in which it asked.
//   - What a shard knows is what its log says from start to end; when it is not sure (it lost its lead, a write did not come
//     back, its log was cut below what it had read), it forgets all and reads the log anew, after everything that was on its way has come back.
//   - A follower takes what lies below the high watermark only, so no truncation but that of an unclean election undoes it; that one is found
//     by offset and leader epoch, before each piece that is taken and before it leads.
package group
