package raftnode

import (
	"log/slog"
	"testing"

	"go.etcd.io/raft/v3"
	pb "go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"

	"troupe/storage/sim"
)

func wire(t testing.TB, m *pb.Message) []byte {
	b, err := proto.Marshal(m)
	must(t, err)
	return b
}

// good is a message of member 2 to member 1 that nothing is wrong with.
func good(typ pb.MessageType) *pb.Message {
	return &pb.Message{Type: typ.Enum(), From: new(uint64(2)), To: new(uint64(1)), Term: new(uint64(5)), Index: new(uint64(7)), LogTerm: new(uint64(4))}
}

func TestReadMessage(t *testing.T) {
	f := func(want bool, m *pb.Message, data string) {
		t.Helper()
		if _, err := readMessage(wire(t, m), []byte(data), 2, 1); (err == nil) != want {
			t.Errorf("%v: %v", m, err)
		}
	}
	with := func(m *pb.Message, change func(m *pb.Message)) *pb.Message {
		change(m)
		return m
	}
	for typ := range travels {
		if typ != pb.MsgSnap {
			f(true, good(typ), "")
		}
	}
	f(false, good(pb.MsgProp), "")
	f(false, good(pb.MsgHup), "")
	f(false, good(pb.MsgTransferLeader), "")
	f(false, good(pb.MsgReadIndex), "")
	f(false, good(pb.MsgStorageAppendResp), "")
	f(false, with(good(pb.MsgApp), func(m *pb.Message) { m.From = new(uint64(3)) }), "")
	f(true, with(good(pb.MsgApp), func(m *pb.Message) { m.From = new(uint64(1<<32 | 2)) }), "") // its second data directory
	f(false, with(good(pb.MsgApp), func(m *pb.Message) { m.To = new(uint64(3)) }), "")
	f(false, with(good(pb.MsgVote), func(m *pb.Message) { m.Term = nil }), "")
	f(false, with(good(pb.MsgHeartbeat), func(m *pb.Message) { m.Context = []byte("abc") }), "")
	f(false, with(good(pb.MsgVote), func(m *pb.Message) { m.Entries = entries(8, 5, 1) }), "")
	f(false, with(good(pb.MsgApp), func(m *pb.Message) { m.Responses = []*pb.Message{good(pb.MsgApp)} }), "")

	f(true, with(good(pb.MsgApp), func(m *pb.Message) { m.Entries = entries(8, 5, 3) }), "")
	f(false, with(good(pb.MsgApp), func(m *pb.Message) { m.Entries = entries(9, 5, 3) }), "") // a gap
	f(false, with(good(pb.MsgApp), func(m *pb.Message) { m.Entries = entries(8, 3, 3) }), "") // back in time
	f(false, with(good(pb.MsgApp), func(m *pb.Message) { m.Entries = entries(8, 6, 3) }), "") // of a term to come
	f(false, with(good(pb.MsgApp), func(m *pb.Message) { m.LogTerm = new(uint64(6)) }), "")
	f(false, with(good(pb.MsgApp), func(m *pb.Message) {
		m.Entries = entries(8, 5, 1)
		m.Entries[0].Type, m.Entries[0].Data = pb.EntryConfChangeV2.Enum(), []byte("\xff\xff")
	}), "")

	snap := func(change func(m *pb.Message)) *pb.Message {
		m := good(pb.MsgSnap)
		m.Snapshot = &pb.Snapshot{Metadata: &pb.SnapshotMetadata{Index: new(uint64(9)), Term: new(uint64(4)), ConfState: &pb.ConfState{Voters: []uint64{1, 2}}}}
		return with(m, change)
	}
	f(true, snap(func(*pb.Message) {}), "state")
	f(false, snap(func(*pb.Message) {}), "")
	f(false, snap(func(m *pb.Message) { m.Snapshot = nil }), "state")
	f(false, snap(func(m *pb.Message) { m.Snapshot.Metadata = nil }), "state")
	f(false, snap(func(m *pb.Message) { m.Snapshot.Metadata.Term = new(uint64(6)) }), "state")
	f(false, snap(func(m *pb.Message) { m.Snapshot.Metadata.ConfState.Voters = nil }), "state")
	f(false, snap(func(m *pb.Message) { m.Snapshot.Metadata.ConfState.Learners = []uint64{1} }), "state") // voter and learner
}

// FuzzReadMessage: whatever bytes come, there is an error or a message that a library of a fresh node can step. Heartbeats are not among
// them: what they say of the commit index is believed, for a node that does not have what it acknowledged must not go on.
func FuzzReadMessage(f *testing.F) {
	for typ := range travels {
		m := good(typ)
		m.Entries = entries(8, 5, 1)
		f.Add(wire(f, m), []byte("state"))
		f.Add(wire(f, good(typ)), []byte{})
	}
	f.Fuzz(func(t *testing.T, head, data []byte) {
		m, err := readMessage(head, data, 2, 1)
		if err != nil || m.GetType() == pb.MsgHeartbeat {
			return
		}
		n := newNode(t, 1, 2, 3)
		_ = n.Step(m)
		for n.HasReady() {
			n.Ready()
		}
	})
}

// newNode is a library alone, with voters and an empty log.
func newNode(t testing.TB, voters ...uint64) *raft.RawNode {
	store := sim.NewMeta()
	l, err := Found(store, voters)
	must(t, err)
	n, err := raft.NewRawNode(config(1, newLogView(store, l), l.Applied, slog.New(slog.DiscardHandler)))
	must(t, err)
	return n
}
