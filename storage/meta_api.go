package storage

import pb "go.etcd.io/raft/v3/raftpb"

// Meta is the small store of the Raft log and the metadata state, with a WAL of its own.
// Two engines: Pebble (OpenMeta) and the model of storage/sim.
type Meta interface {
	// Load reads everything at start. It checks that the log has no gap and clamps the hard state's commit up to Applied.
	Load() (MetaLoaded, error)
	// Append writes entries and hard state in one commit, cutting a conflicting suffix first (from the first entry's index
	// to the old last index). sync says whether it must be durable on return. Called by the log actor's blocker only.
	Append(w MetaAppend, sync bool) error
	// Entries reads [lo, hi) up to maxBytes, at least one.
	Entries(lo, hi, maxBytes uint64) ([]*pb.Entry, error)
	// Compact forgets entries up to index (not synced: the log only shrinks).
	Compact(index, term uint64) error
	// Apply writes changed state records and the applied mark atomically, not synced (the log replays the rest).
	Apply(a MetaApplied) error
	// Install replaces state and log by a snapshot, synced, in one commit.
	Install(a MetaApplied, hs *pb.HardState) error
	// Identity reads and writes the store's own file of facts (cluster id, node id, store id, clean-shutdown mark), synced.
	Identity() (Identity, error)
	SetIdentity(Identity) error
	Close() error
}

// Identity is who this data directory belongs to. The zero value is a new directory.
type Identity struct {
	StoreID     [16]byte
	ClusterID   string
	NodeID      int32
	RaftID      uint64
	CleanEpoch  int64  // broker epoch of a clean shutdown, -1 if it crashed
	Incarnation uint64 // number of starts of this directory
	Founding    string // what the founders of the cluster agreed on, if this node is one of them; only they read it
}

// Run numbers this run of the node. It grows with each, also over data directories that come after each other under one node id: a new one
// counts its starts from the beginning again, but has a Raft id of a later generation.
func (i Identity) Run() uint64 { return i.RaftID>>32<<40 | i.Incarnation }

// LastRun is no less than the number of any run that a node can have under a Raft id, and less than that of any under a later one.
func LastRun(raftID uint64) uint64 { return (raftID>>32+1)<<40 - 1 }

// MetaLoaded is the state of the store at start.
type MetaLoaded struct {
	HardState             *pb.HardState
	ConfState             *pb.ConfState
	Applied, AppliedTerm  uint64
	TruncIndex, TruncTerm uint64
	LastIndex             uint64
	Terms                 []TermSpan // run-length terms of (TruncIndex, LastIndex]
	Records               []KV       // the FSM's state records
}

// TermSpan says that entries from index From on have Term.
type TermSpan struct{ From, Term uint64 }

// KV is one state record. A nil value deletes.
type KV struct{ Key, Value []byte }

// MetaAppend is one write of the log actor.
type MetaAppend struct {
	Entries   []*pb.Entry
	HardState *pb.HardState // nil: unchanged
	OldLast   uint64        // last index before this append
}

// MetaApplied is one write of the FSM.
type MetaApplied struct {
	Index, Term uint64
	ConfState   *pb.ConfState
	Records     []KV
}
