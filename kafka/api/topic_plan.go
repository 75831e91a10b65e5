package api

import (
	"slices"

	"troupe/actors/kit"
	"troupe/actors/meta"
	"troupe/kafka/code"
)

// unset leaves a count to the cluster.
const unset = -1

// topicPlan makes NewTopic commands out of what clients want: it fills in what they leave open and places replicas. It sees one image, and
// each topic knows of those planned before it. Two brokers may plan the same topic at once; Apply decides.
type topicPlan struct {
	img    *meta.Image
	d      meta.Defaults
	sys    kit.System
	placer *meta.Placer
	names  map[string]string // folded name -> name of what is planned
}

// wantedTopic is a topic that somebody wants.
type wantedTopic struct {
	name        string
	partitions  int32 // unset: num.partitions
	replication int16 // unset: default.replication.factor, else as many as the cluster has, up to three
	assignments [][]int32
	configs     map[string]string
}

func newTopicPlan(img *meta.Image, d meta.Defaults, sys kit.System) *topicPlan {
	return &topicPlan{img: img, d: d, sys: sys, placer: meta.NewPlacer(img), names: map[string]string{}}
}

// add plans one topic whose name is legal, or says why not.
func (p *topicPlan) add(w wantedTopic) (meta.NewTopic, code.Code, string) {
	n := meta.NewTopic{Name: w.name, Configs: w.configs, Internal: isInternal(w.name)}
	e, why := firstRefusal(
		checkNewTopicName(p.img, w.name, p.names),
		func() (code.Code, string) { return meta.ValidateTopicConfigs(w.configs) },
		func() (code.Code, string) { return p.place(&n, w) },
	)
	if e != code.OK {
		return meta.NewTopic{}, e, why
	}
	n.ID = newTopicID(p.sys)
	p.names[folded(w.name)] = w.name
	return n, code.OK, ""
}

func (p *topicPlan) place(n *meta.NewTopic, w wantedTopic) (e code.Code, why string) {
	if len(w.assignments) > 0 {
		n.Assignments = w.assignments
		return checkAssignments(p.img, w.assignments, len(w.assignments[0]))
	}
	partitions, rf := w.partitions, w.replication
	if rf < unset || rf == 0 {
		return code.InvalidReplicationFactor, "Replication factor must be larger than 0, or -1 to use the default value."
	}
	if partitions < unset || partitions == 0 {
		return code.InvalidPartitions, "Number of partitions was set to an invalid non-positive value."
	}
	if partitions == unset {
		partitions = int32(meta.BrokerInt(p.img, p.d, "num.partitions"))
	}
	if rf == unset {
		rf, n.RFAuto = p.defaultReplication()
		n.MinISRAuto = n.RFAuto
	}
	n.Assignments, e, why = p.placer.Place(partitions, rf, p.sys.Rand())
	return e, why
}

// defaultReplication is the replication factor of topics that leave it open, and whether it follows the size of the cluster.
func (p *topicPlan) defaultReplication() (rf int16, auto bool) {
	v := meta.EffectiveBroker(p.img, p.d, "default.replication.factor")
	if v.Source != meta.SourceDefault {
		return int16(meta.BrokerInt(p.img, p.d, "default.replication.factor")), false
	}
	return int16(p.img.AutoFactor()), true
}

// wantedAuto is what an auto-created topic looks like: all left open, but for the topics that the broker keeps its own state in.
func wantedAuto(img *meta.Image, d meta.Defaults, name string) wantedTopic {
	w := wantedTopic{name: name, partitions: unset, replication: unset}
	prefix := map[string]string{"__consumer_offsets": "offsets.topic.", "__transaction_state": "transaction.state.log.",
		"__share_group_state": "share.coordinator.state.topic."}[name]
	if prefix == "" {
		return w
	}
	w.partitions = int32(meta.BrokerInt(img, d, prefix+"num.partitions"))
	w.configs = map[string]string{
		"cleanup.policy": "compact", "compression.type": "producer",
		"segment.bytes": itoa(meta.BrokerInt(img, d, prefix+"segment.bytes")),
	}
	if v := meta.EffectiveBroker(img, d, prefix+"replication.factor"); v.Source != meta.SourceDefault {
		w.replication = int16(meta.BrokerInt(img, d, prefix+"replication.factor"))
	}
	return w
}

// checkAssignments judges replicas that a client chose; each partition has to have rf of them.
func checkAssignments(img *meta.Image, assignments [][]int32, rf int) (code.Code, string) {
	for _, replicas := range assignments {
		if len(replicas) == 0 {
			return code.InvalidReplicaAssignment, "The manual partition assignment includes an empty replica list."
		}
		sorted := slices.Sorted(slices.Values(replicas)) // of several mistakes Kafka tells that of the least broker
		for i, id := range sorted {
			if img.Broker(id) == nil {
				return code.InvalidReplicaAssignment, "The manual partition assignment includes broker " + itoa(int64(id)) + ", but no such broker is registered."
			}
			if i > 0 && sorted[i-1] == id {
				return code.InvalidReplicaAssignment, "The manual partition assignment includes the broker " + itoa(int64(id)) + " more than once."
			}
		}
		if len(replicas) != rf {
			return code.InvalidReplicaAssignment, "The manual partition assignment includes a partition with " + itoa(int64(len(replicas))) +
				" replica(s), but this is not consistent with previous partitions, which have " + itoa(int64(rf)) + " replica(s)."
		}
		if len(serving(img, replicas)) == 0 {
			return code.InvalidReplicaAssignment, "All brokers specified in the manual partition assignment are fenced or in controlled shutdown."
		}
	}
	return code.OK, ""
}
