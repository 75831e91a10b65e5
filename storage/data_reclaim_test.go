package storage

import (
	"testing"
	"time"
)

// dropHalf writes eight partitions and drops every second of them. It says how many bytes live on.
func dropHalf(l *dataLogs, e *engine, rounds int) (live int64, dropped []uint32) {
	for range rounds {
		l.commit(l.write(64<<10, 0, 1, 2, 3, 4, 5, 6, 7))
	}
	mustData(l.t, e.db.Flush())
	var ops []Op
	for id := range uint32(4) {
		ops = append(ops, Op{Kind: OpDrop, PartID: 2 * id})
		dropped = append(dropped, 2*id)
		live += l.sum[2*id+1]
	}
	l.commit(&Write{Ops: ops})
	return live, dropped
}

// eventually waits until the directory takes at most 1.5 times the live bytes.
func eventually(t *testing.T, dir string, live int64, within time.Duration) {
	t.Helper()
	for end := time.Now().Add(within); ; time.Sleep(50 * time.Millisecond) {
		n := diskUse(t, dir)
		if n <= live*3/2 {
			t.Logf("%d bytes on disk for %d live ones", n, live)
			return
		}
		if time.Now().After(end) {
			t.Errorf("%d bytes on disk for %d live ones", n, live)
			return
		}
	}
}

// TestReclaimYoung: values that are too young to be rewritten when their keys go are rewritten when they are old enough, though nothing
// else happens in the store then.
func TestReclaimYoung(t *testing.T) {
	dir := t.TempDir()
	e := openData(t, dir, Options{MemTable: 4 << 20, GarbageAge: 3 * time.Second})
	live, dropped := dropHalf(newDataLogs(t, e), e, 60)
	mustData(t, e.Reclaim(dropped))
	if n := e.Metrics()["blob_file_rewrites_total"]; n != 0 {
		t.Fatalf("%v rewrites already: the values were to be too young", n)
	}
	eventually(t, dir, live, 15*time.Second)
	mustData(t, e.Close())
}

// TestReclaimKeepsFilesFew: each reclaim writes out what little is in memory; the files of values that this makes are merged. For that no more
// is written again than a third of a memtable for each of them.
func TestReclaimKeepsFilesFew(t *testing.T) {
	const memtable = 4 << 20
	e := openData(t, t.TempDir(), Options{MemTable: memtable, GarbageAge: time.Hour})
	l := newDataLogs(t, e)
	for range 96 {
		l.commit(l.write(64<<10, 2, 3, 4, 5)) // large files, which a reclaim comes across
	}
	mustData(t, e.db.Flush())
	most, last := 0.0, uint32(100)
	const rounds = 80
	for i := range uint32(rounds) {
		l.commit(l.write(2<<10, 0, 1, last+i))
		l.commit(&Write{Ops: []Op{{Kind: OpDrop, PartID: last + i}}})
		mustData(t, e.Reclaim([]uint32{0, last + i}))
		most = max(most, e.Metrics()["store_blob_files"])
	}
	m := e.Metrics()
	t.Logf("at most %v files of values; %v bytes written out, %v again", most, m["flushed_bytes_total"], m["compacted_bytes_total"])
	if most > rounds/2 {
		t.Errorf("%v files of values after %d reclaims", most, rounds)
	}
	if again := m["compacted_bytes_total"]; again > rounds*memtable/3 {
		t.Errorf("%v bytes were written again", again)
	}
	mustData(t, e.Close())
}

func TestScattered(t *testing.T) {
	const mb = 1 << 20
	f := func(files, bytes uint64, want bool) {
		t.Helper()
		if got := scattered(files, bytes, 64*mb); got != want {
			t.Errorf("%d files of %d bytes: %v", files, bytes, got)
		}
	}
	f(0, 0, false)
	f(8, 100, false)
	f(9, 100, true)
	f(1000, 64_000*mb, false) // as a flush at full speed makes them
	f(1000, 20_000*mb, false)
	f(1000, 10_000*mb, true)
}
