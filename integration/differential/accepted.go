package differential

import "regexp"

// An accepted difference: lines of these cases at these paths may differ, for this reason. Empty patterns match all.
type accepted struct {
	cases, path   string
	kafka, troupe string // patterns of the values
	reason        string
}

// acceptedDifferences is the whole list. Each has a reason that a client's author would accept.
var acceptedDifferences = []accepted{
	// What Kafka has and this broker does not serve yet: it advertises only what it serves.
	{path: `ApiKeys\[(2[14-8]|4[89]|5[0-4689]|6[235-9]|7[0-3]|7[6-9]|[89]\d)\]`, troupe: `^$`, reason: "keys that are not served are not advertised"},
	{cases: `^(wire|(each/)?ApiVersions)/`, path: `ApiKeys$`, kafka: `^\d+ elements$`, troupe: `^\d+ elements$`, reason: "keys that are not served are not advertised"},
	{path: `(Supported|Finalized)Features$`, kafka: `^[167] elements$`, troupe: `^2 elements$`, reason: "features that are not there are not shown"},
	{path: `(Supported|Finalized)Features\["(group|kraft|share|streams|transaction).version"\]`, troupe: `^$`, reason: "features that are not there are not shown"},
	{path: `SupportedFeatures\["eligible.leader.replicas.version"\]`, reason: "eligible leader replicas cannot be switched off"},
	{cases: `^UpdateFeatures/`, path: `ErrorMessage$`, kafka: `(versions 7-30|either safe or unsafe downgrade\.)"$`, troupe: `versions 30-30"$`, reason: "the metadata is not Kafka's: there are no older levels of it"},
	{path: `SupportedFeatures\["metadata.version"\] MinVersion$`, kafka: `^7$`, troupe: `^30$`, reason: "the metadata is not Kafka's: there are no older levels of it"},

	{cases: `^(DescribeLogDirs/after records were deleted |random/(DescribeLogDirs|topics)/)`, path: `Size$`, reason: "Kafka counts whole files, with what was deleted in them; here a size is that of what can be read"},
	{cases: `^(DescribeQuorum|cluster/quorum)/`, path: `ReplicaDirectoryID$`, kafka: `^zero$`, troupe: `^id`, reason: "the oracle's voters are named in its configuration, and have no directory ids; here a voter's is its store's"},

	// Configs of topics.
	{cases: `^edges/CreateTopics/`, path: `ErrorMessage$`, kafka: `^"Unknown topic config name: flush.policy"$`, reason: "a config of Troupe's own"},
	{path: `Configs\["flush.policy"\]`, kafka: `^$`, reason: "a config of Troupe's own"},
	{cases: `^(((edges|cluster|random)/)?CreateTopics|random/(topics|offsets))/`, path: `Configs$`, kafka: `^33 elements$`, troupe: `^34 elements$`, reason: "a config of Troupe's own"},
	{path: `Configs\["min.insync.replicas"\] Source$`, kafka: `^3$`, troupe: `^5$`, reason: "a new Kafka sets the cluster-wide min.insync.replicas=1; here the default follows the replicas"},

	{cases: `^(random/)?(DescribeConfigs|(Incremental)?AlterConfigs|configs/\w+|topics)/`, path: `Resources\[(\d+ )?TOPIC "[^"]*"\] Configs$`, kafka: `^33 elements$`, troupe: `^34 elements$`, reason: "a config of Troupe's own"},
	{cases: `^(random/)?(DescribeConfigs|(Incremental)?AlterConfigs|configs/\w+|topics)/`, path: `Configs\["min.insync.replicas"\] Source$`, kafka: `^DYNAMIC_DEFAULT_BROKER_CONFIG$`, troupe: `^DEFAULT_CONFIG$`, reason: "a new Kafka sets the cluster-wide min.insync.replicas=1; here the default follows the replicas"},
	{cases: `^(random/)?(DescribeConfigs|(Incremental)?AlterConfigs|configs/\w+|topics)/`, path: `Configs\["min.insync.replicas"\] ConfigSynonyms`, reason: "a new Kafka sets the cluster-wide min.insync.replicas=1; here the default follows the replicas"},
	{cases: `^(DescribeConfigs/all brokers |configs/brokers/all brokers: wrong )`, path: `Configs`, troupe: `^(\[\]|null or empty|)$`, reason: "a new Kafka sets the cluster-wide min.insync.replicas=1; here the default follows the replicas"},

	// Configs of brokers.
	{path: `Configs\["log.flush.policy"\]`, kafka: `^$`, reason: "a config of Troupe's own"},
	{cases: `^(random/)?(DescribeConfigs|(Incremental)?AlterConfigs|configs/\w+|topics)/`, path: `Resources\[BROKER "1"\] Configs$`, kafka: `^340 elements$`, troupe: `^341 elements$`, reason: "a config of Troupe's own"},
	{cases: `^(DescribeConfigs|configs/\w+)/`, path: `Configs\["broker.(session.timeout|heartbeat.interval).ms"\].* Value$`, kafka: `^"?(9000|2000)"?$`, troupe: `^"?(2000|250)"?$`, reason: "a broker that died is replaced sooner here"},
	{cases: `^DescribeConfigs/broker `, path: `Configs\["(listeners|advertised.listeners|log.dirs)"\].* Value$`, reason: "addresses and folders are each process's own"},
	{cases: `^DescribeConfigs/broker `, path: `Configs\["(controller.listener.names|controller.quorum.voters|(offsets.topic|transaction.state.log|share.coordinator.state.topic).(replication.factor|min.isr))"\]`, reason: "the oracle is started with settings of its own"},
	{cases: `^configs/brokers/`, path: `Configs\["(advertised.)?listeners"\].* Value$`, reason: "addresses and folders are each process's own"},
	{cases: `^configs/brokers/one broker: wrong `, path: `ErrorMessage$`, kafka: `^"Invalid value org.apache.kafka.common.config.ConfigException: `, reason: "Kafka wraps these texts in the name of a Java class"},
	{cases: `^configs/brokers/one broker: wrong `, path: `ErrorMessage$`, kafka: `^"(/ by zero|.*begin 0, end -1, length 1|For input string: .*)"$`, reason: "a text of the Java runtime says nothing to an operator"},
	{cases: `^((each|random)/)?(DescribeConfigs|topics)/`, path: `ErrorMessage$`, kafka: `^"This most likely occurs because of a request being malformed`, reason: "an unknown kind of resource is named"},
	{cases: `^DescribeConfigs/loggers `, path: `BROKER_LOGGER`, reason: "loggers are those of each program: here there is one, root"},

	// Read-after-write: who asks for a topic that is to be made gets it with its leader, in the first answer.
	{cases: `^(Metadata/(made by asking|several made by asking|longest name)|each/Metadata/(minus one|least|largest|largest twice)) `, path: `^001 Metadata v\d+ Topics\["(auto|x)`, reason: "a topic made by asking is answered with its leader at once"},

	// Groups.
	{cases: `^FindCoordinator/transactions `, path: `FindCoordinator`, reason: "transactions are not served yet: who asks for their coordinator hears so at once"},
	{cases: `^((each|random)/)?FindCoordinator/`, path: `ErrorMessage$`, kafka: `^(""|"This most likely occurs .*")$`, troupe: `^("This broker does not serve share groups: .*"|some text)$`, reason: "what is not served yet is refused with a word about it"},
	{cases: `^(JoinGroup/after a refused one|OffsetDelete/all of them) `, path: `Groups\["g"\] State$`, kafka: `^"Empty"$`, troupe: `^"Dead"$`, reason: "a group without members and offsets is forgotten at once, not by the next clean-up"},
	{cases: `^JoinGroup/joined twice at once `, path: `002 JoinGroup v5 waits`, kafka: `^true$`, troupe: `^false$`, reason: "of two joins of one member Kafka never answers the first"},

	// Where Kafka fails: an internal error, or no answer at all.
	{cases: `^Produce/null records `, kafka: `^(no answer)?$`, reason: "Kafka never answers null records"},
	{cases: `^(edges/)?Produce/(codec [57]|broken gzip|broken codecs|codec bit on plain records|endless varint|dependent blocks|compressed (delta gap|nothing|record: offset delta -?1)|stray bytes behind compressed ones) `, path: `ErrorCode$`, kafka: `^-1$`, troupe: `^(76|87|2)$`, reason: "records that Kafka trips over are invalid"},
	{cases: `^Fetch/(isolation level 2|negative (partition )?max bytes) `, path: `ErrorCode$`, kafka: `^-1$`, troupe: `^(42|4)$`, reason: "a fetch that Kafka trips over is invalid"},
	{cases: `^ListOffsets/isolation levels `, path: `ErrorCode$`, kafka: `^-1$`, troupe: `^42$`, reason: "an unknown isolation level is invalid"},
	{cases: `^(Metadata/null name and zero id|each/Metadata/null texts) v1[23]$`, path: `ErrorCode$`, kafka: `^-1$`, troupe: `^42$`, reason: "neither name nor id is invalid"},
	{cases: `^DelegationTokens/an owner without a kind `, path: `(ErrorCode|PrincipalName)$`, kafka: `^(-1|"ANONYMOUS")$`, troupe: `^(64|"bob")$`, reason: "tokens are refused to whoever has not told who he is, whatever he asks for"},
	{cases: `^IncrementalAlterConfigs/unknown operations `, path: `Error(Code|Message)$`, kafka: `^(-1|null)$`, troupe: `^(42|"Unknown operations type (4|-1)")$`, reason: "an unknown operation is invalid"},
	{cases: `^(AlterConfigs/the same resource twice|each/AlterConfigs/(zeroes|largest) twice) `, kafka: `^(no answer|closed)?$`, reason: "Kafka never answers a resource that is named twice"},
	{cases: `^(CreatePartitions/far too many|edges/CreatePartitions/only tried) `, kafka: `^(-1|null)$`, troupe: `^(44|"(Excessively large number of partitions per request|Unable to perform excessively large batch operation)\."|some text)$`, reason: "too many partitions are refused by policy"},
	{cases: `^(DescribeTopicPartitions/empty name|each/DescribeTopicPartitions/(zeroes|zeroes twice|null texts)) `, path: `(ErrorCode|AuthorizedOperations)$`, kafka: `^(-1|-2147483648)$`, troupe: `^(17|3576)$`, reason: "an illegal name is an error of its own"},

	{cases: `^(CreateTopics/colliding in one request|edges/CreateTopics/only tried) `, path: `Topics\["(x_y|a_b)"\]`, reason: "Kafka makes both of two colliding names in one request, and refuses the second a moment later"},

	{cases: `^Produce/compression.type/append time by the client `, path: `RecordBatches\[0\]`, reason: "Kafka takes the batch's last time for every record if a client marks it as the broker's; no client does, and here the mark means nothing"},

	{cases: `^edges/Produce/(compressed record: length too (large|small)|stray bytes behind compressed ones) `, reason: "Kafka stores compressed records whose lengths are wrong, and bytes behind them, that not all clients can read"},
	{cases: `^edges/groups/protocol twice `, kafka: `^(no answer( to a join)?)?$`, reason: "Kafka never answers a protocol that is named twice"},

	// Clusters.
	{cases: `^cluster/moves/`, path: `Partitions\[\d\] LeaderEpoch$`, reason: "here a leader's epoch begins anew whenever the replicas change; Kafka's only when one leaves or another one leads"},

	// Bytes that no client uses.
	{cases: `^(Fetch/max bytes|edges/session/other limits in a session )`, path: `RecordBatches$`, kafka: `^(\d+ batches) and \d+ more bytes$`, troupe: `^\d+ batches and 0 more bytes$`, reason: "a batch is sent whole or not at all: clients throw away what is cut"},
	{cases: `^ApiVersions/unknown version and no tags in the header `, kafka: `^(closed)?$`, troupe: `^(answer|000000070023|)$`, reason: "the form of a header in an unknown version is anybody's guess: it is answered"},
	{cases: `^wire/tags `, path: `^001 `, kafka: `^answer$`, troupe: `^closed$`, reason: "Kafka takes a tag count of 2^32-1 for a negative one and goes on"},
	{cases: `^wire/tags `, path: `^00[12] `, troupe: `^$`, reason: "Kafka takes a tag count of 2^32-1 for a negative one and goes on"},
}

// reason gives why a difference is accepted and which entry says so, or nothing.
func reason(d Difference) (why string, entry int) {
	for i, a := range acceptedDifferences {
		if matches(a.cases, d.Case) && matches(a.path, d.Path) && matches(a.kafka, d.Kafka) && matches(a.troupe, d.Troupe) {
			return a.reason, i
		}
	}
	return "", -1
}

func matches(pattern, text string) bool {
	return pattern == "" || regexp.MustCompile(pattern).MatchString(text)
}
