package storage

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"troupe/storage/record"
)

// dataLogs appends batches as a writer does.
type dataLogs struct {
	t   testing.TB
	d   Data
	end map[uint32]int64
	sum map[uint32]int64
	rng *rand.Rand
}

func newDataLogs(t testing.TB, d Data) *dataLogs {
	return &dataLogs{t, d, map[uint32]int64{}, map[uint32]int64{}, rand.New(rand.NewPCG(1, 2))}
}

// write is a Write of one batch of size bytes for each partition, in one slab.
func (l *dataLogs) write(size int, parts ...uint32) *Write {
	w := &Write{}
	s := NewSlab(len(parts) * (size + 200 + SlabOverhead))
	for _, id := range parts {
		v := make([]byte, size)
		for i := 0; i+8 <= size; i += 8 { // not compressible
			be.PutUint64(v[i:], l.rng.Uint64())
		}
		b, err := record.Build(record.Plain(), []record.Record{{Timestamp: 1000 + l.end[id], Value: v}})
		mustData(l.t, err)
		i, ok := s.Add(len(b))
		if !ok {
			l.t.Fatal("no room")
		}
		copy(s.Batch(i), b)
		record.Batch(s.Batch(i)).SetBaseOffset(l.end[id])
		w.Records = append(w.Records, Append{PartID: id, Base: l.end[id], Last: l.end[id], Slab: s, At: i, MaxTime: b.MaxTimestamp(), Bytes: l.sum[id],
			Producer: &Producer{ID: 4, Batches: make([]ProducerBatch, 5)}})
		l.end[id]++
		l.sum[id] += int64(len(b))
	}
	return w
}

func (l *dataLogs) commit(w *Write) {
	l.t.Helper()
	mustData(l.t, l.d.Apply(w))
	mustData(l.t, l.d.Wait(w))
	if len(w.Records) > 0 {
		w.Records[0].Slab.Release()
	}
}

func mustData(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func openData(t testing.TB, dir string, o Options) *engine {
	t.Helper()
	if o.OnFatal == nil {
		o.OnFatal = func(r string) { t.Error("fatal: " + r) }
	}
	if o.Ballast == 0 {
		o.Ballast = -1
	}
	d, err := Open(dir, o)
	mustData(t, err)
	return d.(*engine)
}

func TestOpenErrors(t *testing.T) {
	f := func(name string, want error, prepare func(dir string)) {
		t.Helper()
		dir := filepath.Join(t.TempDir(), "data")
		prepare(dir)
		d, err := Open(dir, Options{Ballast: -1})
		if err == nil {
			mustData(t, d.Close())
		}
		if !errors.Is(err, want) || strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), dir) {
			t.Errorf("%s: %v", name, err)
		}
	}
	write := func(dir, name, text string) {
		mustData(t, os.MkdirAll(dir, 0o755))
		mustData(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644))
	}
	f("foreign file", ErrForeign, func(dir string) { write(dir, "photo.jpg", "x") })
	f("store without its mark", ErrForeign, func(dir string) { mustData(t, os.MkdirAll(filepath.Join(dir, dbDir), 0o755)) })
	f("later format", ErrFormat, func(dir string) { write(dir, formatFile, "troupe data store, format 3\n") })
	f("a file", syscall.ENOTDIR, func(dir string) { write(filepath.Dir(dir), "data", "x") })
	f("locked", ErrLocked, func(dir string) {
		e := openData(t, dir, Options{})
		t.Cleanup(func() { mustData(t, e.Close()) })
	})
	if os.Geteuid() != 0 {
		f("unreadable", ErrUnreadable, func(dir string) {
			mustData(t, os.MkdirAll(dir, 0o755))
			mustData(t, os.Chmod(dir, 0))
			t.Cleanup(func() { mustData(t, os.Chmod(dir, 0o755)) })
		})
	}
	// A creation that was interrupted begins anew.
	dir := filepath.Join(t.TempDir(), "data")
	write(dir, formatFile, dataCreating)
	write(filepath.Join(dir, dbDir), "000002.log", "half")
	mustData(t, openData(t, dir, Options{}).Close())
	mustData(t, openData(t, dir, Options{}).Close())
}

func TestUnreadableByInjection(t *testing.T) {
	fs := errorfs.Wrap(vfs.NewMem(), errorfs.InjectorFunc(func(op errorfs.Op) error {
		if op.Kind == errorfs.OpCreate {
			return os.ErrPermission
		}
		return nil
	}))
	if _, err := Open("data", Options{FS: fs}); !errors.Is(err, ErrUnreadable) {
		t.Error(err)
	}
}

// TestSlabIsCommittedAsItIs: a whole slab goes to Pebble without a copy, keys of its own included, and Pebble lets go of it.
func TestSlabIsCommittedAsItIs(t *testing.T) {
	PoisonSlabs(true)
	defer PoisonSlabs(false)
	before := SlabsLive()
	e := openData(t, "data", Options{FS: vfs.NewMem(), MemTable: 4 << 20})
	l := newDataLogs(t, e)
	var want [3][]byte
	for range 20 {
		w := l.write(60_000, 0, 1, 2)
		for i := range want {
			want[i] = append(want[i], w.Records[i].Slab.Batch(i)...)
		}
		s := w.Records[0].Slab
		mustData(t, e.Apply(w))
		if got := w.handle.(*commit).batches[0].Repr(); &got[0] != &s.buf[0] {
			t.Fatal("the commit was copied")
		}
		mustData(t, e.Wait(w))
		s.Release()
	}
	if e.copied.Load() != 0 || e.direct.Load() != 60 {
		t.Errorf("copied %d, direct %d", e.copied.Load(), e.direct.Load())
	}
	// A slab as large as half a memtable must be copied: Pebble keeps such batches until they are flushed.
	big := l.write(1_900_000, 0)
	want[0] = append(want[0], big.Records[0].Slab.Batch(0)...)
	l.commit(big)
	if e.copied.Load() != 1 {
		t.Errorf("copied %d", e.copied.Load())
	}
	// Two slabs in one write; one of them with a refused batch.
	a, b := l.write(1000, 0, 1), l.write(1000, 2)
	sa := a.Records[0].Slab
	a.Records = append(a.Records[1:], b.Records...)
	want[1], want[2] = append(want[1], sa.Batch(1)...), append(want[2], b.Records[0].Slab.Batch(0)...)
	mustData(t, e.Apply(a))
	mustData(t, e.Wait(a))
	sa.Release()
	b.Records[0].Slab.Release()
	for i, w := range want {
		got, err := e.Read(uint32(i), 0, 1000, 1<<30, true)
		mustData(t, err)
		if !bytes.Equal(bytes.Join(got.Data, nil), w) {
			t.Errorf("partition %d reads back other bytes", i)
		}
		got.Release()
		p, err := e.Load(uint32(i))
		mustData(t, err)
		if len(p.Producers) != 1 || p.Bytes != int64(len(w)) {
			t.Errorf("partition %d: %+v", i, p)
		}
	}
	mustData(t, e.Close())
	if n := SlabsLive() - before; n != 0 {
		t.Errorf("%d slabs leaked", n)
	}
}

// TestWALFailureIsFinal: after one failed sync nothing is confirmed any more, even when the disk is healthy again.
func TestWALFailureIsFinal(t *testing.T) {
	var broken atomic.Bool
	fs := errorfs.Wrap(vfs.NewMem(), errorfs.InjectorFunc(func(op errorfs.Op) error {
		if broken.Load() && strings.HasSuffix(op.Path, ".log") && (op.Kind == errorfs.OpFileSyncData || op.Kind == errorfs.OpFileSync) {
			return syscall.EIO
		}
		return nil
	}))
	var reasons []string
	e := openData(t, "data", Options{FS: fs, OnFatal: func(r string) { reasons = append(reasons, r) }})
	l := newDataLogs(t, e)
	l.commit(l.write(100, 1))
	broken.Store(true)
	w := l.write(100, 1)
	mustData(t, e.Apply(w))
	if err := e.Wait(w); !errors.Is(err, syscall.EIO) {
		t.Errorf("wait: %v", err)
	}
	broken.Store(false)
	if err := e.Apply(l.write(100, 1)); !errors.Is(err, ErrStopped) {
		t.Errorf("apply after the failure: %v", err)
	}
	if len(reasons) != 1 || !strings.HasPrefix(reasons[0], "DISK: ") {
		t.Errorf("OnFatal: %q", reasons)
	}
}

// damagedData is a store of 50 batches of 10 kB in partition 3, with a flipped byte in the file of their values.
func damagedData(t *testing.T) *engine {
	t.Helper()
	fs := vfs.NewMem()
	e := openData(t, "data", Options{FS: fs, VerifyReads: true})
	l := newDataLogs(t, e)
	for range 50 {
		l.commit(l.write(10_000, 3))
	}
	mustData(t, e.Close())
	damageValues(t, fs, 200_000)
	e = openData(t, "data", Options{FS: fs, VerifyReads: true})
	return e
}

// TestDamagedBlock: a flipped byte in a file of values is an error of the read that meets it, with partition and offset.
func TestDamagedBlock(t *testing.T) {
	e := damagedData(t)
	var bad *CorruptError
	before, err := e.Read(3, 0, 50, 1<<30, true)
	if err != nil || before.Bytes < 150_000 || before.Bytes > 250_000 {
		t.Errorf("what lies before the damage: %d bytes, %v", before.Bytes, err)
	}
	_, err = e.Read(3, int64(before.Bytes/10_000), 50, 1<<30, true)
	before.Release()
	if !errors.As(err, &bad) || bad.PartID != 3 || bad.Offset < 15 || bad.Offset > 25 {
		t.Errorf("read: %v", err)
	}
	if n := e.Metrics()["damaged_reads_total"]; n != 2 {
		t.Errorf("%v damaged reads are counted, want 2", n)
	}
	found, at := 0, int64(0) // a damaged block holds several batches
	for at >= 0 {
		if at, _, err = e.Scrub(3, at, 1<<30); errors.As(err, &bad) {
			found, at = found+1, bad.Offset+1
		}
	}
	if err != nil || found < 1 || found > 5 {
		t.Errorf("scrub: %d damaged batches, %v", found, err)
	}
	b, err := e.Read(3, 40, 50, 1<<30, true)
	if err != nil || b.Bytes == 0 {
		t.Errorf("what is not damaged can be read: %v", err)
	}
	b.Release()
	mustData(t, e.Close())
}

// damageValues writes over some bytes at a place in each file of values.
func damageValues(t *testing.T, fs vfs.FS, at int64) {
	t.Helper()
	names, err := fs.List("data/db")
	mustData(t, err)
	for _, n := range names {
		if strings.HasSuffix(n, ".blob") {
			f, err := fs.OpenReadWrite("data/db/"+n, vfs.WriteCategoryUnspecified)
			mustData(t, err)
			_, err = f.WriteAt([]byte("garbage"), at)
			mustData(t, errors.Join(err, f.Close()))
		}
	}
}

// TestDamageBehindARange: a read of several ranges that meets damage with the first batch of a later one gives the earlier ones.
func TestDamageBehindARange(t *testing.T) {
	const size = readChunk * 2 / 5 // two to a range
	fs := vfs.NewMem()
	e := openData(t, "data", Options{FS: fs, VerifyReads: true})
	l := newDataLogs(t, e)
	for range 6 {
		l.commit(l.write(size, 3))
	}
	mustData(t, e.Close())
	damageValues(t, fs, size*2+size/2)
	e = openData(t, "data", Options{FS: fs, VerifyReads: true})
	before, err := e.Read(3, 0, 6, 1<<30, true)
	if err != nil || len(before.Data) != 1 || before.Bytes < size*2 || before.Bytes > size*2+1000 {
		t.Errorf("what lies before the damage: %d bytes of %d ranges, %v", before.Bytes, len(before.Data), err)
	}
	before.Release()
	var bad *CorruptError
	if _, err = e.Read(3, 2, 6, 1<<30, true); !errors.As(err, &bad) || bad.PartID != 3 || bad.Offset != 2 {
		t.Errorf("read of the damage: %v", err)
	}
	mustData(t, e.Close())
}

// TestFlippedWAL: a flipped bit before later synced writes is refused at open, never dropped in silence.
func TestFlippedWAL(t *testing.T) {
	fs := vfs.NewMem()
	e := openData(t, "data", Options{FS: fs})
	l := newDataLogs(t, e)
	for range 300 {
		l.commit(l.write(2000, 1))
	}
	kept := vfs.NewMem()
	_, err := vfs.Clone(fs, kept, "data", "data", vfs.CloneSync)
	mustData(t, err)
	mustData(t, e.Close())
	names, err := kept.List("data/db")
	mustData(t, err)
	last := ""
	for _, n := range names {
		if strings.HasSuffix(n, ".log") && n > last {
			last = n
		}
	}
	f, err := kept.OpenReadWrite("data/db/"+last, vfs.WriteCategoryUnspecified)
	mustData(t, err)
	st, err := f.Stat()
	mustData(t, err)
	one := []byte{0}
	_, err = f.ReadAt(one, st.Size()/2)
	mustData(t, err)
	one[0] ^= 4
	_, err = f.WriteAt(one, st.Size()/2)
	mustData(t, errors.Join(err, f.Close()))
	if d, err := Open("data", Options{FS: kept}); !errors.Is(err, ErrDamaged) {
		t.Errorf("a damaged WAL was opened: %v %v", d, err)
	}
}

// TestMissingFile: a file of the store that has gone is damage, said in one line.
func TestMissingFile(t *testing.T) {
	dir := t.TempDir()
	e := openData(t, dir, Options{})
	l := newDataLogs(t, e)
	for range 3 {
		l.commit(l.write(1000, 1))
		mustData(t, e.db.Flush())
	}
	mustData(t, e.Close())
	gone, err := filepath.Glob(filepath.Join(dir, dbDir, "*.sst"))
	mustData(t, err)
	for _, name := range gone {
		mustData(t, os.Remove(name))
	}
	if _, err := Open(dir, Options{}); !errors.Is(err, ErrDamaged) || strings.Contains(err.Error(), "\n") {
		t.Errorf("%d files removed: %v", len(gone), err)
	}
}

// TestTornTail: a machine that dies leaves a WAL that ends anywhere; what is left is a contiguous prefix. The note of what was synced
// is lost with it here: with the note, a log that ends before it is damage (TestSyncedNote).
func TestTornTail(t *testing.T) {
	fs := vfs.NewMem()
	e := openData(t, "data", Options{FS: fs})
	l := newDataLogs(t, e)
	for range 100 {
		l.commit(l.write(1000, 1, 2))
	}
	names, err := fs.List("data/db")
	mustData(t, err)
	rng := rand.New(rand.NewPCG(3, 3))
	for range 20 {
		torn := vfs.NewMem()
		_, err := vfs.Clone(fs, torn, "data", "data", vfs.CloneSync)
		mustData(t, err)
		wal := ""
		for _, n := range names {
			if strings.HasSuffix(n, ".log") && n > wal {
				wal = n
			}
		}
		mustData(t, torn.Remove("data/db/"+syncedFile))
		tearFile(t, torn, "data/db/"+wal, rng)
		again := openData(t, "data", Options{FS: torn})
		a, err := again.Load(1)
		mustData(t, err)
		b, err := again.Load(2)
		mustData(t, err)
		if a.End != b.End || a.End > 100 {
			t.Errorf("a write was torn apart: partition 1 ends at %d, 2 at %d", a.End, b.End)
		}
		got, err := again.Read(1, 0, 100, 1<<30, true)
		mustData(t, err)
		if got.Bytes != int(a.Bytes) {
			t.Errorf("%d bytes, counted %d", got.Bytes, a.Bytes)
		}
		got.Release()
		mustData(t, again.Close())
	}
	mustData(t, e.Close())
}

// tearFile cuts a file at a random place.
func tearFile(t *testing.T, fs *vfs.MemFS, name string, rng *rand.Rand) {
	t.Helper()
	f, err := fs.Open(name)
	mustData(t, err)
	st, err := f.Stat()
	mustData(t, err)
	b := make([]byte, rng.Int64N(st.Size()))
	_, err = f.ReadAt(b, 0)
	mustData(t, errors.Join(err, f.Close()))
	g, err := fs.Create(name, vfs.WriteCategoryUnspecified)
	mustData(t, err)
	_, err = g.Write(b)
	mustData(t, errors.Join(err, g.Sync(), g.Close()))
}

func diskUse(t *testing.T, dir string) int64 {
	var n int64
	mustData(t, filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
		if err == nil && !info.IsDir() && (strings.HasSuffix(path, ".blob") || strings.HasSuffix(path, ".sst")) {
			n += info.Size()
		}
		return nil
	}))
	return n
}

// TestReclaim: after half the partitions were dropped, every second of them, the disk holds at most 1.5 times the live bytes.
func TestReclaim(t *testing.T) {
	dir := t.TempDir()
	e := openData(t, dir, Options{MemTable: 4 << 20, GarbageAge: 100 * time.Millisecond})
	l := newDataLogs(t, e)
	for range 60 {
		l.commit(l.write(64<<10, 0, 1, 2, 3, 4, 5, 6, 7))
	}
	mustData(t, e.db.Flush())
	all := diskUse(t, dir)
	var ops []Op
	for id := range uint32(4) {
		ops = append(ops, Op{Kind: OpDrop, PartID: 2 * id})
	}
	l.commit(&Write{Ops: ops})
	var live int64
	for id := range uint32(4) {
		live += l.sum[2*id+1]
	}
	deadline := time.Now().Add(15 * time.Second)
	for {
		mustData(t, e.Reclaim([]uint32{0, 2, 4, 6}))
		time.Sleep(200 * time.Millisecond)
		if n := diskUse(t, dir); n <= live*3/2 || time.Now().After(deadline) {
			t.Logf("all %d, live %d, on disk %d", all, live, n)
			if n > live*3/2 {
				t.Errorf("%d bytes on disk for %d live ones", n, live)
			}
			break
		}
	}
	mustData(t, e.Close())
}

func TestFullDisk(t *testing.T) {
	dir := t.TempDir()
	e := openData(t, dir, Options{Ballast: 1 << 20})
	if free, full := e.Free(); free == 0 || full {
		t.Errorf("free %d, full %v", free, full)
	}
	if _, err := os.Stat(filepath.Join(dir, ballastFile)); err != nil {
		t.Error("no ballast: ", err)
	}
	e.disk.at = time.Now().Add(time.Hour) // no new look at the disk yet, however slow this machine is
	e.diskFull()
	if _, full := e.Free(); !full {
		t.Error("the disk was full, and records are not refused")
	}
	if _, err := os.Stat(filepath.Join(dir, ballastFile)); err == nil {
		t.Error("the ballast is still there")
	}
	e.disk.at = time.Time{}
	e.Free()
	if _, full := e.Free(); full {
		t.Error("there is room again, and records are refused")
	}
	mustData(t, e.Close())
	e = openData(t, dir, Options{MinFree: 1 << 62})
	if _, full := e.Free(); !full {
		t.Error("less is free than asked for, and records are not refused")
	}
	if m := e.Metrics(); m["disk_full"] != 1 {
		t.Error(fmt.Sprint(m))
	}
	mustData(t, e.Close())
}

// sizedFS is a file system of a given size.
type sizedFS struct {
	vfs.FS
	total uint64
}

func (s sizedFS) GetDiskUsage(string) (vfs.DiskUsage, error) {
	return vfs.DiskUsage{AvailBytes: s.total, TotalBytes: s.total}, nil
}

// TestSmallDisk: what is in memory, and the WALs that begin, have a place on the disk when records are refused.
func TestSmallDisk(t *testing.T) {
	f := func(total, memTable uint64) {
		t.Helper()
		e := openData(t, "data", Options{FS: sizedFS{vfs.NewMem(), total}})
		if e.opts.MemTable != memTable || e.disk.threshold < 8*memTable || e.disk.threshold > max(total/4, 16<<20) {
			t.Errorf("disk of %d: memtable %d, want %d; full below %d", total, e.opts.MemTable, memTable, e.disk.threshold)
		}
		if e.largest <= 0 || e.largest > int(memTable)/2 {
			t.Errorf("disk of %d: largest batch %d", total, e.largest)
		}
		mustData(t, e.Close())
		if n := metaFit("", MetaOptions{FS: sizedFS{nil, total}}); n > max(1<<20, total/256) || n < 1<<20 {
			t.Errorf("disk of %d: metadata memtable %d", total, n)
		}
	}
	f(64<<20, 1<<20)
	f(300<<20, 300<<20/128)
	f(2<<30, 16<<20)
	f(1<<40, 64<<20)
}

func TestCapacity(t *testing.T) {
	e := openData(t, t.TempDir(), Options{})
	defer e.Close()
	free, _ := e.Free()
	if total := e.Capacity(); total == 0 || free > total {
		t.Errorf("%d of %d bytes are free", free, total)
	}
}
