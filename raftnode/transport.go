package raftnode

import (
	"bytes"
	"maps"
	"slices"

	"go.etcd.io/raft/v3"
	pb "go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"

	"troupe/actors/kit"
	"troupe/actors/peer"
)

// How Raft's messages travel. All but snapshots share the control lane of a link, in order: a heartbeat behind an append of a few megabytes is
// late by milliseconds, an append that overtakes another costs a probe. A snapshot goes alone over bulk, its data as a part of the frame.
// Slot is the Raft id of the receiver, so that what was lost is known by it.

// send gives a message to the link of the node it is for, or tells the library that it got lost.
func (a *raftActor) send(c kit.Context, m *pb.Message) {
	link := a.links[NodeOf(m.GetTo())]
	if link == nil {
		a.unreachable(m.GetTo(), m.GetType() == pb.MsgSnap)
		return
	}
	out := &peer.Send{To: NodeOf(m.GetTo()), Lane: peer.Control, Kind: peer.KindRaft, From: c.Self(), Slot: m.GetTo()}
	if m.GetType() == pb.MsgSnap {
		out.Lane, out.Confirm = peer.Bulk, true
		out.Parts = []peer.Part{{Bytes: m.GetSnapshot().GetData()}}
		m = withoutData(m)
	}
	var err error
	out.Head, err = proto.Marshal(m)
	kit.Invariant(err == nil, "BUG: raft: %v cannot be written: %v", m.GetType(), err)
	link.Tell(out)
}

// withoutData is a snapshot message whose data travels beside it. The library keeps its message, so this is another one.
func withoutData(m *pb.Message) *pb.Message {
	return &pb.Message{Type: m.Type, To: m.To, From: m.From, Term: m.Term, Snapshot: &pb.Snapshot{Metadata: m.GetSnapshot().GetMetadata()}}
}

// unreachable makes the leader probe before it streams to a node again. A snapshot that was lost must be said to be: else the library would
// never speak to that follower again.
func (a *raftActor) unreachable(id uint64, snapshot bool) {
	a.rn.ReportUnreachable(id)
	if snapshot {
		a.rn.ReportSnapshot(id, raft.SnapshotFailure)
	}
}

func (a *raftActor) lost(m peer.Dropped) { a.unreachable(m.Slot, m.Lane == peer.Bulk) }

func (a *raftActor) up(c kit.Context, m peer.Up) {
	a.links[m.Node] = m.Link
	a.doubt(m.Node)
	a.rise(c)
}

// down tells the library that what was under way to a node may be lost. If that node led, it leads no more for this one.
func (a *raftActor) down(c kit.Context, m peer.Down) {
	delete(a.links, m.Node)
	a.doubt(m.Node)
	for _, id := range a.members() {
		if NodeOf(id) == m.Node {
			a.rn.ReportUnreachable(id)
		}
	}
	a.fall(c, m.Node)
}

// members are all Raft ids of the membership in force.
func (a *raftActor) members() []uint64 {
	c := a.inForce
	var list []uint64
	for _, ids := range [][]uint64{c.GetVoters(), c.GetVotersOutgoing(), c.GetLearners(), c.GetLearnersNext()} {
		for _, id := range ids {
			if !slices.Contains(list, id) {
				list = append(list, id)
			}
		}
	}
	return list
}

// received steps a message of another node. What no raft actor would send is not looked at.
func (a *raftActor) received(c kit.Context, r *peer.Received) {
	m, err := readMessage(r.Head, data(r), r.From, a.o.ID)
	r.Done()
	if err == nil {
		x := a.contact(m.GetFrom())
		x.tick, x.at = a.ticks, c.Now()
		err = a.rn.Step(m)
		a.hears(x, m.GetTerm())
	}
	if err != nil {
		c.Log().Debug("raft: message refused", "node", r.From, "error", err)
	}
}

// contact is what is known of a member. Who is none is forgotten when there are too many.
func (a *raftActor) contact(id uint64) *contact {
	x := a.contacts[id]
	if x == nil {
		if len(a.contacts) >= maxContacts {
			members := a.members()
			maps.DeleteFunc(a.contacts, func(id uint64, _ *contact) bool { return !slices.Contains(members, id) })
		}
		x = &contact{}
		a.contacts[id] = x
	}
	return x
}

// data copies the part of a frame that holds a snapshot: the slab goes back at once, the state machine keeps its bytes for as long as it likes.
func data(r *peer.Received) []byte {
	if r.Slab == nil || r.Slab.Len() != 1 {
		return nil
	}
	return bytes.Clone(r.Slab.Batch(0))
}
