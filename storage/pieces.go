package storage

import (
	"errors"

	"github.com/cockroachdb/pebble/v2"
)

// Large batches are stored in pieces, each under a key of its own: Pebble keeps no buffer of more than 256 KiB from one block of values to the
// next, and what does not fit into a core's cache beside its copies is read from memory for each of them. All pieces of a batch lie in one Pebble
// batch, so all are there or none.
//
//	partId, kind, last offset, 0, size    the first piece; size is that of the batch
//	partId, kind, last offset, k          piece k, from k*pieceLen on
//	partId, kind, last offset, 0xffff     what headers have displaced, see lay
//
// A slab that lies in memory as a Pebble batch has no room for keys within a record batch. So while it is applied, and nobody else reads it,
// the headers of later pieces lie over the last bytes of the pieces before them; these bytes are kept behind the batch, are stored there as an
// entry of their own, and are put back as soon as Pebble has its copies.
const (
	pieceMin     = 256 << 10 // a batch of more than this is stored in pieces
	pieceLen     = 192 << 10 // how many bytes of a batch one piece covers; part of the format
	maxInPlace   = 2<<20 - 1 // larger batches are copied: their length takes more than lenBytes
	lenBytes     = 3
	firstKeyLen  = keyLen + 2 + 4
	pieceKeyLen  = keyLen + 2
	pieceHeader  = 1 + 1 + pieceKeyLen + lenBytes // kind, key length, key, value length; part of the format
	displacedKey = 0xffff
)

// pieces is how many pieces a batch of n bytes is stored in.
func pieces(n int) int { return (n + pieceLen - 1) / pieceLen }

// displaced is how many bytes of a batch of n bytes the headers of its pieces lie over.
func displaced(n int) int { return (pieces(n) - 1) * pieceHeader }

// mendRoom is what a batch of n bytes takes in a slab beside its bytes and SlabOverhead, so that it can be stored in pieces without a copy.
func mendRoom(n int) int {
	if n <= pieceMin || n > maxInPlace {
		return 0
	}
	return firstKeyLen - keyLen + pieceHeader + displaced(n)
}

// SlabSize is the room for batches of n bytes in all, for NewSlab.
func SlabSize(batches, n int) int {
	return n + batches*SlabOverhead + n/pieceLen*(2*pieceHeader+firstKeyLen-keyLen)
}

// lastOf is the last offset of the batch that a key is of, whole or a piece.
func lastOf(k []byte) int64 { return int64(be.Uint64(k[5:])) }

// putLen writes a length as a varint of exactly lenBytes bytes.
func putLen(b []byte, n int) {
	b[0], b[1], b[2] = byte(n)|0x80, byte(n>>7)|0x80, byte(n>>14)
}

// putPieceHeader writes what precedes the value of a piece, or of what was displaced, in a Pebble batch.
func putPieceHeader(b []byte, a *Append, k, n int) {
	b[0], b[1] = 1, pieceKeyLen // base.InternalKeyKindSet
	putKey(b[2:], a)
	be.PutUint16(b[2+keyLen:], uint16(k))
	putLen(b[2+pieceKeyLen:], n)
}

// lay turns batch i into pieces where it lies, and says how many entries it has then. Until mend, the slab's owner is the engine alone.
func (s *Slab) lay(i int, a *Append) (entries int) {
	p := s.at[i]
	v, n := s.buf[p.val:p.val+p.n], pieces(p.n)
	be.PutUint16(s.buf[p.key+keyLen:], 0)
	be.PutUint32(s.buf[p.key+keyLen+2:], uint32(p.n))
	putLen(s.buf[p.key+firstKeyLen:], pieceLen-pieceHeader)
	mend := s.buf[p.val+p.n:]
	putPieceHeader(mend, a, displacedKey, displaced(p.n))
	for k := 1; k < n; k++ {
		length := p.n - k*pieceLen
		if k < n-1 {
			length = pieceLen - pieceHeader
		}
		over := v[k*pieceLen-pieceHeader : k*pieceLen]
		copy(mend[k*pieceHeader:], over) // the header of what is displaced is as long as one of a piece
		putPieceHeader(over, a, k, length)
	}
	return n + 1
}

// mend puts the bytes back that lay has displaced.
func (s *Slab) mend(i int) {
	p := s.at[i]
	v, mend := s.buf[p.val:p.val+p.n], s.buf[p.val+p.n:]
	for k := 1; k < pieces(p.n); k++ {
		copy(v[k*pieceLen-pieceHeader:k*pieceLen], mend[k*pieceHeader:(k+1)*pieceHeader])
	}
}

// setBatch adds a copy of a record batch to a Pebble batch, in pieces if it is large.
func setBatch(b *pebble.Batch, partID uint32, last int64, v []byte) error {
	var k [firstKeyLen]byte
	a := Append{PartID: partID, Last: last}
	putKey(k[:], &a)
	if len(v) <= pieceMin {
		return b.Set(k[:keyLen], v, nil)
	}
	be.PutUint32(k[keyLen+2:], uint32(len(v)))
	if err := b.Set(k[:], v[:pieceLen], nil); err != nil {
		return err
	}
	for i := 1; i < pieces(len(v)); i++ {
		be.PutUint16(k[keyLen:], uint16(i))
		if err := b.Set(k[:pieceKeyLen], v[i*pieceLen:min((i+1)*pieceLen, len(v))], nil); err != nil {
			return err
		}
	}
	return nil
}

var errPieces = errors.New("its pieces do not fit together")

// joined is a batch that is read piece by piece.
type joined struct {
	buf  []byte
	next int // piece to come
	got  int // bytes that are there
}

// sizeOf is the size of the batch that a key begins; ok is false where it begins none.
func sizeOf(k []byte, length int) (n int, ok bool) {
	switch len(k) {
	case keyLen:
		return length, true
	case firstKeyLen:
		n = int(be.Uint32(k[keyLen+2:]))
		return n, n > pieceMin && be.Uint16(k[keyLen:]) == 0
	}
	return 0, false
}

// add takes the value of one key of the batch; done says that nothing is missing.
func (j *joined) add(k, v []byte) (done bool, err error) {
	n, count := len(j.buf), pieces(len(j.buf))
	switch at := j.next * pieceLen; {
	case len(k) == firstKeyLen && j.next == 0, len(k) == pieceKeyLen && int(be.Uint16(k[keyLen:])) == j.next:
		full := min(pieceLen, n-at)
		if j.next >= count || len(v) != full && (j.next == count-1 || len(v) != full-pieceHeader) {
			return false, errPieces
		}
		copy(j.buf[at:], v)
		j.next++
	case len(k) == pieceKeyLen && be.Uint16(k[keyLen:]) == displacedKey && j.next == count && len(v) == displaced(n):
		for i := 1; i < count; i++ {
			copy(j.buf[i*pieceLen-pieceHeader:], v[(i-1)*pieceHeader:i*pieceHeader])
		}
	default:
		return false, errPieces
	}
	j.got += len(v)
	return j.got == n, nil
}
