package storage

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"golang.org/x/sys/unix"
)

// readsOf reads all of partition 1 straight, checks it, and says how many reads went past the page cache.
func readsOf(t *testing.T, e *engine, want [][]byte) int64 {
	t.Helper()
	before, straight := e.directReads.Load(), e.straight.Load()
	for at := 0; at < len(want); {
		r := readRange{partID: 1, from: int64(at), next: int64(at), limit: 1 << 40}
		mustData(t, e.readRange(&r, 1<<20, 1<<30))
		if !bytes.Equal(r.slab.buf, sums(want, at, 1<<20)) {
			t.Fatalf("from %d on: not what was written", at)
		}
		at = int(r.next)
		r.slab.Release()
	}
	if e.straight.Load() == straight {
		t.Error("nothing was read straight")
	}
	return e.directReads.Load() - before
}

// directHere says whether the file system of test directories takes direct reads.
func directHere(t *testing.T) bool {
	t.Helper()
	name := filepath.Join(t.TempDir(), "f")
	mustData(t, os.WriteFile(name, make([]byte, directAlign), 0o600))
	fd, err := unix.Open(name, unix.O_RDONLY|unix.O_DIRECT, 0)
	if err != nil {
		return false
	}
	n, _ := unix.Pread(fd, alignedBytes(directAlign), 0)
	mustData(t, unix.Close(fd))
	return n == directAlign
}

// TestDirectReads: what lies in files of values is read past the page cache, but for what took long the last time.
func TestDirectReads(t *testing.T) {
	sizes := slices.Repeat([]int{100_000, 33_333, 250_001}, 20)
	e, want := straightData(t, filepath.Join(t.TempDir(), "data"), Options{}, 30, sizes...)
	defer func() { mustData(t, e.Close()) }()
	if !directHere(t) {
		t.Skip("no direct I/O here")
	}
	if readsOf(t, e, want) == 0 {
		t.Error("no reads past the page cache")
	}
	for _, x := range e.values.kept {
		x.slow.mark(0, int(x.offsets[len(x.offsets)-1]))
	}
	if n := readsOf(t, e, want); n != 0 {
		t.Errorf("%d reads past the page cache of what took long", n)
	}
}

// refusing takes direct reads for invalid, as some file systems do that took the flag.
type refusing struct {
	vfs.FS
	refused atomic.Int64
}

type refusingFile struct {
	vfs.File
	fs *refusing
}

func (r *refusing) Open(name string, o ...vfs.OpenOption) (vfs.File, error) {
	f, err := r.FS.Open(name, o...)
	if err == nil && filepath.Ext(name) == ".blob" {
		f = &refusingFile{f, r}
	}
	return f, err
}

func (f *refusingFile) ReadAt(p []byte, off int64) (int, error) {
	if fl, err := unix.FcntlInt(f.Fd(), unix.F_GETFL, 0); err == nil && fl&unix.O_DIRECT != 0 {
		f.fs.refused.Add(1)
		return 0, syscall.EINVAL
	}
	return f.File.ReadAt(p, off)
}

// TestDirectReadsRefused: where they are refused, all is read through the page cache, and nobody asks again.
func TestDirectReadsRefused(t *testing.T) {
	fs := &refusing{FS: vfs.Default}
	e, want := straightData(t, filepath.Join(t.TempDir(), "data"), Options{FS: fs}, 30, slices.Repeat([]int{100_000}, 60)...)
	defer func() { mustData(t, e.Close()) }()
	if n := readsOf(t, e, want); n != 0 || fs.refused.Load() != 1 {
		t.Errorf("%d reads past the page cache, %d refused", n, fs.refused.Load())
	}
}

func TestMarks(t *testing.T) {
	m := newMarks(200 * markedBytes)
	m.mark(63*markedBytes+1, markedBytes)
	for off, want := range map[int]bool{0: false, 62 * markedBytes: false, 63 * markedBytes: true, 64*markedBytes + 100: true, 65 * markedBytes: false, 200*markedBytes - 1: false} {
		if got := m.any(off, 1); got != want {
			t.Errorf("byte %d: %v", off, got)
		}
	}
	if !m.any(60*markedBytes, 10*markedBytes) || m.any(65*markedBytes, 130*markedBytes) {
		t.Error("a range is wrong")
	}
}
