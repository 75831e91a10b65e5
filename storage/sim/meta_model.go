package sim

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"sync"

	pb "go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"

	"troupe/storage"
)

// ErrCrashed is what a store answers after its Crash: the process that held it is dead.
var ErrCrashed = errors.New("sim: the store has crashed")

// Meta is the model engine of storage.Meta: everything in memory, the writes since the last sync kept apart, so that a crash can lose
// any suffix of them. As on a write-ahead log, an earlier write never gets lost while a later one stays, and a sync of one write makes all
// before it durable.
type Meta struct {
	// NoSync makes the store lie: syncs are forgotten. For tests that must fail then. Set it before use.
	NoSync bool

	mu      sync.Mutex
	live    metaState // what reads see
	durable metaState // what is left after a crash that loses all it can
	tail    []func(*metaState)
	dead    bool
	syncs   int
	faults  MetaFaults
	failed  error
}

// MetaFaults are what the disk of the metadata store may do. The zero value does nothing wrong.
type MetaFaults struct {
	Fail error // the next write fails with it, and so does everything after
	Sync error // the next write that is synced fails with it, and so does everything after
}

// SetFaults changes what goes wrong from now on.
func (m *Meta) SetFaults(f MetaFaults) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.faults = f
}

// Failed says whether a fault has hit: nothing is written any more.
func (m *Meta) Failed() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.failed != nil
}

// metaState is one state of the store. Entries are log indexes (trunc, trunc+len(log)].
type metaState struct {
	hs          *pb.HardState
	cs          *pb.ConfState
	applied     uint64
	appliedTerm uint64
	trunc       uint64
	truncTerm   uint64
	log         []*pb.Entry
	records     map[string][]byte
	identity    storage.Identity
}

// NewMeta is an empty store.
func NewMeta() *Meta {
	return &Meta{live: metaState{records: map[string][]byte{}}, durable: metaState{records: map[string][]byte{}}}
}

// Unsynced is how many writes a crash may lose.
func (m *Meta) Unsynced() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.tail)
}

// Syncs is how many writes were synced so far.
func (m *Meta) Syncs() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.syncs
}

// Crash ends this store and returns what the next process finds: all that was synced and the first keep writes after it.
func (m *Meta) Crash(keep int) *Meta {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.dead = true
	for _, w := range m.tail[:min(keep, len(m.tail))] {
		w(&m.durable)
	}
	next := NewMeta()
	next.NoSync = m.NoSync
	next.live, next.durable = m.durable.clone(), m.durable.clone()
	return next
}

func (s *metaState) clone() metaState {
	c := *s
	c.log = slices.Clone(s.log)
	c.records = make(map[string][]byte, len(s.records))
	for k, v := range s.records {
		c.records[k] = v
	}
	return c
}

// write does one write now, and durably if it is synced.
func (m *Meta) write(sync bool, w func(*metaState)) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case m.dead:
		return ErrCrashed
	case m.failed == nil:
		m.failed = m.faults.Fail
	}
	if m.failed != nil {
		return m.failed
	}
	w(&m.live)
	m.tail = append(m.tail, w)
	if sync && m.faults.Sync != nil { // a crash may find it or not
		m.failed = m.faults.Sync
		return m.failed
	}
	if sync && !m.NoSync {
		m.syncs++
		for _, w := range m.tail {
			w(&m.durable)
		}
		m.tail = nil
	}
	return nil
}

// Append implements storage.Meta.
func (m *Meta) Append(w storage.MetaAppend, sync bool) error {
	entries, hs := slices.Clone(w.Entries), proto.CloneOf(w.HardState)
	return m.write(sync, func(s *metaState) {
		if hs != nil {
			s.hs = hs
		}
		if len(entries) > 0 {
			s.log = append(slices.Clip(s.log[:entries[0].GetIndex()-s.trunc-1]), entries...)
		}
	})
}

// Compact implements storage.Meta.
func (m *Meta) Compact(index, term uint64) error {
	return m.write(false, func(s *metaState) {
		s.log = slices.Clone(s.log[min(index-s.trunc, uint64(len(s.log))):])
		s.trunc, s.truncTerm = index, term
	})
}

func (s *metaState) apply(a storage.MetaApplied, cs *pb.ConfState, records []storage.KV) {
	s.applied, s.appliedTerm, s.cs = a.Index, a.Term, cs
	for _, r := range records {
		if r.Value == nil {
			delete(s.records, string(r.Key))
		} else {
			s.records[string(r.Key)] = r.Value
		}
	}
}

// Apply implements storage.Meta.
func (m *Meta) Apply(a storage.MetaApplied) error {
	cs, records := proto.CloneOf(a.ConfState), cloneRecords(a.Records)
	return m.write(false, func(s *metaState) { s.apply(a, cs, records) })
}

// Install implements storage.Meta.
func (m *Meta) Install(a storage.MetaApplied, hs *pb.HardState) error {
	cs, records, hs := proto.CloneOf(a.ConfState), cloneRecords(a.Records), proto.CloneOf(hs)
	return m.write(true, func(s *metaState) {
		s.records, s.log = map[string][]byte{}, nil
		s.apply(a, cs, records)
		s.trunc, s.truncTerm = a.Index, a.Term
		if hs != nil {
			s.hs = hs
		}
	})
}

func cloneRecords(list []storage.KV) []storage.KV {
	out := make([]storage.KV, len(list))
	for i, r := range list {
		out[i] = storage.KV{Key: bytes.Clone(r.Key), Value: bytes.Clone(r.Value)}
	}
	return out
}

// SetIdentity implements storage.Meta.
func (m *Meta) SetIdentity(id storage.Identity) error {
	return m.write(true, func(s *metaState) { s.identity = id })
}

// Identity implements storage.Meta.
func (m *Meta) Identity() (storage.Identity, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.live.identity, m.alive()
}

func (m *Meta) alive() error {
	if m.dead {
		return ErrCrashed
	}
	return nil
}

// Entries implements storage.Meta.
func (m *Meta) Entries(lo, hi, maxBytes uint64) ([]*pb.Entry, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.alive(); err != nil {
		return nil, err
	}
	s := &m.live
	if lo <= s.trunc || hi > s.trunc+uint64(len(s.log))+1 {
		return nil, fmt.Errorf("%w: entries [%d, %d) of a log of (%d, %d]", storage.ErrMetaDamaged, lo, hi, s.trunc, s.trunc+uint64(len(s.log)))
	}
	var out []*pb.Entry
	var size uint64
	for _, e := range s.log[lo-s.trunc-1 : hi-s.trunc-1] {
		if size += uint64(proto.Size(e)); len(out) > 0 && size > maxBytes {
			break
		}
		out = append(out, e)
	}
	return out, nil
}

// Load implements storage.Meta.
func (m *Meta) Load() (storage.MetaLoaded, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.alive(); err != nil {
		return storage.MetaLoaded{}, err
	}
	s := &m.live
	l := storage.MetaLoaded{HardState: proto.CloneOf(s.hs), ConfState: proto.CloneOf(s.cs), Applied: s.applied, AppliedTerm: s.appliedTerm,
		TruncIndex: s.trunc, TruncTerm: s.truncTerm, LastIndex: s.trunc + uint64(len(s.log))}
	if l.HardState == nil {
		l.HardState = &pb.HardState{}
	}
	if l.ConfState == nil {
		l.ConfState = &pb.ConfState{}
	}
	for i, e := range s.log {
		if want := s.trunc + 1 + uint64(i); e.GetIndex() != want {
			return l, fmt.Errorf("%w: log entry %d where %d should be", storage.ErrMetaDamaged, e.GetIndex(), want)
		}
		if n := len(l.Terms); n == 0 || l.Terms[n-1].Term != e.GetTerm() {
			l.Terms = append(l.Terms, storage.TermSpan{From: e.GetIndex(), Term: e.GetTerm()})
		}
	}
	for k, v := range s.records {
		l.Records = append(l.Records, storage.KV{Key: []byte(k), Value: bytes.Clone(v)})
	}
	slices.SortFunc(l.Records, func(a, b storage.KV) int { return bytes.Compare(a.Key, b.Key) })
	return l, storage.CheckMetaLoaded(&l)
}

// Close implements storage.Meta.
func (m *Meta) Close() error { return nil }
