package meta

import (
	"slices"
	"strings"
)

// withDocs says of each setting what it does here, or why it does nothing.
func withDocs(defs map[string]*ConfigDef, docs map[string]string, idle []idleConfigs) map[string]*ConfigDef {
	for name, d := range defs {
		if d.Doc = docs[name]; d.Doc != "" {
			d.Effect = true
			continue
		}
		for i := range idle {
			if idle[i].has(name) {
				d.Doc = "Accepted without effect: " + idle[i].why
				break
			}
		}
	}
	return defs
}

// idleConfigs are settings without effect and the reason that they share. A name ending in * stands for all that begin like it.
type idleConfigs struct {
	names string
	why   string
}

func (r *idleConfigs) has(name string) bool {
	return slices.ContainsFunc(strings.Fields(r.names), func(p string) bool {
		prefix, all := strings.CutSuffix(p, "*")
		return name == p || all && strings.HasPrefix(name, prefix)
	})
}

// brokerDocs says what the settings do that this broker reads.
var brokerDocs = map[string]string{
	"advertised.listeners":                             "The addresses that clients are told; --advertise goes before it.",
	"auto.create.topics.enable":                        "Whether asking for the metadata of a topic that does not exist makes it.",
	"auto.leader.rebalance.enable":                     "Whether leaderships go back to the preferred replicas by themselves, a few seconds after those can lead.",
	"broker.id":                                        "This node's number under its old name; node.id and --node-id go before it.",
	"broker.heartbeat.interval.ms":                     "How often this broker tells the controller that it lives. Kafka's default is 2000.",
	"broker.rack":                                      "The rack or zone of this node; --rack goes before it.",
	"broker.session.timeout.ms":                        "Without a heartbeat for so long a broker is fenced; it stops serving as a leader a little earlier. Kafka's default is 9000.",
	"compression.gzip.level":                           "The compression.gzip.level of topics that do not set their own.",
	"compression.lz4.level":                            "The compression.lz4.level of topics that do not set their own.",
	"compression.type":                                 "The codec of topics that do not set their own.",
	"compression.zstd.level":                           "The compression.zstd.level of topics that do not set their own.",
	"connections.max.idle.ms":                          "How long a connection may be silent before it is closed.",
	"controller.listener.names":                        "Listeners of Kafka's controller: they are not opened here, where brokers talk at --peer-listen.",
	"controller.quorum.voters":                         "More than one voter is refused: founders are named by --seeds.",
	"cordoned.log.dirs":                                "Anything keeps new replicas away from the broker; broker cluster drain sets it.",
	"default.replication.factor":                       "The replicas of topics that leave it open. Unset, it is 3 or the number of brokers if there are fewer, and grows with them.",
	"delete.topic.enable":                              "Whether topics may be deleted.",
	"fetch.max.bytes":                                  "The most bytes one fetch answer holds.",
	"leader.imbalance.check.interval.seconds":          "How often all partitions are looked through for those that another replica leads than the preferred one, beside each change. Unset, it is 30.",
	"listener.security.protocol.map":                   "The protocol of each listener in listeners; PLAINTEXT is there.",
	"listeners":                                        "The addresses to listen on; --listen goes before it.",
	"log.cleanup.policy":                               "The cleanup.policy of topics that do not set their own.",
	"log.dir":                                          "Where data is kept, if log.dirs is not set; --data-dir goes before it.",
	"log.dirs":                                         "Where data is kept: one folder; --data-dir goes before it.",
	"log.flush.policy":                                 "The flush.policy of topics that do not set their own.",
	"log.message.timestamp.after.max.ms":               "The message.timestamp.after.max.ms of topics that do not set their own.",
	"log.message.timestamp.before.max.ms":              "The message.timestamp.before.max.ms of topics that do not set their own.",
	"log.message.timestamp.type":                       "The message.timestamp.type of topics that do not set their own.",
	"log.retention.bytes":                              "The retention.bytes of topics that do not set their own.",
	"log.retention.check.interval.ms":                  "How often the broker looks for data to delete.",
	"log.retention.hours":                              "The retention of topics that do not set their own, in hours; log.retention.minutes and log.retention.ms go before it.",
	"log.retention.minutes":                            "The retention of topics that do not set their own, in minutes; log.retention.ms goes before it.",
	"log.retention.ms":                                 "The retention.ms of topics that do not set their own; -1 means for ever.",
	"log.roll.hours":                                   "The segment.ms of topics that do not set their own, in hours; log.roll.ms goes before it.",
	"log.roll.jitter.hours":                            "The segment.jitter.ms of topics that do not set their own, in hours; log.roll.jitter.ms goes before it.",
	"log.roll.jitter.ms":                               "The segment.jitter.ms of topics that do not set their own.",
	"log.roll.ms":                                      "The segment.ms of topics that do not set their own.",
	"log.segment.bytes":                                "The segment.bytes of topics that do not set their own.",
	"group.initial.rebalance.delay.ms":                 "How long the first rebalance of an empty group waits for more members.",
	"group.max.session.timeout.ms":                     "The longest session timeout a member may ask for.",
	"group.max.size":                                   "How many members a group may have.",
	"group.min.session.timeout.ms":                     "The shortest session timeout a member may ask for.",
	"log.cleaner.backoff.ms":                           "How long the cleaner waits when it has found nothing to compact.",
	"log.cleaner.dedupe.buffer.size":                   "The most memory for the keys of one compaction.",
	"log.cleaner.delete.retention.ms":                  "The delete.retention.ms of topics that do not set their own.",
	"log.cleaner.enable":                               "Whether logs are compacted.",
	"log.cleaner.io.max.bytes.per.second":              "The most bytes that compaction reads and writes in a second.",
	"log.cleaner.max.compaction.lag.ms":                "The max.compaction.lag.ms of topics that do not set their own.",
	"log.cleaner.min.cleanable.ratio":                  "The min.cleanable.dirty.ratio of topics that do not set their own.",
	"log.cleaner.min.compaction.lag.ms":                "The min.compaction.lag.ms of topics that do not set their own.",
	"max.connection.creation.rate":                     "How many connections are accepted in a second; more wait.",
	"max.connections":                                  "How many connections there may be; one more waits until another ends.",
	"max.connections.per.ip":                           "How many connections one address may have; one more is closed.",
	"max.connections.per.ip.overrides":                 "The max.connections.per.ip of single addresses, as ADDRESS:COUNT.",
	"max.incremental.fetch.session.cache.slots":        "How many incremental fetch sessions are kept.",
	"max.request.partition.size.limit":                 "The most partitions that one DescribeTopicPartitions answer holds.",
	"message.max.bytes":                                "The max.message.bytes of topics that do not set their own.",
	"min.insync.replicas":                              "The min.insync.replicas of topics that do not set their own: one value for the whole cluster.",
	"node.id":                                          "This node's number; --node-id goes before it.",
	"num.partitions":                                   "The partitions of topics that leave it open.",
	"offset.metadata.max.bytes":                        "The longest metadata of a committed offset, in bytes.",
	"offsets.commit.timeout.ms":                        "How long a group's write to __consumer_offsets may take.",
	"offsets.retention.check.interval.ms":              "How often committed offsets that have expired are looked for.",
	"offsets.retention.minutes":                        "How long the offsets of a group without members are kept.",
	"offsets.topic.compression.codec":                  "The codec of what groups write to __consumer_offsets, by its number: 0 none, 1 gzip, 2 snappy, 3 lz4, 4 zstd.",
	"offsets.topic.num.partitions":                     "The partitions of __consumer_offsets, when it is made.",
	"offsets.topic.replication.factor":                 "The replicas of __consumer_offsets, when it is made. Unset, it follows the size of the cluster.",
	"offsets.topic.segment.bytes":                      "The segment.bytes of __consumer_offsets, when it is made.",
	"producer.id.expiration.ms":                        "How long the state of an idempotent producer is kept after its last write.",
	"queued.max.request.bytes":                         "The most memory that requests of all connections take together, if it is less than --memory allows; -1 leaves it to that.",
	"replica.lag.time.max.ms":                          "A follower that is behind for so long leaves the in-sync replicas; one whose link is lost, or that confirms nothing while others do, leaves sooner.",
	"replica.selector.class":                           "org.apache.kafka.common.replica.RackAwareReplicaSelector sends consumers to an in-sync replica in their rack; another name does nothing.",
	"share.coordinator.state.topic.num.partitions":     "The partitions of __share_group_state, when it is made.",
	"share.coordinator.state.topic.replication.factor": "The replicas of __share_group_state, when it is made. Unset, it follows the size of the cluster.",
	"share.coordinator.state.topic.segment.bytes":      "The segment.bytes of __share_group_state, when it is made.",
	"socket.receive.buffer.bytes":                      "The kernel's buffer for what a connection receives. Unset, the kernel chooses.",
	"socket.request.max.bytes":                         "The largest request accepted.",
	"socket.send.buffer.bytes":                         "The kernel's buffer for what a connection sends. Unset, the kernel chooses; to clients on the broker's own host it is 512 KiB.",
	"transaction.max.timeout.ms":                       "The longest transaction timeout that InitProducerId accepts.",
	"transaction.state.log.num.partitions":             "The partitions of __transaction_state, when it is made.",
	"transaction.state.log.replication.factor":         "The replicas of __transaction_state, when it is made. Unset, it follows the size of the cluster.",
	"transaction.state.log.segment.bytes":              "The segment.bytes of __transaction_state, when it is made.",
	"unclean.leader.election.enable":                   "The unclean.leader.election.enable of topics that do not set their own.",
}

// Reasons that settings of several kinds share.
const (
	whyFsync      = "records are on disk before they are acknowledged; flush.policy is what can relax it."
	whyStore      = "partitions live in one store, which manages its own files and indexes."
	whyTiered     = "there is no remote storage."
	whyThrottled  = "there are no quotas yet; followers that lag are fed in turns, behind what is new."
	whyOneCleaner = "logs are compacted one at a time, in batches as they are stored."
)

// idleTopicConfigs are the settings of topics without effect.
var idleTopicConfigs = []idleConfigs{
	{"flush.messages flush.ms", whyFsync},
	{"file.delete.delay.ms index.interval.bytes preallocate segment.index.bytes", whyStore},
	{"follower.replication.throttled.replicas leader.replication.throttled.replicas", whyThrottled},
	{"local.retention.* remote.*", whyTiered},
}

// idleBrokerConfigs are the settings of brokers without effect.
var idleBrokerConfigs = []idleConfigs{
	{"alter.config.policy.class.name authorizer.class.name client.quota.callback.class config.providers create.topic.policy.class.name " +
		"kafka.metrics.reporters metric.reporters principal.builder.class security.providers",
		"it names classes of Java, and none are loaded here."},
	{"background.threads group.coordinator.background.threads group.coordinator.threads num.io.threads num.network.threads num.recovery.threads.per.data.dir " +
		"queued.max.requests share.coordinator.threads", "actors run on all cores; there is no pool of threads to size."},
	{"log.cleaner.*", whyOneCleaner},
	{"log.flush.*", whyFsync},
	{"log.index.* log.preallocate log.segment.delete.delay.ms", whyStore},
	{"follower.fetch.last.tiered.offset.enable log.local.retention.* remote.*", whyTiered},
	{"alter.log.dirs.* log.dir.failure.timeout.ms num.replica.alter.log.dirs.threads replica.alter.log.dirs.io.max.bytes.per.second",
		"there is one folder of data."},
	{"controlled.shutdown.enable", "a broker that is told to end always gives away first what it leads."},
	{"initial.broker.registration.timeout.ms", "a broker tries to register for as long as it takes."},
	{"inter.broker.listener.name", "brokers reach each other at --peer-listen, in a protocol of their own."},
	{"follower.replication.throttled.rate leader.replication.throttled.rate replication.quota.*", whyThrottled},
	{"num.replica.fetchers replica.* request.timeout.ms socket.connection.setup.timeout.*",
		"leaders push to their followers, over one link from broker to broker that has limits of its own."},
	{"controller.quorum.* controller.socket.timeout.ms early.start.listeners metadata.* process.roles",
		"each node is broker and controller, and the metadata log is Raft with settings that need no tuning."},
	{"controller.quota.* quota.*", "there are no quotas yet."},
	{"connection.failed.authentication.delay.ms connections.max.reauth.ms delegation.token.* sasl.* security.inter.broker.protocol ssl.*",
		"there is no TLS, SASL or delegation token yet."},
	{"delete.records.purgatory.purge.interval.requests fetch.purgatory.purge.interval.requests producer.purgatory.purge.interval.requests " +
		"share.fetch.purgatory.purge.interval.requests", "what waits is taken out when it is answered; there is nothing to purge."},
	{"add.partitions.to.txn.* transaction.* transactional.id.expiration.ms", "there are no transactions yet."},
	{"group.consumer.*", "groups of the new protocol (KIP-848) are not served yet. Bounds hold for what groups may set."},
	{"group.share.* share.*", "share groups are not served yet. Bounds hold for what groups may set."},
	{"group.streams.*", "streams groups are not served yet. Bounds hold for what groups may set."},
	{"group.coordinator.append.linger.ms group.coordinator.cached.buffer.max.bytes", "what groups write at a time is one write; nothing lingers for it."},
	{"group.coordinator.rebalance.protocols", "the classic protocol is served, and no other."},
	{"offsets.load.buffer.size", "offsets are read back in pieces of a fixed size."},
	{"kafka.metrics.polling.interval.secs metrics.* telemetry.max.bytes", "metrics are counted, not sampled, and told at /metrics of the admin address."},
	{"socket.listen.backlog.size", "the kernel's own limit holds (net.core.somaxconn)."},
}

// idleGroupConfigs are the settings of groups without effect: those of KIP-848, KIP-932 and KIP-1071.
var idleGroupConfigs = []idleConfigs{{"*", "groups of the classic protocol have no settings of their own, and the newer protocols are not served yet."}}

// idleClientMetricsConfigs are the settings of subscriptions of client metrics.
var idleClientMetricsConfigs = []idleConfigs{{"*", "subscriptions are kept and shown; no metrics are taken from clients yet."}}
