package raftnode

import (
	"errors"
	"fmt"

	"go.etcd.io/raft/v3/confchange"
	pb "go.etcd.io/raft/v3/raftpb"
	"go.etcd.io/raft/v3/tracker"
	"google.golang.org/protobuf/proto"
)

// NodeOf is the node of a Raft id: its lower half. The upper half counts the data directories that the node has had.
func NodeOf(id uint64) int32 { return int32(uint32(id)) }

// travels are the messages that one node's library sends to another's. The rest is local, or would pass on what must not be passed on:
// proposals have a way of their own, with an answer.
var travels = map[pb.MessageType]bool{
	pb.MsgApp: true, pb.MsgAppResp: true, pb.MsgVote: true, pb.MsgVoteResp: true, pb.MsgPreVote: true, pb.MsgPreVoteResp: true,
	pb.MsgHeartbeat: true, pb.MsgHeartbeatResp: true, pb.MsgSnap: true, pb.MsgTimeoutNow: true,
}

// readMessage reads a message that came from a node over its link. The library trusts what it is given, and panics where it finds a
// contradiction; so whatever is wrong by itself is an error here. What contradicts the log of this node is not: that node, or this one,
// has lost what it had promised to keep, and to go on would make it worse.
func readMessage(head, data []byte, from int32, self uint64) (*pb.Message, error) {
	m := &pb.Message{}
	if err := proto.Unmarshal(head, m); err != nil {
		return nil, err
	}
	switch {
	case !travels[m.GetType()]:
		return nil, fmt.Errorf("%v does not travel", m.GetType())
	case m.GetFrom() == 0 || from <= 0 || NodeOf(m.GetFrom()) != from:
		return nil, fmt.Errorf("%v of member %d from node %d", m.GetType(), m.GetFrom(), from)
	case m.GetTo() != self:
		return nil, fmt.Errorf("%v for member %d", m.GetType(), m.GetTo())
	case m.GetTerm() == 0:
		return nil, fmt.Errorf("%v without a term", m.GetType())
	case m.GetType() != pb.MsgApp && len(m.GetEntries()) > 0 || len(m.GetResponses()) > 0 || m.GetType() != pb.MsgSnap && m.GetSnapshot() != nil:
		return nil, fmt.Errorf("%v with something in it", m.GetType())
	case len(m.GetContext()) != 0 && len(m.GetContext()) != 8 && (m.GetType() == pb.MsgHeartbeat || m.GetType() == pb.MsgHeartbeatResp):
		return nil, fmt.Errorf("%v with a context of %d bytes", m.GetType(), len(m.GetContext()))
	case m.GetType() == pb.MsgSnap:
		return m, checkSnapshot(m, data)
	}
	return m, checkEntries(m)
}

// checkEntries looks whether entries follow their message's place in the log, and each other.
func checkEntries(m *pb.Message) error {
	index, term := m.GetIndex(), m.GetLogTerm()
	if term > m.GetTerm() && m.GetType() == pb.MsgApp {
		return fmt.Errorf("append of term %d behind an entry of term %d", m.GetTerm(), term)
	}
	for _, e := range m.GetEntries() {
		if e.GetIndex() != index+1 || e.GetTerm() < max(term, 1) || e.GetTerm() > m.GetTerm() {
			return fmt.Errorf("entry %d of term %d behind %d of term %d, in term %d", e.GetIndex(), e.GetTerm(), index, term, m.GetTerm())
		}
		index, term = e.GetIndex(), e.GetTerm()
		if err := checkEntry(e); err != nil {
			return fmt.Errorf("entry %d: %w", index, err)
		}
	}
	return nil
}

func checkEntry(e *pb.Entry) error {
	switch e.GetType() {
	case pb.EntryNormal:
		return nil
	case pb.EntryConfChange:
		return proto.Unmarshal(e.GetData(), &pb.ConfChange{})
	case pb.EntryConfChangeV2:
		return proto.Unmarshal(e.GetData(), &pb.ConfChangeV2{})
	}
	return fmt.Errorf("type %d", e.GetType())
}

// checkSnapshot puts the data back into its message, if the membership in it is one.
func checkSnapshot(m *pb.Message, data []byte) error {
	s := m.GetSnapshot()
	md := s.GetMetadata()
	switch {
	case len(data) == 0 || len(s.GetData()) > 0:
		return errors.New("snapshot without its data")
	case md.GetIndex() == 0 || md.GetTerm() == 0 || md.GetTerm() > m.GetTerm():
		return fmt.Errorf("snapshot of %d of term %d, in term %d", md.GetIndex(), md.GetTerm(), m.GetTerm())
	case len(md.GetConfState().GetVoters()) == 0:
		return errors.New("snapshot of a group without voters")
	}
	t := tracker.MakeProgressTracker(1, 0)
	var err error
	if t.Config, t.Progress, err = confchange.Restore(confchange.Changer{Tracker: t, LastIndex: md.GetIndex()}, md.GetConfState()); err == nil {
		err = md.GetConfState().Equivalent(t.ConfState())
	}
	if err != nil {
		return fmt.Errorf("snapshot of an impossible group: %w", err)
	}
	s.Data = data
	return nil
}
