package storage

import (
	"errors"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	pb "go.etcd.io/raft/v3/raftpb"

	"troupe/storage/faultfs"
)

// bad is a store on a disk that will fail.
type bad struct {
	t      *testing.T
	mem    *vfs.MemFS
	disk   *faultfs.FS
	reason atomic.Pointer[string]
	watch  DiskWatch
}

func newBad(t *testing.T) *bad {
	mem := vfs.NewCrashableMem()
	return &bad{t: t, mem: mem, disk: faultfs.New(mem)}
}

func (b *bad) fatal(reason string) { b.reason.CompareAndSwap(nil, &reason) }

func (b *bad) open() *engine {
	return openData(b.t, "data", Options{FS: b.disk, Watch: &b.watch, MemTable: 1 << 20, OnFatal: b.fatal})
}

// why is why the store has ended, "" if it has not.
func (b *bad) why() string {
	if r := b.reason.Load(); r != nil {
		return *r
	}
	return ""
}

// ends waits until the writer has, or the store and a moment: a store that has ended need not answer, as its process has ended too.
func (b *bad) ends(done chan struct{}) {
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
		select {
		case <-done:
			return
		default:
			if b.why() != "" {
				time.Sleep(50 * time.Millisecond)
				return
			}
		}
	}
}

// survivors opens what a power cut leaves of the disk, and says where the log of partition 1 ends.
func (b *bad) survivors() int64 {
	b.t.Helper()
	left := b.mem.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 30, RNG: rand.New(rand.NewPCG(1, 1))})
	e := openData(b.t, "data", Options{FS: left, VerifyReads: true})
	l, err := e.Load(1)
	mustData(b.t, err)
	if v, err := Verify(e, 1); err != nil || !v.OK() {
		b.t.Errorf("%v %q", err, v.Problems)
	}
	mustData(b.t, e.Close())
	return l.End
}

// TestFailedDisk: after a write or an fsync that failed nothing is confirmed that a power cut can take, and the store ends with a reason
// that names the operation and the file.
func TestFailedDisk(t *testing.T) {
	f := func(want string, r faultfs.Rule) {
		t.Helper()
		b := newBad(t)
		e := b.open()
		l := newDataLogs(t, e)
		for range 20 {
			l.commit(l.write(10_000, 1))
		}
		r.Err = syscall.EIO
		b.disk.Set(r)
		acked, done := atomic.Int64{}, make(chan struct{})
		acked.Store(l.end[1])
		go func() {
			defer close(done)
			for range 2000 {
				w := l.write(20_000, 1)
				if e.Apply(w) != nil || e.Wait(w) != nil {
					return
				}
				w.Records[0].Slab.Release()
				acked.Store(l.end[1])
			}
		}()
		b.ends(done)
		if why := b.why(); !strings.Contains(why, want) || !strings.HasPrefix(why, "DISK: data store") || !strings.Contains(why, "input/output error") || strings.Contains(why, "\n") {
			t.Errorf("%s: it ended with %q", want, why)
		}
		if end := b.survivors(); end < acked.Load() {
			t.Errorf("%s: the log ends at %d, confirmed was %d", want, end, acked.Load())
		}
	}
	f("fsync of db/", faultfs.Rule{Op: faultfs.Sync, File: ".log", After: 5, Times: 1})
	f("write of db/", faultfs.Rule{Op: faultfs.Write, File: ".log", After: 5, Times: 1})
	f("write of db/", faultfs.Rule{Op: faultfs.Write, File: ".log", After: 5, Times: 1, Short: true})
	f(".blob", faultfs.Rule{Op: faultfs.Write, File: ".blob", Times: 1})
	f(".blob", faultfs.Rule{Op: faultfs.Sync, File: ".blob", Times: 1})
	f(".sst", faultfs.Rule{Op: faultfs.Write, File: ".sst", Times: 1, Short: true})
	f(".sst", faultfs.Rule{Op: faultfs.Sync, File: ".sst", Times: 1})
	f("MANIFEST", faultfs.Rule{Op: faultfs.Write, File: "MANIFEST", Times: 1})
	f("MANIFEST", faultfs.Rule{Op: faultfs.Sync, File: "MANIFEST", Times: 1})
	f("creation of db/", faultfs.Rule{Op: faultfs.Create, File: ".log", Times: 1})
	f("creation of db/", faultfs.Rule{Op: faultfs.Create, File: ".blob", Times: 1})
	f("fsync of data/db", faultfs.Rule{Op: faultfs.Sync, File: "data/db", Whole: true, Times: 1})
}

// TestNoteFails: the note of what was synced is no part of what is promised; without it the store goes on.
func TestNoteFails(t *testing.T) {
	b := newBad(t)
	e := b.open()
	l := newDataLogs(t, e)
	b.disk.Set(faultfs.Rule{Op: faultfs.Write, File: syncedFile, Err: syscall.EIO})
	for range 200 {
		l.commit(l.write(20_000, 1))
	}
	if b.disk.Hits() == 0 || b.why() != "" {
		t.Errorf("%d writes of the note failed, and it ended with %q", b.disk.Hits(), b.why())
	}
	if end := b.survivors(); end != 200 {
		t.Errorf("the log ends at %d", end)
	}
}

// TestFailedMetaDisk is the same of the metadata store.
func TestFailedMetaDisk(t *testing.T) {
	f := func(want string, r faultfs.Rule) {
		t.Helper()
		b := newBad(t)
		m, err := OpenMeta("meta", MetaOptions{FS: b.disk, Watch: &b.watch, Fatal: b.fatal})
		mustData(t, err)
		entry := func(i uint64) MetaAppend {
			return MetaAppend{Entries: []*pb.Entry{{Index: new(i), Term: new(uint64(1)), Type: pb.EntryNormal.Enum(), Data: make([]byte, 2000)}}, OldLast: i - 1}
		}
		mustData(t, m.Append(entry(1), true))
		r.Err = syscall.EIO
		b.disk.Set(r)
		acked, done := atomic.Int64{}, make(chan struct{})
		go func() {
			defer close(done)
			defer func() { _ = recover() }() // a failed log ends the goroutine, says Pebble, when the process goes on
			for i := uint64(2); i < 12_000; i++ {
				if m.Append(entry(i), true) != nil {
					return
				}
				acked.Store(int64(i))
			}
		}()
		b.ends(done)
		if why := b.why(); !strings.Contains(why, want) || !strings.HasPrefix(why, "DISK: metadata store meta: ") || strings.Contains(why, "\n") {
			t.Errorf("%s: it ended with %q", want, why)
		}
		left := b.mem.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 30, RNG: rand.New(rand.NewPCG(1, 1))})
		again, err := OpenMeta("meta", MetaOptions{FS: left})
		mustData(t, err)
		loaded, err := again.Load()
		mustData(t, errors.Join(err, again.Close()))
		if int64(loaded.LastIndex) < acked.Load() {
			t.Errorf("%s: the log ends at %d, confirmed was %d", want, loaded.LastIndex, acked.Load())
		}
	}
	f("fsync of meta/", faultfs.Rule{Op: faultfs.Sync, File: ".log", After: 5, Times: 1})
	f("write of meta/", faultfs.Rule{Op: faultfs.Write, File: ".log", After: 5, Times: 1, Short: true})
}

// TestFullDiskWaits: a disk without room makes the store wait, whatever it writes, and when there is room all goes on; nobody is told
// anything that is not so, and nothing ends.
func TestFullDiskWaits(t *testing.T) {
	f := func(op faultfs.Op, file string) {
		t.Helper()
		b := newBad(t)
		e := b.open()
		e.fs.pause = func(time.Duration) { time.Sleep(time.Millisecond) }
		l := newDataLogs(t, e)
		for range 10 {
			l.commit(l.write(10_000, 1))
		}
		b.disk.Set(faultfs.Rule{Op: op, File: file, Err: syscall.ENOSPC})
		done := make(chan struct{})
		go func() {
			defer close(done)
			for range 400 {
				l.commit(l.write(20_000, 1))
			}
		}()
		for end := time.Now().Add(20 * time.Second); b.disk.Hits() < 20; {
			if time.Now().After(end) {
				t.Fatalf("%s of %s: tried %d times and not again", op, file, b.disk.Hits())
			}
			select {
			case <-done:
				t.Errorf("%s of %s: all was written to a full disk", op, file)
				return
			case <-time.After(time.Millisecond):
			}
		}
		if o := b.watch.Oldest(); o.Op != opRoom.String() || !strings.Contains(o.File, file) {
			t.Errorf("%s of %s: the watch shows %+v", op, file, o)
		}
		if _, full := e.Free(); !full {
			t.Errorf("%s of %s: records are not refused", op, file)
		}
		b.disk.Set()
		within(t, done)
		if why := b.why(); why != "" {
			t.Errorf("%s of %s: it ended with %q", op, file, why)
		}
		if end := b.survivors(); end != 410 {
			t.Errorf("%s of %s: the log ends at %d", op, file, end)
		}
		mustData(t, e.Close())
	}
	f(faultfs.Write, ".log")
	f(faultfs.Create, ".log")
	f(faultfs.Write, ".blob")
	f(faultfs.Write, ".sst")
	f(faultfs.Create, ".blob")
	f(faultfs.Write, "MANIFEST")
}

// within ends the test if something that needs milliseconds does not end.
func within(t *testing.T, done chan struct{}) {
	t.Helper()
	select {
	case <-done:
	case <-time.After(20 * time.Second):
		t.Fatal("it does not end")
	}
}

// TestFullDiskFsync: an fsync that has found no room is not done twice. The first may have lost what it was to write.
func TestFullDiskFsync(t *testing.T) {
	b := newBad(t)
	e := b.open()
	l := newDataLogs(t, e)
	l.commit(l.write(10_000, 1))
	b.disk.Set(faultfs.Rule{Op: faultfs.Sync, File: ".log", Err: syscall.ENOSPC})
	w, done := l.write(10_000, 1), make(chan struct{})
	go func() {
		defer close(done)
		if e.Apply(w) == nil && e.Wait(w) == nil {
			t.Error("a failed fsync was confirmed")
		}
	}()
	within(t, done)
	if b.disk.Hits() != 1 || !strings.Contains(b.why(), "fsync of db/") {
		t.Errorf("%d fsyncs, and it ended with %q", b.disk.Hits(), b.why())
	}
}

// TestDiskWatch: an fsync that does not return is known with its file, while it lasts.
func TestDiskWatch(t *testing.T) {
	b := newBad(t)
	e := b.open()
	l := newDataLogs(t, e)
	gate := make(chan struct{})
	b.disk.Set(faultfs.Rule{Op: faultfs.Sync, File: ".log", Until: gate, Times: 1})
	done := make(chan struct{})
	go func() { defer close(done); l.commit(l.write(100, 1)) }()
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
		if o := b.watch.Oldest(); o.Op == "fsync" && strings.HasPrefix(o.File, "db/") && strings.HasSuffix(o.File, ".log") && o.For > 20*time.Millisecond {
			break
		} else if time.Now().After(end) {
			t.Fatalf("the watch shows %+v", o)
		}
	}
	close(gate)
	<-done
	if o := b.watch.Oldest(); o.For != 0 {
		t.Errorf("it is over, and the watch shows %+v", o)
	}
	mustData(t, e.Close())
}
