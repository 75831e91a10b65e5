package meta

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"troupe/kafka/code"
)

// groupDefs holds every setting of a group of Kafka 4.3.1: KIP-848 (consumer), KIP-932 (share), KIP-1071 (streams).
var groupDefs = withDocs(parseDefs(`
consumer.assignment.interval.ms int dynamic 1000 0.. group.consumer.assignment.interval.ms
consumer.heartbeat.interval.ms int dynamic 5000 1.. group.consumer.heartbeat.interval.ms
consumer.session.timeout.ms int dynamic 45000 1.. group.consumer.session.timeout.ms
share.assignment.interval.ms int dynamic 1000 0.. group.share.assignment.interval.ms
share.auto.offset.reset string dynamic latest reset
share.delivery.count.limit int dynamic 5 2.. group.share.delivery.count.limit
share.heartbeat.interval.ms int dynamic 5000 1.. group.share.heartbeat.interval.ms
share.isolation.level string dynamic read_uncommitted read_committed,read_uncommitted
share.partition.max.record.locks int dynamic 2000 100.. group.share.partition.max.record.locks
share.record.lock.duration.ms int dynamic 30000 1000.. group.share.record.lock.duration.ms
share.renew.acknowledge.enable boolean dynamic true -
share.session.timeout.ms int dynamic 45000 1.. group.share.session.timeout.ms
streams.assignment.interval.ms int dynamic 1000 0.. group.streams.assignment.interval.ms
streams.heartbeat.interval.ms int dynamic 5000 1.. group.streams.heartbeat.interval.ms
streams.initial.rebalance.delay.ms int dynamic 3000 0.. group.streams.initial.rebalance.delay.ms
streams.num.standby.replicas int dynamic 0 0.. group.streams.num.standby.replicas
streams.session.timeout.ms int dynamic 45000 1.. group.streams.session.timeout.ms
`), nil, idleGroupConfigs)

// groupBounds are the broker's settings that bound a group's: at least the first, at most the second.
var groupBounds = []struct{ key, min, max string }{
	{"consumer.heartbeat.interval.ms", "group.consumer.min.heartbeat.interval.ms", "group.consumer.max.heartbeat.interval.ms"},
	{"consumer.session.timeout.ms", "group.consumer.min.session.timeout.ms", "group.consumer.max.session.timeout.ms"},
	{"consumer.assignment.interval.ms", "group.consumer.min.assignment.interval.ms", "group.consumer.max.assignment.interval.ms"},
	{"share.heartbeat.interval.ms", "group.share.min.heartbeat.interval.ms", "group.share.max.heartbeat.interval.ms"},
	{"share.session.timeout.ms", "group.share.min.session.timeout.ms", "group.share.max.session.timeout.ms"},
	{"share.record.lock.duration.ms", "group.share.min.record.lock.duration.ms", "group.share.max.record.lock.duration.ms"},
	{"share.delivery.count.limit", "group.share.min.delivery.count.limit", "group.share.max.delivery.count.limit"},
	{"share.partition.max.record.locks", "group.share.min.partition.max.record.locks", "group.share.max.partition.max.record.locks"},
	{"share.assignment.interval.ms", "group.share.min.assignment.interval.ms", "group.share.max.assignment.interval.ms"},
	{"streams.heartbeat.interval.ms", "group.streams.min.heartbeat.interval.ms", "group.streams.max.heartbeat.interval.ms"},
	{"streams.session.timeout.ms", "group.streams.min.session.timeout.ms", "group.streams.max.session.timeout.ms"},
	{"streams.num.standby.replicas", "", "group.streams.max.standby.replicas"},
	{"streams.assignment.interval.ms", "group.streams.min.assignment.interval.ms", "group.streams.max.assignment.interval.ms"},
}

// GroupConfigDef is the definition of a group's setting; nil if there is none of this name.
func GroupConfigDef(key string) *ConfigDef { return groupDefs[key] }

// GroupConfigKeys are the names of all settings of groups, sorted.
func GroupConfigKeys() []string { return slices.Sorted(maps.Keys(groupDefs)) }

// validateGroup judges the names and values of a group's settings: all that is the same on every node.
func validateGroup(name string, configs map[string]string) (code.Code, string) {
	if name == "" {
		return code.InvalidRequest, "Default group resources are not allowed."
	}
	keys := slices.Sorted(maps.Keys(configs))
	for _, key := range keys {
		if groupDefs[key] == nil {
			return code.InvalidConfig, "Unknown group config name: " + key
		}
	}
	for _, key := range keys {
		if why := groupDefs[key].Check(configs[key]); why != "" {
			return code.InvalidConfig, why
		}
	}
	return code.OK, ""
}

// CheckGroupBounds judges a group's settings, valid in themselves, by what the broker d bounds them with.
func CheckGroupBounds(img *Image, d Defaults, configs map[string]string) (code.Code, string) {
	in := func(key string) int64 {
		if v, ok := configs[key]; ok {
			return parseNumber(groupDefs[key], strings.TrimSpace(v))
		}
		return BrokerInt(img, d, groupDefs[key].Synonyms[0].Name)
	}
	for _, b := range groupBounds {
		if b.min != "" && in(b.key) < BrokerInt(img, d, b.min) {
			return code.InvalidConfig, b.key + " must be greater than or equal to " + b.min
		}
		if in(b.key) > BrokerInt(img, d, b.max) {
			return code.InvalidConfig, b.key + " must be less than or equal to " + b.max
		}
	}
	for _, kind := range []string{"consumer", "share", "streams"} {
		session, beat := kind+".session.timeout.ms", kind+".heartbeat.interval.ms"
		if in(session) <= in(beat) {
			return code.InvalidConfig, session + " must be greater than " + beat
		}
	}
	return code.OK, ""
}

// GroupConfig is a group's setting in force on the broker d, and its source: the group's own, else the broker's.
func GroupConfig(img *Image, d Defaults, group, key string) ConfigValue {
	def := groupDefs[key]
	if v, ok := img.ResourceConfigs(GroupResource, group)[key]; ok {
		return ConfigValue{Name: key, Value: v, Source: SourceGroup}
	}
	for _, s := range def.Synonyms {
		v := EffectiveBroker(img, d, s.Name)
		v.Name = key
		return v
	}
	return ConfigValue{Name: key, Value: def.Default, Source: SourceDefault}
}

// GroupSynonyms is the chain of values behind a group's setting, the one in force first.
func GroupSynonyms(img *Image, d Defaults, group, key string) (out []ConfigValue) {
	v := GroupConfig(img, d, group, key)
	def := groupDefs[key]
	if v.Source == SourceGroup {
		out = append(out, v)
	}
	if len(def.Synonyms) > 0 {
		return append(out, BrokerSynonyms(img, d, def.Synonyms[0].Name)...)
	}
	return append(out, ConfigValue{Name: key, Value: def.Default, Source: SourceDefault})
}

var isoDuration = regexp.MustCompile(`^P(\d+D)?(T(\d+H)?(\d+M)?(\d+(\.\d{1,9})?S)?)?$`)

// checkReset judges share.auto.offset.reset: earliest, latest, or by_duration with an ISO 8601 duration.
func checkReset(key, value string) string {
	d, by := strings.CutPrefix(value, "by_duration:")
	if value == "earliest" || value == "latest" || by && isoDuration.MatchString(d) && strings.ContainsAny(d, "0123456789") && !strings.HasSuffix(d, "T") {
		return ""
	}
	return fmt.Sprintf("Invalid value `%s` for configuration %s. The value must be either 'earliest', 'latest' or of the format "+
		"'by_duration:<PnDTnHnMn.nS>'.", value, key)
}

// clientMetricsDefs are the settings of a subscription of client metrics (KIP-714).
var clientMetricsDefs = withDocs(parseDefs(`
interval.ms int dynamic 300000 -
match list dynamic "" -
metrics list dynamic "" whole
`), nil, idleClientMetricsConfigs)

// ClientMetricsConfigDef is the definition of a setting of a subscription of client metrics; nil if there is none of this name.
func ClientMetricsConfigDef(key string) *ConfigDef { return clientMetricsDefs[key] }

// ClientMetricsConfigKeys are the names of all settings of a subscription of client metrics, sorted.
func ClientMetricsConfigKeys() []string { return slices.Sorted(maps.Keys(clientMetricsDefs)) }

// The bounds of interval.ms, in milliseconds.
const (
	minPushInterval = 100
	maxPushInterval = 3_600_000
)

var matchParams = []string{"client_instance_id", "client_id", "client_software_name", "client_software_version", "client_source_address", "client_source_port"}

func validateClientMetrics(name string, configs map[string]string) (code.Code, string) {
	if name == "" {
		return code.InvalidRequest, "Subscription name can't be empty"
	}
	keys := slices.Sorted(maps.Keys(configs))
	for _, key := range keys {
		if clientMetricsDefs[key] == nil {
			return code.InvalidRequest, "Unknown client metrics configuration: " + key
		}
	}
	for _, key := range keys {
		if why := clientMetricsDefs[key].Check(configs[key]); why != "" {
			return code.InvalidConfig, why
		}
	}
	if v, ok := configs["interval.ms"]; ok {
		if n, _ := strconv.ParseInt(strings.TrimSpace(v), 10, 32); n < minPushInterval || n > maxPushInterval {
			return code.InvalidRequest, fmt.Sprintf("Invalid value %d for interval.ms, interval must be between 100 and 3600000 (1 hour)", n)
		}
	}
	for _, pattern := range splitList(configs["match"]) {
		if !legalMatch(pattern) {
			return code.InvalidConfig, "Illegal client matching pattern: " + pattern
		}
	}
	return code.OK, ""
}

// legalMatch says whether a pattern is a known parameter, one "=", and a regular expression.
func legalMatch(pattern string) bool {
	param, exp, ok := strings.Cut(pattern, "=")
	if !ok || exp == "" || strings.Contains(exp, "=") || !slices.Contains(matchParams, strings.TrimSpace(param)) {
		return false
	}
	_, err := regexp.Compile(strings.TrimSpace(exp))
	return err == nil
}
