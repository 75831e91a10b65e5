// Package sim runs one whole broker on the simulator: the Raft group, the metadata actor, the writer, the partitions and the node
// actor, as cmd/broker/run puts them together but for the doors. In place of the doors there are simulated clients: producers
// (idempotent and plain), consumers, members of a consumer group and admins, each an actor like a connection, whose other half outlives
// the broker.
//
// One seed decides everything: the order of all messages, when the broker is killed and how much of what was not synced survives, also
// of a write that is torn by it, clock jumps, what the disk does (it is slow, or does not answer for seconds, or is full and has room
// again; or a write or a sync of one of the stores fails, and everything after), and what the clients do. Both stores crash at the same
// moment.
//
// # What is checked
//
// The Ledger knows what clients were promised, and by whom. After every step, at every restart and at the end:
//
//   - an acknowledged or consumed record is there, at its offset, with its value, for ever (unless it was trimmed or its topic deleted);
//     none is there twice for an idempotent producer; each producer's records are in its order, without gaps;
//   - high watermark and log start never go back, and never lie below what was acknowledged;
//   - nothing is acknowledged or shown to readers that is not durable, whatever the broker believes: the store is watched;
//   - retention deletes whole segments below the active one, which are older than retention.ms or beyond retention.bytes, and nothing
//     that only is compacted; compaction leaves the active segment alone, and the last record of each key: a reader that begins at the
//     start of a compacted log finds what was promised then, or a later record of the key, or it was a tombstone;
//   - a broker whose disk fails ends itself, soon and with the reason;
//   - an acknowledged change of the cluster is in every image from its index on; the same index has the same image in every life;
//     broker epochs grow; producer ids are given once;
//   - a partition actor lives only if the published image names it, or named it and is being left;
//   - a committed offset never goes back; a generation of a consumer group has one leader, and each partition one owner in it, whatever
//     crashes; no member is told of a generation before one that had work;
//   - every ask has one answer, every frame too, in bounded time; no mailbox is over its limit; no slab leaks;
//   - when the faults stop, the same life of the broker goes on acknowledging; after the last one it registers, and every client finishes.
//
// # Clusters
//
// Every fourth seed is a town: two to four brokers with their links, Raft group, controllers and replicas, each on a disk of its own. The
// seed decides the network too (cuts of one and of both directions, slow links, connections that break) and which brokers lose power, one,
// two or all at the same moment. Clients are connected to every broker and keep to whoever leads by what that broker publishes. Beside the
// Ledger the invariants of the design are checked, by their names there: M1 to M6 on each image that any broker publishes; D1 and D2, that
// whoever is in sync or may be elected has on its disk all that anybody was told or a leader counts as committed; D3, that a leader counts
// everybody whom the cluster takes for in sync; D4 to D7 on every answer and at the end (for D7 a disk that was lost since counts for what it
// had of the log that is shown), and that the high watermark goes back in no epoch and from no leader to the next; in a quarter of the towns,
// that what consumer groups have committed goes back under no coordinator; L1, that ten seconds after the last fault every broker serves and
// every replica is in sync; L2 and L3.
//
// Besides faults at random there are traps (town_traps.go): they wait for a moment at which one rule is all that keeps what was promised. Each
// of these mutations fails the run of the test that stands beside it in integration/mutants/table.txt:
//
//	mutation                                trap             seed  seen by
//	fsync of records off                    -                   3  D7
//	an answer of the store dropped          quorum-breaks      23  L3
//	high watermark over the committed ISR   joiner-stalls      83  D1, D2
//	asked-for ISR forgotten                 -                   3  D3
//	AlterPartition without broker epochs    joiner-restarts   151  KIP-903: who joins is the run that was asked for
//	log cut at the high watermark           leader-falls       47  D1, D2
//	tail not read by a new coordinator      -                  11  D6: a commit that was answered went back
//	proposal not entered again              quorum-breaks      23  L1
//	replica made without the metadata       -                   3  a replica lives only where the image places it
//
// Two more were seen (D1, D2) by seeds that do something else by now; unit tests of actors/partition catch them: a join by the high watermark
// alone (follower-lags), and a high watermark that moves before this run of the broker is registered (joiner-stalls).
//
// Nodes also end in order and come back; their processes are stopped for a while; their disks are full, slow or stuck, or fail, and then the
// broker ends itself; or they lose their disks: then AddNode takes them in anew, under the same node id. Some clusters begin with one node, and
// the others join it.
//
// Seeds run in processes of their own (see cmd): slabs and counters are global. Every 50th seed uses Pebble on a crashable file
// system in memory, the others the models of storage/sim.
package sim
