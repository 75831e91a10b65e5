package node

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"troupe/actors/controller"
	"troupe/actors/kit"
	kitsim "troupe/actors/kit/sim"
	"troupe/actors/meta"
	"troupe/actors/metadata"
	"troupe/actors/partition"
	"troupe/actors/peer"
	"troupe/actors/writer"
	"troupe/kafka/code"
	"troupe/raftnode"
	"troupe/storage"
	"troupe/storage/sim"
)

// TestStories runs the node actor with real partition actors; metadata, the writer, run and a connection are the story's.
//
//	boot [founds=no] [incarnation=N] [prev=N] [peers] [advertise=HOST] starts the node, again after a crash
//	leader ID                                 the Raft leader that the node sees
//	grant [early]                             applies the oldest proposal; early: the answer overtakes the image
//	refuse CODE                               refuses it
//	apply [reset] [each] [untold]             applies the input's lines, in one Changed or each in its own
//	rewind                                    tells an image that is older than the last
//	view, steps, data                         what is published, the boot list, the partitions of the store
//	put PARTID                                something in the store
//	read TOPIC INDEX                          asks a partition that the view shows
//	hold, release, lose                       the writer's answers: kept back, given, or a refusal
//	shutdown                                  as run does
//	answer [CODE] [fenced] [caughtup] [go]    answers the newest heartbeat that went to another node, as a controller does
//	drop                                      it gets no answer
//	voters                                    from the next boot on Raft has a group of three, and an actor that can be asked
//	transferred [done]                        it answers
//	lost ID...                                the controller on this node says which links are lost
//
// In every story, when the node publishes, all replicas of the image have been told Become, and when it says Seen, the image is published.
func TestStories(t *testing.T) {
	kitsim.Stories(t, "testdata", func(st *kitsim.Stage) func(d *datadriven.TestData) string {
		s := &story{t: t, st: st, data: sim.NewData(), run: st.Probe("run"), conn: st.Probe("conn"), leader: 1}
		s.md = newFakeMetadata(st, s.checkSeen)
		s.w = newFakeWriter(st, s.data)
		st.Trace.Full = witness{st.Say}
		return s.command
	})
}

type story struct {
	t         *testing.T
	st        *kitsim.Stage
	data      *sim.Data
	md        *fakeMetadata
	w         *fakeWriter
	run, conn *kitsim.Probe
	peers     *kitsim.Probe // nil: there are none
	asked     *peer.Ask     // the newest heartbeat without an answer
	raft      *kitsim.Probe // nil: it is not asked for anything
	n         *Node
	ref       *kit.Ref
	pub       *Published
	steps     *Steps
	leader    int32
}

func (s *story) command(d *datadriven.TestData) string {
	arg := func(i int) string {
		if i < len(d.CmdArgs) {
			return d.CmdArgs[i].Key
		}
		return ""
	}
	switch d.Cmd {
	case "boot":
		s.boot(d)
	case "leader":
		s.leader = int32(number(arg(0)))
	case "voters":
		s.raft = s.st.Probe("raft")
	case "transferred":
		m, ok := kitsim.Last[*raftnode.TransferLeadership](s.raft)
		if !ok {
			return "nobody asked"
		}
		m.Reply(raftnode.LeadershipTransferred{TransferLeadership: m, Done: arg(0) == "done"})
	case "grant":
		return s.md.grant(d.HasArg("early"))
	case "refuse":
		return s.md.refuse(meta.Result{Code: codes[arg(0)], Message: "no"})
	case "apply":
		return s.apply(d)
	case "rewind":
		s.md.img = s.md.older
		s.md.show(meta.Changes{})
	case "view":
		return s.view()
	case "steps":
		return stepList(s.steps)
	case "data":
		ids, err := s.data.Partitions()
		return fmt.Sprint(ids, " ", err)
	case "put":
		put(s.data, storage.Op{Kind: storage.OpEpoch, PartID: uint32(number(arg(0)))})
	case "read":
		return s.read(arg(0), number(arg(1)))
	case "hold":
		s.w.hold = true
	case "release":
		s.w.hold = false
		s.w.release()
	case "lose":
		for _, m := range s.w.held {
			m.Refuse()
		}
		s.w.held = nil
	case "answer", "drop":
		return s.answer(d)
	case "lost":
		var lost []int32
		for i := range d.CmdArgs {
			lost = append(lost, int32(number(arg(i))))
		}
		s.ref.Tell(controller.Links{Lost: lost})
	case "shutdown":
		s.ref.Tell(&Shutdown{kit.Ask{ReplyTo: s.run.Ref(), Slot: 7}})
	default:
		d.Fatalf(s.t, "unknown command %s", d.Cmd)
	}
	return ""
}

var codes = map[string]code.Code{"NOT_CONTROLLER": code.NotController, "REQUEST_TIMED_OUT": code.RequestTimedOut,
	"STALE_BROKER_EPOCH": code.StaleBrokerEpoch}

func (s *story) boot(d *datadriven.TestData) {
	if s.ref != nil {
		s.st.Restart()
		s.data = s.data.Reopen()
		s.w.data, s.w.held, s.md.held, s.md.granted, s.md.node, s.md.showing = s.data, nil, nil, nil, nil, nil
	}
	founds, incarnation, prev := "clusterclusterclusterA", 1, -1
	if d.HasArg("founds") {
		founds = ""
	}
	if d.HasArg("peers") {
		s.peers = s.fakePeers()
	}
	var peers *kit.Ref
	if s.peers != nil {
		peers = s.peers.Ref()
	}
	d.MaybeScanArgs(s.t, "incarnation", &incarnation)
	d.MaybeScanArgs(s.t, "prev", &prev)
	s.pub, s.steps = &Published{}, NewSteps(s.st.Sys.Now, func() { s.st.Say("every step is done") })
	s.steps.Finish(StepStores)
	s.steps.Finish(StepRaft)
	o := Options{NodeID: 1, RaftID: 1, StoreID: [16]byte{1}, Incarnation: [16]byte{byte(incarnation)}, ClusterID: founds, PrevEpoch: int64(prev),
		Founding: map[string]string{"min.insync.replicas": "1"}, Metadata: s.md.Ref(), Writer: s.w.Ref(), Peers: peers, Data: s.data, Tail: storage.NewTail(1 << 20),
		Gate: &writer.Gate{}, Published: s.pub, Steps: s.steps, Leader: s.atPublish, Registered: func(e int64) { s.st.Say("registered with epoch %d", e) }}
	if d.HasArg("advertise") {
		o.Peer = meta.Endpoint{Name: meta.PeerListener, Port: 9093}
		d.ScanArgs(s.t, "advertise", &o.Peer.Host)
	}
	if s.raft != nil {
		o.Quorum, o.Raft = s.raft.Ref(), threeVoters{}
	}
	s.n = New(o)
	s.ref = s.st.Sys.Spawn("node", s.n, kit.Options{})
	s.steps.Finish(StepServing)
}

// atPublish is who leads. The node asks for it when it is about to publish, so here is seen what was done before.
func (s *story) atPublish() int32 {
	m := s.md.showing
	if m == nil || s.n.image != m.Image {
		return s.leader // not in the middle of a change
	}
	s.eachLocal(m, func(t *meta.Topic, p *meta.Partition) {
		r, want := s.st.Sys.Lookup(PartitionName(t.ID, p.Index)), 1
		if s.pub.Get().Partition(p.ID) == nil {
			want = 2 // Started and Become
		}
		if r == nil || r.Depth() < want {
			s.t.Errorf("index %d is about to be published, and %s-%d was not told", m.Image.Index(), t.Name, p.Index)
		}
	})
	return s.leader
}

// checkSeen runs while the node says Seen.
func (s *story) checkSeen(x any) {
	m, v := x.(metadata.Seen).Changed, s.pub.Get()
	if s.md.showing == m {
		s.md.showing = nil
	}
	if v.Image != m.Image {
		s.t.Errorf("Seen, and the published image is %d", v.Image.Index())
		return
	}
	s.eachLocal(m, func(t *meta.Topic, p *meta.Partition) {
		if v.Partition(p.ID) == nil {
			s.t.Errorf("Seen, and the view does not show %s-%d", t.Name, p.Index)
		}
	})
	v.EachPartition(func(partID uint32, _ *kit.Ref) {
		if t, p := m.Image.ByPartID(partID); t == nil || !replicaOf(p, 1) {
			s.t.Errorf("Seen, and the view shows partId %d, which the metadata does not give to this broker", partID)
		}
	})
}

// eachLocal calls f for each replica of this broker that the change concerns, but those that have to wait.
func (s *story) eachLocal(m *metadata.Changed, f func(t *meta.Topic, p *meta.Partition)) {
	for t := range m.Image.Topics() {
		concerned := m.Changes.Reset || len(m.Changes.Configs) > 0 && !strings.HasPrefix(m.Changes.Configs[0], "topic:")
		for _, ch := range m.Changes.Topics {
			concerned = concerned || ch.New != nil && ch.New.ID == t.ID
		}
		for i := range t.Partitions {
			if p := &t.Partitions[i]; concerned && replicaOf(p, 1) && !s.n.stopping[p.ID] && !s.n.life.leaving {
				f(t, p)
			}
		}
	}
}

func (s *story) view() string {
	v := s.pub.Get()
	var list []string
	v.EachPartition(func(partID uint32, ref *kit.Ref) {
		t, p := v.Image.ByPartID(partID)
		if t == nil {
			list = append(list, fmt.Sprintf("%d?", partID))
			return
		}
		list = append(list, fmt.Sprintf("%s-%d=%d", t.Name, p.Index, partID))
	})
	slices.Sort(list)
	early := ""
	if !v.CaughtUp {
		early = "not for clients yet: "
	}
	return early + fmt.Sprintf("index %d, leader %d, %d topics, %d local: %s", v.Image.Index(), v.LeaderID, v.Image.TopicCount(), v.LocalPartitions(), strings.Join(list, " "))
}

func stepList(steps *Steps) string {
	var w strings.Builder
	for _, st := range steps.Get() {
		switch {
		case st.Done:
			fmt.Fprintf(&w, "done  %s %v%s\n", st.Name, st.Took, st.WaitsFor)
		case st.Since.IsZero():
			fmt.Fprintf(&w, "      %s\n", st.Name)
		default:
			fmt.Fprintf(&w, "waits %s for %s since %v\n", st.Name, st.WaitsFor, st.Since.Sub(kitsim.Epoch))
		}
	}
	return w.String()
}

func (s *story) read(topic string, index int) string {
	v := s.pub.Get()
	r := v.Partition(v.Image.Topic(topic).Partitions[index].ID)
	if r == nil {
		return "not here"
	}
	r.Tell(&partition.Read{Ask: kit.Ask{ReplyTo: s.conn.Ref()}, LeaderEpoch: -1, LastEpoch: -1})
	return ""
}

// apply has the cluster do what the lines say.
func (s *story) apply(d *datadriven.TestData) string {
	var all meta.Changes
	for line := range strings.Lines(d.Input) {
		ch, r := s.line(strings.Fields(line))
		if why := refusal(r); why != "" {
			d.Fatalf(s.t, "%s: %s", strings.TrimSpace(line), why)
		}
		if d.HasArg("each") {
			s.md.show(ch)
			continue
		}
		all.Topics, all.Configs, all.Brokers = append(all.Topics, ch.Topics...), append(all.Configs, ch.Configs...), append(all.Brokers, ch.Brokers...)
	}
	if d.HasArg("reset") {
		all = meta.Changes{Reset: true}
	}
	if !d.HasArg("each") && !d.HasArg("untold") {
		s.md.show(all)
	}
	return ""
}

// refusal is why a command was refused, as a whole or in its part; "" if it was not.
func refusal(r meta.Result) string {
	switch v := r.Value.(type) {
	case []meta.TopicResult:
		if v[0].Code != code.OK {
			return v[0].Code.String() + " " + v[0].Message
		}
	case []meta.ConfigResult:
		if v[0].Code != code.OK {
			return v[0].Code.String() + " " + v[0].Message
		}
	}
	if r.Code != code.OK {
		return r.Code.String() + " " + r.Message
	}
	return ""
}

// line is one of: found [NODES], add ID, remove ID, register ID RUN, fence ID, unfence ID, leave ID, create NAME ID REPLICAS;REPLICAS [KEY=VALUE], delete ID,
// alter topic:NAME|broker:ID KEY=VALUE, assign NAME REPLICAS;REPLICAS.
func (s *story) line(w []string) (meta.Changes, meta.Result) {
	var cmd meta.Command
	id, epoch := int32(0), int64(0)
	if len(w) > 1 {
		id = int32(number(w[1]))
	}
	if b := s.md.img.Broker(id); b != nil {
		epoch = b.Epoch
	}
	switch w[0] {
	case "found":
		c := meta.InitCluster{ClusterID: "clusterclusterclusterA", FeatureLevel: 1}
		for i := range max(id, 1) {
			n := meta.Node{ID: i + 1, RaftID: uint64(i + 1), StoreID: [16]byte{byte(i + 1)}}
			if len(w) > 1 {
				n.Endpoints = []meta.Endpoint{{Name: meta.PeerListener, Host: fmt.Sprintf("n%d", i+1), Port: 9093}}
			}
			c.Founders = append(c.Founders, n)
		}
		cmd = c
	case "leave":
		cmd = meta.BeginControlledShutdown{BrokerID: id, BrokerEpoch: epoch}
	case "remove":
		cmd = meta.RemoveNode{NodeID: id}
	case "add":
		cmd = meta.AddNode{StoreID: [16]byte{byte(id)}, RequestedID: id}
	case "register":
		cmd = meta.RegisterBroker{BrokerID: id, StoreID: [16]byte{byte(id)}, Incarnation: [16]byte{byte(number(w[2]))}, PrevBrokerEpoch: -1}
	case "fence":
		cmd = meta.FenceBroker{BrokerID: id, BrokerEpoch: epoch}
	case "unfence":
		cmd = meta.UnfenceBroker{BrokerID: id, BrokerEpoch: epoch}
	case "create":
		t := meta.NewTopic{Name: w[1], ID: meta.TopicID{15: byte(number(w[2]))}, Assignments: assignments(w[3])}
		for _, kv := range w[4:] {
			k, v, _ := strings.Cut(kv, "=")
			t.Configs = map[string]string{k: v}
		}
		cmd = meta.CreateTopics{Topics: []meta.NewTopic{t}}
	case "delete":
		cmd = meta.DeleteTopics{IDs: []meta.TopicID{{15: byte(id)}}}
	case "alter":
		kind, name, _ := strings.Cut(w[1], ":")
		k, v, _ := strings.Cut(w[2], "=")
		res := meta.AlterResource{Type: meta.TopicResource, Name: name, Ops: []meta.AlterOp{{Key: k, Value: v}}}
		if kind == "broker" {
			res.Type = meta.BrokerResource
		}
		cmd = meta.IncrementalAlterConfigs{Resources: []meta.AlterResource{res}}
	case "assign":
		return s.md.assign(w[1], assignments(w[2])), meta.Result{}
	default:
		return meta.Changes{}, meta.Result{Code: code.InvalidRequest, Message: "unknown line " + w[0]}
	}
	return s.md.apply(cmd)
}

func assignments(s string) (out [][]int32) {
	for _, part := range strings.Split(s, ";") {
		var list []int32
		for _, id := range strings.Split(part, ",") {
			list = append(list, int32(number(id)))
		}
		out = append(out, list)
	}
	return out
}

// number is 0 for what is none.
func number(s string) int {
	n, _ := strconv.Atoi(s)
	return n
}
