// Package clients tries real clients against the real binary: kcat, kafka-python, confluent-kafka, franz-go, sarama,
// kafka-go and Java's console tools. Each check compares offsets, keys, values, headers and timestamps record by record.
//
// TestClients: each client makes, lists and deletes topics; writes in every codec and, where it can, idempotent; franz-go
// looks at what was stored; the client reads it from the start, from an offset and from a timestamp to the end, and reads
// what franz-go wrote in all codecs. TestEachReadsAll: what one client wrote, every other one reads identically. TestMany:
// partitions larger than one answer. TestAutoCreate: topics that are made by asking for them. TestGroups: two members of each
// client share a topic, one leaves, the broker restarts. TestKafkaTools: what Kafka's own tools say.
//
// A client that is not installed is listed as missing, and fails the run with STRICT=1.
//
//	BROKER_BIN=bin/broker go test -v ./integration/clients
//	TROUPE_BOOTSTRAP=$(integration/oracle/oracle start /tmp/kafka) go test -v ./integration/clients    # tests the test
package clients
