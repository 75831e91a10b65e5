package sim

import (
	"math/rand/v2"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"troupe/storage"
)

// Disk is a crashable file system in memory for the real engine: what was not synced may be lost, block by block.
type Disk struct {
	FS *vfs.MemFS
	// Fault is asked about each write and each sync of a file; the operation fails with what it says. It may be called by any goroutine, is
	// set before a store is opened, and does not outlive a crash. nil: nothing fails.
	Fault func(path string, sync bool) error
}

// NewDisk is an empty disk.
func NewDisk() *Disk { return &Disk{FS: vfs.NewCrashableMem()} }

// fs is the file system as a store sees it.
func (d *Disk) fs() vfs.FS {
	if d.Fault == nil {
		return d.FS
	}
	return errorfs.Wrap(d.FS, errorfs.InjectorFunc(func(op errorfs.Op) error {
		switch op.Kind {
		case errorfs.OpFileWrite, errorfs.OpFileWriteAt:
			return d.Fault(op.Path, false)
		case errorfs.OpFileSync, errorfs.OpFileSyncData, errorfs.OpFileSyncTo:
			return d.Fault(op.Path, true)
		}
		return nil
	}))
}

// SetFull makes the file system say that it has no room left, or ends that. Writes go on all the same.
func (d *Disk) SetFull(full bool) {
	u := vfs.DiskUsage{AvailBytes: 1 << 40, TotalBytes: 1 << 41, UsedBytes: 1 << 40}
	if full {
		u.AvailBytes = 0
	}
	d.FS.TestingSetDiskUsage(u)
}

// Open opens the real engine on the disk, small enough for thousands of runs. Options that o sets stay.
func (d *Disk) Open(dir string, o storage.Options) (storage.Data, error) {
	o.FS = d.fs()
	if o.MemTable == 0 {
		o.MemTable = 1 << 20
	}
	if o.Cache == 0 {
		o.Cache = 1 << 20
	}
	return storage.Open(dir, o)
}

// Crash is the disk as it may be found after a loss of power at this moment: all that was synced, and each unsynced block with the
// given probability in percent. The engine on the old disk knows nothing of it and must be closed.
func (d *Disk) Crash(rng *rand.Rand, keepPercent int) *Disk {
	return &Disk{FS: d.FS.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: keepPercent, RNG: rng})}
}
