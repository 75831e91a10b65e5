// Package storage keeps the bytes: record batches of all partitions of a disk in one Pebble store (Data), the Raft log and the
// metadata state in a second small one (Meta), the newest batches in memory (Tail), and the counted buffers they travel in (Slab).
//
// Only this package knows Pebble. It owns no decision about offsets, epochs or retention: partitions decide, storage does.
//
// Keys of the data store; partId is given by the metadata FSM in order and never used again, all numbers are big endian:
//
//	partId 0x01                          log start offset, cumulative bytes and greatest timestamp before it
//	partId 0x10 last offset (8)          a record batch, exactly as it is sent; one of more than 256 KB in pieces, under longer keys (see pieceLen)
//	partId 0x20 max time+1 (8) last (8)  sparse index, one per MB: cumulative bytes up to and with offset last; both coordinates rise
//	partId 0x30 epoch (4)                where a leader epoch starts
//	partId 0x40 producer id (8)          its epoch, time and last five batches; set in the same commit as the records
//	partId 0x60 offset (8)               a virtual segment starts here: when, cumulative bytes, greatest timestamp before
//	partId 0x70                          how far the log was compacted, and what the batches there take; absent if it never was
//
// A batch lies under its LAST offset: one seek finds the batch that covers an offset, and a range deletion up to an offset
// removes exactly the batches that lie wholly below it (or, upwards, those that hold any offset from there on).
//
// Invariants: batches of a partition are written in offset order by one writer; after a crash a contiguous prefix of what was
// applied is there, with all that was waited for. A failed write or sync is final: nothing is applied or confirmed after it.
package storage
