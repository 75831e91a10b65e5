package main

// A bound is what one figure must keep, in each state of the page cache; 0: nothing is required.
type bound struct{ full, fresh float64 }

func (b bound) in(state string) float64 {
	if state == "full" {
		return b.full
	}
	return b.fresh
}

func both(v float64) bound { return bound{v, v} }

// measure says what the bound of a row is about.
type measure int

const (
	overKafka measure = iota // Troupe's figure divided by Kafka's
	overFlush                // by that of Kafka with log.flush.interval.messages=1
	overDisk                 // by the disk's own write and sync
	absolute                 // Troupe's figure itself
)

// A row is one figure of the table.
type row struct {
	key, title    string
	of            measure
	less          bool // less is better
	required, aim bound
}

// rows in the order of the table. The keys are what -only selects by.
var rows = []row{
	{key: "produce-1k", title: "produce acks=all 1 KiB, 12 partitions, acknowledged, MB/s", required: bound{0.8, 1.5}, aim: bound{1.0, 2.5}},
	{key: "produce-1k-disk", title: "the same until on disk (sync), MB/s", required: bound{1.0, 2.0}, aim: bound{1.3, 3.0}},
	{key: "produce-1k-flush", title: "the same, acknowledged, beside Kafka with log.flush.interval.messages=1, MB/s", of: overFlush, required: both(1.5), aim: both(2.0)},
	{key: "produce-100b", title: "produce 100 B, MB/s", required: bound{0.9, 1.1}, aim: bound{1.0, 1.3}},
	{key: "produce-1000p", title: "produce 1 KiB to 1,000 partitions, MB/s", required: bound{1.5, 3.0}, aim: both(5.0)},
	{key: "java-produce", title: "produce 1 KiB by Java's ProducerPerformance, MB/s", required: bound{0.8, 1.5}, aim: bound{1.0, 2.5}},
	{key: "consume-tail", title: "consume right after producing, MB/s", required: both(1.0), aim: both(1.5)},
	{key: "consume-groups", title: "10 groups at once, of a quarter of it, right after producing, MB/s", required: both(1.0), aim: both(1.5)},
	{key: "consume-cold", title: "consume cold files (caches dropped), MB/s", required: both(1.2), aim: both(1.7)},
	{key: "consume-hot", title: "consume hot files (read just before), MB/s", required: both(0.6), aim: both(1.0)},
	{key: "java-consume", title: "consume right after producing by Java's ConsumerPerformance, MB/s", required: both(1.0), aim: both(1.5)},
	{key: "latency-p50", title: "produce latency at 100 MB/s, p50 ms", less: true},
	{key: "latency-p99", title: "produce latency at 100 MB/s, p99 ms", less: true, required: both(0.3), aim: both(0.05)},
	{key: "latency-p99.9", title: "produce latency at 100 MB/s, p99.9 ms", less: true, required: both(0.3), aim: both(0.05)},
	{key: "single-acked-p50", title: "one record at a time, acknowledged, p50 ms; ÷ the disk's write + fsync", of: overDisk, less: true, required: both(2.0), aim: both(1.3)},
	{key: "single-acked-p99", title: "one record at a time, acknowledged, p99 ms", less: true},
	{key: "single-seen-p50", title: "one record at a time, seen by a consumer, p50 ms; ÷ the disk's write + fsync", of: overDisk, less: true, required: both(2.0), aim: both(1.3)},
	{key: "single-seen-p99", title: "one record at a time, seen by a consumer, p99 ms", less: true},
	{key: "single-disk", title: "the disk's write + fsync of 4 KiB in the same minute, p50 ms", less: true},
	{key: "start-ready", title: "empty data dir to ready, ms", of: absolute, less: true, required: both(100)},
	{key: "start-disk", title: "the disk's write + fsync of 4 KiB just before, p50 ms", less: true},
	{key: "start-idle", title: "idle memory (RSS), MB", of: absolute, less: true, required: both(40)},
	{key: "memory-after", title: "memory after all loads (RSS), MB", less: true},
	{key: "memory-peak", title: "highest memory under any load (VmHWM), MB", less: true},
}
