package storage

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/sstable/blob"
)

const (
	maxDamaged = 1024 // damaged blocks that are remembered
	// trustDamage is how long the store takes a block's damage for granted. It looks again then: a bit may have flipped on the way from the disk
	// and not on it.
	trustDamage = 5 * time.Minute
)

// damagedBlocks remembers which blocks of files of values are damaged. Pebble 2.1.7 searches a block whose checksum does not fit for the bit that
// flipped, each time that the block is read. That takes a core for a second, or for half a minute where one batch of some hundred KB is a block:
// clients that try again would take all of them.
//
// Files of values are numbered, and no number is used twice, so what is remembered of a file that has gone is never asked for, and is forgotten
// in time.
type damagedBlocks struct {
	mu    sync.Mutex
	found map[blockPlace]damagedBlock // at most maxDamaged
	reads atomic.Int64                // that met damage on the disk, and not in found
}

// blockPlace is one block of a file of values.
type blockPlace struct{ file, block uint64 }

type damagedBlock struct {
	err   error
	until time.Time
}

// placeOf is the block that holds a value; false: it lies beside its key.
func placeOf(v *pebble.LazyValue) (blockPlace, bool) {
	if v.Fetcher == nil || v.Fetcher.BlobFileID == 0 || len(v.ValueOrHandle) == 0 {
		return blockPlace{}, false
	}
	return blockPlace{uint64(v.Fetcher.BlobFileID), uint64(blob.DecodeHandleSuffix(v.ValueOrHandle).BlockID)}, true
}

// known is what a read of the block has met, nil if nothing is known of it.
func (d *damagedBlocks) known(at blockPlace, now time.Time) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	x, ok := d.found[at]
	if ok && now.After(x.until) {
		delete(d.found, at)
		return nil
	}
	return x.err
}

// remember notes what a read has met, if it is damage. Where there is no room the oldest goes.
func (d *damagedBlocks) remember(at blockPlace, err error, now time.Time) {
	if !pebble.IsCorruptionError(err) {
		return
	}
	d.reads.Add(1)
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.found == nil {
		d.found = map[blockPlace]damagedBlock{}
	}
	if len(d.found) >= maxDamaged {
		var oldest blockPlace
		first := true
		for k, x := range d.found {
			if first || x.until.Before(d.found[oldest].until) {
				oldest, first = k, false
			}
		}
		delete(d.found, oldest)
	}
	d.found[at] = damagedBlock{err, now.Add(trustDamage)}
}

// value reads the value that an iterator is placed on, unless it lies in a block that is known to be damaged.
func (e *engine) value(it *pebble.Iterator, lazy *pebble.LazyValue) ([]byte, error) {
	at, separate := placeOf(lazy)
	if !separate {
		return valueOf(it)
	}
	if err := e.damaged.known(at, time.Now()); err != nil {
		return nil, err
	}
	v, err := valueOf(it)
	if err != nil {
		e.damaged.remember(at, err, time.Now())
	}
	return v, err
}
