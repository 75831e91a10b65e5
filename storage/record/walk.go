package record

import "math"

// Meta is what the broker needs to know of one record without looking at key and value.
type Meta struct {
	OffsetDelta int32
	Timestamp   int64 // ms
	NullKey     bool
}

// varint decodes a zigzag varint of at most 64 bits; n is 0 when b ends too early or the number is too long.
func varint(b []byte) (v int64, n int) {
	if len(b) > 0 && b[0] < 0x80 {
		return int64(b[0]>>1) ^ -int64(b[0]&1), 1
	}
	if len(b) > 1 && b[1] < 0x80 {
		u := uint64(b[0]&0x7f) | uint64(b[1])<<7
		return int64(u>>1) ^ -int64(u&1), 2
	}
	return varintLong(b)
}

func varintLong(b []byte) (int64, int) {
	var u uint64
	for i := 0; i < len(b) && i < 10; i++ {
		c := b[i]
		if i == 9 && c > 1 {
			return 0, 0
		}
		u |= uint64(c&0x7f) << (7 * i)
		if c < 0x80 {
			return int64(u>>1) ^ -int64(u&1), i + 1
		}
	}
	return 0, 0
}

// varint32 is varint for fields of 32 bits: Kafka reads at most five bytes and drops what does not fit.
func varint32(b []byte) (v int, n int) {
	w, n := varint(b)
	if n > 5 || w < math.MinInt32 || w > math.MaxInt32 {
		return 0, 0
	}
	return int(w), n
}

// zig is the varint at b[i:], still in zigzag, and where the next field begins; a negative place says that it is malformed.
// It is small enough to be inlined: the walk over the records is the broker's only loop per record.
func zig(b []byte, i int) (uint64, int) {
	if uint(i) < uint(len(b)) && b[i] < 0x80 {
		return uint64(b[i]), i + 1
	}
	return zigLong(b, i)
}

func zigLong(b []byte, i int) (uint64, int) {
	if uint(i) > uint(len(b)) {
		return 0, -1
	}
	v, n := varint(b[i:])
	if n == 0 {
		return 0, -1
	}
	return uint64(v)<<1 ^ uint64(v>>63), i + n
}

// zag undoes zigzag.
func zag(u uint64) int64 { return int64(u>>1) ^ -int64(u&1) }

// scan reads the record at the start of b and returns its length in bytes, with its length field; 0 if it is malformed.
func scan(b []byte, baseTime int64, m *Meta) int {
	u, i := zig(b, 0)
	if i < 0 || i > 5 || u&1 != 0 || u>>1 > uint64(len(b)-i) {
		return 0
	}
	b = b[:i+int(u>>1)]
	dt, at := zig(b, i+1) // after the attributes
	if at < 0 {
		return 0
	}
	off, i := zig(b, at)
	if i < 0 || i-at > 5 || off > 1<<32-1 {
		return 0
	}
	m.Timestamp, m.OffsetDelta = baseTime+zag(dt), int32(zag(off))
	i, m.NullKey = skip(b, i)
	if i, _ = skip(b, i); i == len(b)-1 && b[i] == 0 {
		return len(b)
	}
	if i < 0 || !headers(b[i:]) {
		return 0
	}
	return len(b)
}

// skip steps over a field with its length; null says that the length is negative. A negative place says that it is malformed.
func skip(b []byte, i int) (next int, null bool) {
	if i < 0 {
		return -1, false
	}
	u, at := zig(b, i)
	switch {
	case at < 0 || at-i > 5 || u > 1<<32-1:
		return -1, false
	case u&1 != 0:
		return at, true
	case u>>1 > uint64(len(b)-at):
		return -1, false
	}
	return at + int(u>>1), false
}

// headers says whether r is exactly a record's list of headers.
func headers(r []byte) bool {
	count, n := varint32(r)
	if n == 0 || count < 0 || count > len(r)-n {
		return false
	}
	r = r[n:]
	for range count {
		klen, n := varint32(r)
		if n == 0 || klen < 0 || klen > len(r)-n {
			return false
		}
		r = r[n+klen:]
		vlen, n := varint32(r)
		if n == 0 || vlen > len(r)-n {
			return false
		}
		r = r[n+max(vlen, 0):]
	}
	return len(r) == 0
}

// Each calls fn for every record of b in order until it returns false. The records are not kept: a compressed batch is
// inflated piece by piece. An error means that the batch does not hold what its header says.
func Each(b Batch, fn func(i int, m Meta) bool) *Error {
	if !b.Whole() {
		return bad("the batch is cut")
	}
	count, base := int(b.Count()), b.BaseTimestamp()
	if b.LogAppendTime() {
		own, at := fn, b.MaxTimestamp()
		fn = func(i int, m Meta) bool { m.Timestamp = at; return own(i, m) }
	}
	if b.Codec() != None {
		return eachCompressed(b, fn)
	}
	p := b.Payload()
	var m Meta
	for i := range count {
		n := scan(p, base, &m)
		if n == 0 {
			return bad("record %d is malformed", i)
		}
		p = p[n:]
		if !fn(i, m) {
			return nil
		}
	}
	if len(p) != 0 {
		return bad("%d bytes follow the last record", len(p))
	}
	return nil
}

func eachCompressed(b Batch, fn func(i int, m Meta) bool) *Error {
	s, err := open(b.Codec(), b.Payload(), 0)
	if err != nil {
		return err
	}
	defer s.close()
	var m Meta
	for i := range int(b.Count()) {
		if err := s.record(b.BaseTimestamp(), &m); err != nil {
			return err.at(i)
		}
		if !fn(i, m) {
			return nil
		}
	}
	return s.end()
}
