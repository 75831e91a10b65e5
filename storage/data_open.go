package storage

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// engine is Data on Pebble.
type engine struct {
	opts    Options
	dir     string
	fs      *guardFS // what Pebble writes through
	base    vfs.FS   // without the handling of full disks
	synced  *syncedFS
	lock    io.Closer
	db      *pebble.DB
	reads   *readCache
	largest int // a Pebble batch up to this size goes to the memtable, so that Pebble keeps none of its bytes

	mu      sync.Mutex
	parts   map[uint32]*part // by partId; an entry per partition in use
	changed uint64           // counts removals from parts
	spare   []*pebble.Batch  // for reuse; at most spareBatches

	disk    disk
	sweep   sweeper
	scatter scatter
	damaged damagedBlocks
	values  valueIndexes

	failed                                  atomic.Pointer[error]
	noted                                   sync.Map // kind of note -> when, for a handful of kinds
	stalls, stallNs, slow, backgroundErrors atomic.Int64
	straight, directReads                   atomic.Int64 // ranges that were read past Pebble; reads past the page cache for them
	indirect                                atomic.Bool  // direct reads were refused
	damagedReads                            atomic.Int64 // reads that met damage, wherever it was noticed
	corruptions, commits, copied, direct    atomic.Int64
}

// part is what the engine knows of a partition while it is in use. Guarded by engine.mu.
type part struct {
	startMark
	end     int64
	bytes   int64 // cumulative, at end
	maxTime int64 // greatest timestamp of all that was appended
	indexed int64 // cumulative bytes at the last entry of the sparse index
	clean   cleanMark
}

const (
	dataFormat   = "troupe data store, format 2\n"
	wholeFormat  = "troupe data store, format 1\n" // knows no batches in pieces; all else is the same
	dataCreating = "troupe data store, being created\n"
	formatFile   = "FORMAT"
	lockFile     = "LOCK"
	ballastFile  = "BALLAST"
	dbDir        = "db"
)

// Open opens the data store of a directory, and makes it if there is none. It holds the directory's lock until Close.
//
// Errors: ErrLocked, ErrForeign, ErrFormat, ErrUnreadable, ErrDamaged and other errors of the file system; each one line.
func Open(dir string, o Options) (Data, error) {
	o.defaults()
	e := &engine{opts: o, dir: dir, parts: map[uint32]*part{}}
	e.reads = newReadCache(o.ReadCache, e.readRange)
	under := o.FS
	if under == nil {
		under = vfs.Default
	}
	if !o.BufferedIO {
		under = direct(under)
	}
	e.synced = noteSynced(under, under.PathJoin(dir, dbDir))
	e.base = e.synced
	e.fs = guard(e.base, o.Watch, e.fatal, func(text string) {
		e.slow.Add(1)
		e.note("slow", "DISK: data store: "+text)
	})
	e.fs.watch.onFull(e.diskFull)
	err := e.open()
	if err == nil {
		return e, nil
	}
	if e.lock != nil {
		err = errors.Join(err, e.lock.Close())
	}
	err = errors.Join(err, e.synced.closeNote())
	return nil, fmt.Errorf("data store %s: %w", dir, err)
}

func (e *engine) open() error {
	fresh, older, err := e.claim()
	if err != nil {
		return unreadable(err)
	}
	e.fit()
	if fresh && e.opts.ReadOnly {
		return ErrNoStore
	}
	if fresh {
		if err := e.create(); err != nil {
			return unreadable(err)
		}
	}
	if err := e.synced.verify(ErrDamaged); err != nil {
		return err
	}
	if !e.opts.ReadOnly {
		if err := e.makeRoom(); err != nil {
			return err
		}
	}
	if older && !e.opts.ReadOnly {
		// Before a broker that knows only the old format could meet what it does not know; and there is room now.
		if err := e.writeFormat(dataFormat); err != nil {
			return err
		}
	}
	if err := e.openDB(); err != nil {
		return err
	}
	if !e.opts.ReadOnly {
		e.disk.init(e)
		e.fs.running.Store(true)
		e.scatter.look(e.db, e.opts.MemTable)
		e.sweep.start(e.db, e.opts.GarbageAge, func() { e.scatter.look(e.db, e.opts.MemTable) })
	}
	return nil
}

// makeRoom sees to it that there is room to open the store; the ballast is there for that.
func (e *engine) makeRoom() error {
	db := e.base.PathJoin(e.dir, dbDir)
	err := roomToOpen(e.base, e.dir, db)
	if errors.Is(err, syscall.ENOSPC) && e.base.Remove(e.base.PathJoin(e.dir, ballastFile)) == nil {
		err = roomToOpen(e.base, e.dir, db)
	}
	return err
}

// claim takes the directory and its lock; fresh says that there is no store in it yet, older that there is one of the format
// without pieces.
func (e *engine) claim() (fresh, older bool, err error) {
	if !e.opts.ReadOnly {
		if err := e.base.MkdirAll(e.dir, 0o700); err != nil {
			return false, false, err
		}
	}
	names, err := e.base.List(e.dir)
	if err != nil {
		return false, false, err
	}
	for _, n := range names {
		switch n {
		case lockFile, ballastFile, dbDir, formatFile, formatFile + ".tmp", "lost+found":
		default:
			return false, false, fmt.Errorf("%w (%s)", ErrForeign, n)
		}
	}
	e.lock, err = e.base.Lock(e.base.PathJoin(e.dir, lockFile))
	if err != nil {
		if errors.Is(err, fs.ErrPermission) || errors.Is(err, fs.ErrNotExist) {
			return false, false, err
		}
		return false, false, fmt.Errorf("%w (%w)", ErrLocked, err)
	}
	text, err := e.readFormat()
	switch {
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return false, false, err
	case err != nil:
		for _, n := range names {
			if n == dbDir {
				return false, false, fmt.Errorf("%w (%s without %s)", ErrForeign, dbDir, formatFile)
			}
		}
		return true, false, nil
	case text == dataFormat, text == wholeFormat:
		return false, text == wholeFormat, nil
	case text == dataCreating:
		return true, false, nil
	}
	return false, false, fmt.Errorf("%w (%s says %.60q)", ErrFormat, formatFile, strings.TrimSpace(text))
}

// create makes a new store. It is opened and closed once: the first WAL of a store has no checksums that tell a torn end from a
// flipped bit; from the second on it has.
func (e *engine) create() error {
	if err := e.writeFormat(dataCreating); err != nil {
		return err
	}
	if err := e.base.RemoveAll(e.base.PathJoin(e.dir, dbDir)); err != nil {
		return err
	}
	if err := e.openDB(); err != nil {
		return err
	}
	if err := e.db.Close(); err != nil {
		return err
	}
	return e.writeFormat(dataFormat)
}

func (e *engine) openDB() error {
	db, err := pebble.Open(e.base.PathJoin(e.dir, dbDir), e.pebbleOptions())
	if isDamage(err) {
		return damage(ErrDamaged, err)
	}
	e.db = db
	return err
}

func (e *engine) readFormat() (string, error) {
	f, err := e.base.Open(e.base.PathJoin(e.dir, formatFile))
	if err != nil {
		return "", err
	}
	b, err := io.ReadAll(io.LimitReader(f, 200))
	return string(b), errors.Join(err, f.Close())
}

// writeFormat replaces the format file, durably.
func (e *engine) writeFormat(text string) error {
	name := e.base.PathJoin(e.dir, formatFile)
	f, err := e.base.Create(name+".tmp", vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	_, err = f.Write([]byte(text))
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := e.base.Rename(name+".tmp", name); err != nil {
		return err
	}
	return errors.Join(e.syncDir(e.dir), e.syncDir(e.base.PathDir(e.dir)))
}

func (e *engine) syncDir(dir string) error {
	d, err := e.base.OpenDir(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func unreadable(err error) error {
	if errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("%w (%w)", ErrUnreadable, err)
	}
	return err
}

// Close implements Data. All writes must have been waited for, all reads have returned. On a full disk memtables are not written out: what is
// in them is in the log.
func (e *engine) Close() error {
	e.reads.close()
	var err error
	if _, full := e.Free(); e.failure() == nil && !e.opts.ReadOnly && !full {
		err = e.db.Flush()
	}
	e.fs.running.Store(false) // nobody will free space for a store that is being closed
	e.sweep.close()           // after that: what it waits for may have waited for space
	e.mu.Lock()
	for _, b := range e.spare {
		err = errors.Join(err, b.Close())
	}
	e.spare = nil
	e.mu.Unlock()
	return errors.Join(err, e.db.Close(), e.synced.closeNote(), e.lock.Close())
}
