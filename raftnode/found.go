package raftnode

import (
	"fmt"

	pb "go.etcd.io/raft/v3/raftpb"

	"troupe/actors/meta"
	"troupe/storage"
)

// Found makes an empty store the log of a new group with the given voters (Raft ids), and loads it; a store that has been used is only loaded.
// All founders begin with the same state, as if from one snapshot at index 1: no log entries say who the voters are.
func Found(store storage.Meta, voters []uint64) (storage.MetaLoaded, error) {
	l, err := store.Load()
	if err != nil || l.LastIndex > 0 {
		return l, err
	}
	conf := &pb.ConfState{Voters: voters, AutoLeave: new(false)}
	hard := &pb.HardState{Term: new(uint64(1)), Vote: new(uint64(0)), Commit: new(uint64(1))}
	var records []storage.KV
	for _, r := range meta.Diff(meta.NewImage(), meta.NewImage().WithIndex(1)) {
		records = append(records, storage.KV{Key: r.Key, Value: r.Value})
	}
	if err := store.Install(storage.MetaApplied{Index: 1, Term: 1, ConfState: conf, Records: records}, hard); err != nil {
		return l, fmt.Errorf("found the metadata group: %w", err)
	}
	return store.Load()
}
