package meta

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
)

// TestStories plays commands written as text and compares results, changes and images:
//
//	found [key=value ...]                       InitCluster with node 1
//	add <store> [node]                          AddNode
//	register <broker> <run> [after=<epoch>] [rack=<r>] [store=<s>]
//	fence <broker> | unfence <broker>           with its present epoch
//	create <name> <id> <replicas;replicas> [auto] [internal] [key=value ...]
//	delete <id>
//	grow <id> <expected> <count> <replicas;replicas>
//	alter topic:<name>|broker:<id> <key>=<value> | -<key> | <key>+=<value> | <key>-=<value> ...
//	ids <broker> <count>
//	isr <broker> <topic>-<number> <brokers> [recovered] [old]     AlterPartition by a broker with the present epochs, or with older ones
//	resign <broker> <topic>-<number> [reaching <brokers>]
//	elect preferred|unclean <topic>-<number> [candidate]
//	move <topic>-<number> <brokers> | cancel <topic>-<number>
//	stop <broker> | unregister <broker> | remove <node>
//	repeat                                      the last command again under the same request id
//	image                                       prints the image
//	restart                                     goes on with the image that a snapshot gives
//
// Brokers in "create" are separated by commas. A line is a command; the output follows in order.
func TestStories(t *testing.T) {
	datadriven.Walk(t, "testdata/stories", func(t *testing.T, path string) {
		s := &story{cluster: &cluster{t: t, img: NewImage()}}
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			s.out.Reset()
			s.t = t
			for line := range strings.Lines(d.Input) {
				s.line(strings.Fields(line))
			}
			return s.out.String()
		})
	})
}

type story struct {
	*cluster
	out  strings.Builder
	last Command
}

func (s *story) line(w []string) {
	switch w[0] {
	case "image":
		s.out.WriteString(s.img.String())
	case "restart":
		img, err := LoadSnapshot(s.img.Snapshot())
		if err != nil || img.Hash() != s.img.Hash() {
			s.t.Fatalf("the snapshot gives another image: %v", err)
		}
		s.img = img
	case "repeat":
		s.seq--
		s.show(s.last)
	default:
		s.show(s.parse(w))
	}
}

func (s *story) show(cmd Command) {
	s.last = cmd
	changes, r := s.apply(cmd)
	fmt.Fprintf(&s.out, "%d: %s", s.img.Index(), strings.TrimSpace(r.Code.String()+" "+r.Message))
	switch v := r.Value.(type) {
	case nil:
	case []TopicResult:
		for _, x := range v {
			fmt.Fprintf(&s.out, " %s", strings.TrimSpace(x.Name+" "+x.Code.String()+" "+x.Message))
		}
	case []PartitionResult:
		for _, x := range v {
			fmt.Fprintf(&s.out, " %s: leader %d isr %v elr %v epoch %d/%d%s", strings.TrimSpace(x.Code.String()+" "+x.Message), x.Leader, x.ISR, x.ELR,
				x.LeaderEpoch, x.PartitionEpoch, flagText(x.Recovering, " recovering"))
		}
	case []ConfigResult:
		for _, x := range v {
			fmt.Fprintf(&s.out, " %s", strings.TrimSpace(x.Code.String()+" "+x.Message))
		}
	default:
		fmt.Fprintf(&s.out, " %+v", v)
	}
	for _, c := range changes.Topics {
		switch {
		case c.Old == nil:
			fmt.Fprintf(&s.out, " +%s", c.New.Name)
		case c.New == nil:
			fmt.Fprintf(&s.out, " -%s", c.Old.Name)
		default:
			fmt.Fprintf(&s.out, " ~%s", c.New.Name)
		}
	}
	if len(changes.Brokers) > 0 {
		fmt.Fprintf(&s.out, " brokers %v", changes.Brokers)
	}
	if len(changes.Configs) > 0 {
		fmt.Fprintf(&s.out, " configs %v", changes.Configs)
	}
	s.out.WriteByte('\n')
}

func (s *story) parse(w []string) Command {
	num := func(i int) int32 {
		n, err := strconv.Atoi(w[i])
		if err != nil {
			s.t.Fatalf("%v: %v", w, err)
		}
		return int32(n)
	}
	epoch := func(id int32) int64 {
		if b := s.img.Broker(id); b != nil {
			return b.Epoch
		}
		return 0
	}
	switch w[0] {
	case "found":
		return InitCluster{ClusterID: "story", CreatedMs: 1, FeatureLevel: 1, Configs: options(w[1:]),
			Founders: []Node{{ID: 1, RaftID: 1, StoreID: id16(1), Version: "v"}}}
	case "add":
		c := AddNode{StoreID: id16(byte(num(1))), RequestedID: -1, Version: "v"}
		if len(w) > 2 {
			c.RequestedID = num(2)
		}
		return c
	case "register":
		return s.registration(num(1), byte(num(2)), options(w[3:]))
	case "fence":
		return FenceBroker{num(1), epoch(num(1)), "story"}
	case "unfence":
		return UnfenceBroker{num(1), epoch(num(1))}
	case "create":
		o := options(w[4:])
		t := NewTopic{Name: w[1], ID: id16(byte(num(2))), Assignments: assignments(w[3]), Configs: o}
		_, t.RFAuto = o["auto"]
		_, t.Internal = o["internal"]
		t.MinISRAuto = t.RFAuto
		maps.DeleteFunc(o, func(_, v string) bool { return v == "\x00" })
		return CreateTopics{[]NewTopic{t}}
	case "delete":
		return DeleteTopics{[]TopicID{id16(byte(num(1)))}}
	case "grow":
		return CreatePartitions{[]MorePartitions{{id16(byte(num(1))), num(2), num(3), assignments(w[4])}}}
	case "alter":
		return alteration(w[1], w[2:])
	case "isr", "resign", "elect", "move", "cancel":
		return s.parsePartition(w)
	case "stop":
		return BeginControlledShutdown{num(1), epoch(num(1))}
	case "unregister":
		return UnregisterBroker{num(1)}
	case "remove":
		return RemoveNode{num(1)}
	case "ids":
		return AllocateProducerIds{num(1), epoch(num(1)), num(2)}
	}
	s.t.Fatalf("unknown command %v", w)
	return nil
}

// parsePartition reads a command about one partition.
func (s *story) parsePartition(w []string) Command {
	named := w[len(w)-1]
	for _, x := range w {
		if strings.Contains(x, "-") {
			named = x
		}
	}
	topic, number, _ := strings.Cut(named, "-")
	n, _ := strconv.Atoi(number)
	ref := PartitionRef{Index: int32(n)}
	p := &Partition{}
	if t := s.img.Topic(topic); t != nil {
		ref.Topic = t.ID
		if n < len(t.Partitions) {
			p = &t.Partitions[n]
		}
	}
	list := func(i int) []int32 {
		if len(w) <= i {
			return nil
		}
		return assignments(w[i])[0]
	}
	o := options(w[1:])
	broker, _ := strconv.Atoi(w[1])
	var epoch int64
	if b := s.img.Broker(int32(broker)); b != nil {
		epoch = b.Epoch
	}
	switch w[0] {
	case "isr":
		_, recovered := o["recovered"]
		c := NewISR{PartitionRef: ref, LeaderEpoch: p.LeaderEpoch, PartitionEpoch: p.PartitionEpoch, Recovered: recovered}
		if _, old := o["old"]; old {
			c.PartitionEpoch--
		}
		for _, id := range list(3) {
			m := ISRMember{BrokerID: id}
			if b := s.img.Broker(id); b != nil {
				m.BrokerEpoch = b.Epoch
			}
			c.ISR = append(c.ISR, m)
		}
		return AlterPartition{int32(broker), epoch, []NewISR{c}}
	case "resign":
		return ResignLeadership{int32(broker), epoch, []Resignation{{ref, p.LeaderEpoch, list(4)}}}
	case "elect":
		c := Election{PartitionRef: ref, Candidate: NoLeader}
		if len(w) > 3 {
			c.Candidate = list(3)[0]
		}
		return ElectLeaders{w[1] == "unclean", []Election{c}}
	case "move":
		return AlterReassignments{[]Reassignment{{ref, list(2)}}}
	}
	return AlterReassignments{[]Reassignment{{ref, nil}}}
}

func (s *story) registration(id int32, run byte, o map[string]string) Command {
	c := RegisterBroker{BrokerID: id, Incarnation: id16(run), PrevBrokerEpoch: -1, Rack: o["rack"], Listeners: []Endpoint{{"PLAINTEXT", "h", 9092}}}
	if n := s.img.Node(id); n != nil {
		c.StoreID = n.StoreID
	}
	if v, ok := o["store"]; ok {
		n, _ := strconv.Atoi(v)
		c.StoreID = id16(byte(n))
	}
	if v, ok := o["after"]; ok {
		c.PrevBrokerEpoch, _ = strconv.ParseInt(v, 10, 64)
	}
	return c
}

// options reads key=value words; a word alone has the value \x00.
func options(words []string) map[string]string {
	var m map[string]string
	for _, w := range words {
		if m == nil {
			m = map[string]string{}
		}
		k, v, ok := strings.Cut(w, "=")
		if !ok {
			v = "\x00"
		}
		m[k] = v
	}
	return m
}

func assignments(s string) (out [][]int32) {
	for p := range strings.SplitSeq(s, ";") {
		var replicas []int32
		for r := range strings.SplitSeq(p, ",") {
			n, _ := strconv.Atoi(r)
			replicas = append(replicas, int32(n))
		}
		out = append(out, replicas)
	}
	return out
}

func alteration(resource string, words []string) Command {
	kind, name, _ := strings.Cut(resource, ":")
	r := AlterResource{Type: TopicResource, Name: name}
	for _, t := range []ResourceType{BrokerResource, GroupResource, ClientMetricsResource} {
		if kind == resourceText(t) {
			r.Type = t
		}
	}
	for _, w := range words {
		if w == "clear" {
			r.Ops = append(r.Ops, AlterOp{Op: ConfigClear})
			continue
		}
		k, v, _ := strings.Cut(w, "=")
		op := AlterOp{ConfigSet, k, v}
		switch {
		case w[0] == '-':
			op = AlterOp{ConfigDelete, w[1:], ""}
		case strings.HasSuffix(k, "+"):
			op = AlterOp{ConfigAppend, strings.TrimSuffix(k, "+"), v}
		case strings.HasSuffix(k, "-"):
			op = AlterOp{ConfigSubtract, strings.TrimSuffix(k, "-"), v}
		}
		r.Ops = append(r.Ops, op)
	}
	return IncrementalAlterConfigs{[]AlterResource{r}}
}

func TestTopicNames(t *testing.T) {
	f := func(name string, valid bool) {
		t.Helper()
		if why := ValidateTopicName(name); (why == "") != valid {
			t.Errorf("%q: %q", name, why)
		}
	}
	for _, n := range []string{"a", "A.b_c-9", "...", "_", "-", "__consumer_offsets", strings.Repeat("x", 249)} {
		f(n, true)
	}
	for _, n := range []string{"", ".", "..", "a b", "a/b", "é", "a\x00", "a,b", "a:b", strings.Repeat("x", 250)} {
		f(n, false)
	}
	g := func(a, b string, want bool) {
		t.Helper()
		if Collides(a, b) != want || Collides(b, a) != want || want && foldHash(a) != foldHash(b) {
			t.Errorf("%q and %q", a, b)
		}
	}
	g("a.b", "a_b", true)
	g("a.b", "a.b", true)
	g("a.b_c", "a_b.c", true)
	g("a.b", "a-b", false)
	g("a.b", "ab", false)
	g("a", "a.", false)
}

func TestImageReads(t *testing.T) {
	c := newCluster(t, 3)
	for i, n := range []string{"b", "a.x", "c", "a-y", "B"} {
		c.topic(n, byte(i+1), nil, []int32{1, 2}, []int32{2, 3})
	}
	var names []string
	for topic := range c.img.Topics() {
		names = append(names, topic.Name)
	}
	if !slices.Equal(names, []string{"B", "a-y", "a.x", "b", "c"}) {
		t.Errorf("%v", names)
	}
	names = nil
	for topic := range c.img.TopicsFrom("a.") {
		names = append(names, topic.Name)
	}
	if !slices.Equal(names, []string{"a.x", "b", "c"}) {
		t.Errorf("%v", names)
	}
	if c.img.Topic("a_x") != nil || c.img.Topic("a.x") == nil || c.img.Topic("") != nil || c.img.TopicByID(TopicID{}) != nil {
		t.Error("a topic is found by its exact name only")
	}
	if topic, p := c.img.ByPartID(4); topic.Name != "a.x" || p.Index != 1 || p.ID != 4 {
		t.Errorf("%+v", p)
	}
	if n, p := c.img.TopicCount(), c.img.PartitionCount(); n != 5 || p != 10 {
		t.Errorf("%d topics, %d partitions", n, p)
	}
	if r, l := c.img.Load(2); r != 10 || l != 5 {
		t.Errorf("broker 2 holds %d and leads %d", r, l)
	}
	if len(c.img.Brokers()) != 3 || len(c.img.Nodes()) != 3 || c.img.Broker(4) != nil || c.img.Node(0) != nil {
		t.Error("members")
	}
	if id, ok := ParseTopicID(c.img.Topic("b").ID.String()); !ok || c.img.TopicByID(id).Name != "b" {
		t.Error("an id is written and read")
	}
	for _, s := range []string{"", "x", strings.Repeat("A", 23), "AAAAAAAAAAAAAAAAAAAAA!", "AAAAAAAAAAAAAAAAAAAAAB"} {
		if _, ok := ParseTopicID(s); ok {
			t.Errorf("%q is taken for an id", s)
		}
	}
	at := c.img.Index()
	if later := c.img.WithIndex(at + 5); later.Index() != at+5 || c.img.Index() != at || later.Topic("b") != c.img.Topic("b") {
		t.Error("WithIndex")
	}
	defer func() {
		if recover() == nil {
			t.Error("an index that was applied is applied again")
		}
	}()
	c.img.WithIndex(at)
}
