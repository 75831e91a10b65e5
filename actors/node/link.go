package node

import (
	"slices"

	"troupe/actors/controller"
	"troupe/actors/kit"
	"troupe/actors/meta"
	"troupe/actors/peer"
	"troupe/storage"
)

// part is this node's part in Raft.
type part struct {
	leads  bool // beyond doubt, and the image has all that earlier leaders decided: its controller may act
	term   uint64
	voters []int32
}

func (p part) same(o part) bool {
	return p.leads == o.leads && p.term == o.term && slices.Equal(p.voters, o.voters)
}

func (n *Node) part() part {
	p := part{leads: n.o.Leader() == n.o.NodeID}
	if n.o.Raft != nil {
		st := n.o.Raft.Status()
		p.leads = p.leads && st.Certain && n.image.Index() >= st.Begun
		p.term = st.Term
		for _, id := range st.Voters {
			p.voters = append(p.voters, int32(uint32(id)))
		}
	}
	return p
}

// informController tells the controller what it decides by, and whether topics or brokers have changed.
func (n *Node) informController(moved bool) {
	n.told = n.part()
	n.controller.Tell(controller.Update{Image: n.image, Leads: n.told.leads, Term: n.told.term, Voters: n.told.voters, Moved: moved})
}

// alone reports whether the cluster has no other node: then there is nobody who could lead in our stead.
func (n *Node) alone() bool { return len(n.linked) == 0 }

// link keeps links with all other nodes of the cluster, and with nobody else.
func (n *Node) link(c kit.Context) {
	was := n.alone()
	nodes := n.image.Nodes()
	for i := range nodes {
		x := &nodes[i]
		if x.ID == n.o.NodeID {
			continue
		}
		l := peer.Link{Node: x.ID, Address: meta.PeerAddress(x), StoreID: x.StoreID, Before: storage.LastRun(x.RaftID)}
		if n.linked[x.ID] != l {
			n.linked[x.ID] = l
			n.tellPeers(l)
		}
	}
	for id := range n.linked {
		if n.image.Node(id) == nil {
			delete(n.linked, id)
			n.tellPeers(peer.Unlink{Node: id})
		}
	}
	n.company(c, was)
}

func (n *Node) tellPeers(m any) {
	if n.o.Peers != nil {
		n.o.Peers.Tell(m)
	}
}
