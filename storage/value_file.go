package storage

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"sync"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// What follows is the format of Pebble's files of values (sstable/blob of v2.1.7) as far as a range read needs it. Whatever does not look like this
// is left to Pebble.
//
//	blocks, each a columnar block of one column and a trailer
//	index, a columnar block, and a trailer: where each block begins, and where the last one ends
//	footer: checksum, offset and length of the index, type of checksums, format, number of the file, magic
const (
	footerLen    = 38
	footerMagic  = "\xf0\x9f\xaa\xb3\xf0\x9f\xa6\x80"
	trailerLen   = 5 // type of compression, checksum
	blockCRC32c  = 1 // type of checksums
	valueFormat  = 1 // of the file
	columnFormat = 1 // of a columnar block
	columnBytes  = 5 // one column's header: type, where it begins
	maxIndex     = 1 << 20
	maxIndexes   = 128 // that are kept, 8 bytes a block: 16 KB each where batches are small
)

var errValueFormat = errors.New("not the format that is known")

// valueIndex says where the blocks of a file of values lie: block i from offsets[i] on, up to offsets[i+1]. nil: it cannot be told.
type valueIndex struct {
	offsets []uint64
	slow    marks // what took long to be read
}

// valueIndexes keeps the indexes of files that were read lately. No number of a file is ever used twice.
type valueIndexes struct {
	mu   sync.Mutex
	kept map[uint64]*valueIndex // at most maxIndexes
}

// of gives the index of a file, from memory or from its end.
func (x *valueIndexes) of(num uint64, f vfs.File) *valueIndex {
	x.mu.Lock()
	v, ok := x.kept[num]
	x.mu.Unlock()
	if ok {
		return v
	}
	v, err := readValueIndex(num, f)
	if err != nil {
		v = nil
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.kept == nil {
		x.kept = map[uint64]*valueIndex{}
	}
	for k := range x.kept {
		if len(x.kept) < maxIndexes {
			break
		}
		delete(x.kept, k)
	}
	x.kept[num] = v
	return v
}

func valueFileName(num uint64) string { return fmt.Sprintf("%06d.blob", num) }

func readValueIndex(num uint64, f vfs.File) (*valueIndex, error) {
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	size := st.Size()
	var b [footerLen]byte
	if size < footerLen {
		return nil, errValueFormat
	}
	if _, err := f.ReadAt(b[:], size-footerLen); err != nil {
		return nil, err
	}
	le := binary.LittleEndian
	at, n := le.Uint64(b[4:]), le.Uint64(b[12:])
	switch {
	case le.Uint32(b[:]) != pebbleSum(b[4:]), b[20] != blockCRC32c, b[21] != valueFormat, string(b[30:]) != footerMagic,
		le.Uint64(b[22:]) != num, // the number of the file is that of its values: it was not rewritten
		n > maxIndex, at > uint64(size), at+n+trailerLen > uint64(size):
		return nil, errValueFormat
	}
	raw := make([]byte, n+trailerLen)
	if _, err := f.ReadAt(raw, int64(at)); err != nil {
		return nil, err
	}
	block, ok := soundBlock(raw)
	if !ok || len(block) < 4 || le.Uint32(block) != 0 { // blocks have other numbers than where they lie: it was rewritten
		return nil, errValueFormat
	}
	rows, col, ok := column(block[4:], 2, 1)
	if !ok {
		return nil, errValueFormat
	}
	c, _, ok := uintColumn(block, col, rows+1)
	if !ok {
		return nil, errValueFormat
	}
	v := &valueIndex{offsets: make([]uint64, rows+1), slow: newMarks(int(size))}
	for i := range v.offsets {
		v.offsets[i] = c.at(i)
		if v.offsets[i] > at || i > 0 && v.offsets[i] < v.offsets[i-1]+trailerLen {
			return nil, errValueFormat
		}
	}
	return v, nil
}

// pebbleSum is the checksum of a block or footer.
func pebbleSum(b []byte) uint32 {
	c := crc32.Update(0, castagnoli, b)
	return (c>>15 | c<<17) + 0xa282ead8
}

// soundBlock is a block without its trailer, if its checksum fits and it is not compressed.
func soundBlock(raw []byte) ([]byte, bool) {
	n := len(raw) - trailerLen
	if n < 0 || raw[n] != 0 || binary.LittleEndian.Uint32(raw[n+1:]) != pebbleSum(raw[:n+1]) {
		return nil, false
	}
	return raw[:n], true
}

// column says how many rows a block has, which must have so many columns, and where column i begins, counted from the start of the block, own header
// included.
func column(b []byte, columns, i int) (rows, at int, ok bool) {
	const head = 7 // format, columns, rows
	le := binary.LittleEndian
	if len(b) < head+columns*columnBytes || b[0] != columnFormat || int(le.Uint16(b[1:])) != columns {
		return 0, 0, false
	}
	rows = int(le.Uint32(b[3:]))
	at = int(le.Uint32(b[head+i*columnBytes+1:]))
	return rows, at, rows <= 1<<20
}

// uints are integers of a column: base and, of width bytes each, what is to be added.
type uints struct {
	b     []byte
	base  uint64
	width int
}

// uintColumn finds n integers that begin at an offset of a block, and where they end.
func uintColumn(b []byte, at, n int) (c uints, end int, ok bool) {
	if at >= len(b) {
		return c, 0, false
	}
	enc := b[at]
	at++
	if enc&0x80 != 0 {
		if at+8 > len(b) {
			return c, 0, false
		}
		c.base = binary.LittleEndian.Uint64(b[at:])
		at += 8
	}
	switch c.width = int(enc &^ 0x80); c.width {
	case 0:
		return c, at, true
	case 1, 2, 4, 8:
	default:
		return c, 0, false
	}
	at = (at + c.width - 1) &^ (c.width - 1)
	if end = at + n*c.width; end > len(b) {
		return c, 0, false
	}
	c.b = b[at:end]
	return c, end, true
}

func (c *uints) at(i int) uint64 {
	le := binary.LittleEndian
	switch c.width {
	case 1:
		return c.base + uint64(c.b[i])
	case 2:
		return c.base + uint64(le.Uint16(c.b[2*i:]))
	case 4:
		return c.base + uint64(le.Uint32(c.b[4*i:]))
	case 8:
		return c.base + le.Uint64(c.b[8*i:])
	}
	return c.base
}

// blockValues are the values of a block.
type blockValues struct {
	ends  uints
	count int
	from  int // where the first one begins
	len   int // of the block
}

func valuesOf(block []byte) (v blockValues, ok bool) {
	rows, at, ok := column(block, 1, 0)
	if !ok || rows == 0 {
		return v, false
	}
	v.count, v.len = rows, len(block)
	v.ends, v.from, ok = uintColumn(block, at, rows+1)
	return v, ok
}

// span is where value i lies in the block.
func (v *blockValues) span(i int) (from, to int, ok bool) {
	if i < 0 || i >= v.count {
		return 0, 0, false
	}
	a, b := v.ends.at(i), v.ends.at(i+1)
	if a > b || b > uint64(v.len-v.from) {
		return 0, 0, false
	}
	return v.from + int(a), v.from + int(b), true
}
