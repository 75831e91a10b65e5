package meta

import (
	"slices"
	"testing"

	"troupe/kafka/code"
)

// TestAlterPartitionFences asks for the same ISR with one thing wrong at a time.
func TestAlterPartitionFences(t *testing.T) {
	c := newCluster(t, 3)
	c.topic("t", 1, nil, []int32{1, 2, 3})
	c.fence(1)
	c.fence(3)
	c.unfence(3)
	p := *c.part("t", 0) // led by 2 in epoch 1, ISR [2]
	f := func(want code.Code, spoil func(*AlterPartition)) {
		t.Helper()
		cmd := AlterPartition{BrokerID: 2, BrokerEpoch: c.img.Broker(2).Epoch, Partitions: []NewISR{{PartitionRef: PartitionRef{id16(1), 0},
			LeaderEpoch: p.LeaderEpoch, PartitionEpoch: p.PartitionEpoch, ISR: []ISRMember{{2, c.img.Broker(2).Epoch}, {3, c.img.Broker(3).Epoch}}}}}
		spoil(&cmd)
		_, r := c.apply(cmd)
		got := r.Code
		if list, ok := r.Value.([]PartitionResult); ok {
			got = list[0].Code
			if list[0].Leader != 2 && list[0].Code != code.UnknownTopicId {
				t.Errorf("the answer does not show the state: %+v", list[0])
			}
		}
		if got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	f(code.StaleBrokerEpoch, func(a *AlterPartition) { a.BrokerEpoch-- })
	f(code.BrokerIdNotRegistered, func(a *AlterPartition) { a.BrokerID = 9 })
	f(code.UnknownTopicId, func(a *AlterPartition) { a.Partitions[0].Topic = id16(9) })
	f(code.FencedLeaderEpoch, func(a *AlterPartition) { a.Partitions[0].LeaderEpoch-- })
	f(code.InvalidRequest, func(a *AlterPartition) { a.Partitions[0].LeaderEpoch++ })
	f(code.InvalidUpdateVersion, func(a *AlterPartition) { a.Partitions[0].PartitionEpoch-- })
	f(code.InvalidRequest, func(a *AlterPartition) { a.Partitions[0].PartitionEpoch++ })
	f(code.NewLeaderElected, func(a *AlterPartition) { a.BrokerID, a.BrokerEpoch = 3, c.img.Broker(3).Epoch })
	f(code.IneligibleReplica, func(a *AlterPartition) { a.Partitions[0].ISR[1].BrokerEpoch-- })
	f(code.IneligibleReplica, func(a *AlterPartition) {
		a.Partitions[0].ISR[1] = ISRMember{1, c.img.Broker(1).Epoch}
	})
	f(code.InvalidRequest, func(a *AlterPartition) { a.Partitions[0].ISR = nil })
	f(code.OK, func(*AlterPartition) {})
	f(code.InvalidUpdateVersion, func(*AlterPartition) {}) // the same again: it has happened
}

// TestWipedNodeAfterUnregister: the last replica's broker is unregistered and its node comes back with an empty disk; it must not be
// elected. With its old disk it may.
func TestWipedNodeAfterUnregister(t *testing.T) {
	f := func(wiped bool, leader int32) {
		t.Helper()
		c := newCluster(t, 2)
		c.topic("t", 1, nil, []int32{2})
		c.fence(2)
		c.ok(UnregisterBroker{2})
		if wiped {
			c.ok(AddNode{StoreID: id16(77), RequestedID: 2})
		}
		c.register(2, 99, -1)
		c.unfence(2)
		if p := c.part("t", 0); p.Leader != leader {
			t.Errorf("wiped %v: leader %d, isr %v, elr %v", wiped, p.Leader, p.ISR, p.ELR)
		}
	}
	f(true, NoLeader)
	f(false, 2)
}

// TestAutomaticMinimumWhileGrowing: a topic that grows from one replica to three asks for two in sync only when it has three.
func TestAutomaticMinimumWhileGrowing(t *testing.T) {
	c := newCluster(t, 3)
	c.create(NewTopic{Name: "t", ID: id16(1), Assignments: [][]int32{{1}}, RFAuto: true, MinISRAuto: true})
	ref := PartitionRef{id16(1), 0}
	c.ok(AlterReassignments{[]Reassignment{{ref, []int32{1, 2, 3}}}})
	topic, p := c.img.Topic("t"), c.part("t", 0)
	if min := c.img.MinISROf(topic, p); min != 1 || p.Factor() != 1 || !slices.Equal(p.Adding, []int32{2, 3}) {
		t.Errorf("minimum %d with %+v", min, *p)
	}
	member := func(id int32) ISRMember { return ISRMember{id, c.img.Broker(id).Epoch} }
	isr := []ISRMember{member(1)}
	for id := int32(2); id <= 3; id++ {
		isr = append(isr, member(id))
		c.ok(AlterPartition{1, c.img.Broker(1).Epoch, []NewISR{{PartitionRef: ref, LeaderEpoch: c.part("t", 0).LeaderEpoch,
			PartitionEpoch: c.part("t", 0).PartitionEpoch, ISR: isr}}})
	}
	topic, p = c.img.Topic("t"), c.part("t", 0)
	if min := c.img.MinISROf(topic, p); min != 2 || len(p.ISR) != 3 || len(p.Adding) != 0 || p.Leader != 1 {
		t.Errorf("minimum %d with %+v", min, *p)
	}
}

// TestFewerReplicasByHand: who takes replicas away that the cluster would give has chosen their number; who empties a broker has not.
func TestFewerReplicasByHand(t *testing.T) {
	f := func(replicas, target []int32, cordoned string, want bool) {
		t.Helper()
		c := newCluster(t, 4)
		c.create(NewTopic{Name: "t", ID: id16(1), Assignments: [][]int32{replicas, replicas}, RFAuto: true, MinISRAuto: true})
		if cordoned != "" {
			c.ok(IncrementalAlterConfigs{[]AlterResource{{BrokerResource, cordoned, []AlterOp{{ConfigSet, cordonedKey, "*"}}}}})
			c.ok(FenceBroker{4, c.img.Broker(4).Epoch, ""})
		}
		c.ok(AlterReassignments{[]Reassignment{{PartitionRef{id16(1), 0}, target}}})
		top := c.img.Topic("t")
		if top.RFAuto != want || !top.MinISRAuto || len(top.Partitions) != 2 || !slices.Equal(top.Partitions[1].Replicas, replicas) {
			t.Errorf("%v to %v: %+v", replicas, target, top)
		}
	}
	f([]int32{1, 2, 3}, []int32{1}, "", false)
	f([]int32{1, 2, 3}, []int32{2, 4}, "", false)
	f([]int32{1, 2, 3}, []int32{2, 3, 4}, "", true)
	f([]int32{1, 2}, []int32{2, 1}, "", true)
	f([]int32{1}, []int32{1, 2, 3}, "", true)
	f([]int32{1}, []int32{1, 2}, "", true)
	f([]int32{1, 2, 3, 4}, []int32{1, 2, 3}, "", true)
	f([]int32{1, 2, 3}, []int32{1, 2}, "3", true) // two are left that may get any
	f([]int32{1, 2, 3}, []int32{1}, "3", false)
}

// TestMoveKeepsWhoHasEverything: where of a move under way only a replica that it added has everything, another move does not drop that one before
// somebody else has, and the move cannot be undone.
func TestMoveKeepsWhoHasEverything(t *testing.T) {
	for _, down := range []bool{false, true} {
		c := newCluster(t, 4)
		c.create(NewTopic{Name: "t", ID: id16(1), Assignments: [][]int32{{1}}})
		ref := PartitionRef{id16(1), 0}
		move := func(target ...int32) code.Code {
			t.Helper()
			return c.ok(AlterReassignments{[]Reassignment{{ref, target}}}).([]PartitionResult)[0].Code
		}
		join := func(leader int32, ids ...int32) {
			t.Helper()
			p := c.part("t", 0)
			n := NewISR{PartitionRef: ref, LeaderEpoch: p.LeaderEpoch, PartitionEpoch: p.PartitionEpoch}
			for _, id := range ids {
				n.ISR = append(n.ISR, ISRMember{id, c.img.Broker(id).Epoch})
			}
			c.ok(AlterPartition{leader, c.img.Broker(leader).Epoch, []NewISR{n}})
		}
		move(2, 3)
		join(1, 1, 2)
		c.fence(1)
		if down {
			c.fence(2)
		}
		if x := move(); x != code.InvalidReplicaAssignment {
			t.Errorf("2 down %v: undone with %s", down, x)
		}
		if x := move(4); x != code.OK {
			t.Fatalf("2 down %v: %s", down, x)
		}
		if down {
			if p := c.part("t", 0); !slices.Equal(p.ELR, []int32{2}) || p.Leader != NoLeader {
				t.Fatalf("%+v", *p)
			}
			c.unfence(2)
		}
		if p := c.part("t", 0); p.Leader != 2 || !slices.Equal(p.ISR, []int32{2}) || !slices.Equal(p.Replicas, []int32{4, 2, 1}) {
			t.Fatalf("2 down %v: %+v", down, *p)
		}
		join(2, 2, 4)
		if p := c.part("t", 0); p.Leader != 4 || !slices.Equal(p.ISR, []int32{4}) || !slices.Equal(p.Replicas, []int32{4}) || p.Moving() {
			t.Errorf("2 down %v: %+v", down, *p)
		}
	}
}
