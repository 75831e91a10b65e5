// Package metadata is the state machine behind the Raft log: the one way in which a fact of the cluster changes, and the one place where it
// is applied on this node.
//
// The actor owns the image (the state), the mark up to which it is applied, the stored state in storage.Meta, and the proposals that wait
// for an answer.
//
//	asker --Propose--> metadata --Enter--> raft ... --Apply--> metadata --Changed--> node --Seen--> metadata --Proposed--> asker
//
// If another node leads, peer.Ask takes the place of Enter: it carries the encoded command to the leader's raft actor, which says at once
// whether it is in the log. Whatever the answer, or if there is none: the result is that of the Apply here.
//
// Life of a proposal: waiting (for a place among the open ones) -> entered <-> dropped -> settled (applied here) -> answered. Its request id is
// given once, when it gets its place. A dropped one is entered again by a timer, and all unsettled ones are when another leader comes up; since
// Apply remembers ids, what got into the log twice is applied once. At its deadline it is answered REQUEST_TIMED_OUT, wherever it is: it may
// still be applied later.
//
// States of the actor: loading is done by the caller (LoadImage), so it is running from the first message on; installing, while a snapshot
// replaces image and store; stopping.
//
// Invariants:
//
//   - Entries are applied once, in order, without a gap; an entry that cannot be read ends the process, for skipping it would fork the state.
//   - The image in memory is ahead of the stored one, never behind; stores are one at a time and each holds all that changed since the
//     last, with the mark, in one write. Raft hears Applied only when the state is stored.
//   - The log is compacted only up to what is stored.
//   - Every Propose is answered exactly once, also at Stopping.
//   - An asker gets OK only after the node has seen the image that holds the change.
package metadata
