// Package sim runs one whole broker on the simulator: the Raft group, the metadata actor, the writer, the partitions and the node
// actor, as cmd/broker/run puts them together but for the doors. In place of the doors there are simulated clients: producers
// (idempotent and plain), consumers, members of a consumer group and admins, each an actor like a connection, whose other half outlives
// the broker.
//
// One seed decides everything: the order of all messages, how long the disk takes, when the broker is killed and how much of what
// was not synced survives, clock jumps, a full disk, and what the clients do. Both stores crash at the same moment.
//
// # What is checked
//
// The Ledger knows what clients were promised, and by whom. After every step, at every restart and at the end:
//
//   - an acknowledged or consumed record is there, at its offset, with its value, for ever (unless it was trimmed or its topic deleted);
//     none is there twice for an idempotent producer; each producer's records are in its order, without gaps;
//   - high watermark and log start never go back, and never lie below what was acknowledged;
//   - an acknowledged change of the cluster is in every image from its index on; the same index has the same image in every life;
//     broker epochs grow; producer ids are given once;
//   - a partition actor lives only if the published image names it, or named it and is being left;
//   - a committed offset never goes back; a generation of a consumer group has one leader, and each partition one owner in it, whatever
//     crashes; no member is told of a generation before one that had work;
//   - every ask has one answer, every frame too, in bounded time; no mailbox is over its limit; no slab leaks;
//   - when the faults stop, the broker registers, and every client finishes.
//
// Seeds run in processes of their own (see cmd): slabs and counters are global. Every 50th seed uses Pebble on a crashable file
// system in memory, the others the models of storage/sim.
package sim
