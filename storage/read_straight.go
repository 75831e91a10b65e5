package storage

import (
	"math"
	"sync"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/sstable/blob"
	"github.com/cockroachdb/pebble/v2/vfs"

	"troupe/storage/record"
)

// straight reads a range from the files of values past Pebble, which says where the values lie. Pebble reads them block by block, each into new
// memory that is cleared first, to be copied from there; so all blocks of a file that a range needs are read at once, into the slab in
// which the range will be kept, and their values are moved together there. The checksum of each block is checked before.
//
// What is not plain (values beside their keys or still in memory, files that were rewritten, damage, any error) is left to Pebble: nothing is
// reported from here, and nothing has happened then.
type straight struct {
	e      *engine
	values []storedValue
	bytes  int // of the batches
	gaps   int // of these, what does not lie where it belongs: see joined
	runs   []blockRun
	room   int // what the slab must have
}

const (
	// leastStraight is the least that is worth it: what is smaller is served by Pebble's cache of blocks.
	leastStraight = 128 << 10
	// straightExtra is what a range may need beside its batches to be read straight: the rest of the first and the last block, headers.
	straightExtra = 2*(pieceMin+64<<10) + 32<<10 + 2*directAlign
)

// storedValue is one key of a batch.
type storedValue struct {
	key    [firstKeyLen]byte
	keyLen int
	n      int
	inline []byte // the value, where it lies beside its key
	at     blockPlace
	id     int // in the block
	lo, hi int // where it lies in the buffer, when its block was read
}

// blockRun is adjacent blocks of one file, with the values that are wanted of them.
type blockRun struct {
	file  uint64
	index *valueIndex
	to    uint64 // block after the last one
	from  uint64 // first block
	n     int    // bytes to read
	at    int    // where in the buffer
	f     vfs.File
}

// readStraight reads a range as readRange does, into a slab of its own. false: Pebble must.
func (e *engine) readStraight(r *readRange, size, first int) bool {
	it, err := e.iter(key8(r.partID, kindBatch, r.from), prefix(r.partID, kindBatch+1))
	if err != nil {
		return false
	}
	s, _ := straights.Get().(*straight)
	if s == nil {
		s = &straight{}
	}
	s.e = e
	ok := s.plan(it, r.limit, size, first) && s.locate() && s.room <= s.bytes+straightExtra && s.read(r)
	room := s.room
	s.close()
	if it.Close() != nil && ok { // as long as it was open, no file went
		ok = false
		r.undo()
	}
	if ok {
		e.straight.Add(1)
		r.shrink(max(size, room))
	}
	return ok
}

var straights sync.Pool // of *straight: thousands of small batches make a long list

// plan notes which values make up the range.
func (s *straight) plan(it *pebble.Iterator, limit int64, size, first int) bool {
	left := 0 // of the batch that has begun
	for ok := it.First(); ok; ok = it.Next() {
		lazy := it.LazyValue()
		k, length := it.Key(), lazy.Len()
		n, begins := sizeOf(k, length)
		at, separate := placeOf(&lazy)
		if begins != (left == 0) || len(k) > firstKeyLen {
			return false
		}
		if begins {
			if lastOf(k) >= limit || s.bytes == 0 && n > first || s.bytes > 0 && s.bytes+n > size {
				break
			}
			if s.bytes == 0 && max(n, size) < leastStraight {
				return false
			}
			if !separate {
				if s.bytes < size/2 {
					return false
				}
				break
			}
			s.bytes += n
			left = n
		}
		v := storedValue{keyLen: len(k), n: length, at: at}
		copy(v.key[:], k)
		if separate {
			v.id = int(blob.DecodeHandleSuffix(lazy.ValueOrHandle).ValueID)
		} else {
			b, err := it.ValueAndErr()
			if err != nil || length > pieceHeader*math.MaxUint8 {
				return false
			}
			v.inline = append([]byte(nil), b...)
		}
		if len(k) == pieceKeyLen && be.Uint16(k[keyLen:]) == displacedKey {
			s.gaps += length
		}
		s.values = append(s.values, v)
		if left -= length; left < 0 {
			return false
		}
	}
	return it.Error() == nil && left == 0 && s.bytes >= leastStraight
}

// locate finds the runs of blocks, and where each is to be read to: values are moved towards the beginning of the buffer only.
func (s *straight) locate() bool {
	var x *blockRun
	before := s.gaps
	for i := range s.values {
		v := &s.values[i]
		if v.inline != nil || v.n == 0 {
			before += v.n
			continue
		}
		if x != nil && x.file == v.at.file && v.at.block+1 == x.to {
			before += v.n
			continue
		}
		if x == nil || x.file != v.at.file || v.at.block != x.to {
			s.runs = append(s.runs, blockRun{file: v.at.file, from: v.at.block, at: before})
			x = &s.runs[len(s.runs)-1]
		}
		x.to = v.at.block + 1
		before += v.n
	}
	s.room = before
	for i := range s.runs {
		x := &s.runs[i]
		f, err := s.e.base.Open(s.e.base.PathJoin(s.e.dir, dbDir, valueFileName(x.file)))
		if err != nil {
			return false
		}
		x.f = f
		if x.index = s.e.values.of(x.file, f); x.index == nil || x.to >= uint64(len(x.index.offsets)) {
			return false
		}
		off := x.index.offsets[x.from]
		x.n = int(x.index.offsets[x.to] - off)
		x.at = alignUp(x.at) + int(off%directAlign) // as in the file: a direct read needs no copy then
		s.room = max(s.room, alignUp(x.at+x.n))
	}
	return true
}

func (s *straight) close() {
	for i := range s.runs {
		if f := s.runs[i].f; f != nil {
			_ = f.Close() // it was only read
		}
	}
	clear(s.values)
	clear(s.runs)
	*s = straight{values: s.values[:0], runs: s.runs[:0]}
	straights.Put(s)
}

// read puts the batches together.
func (s *straight) read(r *readRange) (ok bool) {
	slab := rawSlab(s.room)
	defer func() {
		if !ok {
			slab.Release()
		}
	}()
	buf := slab.buf[:s.room]
	var batches []rangeBatch
	var j joined
	x, w := -1, 0
	at := blockPlace{}
	for i := range s.values {
		v := &s.values[i]
		b := v.inline
		if b == nil {
			if v.at != at {
				if x < 0 || s.runs[x].file != v.at.file || v.at.block >= s.runs[x].to || v.at.block < s.runs[x].from {
					if x++; !s.e.readRun(&s.runs[x], slab, buf) {
						return false
					}
				}
				if at = v.at; !s.open(&s.runs[x], buf, i) {
					return false
				}
			}
			b = buf[v.lo:v.hi]
		}
		k := v.key[:v.keyLen]
		n, begins := sizeOf(k, v.n)
		if begins {
			j = joined{buf: buf[w : w+n]}
		}
		if len(k) == keyLen {
			copy(j.buf, b)
		} else if done, err := j.add(k, b); err != nil {
			return false
		} else if !done {
			continue
		}
		last := lastOf(k)
		if batch := record.Batch(j.buf); checkBatch(batch, last) != nil || s.e.opts.VerifyReads && batch.Sum() != batch.CRC() {
			return false
		}
		w += len(j.buf)
		batches = append(batches, rangeBatch{last, w})
	}
	slab.buf = slab.buf[:w]
	r.slab, r.batches, r.next = slab, batches, batches[len(batches)-1].last+1
	return true
}

// open checks a block that was read and notes where its values lie: what is moved may overwrite the block's own table.
func (s *straight) open(x *blockRun, buf []byte, i int) bool {
	v := &s.values[i]
	off := x.index.offsets
	base := x.at + int(off[v.at.block]-off[x.from])
	block, ok := soundBlock(buf[base : base+int(off[v.at.block+1]-off[v.at.block])])
	if !ok {
		return false
	}
	t, ok := valuesOf(block)
	for at := v.at; ok && i < len(s.values); i++ {
		v := &s.values[i]
		if v.inline != nil {
			continue
		}
		if v.at != at {
			break
		}
		lo, hi, in := t.span(v.id)
		v.lo, v.hi = base+lo, base+hi
		ok = in && hi-lo == v.n
	}
	return ok
}
