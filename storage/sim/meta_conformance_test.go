package sim

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"

	pb "go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"

	"troupe/storage"
)

// crashable is an engine under test: crash loses a random part of what was not synced and opens what is left.
type crashable struct {
	storage.Meta
	crash func(t *testing.T, rng *rand.Rand) crashable
}

func modelEngine(m *Meta) crashable {
	return crashable{m, func(t *testing.T, rng *rand.Rand) crashable { return modelEngine(m.Crash(rng.IntN(m.Unsynced() + 1))) }}
}

func pebbleEngine(t *testing.T, disk *Disk) crashable {
	t.Helper()
	m, err := disk.OpenMeta("meta", storage.MetaOptions{Fatal: func(r string) { t.Error(r) }})
	if err != nil {
		t.Fatal(err)
	}
	return crashable{m, func(t *testing.T, rng *rand.Rand) crashable {
		left := disk.Crash(rng, rng.IntN(101))
		if err := m.Close(); err != nil {
			t.Fatal(err)
		}
		return pebbleEngine(t, left)
	}}
}

func engines(t *testing.T, test func(t *testing.T, c crashable)) {
	t.Run("model", func(t *testing.T) { test(t, modelEngine(NewMeta())) })
	t.Run("pebble", func(t *testing.T) { test(t, pebbleEngine(t, NewDisk())) })
}

func entry(index, term uint64, data string) *pb.Entry {
	e := &pb.Entry{Index: new(index), Term: new(term), Type: pb.EntryNormal.Enum()}
	if data != "" {
		e.Data = []byte(data)
	}
	return e
}

func hard(term, vote, commit uint64) *pb.HardState {
	return &pb.HardState{Term: new(term), Vote: new(vote), Commit: new(commit)}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func found(t *testing.T, m storage.Meta) {
	t.Helper()
	must(t, m.Install(storage.MetaApplied{Index: 1, Term: 1, ConfState: &pb.ConfState{Voters: []uint64{7}}}, hard(1, 0, 1)))
}

func text(l storage.MetaLoaded) string {
	s := fmt.Sprintf("hs=%d/%d/%d cs=%v applied=%d/%d trunc=%d/%d last=%d terms=%v", l.HardState.GetTerm(), l.HardState.GetVote(), l.HardState.GetCommit(),
		l.ConfState.GetVoters(), l.Applied, l.AppliedTerm, l.TruncIndex, l.TruncTerm, l.LastIndex, l.Terms)
	for _, r := range l.Records {
		s += fmt.Sprintf(" %s=%s", r.Key, r.Value)
	}
	return s
}

func TestMetaConformance(t *testing.T) {
	engines(t, func(t *testing.T, c crashable) {
		f := func(want string) {
			t.Helper()
			l, err := c.Load()
			must(t, err)
			if got := text(l); got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
		}
		f("hs=0/0/0 cs=[] applied=0/0 trunc=0/0 last=0 terms=[]")
		found(t, c)
		f("hs=1/0/1 cs=[7] applied=1/1 trunc=1/1 last=1 terms=[]")
		must(t, c.Append(storage.MetaAppend{Entries: []*pb.Entry{entry(2, 2, ""), entry(3, 2, "x"), entry(4, 2, "y")}, HardState: hard(2, 7, 1), OldLast: 1}, true))
		f("hs=2/7/1 cs=[7] applied=1/1 trunc=1/1 last=4 terms=[{2 2}]")
		must(t, c.Append(storage.MetaAppend{Entries: []*pb.Entry{entry(3, 3, "z")}, OldLast: 4}, true))
		f("hs=2/7/1 cs=[7] applied=1/1 trunc=1/1 last=3 terms=[{2 2} {3 3}]")
		must(t, c.Apply(storage.MetaApplied{Index: 3, Term: 3, ConfState: &pb.ConfState{Voters: []uint64{7, 8}},
			Records: []storage.KV{{Key: []byte("a"), Value: []byte("1")}, {Key: []byte("b"), Value: []byte("2")}}}))
		f("hs=2/7/3 cs=[7 8] applied=3/3 trunc=1/1 last=3 terms=[{2 2} {3 3}] a=1 b=2") // commit raised to applied
		must(t, c.Apply(storage.MetaApplied{Index: 3, Term: 3, ConfState: &pb.ConfState{Voters: []uint64{7}}, Records: []storage.KV{{Key: []byte("a")}}}))
		must(t, c.Compact(2, 2))
		f("hs=2/7/3 cs=[7] applied=3/3 trunc=2/2 last=3 terms=[{3 3}] b=2")
		must(t, c.Install(storage.MetaApplied{Index: 9, Term: 4, ConfState: &pb.ConfState{Voters: []uint64{8}}, Records: []storage.KV{{Key: []byte("c"), Value: []byte("3")}}}, hard(4, 0, 9)))
		f("hs=4/0/9 cs=[8] applied=9/4 trunc=9/4 last=9 terms=[] c=3")
		must(t, c.Append(storage.MetaAppend{Entries: []*pb.Entry{entry(10, 4, "n")}, OldLast: 9}, false))
		f("hs=4/0/9 cs=[8] applied=9/4 trunc=9/4 last=10 terms=[{10 4}] c=3")
	})
}

func TestMetaEntries(t *testing.T) {
	engines(t, func(t *testing.T, c crashable) {
		found(t, c)
		var es []*pb.Entry
		for i := uint64(2); i <= 10; i++ {
			es = append(es, entry(i, 1, fmt.Sprintf("data-%d", i)))
		}
		es[3].Type = pb.EntryConfChangeV2.Enum()
		must(t, c.Append(storage.MetaAppend{Entries: es, OldLast: 1}, true))
		f := func(lo, hi, maxBytes uint64, want []*pb.Entry) {
			t.Helper()
			got, err := c.Entries(lo, hi, maxBytes)
			must(t, err)
			if len(got) != len(want) {
				t.Fatalf("got %d entries, want %d", len(got), len(want))
			}
			for i := range got {
				if !proto.Equal(got[i], want[i]) {
					t.Errorf("got %v, want %v", got[i], want[i])
				}
			}
		}
		one := uint64(proto.Size(es[0]))
		f(2, 11, 1<<20, es)
		f(4, 6, 1<<20, es[2:4])
		f(2, 11, 0, es[:1])
		f(2, 11, 2*one, es[:2])
		if _, err := c.Entries(1, 3, 1<<20); !errors.Is(err, storage.ErrMetaDamaged) {
			t.Errorf("compacted entry: %v", err)
		}
		if _, err := c.Entries(11, 12, 1<<20); !errors.Is(err, storage.ErrMetaDamaged) {
			t.Errorf("entry beyond the end: %v", err)
		}
	})
}

func TestMetaIdentity(t *testing.T) {
	engines(t, func(t *testing.T, c crashable) {
		id, err := c.Identity()
		must(t, err)
		if id != (storage.Identity{}) {
			t.Errorf("a new store has the identity %v", id)
		}
		want := storage.Identity{StoreID: [16]byte{1, 2, 3}, ClusterID: "abcdefghijklmnopqrstuv", NodeID: 3, RaftID: 1<<32 | 3, CleanEpoch: -1, Incarnation: 12, Founding: "by us"}
		must(t, c.SetIdentity(want))
		c = c.crash(t, rand.New(rand.NewPCG(1, 1))) // it is synced
		if id, err = c.Identity(); err != nil || id != want {
			t.Errorf("got %v, %v", id, err)
		}
		must(t, c.Close())
	})
}

// TestMetaCrash writes at random, cuts the power at random, and demands that what is left is one of the states that the store went through,
// none older than the last sync.
func TestMetaCrash(t *testing.T) {
	for seed := uint64(0); seed < 12; seed++ {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			engines(t, func(t *testing.T, c crashable) { crashRun(t, c, rand.New(rand.NewPCG(seed, 2)), true) })
		})
	}
}

// TestMetaCrashSees shows that the crash test can fail: a model that forgets its syncs loses synced writes in some run.
func TestMetaCrashSees(t *testing.T) {
	for seed := uint64(0); seed < 50; seed++ {
		m := NewMeta()
		m.NoSync = true
		if !crashRun(t, modelEngine(m), rand.New(rand.NewPCG(seed, 2)), false) {
			return
		}
	}
	t.Error("no synced write was lost without fsync")
}

func crashRun(t *testing.T, c crashable, rng *rand.Rand, strict bool) bool {
	found(t, c)
	l, err := c.Load()
	must(t, err)
	for round := 0; round < 4; round++ {
		states := []string{text(l)} // possible after a crash; a sync leaves only the newest
		for n := rng.IntN(30); n > 0; n-- {
			synced := randomWrite(t, c, &l, rng)
			next, err := c.Load()
			must(t, err)
			l = next
			if synced {
				states = states[:0]
			}
			states = append(states, text(l))
		}
		c = c.crash(t, rng)
		if l, err = c.Load(); err != nil {
			t.Fatal(err)
		}
		if got := text(l); !contains(states, got) {
			if strict {
				t.Fatalf("after the crash: %s\npossible: %q", got, states)
			}
			return false
		}
	}
	return true
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

func randomWrite(t *testing.T, m storage.Meta, l *storage.MetaLoaded, rng *rand.Rand) (synced bool) {
	t.Helper()
	commit := l.HardState.GetCommit()
	switch k := rng.IntN(10); {
	case k < 5: // append, at times over a suffix that is not committed
		first := commit + 1 + rng.Uint64N(l.LastIndex-commit+1)
		term := l.HardState.GetTerm() + rng.Uint64N(2)
		w := storage.MetaAppend{OldLast: l.LastIndex, HardState: hard(term, 7, commit)}
		for i := uint64(0); i <= rng.Uint64N(4); i++ {
			w.Entries = append(w.Entries, entry(first+i, term, fmt.Sprint(rng.Uint32())))
		}
		synced = rng.IntN(2) == 0
		must(t, m.Append(w, synced))
	case k < 7: // commit
		must(t, m.Append(storage.MetaAppend{OldLast: l.LastIndex, HardState: hard(l.HardState.GetTerm(), 7, commit+rng.Uint64N(l.LastIndex-commit+1))}, false))
	case k < 9:
		to := l.Applied + rng.Uint64N(commit-l.Applied+1)
		must(t, m.Apply(storage.MetaApplied{Index: to, Term: l.AppliedTerm, ConfState: l.ConfState,
			Records: []storage.KV{{Key: fmt.Append(nil, "k", rng.IntN(5)), Value: fmt.Append(nil, to)}}}))
	default:
		if to := l.TruncIndex + rng.Uint64N(l.Applied-l.TruncIndex+1); to > l.TruncIndex {
			must(t, m.Compact(to, 1))
		}
	}
	return synced
}

func TestMetaModelLoadIsACopy(t *testing.T) {
	m := NewMeta()
	found(t, m)
	a, err := m.Load()
	must(t, err)
	a.HardState.Commit = new(uint64(99))
	b, err := m.Load()
	must(t, err)
	if reflect.DeepEqual(a, b) || b.HardState.GetCommit() != 1 {
		t.Error("Load shares its hard state")
	}
}
