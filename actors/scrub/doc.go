// Package scrub is the actor that reads what nobody reads. It goes through all partitions of a store again and again, slowly, and has the
// checksum of every batch looked at, so that damage is known while another copy is still there to repair it from.
//
//	resting --Pace.Rest--> listing --> reading --(a chunk, Pace.Gap, a chunk, ...)--> resting
//
// It owns the pass: which partitions it began with, and how far it is. Damage is logged with partition and offset, counted, and told by
// the doctor; the pass goes on behind it. Nothing waits for this actor, and it never has more than one reading on the pool.
//
// Invariants: a pass looks at every partition that was there when it began, unless that was deleted meanwhile; each reading makes progress.
package scrub
