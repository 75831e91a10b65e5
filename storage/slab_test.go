package storage

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/quick"
	"time"
)

func TestSlabClasses(t *testing.T) {
	last := 0
	for n := 1; n < 1<<22; n += 1 + n/100 {
		class, size := slabClass(n)
		if size < n || n > minSlab && size > n+n/4+1 || size < last || class >= slabSizes {
			t.Fatalf("%d bytes: class %d of %d", n, class, size)
		}
		if c, s := slabClass(size); c != class || s != size {
			t.Fatalf("a buffer of %d bytes is of class %d, not %d", size, c, class)
		}
		last = size
	}
}

func TestSlabAddNeverMoves(t *testing.T) {
	f := func(sizes []uint16) bool {
		total := 0
		for _, n := range sizes {
			total += int(n) + SlabOverhead
		}
		s := NewSlab(total)
		defer s.Release()
		var slices [][]byte
		for k, n := range sizes {
			i, ok := s.Add(int(n))
			if !ok || i != k {
				return false
			}
			b := s.Batch(i)
			for j := range b {
				b[j] = byte(k)
			}
			slices = append(slices, b)
		}
		for k, b := range slices {
			if len(b) != int(sizes[k]) || len(b) > 0 && (&b[0] != &s.Batch(k)[0] || b[0] != byte(k) || b[len(b)-1] != byte(k)) {
				return false
			}
		}
		_, ok := s.Add(cap(s.buf))
		return !ok && s.Room() < cap(s.buf)
	}
	if err := quick.Check(f, nil); err != nil {
		t.Error(err)
	}
}

func TestSlabUndoAndTrim(t *testing.T) {
	s := NewSlab(3 * (100 + SlabOverhead))
	s.Add(100)
	room := s.Room()
	s.Add(50)
	s.Undo()
	if s.Room() != room || s.Len() != 1 || s.spoilt {
		t.Errorf("room %d against %d, len %d", s.Room(), room, s.Len())
	}
	s.Trim(0, 70)
	if len(s.Batch(0)) != 70 || !s.spoilt {
		t.Error("not trimmed")
	}
	s.Release()
	defer func() {
		if recover() == nil {
			t.Error("a second release was not noticed")
		}
	}()
	s.Release()
}

func TestSlabPoolIsBounded(t *testing.T) {
	SlabPool(1 << 20)
	defer SlabPool(64 << 20)
	var all []*Slab
	for range 100 {
		all = append(all, NewSlab(100<<10))
	}
	for _, s := range all {
		s.Release()
	}
	if n := IdleSlabs(); n > 1<<20 || n == 0 {
		t.Errorf("%d bytes idle", n)
	}
	TrimSlabs()
	if n := IdleSlabs(); n != 0 {
		t.Errorf("%d bytes idle after trimming", n)
	}
}

func TestSlabPoolTakesLarger(t *testing.T) {
	TrimSlabs()
	one := NewSlab(1 << 20)
	memory := cap(one.buf)
	one.Release()
	for _, c := range []struct {
		n      int
		reused bool
	}{{memory / 4, false}, {memory - memory/3, true}, {memory + 1, false}, {10 << 10, false}} {
		s := NewSlab(c.n)
		if got := cap(s.buf) == memory; got != c.reused || s.Room() < c.n-SlabOverhead {
			t.Errorf("%d bytes: a buffer of %d, and one of %d was idle", c.n, cap(s.buf), memory)
		}
		s.Release()
		TrimSlabs()
		again := NewSlab(1 << 20)
		again.Release()
	}
	TrimSlabs()
	if n := IdleSlabs(); n != 0 {
		t.Errorf("%d bytes idle after trimming", n)
	}
}

// tailSlab is a slab with one batch of n bytes, all of value v.
func tailSlab(n int, v byte) *Slab {
	s := NewSlab(n + SlabOverhead)
	s.Add(n)
	b := s.Batch(0)
	for i := range b {
		b[i] = v
	}
	return s
}

func TestTail(t *testing.T) {
	before := SlabsLive()
	one := int64(tailCap(1000))
	tail := NewTail(4 * one)
	pub := func(part uint32, base, last int64, v byte) {
		s := tailSlab(1000, v)
		tail.Publish(part, base, last, s, 0)
		s.Release()
	}
	read := func(part uint32, offset, limit int64, maxBytes int, minOne bool) string {
		b, ok := tail.Read(part, offset, limit, maxBytes, minOne)
		defer b.Release()
		out := ""
		for _, d := range b.Data {
			out += fmt.Sprint(d[0], " ")
		}
		return fmt.Sprint(out, ok)
	}
	f := func(got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	f(read(1, 0, 0, 99, true), "true") // an empty log
	f(read(1, 0, 9, 99, true), "false")
	pub(1, 0, 4, 10)
	pub(1, 5, 9, 11)
	pub(17, 0, 1, 20) // the same shard
	pub(1, 10, 10, 12)
	f(read(1, 0, 11, 1<<20, true), "10 11 12 true")
	f(read(1, 7, 11, 1<<20, true), "11 12 true")
	f(read(1, 7, 10, 1<<20, true), "11 true")
	f(read(1, 0, 11, 2000, true), "10 11 true")
	f(read(1, 0, 11, 10, true), "10 true")
	f(read(1, 0, 11, 10, false), "true")
	f(read(1, 11, 11, 1<<20, true), "true")
	f(read(1, 11, 12, 1<<20, true), "false")
	pub(2, 0, 0, 30) // one too many: the oldest goes
	f(read(1, 0, 11, 1<<20, true), "false")
	f(read(1, 5, 11, 1<<20, true), "11 12 true")
	pub(1, 20, 20, 13) // a gap: the tail of 1 begins anew
	f(read(1, 5, 21, 1<<20, true), "false")
	f(read(1, 20, 21, 1<<20, true), "13 true")
	for i := range int64(10) {
		pub(2, 1+i, 1+i, byte(31+i))
	}
	f(read(1, 20, 21, 1<<20, true), "false")
	f(read(2, 8, 11, 1<<20, true), "38 39 40 true")
	tail.DropBelow(2, 9) // the batch that ends at 8 goes, the one that holds 9 stays
	tail.DropBelow(3, 9)
	f(read(2, 8, 11, 1<<20, true), "false")
	f(read(2, 9, 11, 1<<20, true), "39 40 true")
	for i := range int64(5) { // those that went are not counted again
		pub(2, 11+i, 11+i, byte(41+i))
		f(read(2, 11+i, 12+i, 1<<20, true), fmt.Sprint(41+i, " true"))
	}
	f(read(2, 12, 16, 1<<20, true), "42 43 44 45 true")
	f(read(2, 11, 16, 1<<20, true), "false")
	tail.DropBelow(2, 99)
	f(read(2, 15, 16, 1<<20, true), "false")
	for i := range int64(10) {
		pub(2, 16+i, 16+i, byte(46+i))
	}
	f(read(2, 23, 26, 1<<20, true), "53 54 55 true")
	if n := tail.Bytes(); n > 4*one {
		t.Errorf("%d bytes kept", n)
	}
	for _, p := range []uint32{1, 2, 17} {
		tail.Drop(p)
	}
	f(read(2, 23, 26, 1<<20, true), "false")
	if tail.Bytes() != 0 || SlabsLive() != before {
		t.Errorf("%d bytes, %d slabs", tail.Bytes(), SlabsLive()-before)
	}
}

func tailCap(n int) int { _, size := slabClass(slabHeader + n + SlabOverhead); return size }

// TestTailUnderLoad: readers see only whole batches in order while publishers evict them.
func TestTailUnderLoad(t *testing.T) {
	PoisonSlabs(true)
	defer PoisonSlabs(false)
	before := SlabsLive()
	tail := NewTail(100 << 10)
	var wg sync.WaitGroup
	done := make(chan struct{})
	for p := range uint32(3) {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for i := range int64(3000) {
				s := tailSlab(500, byte(i))
				tail.Publish(p, i, i, s, 0)
				s.Release()
				if i%500 == 499 {
					tail.Drop(p)
				}
			}
		}()
	}
	go func() { wg.Wait(); close(done) }()
	rng := rand.New(rand.NewPCG(1, 1))
	for running := true; running; {
		select {
		case <-done:
			running = false
		default:
		}
		from := rng.Int64N(3000)
		b, _ := tail.Read(rng.Uint32N(3), from, 1<<62, 5000, true)
		for i, d := range b.Data {
			if want := byte(from + int64(i)); !bytes.Equal(d, bytes.Repeat([]byte{want}, 500)) {
				t.Fatalf("offset %d: %d, not %d", from+int64(i), d[0], want)
			}
		}
		b.Release()
	}
	for p := range uint32(3) {
		tail.Drop(p)
	}
	if n := SlabsLive() - before; n != 0 || tail.Bytes() != 0 {
		t.Errorf("%d slabs, %d bytes left", n, tail.Bytes())
	}
}

// A tail grows while new memory costs little, and not beyond its most; where it costs much, it stays as it is, and tries again after a while.
func TestTailGrows(t *testing.T) {
	per, at := newMemory.perMB.Load(), newMemory.at.Load()
	defer func() { newMemory.perMB.Store(per); newMemory.at.Store(at) }()
	const size = 1 << 20
	fill := func(took, age time.Duration) int64 {
		newMemory.at.Store(0)
		newMemory.note(int64(took), watchNow()-int64(age))
		tail := NewGrowingTail(8<<20, 32<<20)
		for i := range int64(100) {
			s := tailSlab(size, 1)
			newMemory.at.Store(0) // what this machine's memory costs
			newMemory.note(int64(took), watchNow()-int64(age))
			tail.Publish(1, i, i, s, 0)
			s.Release()
		}
		kept := tail.Bytes()
		tail.Drop(1)
		return kept
	}
	f := func(took, age time.Duration, least, most int64) {
		t.Helper()
		if kept := fill(took, age); kept < least || kept > most {
			t.Errorf("%v a sample, %v ago: %d bytes kept", took, age, kept)
		}
	}
	f(50*time.Microsecond, 0, 28<<20, 32<<20)
	f(500*time.Microsecond, 0, 4<<20, 8<<20)
	f(500*time.Microsecond, 2*costAge, 28<<20, 32<<20)

	var m memoryCost
	m.note(int64(500*time.Microsecond), 1)
	if m.cheap(2) {
		t.Error("cheap after one dear sample")
	}
	for range 100 {
		m.note(int64(50*time.Microsecond), 3)
	}
	if !m.cheap(4) {
		t.Error("dear after a hundred cheap samples")
	}
}
