package storage

import (
	"fmt"
	"runtime"
	"strings"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// FS is a file system, for those who do not know Pebble.
type FS = vfs.FS

// Options are what Open may be told. The zero value is a store with the defaults on the real file system.
type Options struct {
	// MemTable is the size of one memtable in bytes, up to four of which may wait to be written out. Default and most: 64 MiB;
	// on a small disk 1/128 of it, but at least 1 MiB.
	MemTable uint64
	// Cache is the size of the block cache in bytes; it serves keys, record bytes come from the tail and the system's cache. Default 64 MiB.
	Cache int64
	// ReadCache is how many bytes of batches that were read from the disk, or ahead of readers, are kept for some seconds. Default 0: none, and
	// nothing is read ahead.
	ReadCache int64
	// OnFatal is called once, from any goroutine, when the store cannot go on: a failed write or sync, damage found in the
	// background. It must end the process. If it returns, the store stays stopped: every later call fails.
	OnFatal func(reason string)
	// Note is told what goes wrong and is survivable, in one line: a slow disk, a failed flush that is tried again. May be nil.
	Note func(text string)
	// VerifyReads checks the CRC of every batch that is read from disk.
	VerifyReads bool
	// SyncInterval is the least time between two syncs of the WAL; nil or 0 syncs as soon as possible.
	SyncInterval func() time.Duration

	// Watch is told what the store does at its files. It may be shared with other stores of the same disk, whose full disk is this store's too;
	// nil: its own.
	Watch *DiskWatch
	// FS is the file system, for tests; nil is the operating system's.
	FS FS
	// ReadOnly opens the store as it is and changes nothing: it must be there, Apply fails. For tools.
	ReadOnly bool
	// BufferedIO switches direct I/O off.
	BufferedIO bool
	// MinFree overrides when the disk counts as full: free bytes below it. 0: min(1 GiB, 5 % of the file system),
	// but at least what eight memtables need.
	MinFree uint64
	// Ballast is the size of the file that is given up when the disk is full, so that deletions and compactions can go on.
	// 0: min(256 MiB, 1 % of the file system); negative: none.
	Ballast int64
	// GarbageAge is how old a file of values must be before it is rewritten to drop deleted ones. Default 30 s.
	GarbageAge time.Duration
	// DisableSync makes Wait return before anything is durable. It loses acknowledged records and exists only to show
	// that the tests notice.
	DisableSync bool
}

func (o *Options) defaults() {
	if o.MemTable == 0 || o.MemTable > 64<<20 {
		o.MemTable = 64 << 20
	}
	o.MemTable = max(o.MemTable, 1<<20)
	if o.Cache == 0 {
		o.Cache = 64 << 20
	}
	if o.GarbageAge == 0 {
		o.GarbageAge = 30 * time.Second
	}
	if o.OnFatal == nil {
		o.OnFatal = func(reason string) { panic(reason) }
	}
	if o.Note == nil {
		o.Note = func(string) {}
	}
}

// pebbleOptions are those of a log of large values written once: values apart from keys, no compression (batches are compressed
// by clients), few and late compactions.
func (e *engine) pebbleOptions() *pebble.Options {
	o := &pebble.Options{
		FS: e.fs, ReadOnly: e.opts.ReadOnly,
		// The default, an older format, loses synced records in silence when a bit of the WAL flips.
		FormatMajorVersion:          pebble.FormatValueSeparation,
		MemTableSize:                e.opts.MemTable,
		MemTableStopWritesThreshold: 4,
		L0CompactionThreshold:       4,
		L0CompactionFileThreshold:   500,
		L0StopWritesThreshold:       1000, // only memtables push back
		LBaseMaxBytes:               64 << 20,
		CompactionConcurrencyRange:  func() (int, int) { return 1, 2 },
		BytesPerSync:                4 << 20,
		WALMinSyncInterval:          e.opts.SyncInterval,
		MaxOpenFiles:                20000,
		CacheSize:                   e.opts.Cache,
		Logger:                      dataLog{e},
		EventListener:               e.events(),
	}
	size := int64(min(64<<20, max(e.opts.MemTable, 4<<20)))
	for i := range o.TargetFileSizes {
		o.TargetFileSizes[i] = size // counts the values that the keys refer to
	}
	o.FlushSplitBytes = 2 * size
	for i := range o.Levels {
		o.Levels[i].BlockSize, o.Levels[i].IndexBlockSize = 32<<10, 256<<10
	}
	o.ApplyCompressionSettings(func() pebble.DBCompressionSettings { return pebble.DBCompressionNone })
	o.Experimental.ValueSeparationPolicy = func() pebble.ValueSeparationPolicy {
		return pebble.ValueSeparationPolicy{Enabled: true, MinimumSize: 512, MaxBlobReferenceDepth: e.scatter.depth(), RewriteMinimumAge: e.opts.GarbageAge,
			TargetGarbageRatio: 0.2}
	}
	// Excises and value separation do not go together: space is not given back, files are rewritten for ever.
	o.Experimental.EnableDeleteOnlyCompactionExcises = func() bool { return false }
	return o
}

func (e *engine) events() *pebble.EventListener {
	var stall time.Time
	return &pebble.EventListener{
		BackgroundError: func(err error) {
			e.backgroundErrors.Add(1)
			if pebble.IsCorruptionError(err) {
				e.fatal("damage found while rewriting files: " + err.Error())
				return
			}
			e.note("background", "data store: background error, tried again: "+err.Error())
		},
		// A damaged block is an error of the read that meets it; the default would end the process.
		DataCorruption: func(i pebble.DataCorruptionInfo) {
			e.corruptions.Add(1)
			e.note("corrupt", "DISK: data store: "+firstLine(i.String()))
		},
		WriteStallBegin: func(pebble.WriteStallBeginInfo) {
			e.stalls.Add(1)
			stall = time.Now()
		},
		CompactionEnd:      func(pebble.CompactionInfo) { e.sweep.changed() },
		BlobFileRewriteEnd: func(pebble.BlobFileRewriteInfo) { e.sweep.changed() },
		WriteStallEnd:      func() { e.stallNs.Add(int64(time.Since(stall))) },
	}
}

// dataLog is how Pebble speaks to us: errors are noted, what is fatal ends the store.
type dataLog struct{ e *engine }

func (dataLog) Infof(string, ...any) {}

func (l dataLog) Errorf(format string, a ...any) {
	l.e.note("error", "data store: "+firstLine(fmt.Sprintf(format, a...)))
}

// Fatalf must not return, says Pebble; where OnFatal does not end the process, the goroutine ends.
func (l dataLog) Fatalf(format string, a ...any) {
	l.e.fatal(fmt.Sprintf(format, a...))
	runtime.Goexit()
}

// fatal stops the store for good.
func (e *engine) fatal(reason string) {
	reason = firstLine(reason)
	err := fmt.Errorf("%w: %s", ErrStopped, reason)
	if e.failed.CompareAndSwap(nil, &err) {
		e.opts.OnFatal("DISK: data store " + e.dir + ": " + reason)
	}
}

// failure is why the store has stopped, or nil.
func (e *engine) failure() error {
	if err := e.failed.Load(); err != nil {
		return *err
	}
	return nil
}

// note passes a line on, at most one a second of each kind.
func (e *engine) note(kind, text string) {
	now := time.Now()
	if last, ok := e.noted.Load(kind); ok && now.Sub(last.(time.Time)) < time.Second {
		return
	}
	e.noted.Store(kind, now)
	e.opts.Note(text)
}

// firstLine drops what Pebble prints after the first line of some errors: the stacks of where they were made.
func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}
