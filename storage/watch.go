package storage

import (
	"path"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"
)

// DiskWatch knows what the stores of one disk are waiting for: every operation that changes a file, from its start to its end. The stores
// of a data directory share one. The zero value is ready; it is safe for any goroutine.
type DiskWatch struct {
	mu    sync.Mutex
	busy  map[*diskOp]struct{}
	onFul []func()
}

// DiskOp is one operation on a file that has not ended.
type DiskOp struct {
	Op   string        // one of fileOpNames
	File string        // base name and the folder it lies in
	For  time.Duration // since it began
}

// diskOp is a file that is open for writing, or an operation on a name.
type diskOp struct {
	name string
	op   atomic.Int32 // fileOp
	at   atomic.Int64 // when the operation under way began, 0 if none is
}

// fileOp is a kind of operation that changes a file or a name.
type fileOp int32

const (
	opWrite fileOp = iota
	opSync
	opCreate
	opRename
	opLink
	opRoom // any of them, waiting for the disk to have room
)

var fileOpNames = [...]string{"write", "fsync", "creation", "renaming", "linking", "write that waits for room"}

// String is the word that people read.
func (o fileOp) String() string { return fileOpNames[o] }

var watchEpoch = time.Now()

func watchNow() int64 { return int64(time.Since(watchEpoch)) + 1 }

// begin notes the start of an operation; end, given what begin gave, its end and how long it took. Folders may be synced by several at a time.
func (o *diskOp) begin(op fileOp) (start int64) {
	start = watchNow()
	o.op.Store(int32(op))
	o.at.Store(start)
	return start
}

func (o *diskOp) end(start int64) time.Duration {
	o.at.CompareAndSwap(start, 0)
	return time.Duration(watchNow() - start)
}

func (w *DiskWatch) add(name string) *diskOp {
	o := &diskOp{name: name}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.busy == nil {
		w.busy = map[*diskOp]struct{}{}
	}
	w.busy[o] = struct{}{}
	return o
}

func (w *DiskWatch) remove(o *diskOp) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.busy, o)
}

// Oldest is the operation that has lasted longest; For is 0 if none is under way.
func (w *DiskWatch) Oldest() (oldest DiskOp) {
	now := watchNow()
	w.mu.Lock()
	defer w.mu.Unlock()
	for o := range w.busy {
		at := o.at.Load()
		if at == 0 || time.Duration(now-at) <= oldest.For {
			continue
		}
		oldest = DiskOp{Op: fileOp(o.op.Load()).String(), File: shortName(o.name), For: time.Duration(now - at)}
	}
	return oldest
}

// shortName is what people need to find a file of a data directory.
func shortName(name string) string {
	return path.Join(filepath.Base(filepath.Dir(name)), filepath.Base(name))
}

// onFull adds what is to be done when a write meets a full disk.
func (w *DiskWatch) onFull(f func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.onFul = append(w.onFul, f)
}

// full is called when a write met a full disk, by any of the stores.
func (w *DiskWatch) full() {
	w.mu.Lock()
	list := w.onFul
	w.mu.Unlock()
	for _, f := range list {
		f()
	}
}
