package raftnode

import (
	"go.etcd.io/raft/v3/confchange"
	pb "go.etcd.io/raft/v3/raftpb"
	"go.etcd.io/raft/v3/tracker"
	"google.golang.org/protobuf/proto"

	"troupe/actors/kit"
)

// confChange is the membership change in a committed entry; nil if there is none.
func confChange(e *pb.Entry) *pb.ConfChangeV2 {
	switch e.GetType() {
	case pb.EntryConfChange:
		var old pb.ConfChange
		err := proto.Unmarshal(e.GetData(), &old)
		kit.Invariant(err == nil, "DISK: the conf change at %d cannot be read: %v", e.GetIndex(), err)
		return old.AsV2()
	case pb.EntryConfChangeV2:
		cc := &pb.ConfChangeV2{}
		err := proto.Unmarshal(e.GetData(), cc)
		kit.Invariant(err == nil, "DISK: the conf change at %d cannot be read: %v", e.GetIndex(), err)
		return cc
	}
	return nil
}

// nextConf is the membership after a change, computed as the RawNode will when it is given the change: the state machine stores it together
// with the applied index, for a restart needs the two to fit exactly.
func nextConf(conf *pb.ConfState, cc *pb.ConfChangeV2, index uint64) *pb.ConfState {
	ch := confchange.Changer{Tracker: tracker.MakeProgressTracker(1, 0), LastIndex: index}
	cfg, progress, err := confchange.Restore(ch, conf)
	kit.Invariant(err == nil, "BUG: membership %v cannot be restored: %v", conf, err)
	ch.Tracker.Config, ch.Tracker.Progress = cfg, progress
	auto, joint := cc.EnterJoint()
	switch {
	case cc.LeaveJoint():
		cfg, progress, err = ch.LeaveJoint()
	case joint:
		cfg, progress, err = ch.EnterJoint(auto, cc.GetChanges()...)
	default:
		cfg, progress, err = ch.Simple(cc.GetChanges()...)
	}
	kit.Invariant(err == nil, "BUG: membership change %v at %d is impossible: %v", cc, index, err)
	t := tracker.MakeProgressTracker(1, 0)
	t.Config, t.Progress = cfg, progress
	return t.ConfState()
}

// soleVoter reports whether a node decides alone, so that it need not wait for anybody to be silent before it stands for election.
func soleVoter(conf *pb.ConfState, id uint64) bool {
	return len(conf.GetVoters()) == 1 && conf.GetVoters()[0] == id && len(conf.GetVotersOutgoing()) == 0
}
