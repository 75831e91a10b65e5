package raftnode

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"
	pb "go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"

	"troupe/actors/kit"
	kitsim "troupe/actors/kit/sim"
	"troupe/actors/meta"
	"troupe/actors/peer"
	"troupe/storage"
	"troupe/storage/sim"
)

// held is a store whose appends and syncs the story sees, and which it can let fail.
type held struct {
	*sim.Meta
	st   *kitsim.Stage
	fail bool
}

func (h *held) Append(w storage.MetaAppend, sync bool) error {
	var es []string
	for _, e := range w.Entries {
		es = append(es, fmt.Sprintf("%d@%d", e.GetIndex(), e.GetTerm()))
	}
	line := fmt.Sprintf("disk: append [%s] over %d", strings.Join(es, " "), w.OldLast)
	if hs := w.HardState; hs != nil {
		line += fmt.Sprintf(" term=%d vote=%d commit=%d", hs.GetTerm(), hs.GetVote(), hs.GetCommit())
	}
	h.st.Say("%s sync=%v", line, sync)
	if h.fail {
		return errors.New("input/output error")
	}
	return h.Meta.Append(w, sync)
}

func (h *held) Compact(index, term uint64) error {
	h.st.Say("disk: compact %d@%d", index, term)
	return h.Meta.Compact(index, term)
}

// TestStories runs the raft actor with its log actor on a model store; the state machine and the network are the story's.
func TestStories(t *testing.T) {
	kitsim.Stories(t, "testdata", func(st *kitsim.Stage) func(d *datadriven.TestData) string {
		s := &story{t: t, st: st, disk: &held{Meta: sim.NewMeta(), st: st}, fsm: st.Probe("fsm"), board: &Board{}}
		return s.command
	})
}

type story struct {
	t     testing.TB
	st    *kitsim.Stage
	disk  *held
	fsm   *kitsim.Probe
	board *Board
	raft  *kit.Ref
	asked *Install
}

// network stands for the links of this node: what goes out is said, and lost if it goes to node 9.
type network struct{ s *story }

// Post implements kit.Box.
func (n network) Post(x any) bool {
	out, ok := x.(*peer.Send)
	if !ok {
		return true
	}
	m := &pb.Message{}
	must(n.s.t, proto.Unmarshal(out.Head, m))
	var es []string
	for _, e := range m.GetEntries() {
		es = append(es, fmt.Sprintf("%d@%d", e.GetIndex(), e.GetTerm()))
	}
	line := fmt.Sprintf("net: %v to %d term=%d index=%d commit=%d reject=%v [%s]", m.GetType(), m.GetTo(), m.GetTerm(), m.GetIndex(), m.GetCommit(), m.GetReject(), strings.Join(es, " "))
	if out.Lane == peer.Bulk {
		line += fmt.Sprintf(" over bulk: %d@%d %q", m.GetSnapshot().GetMetadata().GetIndex(), m.GetSnapshot().GetMetadata().GetTerm(), out.Parts[0].Bytes)
	}
	n.s.st.Say("%s", line)
	if out.To == 9 {
		out.Refuse()
	}
	return true
}

// TryPost implements kit.Box.
func (n network) TryPost(x any) bool { return n.Post(x) }

// Depth implements kit.Box.
func (n network) Depth() int { return 0 }

func (s *story) command(d *datadriven.TestData) string {
	arg := func(name string) (v uint64) {
		if d.HasArg(name) {
			d.ScanArgs(s.t, name, &v)
		}
		return v
	}
	switch d.Cmd {
	case "boot":
		var voters []uint64
		for _, a := range d.CmdArgs {
			if a.Key == "voters" {
				for _, v := range a.Vals {
					var id uint64
					fmt.Sscan(v, &id)
					voters = append(voters, id)
				}
			}
		}
		return s.boot(voters)
	case "enter":
		s.raft.Tell(Enter{s.fsm.Ref(), meta.RequestID{Node: 1, Incarnation: 1, Seq: arg("seq")}, []byte(d.Input), arg("in")})
	case "enter-many":
		for i := range arg("n") {
			s.raft.Tell(Enter{s.fsm.Ref(), meta.RequestID{Node: 1, Incarnation: 1, Seq: arg("seq") + i}, []byte("x"), 0})
		}
	case "applied":
		a, ok := kitsim.Last[Apply](s.fsm) // the state machine stores up to there
		if !ok || a.Mark.Index != arg("index") {
			return fmt.Sprintf("no Apply up to %d", arg("index"))
		}
		must(s.t, s.disk.Apply(storage.MetaApplied{Index: a.Mark.Index, Term: a.Mark.Term, ConfState: a.Mark.Conf}))
		s.raft.Tell(Applied{arg("index")})
	case "compact":
		s.raft.Tell(Compact{arg("index")})
	case "fail-disk":
		s.disk.fail = true
	case "status":
		b := s.board.Status()
		return fmt.Sprintf("%s voters=%v learners=%v term=%d leader=%d first=%d persisted=%d committed=%d applied=%d behind=%v", b.Role, b.Voters, b.Learners, b.Term, b.Leader, b.First, b.Persisted, b.Committed, b.Applied, !b.Behind.IsZero())
	case "certain":
		b := s.board.Status()
		return fmt.Sprintf("%s, begun: %d, certain: %v", b.Role, b.Begun, b.Certain)
	case "slow-disk":
		s.st.Node.Slow = time.Duration(arg("ms")) * time.Millisecond
	case "replicas":
		var list []string
		for _, r := range s.board.Status().Replicas {
			list = append(list, fmt.Sprintf("%d voter=%v %s match=%d active=%v", r.ID, r.Voter, r.State, r.Match, r.Active))
		}
		return strings.Join(list, "\n")
	case "members":
		var m Members
		for _, a := range d.CmdArgs[0].Vals {
			var id uint64
			fmt.Sscan(a, &id)
			m.IDs = append(m.IDs, id)
		}
		s.raft.Tell(m)
	case "receive":
		s.receive(s.message(d, arg))
	case "built":
		s.raft.Tell(SnapshotBuilt{Mark{arg("index"), arg("term"), &pb.ConfState{Voters: []uint64{1, 2, 3}, AutoLeave: new(false)}}, []byte(d.Input)})
	case "sent":
		if d.HasArg("ok") {
			s.raft.Tell(peer.Sent{To: int32(arg("to")), Kind: peer.KindRaft, Slot: arg("to")})
		} else {
			s.raft.Tell(peer.Dropped{To: int32(arg("to")), Lane: peer.Bulk, Kind: peer.KindRaft, Slot: arg("to"), Reason: peer.Lost})
		}
	case "up":
		s.up(int32(arg("node")))
	case "down":
		s.raft.Tell(peer.Down{Node: int32(arg("node"))})
	case "forward":
		return s.forward(d, arg)
	case "installed":
		i, ok := kitsim.Last[*Install](s.fsm)
		if !ok || i == s.asked {
			return "no installation was asked for"
		}
		s.asked = i
		must(s.t, s.disk.Install(storage.MetaApplied{Index: i.Mark.Index, Term: i.Mark.Term, ConfState: i.Mark.Conf}, i.Hard))
		i.Reply(Installed{Install: i, Done: true})
	default:
		return "unknown command " + d.Cmd
	}
	return ""
}

func (s *story) boot(voters []uint64) string {
	if !s.st.Node.Up() {
		s.st.Restart()
		s.disk.Meta = s.disk.Meta.Crash(0)
	}
	l, err := Found(s.disk, voters)
	if err != nil {
		return err.Error()
	}
	s.raft = Spawn(s.st.Sys, Options{ID: 1, Store: s.disk, Loaded: l, FSM: s.fsm.Ref(), Peers: kit.NewRef("peers", network{s}), Board: s.board})
	for node := int32(2); node <= 9; node++ {
		s.up(node)
	}
	return fmt.Sprintf("applied %d, log (%d, %d], commit %d", l.Applied, l.TruncIndex, l.LastIndex, l.HardState.GetCommit())
}

func (s *story) up(node int32) {
	s.raft.Tell(peer.Up{Node: node, Link: kit.NewRef(peer.LinkName(node), network{s})})
}

// receive brings a message as the link with its sender does.
func (s *story) receive(m *pb.Message) {
	r := &peer.Received{From: NodeOf(m.GetFrom()), Lane: peer.Control, Kind: peer.KindRaft}
	if m.GetType() == pb.MsgSnap {
		r.Slab = storage.NewSlab(len(m.GetSnapshot().GetData()) + storage.SlabOverhead)
		i, _ := r.Slab.Add(len(m.GetSnapshot().GetData()))
		copy(r.Slab.Batch(i), m.GetSnapshot().GetData())
		r.Lane, m = peer.Bulk, withoutData(m)
	}
	head, err := proto.Marshal(m)
	must(s.t, err)
	r.Head = head
	s.raft.Tell(r)
}

// forward brings a command of another node.
func (s *story) forward(d *datadriven.TestData, arg func(string) uint64) string {
	data := []byte(d.Input)
	if !d.HasArg("garbage") {
		data = meta.Encode(meta.Envelope{ID: meta.RequestID{Node: int32(arg("of")), Incarnation: 1, Seq: 1}, Cmd: meta.FenceBroker{BrokerID: 2}})
	}
	a, ok := kitsim.Ask[peer.Answer](s.st.Sim, 0, func(replyTo *kit.Ref) {
		s.raft.Tell(&peer.Asked{Ask: kit.Ask{ReplyTo: replyTo}, From: peer.Identity{NodeID: int32(arg("from"))}, Kind: peer.KindProposal, Head: data})
	})
	if !ok {
		return "no answer"
	}
	v, err := ReadVerdict(a.Head)
	must(s.t, err)
	return map[Verdict]string{Entered: "entered", NotEntered: "not entered", Unreadable: "unreadable"}[v]
}

func (s *story) message(d *datadriven.TestData, arg func(string) uint64) *pb.Message {
	m := &pb.Message{From: new(arg("from")), To: new(uint64(1)), Term: new(arg("term")), Index: new(arg("index")), LogTerm: new(arg("logterm")), Commit: new(arg("commit"))}
	m.Type = pb.MessageType(pb.MessageType_value[d.CmdArgs[0].Key]).Enum()
	if n := arg("entries"); n > 0 {
		m.Entries = entries(m.GetIndex()+1, m.GetTerm(), int(n))
	}
	if d.HasArg("conf") { // the last entry changes the membership
		var text string
		d.ScanArgs(s.t, "conf", &text)
		list, err := pb.ConfChangesFromString(strings.ReplaceAll(text, "+", " "))
		must(s.t, err)
		e := m.Entries[len(m.Entries)-1]
		e.Type = pb.EntryConfChangeV2.Enum()
		e.Data, err = proto.Marshal(&pb.ConfChangeV2{Changes: list})
		must(s.t, err)
	}
	if d.HasArg("reject") {
		m.Reject, m.RejectHint = new(true), new(arg("hint"))
	}
	if m.GetType() == pb.MsgSnap {
		m.Snapshot = &pb.Snapshot{Data: []byte(d.Input), Metadata: &pb.SnapshotMetadata{Index: new(arg("at")), Term: new(arg("term")),
			ConfState: &pb.ConfState{Voters: []uint64{1, 2, 3}, AutoLeave: new(false)}}}
	}
	return m
}
