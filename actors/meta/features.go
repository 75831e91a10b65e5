package meta

import (
	"slices"
	"strings"
)

// A feature is something that all brokers of a cluster do, or none: each broker supports a range of levels of it, and the cluster has
// finalized one of them (KIP-584). Clients see both in ApiVersions. The names are Kafka's, and so is what a level promises to clients.

// supportedFeatures are those of this broker, by name. One is listed only if what it promises is kept.
var supportedFeatures = []Feature{
	// Partitions have eligible leader replicas beside the in-sync ones, and DescribeTopicPartitions shows them (KIP-966).
	{"eligible.leader.replicas.version", 1, 1},
	// Kafka's number for the metadata of 4.3, by which tools tell how old a cluster is. Its metadata records, which the older levels are
	// about, are not ours: there is nothing to change between.
	{"metadata.version", 30, 30},
}

// initialFeatures are the levels with which a cluster of a feature level begins, by name. What has been released never changes here,
// for logs are applied again; a cluster gets what came later by UpdateFeatures.
var initialFeatures = map[uint32][]FeatureLevel{
	1: {{"eligible.leader.replicas.version", 1}, {"metadata.version", 30}},
}

// FeatureLevel is the level of a feature that a cluster has finalized.
type FeatureLevel struct {
	Name  string
	Level int16 // at least 1; 0 in the image: finalized no more
}

// SupportedFeatures are the levels that this broker supports, by name.
func SupportedFeatures() []Feature { return slices.Clone(supportedFeatures) }

// Features are the finalized levels, by name.
func (m *Image) Features() (out []FeatureLevel) {
	for _, f := range initialFeatures[m.featureLevel] {
		if _, changed := m.changedFeature(f.Name); !changed {
			out = append(out, f)
		}
	}
	for _, f := range m.features {
		if f.Level > 0 {
			out = append(out, f)
		}
	}
	slices.SortFunc(out, func(a, b FeatureLevel) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// Feature is the finalized level of a feature, 0 if it has none.
func (m *Image) Feature(name string) int16 {
	if level, changed := m.changedFeature(name); changed {
		return level
	}
	for _, f := range initialFeatures[m.featureLevel] {
		if f.Name == name {
			return f.Level
		}
	}
	return 0
}

// changedFeature is the level that UpdateFeatures gave, if it did.
func (m *Image) changedFeature(name string) (int16, bool) {
	i, ok := slices.BinarySearchFunc(m.features, name, cmpFeature)
	if !ok {
		return 0, false
	}
	return m.features[i].Level, true
}

func cmpFeature(f FeatureLevel, name string) int { return strings.Compare(f.Name, name) }
