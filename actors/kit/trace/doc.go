// Package trace records every request that the broker serves: one operation record each, with a time stamp per stage, always on.
//
// A record ([Op]) travels with the request's own messages, as a field of theirs: conn, partition, writer, raft and metadata stamp the
// stages that they complete. Stamps are atomic and every method of a nil Op does nothing, so a stage never asks whether tracing is on, and
// nobody waits for anybody. What an open operation waits for follows from its last stamp, or was said by Await.
//
// The decision what to keep falls at the end, inside the broker ([Recorder]): slow operations, failed ones, and a few healthy ones to
// compare with are copied to rings of a bounded size; all others leave only their durations in the histograms of their API.
//
// Ownership: the connection begins and ends an operation and holds the first reference. Whoever may stamp after the end (the writer, behind
// an answer that did not wait for it) holds one of its own. A record is used again when the last reference is gone; a reference that is never
// given back costs a record, no more.
//
// A record never holds a byte of a key or a value: names, numbers and times only.
package trace
