package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// kgo is franz-go's client. Its tests are given a seed broker; only those that are listed in online/kgo.txt ask it.
var kgo = suite{
	name: "kgo", version: "v1.22.2",
	get: getModule("github.com/twmb/franz-go", "v1.22.2"),
	run: runModule("github.com/twmb/franz-go", "v1.22.2", goSuite{
		dir: "pkg/kgo", timeout: 40 * time.Minute,
		env: func(bootstrap string) []string {
			return []string{"KGO_SEEDS=" + bootstrap, "KGO_TEST_RF=1", "KGO_TEST_RECORDS=50000", "KGO_TEST_UNSAFE="}
		},
	}),
}

// kgoCluster is the same on three nodes, with three replicas of everything.
var kgoCluster = suite{
	name: "kgo-cluster", version: "v1.22.2", lists: "kgo",
	broker: settings{nodes: 3},
	get:    getModule("github.com/twmb/franz-go", "v1.22.2"),
	run: runModule("github.com/twmb/franz-go", "v1.22.2", goSuite{
		dir: "pkg/kgo", timeout: 40 * time.Minute,
		env: func(bootstrap string) []string {
			return []string{"KGO_SEEDS=" + bootstrap, "KGO_TEST_RF=3", "KGO_TEST_RECORDS=50000", "KGO_TEST_UNSAFE="}
		},
	}),
}

// kafkaGo wants its broker at this very address, and makes topics by asking for them.
var kafkaGo = suite{
	name: "kafka-go", version: "v0.4.51",
	broker: settings{port: 9092, advertise: "localhost", properties: []string{
		"auto.create.topics.enable=true", "num.partitions=1", "message.max.bytes=200000000",
	}},
	get: getModule("github.com/segmentio/kafka-go", "v0.4.51"),
	run: runModule("github.com/segmentio/kafka-go", "v0.4.51", goSuite{
		timeout: 40 * time.Minute, args: []string{".", "./topics"},
		env: func(string) []string { return []string{"KAFKA_SKIP_NETTEST=1", "KAFKA_VERSION=3.7.0"} },
	}),
}

// confluentGo is librdkafka behind Go. Its file of settings lies beside its tests.
var confluentGo = suite{
	name: "confluent-go", version: "v2.11.1",
	get: getModule("github.com/confluentinc/confluent-kafka-go/v2", "v2.11.1"),
	run: runConfluentGo,
}

func runConfluentGo(j job) (results, error) {
	dir, err := j.cache.module("github.com/confluentinc/confluent-kafka-go/v2", "v2.11.1")
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(map[string]any{
		"Brokers": j.bootstrap, "BrokersSasl": "", "TopicName": "test", "GroupID": "testgroup",
		"PerfMsgCount": 20000, "PerfMsgSize": 100, "Config": []string{"api.version.request=true"},
	})
	if err != nil {
		return nil, err
	}
	dir = filepath.Join(dir, "kafka")
	if err := os.WriteFile(filepath.Join(dir, "testconf.json"), text, 0o644); err != nil {
		return nil, err
	}
	g := goSuite{
		timeout: 40 * time.Minute,
		env:     func(string) []string { return []string{"CGO_ENABLED=1"} },
	}
	return g.test(j, dir)
}

func getModule(path, version string) func(cache) error {
	return func(c cache) error {
		_, err := c.module(path, version)
		return err
	}
}

func runModule(path, version string, g goSuite) func(job) (results, error) {
	return func(j job) (results, error) {
		dir, err := j.cache.module(path, version)
		if err != nil {
			return nil, err
		}
		return g.test(j, filepath.Join(dir, filepath.FromSlash(strings.TrimPrefix(g.dir, "/"))))
	}
}
