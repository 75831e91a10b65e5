package raftnode

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"go.etcd.io/raft/v3"
	pb "go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"

	"troupe/storage"
	"troupe/storage/sim"
)

func entries(first, term uint64, n int) []*pb.Entry {
	var es []*pb.Entry
	for i := range uint64(n) {
		es = append(es, &pb.Entry{Index: new(first + i), Term: new(term), Type: pb.EntryNormal.Enum(), Data: fmt.Appendf(nil, "%d@%d", first+i, term)})
	}
	return es
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestLogViewEqualsLibrary runs the view and the library's own MemoryStorage through the same random appends, overwrites and compactions:
// what one says, the other must say.
func TestLogViewEqualsLibrary(t *testing.T) {
	for seed := uint64(0); seed < 30; seed++ {
		rng := rand.New(rand.NewPCG(seed, 1))
		store, want := sim.NewMeta(), raft.NewMemoryStorage()
		l, err := Found(store, []uint64{1})
		must(t, err)
		v := newLogView(store, l)
		v.limit = 2000 // some 15 entries: reads go to the store, too
		must(t, want.ApplySnapshot(&pb.Snapshot{Metadata: &pb.SnapshotMetadata{Index: new(uint64(1)), Term: new(uint64(1)), ConfState: l.ConfState}}))
		term := uint64(1)
		for range 200 {
			if rng.IntN(5) == 0 {
				term++
			}
			if rng.IntN(10) == 0 && v.last > v.trunc {
				to := v.trunc + 1 + rng.Uint64N(v.last-v.trunc)
				at, err := v.Term(to)
				must(t, err)
				must(t, store.Compact(to, at))
				must(t, want.Compact(to))
				v.compacted(to, at)
			} else {
				first := v.last + 1 - min(rng.Uint64N(8)/5*rng.Uint64N(4), v.last-v.trunc)
				es := entries(first, term, 1+rng.IntN(5))
				must(t, store.Append(storage.MetaAppend{Entries: es, OldLast: v.last}, true))
				must(t, want.Append(es))
				v.appended(es)
			}
			sameLog(t, v, want, rng)
		}
		if v.misses == 0 {
			t.Error("nothing was read from the store")
		}
	}
}

func sameLog(t *testing.T, v *logView, want *raft.MemoryStorage, rng *rand.Rand) {
	t.Helper()
	a, _ := v.FirstIndex()
	b, _ := want.FirstIndex()
	c, _ := v.LastIndex()
	d, _ := want.LastIndex()
	if a != b || c != d {
		t.Fatalf("log is [%d, %d], want [%d, %d]", a, c, b, d)
	}
	for i := a - min(a, 2); i <= c+1; i++ {
		x, e1 := v.Term(i)
		y, e2 := want.Term(i)
		if x != y || !errors.Is(e1, e2) {
			t.Fatalf("term of %d is %d, %v, want %d, %v", i, x, e1, y, e2)
		}
	}
	if c < a {
		return
	}
	lo := a + rng.Uint64N(c-a+1)
	hi := lo + 1 + rng.Uint64N(c-lo+1)
	size := rng.Uint64N(200)
	x, e1 := v.Entries(lo, hi, size)
	y, e2 := want.Entries(lo, hi, size)
	if !errors.Is(e1, e2) || len(x) != len(y) {
		t.Fatalf("entries [%d, %d) of %d bytes: %d, %v, want %d, %v", lo, hi, size, len(x), e1, len(y), e2)
	}
	for i := range x {
		if !proto.Equal(x[i], y[i]) {
			t.Fatalf("entry %v, want %v", x[i], y[i])
		}
	}
}

func TestLogViewErrors(t *testing.T) {
	store := sim.NewMeta()
	l, err := Found(store, []uint64{1})
	must(t, err)
	v := newLogView(store, l)
	v.appended(entries(2, 1, 5))
	v.compacted(3, 1)
	if _, err := v.Entries(3, 5, 100); !errors.Is(err, raft.ErrCompacted) {
		t.Error(err)
	}
	if _, err := v.Entries(5, 8, 100); !errors.Is(err, raft.ErrUnavailable) {
		t.Error(err)
	}
	if _, err := v.Snapshot(); !errors.Is(err, raft.ErrSnapshotTemporarilyUnavailable) || !v.wanted {
		t.Error(err, v.wanted)
	}
	v.snapshot = &pb.Snapshot{Metadata: &pb.SnapshotMetadata{Index: new(uint64(2))}}
	if _, err := v.Snapshot(); !errors.Is(err, raft.ErrSnapshotTemporarilyUnavailable) {
		t.Error("a snapshot from before the beginning of the log was handed out:", err)
	}
	v.snapshot = &pb.Snapshot{Metadata: &pb.SnapshotMetadata{Index: new(uint64(5))}}
	if s, err := v.Snapshot(); err != nil || s.GetMetadata().GetIndex() != 5 {
		t.Error(s, err)
	}
}
