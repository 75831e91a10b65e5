package meta

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"troupe/kafka/code"
)

// FlushPolicyKey is a topic setting of our own: when records count as stored. FlushFsync (default) means when they are on disk,
// FlushOS when the operating system has them. BrokerFlushPolicyKey is its broker synonym.
const (
	FlushPolicyKey       = "flush.policy"
	BrokerFlushPolicyKey = "log.flush.policy"
	FlushFsync           = "fsync"
	FlushOS              = "os"
)

// topicDefs holds every topic setting of Kafka 4.3.1, and flush.policy.
var topicDefs = withDocs(parseDefs(`
cleanup.policy list dynamic delete compact,delete log.cleanup.policy
compression.gzip.level int dynamic -1 1..9|-1 compression.gzip.level
compression.lz4.level int dynamic 9 1..17 compression.lz4.level
compression.type string dynamic producer uncompressed,zstd,lz4,snappy,gzip,producer compression.type
compression.zstd.level int dynamic 3 -131072..22 compression.zstd.level
delete.retention.ms long dynamic 86400000 0.. log.cleaner.delete.retention.ms
file.delete.delay.ms long dynamic 60000 0.. log.segment.delete.delay.ms
flush.messages long dynamic 9223372036854775807 1.. log.flush.interval.messages
flush.ms long dynamic 9223372036854775807 0.. log.flush.interval.ms log.flush.scheduler.interval.ms
flush.policy string dynamic fsync fsync,os log.flush.policy
follower.replication.throttled.replicas list dynamic "" throttle
index.interval.bytes int dynamic 4096 0.. log.index.interval.bytes
leader.replication.throttled.replicas list dynamic "" throttle
local.retention.bytes long dynamic -2 -2.. log.local.retention.bytes
local.retention.ms long dynamic -2 -2.. log.local.retention.ms
max.compaction.lag.ms long dynamic 9223372036854775807 1.. log.cleaner.max.compaction.lag.ms
max.message.bytes int dynamic 1048588 0.. message.max.bytes
message.timestamp.after.max.ms long dynamic 3600000 0.. log.message.timestamp.after.max.ms
message.timestamp.before.max.ms long dynamic 9223372036854775807 0.. log.message.timestamp.before.max.ms
message.timestamp.type string dynamic CreateTime CreateTime,LogAppendTime log.message.timestamp.type
min.cleanable.dirty.ratio double dynamic 0.5 0..1 log.cleaner.min.cleanable.ratio
min.compaction.lag.ms long dynamic 0 0.. log.cleaner.min.compaction.lag.ms
min.insync.replicas int dynamic 1 1.. min.insync.replicas
preallocate boolean dynamic false - log.preallocate
remote.log.copy.disable boolean dynamic false -
remote.log.delete.on.disable boolean dynamic false -
remote.storage.enable boolean dynamic false -
retention.bytes long dynamic -1 - log.retention.bytes
retention.ms long dynamic 604800000 -1.. log.retention.ms log.retention.minutes*minutes log.retention.hours*hours
segment.bytes int dynamic 1073741824 1048576.. log.segment.bytes
segment.index.bytes int dynamic 10485760 4.. log.index.size.max.bytes
segment.jitter.ms long dynamic 0 0.. log.roll.jitter.ms log.roll.jitter.hours*hours
segment.ms long dynamic 604800000 1.. log.roll.ms log.roll.hours*hours
unclean.leader.election.enable boolean dynamic false - unclean.leader.election.enable
`), topicDocs, idleTopicConfigs)

// topicDocs says what the settings do that have an effect.
var topicDocs = map[string]string{
	"cleanup.policy": "How old data goes: \"delete\" drops it by retention time and size, \"compact\" keeps the last record of each key; " +
		"both together are possible, and an empty value keeps everything.",
	"compression.gzip.level":          "The gzip level when compression.type is gzip.",
	"compression.lz4.level":           "The lz4 level when compression.type is lz4.",
	"compression.type":                "The codec batches are stored in; \"producer\" keeps the codec of the producer.",
	"compression.zstd.level":          "The zstd level when compression.type is zstd.",
	"flush.policy":                    "When a record counts as stored: \"fsync\" when it is on the disk of each in-sync replica, \"os\" when their operating systems have it.",
	"delete.retention.ms":             "How long tombstones of a compacted topic are kept, so that a reader from the start sees the final state.",
	"max.compaction.lag.ms":           "The longest time a record of a compacted topic may wait for compaction.",
	"min.cleanable.dirty.ratio":       "The share of not yet compacted data from which a log is compacted.",
	"min.compaction.lag.ms":           "The time a record of a compacted topic stays as it was written.",
	"max.message.bytes":               "The largest record batch accepted, in bytes as sent.",
	"message.timestamp.after.max.ms":  "How far a record's timestamp may lie after the broker's clock.",
	"message.timestamp.before.max.ms": "How far a record's timestamp may lie before the broker's clock.",
	"message.timestamp.type":          "Whether records carry the producer's time (CreateTime) or the broker's (LogAppendTime).",
	"min.insync.replicas":             "How many in-sync replicas, the leader among them, a write with acks=all needs.",
	"retention.bytes":                 "The size per partition beyond which the oldest data goes; -1 means no limit.",
	"retention.ms":                    "The age at which data goes; -1 means never.",
	"segment.bytes":                   "The size at which a new segment begins; only closed segments expire or are compacted.",
	"segment.jitter.ms":               "The most that is taken off segment.ms at random, so that segments do not all end at once.",
	"segment.ms":                      "The age at which a new segment begins even if it is not full.",
	"unclean.leader.election.enable":  "Whether a replica that may lack records leads when no other can: the topic goes on, and what is missing is lost.",
}

// TopicConfigDef is the definition of a topic setting; nil if there is none of this name.
func TopicConfigDef(key string) *ConfigDef { return topicDefs[key] }

// TopicConfigKeys are the names of all topic settings, sorted.
func TopicConfigKeys() []string { return slices.Sorted(maps.Keys(topicDefs)) }

// topicJudged is the order in which the values of a topic's settings are judged: Kafka's (LogConfig.CONFIG), so that the first of several
// wrong ones is the same; then ours.
var topicJudged = strings.Fields(`
segment.bytes segment.ms segment.jitter.ms segment.index.bytes flush.messages flush.ms retention.bytes retention.ms max.message.bytes
index.interval.bytes delete.retention.ms min.compaction.lag.ms max.compaction.lag.ms file.delete.delay.ms min.cleanable.dirty.ratio
cleanup.policy unclean.leader.election.enable min.insync.replicas compression.type compression.gzip.level compression.lz4.level
compression.zstd.level preallocate message.timestamp.type message.timestamp.before.max.ms message.timestamp.after.max.ms
leader.replication.throttled.replicas follower.replication.throttled.replicas remote.storage.enable local.retention.ms
local.retention.bytes remote.log.copy.disable remote.log.delete.on.disable ` + FlushPolicyKey)

// ValidateTopicConfigs judges the settings of one topic together: OK and "", or INVALID_CONFIG and why, for the first wrong key: names
// first, then values.
func ValidateTopicConfigs(configs map[string]string) (code.Code, string) {
	if len(configs) == 0 {
		return code.OK, ""
	}
	for _, key := range slices.Sorted(maps.Keys(configs)) {
		if topicDefs[key] == nil {
			return code.InvalidConfig, "Unknown topic config name: " + key
		}
	}
	for _, key := range topicJudged {
		if value, given := configs[key]; given {
			if why := topicDefs[key].Check(value); why != "" {
				return code.InvalidConfig, why
			}
		}
	}
	low, high := lag(configs, "min.compaction.lag.ms"), lag(configs, "max.compaction.lag.ms")
	if low > high {
		return code.InvalidConfig, fmt.Sprintf("conflict topic config setting min.compaction.lag.ms (%d) > max.compaction.lag.ms (%d)", low, high)
	}
	if on, _ := parseBool(strings.TrimSpace(configs["remote.storage.enable"])); on {
		return code.InvalidConfig, "Tiered Storage functionality is disabled in the broker. Topic cannot be configured with remote log storage."
	}
	return code.OK, ""
}

func lag(configs map[string]string, key string) int64 {
	v, ok := configs[key]
	if !ok {
		v = topicDefs[key].Default
	}
	n, _ := strconv.ParseInt(strings.TrimSpace(v), 10, 64)
	return n
}
