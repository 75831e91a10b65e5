package storage

import (
	"encoding/binary"
	"errors"
)

// Kinds of keys, the byte after the partId.
const (
	kindStart    = 0x01
	kindBatch    = 0x10
	kindIndex    = 0x20
	kindEpoch    = 0x30
	kindProducer = 0x40
	kindRoll     = 0x60
	kindClean    = 0x70
	kindEnd      = 0xff // above all of them
)

var be = binary.BigEndian

// key is a key of any kind in place, without an allocation.
type key struct {
	b [21]byte
	n int
}

func (k *key) bytes() []byte { return k.b[:k.n] }

// prefix is what all keys of a kind begin with; as an upper bound, kind+1 ends the kind.
func prefix(partID uint32, kind byte) (k key) {
	be.PutUint32(k.b[:], partID)
	k.b[4] = kind
	k.n = 5
	return k
}

// key8 is a key with one number.
func key8(partID uint32, kind byte, v int64) key {
	k := prefix(partID, kind)
	be.PutUint64(k.b[5:], uint64(v))
	k.n = 13
	return k
}

func epochKey(partID uint32, epoch int32) key {
	k := prefix(partID, kindEpoch)
	be.PutUint32(k.b[5:], uint32(epoch))
	k.n = 9
	return k
}

// indexKey orders by time, then offset. The time is written plus 1, so that NoTime, which is -1, orders first.
func indexKey(partID uint32, maxTime, last int64) key {
	k := key8(partID, kindIndex, max(maxTime, -1)+1)
	be.PutUint64(k.b[13:], uint64(last))
	k.n = 21
	return k
}

func keyPart(k []byte) uint32 { return be.Uint32(k) }

// tail8 is the last number of a key.
func tail8(k []byte) int64 { return int64(be.Uint64(k[len(k)-8:])) }

var errValue = errors.New("a value has the wrong length")

// startMark is the value of 0x01.
type startMark struct {
	start   int64
	bytes   int64 // cumulative bytes before start
	maxTime int64 // greatest timestamp of what was deleted, -1 if none
}

func (m startMark) append(b []byte) []byte {
	b = be.AppendUint64(b, uint64(m.start))
	b = be.AppendUint64(b, uint64(m.bytes))
	return be.AppendUint64(b, uint64(m.maxTime))
}

func parseStart(v []byte) (m startMark, err error) {
	if len(v) != 24 {
		return m, errValue
	}
	return startMark{int64(be.Uint64(v)), int64(be.Uint64(v[8:])), int64(be.Uint64(v[16:]))}, nil
}

// rollMark is the value of 0x60, with the offset of its key.
type rollMark struct {
	Roll
	maxTime int64 // greatest timestamp before the mark, -1 if none
}

func (m rollMark) append(b []byte) []byte {
	b = be.AppendUint64(b, uint64(m.TimeMs))
	b = be.AppendUint64(b, uint64(m.Bytes))
	return be.AppendUint64(b, uint64(m.maxTime))
}

func parseRoll(k, v []byte) (m rollMark, err error) {
	if len(v) != 24 || len(k) != 13 {
		return m, errValue
	}
	m.Offset, m.TimeMs, m.Bytes = tail8(k), int64(be.Uint64(v)), int64(be.Uint64(v[8:]))
	m.maxTime = int64(be.Uint64(v[16:]))
	return m, nil
}

// producerBatch is the size of one batch in a producer's value; before them come epoch (2), last time (8).
const producerBatch = 4 + 4 + 8 + 8 + 8

func (p *Producer) append(b []byte) []byte {
	b = be.AppendUint16(b, uint16(p.Epoch))
	b = be.AppendUint64(b, uint64(p.LastTime))
	for _, x := range p.Batches {
		b = be.AppendUint32(b, uint32(x.FirstSeq))
		b = be.AppendUint32(b, uint32(x.LastSeq))
		b = be.AppendUint64(b, uint64(x.Base))
		b = be.AppendUint64(b, uint64(x.Last))
		b = be.AppendUint64(b, uint64(x.MaxTime))
	}
	return b
}

func parseProducer(k, v []byte) (p Producer, err error) {
	if len(k) != 13 || len(v) < 10 || (len(v)-10)%producerBatch != 0 {
		return p, errValue
	}
	p.ID, p.Epoch, p.LastTime = tail8(k), int16(be.Uint16(v)), int64(be.Uint64(v[2:]))
	for v = v[10:]; len(v) > 0; v = v[producerBatch:] {
		p.Batches = append(p.Batches, ProducerBatch{FirstSeq: int32(be.Uint32(v)), LastSeq: int32(be.Uint32(v[4:])),
			Base: int64(be.Uint64(v[8:])), Last: int64(be.Uint64(v[16:])), MaxTime: int64(be.Uint64(v[24:]))})
	}
	return p, nil
}
