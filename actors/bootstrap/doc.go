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
// A cluster lives only if most voters of its record take it up. A store takes up one record in its life, and each voter of a record stands
// for one seed. Two records that both live would have to share a store in most of the seats, and the first seed's, of which a store decides
// once in its life. A first seed that lost its disk finds the cluster at the others, for those who have a record ask no more as empty ones;
// without their questions it cannot decide again. Nothing else depends on time or on messages that get lost, come twice or late.
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
