package storage

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"sync"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// Why a metadata store cannot be opened or used. Match with errors.Is; the text around says which directory.
var (
	ErrMetaLocked  = errors.New("another process has the data directory open")
	ErrMetaForeign = errors.New("the directory holds something that is not a metadata store")
	ErrMetaDamaged = errors.New("DISK: the metadata store is damaged")
	ErrMetaClosed  = errors.New("the metadata store is closed")
)

// What the metadata store takes of the memory at most, in bytes.
const (
	// MetaMemTable is the size of a memtable: some thousand commands, so that a restart replays little. Two are in use at a time at most, and one
	// is kept for the next.
	MetaMemTable = 16 << 20
	// MetaCache is the size of the block cache. State and recent entries live in memory anyway.
	MetaCache = 4 << 20
)

// metaFit is the size of a memtable that fits the disk: at most 1/256 of it, but at least 1 MiB, as the log is made at full size when it begins.
func metaFit(dir string, o MetaOptions) uint64 {
	size := uint64(MetaMemTable)
	if o.MemTable != 0 {
		size = min(size, o.MemTable)
	}
	if u, err := o.FS.GetDiskUsage(dir); err == nil { // file systems of tests have no such thing
		size = min(size, u.TotalBytes/256)
	}
	return max(1<<20, size)
}

// MetaOptions are what OpenMeta may be told. The zero value is a store on the real file system that panics on fatal errors.
type MetaOptions struct {
	FS FS // nil: the operating system's
	// MemTable and Cache are less than MetaMemTable and MetaCache where memory is short; 0: those.
	MemTable uint64
	Cache    int64
	// Watch is told what the store does at its files; see Options.Watch.
	Watch *DiskWatch
	// ReadOnly opens the store as it is and changes nothing: it must be there. For tools.
	ReadOnly bool
	// Fatal is called, from any goroutine, when the store cannot go on (a failed fsync, a corrupt block): the state on disk
	// is unknown from then on, so it must end the process. If it returns, the goroutine that called it panics.
	Fatal func(reason string)
	// Note is told what goes wrong and is survivable, such as a failed background flush that is tried again. May be nil.
	Note func(text string)
}

// metaStore is the Pebble engine of Meta. Its callers are pools and blockers, which may still be at work when their actors have stopped, so
// Close waits for them, and whoever comes later gets ErrMetaClosed.
type metaStore struct {
	db     *pebble.DB
	lock   *pebble.Lock
	dir    string
	synced *syncedFS
	fs     *guardFS
	using  sync.RWMutex // read-held by every call
	closed bool
}

// OpenMeta opens the metadata store of a directory, and makes it if there is none. It holds the directory's lock until Close.
//
// Errors: ErrMetaLocked, ErrMetaForeign, ErrMetaDamaged (corrupt, so this replica must be rebuilt, never started empty under the
// same identity), fs.ErrPermission and other errors of the file system.
func OpenMeta(dir string, o MetaOptions) (Meta, error) {
	if o.FS == nil {
		o.FS = vfs.Default
	}
	if !o.ReadOnly {
		if err := o.FS.MkdirAll(dir, 0o700); err != nil {
			return nil, fmt.Errorf("metadata store %s: %w", dir, err)
		}
	}
	s := &metaStore{dir: dir, synced: noteSynced(o.FS, dir)}
	log := metaLogger(o)
	o.Fatal, o.Note = log.fatal, log.note
	s.fs = guard(s.synced, o.Watch, func(reason string) { log.fatal("DISK: metadata store " + dir + ": " + reason) },
		func(text string) { log.note("DISK: metadata store: " + text) })
	o.FS = s.synced
	lock, err := lockMeta(dir, o.FS)
	if err != nil {
		return nil, fmt.Errorf("metadata store %s: %w", dir, err)
	}
	s.lock = lock
	if err := s.open(o); err != nil {
		return nil, errors.Join(fmt.Errorf("metadata store %s: %w", dir, err), s.synced.closeNote(), lock.Close())
	}
	s.fs.running.Store(true)
	return s, nil
}

func lockMeta(dir string, fsys vfs.FS) (*pebble.Lock, error) {
	names, err := fsys.List(dir)
	if err != nil {
		return nil, err
	}
	for _, n := range names {
		if !pebbleFile(n) {
			return nil, fmt.Errorf("%w (%s)", ErrMetaForeign, n)
		}
	}
	lock, err := pebble.LockDirectory(dir, fsys)
	if err != nil && (errors.Is(err, fs.ErrPermission) || errors.Is(err, fs.ErrNotExist)) {
		return nil, err
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMetaLocked, err)
	}
	return lock, nil
}

// pebbleFile reports whether a name is one that the engine gives to its files.
func pebbleFile(name string) bool {
	for _, p := range []string{"LOCK", "CURRENT", "MANIFEST-", "OPTIONS-", "marker.", "temporary.", syncedFile} {
		if strings.HasPrefix(name, p) {
			return true
		}
	}
	for _, s := range []string{".sst", ".log", ".blob", ".dbtmp"} {
		if strings.HasSuffix(name, s) {
			return true
		}
	}
	return false
}

func (s *metaStore) open(o MetaOptions) error {
	if err := s.synced.verify(ErrMetaDamaged); err != nil {
		return err
	}
	if !o.ReadOnly {
		if err := roomToOpen(o.FS, s.dir, s.dir); err != nil {
			return err
		}
	}
	if err := s.openDB(o); err != nil {
		return err
	}
	stamp, err := s.get([]byte{metaKeyStamp})
	switch {
	case err != nil:
		return errors.Join(err, s.db.Close())
	case string(stamp) == metaStamp:
		return nil
	case o.ReadOnly:
		return errors.Join(ErrNoStore, s.db.Close())
	}
	if err := s.mustBeNew(stamp); err != nil {
		return errors.Join(err, s.db.Close())
	}
	// The first log file of a store has no checksums that tell a torn end from a flipped bit; from the second on it has.
	if err := s.db.Close(); err != nil {
		return err
	}
	if err := s.openDB(o); err != nil {
		return err
	}
	if err := s.db.Set([]byte{metaKeyStamp}, []byte(metaStamp), pebble.Sync); err != nil {
		return errors.Join(err, s.db.Close())
	}
	return nil
}

// mustBeNew accepts a store without a stamp only if nothing was ever written to it.
func (s *metaStore) mustBeNew(stamp []byte) error {
	if stamp != nil {
		return fmt.Errorf("%w (its layout is %.40q, not %q)", ErrMetaForeign, stamp, metaStamp)
	}
	it, err := s.db.NewIter(nil)
	if err != nil {
		return err
	}
	used := it.First()
	if err := errors.Join(it.Error(), it.Close()); err != nil {
		return err
	}
	if used {
		return fmt.Errorf("%w (a database without our stamp)", ErrMetaForeign)
	}
	return nil
}

func (s *metaStore) openDB(o MetaOptions) error {
	log := metaLogger(o)
	po := &pebble.Options{
		FS: s.fs, Lock: s.lock, Logger: log, ReadOnly: o.ReadOnly,
		// The engine's default, an older format, loses synced writes in silence when a bit of its log flips.
		FormatMajorVersion: pebble.FormatValueSeparation,
		MemTableSize:       metaFit(s.dir, o),
		CacheSize:          cmp.Or(o.Cache, MetaCache),
		EventListener: &pebble.EventListener{
			BackgroundError: func(err error) { log.note("background error: " + err.Error()) },
			DataCorruption: func(i pebble.DataCorruptionInfo) {
				if !o.ReadOnly { // a tool is told by the error of its read
					log.Fatalf("corrupt block: %v", i)
				}
			},
		},
	}
	db, err := pebble.Open(s.dir, po)
	if isDamage(err) {
		return damage(ErrMetaDamaged, err)
	}
	s.db = db
	return err
}

// metaLog is how the engine speaks to us: it is quiet, but for what ends it.
type metaLog struct{ fatal, note func(string) }

func metaLogger(o MetaOptions) metaLog {
	l := metaLog{fatal: o.Fatal, note: o.Note}
	var once sync.Once
	if l.fatal = func(string) {}; o.Fatal != nil {
		l.fatal = func(reason string) { once.Do(func() { o.Fatal(reason) }) }
	}
	if l.note == nil {
		l.note = func(string) {}
	}
	return l
}

func (metaLog) Infof(string, ...any)             {}
func (l metaLog) Errorf(format string, a ...any) { l.note(firstLine(fmt.Sprintf(format, a...))) }
func (l metaLog) Fatalf(format string, a ...any) {
	reason := "DISK: metadata store: " + firstLine(fmt.Sprintf(format, a...))
	l.fatal(reason)
	panic(reason)
}

// Close implements Meta.
func (s *metaStore) Close() error {
	s.using.Lock()
	defer s.using.Unlock()
	if s.closed {
		return ErrMetaClosed
	}
	s.closed = true
	s.fs.running.Store(false) // nobody will free space for a store that is being closed
	return errors.Join(s.db.Close(), s.synced.closeNote(), s.lock.Close())
}

// use begins a call; done ends it, also after an error.
func (s *metaStore) use() (done func(), err error) {
	s.using.RLock()
	if s.closed {
		return s.using.RUnlock, ErrMetaClosed
	}
	return s.using.RUnlock, nil
}
