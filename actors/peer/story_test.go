package peer_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"

	"troupe/actors/kit"
	kitsim "troupe/actors/kit/sim"
	"troupe/actors/peer"
	peersim "troupe/actors/peer/sim"
)

// TestStories runs the links of some brokers on one stage. What a broker's upper floors are told is said as "n1 <- …".
func TestStories(t *testing.T) {
	kitsim.Stories(t, "testdata", func(st *kitsim.Stage) func(d *datadriven.TestData) string {
		s := &story{t: t, st: st, nodes: map[int]*storyNode{}}
		return s.command
	})
}

type story struct {
	t     *testing.T
	st    *kitsim.Stage
	nodes map[int]*storyNode
	slot  uint64
}

// storyNode is one broker. Its probe answers asks when the story says so.
type storyNode struct {
	life  *kitsim.Life
	node  *kitsim.Node
	peers *kit.Ref
	probe *kitsim.Probe
	board *peer.Board
}

func (s *story) command(d *datadriven.TestData) string {
	num := func(name string) (v int) {
		if d.HasArg(name) {
			d.ScanArgs(s.t, name, &v)
		}
		return v
	}
	text := func(name string) (v string) {
		if d.HasArg(name) {
			d.ScanArgs(s.t, name, &v)
		}
		return v
	}
	n, to := s.nodes[num("n")], int32(num("to"))
	switch d.Cmd {
	case "boot":
		return s.boot(num("n"), text("cluster"), text("secret"), num("run"), num("store"), num("window"), num("queue"))
	case "kill":
		n.node.Crash()
	case "link":
		n.peers.Tell(peer.Link{Node: to, Address: address(to)})
	case "unlink":
		n.peers.Tell(peer.Unlink{Node: to})
	case "send":
		s.slot++
		m := &peer.Send{To: to, Kind: peer.KindRaft, Head: []byte(d.Input), From: n.probe.Ref(), Slot: s.slot, Confirm: d.HasArg("confirm")}
		for i, lane := range peer.Lanes {
			if lane.String() == text("lane") {
				m.Lane = peer.Lanes[i]
			}
		}
		if size := num("size"); size > 0 {
			m.Parts = []peer.Part{{Bytes: make([]byte, size)}}
		}
		n.peers.Tell(m)
	case "ask":
		s.slot++
		n.peers.Tell(&peer.Ask{Ask: kit.Ask{ReplyTo: n.probe.Ref(), Slot: s.slot}, To: to, Kind: peer.KindRaft, Head: []byte(d.Input), Timeout: time.Second})
	case "visit":
		s.slot++
		n.peers.Tell(&peer.Visit{Ask: kit.Ask{ReplyTo: n.probe.Ref(), Slot: s.slot}, Address: address(to), Kind: peer.KindBootstrap, Head: []byte(d.Input), Timeout: time.Second})
	case "answer":
		a, ok := kitsim.Last[*peer.Asked](n.probe)
		if !ok {
			return "nobody asks"
		}
		a.Reply(peer.Answer{Asked: a, Head: []byte(d.Input)})
	case "done":
		for _, m := range n.probe.Take() {
			if r, ok := m.(*peer.Received); ok {
				r.Done()
			}
		}
	case "cut":
		s.st.Net.Cut(fmt.Sprintf("n%d", num("n")), fmt.Sprintf("n%d", to))
	case "heal":
		s.st.Net.Heal()
	case "awaiting":
		return n.board.Awaiting(to, n.life.Now())
	default:
		return "unknown command " + d.Cmd
	}
	return ""
}

func (s *story) boot(id int, cluster, secret string, run, store, window, queue int) string {
	b := &storyNode{probe: s.st.Probe(fmt.Sprintf("n%d", id)), board: &peer.Board{}}
	if old := s.nodes[id]; old != nil {
		b.node = old.node
		b.node.Restart()
	} else {
		b.node = s.st.Sim.Node(fmt.Sprintf("node %d", id), nil)
	}
	if store == 0 {
		store = id
	}
	if cluster == "" {
		cluster = "ours"
	}
	b.life = b.node.Life()
	name := fmt.Sprintf("n%d", id)
	b.peers = peer.Spawn(b.life, peer.Options{
		Me:     peer.Identity{ClusterID: cluster, NodeID: int32(id), StoreID: [16]byte{byte(store)}, Incarnation: uint64(max(run, 1)), Address: address(int32(id))},
		Secret: []byte(secret), Network: peersim.New(b.life, name, address(int32(id))), Board: b.board,
		Window: [3]uint32{0, uint32(window), uint32(window)}, Queue: [3]int{queue, queue, queue},
	})
	s.nodes[id] = b
	b.peers.Tell(peer.Register{Kind: peer.KindRaft, To: b.probe.Ref()})
	b.peers.Tell(peer.Register{Kind: peer.KindBootstrap, To: b.probe.Ref(), Guests: true})
	return ""
}
