package meta

import (
	"fmt"
	"slices"
	"testing"
)

// TestElection runs a line of events against one partition with replicas 1, 2, 3 and states what must come out:
// "f1" fences broker 1, "u1" unfences it, "r1" restarts it uncleanly, "c1" restarts it after a clean shutdown, "m2" sets min.insync.replicas of the topic, "b2" of the cluster.
func TestElection(t *testing.T) {
	f := func(configs string, events string, want string) {
		t.Helper()
		c := newCluster(t, 3)
		cfg := map[string]string{}
		if configs != "" {
			cfg[FlushPolicyKey] = configs
		}
		c.topic("t", 1, cfg, []int32{1, 2, 3})
		run := byte(100)
		for i := 0; i < len(events); i += 3 {
			id := int32(events[i+1] - '0')
			run++
			switch events[i] {
			case 'f':
				c.fence(id)
			case 'u':
				c.unfence(id)
			case 'r':
				c.register(id, run, -1)
			case 'c':
				c.register(id, run, c.img.Broker(id).Epoch)
			case 'b':
				c.ok(IncrementalAlterConfigs{[]AlterResource{{BrokerResource, "", []AlterOp{{ConfigSet, "min.insync.replicas", fmt.Sprint(id)}}}}})
			case 'm':
				c.ok(IncrementalAlterConfigs{[]AlterResource{{TopicResource, "t", []AlterOp{{ConfigSet, "min.insync.replicas", fmt.Sprint(id)}}}}})
			}
		}
		p := c.part("t", 0)
		if got := fmt.Sprintf("isr %v elr %v leader %d epochs %d/%d", p.ISR, p.ELR, p.Leader, p.LeaderEpoch, p.PartitionEpoch); got != want {
			t.Errorf("%s: %s, want %s", events, got, want)
		}
	}
	f("", "", "isr [1 2 3] elr [] leader 1 epochs 0/0")
	f("", "f2", "isr [1 3] elr [] leader 1 epochs 0/1") // no new leader, no new leader epoch
	f("", "f1", "isr [2 3] elr [] leader 2 epochs 1/1")
	f("", "f1 u1", "isr [2 3] elr [] leader 2 epochs 1/1") // it has to catch up first
	f("", "f1 f2 f3", "isr [] elr [3] leader -1 epochs 3/3")
	f("", "f1 f2 f3 u1", "isr [] elr [3] leader -1 epochs 3/3") // 1 may lack what 3 has
	f("", "f1 f2 f3 u1 u3", "isr [3] elr [] leader 3 epochs 4/4")
	f("", "m2 f1 f2", "isr [3] elr [2] leader 3 epochs 2/2")
	f("", "m2 f1 f2 f3", "isr [] elr [2 3] leader -1 epochs 3/3")
	f("", "m2 f1 f2 f3 u1", "isr [] elr [2 3] leader -1 epochs 3/3")
	f("", "m2 f1 f2 f3 u2", "isr [2] elr [3] leader 2 epochs 4/4") // below min the high watermark stood still, so 2 is complete
	f("", "m2 f1 f2 f3 u3", "isr [3] elr [2] leader 3 epochs 4/4")
	f("", "m3 f1 f2 f3 u2 u3 u1", "isr [2] elr [1 3] leader 2 epochs 4/4")
	f("", "m3 f1 m2", "isr [2 3] elr [] leader 2 epochs 1/2") // large enough now: no ELR
	f("", "m2 f1 f2 m1", "isr [3] elr [] leader 3 epochs 2/3")
	f("", "b2 f1 f2", "isr [3] elr [2] leader 3 epochs 2/2")
	f("", "b2 f1 f2 b1", "isr [3] elr [] leader 3 epochs 2/3")
	f("", "b2 m2 f1 f2 b1", "isr [3] elr [2] leader 3 epochs 2/2") // the topic has its own
	f("", "f1 m3", "isr [2 3] elr [] leader 2 epochs 1/1")         // who left above min may be behind
	f("", "f1 f1 f1 u1 u1", "isr [2 3] elr [] leader 2 epochs 1/1")
	// Restarts. With fsync before the acknowledgement an unclean one loses nothing.
	f("", "c1", "isr [2 3] elr [] leader 2 epochs 1/1")
	f("", "m2 f1 r2", "isr [3] elr [2] leader 3 epochs 2/2")
	f("", "m2 f1 f3 r2 u2", "isr [2] elr [3] leader 2 epochs 3/4")
	// Without it, an unclean restart may have lost the end of the log.
	f("os", "m2 f1 r2", "isr [3] elr [] leader 3 epochs 2/2")
	f("os", "m2 f1 c2", "isr [3] elr [2] leader 3 epochs 2/2")
	f("os", "m2 f1 f2 r2", "isr [3] elr [] leader 3 epochs 2/3")
	f("os", "m2 f1 f2 f3 r2 u2", "isr [] elr [3] leader -1 epochs 3/4")
	f("os", "f1 f2 r3 u3", "isr [3] elr [] leader 3 epochs 4/4") // nobody else has it: better than none
}

func TestControlledShutdownKeepsOnlyWhatItLeads(t *testing.T) {
	c := newCluster(t, 2)
	c.topic("t", 1, nil, []int32{1, 2})
	b := *c.img.Broker(1)
	b.InControlledShutdown = true
	e := newEdit(c.img, c.img.index+1)
	e.setBroker(b)
	if !e.img.alive(1, 1) || e.img.alive(1, 2) || e.img.alive(1, NoLeader) || !e.img.alive(2, NoLeader) {
		t.Error("a broker that shuts down may lead only what it leads")
	}
	p := Partition{Replicas: []int32{1, 2}, ISR: []int32{1, 2}, Leader: NoLeader}
	if e.img.elect(&p, 1); p.Leader != 2 {
		t.Errorf("%+v", p)
	}
	// While the ISR has a member, nobody outside of it may lead, even if no member can.
	p = Partition{Replicas: []int32{1, 2}, ISR: []int32{1}, ELR: []int32{2}, Leader: NoLeader}
	if e.img.elect(&p, 2); p.Leader != NoLeader {
		t.Errorf("%+v", p)
	}
}

func TestMinISR(t *testing.T) {
	c := newCluster(t, 3)
	f := func(n byte, auto bool, own string, replicas []int32, want int, wantCluster2 int) {
		t.Helper()
		configs := map[string]string{}
		if own != "" {
			configs["min.insync.replicas"] = own
		}
		name := fmt.Sprintf("t%d", n)
		c.create(NewTopic{Name: name, ID: id16(n), Assignments: [][]int32{replicas}, Configs: configs, MinISRAuto: auto})
		topic := c.img.Topic(name)
		if got := c.img.MinISR(topic, len(replicas)); got != want {
			t.Errorf("%d, want %d", got, want)
		}
		d := *c
		d.ok(IncrementalAlterConfigs{[]AlterResource{{BrokerResource, "", []AlterOp{{ConfigSet, "min.insync.replicas", "2"}}}}})
		if got := d.img.MinISR(topic, len(replicas)); got != wantCluster2 {
			t.Errorf("with 2 for the cluster: %d, want %d", got, wantCluster2)
		}
	}
	f(1, false, "", []int32{1, 2, 3}, 1, 2)
	f(2, true, "", []int32{1, 2, 3}, 2, 2)
	f(3, true, "", []int32{1, 2}, 1, 2)
	f(4, true, "", []int32{1}, 1, 1)
	f(5, false, "3", []int32{1, 2, 3}, 3, 3)
	f(6, true, "9", []int32{1, 2}, 2, 2)
	f(7, true, " 1 ", []int32{1, 2, 3}, 1, 1)
}

func TestWithout(t *testing.T) {
	list := []int32{1, 2, 3}
	if got := without(list, 2); !slices.Equal(got, []int32{1, 3}) || !slices.Equal(list, []int32{1, 2, 3}) {
		t.Errorf("%v of %v", got, list)
	}
}
