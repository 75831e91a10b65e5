package meta

import (
	"encoding/base64"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// String is the id as Kafka writes it: 22 characters of base64url.
func (id TopicID) String() string { return uuidText(id) }

// ParseTopicID reads what String wrote.
func ParseTopicID(s string) (TopicID, bool) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	if err != nil || len(b) != len(TopicID{}) {
		return TopicID{}, false
	}
	return TopicID(b), true
}

func uuidText(id [16]byte) string { return base64.RawURLEncoding.EncodeToString(id[:]) }

// String is the entry in one line, for dumps of the log.
func (e Envelope) String() string {
	return fmt.Sprintf("%d/%d/%d at %d %s", e.ID.Node, e.ID.Incarnation, e.ID.Seq, e.TimeMs, commandText(e.Cmd))
}

var kindNames = [...]string{KindInitCluster: "InitCluster", KindAddNode: "AddNode", KindRegisterBroker: "RegisterBroker",
	KindFenceBroker: "FenceBroker", KindUnfenceBroker: "UnfenceBroker", KindCreateTopics: "CreateTopics", KindDeleteTopics: "DeleteTopics",
	KindCreatePartitions: "CreatePartitions", KindIncrementalAlterConfigs: "IncrementalAlterConfigs", KindAllocateProducerIds: "AllocateProducerIds",
	KindUpdateFeatures: "UpdateFeatures", KindAlterPartition: "AlterPartition", KindResignLeadership: "ResignLeadership", KindElectLeaders: "ElectLeaders",
	KindAlterReassignments: "AlterReassignments", KindBeginControlledShutdown: "BeginControlledShutdown", KindUnregisterBroker: "UnregisterBroker",
	KindRemoveNode: "RemoveNode"}

// String is the kind's name.
func (k Kind) String() string {
	if k > 0 && int(k) < len(kindNames) {
		return kindNames[k]
	}
	return fmt.Sprintf("Kind(%d)", uint16(k))
}

func commandText(c Command) string {
	var b strings.Builder
	b.WriteString(c.Kind().String())
	switch c := c.(type) {
	case InitCluster:
		fmt.Fprintf(&b, " %s created %d feature %d %s", c.ClusterID, c.CreatedMs, c.FeatureLevel, configsText(c.Configs))
		for _, n := range c.Founders {
			fmt.Fprintf(&b, " node %d raft %x store %s %s %s", n.ID, n.RaftID, uuidText(n.StoreID), endpointsText(n.Endpoints), n.Version)
		}
	case AddNode:
		fmt.Fprintf(&b, " requested %d store %s %s %s", c.RequestedID, uuidText(c.StoreID), endpointsText(c.Endpoints), c.Version)
	case RegisterBroker:
		fmt.Fprintf(&b, " %d incarnation %s store %s after %d%s%s %s features %v dirs %d", c.BrokerID, uuidText(c.Incarnation), uuidText(c.StoreID),
			c.PrevBrokerEpoch, flagText(c.PrevFenced, " prev-fenced"), flagText(c.Rack != "", " rack "+c.Rack), endpointsText(c.Listeners),
			c.Features, len(c.LogDirs))
	case FenceBroker:
		fmt.Fprintf(&b, " %d epoch %d because %q", c.BrokerID, c.BrokerEpoch, c.Reason)
	case UnfenceBroker:
		fmt.Fprintf(&b, " %d epoch %d", c.BrokerID, c.BrokerEpoch)
	case CreateTopics:
		for _, t := range c.Topics {
			fmt.Fprintf(&b, " %q %s %v%s%s%s %s", t.Name, t.ID, t.Assignments, flagText(t.RFAuto, " rf-auto"), flagText(t.MinISRAuto, " min-isr-auto"),
				flagText(t.Internal, " internal"), configsText(t.Configs))
		}
	case DeleteTopics:
		fmt.Fprintf(&b, " %v", c.IDs)
	case CreatePartitions:
		for _, m := range c.Topics {
			fmt.Fprintf(&b, " %s %d->%d %v", m.ID, m.Expected, m.Count, m.Assignments)
		}
	case IncrementalAlterConfigs:
		for _, r := range c.Resources {
			fmt.Fprintf(&b, " %s:%q", resourceText(r.Type), r.Name)
			for _, o := range r.Ops {
				fmt.Fprintf(&b, " %s %s=%q", opText(o.Op), o.Key, o.Value)
			}
		}
	case AllocateProducerIds:
		fmt.Fprintf(&b, " %d epoch %d count %d", c.BrokerID, c.BrokerEpoch, c.Count)
	case UpdateFeatures:
		for _, u := range c.Updates {
			fmt.Fprintf(&b, " %s=%d/%d", u.Name, u.Level, u.Kind)
		}
	default:
		partitionCommandText(&b, c)
	}
	return b.String()
}

func partitionCommandText(b *strings.Builder, c Command) {
	switch c := c.(type) {
	case AlterPartition:
		fmt.Fprintf(b, " by %d epoch %d", c.BrokerID, c.BrokerEpoch)
		for _, n := range c.Partitions {
			fmt.Fprintf(b, " %s epoch %d/%d isr %v%s", n.PartitionRef, n.LeaderEpoch, n.PartitionEpoch, n.ISR, flagText(n.Recovered, " recovered"))
		}
	case ResignLeadership:
		fmt.Fprintf(b, " by %d epoch %d", c.BrokerID, c.BrokerEpoch)
		for _, n := range c.Partitions {
			fmt.Fprintf(b, " %s epoch %d reaching %v", n.PartitionRef, n.LeaderEpoch, n.Reachable)
		}
	case ElectLeaders:
		b.WriteString(flagText(c.Unclean, " unclean"))
		for _, n := range c.Partitions {
			fmt.Fprintf(b, " %s candidate %d", n.PartitionRef, n.Candidate)
		}
	case AlterReassignments:
		for _, n := range c.Partitions {
			fmt.Fprintf(b, " %s to %v", n.PartitionRef, n.Target)
		}
	case BeginControlledShutdown:
		fmt.Fprintf(b, " %d epoch %d", c.BrokerID, c.BrokerEpoch)
	case UnregisterBroker:
		fmt.Fprintf(b, " %d", c.BrokerID)
	case RemoveNode:
		fmt.Fprintf(b, " %d", c.NodeID)
	}
}

// String is topic id and number.
func (r PartitionRef) String() string { return fmt.Sprintf("%s-%d", r.Topic, r.Index) }

func moveText(p *Partition) string {
	s := flagText(p.Recovering, " recovering")
	if p.Moving() {
		s += fmt.Sprintf(" adding %v removing %v", p.Adding, p.Removing)
	}
	return s
}

func resourceText(t ResourceType) string {
	switch t {
	case TopicResource:
		return "topic"
	case BrokerResource:
		return "broker"
	case ClientMetricsResource:
		return "client-metrics"
	case GroupResource:
		return "group"
	}
	return fmt.Sprintf("resource%d", t)
}

func opText(o ConfigOp) string {
	switch o {
	case ConfigSet:
		return "set"
	case ConfigDelete:
		return "delete"
	case ConfigAppend:
		return "append"
	case ConfigSubtract:
		return "subtract"
	case ConfigClear:
		return "clear"
	}
	return fmt.Sprintf("op%d", o)
}

func flagText(on bool, s string) string {
	if on {
		return s
	}
	return ""
}

func endpointsText(list []Endpoint) string {
	out := make([]string, len(list))
	for i, e := range list {
		out[i] = fmt.Sprintf("%s://%s:%d", e.Name, e.Host, e.Port)
	}
	return "[" + strings.Join(out, " ") + "]"
}

func configsText(m map[string]string) string {
	out := make([]string, 0, len(m))
	for _, k := range slices.Sorted(maps.Keys(m)) {
		out = append(out, fmt.Sprintf("%s=%q", k, m[k]))
	}
	return "{" + strings.Join(out, " ") + "}"
}
