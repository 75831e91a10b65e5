package meta

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

var (
	brokerDefs  = withDocs(parseDefs(brokerTable), brokerDocs)
	brokerNames = slices.Sorted(maps.Keys(brokerDefs))
)

// brokerDocs says what the settings do that this broker reads. The others are accepted, so that the configuration of a Kafka can be kept.
var brokerDocs = map[string]string{
	"auto.create.topics.enable":                 "Whether asking for the metadata of a topic that does not exist makes it.",
	"compression.type":                          "The codec of topics that do not set their own.",
	"connections.max.idle.ms":                   "How long a connection may be silent before it is closed.",
	"default.replication.factor":                "The replicas of topics that leave it open. Unset, it is 3 or the number of brokers if there are fewer, and grows with them.",
	"fetch.max.bytes":                           "The most bytes one fetch answer holds.",
	"log.cleanup.policy":                        "The cleanup.policy of topics that do not set their own.",
	"log.flush.policy":                          "The flush.policy of topics that do not set their own.",
	"log.message.timestamp.after.max.ms":        "The message.timestamp.after.max.ms of topics that do not set their own.",
	"log.message.timestamp.before.max.ms":       "The message.timestamp.before.max.ms of topics that do not set their own.",
	"log.message.timestamp.type":                "The message.timestamp.type of topics that do not set their own.",
	"log.retention.bytes":                       "The retention.bytes of topics that do not set their own.",
	"log.retention.check.interval.ms":           "How often the broker looks for data to delete.",
	"log.retention.hours":                       "The retention of topics that do not set their own, in hours; log.retention.minutes and log.retention.ms go before it.",
	"log.retention.minutes":                     "The retention of topics that do not set their own, in minutes; log.retention.ms goes before it.",
	"log.retention.ms":                          "The retention.ms of topics that do not set their own; -1 means for ever.",
	"log.roll.hours":                            "The segment.ms of topics that do not set their own, in hours; log.roll.ms goes before it.",
	"log.roll.ms":                               "The segment.ms of topics that do not set their own.",
	"log.segment.bytes":                         "The segment.bytes of topics that do not set their own.",
	"max.incremental.fetch.session.cache.slots": "How many incremental fetch sessions are kept.",
	"message.max.bytes":                         "The max.message.bytes of topics that do not set their own.",
	"min.insync.replicas":                       "The min.insync.replicas of topics that do not set their own: one value for the whole cluster.",
	"num.partitions":                            "The partitions of topics that leave it open.",
	"producer.id.expiration.ms":                 "How long the state of an idempotent producer is kept after its last write.",
	"socket.request.max.bytes":                  "The largest request accepted.",
	"unclean.leader.election.enable":            "The unclean.leader.election.enable of topics that do not set their own.",
}

// BrokerConfigDef is the definition of a broker setting; nil if there is none of this name. A name with the prefix
// listener.name.<listener>. is that of the setting for one listener.
func BrokerConfigDef(key string) *ConfigDef {
	if d := brokerDefs[key]; d != nil {
		return d
	}
	if rest, ok := strings.CutPrefix(key, "listener.name."); ok {
		if _, plain, ok := strings.Cut(rest, "."); ok {
			if d := brokerDefs[plain]; d != nil {
				return d
			}
			if _, sasl, ok := strings.Cut(plain, "."); ok { // listener.name.<listener>.<mechanism>.sasl.jaas.config
				return brokerDefs[sasl]
			}
		}
	}
	return nil
}

// DynamicOnly says whether a broker's setting cannot be given at start: the throttles of replication.
func (d *ConfigDef) DynamicOnly() bool {
	switch d.Name {
	case "leader.replication.throttled.rate", "follower.replication.throttled.rate", "replica.alter.log.dirs.io.max.bytes.per.second":
		return true
	}
	return false
}

// BrokerConfigKeys are the names of all broker settings, sorted.
func BrokerConfigKeys() []string { return slices.Clone(brokerNames) }

// Suggest is the name of a broker setting that an unknown one was probably meant to be; "" if none is near.
func Suggest(key string) string { return Nearest(key, brokerNames) }

// SuggestTopic is the same for topic settings.
func SuggestTopic(key string) string { return Nearest(key, TopicConfigKeys()) }

// CheckBrokerConfig judges one setting given at start: "" if it is known and valid, else why not, with the name that was probably meant.
func CheckBrokerConfig(key, value string) string {
	d := BrokerConfigDef(key)
	if d == nil {
		why := "unknown configuration key " + strconv.Quote(key)
		if s := Suggest(key); s != "" {
			why += ": did you mean " + s + "?"
		}
		return why
	}
	return d.Check(value)
}
