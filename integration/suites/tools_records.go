package main

import "fmt"

// recordTools: producers and consumers.
var recordTools = []toolCheck{
	{"console-producer-and-consumer", func(t *tools) error {
		name := t.topic("tr-console", 1, 0)
		t.call("h1:v1,h2:v2\tk1\tone\nNULL\tNULL\tNULL\n", "ConsoleProducer", "--bootstrap-server", t.bootstrap, "--topic", name,
			"--reader-property", "parse.key=true", "--reader-property", "parse.headers=true", "--reader-property", "null.marker=NULL")
		out := t.on("ConsoleConsumer", "--topic", name, "--from-beginning", "--max-messages", "2", "--timeout-ms", "20000",
			"--formatter-property", "print.key=true", "--formatter-property", "print.headers=true",
			"--formatter-property", "print.offset=true", "--formatter-property", "print.partition=true")
		t.has(out, `^Partition:0\s+Offset:0\s+h1:v1,h2:v2\s+k1\s+one$`, `Offset:1\s+NO_HEADERS\s+null\s+null$`)
		return nil
	}},
	{"console-consumer/partition-and-offset", func(t *tools) error {
		name := t.topic("tr-seek", 1, 10)
		out := t.on("ConsoleConsumer", "--topic", name, "--partition", "0", "--offset", "7", "--max-messages", "3", "--timeout-ms", "20000")
		t.has(out, "^value-7$", "^value-9$")
		t.hasNot(out, "^value-6$")
		return nil
	}},
	{"console-consumer/include", func(t *tools) error {
		t.topic("tr-inc-1", 1, 2)
		t.topic("tr-inc-2", 1, 2)
		t.has(t.on("ConsoleConsumer", "--include", "tr-inc-.*", "--from-beginning", "--max-messages", "4", "--timeout-ms", "20000"), "Processed a total of 4 messages")
		return nil
	}},
	{"console-consumer/read-committed", func(t *tools) error {
		name := t.topic("tr-committed", 1, 5)
		t.has(t.on("ConsoleConsumer", "--topic", name, "--from-beginning", "--max-messages", "5", "--timeout-ms", "20000", "--isolation-level", "read_committed"), "^value-4$")
		return nil
	}},
	{"producer-and-consumer-perf", func(t *tools) error {
		name := t.topic("tr-perf", 3, 0)
		for _, codec := range []string{"none", "gzip", "snappy", "lz4", "zstd"} {
			out := t.call("", "ProducerPerformance", "--topic", name, "--num-records", "20000", "--record-size", "500", "--throughput", "-1",
				"--producer-props", "bootstrap.servers="+t.bootstrap, "acks=all", "compression.type="+codec)
			t.has(out, "20000 records sent")
		}
		out := t.on("ConsumerPerformance", "--topic", name, "--num-records", "100000", "--timeout", "30000")
		t.has(out, `(?m)^\d{4}-.*, 100\d{3}, `)
		return nil
	}},
	{"producer-perf/warmup-and-throughput", func(t *tools) error {
		name := t.topic("tr-paced", 1, 0)
		out := t.call("", "ProducerPerformance", "--topic", name, "--num-records", "2000", "--record-size", "100", "--throughput", "1000",
			"--producer-props", "bootstrap.servers="+t.bootstrap, "enable.idempotence=true", "linger.ms=5")
		t.has(out, "2000 records sent")
		return nil
	}},
	{"end-to-end-latency", func(t *tools) error {
		name := t.topic("tr-latency", 1, 0)
		out := t.call("", "EndToEndLatency", "--bootstrap-server", t.bootstrap, "--topic", name, "--num-records", "200", "--producer-acks", "all", "--record-size", "100")
		t.has(out, "Avg latency", "Percentiles")
		return nil
	}},
	{"compacted-topic-wants-keys", func(t *tools) error {
		name := t.topic("tr-compact", 1, 0, "cleanup.policy=compact")
		out, _ := t.try("no key\n", "ConsoleProducer", "--bootstrap-server", t.bootstrap, "--topic", name)
		t.has(out, "InvalidRecordException|failed validation|without key")
		t.call("k\tv\n", "ConsoleProducer", "--bootstrap-server", t.bootstrap, "--topic", name, "--reader-property", "parse.key=true")
		t.has(t.on("GetOffsetShell", "--topic", name), fmt.Sprintf("^%s:0:1$", name))
		return nil
	}},
	{"transactions/describe-producers", func(t *tools) error {
		name := t.topic("tr-producers", 1, 5) // the console producer is idempotent
		t.has(t.on("TransactionsCommand", "describe-producers", "--topic", name, "--partition", "0"), `^\d+\s+0\s+`)
		return nil
	}},
}
