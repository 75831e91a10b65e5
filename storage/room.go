package storage

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// openSlack is what an open needs beside the logs that it writes out: a manifest, a new log, tables of keys.
const openSlack = 1 << 20

// roomToOpen refuses to open a store, in dir on the file system of disk, whose write-ahead logs could not be written out: Pebble does
// that at once, and where it meets a full disk v2.1.7 panics.
//
// Errors: one that wraps syscall.ENOSPC and says how much is wanted.
func roomToOpen(fsys vfs.FS, disk, dir string) error {
	u, err := fsys.GetDiskUsage(disk)
	if err != nil {
		return nil // file systems of tests have no such thing
	}
	names, err := fsys.List(dir)
	if errors.Is(err, fs.ErrNotExist) {
		names, err = nil, nil
	}
	need := uint64(openSlack)
	for _, name := range names {
		if _, isLog := logNumber(name); !isLog {
			continue
		}
		st, serr := fsys.Stat(fsys.PathJoin(dir, name))
		if serr != nil {
			return serr
		}
		need += uint64(st.Size())
	}
	if err == nil && u.AvailBytes < need {
		return fmt.Errorf("%w: %d MiB are wanted to bring the last writes into place, and %d MiB are free", syscall.ENOSPC, (need+1<<20-1)>>20, u.AvailBytes>>20)
	}
	return err
}
