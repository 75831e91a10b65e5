// Package record reads, checks and builds record batches in Kafka's format v2 (org.apache.kafka.common.record.DefaultRecordBatch).
// It is pure: bytes in, facts out; no clock, no I/O. A batch is handled in place, as it came over the wire and as it will be stored.
//
// Who may write: Check may clear or correct a client's header fields; afterwards only the partition that owns the batch sets
// base offset, leader epoch and append time. All other functions only read.
package record
