package storage

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// TestDirectFile: whatever the pieces, syncs and ends, a file holds exactly what was written; a WAL may have zeros behind it.
func TestDirectFile(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 2))
	dir := t.TempDir()
	fs := direct(vfs.Default).(*directFS)
	for round := range 40 {
		ext := []string{".sst", ".blob", ".log"}[round%3]
		name := filepath.Join(dir, "f"+ext)
		f, err := fs.Create(name, vfs.WriteCategoryUnspecified)
		mustData(t, err)
		if _, ok := f.(*directFile); !ok {
			t.Skip("no direct I/O here: ", dir)
		}
		var want []byte
		check := func(when string) {
			t.Helper()
			got, err := os.ReadFile(name)
			mustData(t, err)
			if ext == ".log" && len(got) > len(want) {
				if len(bytes.Trim(got[len(want):], "\x00")) != 0 {
					t.Fatalf("%s: something follows the end", when)
				}
				got = got[:len(want)]
			}
			if !bytes.Equal(got, want) {
				t.Fatalf("%s: round %d: the file holds %d bytes, written were %d", when, round, len(got), len(want))
			}
		}
		for range rng.IntN(30) {
			p := make([]byte, rng.IntN(1<<rng.IntN(22)))
			for i := range p {
				p[i] = byte(rng.Uint32()) | 1
			}
			n, err := f.Write(p)
			if want = append(want, p...); err != nil || n != len(p) {
				t.Fatal(n, err)
			}
			if rng.IntN(3) == 0 {
				mustData(t, f.SyncData())
				check("after a sync")
			}
		}
		mustData(t, f.Close())
		check("after the end")
	}
}

// faultyFile fails syncs while broken is set.
type faultyFS struct {
	vfs.FS
	broken *atomic.Bool
}

type faultyFile struct {
	vfs.File
	broken *atomic.Bool
}

func (f faultyFS) Create(n string, c vfs.DiskWriteCategory) (vfs.File, error) {
	x, err := f.FS.Create(n, c)
	if err == nil && strings.HasSuffix(n, ".log") {
		return faultyFile{x, f.broken}, nil
	}
	return x, err
}

func (f faultyFile) SyncData() error {
	if f.broken.Load() {
		return syscall.EIO
	}
	return f.File.SyncData()
}

// TestDirectSyncError: an error of the disk under direct I/O is final as any other.
func TestDirectSyncError(t *testing.T) {
	var broken atomic.Bool
	e := openData(t, t.TempDir(), Options{FS: faultyFS{vfs.Default, &broken}, OnFatal: func(string) {}})
	l := newDataLogs(t, e)
	l.commit(l.write(5000, 1))
	broken.Store(true)
	w := l.write(5000, 1)
	mustData(t, e.Apply(w))
	if err := e.Wait(w); !errors.Is(err, syscall.EIO) {
		t.Errorf("wait: %v", err)
	}
	broken.Store(false)
	if err := e.Apply(l.write(10, 1)); !errors.Is(err, ErrStopped) {
		t.Errorf("apply: %v", err)
	}
}

// TestDirectSurvivesKill: what was waited for is in the files at that moment, through rotations and recycled WALs.
func TestDirectSurvivesKill(t *testing.T) {
	for _, buffered := range []bool{false, true} {
		dir := t.TempDir()
		e := openData(t, dir, Options{MemTable: 1 << 20, BufferedIO: buffered})
		l := newDataLogs(t, e)
		for round := range 6 {
			for range 1 + l.rng.IntN(150) {
				l.commit(l.write(l.rng.IntN(30_000), 1, 2))
			}
			if round%2 == 0 {
				mustData(t, e.db.Flush())
			}
			copied := filepath.Join(t.TempDir(), "copy")
			copyTree(t, e, dir, copied)
			again := openData(t, copied, Options{BufferedIO: buffered})
			for id := range uint32(2) {
				p, err := again.Load(id + 1)
				mustData(t, err)
				if p.End != l.end[id+1] || p.Bytes != l.sum[id+1] {
					t.Errorf("round %d: partition %d ends at %d with %d bytes, not %d with %d", round, id+1, p.End, p.Bytes, l.end[id+1], l.sum[id+1])
				}
				b, err := again.Read(id+1, 0, p.End, 1<<30, true)
				mustData(t, err)
				if int64(b.Bytes) != p.Bytes {
					t.Errorf("%d bytes of %d", b.Bytes, p.Bytes)
				}
				b.Release()
			}
			mustData(t, again.Close())
		}
		mustData(t, e.Close())
	}
}

// copyTree copies the files of a store that is not written to; if its background work changes them meanwhile, it begins anew.
func copyTree(t *testing.T, e *engine, from, to string) {
	t.Helper()
	still := func() string {
		m := e.db.Metrics()
		names, err := os.ReadDir(filepath.Join(from, dbDir))
		mustData(t, err)
		return fmt.Sprint(names, m.Flush.Count, m.Compact.Count, m.Flush.NumInProgress+m.Compact.NumInProgress)
	}
	for range 200 {
		time.Sleep(5 * time.Millisecond)
		mustData(t, os.RemoveAll(to))
		before := still()
		err := filepath.Walk(from, func(path string, info os.FileInfo, err error) error {
			if err != nil {
				return err
			}
			rel, err := filepath.Rel(from, path)
			if err != nil {
				return err
			}
			if info.IsDir() {
				return os.MkdirAll(filepath.Join(to, rel), 0o755)
			}
			in, err := os.Open(path)
			if err != nil {
				return err
			}
			out, err := os.Create(filepath.Join(to, rel))
			if err != nil {
				return errors.Join(err, in.Close())
			}
			_, err = io.Copy(out, in)
			return errors.Join(err, in.Close(), out.Close())
		})
		if err == nil && still() == before && strings.HasSuffix(before, " 0") {
			return
		}
	}
	t.Fatal("the store does not stand still")
}
