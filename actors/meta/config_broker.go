package meta

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

var (
	brokerDefs  = withDocs(parseDefs(brokerTable), brokerDocs, idleBrokerConfigs)
	brokerNames = slices.Sorted(maps.Keys(brokerDefs))
)

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

// SuggestGroup is the same for settings of groups.
func SuggestGroup(key string) string { return Nearest(key, GroupConfigKeys()) }

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
