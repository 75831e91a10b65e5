package meta

import (
	"testing"

	"troupe/kafka/code"
)

// cluster applies commands one after the other and checks every invariant after each.
type cluster struct {
	t   testing.TB
	img *Image
	seq uint64
}

func id16(b byte) (id [16]byte) {
	id[0], id[15] = 0xA0, b
	return id
}

// newCluster has n registered, unfenced brokers 1..n in racks a, b, c, a, ...
func newCluster(t testing.TB, n int) *cluster {
	t.Helper()
	c := &cluster{t: t, img: NewImage()}
	c.ok(InitCluster{ClusterID: "troupeTestCluster00001", CreatedMs: 1, FeatureLevel: 1,
		Founders: []Node{{ID: 1, RaftID: 1, StoreID: id16(1), Version: "test"}}})
	for i := 1; i <= n; i++ {
		if i > 1 {
			c.ok(AddNode{StoreID: id16(byte(i)), RequestedID: -1, Version: "test"})
		}
		c.register(int32(i), byte(i), -1)
		c.unfence(int32(i))
	}
	return c
}

func (c *cluster) apply(cmd Command) (Changes, Result) {
	c.t.Helper()
	c.seq++
	return c.applyAs(RequestID{Node: 1, Incarnation: 7, Seq: c.seq}, cmd)
}

func (c *cluster) applyAs(id RequestID, cmd Command) (Changes, Result) {
	c.t.Helper()
	old := c.img
	next, changes, r := Apply(old, old.Index()+1, Envelope{ID: id, TimeMs: 1000, Cmd: cmd})
	if err := Check(next); err != nil {
		c.t.Fatalf("after %s: %v", commandText(cmd), err)
	}
	if err := CheckStep(old, next); err != nil {
		c.t.Fatalf("by %s: %v", commandText(cmd), err)
	}
	c.img = next
	return changes, r
}

func (c *cluster) ok(cmd Command) any {
	c.t.Helper()
	_, r := c.apply(cmd)
	if r.Code != code.OK {
		c.t.Fatalf("%s: %s %s", commandText(cmd), r.Code, r.Message)
	}
	return r.Value
}

func (c *cluster) fails(want code.Code, cmd Command) {
	c.t.Helper()
	_, r := c.apply(cmd)
	if r.Code != want || r.Message == "" || r.Value != nil {
		c.t.Errorf("%s: %s %q, want %s", commandText(cmd), r.Code, r.Message, want)
	}
}

// register registers a broker with a run named by a byte, and prev as the epoch of its clean shutdown.
func (c *cluster) register(id int32, run byte, prev int64) int64 {
	c.t.Helper()
	return c.ok(RegisterBroker{BrokerID: id, Incarnation: id16(run), StoreID: c.img.Node(id).StoreID, PrevBrokerEpoch: prev,
		Rack: string(rune('a' + (id-1)%3)), Listeners: []Endpoint{{"PLAINTEXT", "localhost", 9092}}}).(Registered).Epoch
}

func (c *cluster) fence(id int32) {
	c.t.Helper()
	c.ok(FenceBroker{id, c.img.Broker(id).Epoch, "test"})
}
func (c *cluster) unfence(id int32) { c.t.Helper(); c.ok(UnfenceBroker{id, c.img.Broker(id).Epoch}) }

// topic makes a topic and fails the test if that is refused.
func (c *cluster) topic(name string, n byte, configs map[string]string, assignments ...[]int32) *Topic {
	c.t.Helper()
	r := c.create(NewTopic{Name: name, ID: id16(n), Assignments: assignments, Configs: configs})
	if r.Code != code.OK {
		c.t.Fatalf("%s: %s %s", name, r.Code, r.Message)
	}
	return c.img.Topic(name)
}

func (c *cluster) create(n NewTopic) TopicResult {
	c.t.Helper()
	return c.ok(CreateTopics{[]NewTopic{n}}).([]TopicResult)[0]
}

func (c *cluster) part(topic string, n int) *Partition {
	c.t.Helper()
	t := c.img.Topic(topic)
	if t == nil || n >= len(t.Partitions) {
		c.t.Fatalf("there is no %s-%d", topic, n)
	}
	return &t.Partitions[n]
}
