package storage

import (
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// newestLog is the path of the newest write-ahead log in dir.
func newestLog(t *testing.T, fsys vfs.FS, dir string) (name string) {
	t.Helper()
	names, err := fsys.List(dir)
	mustData(t, err)
	for _, n := range names {
		if strings.HasSuffix(n, ".log") && n > name {
			name = n
		}
	}
	return dir + "/" + name
}

func readAll(t *testing.T, fsys vfs.FS, name string) []byte {
	t.Helper()
	f, err := fsys.Open(name)
	mustData(t, err)
	b, err := io.ReadAll(f)
	mustData(t, errors.Join(err, f.Close()))
	return b
}

func replaceFile(t *testing.T, fsys vfs.FS, name string, b []byte) {
	t.Helper()
	f, err := fsys.Create(name, vfs.WriteCategoryUnspecified)
	mustData(t, err)
	_, err = f.Write(append([]byte(nil), b...))
	mustData(t, errors.Join(err, f.Sync(), f.Close()))
}

func cloneFS(t *testing.T, from *vfs.MemFS, dir string) *vfs.MemFS {
	t.Helper()
	to := vfs.NewMem()
	_, err := vfs.Clone(from, to, dir, dir, vfs.CloneSync)
	mustData(t, err)
	return to
}

// notedBytes is what the note says of the log.
func notedBytes(t *testing.T, fsys vfs.FS, dir, log string) int {
	t.Helper()
	s := noteSynced(fsys, dir)
	mustData(t, s.load())
	num, _ := logNumber(strings.TrimPrefix(log, dir+"/"))
	for _, m := range s.slots {
		if m.log == num {
			return int(m.synced)
		}
	}
	return 0
}

// TestSyncedNote: a bit that flips anywhere in what was synced is refused at open, or nothing is missing; what lies behind may be torn.
func TestSyncedNote(t *testing.T) {
	for name, sizes := range map[string][2]int{"small": {50, 900}, "mixed": {100, 70_000}, "large": {200_000, 20_000}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fs := vfs.NewMem()
			e := openData(t, "data", Options{FS: fs})
			l := newDataLogs(t, e)
			size := func() int { return sizes[0] + l.rng.IntN(sizes[1]) }
			for range 3_000_000 / (sizes[0] + sizes[1]/2) {
				l.commit(l.write(size(), 1))
			}
			kept := cloneFS(t, fs, "data")
			acked, log := l.end[1], newestLog(t, kept, "data/db")
			whole := readAll(t, kept, log)
			noted := notedBytes(t, kept, "data/db", log)
			if noted < len(whole)/2 {
				t.Fatalf("%d of %d bytes are noted", noted, len(whole))
			}
			ends := func(fs *vfs.MemFS) (int64, error) {
				d, err := Open("data", Options{FS: fs, Ballast: -1})
				if err != nil {
					return 0, err
				}
				p, err := d.Load(1)
				mustData(t, errors.Join(err, d.Close()))
				return p.End, nil
			}
			rng := rand.New(rand.NewPCG(7, 7))
			refused, flips := 0, 30
			if sizes[0]+sizes[1] > 1000 {
				flips = 8 // Pebble searches a damaged chunk for the bit, which takes long in large ones
			}
			for i := range flips {
				at := noted - 1 - rng.IntN(min(noted, 64<<10))
				if i%2 == 0 {
					at = rng.IntN(noted)
				}
				hurt := cloneFS(t, kept, "data")
				whole[at] ^= 1 << (i % 8)
				replaceFile(t, hurt, log, whole)
				whole[at] ^= 1 << (i % 8)
				end, err := ends(hurt)
				switch {
				case errors.Is(err, ErrDamaged) && !strings.Contains(err.Error(), "\n"):
					refused++
				case err != nil:
					t.Errorf("byte %d of %d: %v", at, noted, err)
				case end < acked:
					t.Errorf("byte %d of %d flipped: opened with %d of %d records", at, noted, end, acked)
				}
			}
			if refused < flips-flips/6 {
				t.Errorf("only %d of %d were refused", refused, flips)
			}

			note := readAll(t, kept, "data/db/"+syncedFile)
			for range 20 { // written, not synced, and cut or garbled by the crash
				l.commit(l.write(size(), 1))
			}
			later := readAll(t, fs, log)
			for i := range 20 {
				torn := cloneFS(t, kept, "data")
				replaceFile(t, torn, "data/db/"+syncedFile, note)
				cut := noted + rng.IntN(len(later)-noted)
				if i%2 == 0 {
					later[cut] ^= 4
					replaceFile(t, torn, log, later)
					later[cut] ^= 4
				} else {
					replaceFile(t, torn, log, later[:cut])
				}
				if end, err := ends(torn); err != nil && i%2 == 1 || err == nil && end < acked {
					t.Errorf("torn at %d, behind the %d synced bytes: %d of %d records, %v", cut, noted, end, acked, err)
				}
			}
			mustData(t, e.Close())
		})
	}
}

// TestSyncedNoteUnreadable: a note that is torn or of another log says nothing, and hinders nothing.
func TestSyncedNoteUnreadable(t *testing.T) {
	fs := vfs.NewMem()
	e := openData(t, "data", Options{FS: fs})
	l := newDataLogs(t, e)
	for range 50 {
		l.commit(l.write(3000, 1))
	}
	f := func(note []byte) {
		t.Helper()
		kept := cloneFS(t, fs, "data")
		replaceFile(t, kept, "data/db/"+syncedFile, note)
		again := openData(t, "data", Options{FS: kept})
		p, err := again.Load(1)
		mustData(t, err)
		if p.End != 50 {
			t.Errorf("%d records", p.End)
		}
		mustData(t, again.Close())
	}
	note := readAll(t, fs, "data/db/"+syncedFile)
	f(nil)
	f(note[:len(note)/2+3])
	garbled := append([]byte(nil), note...)
	for i := range garbled {
		garbled[i] ^= 0x55
	}
	f(garbled)
	f(make([]byte, 4096))
	var other [syncedSlotSize]byte
	syncedMark{99999, 1 << 40}.put(other[:])
	f(other[:])
	mustData(t, e.Close())
}

// TestSyncedNoteOfMeta: the same for the log of commands: none of the entries is ever missing.
func TestSyncedNoteOfMeta(t *testing.T) {
	fs := vfs.NewMem()
	m, err := OpenMeta("meta", MetaOptions{FS: fs})
	mustData(t, err)
	const entries = 400
	appendSome(t, m, 1, entries)
	kept := cloneFS(t, fs, "meta")
	log := newestLog(t, kept, "meta")
	whole, noted := readAll(t, kept, log), notedBytes(t, kept, "meta", log)
	if noted < 1000*entries {
		t.Fatalf("%d bytes are noted", noted)
	}
	rng := rand.New(rand.NewPCG(5, 5))
	for range 60 {
		at := rng.IntN(noted)
		hurt := cloneFS(t, kept, "meta")
		whole[at] ^= 16
		replaceFile(t, hurt, log, whole)
		whole[at] ^= 16
		again, err := OpenMeta("meta", MetaOptions{FS: hurt})
		if err == nil {
			got, err := again.Load()
			if err == nil && got.LastIndex < entries {
				t.Errorf("byte %d of %d flipped: opened with %d of %d entries", at, noted, got.LastIndex, entries)
			}
			mustData(t, again.Close())
		} else if !errors.Is(err, ErrMetaDamaged) {
			t.Errorf("byte %d of %d flipped: %v", at, noted, err)
		}
	}
	mustData(t, m.Close())
}

func TestEndsAt(t *testing.T) {
	f := func(end, synced int64, want bool) {
		t.Helper()
		if got := endsAt(end, synced); got != want {
			t.Errorf("endsAt(%d, %d) = %v", end, synced, got)
		}
	}
	f(0, 0, true)
	f(500, 500, true)
	f(500, 400, true)
	f(500, 511, true)                         // the trailer
	f(500, 519, false)                        // the shortest chunk
	f(walBlock-18, walBlock, true)            // padding
	f(walBlock-19, walBlock, false)           // a chunk without payload
	f(walBlock-18, walBlock+11, true)         // padding and trailer
	f(walBlock-18, walBlock+19, false)        // padding and a chunk
	f(walBlock, walBlock+11, true)            // a full block and the trailer
	f(walBlock, 2*walBlock, false)            // a whole block
	f(3*walBlock-5, 3*walBlock-3, true)       // within padding
	f(7*walBlock-1000, 7*walBlock-990, false) // neither trailer nor chunk
}
