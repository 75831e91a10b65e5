package api

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// refused is every key that is not served, and why. The list shrinks with what is built.
var refused = map[kmsg.Key]string{
	kmsg.LeaderAndISR: "removed in Kafka 4.0", kmsg.StopReplica: "removed in Kafka 4.0",
	kmsg.UpdateMetadata: "removed in Kafka 4.0", kmsg.ControlledShutdown: "removed in Kafka 4.0",

	kmsg.ConsumerGroupHeartbeat: "groups", kmsg.ConsumerGroupDescribe: "groups",

	kmsg.AddPartitionsToTxn: "transactions", kmsg.AddOffsetsToTxn: "transactions", kmsg.EndTxn: "transactions",
	kmsg.WriteTxnMarkers: "transactions", kmsg.TxnOffsetCommit: "transactions", kmsg.DescribeTransactions: "transactions",
	kmsg.ListTransactions: "transactions",

	kmsg.DescribeClientQuotas:      "admin",
	kmsg.AlterClientQuotas:         "admin",
	kmsg.UnregisterController:      "admin",
	kmsg.GetTelemetrySubscriptions: "telemetry", kmsg.PushTelemetry: "telemetry",

	kmsg.DescribeUserSCRAMCredentials: "security", kmsg.AlterUserSCRAMCredentials: "security",

	kmsg.Vote: "between brokers of Kafka", kmsg.BeginQuorumEpoch: "between brokers of Kafka", kmsg.EndQuorumEpoch: "between brokers of Kafka",
	kmsg.AlterPartition: "between brokers of Kafka", kmsg.Envelope: "between brokers of Kafka", kmsg.FetchSnapshot: "between brokers of Kafka",
	kmsg.BrokerRegistration: "between brokers of Kafka", kmsg.BrokerHeartbeat: "between brokers of Kafka",
	kmsg.AllocateProducerIDs: "between brokers of Kafka", kmsg.ControllerRegistration: "between brokers of Kafka",
	kmsg.AssignReplicasToDirs: "between brokers of Kafka", kmsg.UpdateRaftVoter: "between brokers of Kafka",

	kmsg.ShareGroupHeartbeat: "share groups", kmsg.ShareGroupDescribe: "share groups", kmsg.ShareFetch: "share groups",
	kmsg.ShareAcknowledge: "share groups", kmsg.InitializeShareGroupState: "share groups", kmsg.ReadShareGroupState: "share groups",
	kmsg.WriteShareGroupState: "share groups", kmsg.DeleteShareGroupState: "share groups",
	kmsg.ReadShareGroupStateSummary: "share groups", kmsg.DescribeShareGroupOffsets: "share groups",
	kmsg.AlterShareGroupOffsets: "share groups", kmsg.DeleteShareGroupOffsets: "share groups",
	kmsg.StreamsGroupHeartbeat: "streams groups", kmsg.StreamsGroupDescribe: "streams groups",
	kmsg.StreamsGroupTopologyDescriptionUpdate: "streams groups",
}

func TestEveryKeyIsDecided(t *testing.T) {
	for k := int16(0); k <= kmsg.MaxKey; k++ {
		if kmsg.RequestForKey(k) == nil {
			continue
		}
		served, why := Find(Table, k) != nil, refused[kmsg.Key(k)]
		if served == (why != "") {
			t.Errorf("%s (%d): served %v, refused because of %q: exactly one must hold", kmsg.NameForKey(k), k, served, why)
		}
	}
}

func TestTable(t *testing.T) {
	last := int16(-1)
	for _, e := range Table {
		if e.Key <= last {
			t.Errorf("%d stands after %d", e.Key, last)
		}
		last = e.Key
		if e.Handle == nil || e.Min < 0 || e.Min > e.Max || e.Served > e.Max {
			t.Errorf("%d: %+v", e.Key, e)
		}
		req := kmsg.RequestForKey(e.Key)
		if e.Max > req.MaxVersion() {
			t.Errorf("%d: max %d, kmsg knows %d", e.Key, e.Max, req.MaxVersion())
		}
		for v := e.Min; v <= e.Max; v++ {
			req.SetVersion(v)
			if req.IsFlexible() != e.Flexible(v) {
				t.Errorf("%d version %d: flexible is %v for kmsg", e.Key, v, req.IsFlexible())
			}
		}
		if s, ok := schemas[e.Key]; e.Key != 0 && (!ok || s.flex != e.Flex) {
			t.Errorf("%d: schema %v, flexible from %d, table says %d", e.Key, ok, s.flex, e.Flex)
		}
	}
	if e := Find(Table, 0); e.Min != 0 || e.Serves(2) || !e.Serves(3) {
		t.Error("Produce must be told from 0 and served from 3")
	}
}
