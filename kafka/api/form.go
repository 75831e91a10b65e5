package api

import "encoding/binary"

// form is how the fields of a version are written: flexible (KIP-482) or not.
type form struct{ flexible bool }

func (f form) length(b []byte, n int) []byte {
	if f.flexible {
		return binary.AppendUvarint(b, uint64(n)+1)
	}
	return appendInt32(b, int32(n))
}

func (f form) ids(b []byte, ids []int32) []byte {
	b = f.length(b, len(ids))
	for _, id := range ids {
		b = appendInt32(b, id)
	}
	return b
}

func (f form) string(b []byte, s string) []byte {
	if f.flexible {
		b = binary.AppendUvarint(b, uint64(len(s))+1)
	} else {
		b = binary.BigEndian.AppendUint16(b, uint16(len(s)))
	}
	return append(b, s...)
}

func (f form) nullable(b []byte, s *string) []byte {
	switch {
	case s != nil:
		return f.string(b, *s)
	case f.flexible:
		return append(b, 0)
	}
	return append(b, 0xff, 0xff)
}

func (f form) tags(b []byte) []byte {
	if f.flexible {
		return append(b, 0)
	}
	return b
}

func appendInt16(b []byte, v int16) []byte { return binary.BigEndian.AppendUint16(b, uint16(v)) }

func appendInt32(b []byte, v int32) []byte { return binary.BigEndian.AppendUint32(b, uint32(v)) }

func appendInt64(b []byte, v int64) []byte { return binary.BigEndian.AppendUint64(b, uint64(v)) }

func appendBool(b []byte, v bool) []byte {
	if v {
		return append(b, 1)
	}
	return append(b, 0)
}
