package api

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// Entry is one served API key.
type Entry struct {
	Key      int16
	Min, Max int16 // the versions that ApiVersions tells
	// Served is the first version that is really served; a request between Min and it gets a closed connection, as Kafka gives.
	// Kafka tells Produce from 0 so that old librdkafka keeps compressing (KAFKA-18659).
	Served int16
	Flex   int16 // first version with the flexible encoding (KIP-482); never is one after Max
	// Handle begins a call. It runs in the connection's actor, and must not block.
	Handle func(*Call)
	// Pipelined calls of one connection run at the same time; any other begins when all earlier ones have ended.
	Pipelined bool
	// Early calls are answered even before this broker knows the cluster as it was when it stopped; see node.View.CaughtUp. Others wait.
	Early bool
}

const never = 1 << 14

// Table is all that this broker serves, in the order of the keys. Versions as Kafka 4.3 has them (KIP-896): clients pick by
// them what they send, and so get the same from both.
var Table = []Entry{
	{Key: int16(kmsg.Produce), Min: 0, Max: 13, Served: 3, Flex: 9, Handle: produce, Pipelined: true},
	{Key: int16(kmsg.Fetch), Min: 4, Max: 18, Flex: 12, Handle: fetch},
	{Key: int16(kmsg.ListOffsets), Min: 1, Max: 11, Flex: 6, Handle: listOffsets},
	{Key: int16(kmsg.Metadata), Min: 0, Max: 13, Flex: 9, Handle: metadata},
	{Key: int16(kmsg.OffsetCommit), Min: 2, Max: 10, Flex: 8, Handle: offsetCommit},
	{Key: int16(kmsg.OffsetFetch), Min: 1, Max: 10, Flex: 6, Handle: offsetFetch},
	{Key: int16(kmsg.FindCoordinator), Min: 0, Max: 6, Flex: 3, Handle: findCoordinator},
	{Key: int16(kmsg.JoinGroup), Min: 0, Max: 9, Flex: 6, Handle: joinGroup},
	{Key: int16(kmsg.Heartbeat), Min: 0, Max: 4, Flex: 4, Handle: heartbeat},
	{Key: int16(kmsg.LeaveGroup), Min: 0, Max: 5, Flex: 4, Handle: leaveGroup},
	{Key: int16(kmsg.SyncGroup), Min: 0, Max: 5, Flex: 4, Handle: syncGroup},
	{Key: int16(kmsg.DescribeGroups), Min: 0, Max: 6, Flex: 5, Handle: describeGroups},
	{Key: int16(kmsg.ListGroups), Min: 0, Max: 5, Flex: 3, Handle: listGroups},
	{Key: int16(kmsg.SASLHandshake), Min: 0, Max: 1, Flex: never, Handle: saslHandshake, Early: true},
	{Key: int16(kmsg.ApiVersions), Min: 0, Max: 4, Flex: 3, Handle: apiVersions, Early: true},
	{Key: int16(kmsg.CreateTopics), Min: 2, Max: 7, Flex: 5, Handle: createTopics},
	{Key: int16(kmsg.DeleteTopics), Min: 1, Max: 6, Flex: 4, Handle: deleteTopics},
	{Key: int16(kmsg.DeleteRecords), Min: 0, Max: 2, Flex: 2, Handle: deleteRecords},
	{Key: int16(kmsg.InitProducerID), Min: 0, Max: 5, Flex: 2, Handle: initProducerID},
	{Key: int16(kmsg.OffsetForLeaderEpoch), Min: 2, Max: 4, Flex: 4, Handle: offsetForLeaderEpoch},
	{Key: int16(kmsg.DescribeACLs), Min: 1, Max: 3, Flex: 2, Handle: describeACLs},
	{Key: int16(kmsg.CreateACLs), Min: 1, Max: 3, Flex: 2, Handle: createACLs},
	{Key: int16(kmsg.DeleteACLs), Min: 1, Max: 3, Flex: 2, Handle: deleteACLs},
	{Key: int16(kmsg.DescribeConfigs), Min: 1, Max: 4, Flex: 4, Handle: describeConfigs},
	{Key: int16(kmsg.AlterConfigs), Min: 0, Max: 2, Flex: 2, Handle: alterConfigs},
	{Key: int16(kmsg.AlterReplicaLogDirs), Min: 1, Max: 2, Flex: 2, Handle: alterReplicaLogDirs},
	{Key: int16(kmsg.DescribeLogDirs), Min: 1, Max: 5, Flex: 2, Handle: describeLogDirs},
	{Key: int16(kmsg.SASLAuthenticate), Min: 0, Max: 2, Flex: 2, Handle: saslAuthenticate, Early: true},
	{Key: int16(kmsg.CreatePartitions), Min: 0, Max: 3, Flex: 2, Handle: createPartitions},
	{Key: int16(kmsg.CreateDelegationToken), Min: 1, Max: 3, Flex: 2, Handle: createDelegationToken},
	{Key: int16(kmsg.RenewDelegationToken), Min: 1, Max: 2, Flex: 2, Handle: renewDelegationToken},
	{Key: int16(kmsg.ExpireDelegationToken), Min: 1, Max: 2, Flex: 2, Handle: expireDelegationToken},
	{Key: int16(kmsg.DescribeDelegationToken), Min: 1, Max: 3, Flex: 2, Handle: describeDelegationToken},
	{Key: int16(kmsg.DeleteGroups), Min: 0, Max: 2, Flex: 2, Handle: deleteGroups},
	{Key: int16(kmsg.ElectLeaders), Min: 0, Max: 2, Flex: 2, Handle: electLeaders},
	{Key: int16(kmsg.IncrementalAlterConfigs), Min: 0, Max: 1, Flex: 1, Handle: incrementalAlterConfigs},
	{Key: int16(kmsg.AlterPartitionAssignments), Min: 0, Max: 1, Flex: 0, Handle: alterPartitionAssignments},
	{Key: int16(kmsg.ListPartitionReassignments), Min: 0, Max: 0, Flex: 0, Handle: listPartitionReassignments},
	{Key: int16(kmsg.OffsetDelete), Min: 0, Max: 0, Flex: never, Handle: offsetDelete},
	{Key: int16(kmsg.DescribeQuorum), Min: 0, Max: 2, Flex: 0, Handle: describeQuorum, Early: true},
	{Key: int16(kmsg.UpdateFeatures), Min: 0, Max: 2, Flex: 0, Handle: updateFeatures},
	{Key: int16(kmsg.DescribeCluster), Min: 0, Max: 2, Flex: 0, Handle: describeCluster},
	{Key: int16(kmsg.DescribeProducers), Min: 0, Max: 0, Flex: 0, Handle: describeProducers},
	{Key: int16(kmsg.UnregisterBroker), Min: 0, Max: 0, Flex: 0, Handle: unregisterBroker},
	{Key: int16(kmsg.ListConfigResources), Min: 0, Max: 1, Flex: 0, Handle: listConfigResources},
	{Key: int16(kmsg.DescribeTopicPartitions), Min: 0, Max: 0, Flex: 0, Handle: describeTopicPartitions},
	{Key: int16(kmsg.AddRaftVoter), Min: 0, Max: 1, Flex: 0, Handle: addRaftVoter},
	{Key: int16(kmsg.RemoveRaftVoter), Min: 0, Max: 0, Flex: 0, Handle: removeRaftVoter},
}

// Find is the entry of a key; nil if it is not served.
func Find(table []Entry, key int16) *Entry {
	i, ok := slices.BinarySearchFunc(table, key, func(e Entry, k int16) int { return int(e.Key) - int(k) })
	if !ok {
		return nil
	}
	return &table[i]
}

// Serves says whether requests of version are answered.
func (e *Entry) Serves(version int16) bool {
	return version >= e.Served && version >= e.Min && version <= e.Max
}

// Flexible says whether version has the flexible encoding.
func (e *Entry) Flexible(version int16) bool { return version >= e.Flex }
