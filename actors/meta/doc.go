// Package meta holds the cluster's facts and the only function that changes them.
//
// It is pure: no I/O, no clock, no goroutine, no randomness of its own. The metadata actor feeds it the entries of the Raft log;
// every node computes the same images, results and changes.
//
// # What is where
//
//   - An Image (image.go, shards.go) is the state at one Raft index. It is immutable; its neighbours share what they have in common.
//   - A Command (commands.go) is an intent. Apply (apply*.go) judges it against the image and gives the next image, what changed, and
//     the answer. edit.go is one apply under way; elect.go decides who leads; dedup.go remembers answers.
//   - Records (records.go, diff.go, load.go) are the image cut into keys and values: Diff gives what an apply batch has to write, and a
//     snapshot (snapshot.go) is all of them with a checksum.
//   - Settings of topics and brokers (config*.go) are those of Apache Kafka 4.3.1, with flush.policy added.
//   - Placement (place.go) and names (names.go) help the proposer, who makes every choice that a command carries.
//   - Check and CheckStep (invariants.go) say what can never be true.
//
// # Rules
//
// What Apply computes is part of the protocol: old and new binaries must agree on every entry. A decision that changes is gated by
// the feature level in the image, numbers of kinds and record keys are never used again, and testdata keeps the bytes of every command
// and the outcome of stories.
//
// Everything that grows is bounded: topics and partitions by the 32 bits of a part id, which is never used again; partitions of one topic by
// MaxPartitionsOfTopic; remembered answers by the limits in dedup.go. The size of one command is bounded by who proposes it.
package meta
