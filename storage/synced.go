package storage

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	walrecord "github.com/cockroachdb/pebble/v2/record"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// syncedFS notes in a small file, beside the write-ahead logs of one directory, how far each of them was synced.
//
// A log that a crash cut ends where its records stop making sense, and so does one in which a bit has flipped. Pebble tells the two
// apart by the synced offset that later chunks carry, but v2.1.7 leaves full blocks out of that offset, so damage in the
// newest part of a log passes for its torn end and synced records vanish unseen. With the note, verify knows which bytes must be there.
//
// The note is written after each sync and is not synced itself: after a crash it may lag, which only makes verify look at less, and it
// never leads. A torn or unreadable note counts as none.
type syncedFS struct {
	vfs.FS
	dir string

	mu    sync.Mutex
	note  vfs.File
	slots [syncedSlots]syncedMark
	mute  atomic.Bool // the note cannot be written: the store goes on without
}

// syncedMark says that the first `synced` bytes of write-ahead log number `log` are durable.
type syncedMark struct{ log, synced uint64 }

const (
	syncedFile = "SYNCED"
	// syncedSlots bounds the logs that are noted: more than can wait to be written out (MemTableStopWritesThreshold) with the next ones.
	syncedSlots    = 16
	syncedSlotSize = 32 // log, synced, CRC-32C of both, zeros

	walBlock      = 32 << 10 // of Pebble's log format: chunks do not span blocks
	walChunkHead  = 19       // of a chunk; a shorter rest of a block is padding
	walTrailerLen = 11       // what a log that was closed ends with
)

// noteSynced wraps the file system of a store whose logs lie in dir.
func noteSynced(fsys vfs.FS, dir string) *syncedFS { return &syncedFS{FS: fsys, dir: dir} }

// Create implements vfs.FS.
func (s *syncedFS) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := s.FS.Create(name, c)
	return s.wrap(name, f, err)
}

// ReuseForWrite implements vfs.FS: a recycled log begins anew, under its new number.
func (s *syncedFS) ReuseForWrite(old, name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := s.FS.ReuseForWrite(old, name, c)
	return s.wrap(name, f, err)
}

// Unwrap implements vfs.FS.
func (s *syncedFS) Unwrap() vfs.FS { return s.FS }

func (s *syncedFS) wrap(name string, f vfs.File, err error) (vfs.File, error) {
	num, isLog := logNumber(path.Base(name))
	if err != nil || !isLog || s.mute.Load() {
		return f, err
	}
	slot, note := s.begin(num)
	if note == nil {
		return f, nil
	}
	return &syncedLog{File: f, fs: s, note: note, slot: slot, log: num}, nil
}

// logNumber is the number in the name of a write-ahead log.
func logNumber(base string) (uint64, bool) {
	digits, isLog := strings.CutSuffix(base, ".log")
	n, err := strconv.ParseUint(digits, 10, 64)
	return n, isLog && err == nil
}

// begin gives a new log the slot of the oldest one: logs are numbered upwards and written out in order. A nil note: there can be none.
func (s *syncedFS) begin(num uint64) (slot int, note vfs.File) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.note == nil {
		f, err := s.FS.OpenReadWrite(path.Join(s.dir, syncedFile), vfs.WriteCategoryUnspecified)
		if err != nil {
			s.mute.Store(true)
			return 0, nil
		}
		s.note = f
	}
	for i, m := range s.slots {
		if m.log < s.slots[slot].log {
			slot = i
		}
	}
	s.slots[slot] = syncedMark{log: num}
	return slot, s.note
}

func (m syncedMark) put(b []byte) {
	binary.LittleEndian.PutUint64(b, m.log)
	binary.LittleEndian.PutUint64(b[8:], m.synced)
	binary.LittleEndian.PutUint32(b[16:], crc32.Checksum(b[:16], castagnoli))
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// closeNote ends the note. All logs have been closed.
func (s *syncedFS) closeNote() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.note == nil {
		return nil
	}
	f := s.note
	s.note = nil
	s.mute.Store(true)
	return f.Close()
}

// verify reads what was synced of every noted log that is still there. It is called before Pebble opens the directory, since that
// writes out what it finds and recycles the logs.
//
// Errors: damaged, the store's own, which says which log it is and where; and errors of the file system.
func (s *syncedFS) verify(damaged error) error {
	if err := s.load(); err != nil {
		return err
	}
	names, err := s.FS.List(s.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	slices.Sort(names)
	for _, name := range names {
		num, isLog := logNumber(name)
		i := slices.IndexFunc(s.slots[:], func(m syncedMark) bool { return m.log == num && m.synced > 0 })
		if !isLog || i < 0 {
			continue
		}
		if err := s.verifyLog(name, s.slots[i], damaged); err != nil {
			return err
		}
	}
	return nil
}

// load reads the note; what is torn or unreadable of it is left out.
func (s *syncedFS) load() error {
	f, err := s.FS.Open(path.Join(s.dir, syncedFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	var b [syncedSlots * syncedSlotSize]byte
	n, err := io.ReadFull(f, b[:])
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = nil
	}
	for i := range n / syncedSlotSize {
		at := b[i*syncedSlotSize : (i+1)*syncedSlotSize]
		if crc32.Checksum(at[:16], castagnoli) == binary.LittleEndian.Uint32(at[16:]) {
			s.slots[i] = syncedMark{binary.LittleEndian.Uint64(at), binary.LittleEndian.Uint64(at[8:])}
		}
	}
	return errors.Join(err, f.Close())
}

// verifyLog reads the synced part of one log, chunk by chunk.
func (s *syncedFS) verifyLog(name string, m syncedMark, damaged error) error {
	f, err := s.FS.Open(path.Join(s.dir, name))
	if err != nil {
		return err
	}
	end, err := validEnd(io.LimitReader(f, int64(m.synced)), m.log)
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	if !endsAt(end, int64(m.synced)) {
		return fmt.Errorf("%w: synced writes are gone or changed: the write-ahead log %s is broken at byte %d, and %d bytes of it were synced", damaged, name, end, m.synced)
	}
	return nil
}

// validEnd is the end of the last chunk that can be read, of a log that is cut at any chunk.
func validEnd(r io.Reader, num uint64) (int64, error) {
	in := &erring{r: r}
	log := newWALReader(walrecord.NewReader, in, num)
	buf := make([]byte, walBlock)
	var end int64
	rec, err := log.Next()
	for err == nil {
		end = log.Offset()
		if _, err = rec.Read(buf); errors.Is(err, io.EOF) {
			rec, err = log.Next()
		}
	}
	return end, in.err
}

// newWALReader lets the compiler name the type of log numbers, which Pebble keeps to itself.
func newWALReader[N ~uint64](mk func(io.Reader, N) *walrecord.Reader, r io.Reader, num uint64) *walrecord.Reader {
	return mk(r, N(num))
}

// erring remembers a failed read: the log reader takes some for the end.
type erring struct {
	r   io.Reader
	err error
}

// Read implements io.Reader.
func (e *erring) Read(p []byte) (int, error) {
	n, err := e.r.Read(p)
	if err != nil && err != io.EOF {
		e.err = err
	}
	return n, err
}

// endsAt says whether nothing but padding and the trailer lies between the last chunk, which ends at end, and the synced offset.
func endsAt(end, synced int64) bool {
	rest := synced - end
	if pad := (walBlock - end%walBlock) % walBlock; pad < walChunkHead {
		rest -= min(pad, rest)
	}
	return rest <= 0 || rest == walTrailerLen
}

// syncedLog is a write-ahead log being written. Pebble writes and syncs it from one goroutine at a time.
type syncedLog struct {
	vfs.File
	fs      *syncedFS
	note    vfs.File
	slot    int
	log     uint64
	written uint64
}

// Write implements vfs.File.
func (f *syncedLog) Write(p []byte) (int, error) {
	n, err := f.File.Write(p)
	f.written += uint64(n)
	return n, err
}

// SyncData implements vfs.File.
func (f *syncedLog) SyncData() error { return f.mark(f.File.SyncData()) }

// Sync implements vfs.File.
func (f *syncedLog) Sync() error { return f.mark(f.File.Sync()) }

// mark notes what a sync without an error has made durable.
func (f *syncedLog) mark(err error) error {
	if err != nil || f.fs.mute.Load() {
		return err
	}
	var b [syncedSlotSize]byte
	syncedMark{f.log, f.written}.put(b[:])
	if _, err := f.note.WriteAt(b[:], int64(f.slot)*syncedSlotSize); err != nil {
		f.fs.mute.Store(true) // what is noted stays true, it only lags
	}
	return nil
}
