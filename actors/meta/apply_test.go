package meta

import (
	"reflect"
	"slices"
	"testing"

	"troupe/kafka/code"
)

func TestFounding(t *testing.T) {
	c := &cluster{t: t, img: NewImage()}
	founder := Node{ID: 1, RaftID: 1, StoreID: id16(1)}
	// Before the cluster is founded nothing is judged and nothing remembered: the same id may come again.
	id := RequestID{Node: 1, Incarnation: 1, Seq: 1}
	if _, r := c.applyAs(id, AddNode{StoreID: id16(2), RequestedID: -1}); r.Code != code.NotController {
		t.Fatalf("%+v", r)
	}
	init := InitCluster{ClusterID: "x", FeatureLevel: 1, Founders: []Node{founder}}
	bad := func(want code.Code, f func(*InitCluster)) {
		t.Helper()
		i := init
		f(&i)
		c.fails(want, i)
	}
	bad(code.InvalidRequest, func(i *InitCluster) { i.ClusterID = "" })
	bad(code.InvalidRequest, func(i *InitCluster) { i.FeatureLevel = 0 })
	bad(code.InvalidRequest, func(i *InitCluster) { i.FeatureLevel = MaxFeatureLevel + 1 })
	bad(code.InvalidRequest, func(i *InitCluster) { i.Founders = nil })
	bad(code.InvalidRequest, func(i *InitCluster) { i.Founders = []Node{{ID: 1, StoreID: id16(1)}} })
	bad(code.InvalidRequest, func(i *InitCluster) { i.Founders = []Node{founder, {ID: 2, RaftID: 2, StoreID: id16(1)}} })
	bad(code.InvalidRequest, func(i *InitCluster) { i.Configs = map[string]string{"min.insync.replicas": "0"} })
	init.Configs = map[string]string{"min.insync.replicas": "2"}
	c.ok(init)
	c.ok(init)
	bad(code.InconsistentClusterId, func(i *InitCluster) { i.ClusterID = "y" })
	if v, ok := c.img.BrokerConfig("", "min.insync.replicas"); v != "2" || !ok {
		t.Errorf("the founder's setting is %q", v)
	}
	if _, r := c.applyAs(id, AddNode{StoreID: id16(2), RequestedID: -1}); r.Code != code.OK || r.Value != (NodeAdded{2, 2}) {
		t.Errorf("%+v", r)
	}
}

func TestAddNode(t *testing.T) {
	c := newCluster(t, 1)
	f := func(store byte, requested int32, node int32, raft uint64) {
		t.Helper()
		if got := c.ok(AddNode{StoreID: id16(store), RequestedID: requested}); got != (NodeAdded{node, raft}) {
			t.Errorf("store %d asking for %d got %+v", store, requested, got)
		}
	}
	f(1, -1, 1, 1) // known
	f(2, -1, 2, 2)
	f(2, 9, 2, 2) // known: same answer whatever is asked for
	f(3, 7, 7, 7)
	f(4, -1, 8, 8) // never below an id that was given
	f(5, 5, 5, 5)
	f(6, 7, 7, 1<<32|7) // node 7 never registered, and lost its disk
	f(7, 7, 7, 2<<32|7)
	c.fails(code.DuplicateBrokerRegistration, AddNode{StoreID: id16(8), RequestedID: 1}) // 1 is serving
	c.fence(1)
	f(8, 1, 1, 1<<32|1)
	// A node that is known says where it is by now; who says nothing changes nothing.
	at := []Endpoint{{PeerListener, "new", 9}}
	c.ok(AddNode{StoreID: id16(2), RequestedID: 2, Endpoints: at, Version: "2"})
	f(2, 2, 2, 2)
	if n := c.img.Node(2); PeerAddress(n) != "new:9" || n.Version != "2" || n.RaftID != 2 {
		t.Errorf("%+v", n)
	}
	c.fails(code.InvalidRequest, AddNode{RequestedID: -1})
	c.fails(code.InvalidRequest, AddNode{StoreID: id16(9), RequestedID: 0})
	c.fails(code.InvalidRequest, AddNode{StoreID: id16(9), RequestedID: -2})
}

func TestRegistration(t *testing.T) {
	c := newCluster(t, 3)
	first := c.img.Broker(1).Epoch
	// The same run again: amended, the epoch and the service stay.
	if e := c.register(1, 1, -1); e != first || c.img.Broker(1).Fenced {
		t.Errorf("amending gave epoch %d after %d", e, first)
	}
	c.topic("t", 1, nil, []int32{1, 2, 3})
	// The same store, another run: accepted at once, fenced, out of the ISR.
	e := c.register(1, 50, first)
	p := c.part("t", 0)
	if e != int64(c.img.Index()) || !c.img.Broker(1).Fenced || !slices.Equal(p.ISR, []int32{2, 3}) || p.Leader != 2 || p.LeaderEpoch != 1 {
		t.Errorf("epoch %d, %+v", e, p)
	}
	c.fails(code.StaleBrokerEpoch, UnfenceBroker{1, first})
	c.fails(code.StaleBrokerEpoch, FenceBroker{1, first, ""})
	c.fails(code.BrokerIdNotRegistered, FenceBroker{9, 1, ""})
	c.fails(code.BrokerIdNotRegistered, RegisterBroker{BrokerID: 9, Incarnation: id16(1), StoreID: id16(9)})
	c.unfence(1)
	// Another store under a node's id needs AddNode first, and that needs the old one to be out of service.
	other := RegisterBroker{BrokerID: 1, Incarnation: id16(60), StoreID: id16(61)}
	c.fails(code.DuplicateBrokerRegistration, other)
	c.fence(1)
	c.ok(AddNode{StoreID: id16(61), RequestedID: 1})
	old := c.img.Broker(1).Epoch
	c.fails(code.DuplicateBrokerRegistration, UnfenceBroker{1, old}) // the old store's broker comes back to life
	c.ok(other)
	c.unfence(1)
	if b := c.img.Broker(1); b.StoreID != id16(61) || b.Epoch <= old {
		t.Errorf("%+v", b)
	}
}

func TestNewStoreLosesItsReplicas(t *testing.T) {
	c := newCluster(t, 2)
	c.topic("one", 1, nil, []int32{1})
	c.topic("two", 2, map[string]string{"min.insync.replicas": "2"}, []int32{1, 2})
	c.fence(1)
	if p := c.part("two", 0); !slices.Equal(p.ELR, []int32{1}) || p.Leader != 2 {
		t.Fatalf("%+v", p)
	}
	if p := c.part("one", 0); !slices.Equal(p.ELR, []int32{1}) || p.Leader != NoLeader {
		t.Fatalf("%+v", p)
	}
	c.ok(AddNode{StoreID: id16(99), RequestedID: 1})
	c.ok(RegisterBroker{BrokerID: 1, Incarnation: id16(98), StoreID: id16(99), PrevBrokerEpoch: -1})
	c.unfence(1)
	if p := c.part("two", 0); len(p.ELR) != 0 || !slices.Equal(p.ISR, []int32{2}) {
		t.Errorf("%+v", p)
	}
	if p := c.part("one", 0); len(p.ELR)+len(p.ISR) != 0 || p.Leader != NoLeader {
		t.Errorf("the data is gone, and still: %+v", p)
	}
}

func TestCreateTopics(t *testing.T) {
	c := newCluster(t, 3)
	n := byte(0)
	f := func(want code.Code, name string, configs map[string]string, assignments ...[]int32) {
		t.Helper()
		n++
		r := c.create(NewTopic{Name: name, ID: id16(n), Configs: configs, Assignments: assignments})
		made := c.img.Topic(name) != nil && c.img.Topic(name).ID == id16(n)
		if r.Code != want || made != (want == code.OK) || (r.ID == id16(n)) != made || (r.Message == "") != made || r.Name != name {
			t.Errorf("%q: %+v", name, r)
		}
	}
	one := []int32{1}
	f(code.OK, "a.b", nil, one)
	f(code.TopicAlreadyExists, "a.b", nil, one)
	f(code.InvalidTopicException, "a_b", nil, one)
	f(code.OK, "a-b", nil, one)
	f(code.InvalidTopicException, "", nil, one)
	f(code.InvalidTopicException, "a b", nil, one)
	f(code.InvalidRequest, ClusterMetadataTopic, nil, one)
	f(code.InvalidPartitions, "p", nil)
	f(code.InvalidReplicaAssignment, "p", nil, []int32{})
	f(code.InvalidReplicaAssignment, "p", nil, []int32{1, 1})
	f(code.InvalidReplicaAssignment, "p", nil, []int32{4})
	f(code.InvalidReplicaAssignment, "p", nil, []int32{1}, []int32{1, 2})
	f(code.InvalidConfig, "p", map[string]string{"retention.ms": "-2"}, one)
	f(code.InvalidConfig, "p", map[string]string{"nonsense": "1"}, one)
	f(code.OK, "p", map[string]string{"retention.ms": "-1"}, []int32{1, 2}, []int32{3, 1})
	c.fence(2)
	f(code.InvalidReplicaAssignment, "q", nil, []int32{2})
	f(code.OK, "q", nil, []int32{2, 3})
	if p := c.part("q", 0); p.Leader != 3 || !slices.Equal(p.ISR, []int32{3}) {
		t.Errorf("%+v", p)
	}
	for i, want := range map[string]uint32{"a.b": 1, "a-b": 2, "p": 3, "q": 5} {
		if got := c.part(i, 0).ID; got != want {
			t.Errorf("%s has part id %d, want %d", i, got, want)
		}
	}
	if r := c.create(NewTopic{Name: "zero", Assignments: [][]int32{one}}); r.Code != code.InvalidRequest {
		t.Errorf("a topic without an id: %+v", r)
	}
	if r := c.create(NewTopic{Name: "again", ID: c.img.Topic("a.b").ID, Assignments: [][]int32{one}}); r.Code != code.InvalidRequest {
		t.Errorf("an id of another topic: %+v", r)
	}
}

// TestCreateTopicsEachOnItsOwn is one request with good and bad topics, repeated under another request id.
func TestCreateTopicsEachOnItsOwn(t *testing.T) {
	c := newCluster(t, 1)
	one := [][]int32{{1}}
	cmd := CreateTopics{[]NewTopic{
		{Name: "x.y", ID: id16(1), Assignments: one},
		{Name: "x_y", ID: id16(2), Assignments: one}, // of colliding names the first wins
		{Name: "bad name", ID: id16(3), Assignments: one},
		{Name: "z", ID: id16(4), Assignments: one, Configs: map[string]string{"cleanup.policy": "compact"}},
	}}
	want := []code.Code{code.OK, code.InvalidTopicException, code.InvalidTopicException, code.OK}
	var first []TopicResult
	for round := range 2 {
		changes, r := c.apply(cmd)
		got := r.Value.([]TopicResult)
		for i, x := range got {
			if x.Code != want[i] {
				t.Errorf("round %d: %+v", round, x)
			}
		}
		if round == 0 {
			first = got
			if len(changes.Topics) != 2 || changes.Topics[0].New.Name != "x.y" || changes.Topics[0].Old != nil || changes.Topics[1].New.Name != "z" ||
				!slices.Equal(changes.Configs, []string{"topic:z"}) {
				t.Errorf("changes: %+v", changes)
			}
		} else if !reflect.DeepEqual(got, first) || len(changes.Topics) != 0 {
			t.Errorf("the same topics again: %+v, %+v", got, changes)
		}
	}
	if m := first[1].Message; m != "Topic 'x_y' collides with existing topic: x.y" {
		t.Errorf("%q", m)
	}
}

func TestDeleteTopics(t *testing.T) {
	c := newCluster(t, 1)
	c.topic("a", 1, nil, []int32{1})
	c.topic("b", 2, nil, []int32{1}, []int32{1})
	changes, r := c.apply(DeleteTopics{[]TopicID{id16(2), id16(9), id16(2)}})
	got := r.Value.([]TopicResult)
	if got[0].Code != code.OK || got[0].Name != "b" || got[1].Code != code.UnknownTopicId || got[2].Code != code.UnknownTopicId {
		t.Errorf("%+v", got)
	}
	if len(changes.Topics) != 1 || changes.Topics[0].Old.Name != "b" || changes.Topics[0].New != nil {
		t.Errorf("%+v", changes)
	}
	if topic, p := c.img.ByPartID(2); topic != nil || p != nil || c.img.Topic("b") != nil || c.img.PartitionCount() != 1 {
		t.Errorf("the topic is still there")
	}
	c.topic("b", 3, nil, []int32{1})
	if p := c.part("b", 0); p.ID != 4 {
		t.Errorf("a deleted topic's part id was given again: %d", p.ID)
	}
}

func TestCreatePartitions(t *testing.T) {
	c := newCluster(t, 2)
	c.topic("t", 1, nil, []int32{1, 2})
	f := func(want code.Code, id byte, expected, count int32, assignments ...[]int32) {
		t.Helper()
		changes, r := c.apply(CreatePartitions{[]MorePartitions{{id16(id), expected, count, assignments}}})
		got := r.Value.([]TopicResult)[0]
		if got.Code != want || (got.Message == "") != (want == code.OK) || (len(changes.Topics) == 1) != (want == code.OK) {
			t.Errorf("%+v, %+v", got, changes)
		}
	}
	f(code.UnknownTopicId, 9, 1, 2, []int32{1, 2})
	f(code.InvalidPartitions, 1, 2, 3, []int32{1, 2}) // there is 1
	f(code.InvalidPartitions, 1, 1, 1)
	f(code.InvalidPartitions, 1, 1, 0)
	f(code.InvalidReplicaAssignment, 1, 1, 3, []int32{1, 2})
	f(code.InvalidReplicaAssignment, 1, 1, 2, []int32{1})
	f(code.InvalidReplicaAssignment, 1, 1, 2, []int32{1, 3})
	f(code.InvalidPartitions, 1, 1, MaxPartitionsOfTopic+1, make([][]int32, MaxPartitionsOfTopic)...)
	f(code.OK, 1, 1, 3, []int32{2, 1}, []int32{1, 2})
	if p := c.part("t", 1); p.ID != 2 || p.Index != 1 || p.Leader != 2 || p.LeaderEpoch != 0 {
		t.Errorf("%+v", p)
	}
}

func TestProducerIDs(t *testing.T) {
	c := newCluster(t, 2)
	e := c.img.Broker(2).Epoch
	for _, want := range []int64{0, 1000, 2000} {
		if got := c.ok(AllocateProducerIds{2, e, 1000}); got != (ProducerIDs{want, 1000}) {
			t.Errorf("%+v", got)
		}
	}
	c.fails(code.StaleBrokerEpoch, AllocateProducerIds{2, e - 1, 1000})
	c.fails(code.BrokerIdNotRegistered, AllocateProducerIds{5, e, 1000})
	c.fails(code.InvalidRequest, AllocateProducerIds{2, e, 0})
	c.fails(code.InvalidRequest, AllocateProducerIds{2, e, MaxProducerIDBlock + 1})
}

func TestAlterConfigs(t *testing.T) {
	c := newCluster(t, 1)
	c.topic("t", 1, nil, []int32{1})
	f := func(want code.Code, typ ResourceType, name string, ops ...AlterOp) {
		t.Helper()
		_, r := c.apply(IncrementalAlterConfigs{[]AlterResource{{typ, name, ops}}})
		got := r.Value.([]ConfigResult)[0]
		if got.Code != want || got.Name != name || got.Type != typ || (got.Message == "") != (want == code.OK) {
			t.Errorf("%+v", got)
		}
	}
	set := func(k, v string) AlterOp { return AlterOp{ConfigSet, k, v} }
	policy := func(want string) {
		t.Helper()
		if got := c.img.Topic("t").Configs["cleanup.policy"]; got != want {
			t.Errorf("cleanup.policy is %q, want %q", got, want)
		}
	}
	f(code.OK, TopicResource, "t", AlterOp{ConfigAppend, "cleanup.policy", "compact"})
	policy("delete,compact") // appended to the default
	f(code.OK, TopicResource, "t", AlterOp{ConfigAppend, "cleanup.policy", "compact"})
	policy("delete,compact")
	f(code.OK, TopicResource, "t", AlterOp{ConfigSubtract, "cleanup.policy", "delete"}, AlterOp{ConfigSubtract, "cleanup.policy", "compact"})
	policy("")
	f(code.InvalidConfig, TopicResource, "t", set("retention.ms", "5"), set("segment.bytes", "1"))
	if len(c.img.Topic("t").Configs) != 1 {
		t.Errorf("half of a refused change was made: %v", c.img.Topic("t").Configs)
	}
	f(code.InvalidConfig, TopicResource, "t", AlterOp{ConfigAppend, "retention.ms", "1"})
	f(code.InvalidConfig, TopicResource, "t", AlterOp{ConfigSubtract, "unheard.of", "1"})
	f(code.InvalidConfig, TopicResource, "t", set("unheard.of", "1"))
	f(code.InvalidRequest, TopicResource, "t", AlterOp{9, "retention.ms", "1"})
	f(code.OK, TopicResource, "t", AlterOp{ConfigDelete, "unheard.of", ""})
	f(code.UnknownTopicOrPartition, TopicResource, "u", set("retention.ms", "1"))
	f(code.InvalidRequest, 8, "t", set("retention.ms", "1"))
	f(code.OK, BrokerResource, "", set("log.retention.ms", "5"))
	f(code.OK, BrokerResource, "1", set("log.retention.ms", "6"), set("unheard.of", "x"))
	f(code.BrokerIdNotRegistered, BrokerResource, "2", set("log.retention.ms", "6"))
	f(code.InvalidRequest, BrokerResource, "01", set("log.retention.ms", "6"))
	f(code.InvalidRequest, BrokerResource, "", set("log.retention.ms", "0"))
	f(code.InvalidRequest, BrokerResource, "", set("num.partitions", "3"))
	f(code.InvalidRequest, BrokerResource, "", set("listeners", "PLAINTEXT://:1"))
	f(code.InvalidConfig, BrokerResource, "1", set("min.insync.replicas", "2"))
	if v, _ := c.img.BrokerConfig("1", "log.retention.ms"); v != "6" {
		t.Errorf("%q", v)
	}
	f(code.OK, BrokerResource, "1", AlterOp{ConfigDelete, "log.retention.ms", ""}, AlterOp{ConfigDelete, "unheard.of", ""})
	if c.img.BrokerConfigs("1") != nil {
		t.Errorf("an empty line stays: %v", c.img.BrokerConfigs("1"))
	}
}
