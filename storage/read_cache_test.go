package storage

import (
	"bytes"
	"errors"
	"math"
	"slices"
	"sync"
	"testing"
	"time"

	"troupe/storage/record"
)

// offsets reads a range and gives the last offsets of its batches.
func (l *dataLogs) offsets(partID uint32, offset, limit int64, maxBytes int) (out []int64) {
	l.t.Helper()
	b, err := l.d.Read(partID, offset, limit, maxBytes, true)
	mustData(l.t, err)
	defer b.Release()
	for v := bytes.Join(b.Data, nil); len(v) > 0; {
		x := record.Batch(v)
		out = append(out, x.LastOffset())
		v = v[x.Length()+record.Overhead:]
	}
	return out
}

func run(from, to int64) (out []int64) {
	for ; from < to; from++ {
		out = append(out, from)
	}
	return out
}

func TestReadCacheSeesChanges(t *testing.T) {
	before := SlabsLive()
	e := openData(t, t.TempDir(), Options{ReadCache: 32 << 20})
	l := newDataLogs(t, e)
	const size = 100_000
	f := func(name string, offset, limit int64, want []int64) {
		t.Helper()
		hits := e.reads.hits.Load()
		for i := range 3 { // from the disk, then from memory
			if got := l.offsets(1, offset, limit, 100<<20); !equalOffsets(got, want) {
				t.Errorf("%s, read %d: %v, want %v", name, i, got, want)
			}
		}
		if e.reads.hits.Load() == hits && len(want) > 0 {
			t.Errorf("%s: nothing came from memory", name)
		}
	}
	change := func(o Op) {
		t.Helper()
		o.PartID = 1
		l.commit(&Write{Ops: []Op{o}})
	}
	for i := range 40 {
		if i == 20 {
			change(Op{Kind: OpRoll, Offset: 20, TimeMs: 1, Bytes: l.sum[1]})
		}
		l.commit(l.write(size, 1))
	}
	f("whole", 0, 100, run(0, 40))
	f("a reader that may see less", 0, 25, run(0, 25))
	f("middle", 17, 33, run(17, 33))
	old := l.sum[1] / 40
	change(Op{Kind: OpClean, Clean: &Clean{Through: 20, To: 20, Batches: []Rewrite{{Last: 3, Was: int(old)}, {Last: 4, Was: int(old)}}}})
	f("compacted", 0, 100, append(run(0, 3), run(5, 40)...))
	change(Op{Kind: OpSetStart, Offset: 10})
	f("deleted", 0, 100, run(10, 40))
	was, err := e.Read(1, 30, 31, 1, true)
	mustData(t, err)
	change(Op{Kind: OpTruncate, Offset: 30})
	f("truncated", 10, 100, run(10, 30))
	l.end[1] = 30
	p, err := e.Load(1)
	mustData(t, err)
	l.sum[1] = p.Bytes
	l.commit(l.write(size, 1))
	f("appended", 10, 100, run(10, 31))
	is, err := e.Read(1, 30, 31, 1, true)
	mustData(t, err)
	if bytes.Equal(was.Data[0], is.Data[0]) {
		t.Error("what was truncated is read still")
	}
	was.Release()
	is.Release()
	change(Op{Kind: OpDrop})
	f("dropped", 0, 100, nil)
	mustData(t, e.Close())
	if n := SlabsLive() - before; n != 0 {
		t.Errorf("%d slabs leaked", n)
	}
}

func equalOffsets(a, b []int64) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// A reader who goes on is read ahead of, but only up to what he was allowed to see.
func TestReadAhead(t *testing.T) {
	e := openData(t, t.TempDir(), Options{ReadCache: 32 << 20})
	defer func() { mustData(t, e.Close()) }()
	l := newDataLogs(t, e)
	for range 60 {
		l.commit(l.write(100_000, 1, 2))
	}
	l.offsets(2, 20, 50, 500_000)
	e.reads.wg.Wait()
	if n := e.reads.aheads.Load(); n != 0 {
		t.Errorf("%d ranges read ahead of one who reads for the first time", n)
	}
	for at := int64(0); at < 45; {
		got := l.offsets(1, at, 45, 1<<20)
		e.reads.wg.Wait()
		at = got[len(got)-1] + 1
	}
	if hits, misses := e.reads.hits.Load(), e.reads.misses.Load(); hits < 3 || e.reads.aheads.Load() < 3 {
		t.Errorf("%d hits, %d misses, %d read ahead", hits, misses, e.reads.aheads.Load())
	}
	for _, rs := range e.reads.parts {
		for _, r := range rs {
			if r.next > r.limit || r.limit > 50 {
				t.Errorf("[%d, %d) was read, up to %d was allowed", r.from, r.next, r.limit)
			}
		}
	}
	if got := l.offsets(1, 40, 45, 1<<20); !equalOffsets(got, run(40, 45)) {
		t.Errorf("read %v", got)
	}
}

// fakeRanges loads ranges of two batches of 10 bytes.
func fakeRanges(r *readRange, size, first int) error {
	r.slab = rawSlab(size)
	r.slab.buf = append(r.slab.buf, make([]byte, 20)...)
	r.batches = []rangeBatch{{r.from, 10}, {r.from + 1, 20}}
	r.next = r.from + 2
	return nil
}

// A reader who stops in the middle of a range is read ahead of from the end of that range on.
func TestReadAheadBehindWhatIsThere(t *testing.T) {
	c := newReadCache(10<<20, fakeRanges)
	defer c.close()
	r, err := c.get(1, 0, 100, 20, 20, true)
	mustData(t, err)
	r.slab.Release()
	c.ahead(aheadRead{partID: 1, offset: 1, limit: 100, bytes: 40})
	c.wg.Wait()
	var have []int64
	for _, r := range c.parts[1] {
		have = append(have, r.from)
	}
	if !slices.Equal(have, []int64{0, 2, 4}) { // 10 bytes of the first, 20, and the rest
		t.Errorf("ranges from %v", have)
	}
	c.ahead(aheadRead{partID: 1, offset: 3, limit: 100, bytes: 30})
	c.wg.Wait()
	if n := c.aheads.Load(); n != 2 {
		t.Errorf("%d ranges read ahead, all was there after 2", n)
	}
	c.mu.Lock()
	being := c.register(2, 0, 100, 20)
	c.mu.Unlock()
	c.ahead(aheadRead{partID: 2, offset: 0, limit: 100, bytes: 40})
	c.wg.Wait()
	if n := c.aheads.Load(); n != 2 {
		t.Errorf("%d ranges read ahead behind one whose end nobody knows", n)
	}
	c.mu.Lock()
	c.bytes.Add(-reserved(20))
	c.remove(being)
	c.mu.Unlock()
}

// What was being read when its partition changed is given to who asked for it before, and to nobody else.
func TestReadCacheDropsWhatIsBeingRead(t *testing.T) {
	before := SlabsLive()
	began, goOn := make(chan bool), make(chan bool)
	loads := 0
	c := newReadCache(1<<20, func(r *readRange, size, first int) error {
		if loads++; loads == 1 {
			began <- true
			<-goOn
		}
		return fakeRanges(r, size, first)
	})
	var wg sync.WaitGroup
	get := func() {
		r, err := c.get(1, 0, 10, 1000, 1000, true)
		if err != nil || r.next != 2 {
			t.Errorf("%+v %v", r, err)
		}
		r.slab.Release()
	}
	wg.Go(get)
	<-began
	wg.Go(get)
	for waits := false; !waits; time.Sleep(time.Millisecond) {
		c.mu.Lock()
		waits = c.parts[1][0].waiting == 1
		c.mu.Unlock()
	}
	c.drop(1)
	goOn <- true
	wg.Wait()
	if loads != 1 {
		t.Errorf("read %d times for two who came together", loads)
	}
	if get(); loads != 2 {
		t.Error("what was read before the change is given after it")
	}
	if get(); loads != 2 {
		t.Error("nothing is kept")
	}
	c.drop(2)
	if get(); loads != 2 {
		t.Error("another partition's change counts")
	}
	c.close()
	if n := SlabsLive() - before; n != 0 || c.bytes.Load() != 0 {
		t.Errorf("%d slabs leaked, %d bytes", n, c.bytes.Load())
	}
}

// The budget holds whatever clients do not give back, and nobody waits for it.
func TestReadCacheIsBounded(t *testing.T) {
	before := SlabsLive()
	const size = 64 << 10
	c := newReadCache(10*size, fakeRanges)
	var held []*readRange
	for i := range int64(40) {
		r, err := c.get(uint32(i), 0, 10, size, size, true)
		mustData(t, err)
		if held = append(held, r); c.bytes.Load() > c.budget {
			t.Fatalf("%d bytes", c.bytes.Load())
		}
	}
	if n := c.bytes.Load(); n < 5*size {
		t.Errorf("%d bytes while nothing is given back", n)
	}
	for _, r := range held {
		r.slab.Release()
	}
	for i := range int64(40) { // the oldest ranges make room
		r, err := c.get(uint32(100+i), 0, 10, size, size, true)
		mustData(t, err)
		r.slab.Release()
	}
	if c.find(139, 0) == nil || c.find(100, 0) != nil || c.find(0, 0) != nil {
		t.Error("not the oldest ranges went")
	}
	c.mu.Lock()
	for _, rs := range c.parts {
		rs[0].used = rs[0].used.Add(-2 * rangeLife)
	}
	c.mu.Unlock()
	c.sweep()
	if c.bytes.Load() != 0 || len(c.parts) != 0 || c.timer != nil {
		t.Errorf("%d bytes, %d partitions when nobody has read for long", c.bytes.Load(), len(c.parts))
	}
	c.close()
	if n := SlabsLive() - before; n != 0 {
		t.Errorf("%d slabs leaked", n)
	}
}

func TestReadCacheError(t *testing.T) {
	broken := errors.New("broken")
	c := newReadCache(1<<20, func(*readRange, int, int) error { return broken })
	for range 2 {
		if _, err := c.get(1, 0, 10, 1000, math.MaxInt, true); err != broken {
			t.Errorf("err %v", err)
		}
	}
	if c.bytes.Load() != 0 || len(c.parts) != 0 {
		t.Error("an error is kept")
	}
	c.close()
}

// Readers, changes and read-aheads at once: nobody reads what was gone when he began, and nothing leaks.
func TestReadCacheUnderLoad(t *testing.T) {
	before := SlabsLive()
	e := openData(t, t.TempDir(), Options{ReadCache: 4 << 20})
	l := newDataLogs(t, e)
	for range 100 {
		l.commit(l.write(50_000, 1))
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	start := int64(0)
	for range 4 {
		wg.Go(func() {
			for at := int64(0); at < 100; {
				mu.Lock()
				at = max(at, start)
				mu.Unlock()
				b, err := e.Read(1, at, 100, 300_000, true)
				if err != nil {
					t.Error(err)
					return
				}
				if first := record.Batch(b.Data[0]).BaseOffset(); first < at {
					t.Errorf("read %d from %d on", first, at)
				}
				at += 5
				b.Release()
			}
		})
	}
	for i := int64(1); i < 80; i += 3 {
		l.commit(&Write{Ops: []Op{{Kind: OpSetStart, PartID: 1, Offset: i}}})
		mu.Lock()
		start = i
		mu.Unlock()
	}
	wg.Wait()
	mustData(t, e.Close())
	if n := SlabsLive() - before; n != 0 {
		t.Errorf("%d slabs leaked", n)
	}
}
