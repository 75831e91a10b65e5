package storage

import (
	"errors"
	"io/fs"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// slowDisk is how long one operation on a file may take without being reported.
const slowDisk = 5 * time.Second

// freeEvery is how old a measurement of the free space may be.
const freeEvery = 5 * time.Millisecond

const (
	// diskShare bounds a memtable to this part of the disk: each one has a WAL, made at full size when it begins.
	diskShare = 128
	// roomFor is how many memtables, with their WALs, must find a place after records are refused: four that are written out, the WALs
	// that begin meanwhile, and what was accepted since the last look.
	roomFor = 8
)

// fit makes memtables small enough for a small disk. The directory is there.
func (e *engine) fit() {
	if u, err := e.base.GetDiskUsage(e.dir); err == nil {
		e.opts.MemTable = max(1<<20, min(e.opts.MemTable, u.TotalBytes/diskShare))
	}
	e.largest = int(e.opts.MemTable)/2 - 256<<10
}

// disk watches the free space of the store's file system.
//
// Below the threshold records are refused early. If the disk becomes full all the same, the ballast is given up: compactions
// and deletions need room to make room. It is taken again, and records with it, when twice its size is free beyond the threshold.
type disk struct {
	threshold uint64
	ballast   int64
	hit       atomic.Bool // the disk was full; until the ballast is back

	mu sync.Mutex
	at time.Time

	// What was measured last, for those who must not wait for the file system.
	free atomic.Uint64
	full atomic.Bool
}

func (d *disk) init(e *engine) {
	u, err := e.base.GetDiskUsage(e.dir)
	if err != nil { // file systems of tests have no such thing
		d.free.Store(math.MaxUint64)
		return
	}
	d.free.Store(u.AvailBytes)
	if d.threshold = e.opts.MinFree; d.threshold == 0 {
		d.threshold = max(min(1<<30, u.TotalBytes/20), roomFor*(e.opts.MemTable+1<<20))
	}
	if d.ballast = e.opts.Ballast; d.ballast == 0 {
		d.ballast = int64(min(256<<20, u.TotalBytes/100))
	}
	e.takeBallast(u.AvailBytes)
}

// takeBallast makes the ballast file if there is none and enough room for it.
func (e *engine) takeBallast(free uint64) {
	d := &e.disk
	if d.ballast <= 0 {
		if free >= d.threshold {
			d.hit.Store(false)
		}
		return
	}
	name := e.base.PathJoin(e.dir, ballastFile)
	if _, err := e.base.Stat(name); err == nil || !errors.Is(err, fs.ErrNotExist) {
		d.hit.Store(false)
		return
	}
	if free < d.threshold+2*uint64(d.ballast) {
		return
	}
	f, err := e.base.Create(name, vfs.WriteCategoryUnspecified)
	if err != nil {
		return
	}
	if err := errors.Join(f.Preallocate(0, d.ballast), f.Close()); err == nil {
		d.hit.Store(false)
	}
}

// diskFull is called when a write met a full disk, of this store or of one beside it; that write is tried again.
func (e *engine) diskFull() {
	e.disk.hit.Store(true)
	_ = e.base.Remove(e.base.PathJoin(e.dir, ballastFile)) // it may have gone before
	e.note("full", "DISK: the disk is full: records are refused, and what must be written waits until space is freed")
}

// Free implements Data.
func (e *engine) Free() (bytes uint64, full bool) {
	d := &e.disk
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.free.Load() == math.MaxUint64 {
		return d.known()
	}
	if now := time.Now(); now.Sub(d.at) >= freeEvery {
		u, err := e.base.GetDiskUsage(e.dir)
		if err != nil {
			return d.free.Load(), true
		}
		d.at = now
		d.free.Store(u.AvailBytes)
		if d.hit.Load() {
			e.takeBallast(u.AvailBytes)
		}
		d.full.Store(u.AvailBytes < d.threshold || d.hit.Load())
	}
	return d.known()
}

// known is what was measured last; it never waits.
func (d *disk) known() (free uint64, full bool) {
	return d.free.Load(), d.full.Load() || d.hit.Load()
}

// MinFree implements Data.
func (e *engine) MinFree() uint64 { return e.disk.threshold }

// Capacity implements Data.
func (e *engine) Capacity() uint64 {
	u, err := e.base.GetDiskUsage(e.dir)
	if err != nil { // file systems of tests have no such thing
		return 0
	}
	return u.TotalBytes
}
