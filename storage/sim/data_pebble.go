package sim

import (
	"math/rand/v2"

	"github.com/cockroachdb/pebble/v2/vfs"

	"troupe/storage"
)

// Disk is a crashable file system in memory for the real engine: what was not synced may be lost, block by block.
type Disk struct{ FS *vfs.MemFS }

// NewDisk is an empty disk.
func NewDisk() *Disk { return &Disk{vfs.NewCrashableMem()} }

// Open opens the real engine on the disk, small enough for thousands of runs. Options that o sets stay.
func (d *Disk) Open(dir string, o storage.Options) (storage.Data, error) {
	o.FS = d.FS
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
	return &Disk{d.FS.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: keepPercent, RNG: rng})}
}
