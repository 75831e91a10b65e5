package storage

import "sync/atomic"

// Slab is a pooled, counted buffer that holds the record batches of one request, laid out so that the engine can
// commit it without another copy. Whoever keeps it holds a reference; the last Release returns it to the pool.
// The bytes of a batch may be changed only by its partition, before the slab is written.
type Slab struct {
	refs atomic.Int32
	buf  []byte
	at   []place
}

type place struct{ key, val, n int }

// NewSlab takes a slab with room for n bytes of batches.
func NewSlab(n int) *Slab {
	s := &Slab{buf: make([]byte, 0, n)}
	s.refs.Store(1)
	return s
}

// Add makes room for a batch of n bytes and returns its index; fill Batch(i) before sharing the slab.
func (s *Slab) Add(n int) int {
	o := len(s.buf)
	s.buf = append(s.buf, make([]byte, n)...)
	s.at = append(s.at, place{val: o, n: n})
	return len(s.at) - 1
}

// Room is how many bytes of batches still fit.
func (s *Slab) Room() int { return cap(s.buf) - len(s.buf) }

// Len is the number of batches.
func (s *Slab) Len() int { return len(s.at) }

// Batch is the bytes of batch i.
func (s *Slab) Batch(i int) []byte { p := s.at[i]; return s.buf[p.val : p.val+p.n : p.val+p.n] }

// Hold takes a reference.
func (s *Slab) Hold() { s.refs.Add(1) }

// Release gives a reference back.
func (s *Slab) Release() {
	if n := s.refs.Add(-1); n < 0 {
		panic("BUG: slab released twice")
	}
}
