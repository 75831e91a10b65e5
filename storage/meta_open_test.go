package storage

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
	pb "go.etcd.io/raft/v3/raftpb"
)

func openTestMeta(t *testing.T, dir string) *metaStore {
	t.Helper()
	m, err := OpenMeta(dir, MetaOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return m.(*metaStore)
}

func appendSome(t *testing.T, m Meta, from, to uint64) {
	t.Helper()
	for i := from; i <= to; i++ {
		e := &pb.Entry{Index: new(i), Term: new(uint64(1)), Data: []byte(strings.Repeat("x", 1000))}
		if err := m.Append(MetaAppend{Entries: []*pb.Entry{e}, OldLast: i - 1}, true); err != nil {
			t.Fatal(err)
		}
	}
}

func TestOpenMetaRefuses(t *testing.T) {
	f := func(want error, prepare func(dir string)) {
		t.Helper()
		dir := filepath.Join(t.TempDir(), "meta")
		prepare(dir)
		m, err := OpenMeta(dir, MetaOptions{})
		if !errors.Is(err, want) {
			t.Errorf("got %v, want %v", err, want)
		}
		if err == nil {
			m.Close()
		}
	}
	f(ErrMetaLocked, func(dir string) {
		m := openTestMeta(t, dir)
		t.Cleanup(func() { m.Close() })
	})
	f(ErrMetaForeign, func(dir string) {
		os.MkdirAll(dir, 0o700)
		os.WriteFile(filepath.Join(dir, "meta.properties"), []byte("version=1\n"), 0o600)
	})
	f(ErrMetaForeign, func(dir string) {
		db, err := pebble.Open(dir, &pebble.Options{Logger: metaLogger(MetaOptions{})})
		if err != nil {
			t.Fatal(err)
		}
		db.Set([]byte("k"), []byte("v"), pebble.Sync)
		db.Close()
	})
	f(syscall.ENOTDIR, func(dir string) { os.WriteFile(dir, nil, 0o600) })
}

// TestOpenMetaFlippedBit: synced entries do not vanish in silence, also not from the first log file of a new store. Here the engine
// alone must see it, without the note of what was synced (TestSyncedNoteOfMeta); it cannot tell damage in the last blocks from a torn end.
func TestOpenMetaFlippedBit(t *testing.T) {
	dir := t.TempDir()
	m := openTestMeta(t, dir)
	appendSome(t, m, 1, 200)
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, syncedFile)); err != nil {
		t.Fatal(err)
	}
	logs, _ := filepath.Glob(filepath.Join(dir, "*.log"))
	flipped := false
	for _, path := range logs {
		b, _ := os.ReadFile(path)
		if len(b) < 10_000 {
			continue
		}
		b[len(b)/2] ^= 1
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		flipped = true
	}
	if !flipped {
		t.Fatalf("no log file holds the entries: %v", logs)
	}
	m2, err := OpenMeta(dir, MetaOptions{})
	if err == nil {
		l, loadErr := m2.Load()
		m2.Close()
		t.Fatalf("opened with %d of 200 entries, %v", l.LastIndex, loadErr)
	}
	if !errors.Is(err, ErrMetaDamaged) {
		t.Errorf("got %v", err)
	}
}

func TestMetaLogGap(t *testing.T) {
	m := openTestMeta(t, t.TempDir())
	defer m.Close()
	appendSome(t, m, 1, 5)
	if err := m.db.Delete(metaLogKey(3), pebble.Sync); err != nil {
		t.Fatal(err)
	}
	if _, err := m.Load(); !errors.Is(err, ErrMetaDamaged) {
		t.Errorf("a gap loads: %v", err)
	}
	if _, err := m.Entries(1, 6, 1<<20); !errors.Is(err, ErrMetaDamaged) {
		t.Errorf("a gap is read over: %v", err)
	}
}

// TestMetaFailedSync: a failed fsync is told to the fatal handler and is never answered as success.
func TestMetaFailedSync(t *testing.T) {
	var fail atomic.Bool // the engine's own goroutines ask too
	broken := errorfs.InjectorFunc(func(op errorfs.Op) error {
		if fail.Load() && (op.Kind == errorfs.OpFileSync || op.Kind == errorfs.OpFileSyncData || op.Kind == errorfs.OpFileSyncTo) {
			return errorfs.ErrInjected
		}
		return nil
	})
	var reasons []string
	m, err := OpenMeta("meta", MetaOptions{FS: errorfs.Wrap(vfs.NewMem(), broken), Fatal: func(r string) { reasons = append(reasons, r) }})
	if err != nil {
		t.Fatal(err)
	}
	fail.Store(true)
	func() {
		defer func() {
			if recover() == nil {
				t.Error("Append returned although the sync had failed")
			}
		}()
		e := &pb.Entry{Index: new(uint64(1)), Term: new(uint64(1))}
		_ = m.Append(MetaAppend{Entries: []*pb.Entry{e}}, true) // it must not return
	}()
	if len(reasons) != 1 || !strings.HasPrefix(reasons[0], "DISK: ") {
		t.Errorf("reasons: %q", reasons)
	}
}

func TestMetaClosed(t *testing.T) {
	m := openTestMeta(t, t.TempDir())
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	f := func(err error) {
		t.Helper()
		if !errors.Is(err, ErrMetaClosed) {
			t.Errorf("got %v", err)
		}
	}
	f(m.Append(MetaAppend{}, true))
	f(m.Apply(MetaApplied{}))
	f(m.Compact(1, 1))
	_, err := m.Load()
	f(err)
	f(m.Close())
}
