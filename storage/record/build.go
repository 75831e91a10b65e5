package record

import (
	"encoding/binary"
	"fmt"
)

// Header is one header of a record. A nil Value is null.
type Header struct {
	Key   string
	Value []byte
}

// Record is one record as people know it. Nil Key and Value are null; Timestamp is in ms.
type Record struct {
	Offset     int64 // set by reading, ignored by Build
	Timestamp  int64
	Attributes int8
	Key, Value []byte
	Headers    []Header
}

// BuildOpts are the header fields of a batch to be built.
type BuildOpts struct {
	BaseOffset    int64
	LeaderEpoch   int32
	Codec         Codec
	ProducerID    int64 // set it to NoProducer for a plain batch
	ProducerEpoch int16
	BaseSequence  int32
	Transactional bool
	Control       bool
}

// Plain are the options of a batch without producer and compression.
func Plain() BuildOpts { return BuildOpts{ProducerID: NoProducer, ProducerEpoch: -1, BaseSequence: -1} }

// Build makes a batch, for clients, tools and tests.
func Build(o BuildOpts, recs []Record) (Batch, error) {
	if len(recs) == 0 {
		return nil, fmt.Errorf("a batch needs at least one record")
	}
	base, maxTime := recs[0].Timestamp, NoTime
	var body []byte
	for i := range recs {
		body = appendRecord(body, &recs[i], recs[i].Timestamp-base, i)
		maxTime = max(maxTime, recs[i].Timestamp)
	}
	body, err := Compress(o.Codec, body)
	if err != nil {
		return nil, err
	}
	b := make(Batch, HeaderLen, HeaderLen+len(body))
	b = append(b, body...)
	attrs := uint16(o.Codec)
	if o.Transactional {
		attrs |= attrTransactional
	}
	if o.Control {
		attrs |= attrControl
	}
	be.PutUint64(b[atBaseOffset:], uint64(o.BaseOffset))
	be.PutUint32(b[atLength:], uint32(len(b)-Overhead))
	be.PutUint32(b[atLeaderEpoch:], uint32(o.LeaderEpoch))
	b[atMagic] = 2
	be.PutUint16(b[atAttributes:], attrs)
	be.PutUint32(b[atLastDelta:], uint32(len(recs)-1))
	be.PutUint64(b[atBaseTime:], uint64(base))
	be.PutUint64(b[atMaxTime:], uint64(maxTime))
	be.PutUint64(b[atProducerID:], uint64(o.ProducerID))
	be.PutUint16(b[atProducerEpoch:], uint16(o.ProducerEpoch))
	be.PutUint32(b[atBaseSequence:], uint32(o.BaseSequence))
	be.PutUint32(b[atCount:], uint32(len(recs)))
	b.SetCRC()
	return b, nil
}

func appendRecord(dst []byte, r *Record, dt int64, delta int) []byte {
	body := append(make([]byte, 0, 32+len(r.Key)+len(r.Value)), byte(r.Attributes))
	body = binary.AppendVarint(body, dt)
	body = binary.AppendVarint(body, int64(delta))
	body = appendBytes(body, r.Key)
	body = appendBytes(body, r.Value)
	body = binary.AppendVarint(body, int64(len(r.Headers)))
	for _, h := range r.Headers {
		body = binary.AppendVarint(body, int64(len(h.Key)))
		body = append(body, h.Key...)
		body = appendBytes(body, h.Value)
	}
	dst = binary.AppendVarint(dst, int64(len(body)))
	return append(dst, body...)
}

func appendBytes(dst, b []byte) []byte {
	if b == nil {
		return binary.AppendVarint(dst, -1)
	}
	return append(binary.AppendVarint(dst, int64(len(b))), b...)
}

// Records reads a whole batch, for clients, tools and tests. Keys and values are slices of the batch, or of its decompressed
// records, of which there may be MaxInflated bytes.
func Records(b Batch) ([]Record, *Error) {
	if !b.Whole() {
		return nil, bad("the batch is cut")
	}
	p, err := Decompress(b.Codec(), b.Payload(), 0)
	if err != nil {
		return nil, err
	}
	var out []Record
	var m Meta
	for i := range int(b.Count()) {
		n := scan(p, b.BaseTimestamp(), &m)
		if n == 0 {
			return nil, bad("record %d is malformed", i)
		}
		r := Record{Offset: b.BaseOffset() + int64(m.OffsetDelta), Timestamp: m.Timestamp}
		if b.LogAppendTime() {
			r.Timestamp = b.MaxTimestamp()
		}
		r.fields(p[:n])
		out = append(out, r)
		p = p[n:]
	}
	if len(p) != 0 {
		return nil, bad("%d bytes follow the last record", len(p))
	}
	return out, nil
}

// fields takes key, value and headers from a record that scan has checked.
func (r *Record) fields(p []byte) {
	skip := func() {
		_, n := varint(p)
		p = p[n:]
	}
	take := func() []byte {
		k, n := varint(p)
		if p = p[n:]; k < 0 {
			return nil
		}
		b := p[:k:k]
		p = p[k:]
		return b
	}
	skip()
	r.Attributes = int8(p[0])
	p = p[1:]
	skip()
	skip()
	r.Key, r.Value = take(), take()
	count, n := varint(p)
	p = p[n:]
	for range count {
		k := take()
		r.Headers = append(r.Headers, Header{string(k), take()})
	}
}
