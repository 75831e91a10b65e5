package main

import "fmt"

// alone is the state of figures that Troupe shows by itself: nothing is done to the page cache.
const alone = "alone"

const nodes = 3

// clusterRows are the figures of three brokers, in the order of the table. Those that are divided by Kafka's stand in both states of the
// page cache, the absolute ones once.
var clusterRows = []row{
	{key: "produce-1k", title: "produce acks=all 1 KiB, 12 partitions, acknowledged, MB/s", required: bound{0.8, 1.0}},
	{key: "produce-1k-disk", title: "the same until on disk (sync), MB/s", required: bound{1.0, 1.5}},
	{key: "produce-100b", title: "produce 100 B, acknowledged, MB/s", required: bound{0.8, 1.0}},
	{key: "produce-100b-disk", title: "the same until on disk (sync), MB/s", required: bound{1.0, 1.5}},
	{key: "consume-tail", title: "consume right after producing, MB/s", required: both(1.0)},
	{key: "latency-p50", title: "produce latency at 15 MB/s, p50 ms", less: true},
	{key: "latency-p99", title: "produce latency at 15 MB/s, p99 ms", less: true, required: both(0.5)},
	{key: "latency-p99.9", title: "produce latency at 15 MB/s, p99.9 ms", less: true},
	{key: "memory-after", title: "memory after all loads (RSS of three), MB", less: true},
	{key: "memory-peak", title: "highest memory under any load (VmHWM of three), MB", less: true},

	{key: "requests-ratio", title: requestsTitle, of: absolute, required: both(92.6)},
	{key: "requests-one", title: "of that, one broker, requests a second", of: absolute},
	{key: "requests-three", title: "of that, three brokers, requests a second", of: absolute},
	{key: "requests-busy", title: "of that, processor time of the machine in use with three brokers, %", of: absolute, less: true},
	{key: "kill-median", title: "a broker is killed (kill -9): until the last of its partitions acknowledges again, ms, median of all kills", of: absolute, less: true, required: both(1000)},
	{key: "kill-worst", title: "the same, the worst", of: absolute, less: true, required: both(2000)},
	{key: "pause-follower", title: "a broker is stopped for 3 s (SIGSTOP): longest time without an acknowledgement where it follows, ms", of: absolute, less: true, required: both(1000)},
	{key: "pause-leader", title: "the same where it leads, ms (the client waits 1 s for an answer)", of: absolute, less: true},
	{key: "metadata-rate", title: "IncrementalAlterConfigs of 200 bytes, 64 clients, one each at a time, answered a second", of: absolute, required: both(5000)},
	{key: "fence", title: fenceTitle, of: absolute, less: true, required: both(100)},
	{key: "fence-few", title: "the same of a broker that leads 10 partitions, ms", of: absolute, less: true},
}

func (o options) rows() []row {
	if o.cluster {
		return clusterRows
	}
	return rows
}

func (o options) replicas() int16 {
	if o.cluster {
		return nodes
	}
	return 1
}

// pace is how many MB/s the latency figure offers.
func (o options) pace() int {
	if o.cluster {
		return 15
	}
	return 100
}

// defaults are those that depend on other flags. Three brokers on one machine take a third each of what one would take.
func (o *options) defaults() {
	if o.mb == 0 {
		o.mb = 1024
		if o.cluster {
			o.mb = 256
		}
	}
	if o.cluster && o.memory == "" {
		o.memory = fmt.Sprintf("%dMiB", int(totalMB()*1e6/2/nodes)>>20)
	}
}
