package meta

import (
	"math"
	"slices"
	"strconv"
	"strings"
)

// Source says where the value of a setting comes from, by the numbers of DescribeConfigs.
type Source int8

// The sources of settings.
const (
	SourceTopic          Source = 1
	SourceDynamicBroker  Source = 2
	SourceDynamicDefault Source = 3 // the cluster-wide dynamic default
	SourceStaticBroker   Source = 4
	SourceDefault        Source = 5
	SourceLogger         Source = 6 // the log level of a running broker
	SourceClientMetrics  Source = 7
	SourceGroup          Source = 8
)

// Defaults is what a broker brings along: its id and what flags, environment and file have set, by Kafka's names.
type Defaults struct {
	BrokerID int32
	Static   map[string]string
}

// ConfigValue is one setting in force, or one of those that stand behind it.
type ConfigValue struct {
	Name   string
	Value  string
	Null   bool // no value and no default
	Source Source
}

// Effective is the value of a topic's setting as the broker d sees it: the topic's own, else the broker's dynamic, the cluster's dynamic, the
// broker's static one, else the default. min.insync.replicas is the one that the cluster acts by (Image.MinISR). The key must be known.
func Effective(img *Image, t *Topic, d Defaults, key string) (string, Source) {
	return effective(img, t, d, topicDefs[key])
}

func effective(img *Image, t *Topic, d Defaults, def *ConfigDef) (string, Source) {
	if v, ok := t.Configs[def.Name]; ok {
		return v, SourceTopic
	}
	if def.Name == minISRKey {
		return effectiveMinISR(img, t)
	}
	for _, s := range def.Synonyms {
		if v, src := brokerValue(img, d, s.Name); src != SourceDefault {
			return scaled(v, s.Scale), src
		}
	}
	return def.Default, SourceDefault
}

func effectiveMinISR(img *Image, t *Topic) (string, Source) {
	if v, ok := img.BrokerConfig("", minISRKey); ok {
		return v, SourceDynamicDefault
	}
	replicas := 1
	if len(t.Partitions) > 0 {
		replicas = t.Partitions[0].Factor()
	}
	return strconv.Itoa(img.MinISR(t, replicas)), SourceDefault
}

// brokerValue is a broker's setting from what was set; SourceDefault if nothing was.
func brokerValue(img *Image, d Defaults, key string) (string, Source) {
	if v, ok := img.BrokerConfig(strconv.Itoa(int(d.BrokerID)), key); ok {
		return v, SourceDynamicBroker
	}
	if v, ok := img.BrokerConfig("", key); ok {
		return v, SourceDynamicDefault
	}
	if v, ok := d.Static[key]; ok {
		return v, SourceStaticBroker
	}
	return "", SourceDefault
}

func scaled(v string, scale int64) string {
	if scale == 1 {
		return v
	}
	n, err := strconv.ParseInt(strings.TrimSpace(v), 10, 64)
	switch {
	case err != nil:
		return v
	case n < 0:
		return "-1"
	case n > math.MaxInt64/scale:
		return strconv.FormatInt(math.MaxInt64, 10)
	}
	return strconv.FormatInt(n*scale, 10)
}

// EffectiveBroker is the value of a broker's setting in force; null if it is neither set nor has a default.
func EffectiveBroker(img *Image, d Defaults, key string) ConfigValue {
	v, src := brokerValue(img, d, key)
	if src != SourceDefault {
		return ConfigValue{Name: key, Value: v, Source: src}
	}
	def := BrokerConfigDef(key)
	if def == nil {
		return ConfigValue{Name: key, Null: true, Source: SourceDefault}
	}
	return ConfigValue{Name: key, Value: def.Default, Null: !def.HasDefault, Source: SourceDefault}
}

// TopicSynonyms is the chain of values behind a topic's setting, the one in force first, as DescribeConfigs shows it.
// Settings of a broker stand in it as they were written: blanks, leading zeros and all.
func TopicSynonyms(img *Image, t *Topic, d Defaults, key string) []ConfigValue {
	var out []ConfigValue
	if v, ok := t.Configs[key]; ok {
		out = append(out, ConfigValue{Name: key, Value: v, Source: SourceTopic})
	}
	names := synonymNames(key)
	chain := brokerChain(img, d, names)
	switch {
	case len(chain) == 0:
	case chain[0].Name != names[0]: // Kafka shows no chain that begins in another unit
		chain = nil
	case chain[0].Source == SourceDefault && key == minISRKey:
		chain[0].Value, _ = effectiveMinISR(img, t) // follows the replicas
	}
	return append(out, chain...)
}

// BrokerSynonyms is the same for a broker's setting.
func BrokerSynonyms(img *Image, d Defaults, key string) []ConfigValue {
	chain := brokerChain(img, d, standIns(key))
	for len(chain) > 0 && chain[0].Name != key {
		chain = chain[1:]
	}
	return chain
}

// standIns are a broker's setting and what stands in for it: the general one of a listener's own, the same in other units.
func standIns(key string) []string {
	if def := BrokerConfigDef(key); def != nil && def.Name != key {
		return []string{key, def.Name}
	}
	for _, t := range []string{"flush.ms", "retention.ms", "segment.jitter.ms", "segment.ms"} {
		if names := synonymNames(t); slices.Contains(names, key) {
			return names
		}
	}
	return []string{key}
}

func synonymNames(topicKey string) (names []string) {
	for _, s := range topicDefs[topicKey].Synonyms {
		names = append(names, s.Name)
	}
	return names
}

// brokerChain is all that is known of some settings of a broker that stand in for one another, the strongest first: by source,
// and within a source in their order.
func brokerChain(img *Image, d Defaults, names []string) (out []ConfigValue) {
	add := func(src Source, values map[string]string) {
		for _, n := range names {
			if v, ok := values[n]; ok {
				out = append(out, ConfigValue{Name: n, Value: v, Source: src})
			}
		}
	}
	add(SourceDynamicBroker, img.BrokerConfigs(strconv.Itoa(int(d.BrokerID))))
	add(SourceDynamicDefault, img.BrokerConfigs(""))
	add(SourceStaticBroker, d.Static)
	for _, n := range names {
		if def := brokerDefs[n]; def != nil && def.HasDefault {
			out = append(out, ConfigValue{Name: n, Value: def.Default, Source: SourceDefault})
		}
	}
	return out
}

// Settings are a topic's settings in force, parsed once for whoever acts by them. Times are in milliseconds, sizes in bytes;
// −1 stands for no limit where Kafka says so.
type Settings struct {
	RetentionMs          int64 // −1: for ever
	RetentionBytes       int64 // negative: no limit
	SegmentBytes         int64
	SegmentMs            int64
	SegmentJitterMs      int64
	MaxMessageBytes      int32
	IndexIntervalBytes   int32
	Delete               bool // cleanup.policy has delete
	Compact              bool // cleanup.policy has compact
	DeleteRetentionMs    int64
	MinCleanableRatio    float64
	MinCompactionLagMs   int64
	MaxCompactionLagMs   int64
	LogAppendTime        bool // message.timestamp.type
	TimestampBeforeMaxMs int64
	TimestampAfterMaxMs  int64
	MinISR               int32  // min.insync.replicas, never more than the replicas there are
	CompressionType      string // "producer" keeps what was sent
	CompressionLevel     int32  // of CompressionType if it is gzip, lz4 or zstd
	FlushPolicy          string // FlushFsync or FlushOS
	UncleanElection      bool
}

// SettingsOf reads a topic's settings in force on the broker d.
func SettingsOf(img *Image, t *Topic, d Defaults) Settings {
	text := func(key string) string {
		v, _ := Effective(img, t, d, key)
		return strings.TrimSpace(v)
	}
	num := func(key string) int64 { return parseNumber(topicDefs[key], text(key)) }
	policies := splitList(text("cleanup.policy"))
	replicas := 1
	if len(t.Partitions) > 0 {
		replicas = t.Partitions[0].Factor()
	}
	s := Settings{
		RetentionMs: num("retention.ms"), RetentionBytes: num("retention.bytes"),
		SegmentBytes: num("segment.bytes"), SegmentMs: num("segment.ms"), SegmentJitterMs: num("segment.jitter.ms"),
		MaxMessageBytes: int32(num("max.message.bytes")), IndexIntervalBytes: int32(num("index.interval.bytes")),
		Delete: slices.Contains(policies, "delete"), Compact: slices.Contains(policies, "compact"),
		DeleteRetentionMs:  num("delete.retention.ms"),
		MinCompactionLagMs: num("min.compaction.lag.ms"), MaxCompactionLagMs: num("max.compaction.lag.ms"),
		LogAppendTime:        text("message.timestamp.type") == "LogAppendTime",
		TimestampBeforeMaxMs: num("message.timestamp.before.max.ms"), TimestampAfterMaxMs: num("message.timestamp.after.max.ms"),
		MinISR: int32(img.MinISR(t, replicas)), CompressionType: text("compression.type"), FlushPolicy: text(FlushPolicyKey),
	}
	s.MinCleanableRatio, _ = strconv.ParseFloat(text("min.cleanable.dirty.ratio"), 64)
	s.UncleanElection, _ = parseBool(text("unclean.leader.election.enable"))
	switch s.CompressionType {
	case "gzip", "lz4", "zstd":
		s.CompressionLevel = int32(num("compression." + s.CompressionType + ".level"))
	}
	return s
}

// parseNumber reads a whole number; what does not parse (it passed no validation) counts as the default.
func parseNumber(def *ConfigDef, v string) int64 {
	n, err := strconv.ParseInt(v, 10, 64)
	if err != nil {
		n, _ = strconv.ParseInt(def.Default, 10, 64)
	}
	return n
}

// BrokerInt is a whole-number setting of a broker in force; 0 if it is null.
func BrokerInt(img *Image, d Defaults, key string) int64 {
	v := EffectiveBroker(img, d, key)
	def := BrokerConfigDef(key)
	if def == nil {
		def = &ConfigDef{}
	}
	return parseNumber(def, strings.TrimSpace(v.Value))
}

// BrokerBool is a boolean setting of a broker in force; false if it is null.
func BrokerBool(img *Image, d Defaults, key string) bool {
	b, _ := parseBool(strings.TrimSpace(EffectiveBroker(img, d, key).Value))
	return b
}
