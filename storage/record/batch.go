package record

import (
	"encoding/binary"
	"hash/crc32"
)

// Where the fields of a batch are. Base offset, length and leader epoch lie outside the CRC.
const (
	atBaseOffset    = 0
	atLength        = 8
	atLeaderEpoch   = 12
	atMagic         = 16
	atCRC           = 17
	atAttributes    = 21
	atLastDelta     = 23
	atBaseTime      = 27
	atMaxTime       = 35
	atProducerID    = 43
	atProducerEpoch = 51
	atBaseSequence  = 53
	atCount         = 57

	// HeaderLen is the length of a batch's header in bytes; the records follow.
	HeaderLen = 61
	// Overhead is how much longer a batch is than its length field says: base offset and the field itself.
	Overhead = 12

	attrCodec         = 0x07
	attrLogAppendTime = 0x08
	attrTransactional = 0x10
	attrControl       = 0x20
	attrHorizon       = 0x40
	// attrKnown are the bits that have a meaning, the delete horizon among them. Kafka drops all others when it writes the
	// attributes anew (DefaultRecordBatch.computeAttributes), and keeps them when it has nothing to write.
	attrKnown = attrCodec | attrLogAppendTime | attrTransactional | attrControl | attrHorizon
)

// NoTime is the timestamp of a record that has none (RecordBatch.NO_TIMESTAMP).
const NoTime int64 = -1

// NoProducer is the producer id of a batch without one.
const NoProducer int64 = -1

var (
	castagnoli = crc32.MakeTable(crc32.Castagnoli)
	be         = binary.BigEndian
)

// Batch is a view over the bytes of one record batch. Getters need at least HeaderLen bytes (see Whole).
type Batch []byte

// Whole says whether b holds exactly one batch of format v2, by its header alone.
func (b Batch) Whole() bool {
	return len(b) >= HeaderLen && b[atMagic] == 2 && int64(b.Length())+Overhead == int64(len(b))
}

// BaseOffset is the offset of the first record.
func (b Batch) BaseOffset() int64 { return int64(be.Uint64(b[atBaseOffset:])) }

// Length is the number of bytes after the length field.
func (b Batch) Length() int32 { return int32(be.Uint32(b[atLength:])) }

// LeaderEpoch is the epoch of the leader that appended the batch.
func (b Batch) LeaderEpoch() int32 { return int32(be.Uint32(b[atLeaderEpoch:])) }

// Magic is the format version; 2 for every batch that is stored.
func (b Batch) Magic() int8 { return int8(b[atMagic]) }

// CRC is the checksum in the header, CRC-32C of all that follows it.
func (b Batch) CRC() uint32 { return be.Uint32(b[atCRC:]) }

// Attributes are the flags: codec, timestamp type, transactional, control, delete horizon.
func (b Batch) Attributes() int16 { return int16(be.Uint16(b[atAttributes:])) }

// Codec is how the records are compressed.
func (b Batch) Codec() Codec { return Codec(b.Attributes() & attrCodec) }

// LogAppendTime says whether MaxTimestamp, set by the broker, holds for every record.
func (b Batch) LogAppendTime() bool { return b.Attributes()&attrLogAppendTime != 0 }

// Transactional says whether the batch is part of a transaction.
func (b Batch) Transactional() bool { return b.Attributes()&attrTransactional != 0 }

// Control says whether the batch holds a transaction marker.
func (b Batch) Control() bool { return b.Attributes()&attrControl != 0 }

// LastOffsetDelta is the last offset relative to the base offset.
func (b Batch) LastOffsetDelta() int32 { return int32(be.Uint32(b[atLastDelta:])) }

// LastOffset is the offset of the last record.
func (b Batch) LastOffset() int64 { return b.BaseOffset() + int64(b.LastOffsetDelta()) }

// BaseTimestamp is what the records' timestamps are relative to, in ms.
func (b Batch) BaseTimestamp() int64 { return int64(be.Uint64(b[atBaseTime:])) }

// MaxTimestamp is the greatest timestamp of the records in ms, NoTime if none has one.
func (b Batch) MaxTimestamp() int64 { return int64(be.Uint64(b[atMaxTime:])) }

// ProducerID is the idempotent producer, NoProducer if there is none.
func (b Batch) ProducerID() int64 { return int64(be.Uint64(b[atProducerID:])) }

// ProducerEpoch is the epoch of the producer id.
func (b Batch) ProducerEpoch() int16 { return int16(be.Uint16(b[atProducerEpoch:])) }

// BaseSequence is the producer's sequence number of the first record.
func (b Batch) BaseSequence() int32 { return int32(be.Uint32(b[atBaseSequence:])) }

// LastSequence is the producer's sequence number of the last record; the numbers wrap from 2^31-1 to 0.
func (b Batch) LastSequence() int32 {
	if b.BaseSequence() < 0 {
		return -1
	}
	return int32((uint32(b.BaseSequence()) + uint32(b.LastOffsetDelta())) & 0x7fffffff)
}

// Count is the number of records.
func (b Batch) Count() int32 { return int32(be.Uint32(b[atCount:])) }

// Payload is the records, compressed by Codec.
func (b Batch) Payload() []byte { return b[HeaderLen:] }

// SetBaseOffset writes the offset of the first record; it is outside the CRC.
func (b Batch) SetBaseOffset(o int64) { be.PutUint64(b[atBaseOffset:], uint64(o)) }

// SetLeaderEpoch writes the leader's epoch; it is outside the CRC.
func (b Batch) SetLeaderEpoch(e int32) { be.PutUint32(b[atLeaderEpoch:], uint32(e)) }

// SetLogAppendTime stamps the whole batch with the broker's time in ms and makes the CRC again.
func (b Batch) SetLogAppendTime(ms int64) {
	be.PutUint16(b[atAttributes:], uint16(b.Attributes()&attrKnown|attrLogAppendTime))
	be.PutUint64(b[atMaxTime:], uint64(ms))
	b.SetCRC()
}

// SetMaxTimestamp writes the greatest of the records' own timestamps in ms and makes the CRC again.
func (b Batch) SetMaxTimestamp(ms int64) {
	be.PutUint16(b[atAttributes:], uint16(b.Attributes()&attrKnown&^attrLogAppendTime))
	be.PutUint64(b[atMaxTime:], uint64(ms))
	b.SetCRC()
}

// SetCRC makes the checksum fit the bytes.
func (b Batch) SetCRC() { be.PutUint32(b[atCRC:], b.Sum()) }

// Sum computes the checksum of the bytes from the attributes on.
func (b Batch) Sum() uint32 { return crc32.Checksum(b[atAttributes:], castagnoli) }

// Intact says whether b is one whole batch whose checksum fits.
func (b Batch) Intact() bool { return b.Whole() && b.Sum() == b.CRC() }
