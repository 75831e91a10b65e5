package storage

import (
	"errors"
	"path"
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/cockroachdb/pebble/v2/vfs"
	"golang.org/x/sys/unix"
)

// directFS writes the large files of a store (WAL, tables, values) with O_DIRECT: what is written once and rarely read does not go
// through the page cache, which costs a copy and, on machines that must find fresh memory for it, far more. Files on file systems
// without direct I/O are written as usual.
type directFS struct {
	vfs.FS
	off  atomic.Bool // the file system refuses direct writes
	bufs sync.Pool   // of *[]byte, aligned, directBuffer long
}

// directBuffer gathers appended bytes: one write to the disk each.
const directBuffer = 1 << 20

// direct wraps a file system for direct I/O.
func direct(fs vfs.FS) vfs.FS { return &directFS{FS: fs} }

// Create implements vfs.FS.
func (d *directFS) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := d.FS.Create(name, c)
	return d.wrap(name, f, err)
}

// ReuseForWrite implements vfs.FS: a recycled WAL is overwritten in place.
func (d *directFS) ReuseForWrite(old, name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := d.FS.ReuseForWrite(old, name, c)
	return d.wrap(name, f, err)
}

// Unwrap implements vfs.FS.
func (d *directFS) Unwrap() vfs.FS { return d.FS }

func (d *directFS) wrap(name string, f vfs.File, err error) (vfs.File, error) {
	if err != nil || d.off.Load() {
		return f, err
	}
	ext := path.Ext(name)
	if ext != ".log" && ext != ".sst" && ext != ".blob" || f.Fd() == vfs.InvalidFd {
		return f, nil
	}
	if setDirect(f.Fd(), true) != nil {
		d.off.Store(true)
		return f, nil
	}
	b, _ := d.bufs.Get().(*[]byte)
	if b == nil {
		n := alignedBytes(directBuffer)
		b = &n
	}
	return &directFile{File: f, fs: d, pooled: b, buf: *b, exact: ext != ".log"}, nil
}

func setDirect(fd uintptr, on bool) error {
	fl, err := unix.FcntlInt(fd, unix.F_GETFL, 0)
	if err != nil {
		return err
	}
	if fl |= unix.O_DIRECT; !on {
		fl &^= unix.O_DIRECT
	}
	_, err = unix.FcntlInt(fd, unix.F_SETFL, fl)
	return err
}

func alignedBytes(n int) []byte {
	b := make([]byte, n+directAlign)
	o := int(-uintptr(unsafe.Pointer(&b[0])) & (directAlign - 1))
	return b[o : o+n : o+n]
}

// directFile is an append-only file. What was written is buf[:n], which belongs at pos in the file; pos is aligned. A sync writes
// the last block padded with zeros and keeps it, to write it again when it has grown.
type directFile struct {
	vfs.File
	fs     *directFS
	pooled *[]byte
	buf    []byte
	n      int
	clean  int // buf[:clean] is in the file already
	pos    int64
	exact  bool // the file must have exactly the length that was written; a WAL may end in zeros
	long   bool // the file is longer than what was written
	plain  bool // direct writes were refused
}

// Write implements vfs.File. On an error it says how much it has taken; the rest may be written again.
func (f *directFile) Write(p []byte) (int, error) {
	done := 0
	for done < len(p) {
		if f.n == len(f.buf) {
			if err := f.flush(); err != nil {
				return done, err
			}
		}
		k := copy(f.buf[f.n:], p[done:])
		f.n += k
		done += k
	}
	return done, nil
}

// flush writes what is not in the file yet.
func (f *directFile) flush() error {
	if f.n == f.clean {
		return nil
	}
	from := f.clean &^ (directAlign - 1)
	to := alignUp(f.n)
	clear(f.buf[f.n:to])
	for at := from; at < to; {
		k, err := unix.Pwrite(int(f.Fd()), f.buf[at:to], f.pos+int64(at))
		switch {
		case errors.Is(err, unix.EINTR):
		case errors.Is(err, unix.EINVAL) && !f.plain:
			// This file system takes the flag and refuses the writes: go on through the page cache, and so with all files to come.
			f.plain = true
			f.fs.off.Store(true)
			if err := setDirect(f.Fd(), false); err != nil {
				return err
			}
		case err != nil:
			return err
		default:
			at += k
			if k&(directAlign-1) != 0 {
				at = max(from, at&^(directAlign-1)) // a short write: this block again
			}
		}
	}
	f.long = to > f.n
	whole := f.n &^ (directAlign - 1)
	f.n = copy(f.buf, f.buf[whole:f.n])
	f.clean = f.n
	f.pos += int64(whole)
	return nil
}

// finish brings everything into the file and the file to its length.
func (f *directFile) finish() error {
	if err := f.flush(); err != nil || !f.exact || !f.long {
		return err
	}
	err := unix.Ftruncate(int(f.Fd()), f.pos+int64(f.n))
	f.long = err != nil
	return err
}

// SyncData implements vfs.File.
func (f *directFile) SyncData() error {
	if err := f.finish(); err != nil {
		return &unsentError{err}
	}
	return f.File.SyncData()
}

// Sync implements vfs.File.
func (f *directFile) Sync() error {
	if err := f.finish(); err != nil {
		return &unsentError{err}
	}
	return f.File.Sync()
}

// SyncTo implements vfs.File: whole buffers are on their way to the disk at once, so there is nothing to hasten.
func (f *directFile) SyncTo(int64) (bool, error) { return false, nil }

// Close implements vfs.File.
func (f *directFile) Close() error {
	if f.buf == nil {
		return f.File.Close()
	}
	err := errors.Join(f.finish(), f.File.Close())
	f.buf = nil
	f.fs.bufs.Put(f.pooled)
	return err
}
