package storage

import (
	"bytes"
	"errors"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"troupe/storage/record"
)

// big is a write of one batch of exactly n bytes for each partition, in one slab, and what the batches are.
func (l *dataLogs) big(unshared bool, n int, parts ...uint32) (*Write, [][]byte) {
	w := &Write{}
	s := NewSlab(SlabSize(len(parts), len(parts)*n))
	var want [][]byte
	for _, id := range parts {
		b, err := record.Build(record.Plain(), []record.Record{{Timestamp: 1000, Value: make([]byte, n-100)}})
		mustData(l.t, err)
		b, err = record.Build(record.Plain(), []record.Record{{Timestamp: 1000, Value: make([]byte, 2*n-100-len(b))}})
		mustData(l.t, err)
		for i := 100; i+8 <= len(b); i += 8 {
			be.PutUint64(b[i:], l.rng.Uint64())
		}
		b.SetBaseOffset(l.end[id])
		b.SetCRC()
		i, ok := s.Add(len(b))
		if !ok || len(b) != n {
			l.t.Fatalf("no room for %d bytes, or not %d", len(b), n)
		}
		want = append(want, bytes.Clone(b))
		copy(s.Batch(i), b)
		w.Records = append(w.Records, Append{PartID: id, Base: l.end[id], Last: l.end[id], Slab: s, At: i, MaxTime: 1000, Bytes: l.sum[id], Unshared: unshared,
			Producer: &Producer{ID: 4, Batches: make([]ProducerBatch, 5)}})
		l.end[id]++
		l.sum[id] += int64(n)
	}
	return w, want
}

// TestPieces: whatever its size and way into the store, a batch comes out as it was: from the memtable, from the WAL and from files. What is in
// memory is not changed by storing it.
func TestPieces(t *testing.T) {
	dir := t.TempDir() + "/data"
	e := openData(t, dir, Options{VerifyReads: true})
	l := newDataLogs(t, e)
	want := map[uint32][][]byte{}
	for _, n := range []int{1000, pieceMin, pieceMin + 1, 2 * pieceLen, 2*pieceLen + 1, 3*pieceLen - 1, 1 << 20, maxInPlace - 100, maxInPlace + 100, 3 << 20} {
		for _, unshared := range []bool{true, false} {
			w, batches := l.big(unshared, n, 1, 2)
			before := e.direct.Load()
			mustData(t, e.Apply(w))
			if direct := e.direct.Load() > before; direct != (n <= pieceMin || unshared && n <= maxInPlace) {
				t.Errorf("%d bytes, unshared %v: stored without a copy: %v", n, unshared, direct)
			}
			for i, b := range batches {
				if !bytes.Equal(w.Records[i].Slab.Batch(i), b) {
					t.Errorf("%d bytes: changed in memory", n)
				}
				want[w.Records[i].PartID] = append(want[w.Records[i].PartID], b)
			}
			mustData(t, e.Wait(w))
			w.Records[0].Slab.Release()
		}
	}
	check := func(when string) {
		t.Helper()
		for id, batches := range want {
			got, err := e.Read(id, 0, int64(len(batches)), 1<<30, true)
			mustData(t, err)
			if !bytes.Equal(bytes.Join(got.Data, nil), bytes.Join(batches, nil)) {
				t.Errorf("%s: partition %d was not read as it was written", when, id)
			}
			got.Release()
			if v, err := Verify(e, id); err != nil || !v.OK() || v.Bytes != l.sum[id] {
				t.Errorf("%s: %v %v, %d bytes of %d", when, v.Problems, err, v.Bytes, l.sum[id])
			}
			n, err := e.sizes(id, 0, l.end[id])
			loaded, lerr := e.Load(id)
			if mustData(t, errors.Join(err, lerr)); n != l.sum[id] || loaded.End != l.end[id] || loaded.Bytes != l.sum[id] {
				t.Errorf("%s: %d bytes of %d, loaded %+v", when, n, l.sum[id], loaded)
			}
		}
	}
	check("from the memtable")
	mustData(t, e.Close())
	e = openData(t, dir, Options{VerifyReads: true})
	check("from the WAL")
	mustData(t, e.db.Flush())
	check("from files")
	end := l.end[1] - 3
	l.d = e
	l.commit(&Write{Ops: []Op{{Kind: OpTruncate, PartID: 1, Offset: end}, {Kind: OpSetStart, PartID: 2, Offset: 5}}})
	one, err := e.Load(1)
	two, terr := e.Load(2)
	if mustData(t, errors.Join(err, terr)); one.End != end || two.Start != 5 {
		t.Errorf("cut off at %d: %+v; begins at 5: %+v", end, one, two)
	}
	mustData(t, e.Close())
}

// TestOlderFormat: a store of the format without pieces is opened and is of the present one from then on; who only reads changes nothing.
func TestOlderFormat(t *testing.T) {
	dir := t.TempDir() + "/data"
	e := openData(t, dir, Options{})
	l := newDataLogs(t, e)
	l.commit(l.write(1000, 1))
	mustData(t, e.writeFormat(wholeFormat))
	mustData(t, e.Close())
	for _, c := range []struct {
		readOnly bool
		then     string
	}{{true, wholeFormat}, {false, dataFormat}} {
		e := openData(t, dir, Options{ReadOnly: c.readOnly})
		if text, err := e.readFormat(); text != c.then || err != nil {
			t.Errorf("read only: %v: %q, %v", c.readOnly, text, err)
		}
		loaded, err := e.Load(1)
		if mustData(t, err); loaded.End != 1 {
			t.Errorf("loaded %+v", loaded)
		}
		mustData(t, e.Close())
	}
}

// ballastedFS is a full disk until the ballast is given up.
type ballastedFS struct{ vfs.FS }

func (f ballastedFS) full() bool {
	_, err := f.Stat(f.PathJoin("data", ballastFile))
	return err == nil
}

func (f ballastedFS) GetDiskUsage(string) (vfs.DiskUsage, error) {
	u := vfs.DiskUsage{TotalBytes: 1 << 30}
	if !f.full() {
		u.AvailBytes = 64 << 20
	}
	return u, nil
}

func (f ballastedFS) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	if f.full() {
		return nil, syscall.ENOSPC
	}
	return f.FS.Create(name, c)
}

// TestOlderFormatOnFullDisk: a store of the older format is opened with the room of the ballast, as any other.
func TestOlderFormatOnFullDisk(t *testing.T) {
	mem := vfs.NewMem()
	e := openData(t, "data", Options{FS: mem})
	l := newDataLogs(t, e)
	l.commit(l.write(1000, 1))
	mustData(t, e.writeFormat(wholeFormat))
	mustData(t, e.Close())
	f, err := mem.Create(mem.PathJoin("data", ballastFile), vfs.WriteCategoryUnspecified)
	mustData(t, errors.Join(err, f.Close()))
	e = openData(t, "data", Options{FS: ballastedFS{mem}})
	if text, err := e.readFormat(); text != dataFormat || err != nil {
		t.Errorf("%q, %v", text, err)
	}
	mustData(t, e.Close())
}

// TestPiecesMissing: a batch of which a piece is not there, or not as long as it was, is damaged; it is not served in part.
func TestPiecesMissing(t *testing.T) {
	for name, spoil := range map[string]func(k []byte, b *pebble.Batch) error{
		"the first":         func(k []byte, b *pebble.Batch) error { return b.Delete(append(k, 0, 0, 0, 0x10, 0, 0), nil) },
		"the second":        func(k []byte, b *pebble.Batch) error { return b.Delete(append(k, 0, 1), nil) },
		"the last":          func(k []byte, b *pebble.Batch) error { return b.Delete(append(k, 0, 5), nil) },
		"what is displaced": func(k []byte, b *pebble.Batch) error { return b.Delete(append(k, 0xff, 0xff), nil) },
		"a byte": func(k []byte, b *pebble.Batch) error {
			return b.Set(append(k, 0, 2), make([]byte, pieceLen-pieceHeader-1), nil)
		},
		"a byte of the last": func(k []byte, b *pebble.Batch) error {
			return b.Set(append(k, 0, 5), make([]byte, 1<<20-5*pieceLen-1), nil)
		},
	} {
		t.Run(name, func(t *testing.T) {
			e := openData(t, t.TempDir()+"/data", Options{})
			l := newDataLogs(t, e)
			for range 3 {
				w, _ := l.big(true, 1<<20, 1)
				l.commit(w)
			}
			b := e.db.NewBatch()
			k := key8(1, kindBatch, 1)
			mustData(t, spoil(k.bytes(), b))
			mustData(t, b.Commit(pebble.Sync))
			var damage *CorruptError
			if got, err := e.Read(1, 1, 3, 1<<30, true); !errors.As(err, &damage) || damage.Offset != 1 {
				t.Errorf("%d bytes, %v", got.Bytes, err)
			}
			got, err := e.Read(1, 0, 3, 1<<30, true)
			if mustData(t, err); got.Bytes != 1<<20 {
				t.Errorf("%d bytes before the damage", got.Bytes)
			}
			got.Release()
			got, err = e.Read(1, 2, 3, 1<<30, true)
			if mustData(t, err); got.Bytes != 1<<20 {
				t.Errorf("%d bytes behind the damage", got.Bytes)
			}
			got.Release()
			mustData(t, e.Close())
		})
	}
}
