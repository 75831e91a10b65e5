// Package writer is the actor that makes the record batches and marks of all partitions of one store durable: many partitions,
// one commit, one sync.
//
// It owns the order of commits, the two blockers that work on the store (apply, sync: so that the next write is applied while one is synced; a small
// one that is alone goes through the first one in one go, which wakes two goroutines less; a third, made when needed, gives disk space
// back), and a reference to every slab from Settled until the commit is durable. It keeps no reference after that.
//
// States: running -> failed (an Apply or Wait failed: the process ends) or stopped. A full disk is not a state of the writer: the
// Gate it sets keeps partitions from accepting records; what was accepted is written, and marks and deletions go on.
//
// # Why the store holds no hole
//
// A partition gives its offsets in order, but its batches travel in frames that are sent on by whichever partition settles
// last, so frames can overtake each other. The writer knows for each partition the offset that must come next and lets a frame
// pass only when, for every item in it, the item is the partition's first since it was loaded (Item.First: its predecessor
// is durable, the partition has read it), or its predecessor has passed, or passes with it. Frames that pass enter one queue, and
// the queue enters the store in its order. Frames that pass together are one entry of the queue, whose batches are sorted by
// partition and offset; so in the order in which batches reach the store, each partition's are contiguous. The store takes the
// writes in order and after a crash holds a prefix of the batches in that order (a large write is several atomic batches of its
// own). So what is durable of a partition is a prefix of what it accepted, at every moment and after every crash.
//
// # Why no frame waits for ever
//
// Suppose that all frames that hold accepted items do arrive (every partition settles each of its items, also when it stops).
// Look at the frames that have arrived when no more are on their way. Each item's predecessor is durable, or in a frame that has
// arrived. So the set of all stashed frames is closed under "needs", and the smallest closed set around any of them passes: it is
// found by a search over predecessors that fails only at an offset that nobody has brought. Two frames that hold two
// partitions' batches in opposite order need each other; they are a closed set of two and are committed at once. A search is
// not repeated until the offset at which it failed arrives, so a stash of n frames costs O(n) look-ups for each frame, and none
// in the usual case.
//
// A partition that stops says so (Leave, Item.Alive): what it had accepted and the writer has not queued is dropped, with all
// that follows it, so nothing of it is written after that and nobody waits for it.
//
// # Limits
//
// Records are bounded by the connections' budget of request bytes, changes by maxChanges, writes at the store by maxInFlight.
package writer
