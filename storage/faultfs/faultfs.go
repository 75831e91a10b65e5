// Package faultfs is a file system whose disk fails on demand, for tests of the stores and of whole brokers: an operation of one kind on
// files of one kind fails, is slow, does not return, or takes only a part of a write.
//
// It owns nothing but its rules. It passes everything on to the file system below; direct I/O, which goes past it, is off on its files.
package faultfs

import (
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// Op is a kind of operation.
type Op string

// The operations that can be made to fail.
const (
	Write  Op = "write"  // of a file's bytes
	Sync   Op = "sync"   // of a file or of a folder
	Create Op = "create" // of a file, also under the name of a recycled one
	Rename Op = "rename"
)

// Rule says what happens to operations.
type Rule struct {
	Op    Op
	File  string        // a part of the path: ".log", "MANIFEST", "/meta/"; "" is every file
	Whole bool          // File is the whole path
	After int           // so many are let through first
	Times int           // then so many are hit; 0: all
	Err   error         // what they fail with; nil: they succeed
	Short bool          // a write takes half of its bytes before it fails
	Delay time.Duration // they take so much longer
	Until chan struct{} // they take until this is closed
	seen  int
	hit   int
}

// FS is the file system.
type FS struct {
	vfs.FS
	mu    sync.Mutex
	rules []*Rule
}

// New wraps a file system; nil is the operating system's.
func New(under vfs.FS) *FS {
	if under == nil {
		under = vfs.Default
	}
	return &FS{FS: under}
}

// Set replaces all rules.
func (f *FS) Set(rules ...Rule) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.rules = nil
	for i := range rules {
		f.rules = append(f.rules, &rules[i])
	}
}

// Hits is how often the rules have struck since they were set.
func (f *FS) Hits() (n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, r := range f.rules {
		n += r.hit
	}
	return n
}

// strike applies the first rule that fits.
func (f *FS) strike(op Op, name string) (short bool, err error) {
	r := f.rule(op, name)
	if r == nil {
		return false, nil
	}
	time.Sleep(r.Delay)
	if r.Until != nil {
		<-r.Until
	}
	return r.Short, r.Err
}

func (f *FS) rule(op Op, name string) *Rule {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, r := range f.rules {
		if r.Op != op || !strings.Contains(filepath.ToSlash(name), r.File) || r.Whole && filepath.ToSlash(name) != r.File {
			continue
		}
		if r.seen++; r.seen <= r.After || r.Times > 0 && r.hit >= r.Times {
			continue
		}
		r.hit++
		return r
	}
	return nil
}

func (f *FS) wrap(name string, file vfs.File, err error) (vfs.File, error) {
	if err != nil {
		return nil, err
	}
	return &faulty{File: file, fs: f, name: name}, nil
}

// Create implements vfs.FS.
func (f *FS) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	if _, err := f.strike(Create, name); err != nil {
		return nil, err
	}
	file, err := f.FS.Create(name, c)
	return f.wrap(name, file, err)
}

// ReuseForWrite implements vfs.FS.
func (f *FS) ReuseForWrite(old, name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	if _, err := f.strike(Create, name); err != nil {
		return nil, err
	}
	file, err := f.FS.ReuseForWrite(old, name, c)
	return f.wrap(name, file, err)
}

// OpenReadWrite implements vfs.FS.
func (f *FS) OpenReadWrite(name string, c vfs.DiskWriteCategory, o ...vfs.OpenOption) (vfs.File, error) {
	file, err := f.FS.OpenReadWrite(name, c, o...)
	return f.wrap(name, file, err)
}

// OpenDir implements vfs.FS.
func (f *FS) OpenDir(name string) (vfs.File, error) {
	file, err := f.FS.OpenDir(name)
	return f.wrap(name, file, err)
}

// Rename implements vfs.FS.
func (f *FS) Rename(old, name string) error {
	if _, err := f.strike(Rename, name); err != nil {
		return err
	}
	return f.FS.Rename(old, name)
}

// Unwrap implements vfs.FS.
func (f *FS) Unwrap() vfs.FS { return f.FS }

// faulty is a file of a FS.
type faulty struct {
	vfs.File
	fs   *FS
	name string
}

// Write implements vfs.File.
func (f *faulty) Write(p []byte) (int, error) {
	short, err := f.fs.strike(Write, f.name)
	if err == nil && !short {
		return f.File.Write(p)
	}
	if !short {
		return 0, err
	}
	n, werr := f.File.Write(p[:len(p)/2])
	if werr != nil {
		err = werr
	}
	return n, err
}

// WriteAt implements vfs.File.
func (f *faulty) WriteAt(p []byte, at int64) (int, error) {
	if _, err := f.fs.strike(Write, f.name); err != nil {
		return 0, err
	}
	return f.File.WriteAt(p, at)
}

// Sync implements vfs.File.
func (f *faulty) Sync() error {
	if _, err := f.fs.strike(Sync, f.name); err != nil {
		return err
	}
	return f.File.Sync()
}

// SyncData implements vfs.File.
func (f *faulty) SyncData() error {
	if _, err := f.fs.strike(Sync, f.name); err != nil {
		return err
	}
	return f.File.SyncData()
}

// SyncTo implements vfs.File: it promises nothing, so it does nothing.
func (f *faulty) SyncTo(int64) (bool, error) { return false, nil }

// Fd implements vfs.File: there is none, so that nobody writes past us.
func (f *faulty) Fd() uintptr { return vfs.InvalidFd }
