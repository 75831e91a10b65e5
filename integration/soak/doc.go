// Package soak runs the real broker for a long time under a mixed load and looks whether it stays as it was: memory, descriptors,
// goroutines, files, disk use and latency must be flat, and nothing that was acknowledged may be lost.
//
// The load: idempotent and plain producers, some of them compressing; a topic whose old records retention deletes all the time, a compacted
// one; a consumer group whose members come and go; topics that are made and deleted; admin calls; connections that come and go; and every
// few minutes an orderly restart or a kill -9, in turn. It is limited by rate, so that a machine of two cores does other work beside it.
//
// Trends: the samples of the run, but for its first sixth and the first third of each life of the broker, in which caches fill, are cut into
// thirds; the median of the last third may exceed
// that of the first by the share and the slack that bounds say, and no more.
package soak
