// Package clients tries real clients against the real binary: kcat, kafka-python, confluent-kafka, franz-go, sarama,
// kafka-go and Java's console tools. Each check compares contents, order, keys, headers and timestamps record by record:
// what a client wrote is read back by itself, and by franz-go; every codec and idempotence is tried where the client
// has it. A client that is not installed is listed as missing, and fails the run with STRICT=1.
package clients
