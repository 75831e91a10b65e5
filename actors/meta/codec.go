package meta

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// errCut says that bytes end before the value they hold, or hold one out of range.
var errCut = errors.New("meta: malformed bytes")

// enc appends values: integers as varints, byte strings with their length before them.
type enc struct{ b []byte }

func (e *enc) u(v uint64)     { e.b = binary.AppendUvarint(e.b, v) }
func (e *enc) i(v int64)      { e.b = binary.AppendVarint(e.b, v) }
func (e *enc) byte(v byte)    { e.b = append(e.b, v) }
func (e *enc) id(v [16]byte)  { e.b = append(e.b, v[:]...) }
func (e *enc) str(v string)   { e.u(uint64(len(v))); e.b = append(e.b, v...) }
func (e *enc) bytes(v []byte) { e.u(uint64(len(v))); e.b = append(e.b, v...) }
func (e *enc) flag(v bool) {
	if v {
		e.byte(1)
	} else {
		e.byte(0)
	}
}

func (e *enc) ints(v []int32) {
	e.u(uint64(len(v)))
	for _, x := range v {
		e.i(int64(x))
	}
}

// dec reads what enc wrote. The first error sticks and every later read gives a zero value, so that callers check once, at the end.
// Bytes come from disk or network: a count is believed only as far as the bytes that are left can hold so many elements.
type dec struct {
	b   []byte
	err error
}

func (d *dec) fail() {
	if d.err == nil {
		d.err = errCut
	}
	d.b = nil
}

func (d *dec) u() uint64 {
	v, n := binary.Uvarint(d.b)
	if n <= 0 {
		d.fail()
		return 0
	}
	d.b = d.b[n:]
	return v
}

func (d *dec) i() int64 {
	v, n := binary.Varint(d.b)
	if n <= 0 {
		d.fail()
		return 0
	}
	d.b = d.b[n:]
	return v
}

func (d *dec) i32() int32 {
	v := d.i()
	if v < math.MinInt32 || v > math.MaxInt32 {
		d.fail()
		return 0
	}
	return int32(v)
}

func (d *dec) u32() uint32 {
	v := d.u()
	if v > math.MaxUint32 {
		d.fail()
		return 0
	}
	return uint32(v)
}

func (d *dec) i16() int16 {
	v := d.i()
	if v < math.MinInt16 || v > math.MaxInt16 {
		d.fail()
		return 0
	}
	return int16(v)
}

func (d *dec) byte() byte {
	if len(d.b) == 0 {
		d.fail()
		return 0
	}
	v := d.b[0]
	d.b = d.b[1:]
	return v
}

// flag takes 0 and 1 only, so that a value has one encoding.
func (d *dec) flag() bool {
	v := d.byte()
	if v > 1 {
		d.fail()
	}
	return v == 1
}

func (d *dec) id() (v [16]byte) {
	if len(d.b) < len(v) {
		d.fail()
		return v
	}
	d.b = d.b[copy(v[:], d.b):]
	return v
}

func (d *dec) raw() []byte {
	n := d.u()
	if n > uint64(len(d.b)) {
		d.fail()
		return nil
	}
	v := d.b[:n]
	d.b = d.b[n:]
	return v
}

func (d *dec) str() string { return string(d.raw()) }

// count reads how many elements follow, each of at least min bytes.
func (d *dec) count(min int) int {
	n := d.u()
	if n > uint64(len(d.b)/min) {
		d.fail()
		return 0
	}
	return int(n)
}

func (d *dec) ints() []int32 {
	return list(d, 1, d.i32)
}

// list reads a counted list of elements of at least min bytes; nil if it is empty.
func list[T any](d *dec, min int, one func() T) []T {
	n := d.count(min)
	if n == 0 {
		return nil
	}
	out := make([]T, 0, n)
	for range n {
		out = append(out, one())
		if d.err != nil {
			return nil
		}
	}
	return out
}

// end is the error so far, or that bytes are left over.
func (d *dec) end() error {
	if d.err == nil && len(d.b) > 0 {
		return fmt.Errorf("meta: %d stray bytes", len(d.b))
	}
	return d.err
}
