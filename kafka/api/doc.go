// Package api answers Kafka requests: one file per API key (NN_name.go), one table of what is served (table.go).
//
// A handler runs inside the connection's actor and never blocks. It gets a Call with a decoded request and one View of the cluster, and goes
// the same way for every key: validate (validate.go), ask whoever knows, take the answers (Call.Next), respond once.
//
//	asked                what                                     by
//	partition actors     what may be read, where an offset is     Fetch, ListOffsets, OffsetForLeaderEpoch, Produce
//	metadata actor       a change of a cluster fact               CreateTopics, DeleteTopics, CreatePartitions, AlterConfigs
//	topic-maker          that a topic exists                      Metadata, FindCoordinator
//	shards of groups     all that concerns a group                JoinGroup, SyncGroup, Heartbeat, LeaveGroup, OffsetCommit, OffsetFetch,
//	                                                              DescribeGroups, ListGroups, DeleteGroups, OffsetDelete
//	producer-ids         the next producer id                     InitProducerId
//	another broker       what only the metadata leader knows      DescribeQuorum, AddRaftVoter, RemoveRaftVoter (forward.go)
//	pool                 bytes and times from the store           Fetch, ListOffsets
//
// Before kmsg decodes a request it passes the bounded walk (walk.go); Produce is read field by field by package kafka.
// Reads of the cluster take no message at all: the View is immutable. Bytes of the log's tail come from memory.
//
// Every broker takes every request. What changes the cluster is a proposal, which finds the leader of the metadata log by itself; what a
// partition or a group has to say is said by the broker that leads it, and the others name that one. A topic that is not known here, while
// others may know it, is waited for a moment (behind.go).
//
// What connections share is made by Env.Spawn: the two actors topic-maker and producer-ids, and the cache of fetch sessions. Everything
// here is bounded: sessions and their partitions (sessions.go), topics in making (topic_maker.go), waiters for producer ids
// (producer_ids.go), reads under way (parallelReads), partitions of one request for topics (meta.MaxPartitionsPerRequest), settings that one request changes (meta.MaxConfigOps).
//
// What differs from Apache Kafka on purpose: a topic that Metadata makes is answered with its leader, not first with
// UNKNOWN_TOPIC_OR_PARTITION; InitProducerId is held while a block of ids is fetched; fetched batches are never cut; and where Kafka answers with
// an internal error (-1) for input that makes no sense, the answer is INVALID_REQUEST or INVALID_FETCH_SIZE.
package api
