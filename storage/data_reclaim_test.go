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
