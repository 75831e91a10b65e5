package storage

import (
	"errors"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

const (
	// directAlign is what addresses, offsets and lengths of direct I/O must be multiples of.
	directAlign = 4096
	// slowRead is how long a MB may take that is read directly, beside others that are, without being thought worth a place in the page cache.
	slowRead = 10 * time.Millisecond
	// markedBytes is what one mark stands for.
	markedBytes = 1 << 20
)

func alignUp(n int) int { return (n + directAlign - 1) &^ (directAlign - 1) }

// readRun reads the blocks of a run into the buffer of a slab, past the page cache: what goes through a backlog reads it once, the pages that
// it fills cost more than the reading, and push out what others need. What took long to come from the disk is read through the page cache
// the next time, so that a slow disk gives it twice, not each time.
func (e *engine) readRun(x *blockRun, slab *Slab, buf []byte) bool {
	off := int(x.index.offsets[x.from])
	if slab.mapped && !e.opts.BufferedIO && !e.indirect.Load() && !x.index.slow.any(off, x.n) && x.f.Fd() != vfs.InvalidFd {
		if setDirect(x.f.Fd(), true) == nil {
			skip := off % directAlign
			began := time.Now()
			n, err := x.f.ReadAt(buf[x.at-skip:alignUp(x.at+x.n)], int64(off-skip))
			if n >= skip+x.n { // whatever err says: the file may end within the last page
				if time.Since(began) > slowRead*time.Duration(x.n)/markedBytes {
					x.index.slow.mark(off, x.n)
				}
				e.directReads.Add(1)
				return true
			}
			if !errors.Is(err, syscall.EINVAL) || setDirect(x.f.Fd(), false) != nil {
				return false
			}
		}
		e.indirect.Store(true) // this file system takes no direct reads
	}
	_, err := x.f.ReadAt(buf[x.at:x.at+x.n], int64(off))
	return err == nil
}

// marks are the parts of a file that are worth a place in the page cache. Safe for any goroutine.
type marks []atomic.Uint64

func newMarks(size int) marks { return make(marks, size/markedBytes/64+1) }

func (m marks) mark(off, n int) {
	for i := off / markedBytes; i <= (off+n-1)/markedBytes; i++ {
		m[i/64].Or(1 << (i % 64))
	}
}

// any says whether one of the parts is marked.
func (m marks) any(off, n int) bool {
	for i := off / markedBytes; i <= (off+n-1)/markedBytes; i++ {
		if m[i/64].Load()&(1<<(i%64)) != 0 {
			return true
		}
	}
	return false
}
