// Package differential sends the same requests to a real Apache Kafka and to Troupe and compares the answers.
//
// A [Case] is a short conversation, told once for each version it is meant for. It runs on two [Side]s at the same time;
// each writes a transcript, one line for each field of each answer, in which everything that two brokers cannot share
// (topic ids, producer ids, ports, the clock) is replaced by a name. Two transcripts are equal, or each line that differs
// stands in the table of accepted differences with its reason, or the case has failed.
//
// Beside the cases that say what they try (cases_*.go), edges try what a stranger would, each key and version is asked with ten fills of its
// fields (cases_each.go), conversations by chance say what nobody thought of (cases_random.go, cases_random_talks.go), and clusters of three nodes are compared, too (cases_cluster.go).
//
// A broker that is set up otherwise answers otherwise: SETTINGS, in the environment of the test, are given to both. Error messages are compared word by
// word but in conversations by chance, the order of elements only on request (ORDERS=1): Kafka's is mostly that of its hash tables.
//
// Kafka compared with itself must show no difference: that is the test of the transcripts.
package differential
