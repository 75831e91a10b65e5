// Package bootstrap settles how a broker becomes part of a cluster. The actor owns the answer to "who is this node": its cluster, node id and
// Raft id, until they are durable; from then on it tells others who ask.
//
// # States
//
//	searching --a record of founders, or a place in a cluster--> settling --durable--> settled
//
// A broker that was started without flags, or on a directory that knows its cluster, begins as settled.
//
// # Founding (--seeds)
//
// Every founder asks all seeds, again and again. A question says what the asker is: empty, with this list of seeds. The first seed of the sorted
// list decides, and nobody else: it holds the questions of founders with the same list, and when at the same time a question of every other
// seed waits for its answer, it makes the record: the cluster's id, and for each founder its store, node id, Raft id and address. That is
// InitCluster, the first command of the log, word for word. The record is durable at the first seed before anybody is told of it. Founders
// make it durable too, then begin Raft with the voters that it names, each from the same state, and propose it.
//
// Whoever has a place in a cluster gives what it has to those who ask: the record, if it names the asker's store, else a place by AddNode.
// So if any seed belongs to a cluster already, the others join it.
//
// # Why there are never two clusters
//
// A cluster lives only if most voters of its record take it up, and a store takes up one record in its life. The first seed takes up what it
// makes, so a second record takes a first seed that has lost its disk. Whoever took up the first record asks no more as an empty one, and
// without the questions of all there is no second. What is left is a record on its way to somebody while a second one is made: the voters of
// both sit at the same seats, so those that take up the first are missing to the second, whose lost seat is missing to the first, and not
// both find most. None of this depends on time, or on messages that get lost, come twice or late.
//
// Raft ids are never used twice: those of a record belong to the stores in it, and a store that the record does not name gets one that was never
// given (AddNode), even under a node id that was.
//
// # Invariants
//
//   - Nobody is told of a place in a cluster, and no actor works under it, before it is durable.
//   - A node's store id is durable before it says it to anybody.
//   - At most one visit is under way to an address; questions of others are held for holdFor and then answered, one per store.
package bootstrap
