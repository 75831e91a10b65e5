package metadata

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"
	pb "go.etcd.io/raft/v3/raftpb"

	"troupe/actors/kit"
	kitsim "troupe/actors/kit/sim"
	"troupe/actors/meta"
	"troupe/actors/peer"
	"troupe/raftnode"
	"troupe/storage"
	"troupe/storage/sim"
)

// said is a store whose writes the story sees.
type said struct {
	*sim.Meta
	st   *kitsim.Stage
	fail bool
}

func (s *said) Apply(a storage.MetaApplied) error {
	s.st.Say("disk: apply %d@%d, %d records", a.Index, a.Term, len(a.Records))
	if s.fail {
		return errors.New("input/output error")
	}
	return s.Meta.Apply(a)
}

func (s *said) Install(a storage.MetaApplied, hs *pb.HardState) error {
	s.st.Say("disk: install %d@%d, %d records", a.Index, a.Term, len(a.Records))
	return s.Meta.Install(a, hs)
}

// TestStories runs the metadata actor alone: Raft, the node and the askers are the story's.
func TestStories(t *testing.T) {
	kitsim.Stories(t, "testdata", func(st *kitsim.Stage) func(d *datadriven.TestData) string {
		s := &story{t: t, st: st, disk: &said{Meta: sim.NewMeta(), st: st}, raft: st.Probe("raft"), node: st.Probe("node"), asker: st.Probe("asker"), peers: st.Probe("peers"), board: &raftnode.Board{}}
		return s.command
	})
}

type story struct {
	t                 *testing.T
	st                *kitsim.Stage
	disk              *said
	raft, node, asker *kitsim.Probe
	board             *raftnode.Board
	ref               *kit.Ref
	peers             *kitsim.Probe
	asked             map[uint64][]byte    // the commands that Raft here or another node was told, by seq
	forwarded         map[uint64]*peer.Ask // what another node was asked and has not answered, by seq
	runs              uint64
	slot              uint64
	seen              uint64
}

func (s *story) command(d *datadriven.TestData) string {
	arg := func(name string) (v uint64) {
		if d.HasArg(name) {
			d.ScanArgs(s.t, name, &v)
		}
		return v
	}
	switch d.Cmd {
	case "boot":
		return s.boot()
	case "attach":
		s.ref.Tell(raftnode.Attached{Raft: s.raft.Ref()})
	case "subscribe":
		s.ref.Tell(Subscribe{Node: s.node.Ref()})
	case "leader":
		s.ref.Tell(raftnode.LeaderChanged{Leader: arg("id"), Term: arg("term"), Self: arg("id") == 1})
	case "says":
		return s.says(d, arg)
	case "propose":
		return s.propose(d, arg)
	case "drop":
		s.ref.Tell(raftnode.Dropped{ID: meta.RequestID{Node: 1, Incarnation: s.runs, Seq: arg("seq")}})
	case "apply":
		return s.apply(d, arg)
	case "seen":
		return s.sawIt()
	case "snapshot":
		s.ref.Tell(raftnode.BuildSnapshot{})
	case "install":
		img := meta.NewImage().WithIndex(arg("index") - 1)
		img, _, _ = meta.Apply(img, arg("index"), meta.Envelope{Cmd: s.parse(d.Input)})
		s.ref.Tell(&raftnode.Install{Ask: kit.Ask{ReplyTo: s.raft.Ref()}, Mark: raftnode.Mark{Index: arg("index"), Term: arg("term"), Conf: &pb.ConfState{Voters: []uint64{1}}}, Data: img.Snapshot()})
	case "fail-disk":
		s.disk.fail = true
	case "status":
		b := s.board.Status()
		return fmt.Sprintf("image=%d stored=%d pending=%d waiting=%v", b.Image, b.Stored, b.Pending, !b.Oldest.IsZero())
	default:
		return "unknown command " + d.Cmd
	}
	return ""
}

func (s *story) boot() string {
	if !s.st.Node.Up() {
		s.st.Restart()
		s.disk.Meta = s.disk.Meta.Crash(1 << 30)
	}
	s.runs++
	s.asked, s.forwarded = map[uint64][]byte{}, map[uint64]*peer.Ask{}
	l, err := raftnode.Found(s.disk.Meta, []uint64{1})
	if err != nil {
		return err.Error()
	}
	img, err := LoadImage(l)
	if err != nil {
		return err.Error()
	}
	s.ref = Spawn(s.st.Sys, Options{Store: s.disk, Loaded: l, Image: img, Board: s.board, Peers: s.peers.Ref(), Node: 1, Incarnation: s.runs, CompactEntries: 4, CompactTail: 2})
	return fmt.Sprintf("image at %d, %d topics", img.Index(), img.TopicCount())
}

// says is the answer of another node that leads.
func (s *story) says(d *datadriven.TestData, arg func(string) uint64) string {
	s.collect()
	m := s.forwarded[arg("seq")]
	if m == nil {
		return "it was not asked"
	}
	delete(s.forwarded, m.Slot)
	a := peer.Answered{Ask: m}
	switch d.CmdArgs[1].Key {
	case "lost":
		a.Reason = peer.Lost
	case "entered":
		a.Head = []byte{byte(raftnode.Entered)}
	case "not-entered":
		a.Head = []byte{byte(raftnode.NotEntered)}
	case "unreadable":
		a.Head = []byte{byte(raftnode.Unreadable)}
	case "nonsense":
		a.Head = []byte("nonsense")
	}
	m.Reply(a)
	return ""
}

func (s *story) parse(text string) meta.Command {
	var kind, name string
	fmt.Sscan(text, &kind, &name)
	switch kind {
	case "init":
		return meta.InitCluster{ClusterID: name, FeatureLevel: 1, Founders: []meta.Node{{ID: 1, RaftID: 1, StoreID: [16]byte{1}}}}
	case "register":
		return meta.RegisterBroker{BrokerID: 1, StoreID: [16]byte{1}, Incarnation: [16]byte{byte(s.runs)}, PrevBrokerEpoch: -1}
	case "create":
		var id meta.TopicID
		copy(id[:], name)
		return meta.CreateTopics{Topics: []meta.NewTopic{{Name: name, ID: id, Assignments: [][]int32{{1}}}}}
	case "unfence":
		var epoch int64
		fmt.Sscan(name, &epoch)
		return meta.UnfenceBroker{BrokerID: 1, BrokerEpoch: epoch}
	case "huge":
		return meta.InitCluster{ClusterID: string(make([]byte, raftnode.MaxCommand))}
	}
	s.t.Fatalf("unknown command %q", text)
	return nil
}

func (s *story) propose(d *datadriven.TestData, arg func(string) uint64) string {
	n := max(arg("n"), 1)
	for range n {
		s.slot++
		s.ref.Tell(&raftnode.Propose{Ask: kit.Ask{ReplyTo: s.asker.Ref(), Slot: s.slot}, Cmd: s.parse(d.Input), Timeout: time.Duration(arg("ms")) * time.Millisecond, Term: arg("in")})
	}
	return ""
}

// collect takes in what Raft and other nodes were told.
func (s *story) collect() {
	for _, m := range s.raft.Take() {
		if e, ok := m.(raftnode.Enter); ok {
			s.asked[e.ID.Seq] = e.Data
		}
	}
	for _, m := range s.peers.Take() {
		if m, ok := m.(*peer.Ask); ok {
			s.asked[m.Slot], s.forwarded[m.Slot] = m.Head, m
		}
	}
}

// apply commits proposals by seq, an empty entry, or bytes that nobody can read.
func (s *story) apply(d *datadriven.TestData, arg func(string) uint64) string {
	s.collect()
	index := arg("index")
	var es []raftnode.Entry
	for _, a := range d.CmdArgs {
		switch a.Key {
		case "seq":
			for _, v := range a.Vals {
				var seq uint64
				fmt.Sscan(v, &seq)
				data, ok := s.asked[seq]
				if !ok {
					return "Raft was never told " + v
				}
				es = append(es, raftnode.Entry{Index: index, Term: 2, Data: data})
				index++
			}
		case "empty":
			es = append(es, raftnode.Entry{Index: index, Term: 2})
			index++
		case "garbage":
			es = append(es, raftnode.Entry{Index: index, Term: 2, Data: []byte{0xff, 0xff, 0x03, 1, 2}})
			index++
		}
	}
	var log []*pb.Entry // as the log actor has written them
	for _, e := range es {
		log = append(log, &pb.Entry{Index: new(e.Index), Term: new(e.Term), Data: e.Data})
	}
	if err := s.disk.Append(storage.MetaAppend{Entries: log, OldLast: index - 1 - uint64(len(es))}, true); err != nil {
		s.t.Fatal(err)
	}
	s.ref.Tell(raftnode.Apply{Entries: es, Mark: raftnode.Mark{Index: index - 1, Term: 2, Conf: &pb.ConfState{Voters: []uint64{1}}}})
	return ""
}

func (s *story) sawIt() string {
	m, ok := kitsim.Last[*Changed](s.node)
	if !ok || m.Slot == s.seen {
		return "nothing to see"
	}
	s.seen = m.Slot
	m.Reply(Seen{m})
	return ""
}
