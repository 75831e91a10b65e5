package storage

import (
	"bytes"
	"errors"
	"path/filepath"
	"slices"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// straightData is a store on whose disk lie the given batches of partitions 1 and 2, so many in one file of values, and what partition 1 has.
func straightData(t *testing.T, dir string, o Options, every int, sizes ...int) (e *engine, want [][]byte) {
	t.Helper()
	e = openData(t, dir, o)
	l := newDataLogs(t, e)
	for i, n := range sizes {
		w, batches := l.big(i%3 > 0, n, 1, 2)
		l.commit(w)
		if want = append(want, batches[0]); i%every == every-1 || i == len(sizes)-1 {
			mustData(t, e.db.Flush())
		}
	}
	return e, want
}

// sums is the batches of a range from one of them on, up to size bytes.
func sums(want [][]byte, from, size int) (out []byte) {
	for _, b := range want[from:] {
		if len(out) > 0 && len(out)+len(b) > size {
			break
		}
		out = append(out, b...)
	}
	return out
}

// TestReadStraight: what is read past Pebble, from whichever batch on and however often, is what was written, and no more of it than a reader may see.
func TestReadStraight(t *testing.T) {
	sizes := []int{700, 1000, pieceMin + 1, 20_000, 5000, 5000, pieceMin, 1 << 20, 1_000_000, 300, 999_000, 2*pieceLen + 1, 40_000, 3*pieceLen - 1, 3 << 20, 600, 600, 600, 30_000, maxInPlace}
	for name, o := range map[string]Options{"real": {}, "buffered": {BufferedIO: true}, "memory": {FS: vfs.NewMem()}, "verified": {VerifyReads: true}} {
		t.Run(name, func(t *testing.T) {
			before := SlabsLive()
			e, want := straightData(t, filepath.Join(t.TempDir(), "data"), o, 7, sizes...)
			for range 2 {
				for from := range sizes {
					for _, size := range []int{1, 200_000, 2 << 20} {
						for _, limit := range []int64{12, 1 << 40} {
							r := readRange{partID: 1, from: int64(from), next: int64(from), limit: limit}
							if err := e.readRange(&r, size, 1<<30); err != nil {
								t.Fatal(err)
							}
							all := want[:min(int64(len(want)), limit)]
							if from >= len(all) {
								if r.slab != nil {
									t.Fatalf("from %d up to %d: something", from, limit)
								}
								continue
							}
							exact := sums(all, from, size)
							if got := r.slab.buf; !bytes.HasPrefix(exact, got) || len(got) == 0 || len(got) < len(want[from]) {
								t.Fatalf("from %d, %d bytes: %d, want %d", from, size, len(got), len(exact))
							}
							if last := r.batches[len(r.batches)-1]; last.end != len(r.slab.buf) || r.next != last.last+1 || r.next > limit {
								t.Fatalf("from %d up to %d: ends at %d, next is %d", from, limit, last.end, r.next)
							}
							if r.slab.Cap() > 4*max(len(r.slab.buf), minSlab) {
								t.Errorf("%d bytes keep %d", len(r.slab.buf), r.slab.Cap())
							}
							r.slab.Release()
						}
					}
				}
			}
			if n := e.straight.Load(); n < 100 {
				t.Errorf("%d ranges were read straight", n)
			}
			mustData(t, e.Close())
			if n := SlabsLive() - before; n != 0 {
				t.Errorf("%d slabs leaked", n)
			}
		})
	}
}

// TestReadStraightDamage: a flipped bit is noticed by the checksum of its block, though nobody verifies the batch.
func TestReadStraightDamage(t *testing.T) {
	fs := vfs.NewMem()
	e, want := straightData(t, "data", Options{FS: fs}, 60, slices.Repeat([]int{10_000}, 60)...)
	mustData(t, e.Close())
	damageValues(t, fs, 20_000)
	e = openData(t, "data", Options{FS: fs})
	defer func() { mustData(t, e.Close()) }()
	good, bad := 0, 0
	for at := 0; at < len(want); {
		got, err := e.Read(1, int64(at), 1<<40, 1<<30, true)
		if damage := (*CorruptError)(nil); errors.As(err, &damage) {
			bad++
			at++
			continue
		}
		mustData(t, err)
		if !bytes.HasPrefix(bytes.Join(want[at:], nil), bytes.Join(got.Data, nil)) {
			t.Fatalf("a damaged batch is served from %d on", at)
		}
		good += got.Bytes / 10_000
		at += got.Bytes / 10_000
		got.Release()
	}
	if bad == 0 || good+bad != len(want) || e.straight.Load() == 0 {
		t.Errorf("%d good, %d bad, %d ranges read straight", good, bad, e.straight.Load())
	}
}

// TestValueIndexRefuses: a file that is not what its name says, or not whole, is left to Pebble.
func TestValueIndexRefuses(t *testing.T) {
	fs := vfs.NewMem()
	e, _ := straightData(t, "data", Options{FS: fs}, 7, 100_000, 100_000)
	defer func() { mustData(t, e.Close()) }()
	k := key8(1, kindBatch, 0)
	it, err := e.iter(k, prefix(1, kindBatch+1))
	mustData(t, err)
	it.First()
	lazy := it.LazyValue()
	at, separate := placeOf(&lazy)
	if mustData(t, it.Close()); !separate {
		t.Fatal("no file of values")
	}
	f, err := fs.Open("data/db/" + valueFileName(at.file))
	mustData(t, err)
	v, err := readValueIndex(at.file, f)
	if mustData(t, err); len(v.offsets) < 3 {
		t.Errorf("%d blocks", len(v.offsets)-1)
	}
	if _, err := readValueIndex(at.file+1, f); err == nil {
		t.Error("the file of other values is taken")
	}
	st, err := f.Stat()
	mustData(t, err)
	whole := make([]byte, st.Size())
	_, err = f.ReadAt(whole, 0)
	mustData(t, errors.Join(err, f.Close()))
	for i := len(whole) - 200; i < len(whole); i++ {
		b := bytes.Clone(whole)
		b[i] ^= 1
		if v, err := readValueIndex(at.file, memFile(t, b)); err == nil && uint64(i) >= v.offsets[len(v.offsets)-1] {
			t.Errorf("byte %d of %d is changed, and nobody notices", i, len(whole))
		}
		if _, err := readValueIndex(at.file, memFile(t, whole[:i])); err == nil {
			t.Errorf("%d of %d bytes are enough", i, len(whole))
		}
	}
}

func memFile(t *testing.T, b []byte) vfs.File {
	t.Helper()
	fs := vfs.NewMem()
	f, err := fs.Create("f", vfs.WriteCategoryUnspecified)
	mustData(t, err)
	_, err = f.Write(b)
	mustData(t, errors.Join(err, f.Close()))
	f, err = fs.Open("f")
	mustData(t, err)
	return f
}

// FuzzValueBlock: whatever a block says, nothing outside of it is read.
func FuzzValueBlock(f *testing.F) {
	f.Add([]byte{1, 1, 0, 1, 0, 0, 0, 3, 12, 0, 0, 0, 1, 0, 2, 7, 7, 0}, 0)
	f.Fuzz(func(t *testing.T, b []byte, i int) {
		v, ok := valuesOf(b)
		if !ok {
			return
		}
		if lo, hi, ok := v.span(i); ok {
			_ = b[lo:hi]
		}
	})
}
