// Package differential sends the same requests to a real Apache Kafka and to Troupe and compares the answers.
//
// A [Case] is a short conversation, told once for each version it is meant for. It runs on two [Side]s at the same time;
// each writes a transcript, one line for each field of each answer, in which everything that two brokers cannot share
// (topic ids, producer ids, ports, the clock) is replaced by a name. Two transcripts are equal, or each line that differs
// stands in the table of accepted differences with its reason, or the case has failed.
//
// Kafka compared with itself must show no difference: that is the test of the transcripts.
package differential
