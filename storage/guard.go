package storage

import (
	"errors"
	"fmt"
	"io"
	"path"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// guardFS is the file system as Pebble sees it, and settles what a failed operation means before Pebble meets it: v2.1.7 tries some
// again for ever, panics at others, and goes on after some that it should not survive.
//
//   - A full disk is no error while the store runs: the operation waits until there is room again. Who needs it waits with it, nothing
//     is acknowledged meanwhile, and when space is freed all goes on. Only what is known to have written nothing is tried again.
//   - Anything else that fails for good while a file is written, or a name changed, ends the store at once, with the file's name: what is on the disk is
//     unknown from then on.
//
// Every operation is known to the DiskWatch while it lasts.
type guardFS struct {
	vfs.FS
	watch   *DiskWatch
	failed  func(reason string)   // it must end the process; the error is given to Pebble where it returns
	slow    func(text string)     // an operation took longer than slowDisk
	running atomic.Bool           // the store is open and not being closed: a full disk is waited for
	pause   func(d time.Duration) // between two tries; tests shorten it
	waiting atomic.Int64          // operations that wait for room
}

// roomEvery is how often an operation that has found the disk full is tried again.
const roomEvery = 50 * time.Millisecond

func guard(fs vfs.FS, watch *DiskWatch, failed, slow func(string)) *guardFS {
	if watch == nil {
		watch = &DiskWatch{}
	}
	return &guardFS{FS: fs, watch: watch, failed: failed, slow: slow, pause: time.Sleep}
}

// unsentError says that a sync has failed before anything was handed to the disk: it may be tried again.
type unsentError struct{ err error }

// Error implements error.
func (e *unsentError) Error() string { return e.err.Error() }

// Unwrap implements errors.Is.
func (e *unsentError) Unwrap() error { return e.err }

// isFull says whether an error is that of a full disk, or of a quota that is used up.
func isFull(err error) bool { return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) }

// do runs one operation until it succeeds or has failed for good. retry says whether it may be tried again after an error.
func (g *guardFS) do(o *diskOp, op fileOp, retry func(error) bool, f func() error) error {
	start := o.begin(op)
	err := f()
	for n := 0; err != nil && isFull(err) && retry(err) && g.room(o, n); n++ {
		err = f()
	}
	if took := o.end(start); took > slowDisk && err == nil {
		g.slow(fmt.Sprintf("%s of %s took %.1f s", op, shortName(o.name), took.Seconds()))
	}
	if err != nil {
		g.failed(fmt.Sprintf("%s of %s: %v", op, shortName(o.name), err))
		if ext := path.Ext(o.name); ext == ".blob" || ext == ".sst" || g.running.Load() && ext != ".log" || op == opCreate && g.running.Load() {
			select {} // the process has ended; where it has not, as in tests, v2.1.7 would panic: only errors of logs it gives back
		}
	}
	return err
}

// room says whether a write that met a full disk is to be tried again, for the n+1st time. It makes room or waits for it.
func (g *guardFS) room(o *diskOp, n int) bool {
	g.watch.full()
	if n == 0 {
		return true
	}
	if !g.running.Load() {
		return false
	}
	o.op.Store(int32(opRoom))
	g.waiting.Add(1)
	g.pause(roomEvery)
	g.waiting.Add(-1)
	return true
}

func always(error) bool { return true }

// unsent says whether a sync failed before the fsync: that must never be done twice, as the second would say that all is well.
func unsent(err error) bool {
	var u *unsentError
	return errors.As(err, &u)
}

// named is an operation on a name.
func (g *guardFS) named(name string, op fileOp, f func() error) error {
	o := g.watch.add(name)
	defer g.watch.remove(o)
	return g.do(o, op, always, f)
}

// wrap makes a file that was opened for writing a guarded one.
func (g *guardFS) wrap(name string, f vfs.File, err error) (vfs.File, error) {
	if err != nil {
		return nil, err
	}
	return &guardFile{File: f, g: g, op: g.watch.add(name)}, nil
}

// Create implements vfs.FS.
func (g *guardFS) Create(name string, c vfs.DiskWriteCategory) (f vfs.File, err error) {
	err = g.named(name, opCreate, func() (err error) { f, err = g.FS.Create(name, c); return err })
	return g.wrap(name, f, err)
}

// ReuseForWrite implements vfs.FS. The name may be new already when it fails, so it is not tried again.
func (g *guardFS) ReuseForWrite(old, name string, c vfs.DiskWriteCategory) (f vfs.File, err error) {
	o := g.watch.add(name)
	defer g.watch.remove(o)
	never := func(error) bool { return false }
	err = g.do(o, opCreate, never, func() (err error) { f, err = g.FS.ReuseForWrite(old, name, c); return err })
	return g.wrap(name, f, err)
}

// Rename implements vfs.FS.
func (g *guardFS) Rename(old, name string) error {
	return g.named(name, opRename, func() error { return g.FS.Rename(old, name) })
}

// Link implements vfs.FS.
func (g *guardFS) Link(old, name string) error {
	return g.named(name, opLink, func() error { return g.FS.Link(old, name) })
}

// OpenDir implements vfs.FS: a directory is opened to sync it.
func (g *guardFS) OpenDir(name string) (vfs.File, error) {
	f, err := g.FS.OpenDir(name)
	return g.wrap(name, f, err)
}

// Unwrap implements vfs.FS.
func (g *guardFS) Unwrap() vfs.FS { return g.FS }

// guardFile is a file that is written, by one goroutine at a time.
type guardFile struct {
	vfs.File
	g  *guardFS
	op *diskOp
}

// Write implements vfs.File. What a full disk did not take is written later.
func (f *guardFile) Write(p []byte) (n int, err error) {
	err = f.g.do(f.op, opWrite, always, func() error {
		k, err := f.File.Write(p[n:])
		if n += k; err == nil && n < len(p) {
			err = io.ErrShortWrite
		}
		return err
	})
	return n, err
}

// Sync implements vfs.File.
func (f *guardFile) Sync() error { return f.g.do(f.op, opSync, unsent, f.File.Sync) }

// SyncData implements vfs.File.
func (f *guardFile) SyncData() error { return f.g.do(f.op, opSync, unsent, f.File.SyncData) }

// SyncTo implements vfs.File.
func (f *guardFile) SyncTo(n int64) (full bool, err error) {
	err = f.g.do(f.op, opSync, unsent, func() (err error) { full, err = f.File.SyncTo(n); return err })
	return full, err
}

// Close implements vfs.File. What mattered was synced before: an error tells of a file that is given up.
func (f *guardFile) Close() error {
	f.g.watch.remove(f.op)
	return f.File.Close()
}
