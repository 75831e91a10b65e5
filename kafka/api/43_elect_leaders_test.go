package api

import (
	"fmt"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"troupe/actors/meta"
)

func TestElectLeaders(t *testing.T) {
	w := newWorld(t, 2, nil)
	w.topic("a", []int32{1}, []int32{2})
	w.topic("b", []int32{2, 1})
	w.apply(meta.FenceBroker{BrokerID: 2, BrokerEpoch: w.img.Broker(2).Epoch}) // a-1 has no leader, b-0 another than the preferred
	f := func(kind int8, timeout int32, want string, topics ...kmsg.ElectLeadersRequestTopic) {
		t.Helper()
		for v := int16(0); v <= 2; v++ {
			if v == 0 && kind != electPreferred {
				continue // it has no such field
			}
			req := kmsg.NewPtrElectLeadersRequest()
			req.ElectionType, req.TimeoutMillis, req.Topics = kind, timeout, topics
			x := w.ask(v, req).(*kmsg.ElectLeadersResponse)
			got := []string{fmt.Sprint(x.ErrorCode)}
			if v == 0 {
				got[0] = strings.Fields(want)[0] // it has no such field
			}
			for _, y := range x.Topics {
				got = append(got, y.Topic)
				for _, p := range y.Partitions {
					got = append(got, fmt.Sprintf("%d=%d", p.Partition, p.ErrorCode))
					if (p.ErrorMessage == nil) != (p.ErrorCode == 7 || p.ErrorCode == 0) {
						t.Errorf("%+v", p)
					}
				}
			}
			expect(t, fmt.Sprint("v", v), strings.Join(got, " "), want)
		}
	}
	of := func(topic string, partitions ...int32) kmsg.ElectLeadersRequestTopic {
		return kmsg.ElectLeadersRequestTopic{Topic: topic, Partitions: partitions}
	}
	f(electPreferred, 1000, "0 a 0=84 1=80 b 0=80", of("a", 0, 1), of("b", 0))
	f(electUnclean, 1000, "0 a 0=84 1=83 b 0=84", of("a", 0, 1), of("b", 0))
	f(electPreferred, 1000, "0 a 1=80 b 0=80") // null: all, but for those that need none
	f(electUnclean, 1000, "0 a 1=83 b")
	f(electPreferred, 1000, "0 a 0=84 3=3 -1=3 nope 0=3", of("a", 0, 3, -1), of("nope", 0))
	f(electPreferred, 0, "7 a 0=7 nope 0=7", of("a", 0), of("nope", 0))
	f(electPreferred, -1, "7")
	f(2, 1000, "42 a 0=42", of("a", 0))
	f(2, 1000, "42")
	w.apply(meta.UnfenceBroker{BrokerID: 2, BrokerEpoch: w.img.Broker(2).Epoch})
	f(electPreferred, 1000, "0 a 1=84 b 0=80", of("a", 1), of("b", 0)) // broker 2 serves again, and is not in sync yet
}

func TestPartitionReassignments(t *testing.T) {
	w := newWorld(t, 2, nil)
	w.topic("a", []int32{1})
	w.topic("b", []int32{1, 2})
	f := func(topic string, partition int32, want string, replicas []int32) {
		t.Helper()
		for v := int16(0); v <= 1; v++ {
			p := kmsg.NewAlterPartitionAssignmentsRequestTopicPartition()
			p.Partition, p.Replicas = partition, replicas
			req := kmsg.NewPtrAlterPartitionAssignmentsRequest()
			req.TimeoutMillis, req.Topics = 1000, []kmsg.AlterPartitionAssignmentsRequestTopic{{Topic: topic, Partitions: []kmsg.AlterPartitionAssignmentsRequestTopicPartition{p}}}
			x := w.ask(v, req).(*kmsg.AlterPartitionAssignmentsResponse)
			got := x.Topics[0].Partitions[0]
			if x.ErrorCode != 0 || x.ErrorMessage != nil || !x.AllowReplicationFactorChange || got.Partition != partition {
				t.Errorf("%+v", x)
			}
			expect(t, fmt.Sprint(replicas), fmt.Sprint(got.ErrorCode), want)
		}
	}
	f("a", 0, "0", []int32{1})
	f("b", 0, "0", []int32{1, 2})
	f("b", 0, "39", []int32{2, 1})
	f("a", 0, "39", []int32{2})
	f("a", 0, "39", []int32{1, 1})
	f("a", 0, "39", []int32{1, 7})
	f("a", 0, "39", []int32{})
	f("a", 0, "85", nil)
	f("a", 2, "3", []int32{1})
	f("a", -1, "3", nil)

	p := kmsg.NewAlterPartitionAssignmentsRequestTopicPartition()
	p.Replicas = []int32{1, 2}
	req := kmsg.NewPtrAlterPartitionAssignmentsRequest()
	req.AllowReplicationFactorChange = false
	req.TimeoutMillis, req.Topics = 1000, []kmsg.AlterPartitionAssignmentsRequestTopic{{Topic: "a", Partitions: []kmsg.AlterPartitionAssignmentsRequestTopicPartition{p}}}
	x := w.ask(1, req).(*kmsg.AlterPartitionAssignmentsResponse)
	expect(t, "the number of replicas", fmt.Sprint(x.AllowReplicationFactorChange, x.Topics[0].Partitions[0].ErrorCode), "false 38")
	req.TimeoutMillis = 0
	x = w.ask(1, req).(*kmsg.AlterPartitionAssignmentsResponse)
	expect(t, "no time", fmt.Sprint(x.ErrorCode, x.Topics[0].Partitions[0].ErrorCode), "7 7")
	req.TimeoutMillis, req.Topics = 1000, nil
	if x = w.ask(1, req).(*kmsg.AlterPartitionAssignmentsResponse); x.ErrorMessage == nil || *x.ErrorMessage != "" {
		t.Error("nothing has an empty text")
	}

	under := w.ask(0, kmsg.NewPtrListPartitionReassignmentsRequest()).(*kmsg.ListPartitionReassignmentsResponse)
	if under.ErrorCode != 0 || under.ErrorMessage != nil || len(under.Topics) != 0 {
		t.Errorf("%+v", under)
	}
}
