package api

import (
	"fmt"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"troupe/kafka/code"
)

func TestElectLeaders(t *testing.T) {
	w := newWorld(t, 2, nil)
	w.topic("a", []int32{1}, []int32{2})
	w.topic("b", []int32{2, 1})
	w.fence(2) // a-1 has no leader, b-0 another than the preferred
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
	w.unfence(2)
	f(electPreferred, 1000, "0 a 1=84 b 0=80", of("a", 1), of("b", 0)) // broker 2 serves again, and is not in sync yet
}

func TestElectLeadersMovesThem(t *testing.T) {
	w := newWorld(t, 3, nil)
	w.topic("a", []int32{2, 1, 3}, []int32{1, 2, 3})
	w.topic("b", []int32{3})
	w.fence(2)
	w.fence(3)
	w.unfence(2)
	w.join("a", 0, 2)
	f := func(kind int8, want string, named bool) {
		t.Helper()
		req := kmsg.NewPtrElectLeadersRequest()
		req.ElectionType, req.TimeoutMillis = kind, 1000
		if named {
			req.Topics = []kmsg.ElectLeadersRequestTopic{{Topic: "a", Partitions: []int32{0, 1}}, {Topic: "b", Partitions: []int32{0}}}
		}
		x := w.ask(2, req).(*kmsg.ElectLeadersResponse)
		got := fmt.Sprint(x.ErrorCode)
		for _, y := range x.Topics {
			for _, p := range y.Partitions {
				got += fmt.Sprintf(" %s-%d=%d", y.Topic, p.Partition, p.ErrorCode)
			}
		}
		expect(t, "", got, want)
	}
	f(electPreferred, "0 a-0=0 b-0=80", false)
	expect(t, "leader of a-0", fmt.Sprint(w.img.Topic("a").Partitions[0].Leader), "2")
	f(electPreferred, "0 a-0=84 a-1=84 b-0=80", true)
	f(electUnclean, "0 a-0=84 a-1=84 b-0=83", true)
	w.unfence(3)
	f(electPreferred, "0", false) // broker 3 kept all of b-0
	w.down = true
	r := kmsg.NewPtrElectLeadersRequest()
	r.TimeoutMillis, r.Topics = 1000, []kmsg.ElectLeadersRequestTopic{{Topic: "a", Partitions: []int32{0}}}
	call := w.begin(2, r)
	w.refuseHeld(code.RequestTimedOut)
	x := call.answer().(*kmsg.ElectLeadersResponse)
	expect(t, "refused as a whole", fmt.Sprint(x.ErrorCode, x.Topics[0].Partitions[0].ErrorCode), "7 7")
}

func TestPartitionReassignments(t *testing.T) {
	w := newWorld(t, 3, nil)
	w.topic("a", []int32{1})
	w.topic("b", []int32{1, 2})
	w.fence(3)
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
			if (got.ErrorMessage == nil) != (got.ErrorCode == 0 || got.ErrorCode == 85) {
				t.Errorf("%+v", got)
			}
			expect(t, fmt.Sprint(replicas), fmt.Sprint(got.ErrorCode), want)
		}
	}
	f("a", 0, "0", []int32{1})
	f("b", 0, "0", []int32{1, 2})
	expect(t, "nothing moves", w.moves(nil), "")
	f("a", 0, "39", []int32{1, 1})
	f("a", 0, "39", []int32{1, 7})
	f("a", 0, "39", []int32{3}) // it does not serve
	f("a", 0, "39", []int32{})
	f("a", 0, "85", nil)
	f("a", 2, "3", []int32{1})
	f("a", -1, "3", nil)
	f("nope", 0, "3", nil)
	w.unfence(3)

	f("b", 0, "0", []int32{2, 1}) // another order: over at once
	expect(t, "an order", fmt.Sprint(w.img.Topic("b").Partitions[0].Replicas), "[2 1]")
	f("a", 0, "0", []int32{3, 2})
	f("b", 0, "0", []int32{2, 3})
	expect(t, "all", w.moves(nil), "a-0 [3 2 1] +[3 2] -[1], b-0 [2 3 1] +[3] -[1]")
	expect(t, "named", w.moves([]kmsg.ListPartitionReassignmentsRequestTopic{{Topic: "b", Partitions: []int32{0, 7, -1}}, {Topic: "nope", Partitions: []int32{0}}, {Topic: "a"}}),
		"b-0 [2 3 1] +[3] -[1]")
	w.join("a", 0, 2)
	w.join("a", 0, 3)
	expect(t, "one is over", w.moves(nil), "b-0 [2 3 1] +[3] -[1]")
	expect(t, "where it is", fmt.Sprint(w.img.Topic("a").Partitions[0].Replicas), "[3 2]")
	w.factor(t, "b", 0, []int32{1}, "false 38") // on the move it counts what it will have
	w.factor(t, "b", 0, []int32{2, 1}, "false 0")
	expect(t, "back", w.moves(nil), "")
	f("b", 0, "0", []int32{2, 3})
	p := kmsg.NewAlterPartitionAssignmentsRequestTopicPartition()
	req := kmsg.NewPtrAlterPartitionAssignmentsRequest()
	req.TimeoutMillis, req.Topics = 1000, []kmsg.AlterPartitionAssignmentsRequestTopic{{Topic: "b", Partitions: []kmsg.AlterPartitionAssignmentsRequestTopicPartition{p}}}
	x := w.ask(1, req).(*kmsg.AlterPartitionAssignmentsResponse)
	expect(t, "called off", fmt.Sprint(x.Topics[0].Partitions[0].ErrorCode, w.img.Topic("b").Partitions[0].Replicas, w.moves(nil)), "0 [2 1]")

	w.factor(t, "a", 0, []int32{1}, "false 38")
	req.TimeoutMillis = 0
	x = w.ask(1, req).(*kmsg.AlterPartitionAssignmentsResponse)
	expect(t, "no time", fmt.Sprint(x.ErrorCode, x.Topics[0].Partitions[0].ErrorCode), "7 7")
	req.TimeoutMillis = 1000
	w.down = true
	call := w.begin(1, req)
	w.refuseHeld(code.CoordinatorNotAvailable)
	x = call.answer().(*kmsg.AlterPartitionAssignmentsResponse)
	expect(t, "no leader of the metadata", fmt.Sprint(x.ErrorCode, x.Topics[0].Partitions[0].ErrorCode), "41 41")
	req.Topics = nil
	if x = w.ask(1, req).(*kmsg.AlterPartitionAssignmentsResponse); x.ErrorMessage == nil || *x.ErrorMessage != "" {
		t.Error("nothing has an empty text")
	}
}

// factor asks for other replicas, as many as before.
func (w *world) factor(t *testing.T, topic string, partition int32, replicas []int32, want string) {
	t.Helper()
	p := kmsg.NewAlterPartitionAssignmentsRequestTopicPartition()
	p.Partition, p.Replicas = partition, replicas
	req := kmsg.NewPtrAlterPartitionAssignmentsRequest()
	req.AllowReplicationFactorChange = false
	req.TimeoutMillis, req.Topics = 1000, []kmsg.AlterPartitionAssignmentsRequestTopic{{Topic: topic, Partitions: []kmsg.AlterPartitionAssignmentsRequestTopicPartition{p}}}
	x := w.ask(1, req).(*kmsg.AlterPartitionAssignmentsResponse)
	expect(t, "the number of replicas", fmt.Sprint(x.AllowReplicationFactorChange, x.Topics[0].Partitions[0].ErrorCode), want)
}

// moves is what ListPartitionReassignments tells.
func (w *world) moves(topics []kmsg.ListPartitionReassignmentsRequestTopic) string {
	req := kmsg.NewPtrListPartitionReassignmentsRequest()
	req.Topics = topics
	x := w.ask(0, req).(*kmsg.ListPartitionReassignmentsResponse)
	if x.ErrorCode != 0 || x.ErrorMessage != nil {
		w.t.Errorf("%+v", x)
	}
	var out []string
	for _, y := range x.Topics {
		for _, p := range y.Partitions {
			out = append(out, fmt.Sprintf("%s-%d %v +%v -%v", y.Topic, p.Partition, p.Replicas, p.AddingReplicas, p.RemovingReplicas))
		}
	}
	return strings.Join(out, ", ")
}

// A request for nothing needs no time; a refusal of the whole keeps the default of what it allows.
func TestNothingNeedsNoTime(t *testing.T) {
	w := newWorld(t, 1, nil)
	e := w.ask(2, &kmsg.ElectLeadersRequest{ElectionType: 9, Topics: []kmsg.ElectLeadersRequestTopic{}}).(*kmsg.ElectLeadersResponse)
	expect(t, "election", fmt.Sprint(e.ErrorCode, len(e.Topics)), "0 0")
	e = w.ask(2, &kmsg.ElectLeadersRequest{}).(*kmsg.ElectLeadersResponse)
	expect(t, "election of all", fmt.Sprint(e.ErrorCode), "7")
	req := &kmsg.AlterPartitionAssignmentsRequest{}
	a := w.ask(1, req).(*kmsg.AlterPartitionAssignmentsResponse)
	expect(t, "nothing", fmt.Sprint(a.ErrorCode, a.ErrorMessage != nil, a.AllowReplicationFactorChange), "0 true true")
	req.Topics = []kmsg.AlterPartitionAssignmentsRequestTopic{{Topic: "a"}}
	a = w.ask(1, req).(*kmsg.AlterPartitionAssignmentsResponse)
	expect(t, "no time", fmt.Sprint(a.ErrorCode, a.ErrorMessage != nil, a.AllowReplicationFactorChange), "7 false true")
	req.TimeoutMillis = 1000
	a = w.ask(1, req).(*kmsg.AlterPartitionAssignmentsResponse)
	expect(t, "time", fmt.Sprint(a.ErrorCode, a.AllowReplicationFactorChange), "0 false")
}
