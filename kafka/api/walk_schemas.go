package api

// groupBytes is what asking and answering for one group takes, be its name ever so short.
const groupBytes = 400

// schemas describes the requests of every served key but Produce, which is read field by field off the socket.
// Names stand in the order of Kafka's message definitions (clients/src/main/resources/common/message).
var schemas = map[int16]schema{
	1: {flex: 12, fields: []field{ // Fetch
		num(4).until(14), // ReplicaId
		num(4), num(4),   // MaxWaitMs, MinBytes
		num(4).since(3),                  // MaxBytes
		num(1).since(4),                  // IsolationLevel
		num(4).since(7), num(4).since(7), // SessionId, SessionEpoch
		list( // Topics
			str().until(12), num(16).since(13), // Topic, TopicId
			list( // Partitions
				num(4),           // Partition
				num(4).since(9),  // CurrentLeaderEpoch
				num(8),           // FetchOffset
				num(4).since(12), // LastFetchedEpoch
				num(8).since(5),  // LogStartOffset
				num(4),           // PartitionMaxBytes
			).with(tagged{0, num(16)}, tagged{1, num(8)}), // ReplicaDirectoryId, HighWatermark
		),
		list(str().since(7).until(12), num(16).since(13), plain(num(4))).since(7), // ForgottenTopicsData: Topic, TopicId, Partitions
		str().since(11), // RackId
	}, tags: []tagged{{0, str().nullable(0)}, {1, structure(num(4), num(8))}}}, // ClusterId, ReplicaState
	2: {flex: 6, fields: []field{ // ListOffsets
		num(4), num(1).since(2), // ReplicaId, IsolationLevel
		list(str(), list(num(4), num(4).since(4), num(8), num(4).until(0))), // Topics: Name, Partitions: PartitionIndex, CurrentLeaderEpoch, Timestamp, MaxNumOffsets
		num(4).since(10), // TimeoutMs
	}},
	3: {flex: 9, fields: []field{ // Metadata
		list(num(16).since(10), str().nullable(10)).nullable(1), // Topics: TopicId, Name
		num(1).since(4),           // AllowAutoTopicCreation
		num(1).since(8).until(10), // IncludeClusterAuthorizedOperations
		num(1).since(8),           // IncludeTopicAuthorizedOperations
	}},
	8: {flex: 8, fields: []field{ // OffsetCommit
		str(), num(4).since(1), str().since(1), // GroupId, GenerationIdOrMemberEpoch, MemberId
		str().since(7).nullable(7), num(8).since(2).until(4), // GroupInstanceId, RetentionTimeMs
		list( // Topics
			str().until(9), num(16).since(10), // Name, TopicId
			list( // Partitions
				num(4), num(8), num(4).since(6), // PartitionIndex, CommittedOffset, CommittedLeaderEpoch
				str().nullable(0), // CommittedMetadata
			),
		),
	}},
	9: {flex: 6, fields: []field{ // OffsetFetch
		str().until(7), list(str(), plain(num(4))).until(7).nullable(2), // GroupId; Topics: Name, PartitionIndexes
		list( // Groups
			str(), str().since(9).nullable(9), num(4).since(9), // GroupId, MemberId, MemberEpoch
			list(str().until(9), num(16).since(10), plain(num(4))).nullable(8), // Topics: Name, TopicId, PartitionIndexes
		).since(8).answered(groupBytes),
		num(1).since(7), // RequireStable
	}},
	10: {flex: 3, fields: []field{str().until(3), num(1).since(1), plain(str()).since(4).answered(groupBytes)}}, // FindCoordinator: Key, KeyType, CoordinatorKeys
	11: {flex: 6, fields: []field{ // JoinGroup
		str(), num(4), num(4).since(1), // GroupId, SessionTimeoutMs, RebalanceTimeoutMs
		str(), str().since(5).nullable(5), str(), // MemberId, GroupInstanceId, ProtocolType
		list(str(), raw()),         // Protocols: Name, Metadata
		str().since(8).nullable(8), // Reason
	}},
	12: {flex: 4, fields: []field{str(), num(4), str(), str().since(3).nullable(3)}}, // Heartbeat: GroupId, GenerationId, MemberId, GroupInstanceId
	13: {flex: 4, fields: []field{ // LeaveGroup
		str(), str().until(2), // GroupId, MemberId
		list(str(), str().nullable(3), str().since(5).nullable(5)).since(3), // Members: MemberId, GroupInstanceId, Reason
	}},
	14: {flex: 4, fields: []field{ // SyncGroup
		str(), num(4), str(), str().since(3).nullable(3), // GroupId, GenerationId, MemberId, GroupInstanceId
		str().since(5).nullable(5), str().since(5).nullable(5), // ProtocolType, ProtocolName
		list(str(), raw()), // Assignments: MemberId, Assignment
	}},
	15: {flex: 5, fields: []field{plain(str()), num(1).since(3)}},                // DescribeGroups: Groups, IncludeAuthorizedOperations
	16: {flex: 3, fields: []field{plain(str()).since(4), plain(str()).since(5)}}, // ListGroups: StatesFilter, TypesFilter
	17: {flex: never, fields: []field{str()}},                                    // SaslHandshake: Mechanism
	18: {flex: 3, fields: []field{str().since(3), str().since(3)}},               // ApiVersions: ClientSoftwareName, ClientSoftwareVersion
	19: {flex: 5, fields: []field{ // CreateTopics
		list(
			str(), num(4), num(2), // Name, NumPartitions, ReplicationFactor
			list(num(4), plain(num(4))),    // Assignments: PartitionIndex, BrokerIds
			list(str(), str().nullable(0)), // Configs: Name, Value
		),
		num(4), num(1).since(1), // timeoutMs, validateOnly
	}},
	20: {flex: 4, fields: []field{ // DeleteTopics
		list(str().nullable(6), num(16)).since(6), // Topics: Name, TopicId
		plain(str()).until(5),                     // TopicNames
		num(4),                                    // TimeoutMs
	}},
	21: {flex: 2, fields: []field{ // DeleteRecords
		list(str(), list(num(4), num(8))), num(4), // Topics: Name, Partitions: PartitionIndex, Offset; TimeoutMs
	}},
	22: {flex: 2, fields: []field{ // InitProducerId
		str().nullable(0), num(4), // TransactionalId, TransactionTimeoutMs
		num(8).since(3), num(2).since(3), // ProducerId, ProducerEpoch
	}},
	23: {flex: 4, fields: []field{ // OffsetForLeaderEpoch
		num(4).since(3), // ReplicaId
		list(str(), list(num(4), num(4).since(2), num(4))), // Topics: Topic, Partitions: Partition, CurrentLeaderEpoch, LeaderEpoch
	}},
	29: {flex: 2, fields: []field{ // DescribeAcls
		num(1), str().nullable(0), num(1).since(1), // ResourceTypeFilter, ResourceNameFilter, PatternTypeFilter
		str().nullable(0), str().nullable(0), // PrincipalFilter, HostFilter
		num(1), num(1), // Operation, PermissionType
	}},
	30: {flex: 2, fields: []field{ // CreateAcls
		list(num(1), str(), num(1).since(1), str(), str(), num(1), num(1)), // Creations: ResourceType, ResourceName, ResourcePatternType, Principal, Host, Operation, PermissionType
	}},
	31: {flex: 2, fields: []field{ // DeleteAcls
		list(num(1), str().nullable(0), num(1).since(1), str().nullable(0), str().nullable(0), num(1), num(1)), // Filters, as in DescribeAcls
	}},
	32: {flex: 4, fields: []field{ // DescribeConfigs
		list(num(1), str(), plain(str()).nullable(0)), // Resources: ResourceType, ResourceName, ConfigurationKeys
		num(1).since(1), num(1).since(3), // IncludeSynonyms, IncludeDocumentation
	}},
	33: {flex: 2, fields: []field{ // AlterConfigs
		list(num(1), str(), list(str(), str().nullable(0))), // Resources: ResourceType, ResourceName, Configs: Name, Value
		num(1), // ValidateOnly
	}},
	34: {flex: 2, fields: []field{list(str(), list(str(), plain(num(4))))}}, // AlterReplicaLogDirs: Dirs: Path, Topics: Name, Partitions
	35: {flex: 2, fields: []field{list(str(), plain(num(4))).nullable(0)}},  // DescribeLogDirs: Topics: Topic, Partitions
	36: {flex: 2, fields: []field{raw()}},                                   // SaslAuthenticate: AuthBytes
	37: {flex: 2, fields: []field{ // CreatePartitions
		list(str(), num(4), list(plain(num(4))).nullable(0)), // Topics: Name, Count, Assignments: BrokerIds
		num(4), num(1), // TimeoutMs, ValidateOnly
	}},
	38: {flex: 2, fields: []field{ // CreateDelegationToken
		str().since(3).nullable(3), str().since(3).nullable(3), // OwnerPrincipalType, OwnerPrincipalName
		list(str(), str()), num(8), // Renewers: PrincipalType, PrincipalName; MaxLifetimeMs
	}},
	39: {flex: 2, fields: []field{raw(), num(8)}},                  // RenewDelegationToken: Hmac, RenewPeriodMs
	40: {flex: 2, fields: []field{raw(), num(8)}},                  // ExpireDelegationToken: Hmac, ExpiryTimePeriodMs
	41: {flex: 2, fields: []field{list(str(), str()).nullable(0)}}, // DescribeDelegationToken: Owners: PrincipalType, PrincipalName
	42: {flex: 2, fields: []field{plain(str())}},                   // DeleteGroups: GroupsNames
	43: {flex: 2, fields: []field{ // ElectLeaders
		num(1).since(1),                                // ElectionType
		list(str(), plain(num(4))).nullable(0), num(4), // TopicPartitions: Topic, Partitions; TimeoutMs
	}},
	44: {flex: 1, fields: []field{ // IncrementalAlterConfigs
		list(num(1), str(), list(str(), num(1), str().nullable(0))), // Resources: ResourceType, ResourceName, Configs: Name, ConfigOperation, Value
		num(1), // ValidateOnly
	}},
	45: {flex: 0, fields: []field{ // AlterPartitionReassignments
		num(4), num(1).since(1), // TimeoutMs, AllowReplicationFactorChange
		list(str(), list(num(4), plain(num(4)).nullable(0))), // Topics: Name, Partitions: PartitionIndex, Replicas
	}},
	46: {flex: 0, fields: []field{num(4), list(str(), plain(num(4))).nullable(0)}}, // ListPartitionReassignments: TimeoutMs, Topics: Name, PartitionIndexes
	47: {flex: never, fields: []field{str(), list(str(), list(num(4)))}},           // OffsetDelete: GroupId; Topics: Name, Partitions: PartitionIndex
	55: {flex: 0, fields: []field{list(str(), list(num(4)))}},                      // DescribeQuorum: Topics: TopicName, Partitions: PartitionIndex
	57: {flex: 0, fields: []field{ // UpdateFeatures
		num(4), // timeoutMs
		list(str(), num(2), num(1).until(0), num(1).since(1)), // FeatureUpdates: Feature, MaxVersionLevel, AllowDowngrade, UpgradeType
		num(1).since(1), // ValidateOnly
	}},
	60: {flex: 0, fields: []field{num(1), num(1).since(1), num(1).since(2)}}, // DescribeCluster: IncludeClusterAuthorizedOperations, EndpointType, IncludeFencedBrokers
	61: {flex: 0, fields: []field{list(str(), plain(num(4)))}},               // DescribeProducers: Topics: Name, PartitionIndexes
	64: {flex: 0, fields: []field{num(4)}},                                   // UnregisterBroker: BrokerId
	74: {flex: 0, fields: []field{plain(num(1)).since(1)}},                   // ListConfigResources: ResourceTypes
	75: {flex: 0, fields: []field{ // DescribeTopicPartitions
		list(str()), num(4), // Topics: Name; ResponsePartitionLimit
		structure(str(), num(4)).nullable(0), // Cursor: TopicName, PartitionIndex
	}},
	80: {flex: 0, fields: []field{ // AddRaftVoter
		str().nullable(0), num(4), num(4), num(16), // ClusterId, TimeoutMs, VoterId, VoterDirectoryId
		list(str(), str(), num(2)), // Listeners: Name, Host, Port
		num(1).since(1),            // AckWhenCommitted
	}},
	81: {flex: 0, fields: []field{str().nullable(0), num(4), num(16)}}, // RemoveRaftVoter: ClusterId, VoterId, VoterDirectoryId
}
