package storage

import (
	"encoding/binary"
	"sync/atomic"
)

// Slab is a pooled, counted buffer that holds the record batches of one request, laid out as a Pebble batch, so that the engine
// commits it without another copy: 12 bytes header; per record batch kind, key length, key, value length, value; room for the
// commit's extra keys. Whoever keeps a slab holds a reference; the last Release returns it to the pool.
//
// Ownership: one goroutine fills it (Add, Undo, Trim), then shares it. The bytes of a batch may be changed only by its
// partition, before the slab is written; keys, header and spare room only by the engine, in Apply.
type Slab struct {
	refs   atomic.Int32
	tails  atomic.Int32 // references held by a Tail: it counts the memory once
	buf    []byte
	at     []place
	spoilt bool // no longer a Pebble batch: the engine must copy
	class  int
	mapped bool // outside of the Go heap

	counted *atomic.Int64 // where the read cache counts its memory until the last release
}

// place says where a batch is: its key at buf[key:key+keyLen], its bytes at buf[val:val+n].
type place struct {
	key, val, n int
	pieces      bool // laid out so that it can be stored in pieces, see mendRoom
}

const (
	keyLen     = 13 // partId, kind, last offset
	slabHeader = 12 // sequence number and count of a Pebble batch
	slabExtra  = 256
	slabFrame  = 1 + 1 + keyLen + binary.MaxVarintLen32

	// SlabOverhead is what a batch takes in a slab beside its bytes.
	SlabOverhead = slabFrame + slabExtra
)

var slabsLive atomic.Int64

// SlabsLive is the number of slabs that somebody still holds, for leak checks.
func SlabsLive() int64 { return slabsLive.Load() }

// NewSlab takes a slab with room for n bytes: the sum of the batches' lengths and of SlabOverhead for each of them.
func NewSlab(n int) *Slab {
	s := takeSlab(slabHeader + n)
	s.buf = s.buf[:slabHeader]
	clear(s.buf)
	return s
}

// rawSlab takes a slab for plain bytes, as they are read from disk: no header, no batches.
func rawSlab(n int) *Slab {
	s := takeSlab(n)
	s.buf, s.spoilt = s.buf[:0], true
	return s
}

// Add makes room for a batch of n bytes and returns its index; ok is false when it does not fit. Fill Batch(i) before
// sharing the slab. The buffer never moves: slices handed out stay good.
func (s *Slab) Add(n int) (i int, ok bool) {
	if n < 0 || n > s.Room() {
		return -1, false
	}
	key, mend := keyLen, mendRoom(n)
	if mend > 0 && n+mend <= s.Room() {
		key = firstKeyLen
	} else {
		mend = 0
	}
	o := len(s.buf)
	b := append(s.buf, 1, byte(key)) // base.InternalKeyKindSet
	b = b[:len(b)+key]
	b = binary.AppendUvarint(b, uint64(n))
	s.at = append(s.at, place{key: o + 2, val: len(b), n: n, pieces: mend > 0})
	if b = b[:len(b)+n]; mend > 0 {
		b = b[:len(b)+pieceHeader+displaced(n)]
	}
	s.buf = b
	return len(s.at) - 1, true
}

// Undo takes the last batch out again.
func (s *Slab) Undo() {
	last := len(s.at) - 1
	s.buf = s.buf[:s.at[last].key-2]
	s.at = s.at[:last]
}

// Trim keeps only the first n bytes of batch i: what follows is a cut batch that a client sent. The slab will be copied.
func (s *Slab) Trim(i, n int) {
	if n < s.at[i].n {
		s.at[i].n, s.spoilt = n, true
	}
}

// Room is how many bytes the next batch may have.
func (s *Slab) Room() int {
	return cap(s.buf) - len(s.buf) - slabFrame - slabExtra*(len(s.at)+1)
}

// Len is the number of batches.
func (s *Slab) Len() int { return len(s.at) }

// Batch is the bytes of batch i.
func (s *Slab) Batch(i int) []byte { p := s.at[i]; return s.buf[p.val : p.val+p.n : p.val+p.n] }

// Cap is how much memory the slab takes, in bytes.
func (s *Slab) Cap() int { return cap(s.buf) }

// Hold takes a reference; the caller must have one already, or be told by somebody who has.
func (s *Slab) Hold() {
	if s.refs.Add(1) < 2 {
		panic("BUG: slab held after its last release")
	}
}

// Release gives a reference back.
func (s *Slab) Release() {
	switch n := s.refs.Add(-1); {
	case n == 0:
		giveSlab(s)
	case n < 0:
		panic("BUG: slab released twice")
	}
}
