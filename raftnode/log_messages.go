package raftnode

import (
	pb "go.etcd.io/raft/v3/raftpb"

	"troupe/actors/kit"
)

// attach tells the log actor who gets its answers.
//
// From: raft, once.
type attach struct{ raft *kit.Ref }

// write is one MsgStorageAppend: entries, hard state or a snapshot, and the responses that become true with them.
//
// From: raft. Answer: appended, in order.
type write struct{ m *pb.Message }

// appended says that writes are done, in the order in which they were asked for: durable, as far as they must be.
//
// From: log.
type appended struct{ ms []*pb.Message }

// compactLog asks to forget the log up to an index, behind the writes under way.
//
// From: raft.
type compactLog struct{ index, term uint64 }

// written is what the log actor's blocker reports.
//
// From: log (blocker).
type written struct {
	ms  []*pb.Message
	err error
}
