package raftnode

import (
	"go.etcd.io/raft/v3"
	pb "go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"

	"troupe/storage"
)

// entryCacheBytes bounds the entries that the view keeps in memory. Committed entries are always read back through it, so without
// the cache every apply would be a read from disk; past it, reads block the raft actor, for the library asks synchronously. Only a follower
// that is far behind, and a restart, read further back.
const entryCacheBytes = 16 << 20

// logView is the library's Storage: the part of the log that is durable. It belongs to the raft actor and moves only when the log actor says
// so. Cut in two at trunc: what is at or below has been compacted.
type logView struct {
	store     storage.Meta
	hs        *pb.HardState
	cs        *pb.ConfState
	trunc     uint64
	truncTerm uint64
	last      uint64
	terms     []storage.TermSpan // of (trunc, last], ascending
	cache     []*pb.Entry        // the last entries, without a gap up to last; may be empty
	bytes     int                // of cache
	limit     int
	misses    uint64 // reads from disk

	snapshot *pb.Snapshot // built and not yet fetched by the library
	wanted   bool         // the library asked for one in vain
}

func newLogView(store storage.Meta, l storage.MetaLoaded) *logView {
	return &logView{store: store, hs: l.HardState, cs: l.ConfState, trunc: l.TruncIndex, truncTerm: l.TruncTerm, last: l.LastIndex,
		terms: append([]storage.TermSpan(nil), l.Terms...), limit: entryCacheBytes}
}

// appended takes in entries that have become durable; they may replace the end of the log.
func (v *logView) appended(es []*pb.Entry) {
	if len(es) == 0 {
		return
	}
	first := es[0].GetIndex()
	for n := len(v.terms); n > 0 && v.terms[n-1].From >= first; n-- {
		v.terms = v.terms[:n-1]
	}
	for n := len(v.cache); n > 0 && v.cache[n-1].GetIndex() >= first; n-- {
		v.bytes -= len(v.cache[n-1].GetData())
		v.cache = v.cache[:n-1]
	}
	for _, e := range es {
		if n := len(v.terms); n == 0 || v.terms[n-1].Term != e.GetTerm() {
			v.terms = append(v.terms, storage.TermSpan{From: e.GetIndex(), Term: e.GetTerm()})
		}
		v.bytes += len(e.GetData())
	}
	v.cache = append(v.cache, es...)
	v.last = es[len(es)-1].GetIndex()
	v.trim()
}

// trim drops the older half of the cache when it is too large, in entries or in bytes.
func (v *logView) trim() {
	const perEntry = 128 // roughly, beside its data
	if v.bytes+perEntry*len(v.cache) <= v.limit {
		return
	}
	n := 0
	for n < len(v.cache) && v.bytes+perEntry*(len(v.cache)-n) > v.limit/2 {
		v.bytes -= len(v.cache[n].GetData())
		n++
	}
	v.cache = append([]*pb.Entry(nil), v.cache[n:]...)
}

// compacted forgets the log up to index, which must be in it.
func (v *logView) compacted(index, term uint64) {
	v.trunc, v.truncTerm = index, term
	for len(v.terms) > 1 && v.terms[1].From <= index+1 {
		v.terms = v.terms[1:]
	}
	switch {
	case index >= v.last:
		v.terms = nil
	case v.terms[0].From <= index:
		v.terms[0].From = index + 1
	}
	n := 0
	for n < len(v.cache) && v.cache[n].GetIndex() <= index {
		v.bytes -= len(v.cache[n].GetData())
		n++
	}
	v.cache = append([]*pb.Entry(nil), v.cache[n:]...)
}

// installed replaces the log by a snapshot.
func (v *logView) installed(index, term uint64) {
	v.trunc, v.truncTerm, v.last = index, term, index
	v.terms, v.cache, v.bytes, v.snapshot = nil, nil, 0, nil
}

// InitialState implements raft.Storage.
func (v *logView) InitialState() (*pb.HardState, *pb.ConfState, error) { return v.hs, v.cs, nil }

// FirstIndex implements raft.Storage.
func (v *logView) FirstIndex() (uint64, error) { return v.trunc + 1, nil }

// LastIndex implements raft.Storage.
func (v *logView) LastIndex() (uint64, error) { return v.last, nil }

// Term implements raft.Storage.
func (v *logView) Term(i uint64) (uint64, error) {
	switch {
	case i == v.trunc:
		return v.truncTerm, nil
	case i < v.trunc:
		return 0, raft.ErrCompacted
	case i > v.last:
		return 0, raft.ErrUnavailable
	}
	n := len(v.terms) - 1
	for v.terms[n].From > i {
		n--
	}
	return v.terms[n].Term, nil
}

// Entries implements raft.Storage.
func (v *logView) Entries(lo, hi, maxSize uint64) ([]*pb.Entry, error) {
	switch {
	case lo <= v.trunc:
		return nil, raft.ErrCompacted
	case hi > v.last+1:
		return nil, raft.ErrUnavailable
	case len(v.cache) == 0 || v.cache[0].GetIndex() > lo:
		v.misses++
		return v.store.Entries(lo, hi, maxSize)
	}
	at := v.cache[0].GetIndex()
	var size uint64
	n := lo
	for ; n < hi; n++ {
		if size += uint64(proto.Size(v.cache[n-at])); n > lo && size > maxSize {
			break
		}
	}
	return append([]*pb.Entry(nil), v.cache[lo-at:n-at]...), nil
}

// Snapshot implements raft.Storage. A snapshot is built when the library asks for one; it asks again until it gets it. Each is handed out
// once: it may be large, and the next follower wants a newer one.
func (v *logView) Snapshot() (*pb.Snapshot, error) {
	s := v.snapshot
	if s == nil || s.GetMetadata().GetIndex() < v.trunc {
		v.snapshot, v.wanted = nil, true
		return nil, raft.ErrSnapshotTemporarilyUnavailable
	}
	v.snapshot = nil
	return s, nil
}
