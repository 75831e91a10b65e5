package storage

import (
	"errors"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// TestDamagedValueFile: a file of values whose end is damaged cannot be opened by the database, which panics; that is damage like any other.
func TestDamagedValueFile(t *testing.T) {
	fs := vfs.NewMem()
	e := openData(t, "data", Options{FS: fs})
	l := newDataLogs(t, e)
	for range 20 {
		l.commit(l.write(10_000, 3))
	}
	mustData(t, e.Close())
	names, err := fs.List("data/db")
	mustData(t, err)
	for _, n := range names {
		if strings.HasSuffix(n, ".blob") {
			b := readAll(t, fs, "data/db/"+n)
			b[len(b)-3] ^= 16
			replaceFile(t, fs, "data/db/"+n, b)
		}
	}
	e = openData(t, "data", Options{FS: fs})
	v, err := Verify(e, 3)
	if err != nil || v.OK() {
		t.Errorf("%+v, %v", v, err)
	}
	var bad *CorruptError
	if _, err := e.Read(3, 0, 20, 1<<20, true); !errors.As(err, &bad) || bad.PartID != 3 {
		t.Errorf("read: %v", err)
	}
	mustData(t, e.Close())
}

// TestDamagedOptions: damage of a file that only the database reads is said as such.
func TestDamagedOptions(t *testing.T) {
	fs := vfs.NewMem()
	mustData(t, openData(t, "data", Options{FS: fs}).Close())
	names, err := fs.List("data/db")
	mustData(t, err)
	for _, n := range names {
		if strings.HasPrefix(n, "OPTIONS") {
			b := readAll(t, fs, "data/db/"+n)
			replaceFile(t, fs, "data/db/"+n, []byte(strings.Replace(string(b), "bytes_per_sync=", "bytes_per_sync}", 1)))
		}
	}
	if _, err := Open("data", Options{FS: fs}); !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), "OPTIONS") {
		t.Errorf("%v", err)
	}
}

// TestVerify: what is whole is counted, damage is found and said with its offsets, and looking changes no file.
func TestVerify(t *testing.T) {
	fs := vfs.NewMem()
	e := openData(t, "data", Options{FS: fs})
	l := newDataLogs(t, e)
	for range 50 {
		l.commit(l.write(10_000, 3, 9))
	}
	mustData(t, e.Close())
	look := func() []Verified {
		t.Helper()
		before := fs.String()
		d, err := Open("data", Options{FS: fs, ReadOnly: true})
		mustData(t, err)
		ids, err := d.Partitions()
		mustData(t, err)
		var out []Verified
		for _, id := range ids {
			v, err := Verify(d, id)
			mustData(t, err)
			out = append(out, v)
		}
		mustData(t, d.Close())
		if now := fs.String(); now != before {
			t.Errorf("the directory changed from\n%s\nto\n%s", before, now)
		}
		return out
	}
	for _, v := range look() {
		if !v.OK() || v.End != 50 || v.Records != 50 || v.Batches != 50 || v.Gaps != 0 || v.Bytes != l.sum[v.PartID] {
			t.Errorf("%+v", v)
		}
	}
	names, err := fs.List("data/db")
	mustData(t, err)
	for _, n := range names {
		if strings.HasSuffix(n, ".blob") {
			f, err := fs.OpenReadWrite("data/db/"+n, vfs.WriteCategoryUnspecified)
			mustData(t, err)
			_, err = f.WriteAt([]byte("garbage"), 200_000)
			mustData(t, errors.Join(err, f.Close()))
		}
	}
	bad := 0
	for _, v := range look() {
		bad += len(v.Problems)
	}
	if bad != 1 {
		t.Errorf("%d problems", bad)
	}
	if _, err := Open("nothing", Options{FS: vfs.NewMem(), ReadOnly: true}); err == nil {
		t.Error("a store that is not there was opened")
	}
}
