package controller

import (
	"fmt"
	"strconv"
	"testing"

	"github.com/cockroachdb/datadriven"

	"troupe/actors/kit"
	kitsim "troupe/actors/kit/sim"
	"troupe/actors/meta"
	"troupe/actors/peer"
	"troupe/kafka/code"
	"troupe/raftnode"
)

// TestStories runs the controller of node 1 in a cluster of three; everything around it is the story's.
//
//	lead TERM, follow TERM          this node's part in Raft, with the image of now
//	up NODE, down NODE              its link with another node
//	beat ID [stale] [behind] [go] [lost=ID] [as=NODE]   a heartbeat; of another broker than 1 it comes over the link
//	garble NODE                     what is no heartbeat
//	apply                           applies the oldest proposal, answers it, and tells the image
//	refuse CODE                     refuses it
//	register ID                     another run of a broker, not told yet
func TestStories(t *testing.T) {
	kitsim.Stories(t, "testdata", func(st *kitsim.Stage) func(d *datadriven.TestData) string {
		s := &story{t: t, st: st, x: newCluster(t, 3), md: st.Probe("metadata"), peers: st.Probe("peers"), node: st.Probe("node"), board: &Board{}}
		s.md.On = func(m any) {
			if p, ok := m.(*raftnode.Propose); ok {
				s.held = append(s.held, p)
			}
		}
		s.ref = st.Sys.Spawn(Name, New(Options{NodeID: 1, Metadata: s.md.Ref(), Peers: s.peers.Ref(), Node: s.node.Ref(), Timing: DefaultTiming, Board: s.board}), kit.Options{})
		return s.command
	})
}

type story struct {
	t               *testing.T
	st              *kitsim.Stage
	x               *cluster
	md, peers, node *kitsim.Probe
	ref             *kit.Ref
	board           *Board
	update          Update
	held            []*raftnode.Propose
}

func (s *story) command(d *datadriven.TestData) string {
	id := int32(0)
	if len(d.CmdArgs) > 0 {
		n, _ := strconv.Atoi(d.CmdArgs[0].Key)
		id = int32(n)
	}
	switch d.Cmd {
	case "lead", "follow":
		s.update = s.x.update(uint64(id))
		s.update.Leads = d.Cmd == "lead"
		s.ref.Tell(s.update)
	case "up":
		s.ref.Tell(peer.Up{Node: id, Session: uint64(id)})
	case "down":
		s.ref.Tell(peer.Down{Node: id, Session: uint64(id)})
	case "beat":
		return s.beat(d, id)
	case "garble":
		s.ask(id, []byte{1, 2, 3})
	case "register":
		s.x.register(id)
	case "apply":
		p := s.held[0]
		s.held = s.held[1:]
		r := s.x.apply(p.Cmd)
		s.update.Image, s.update.Moved = s.x.img, true
		s.ref.Tell(s.update)
		p.Reply(raftnode.Proposed{Propose: p, Index: s.x.img.Index(), Result: r})
	case "refuse":
		p := s.held[0]
		s.held = s.held[1:]
		p.Reply(raftnode.Proposed{Propose: p, Result: meta.Result{Code: code.RequestTimedOut, Message: "no"}})
	case "board":
		b := s.board.Status()
		out := fmt.Sprintf("active %v, term %d, lost %v\n", b.Active, b.Term, b.Lost)
		for _, x := range b.Sessions {
			out += fmt.Sprintf("broker %d: %s\n", x.Broker, x)
		}
		return out
	default:
		d.Fatalf(s.t, "unknown command %s", d.Cmd)
	}
	return ""
}

func (s *story) beat(d *datadriven.TestData, id int32) string {
	b := s.x.beat(id)
	if d.HasArg("stale") {
		b.BrokerEpoch--
	}
	if d.HasArg("behind") {
		b.Applied = uint64(b.BrokerEpoch) - 1
	}
	b.WantShutdown = d.HasArg("go")
	lost, as := 0, int(id)
	if d.HasArg("lost") {
		d.ScanArgs(s.t, "lost", &lost)
		b.Lost = []int32{int32(lost)}
	}
	d.MaybeScanArgs(s.t, "as", &as)
	if id == 1 {
		v, ok := kitsim.Ask[Heard](s.st.Sim, 0, func(to *kit.Ref) { s.ref.Tell(&Heartbeat{Ask: kit.Ask{ReplyTo: to}, Beat: b}) })
		return fmt.Sprintf("%v %+v", ok, v.Verdict)
	}
	s.ask(int32(as), EncodeBeat(b))
	return ""
}

// ask comes over the link with a node.
func (s *story) ask(from int32, head []byte) {
	p := s.st.Probe("link")
	p.On = func(m any) {
		a := m.(peer.Answer)
		v, err := DecodeVerdict(a.Head)
		s.st.Say("  it says %+v %v", v, err)
	}
	s.ref.Tell(&peer.Asked{Ask: kit.Ask{ReplyTo: p.Ref()}, From: peer.Identity{NodeID: from}, Kind: peer.KindController, Head: head})
}
