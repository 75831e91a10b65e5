package controller

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"troupe/actors/meta"
)

func (x *cluster) topic(name string, auto bool, replicas ...[]int32) *meta.Topic {
	x.apply(meta.CreateTopics{Topics: []meta.NewTopic{{Name: name, ID: meta.TopicID{15: byte(x.img.Index())}, Assignments: replicas, RFAuto: auto, MinISRAuto: auto}}})
	return x.img.Topic(name)
}

// follow brings all replicas of a topic in sync, as their leaders would.
func (x *cluster) follow(name string) {
	t := x.img.Topic(name)
	for i := range t.Partitions {
		p := &t.Partitions[i]
		var isr []meta.ISRMember
		for _, id := range p.Replicas {
			if x.img.Serves(id) {
				isr = append(isr, meta.ISRMember{BrokerID: id, BrokerEpoch: x.epoch(id)})
			}
		}
		x.apply(meta.AlterPartition{BrokerID: p.Leader, BrokerEpoch: x.epoch(p.Leader), Partitions: []meta.NewISR{{
			PartitionRef: meta.PartitionRef{Topic: t.ID, Index: p.Index}, LeaderEpoch: p.LeaderEpoch, PartitionEpoch: p.PartitionEpoch, ISR: isr}}})
	}
}

// run lets time go on, with heartbeats of all, and applies what is decided; it gives the commands that are about partitions.
func (x *cluster) run(k *core, d time.Duration) (out []meta.Command) {
	for end := k.now + ticks(d); k.now < end; {
		for _, b := range x.img.Brokers() {
			k.beat(x.beat(b.ID))
		}
		for _, cmd := range k.watch() {
			x.apply(cmd)
			k.proposed(k.era, k.term, cmd, true)
			u := x.update(k.term)
			u.Moved = true
			k.update(u)
			out = append(out, cmd)
		}
	}
	return out
}

func (x *cluster) moved(k *core) {
	u := x.update(k.term)
	u.Moved = true
	k.update(u)
}

// Topics that left their replication factor to the cluster grow with it, to three; no other topic does, and none moves twice.
func TestGrowth(t *testing.T) {
	x := newCluster(t, 2)
	x.topic("auto", true, []int32{1}, []int32{1}, []int32{1}, []int32{1})
	x.topic("fixed", false, []int32{1})
	x.topic("full", true, []int32{2, 1})
	k := x.lead(1)
	want(t, show(x.run(k, surveyGap)...), "meta.AlterReassignments")
	for _, p := range x.img.Topic("auto").Partitions {
		if len(p.Replicas) != 2 || !slices.Equal(p.Adding, []int32{2}) {
			t.Fatalf("%+v", p)
		}
	}
	if n := len(x.img.Topic("fixed").Partitions[0].Replicas); n != 1 {
		t.Fatalf("fixed has %d replicas", n)
	}
	want(t, show(x.run(k, 5*time.Second)...), "") // they are on their way
	x.follow("auto")
	x.moved(k)
	want(t, show(x.run(k, 5*time.Second)...), "meta.ElectLeaders")
	x.apply(meta.AddNode{StoreID: [16]byte{3}, RequestedID: -1})
	x.register(3)
	x.moved(k)
	k.up(3, 103)
	want(t, show(x.run(k, 2*time.Second)...), "") // it is not in service
	x.apply(meta.UnfenceBroker{BrokerID: 3, BrokerEpoch: x.epoch(3)})
	x.moved(k)
	want(t, show(x.run(k, 2*time.Second)...), "meta.AlterReassignments")
	x.follow("auto")
	x.follow("full")
	preferred := map[int32]int{}
	for _, p := range x.img.Topic("auto").Partitions {
		if len(p.Replicas) != 3 || p.Moving() {
			t.Fatalf("%+v", p)
		}
		preferred[p.Replicas[0]]++
	}
	if len(preferred) != 3 {
		t.Fatalf("preferred leaders: %v", preferred)
	}
	x.moved(k)
	want(t, show(x.run(k, 2*time.Second)...), "")
	want(t, show(x.run(k, 4*time.Second)...), "meta.ElectLeaders")
	for _, p := range x.img.Topic("auto").Partitions {
		if p.Leader != p.Replicas[0] {
			t.Fatalf("%+v", p)
		}
	}
	want(t, show(x.run(k, time.Minute)...), "")
}

// A bounded number of partitions is on the move at a time, those of other moves counted.
func TestGrowthIsBounded(t *testing.T) {
	x := newCluster(t, 2)
	one := make([][]int32, 250)
	for i := range one {
		one[i] = []int32{1}
	}
	x.topic("auto", true, one...)
	fixed := x.topic("fixed", false, []int32{1})
	x.apply(meta.AlterReassignments{Partitions: []meta.Reassignment{{PartitionRef: meta.PartitionRef{Topic: fixed.ID}, Target: []int32{2}}}})
	if n := len(growth(x.img, maxMoving)); n != maxMoving-1 {
		t.Fatalf("%d at once", n)
	}
	k := x.lead(1)
	x.run(k, 10*time.Second)
	moving := 0
	for _, p := range x.img.Topic("auto").Partitions {
		moving += len(p.Adding)
	}
	if moving != maxMoving-1 {
		t.Fatalf("%d are on the move", moving)
	}
}

// A broker that is to be emptied gets nothing, and does not count.
func TestGrowthPassesCordoned(t *testing.T) {
	x := newCluster(t, 3)
	x.topic("auto", true, []int32{1})
	x.apply(meta.IncrementalAlterConfigs{Resources: []meta.AlterResource{{Type: meta.BrokerResource, Name: "3", Ops: []meta.AlterOp{{Key: "cordoned.log.dirs", Value: "*"}}}}})
	k := x.lead(1)
	x.run(k, 2*time.Second)
	p := x.img.Topic("auto").Partitions[0]
	slices.Sort(p.Replicas)
	if !slices.Equal(p.Replicas, []int32{1, 2}) {
		t.Fatalf("%+v", p)
	}
}

// Leaderships go back after a while to the replicas that are preferred, if they are in sync, in service and within reach.
func TestBalance(t *testing.T) {
	setup := func(o Upkeep) (*cluster, *core) {
		x := newCluster(t, 3)
		for i := range 3 {
			x.topic(fmt.Sprint("t", i), false, []int32{2, 3, 1})
		}
		x.apply(meta.FenceBroker{BrokerID: 2, BrokerEpoch: x.epoch(2)})
		x.apply(meta.UnfenceBroker{BrokerID: 2, BrokerEpoch: x.epoch(2)})
		k := x.lead(1)
		k.o = o
		want(t, show(x.run(k, 10*time.Second)...), "") // not in sync
		for i := range 2 {
			x.follow(fmt.Sprint("t", i))
		}
		x.moved(k)
		return x, k
	}
	leads := func(x *cluster) (n int) {
		for i := range 3 {
			if x.img.Topic(fmt.Sprint("t", i)).Partitions[0].Leader == 2 {
				n++
			}
		}
		return n
	}
	x, k := setup(Upkeep{})
	want(t, show(x.run(k, 2900*time.Millisecond)...), "")
	want(t, show(x.run(k, 2*time.Second)...), "meta.ElectLeaders")
	if n := leads(x); n != 2 {
		t.Fatalf("broker 2 leads %d", n)
	}

	x, k = setup(Upkeep{NoBalance: true})
	want(t, show(x.run(k, time.Minute)...), "")

	x, k = setup(Upkeep{})
	k.down(2, 102)
	for range 100 {
		k.beat(x.beat(2))
		k.beat(x.beat(3))
		want(t, show(k.watch()...), "")
	}
}

// What is not told is found at the next regular look.
func TestRegularCheck(t *testing.T) {
	x := newCluster(t, 2)
	k := x.lead(1)
	k.o.Check = 20 * time.Second
	x.run(k, 2*time.Second)
	x.topic("auto", true, []int32{1})
	k.update(x.update(1))
	want(t, show(x.run(k, 15*time.Second)...), "")
	want(t, show(x.run(k, 5*time.Second)...), "meta.AlterReassignments")
}
