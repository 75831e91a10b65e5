package differential

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/golang/snappy"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
)

// The codecs of record batches, as their attributes name them.
const (
	plain = iota
	gzipped
	snappied
	lz4ed
	zstded
)

// A batch is a record batch that can be wrong in every field: what is nil is what it should be.
type batch struct {
	base, pid        int64
	leaderEpoch      int32
	magic            int8
	attrs            int16 // the codec is packed according to it
	firstStamp       int64
	maxStamp         *int64
	epoch            int16
	seq              int32
	lastDelta, count *int32
	length           *int32
	crc              *uint32
	records          []rec
	packed           []byte // instead of the records
	after            []byte // behind the last record, inside the batch
}

// A rec is one record; deltas that are nil count up from 0.
type rec struct {
	attrs      int8
	stampDelta int64
	delta      *int64
	key, value []byte
	headers    []field
}

type field struct {
	key   string
	value []byte
}

func ptr[T any](v T) *T { return &v }

// batchOf makes a plain batch of the values, at the run's time.
func (s *Side) batchOf(values ...string) batch {
	b := batch{pid: -1, epoch: -1, seq: -1, leaderEpoch: -1, magic: 2, firstStamp: s.Stamp(0)}
	for i, v := range values {
		b.records = append(b.records, rec{stampDelta: int64(i), key: []byte(fmt.Sprint("k", i)), value: []byte(v)})
	}
	return b
}

func (r rec) bytes(i int) []byte {
	delta := int64(i)
	if r.delta != nil {
		delta = *r.delta
	}
	b := []byte{byte(r.attrs)}
	b = binary.AppendVarint(b, r.stampDelta)
	b = binary.AppendVarint(b, delta)
	b = appendBytes(b, r.key)
	b = appendBytes(b, r.value)
	b = binary.AppendVarint(b, int64(len(r.headers)))
	for _, h := range r.headers {
		b = appendBytes(b, []byte(h.key))
		b = appendBytes(b, h.value)
	}
	return append(binary.AppendVarint(nil, int64(len(b))), b...)
}

// appendBytes writes a length and the bytes; nil is length -1.
func appendBytes(b, value []byte) []byte {
	if value == nil {
		return binary.AppendVarint(b, -1)
	}
	return append(binary.AppendVarint(b, int64(len(value))), value...)
}

// bytes encodes the batch.
func (b batch) bytes() []byte {
	body := b.packed
	if body == nil {
		var raw []byte
		for i, r := range b.records {
			raw = append(raw, r.bytes(i)...)
		}
		body = pack(int(b.attrs&7), append(raw, b.after...))
	}
	be := binary.BigEndian
	in := be.AppendUint16(nil, uint16(b.attrs)) // what the CRC covers
	in = be.AppendUint32(in, uint32(or(b.lastDelta, int32(len(b.records)-1))))
	in = be.AppendUint64(in, uint64(b.firstStamp))
	last := b.firstStamp
	for _, r := range b.records {
		last = max(last, b.firstStamp+r.stampDelta)
	}
	in = be.AppendUint64(in, uint64(or(b.maxStamp, last)))
	in = be.AppendUint64(in, uint64(b.pid))
	in = be.AppendUint16(in, uint16(b.epoch))
	in = be.AppendUint32(in, uint32(b.seq))
	in = be.AppendUint32(in, uint32(or(b.count, int32(len(b.records)))))
	in = append(in, body...)
	out := be.AppendUint64(nil, uint64(b.base))
	out = be.AppendUint32(out, uint32(or(b.length, int32(4+1+4+len(in)))))
	out = be.AppendUint32(out, uint32(b.leaderEpoch))
	out = append(out, byte(b.magic))
	out = be.AppendUint32(out, or(b.crc, crc32.Checksum(in, castagnoli)))
	return append(out, in...)
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func or[T any](p *T, otherwise T) T {
	if p != nil {
		return *p
	}
	return otherwise
}

// pack compresses; a codec that does not exist leaves the bytes as they are.
func pack(codec int, raw []byte) []byte {
	var out bytes.Buffer
	var w io.WriteCloser
	switch codec {
	case gzipped:
		w = gzip.NewWriter(&out)
	case snappied:
		return snappy.Encode(nil, raw)
	case lz4ed:
		z := lz4.NewWriter(&out)
		_ = z.Apply(lz4.BlockSizeOption(lz4.Block64Kb))
		w = z
	case zstded:
		w, _ = zstd.NewWriter(&out)
	default:
		return raw
	}
	_, _ = w.Write(raw)
	_ = w.Close()
	return out.Bytes()
}

func unpack(codec int, b []byte) ([]byte, error) {
	in := bytes.NewReader(b)
	switch codec {
	case plain:
		return b, nil
	case gzipped:
		r, err := gzip.NewReader(in)
		if err != nil {
			return nil, err
		}
		return io.ReadAll(r)
	case snappied:
		return unsnap(b)
	case lz4ed:
		return io.ReadAll(lz4.NewReader(in))
	case zstded:
		r, err := zstd.NewReader(in)
		if err != nil {
			return nil, err
		}
		defer r.Close()
		return io.ReadAll(r)
	}
	return nil, fmt.Errorf("codec %d", codec)
}

// unsnap reads raw snappy, or Java's framing: a header of 16 bytes, then blocks behind their lengths.
func unsnap(b []byte) ([]byte, error) {
	if !bytes.HasPrefix(b, []byte("\x82SNAPPY\x00")) || len(b) < 16 {
		return snappy.Decode(nil, b)
	}
	var out []byte
	for b = b[16:]; len(b) > 0; {
		if len(b) < 4 || int(binary.BigEndian.Uint32(b)) > len(b)-4 {
			return nil, io.ErrUnexpectedEOF
		}
		n := 4 + int(binary.BigEndian.Uint32(b))
		block, err := snappy.Decode(nil, b[4:n])
		if err != nil {
			return nil, err
		}
		out, b = append(out, block...), b[n:]
	}
	return out, nil
}

// showBatches writes what a fetch brought: the head of each batch, and its records.
func (s *Side) showBatches(at string, b []byte) {
	if b == nil {
		s.note(at, "null")
		return
	}
	n := 0
	for ; len(b) >= 12; n++ {
		size := 12 + int(int32(binary.BigEndian.Uint32(b[8:])))
		if size < 61 || size > len(b) {
			break
		}
		s.showBatch(fmt.Sprintf("%s[%d]", at, n), b[:size])
		b = b[size:]
	}
	s.note(at, fmt.Sprintf("%d batches and %d more bytes", n, len(b)))
}

func (s *Side) showBatch(at string, b []byte) {
	be := binary.BigEndian
	attrs := int16(be.Uint16(b[21:]))
	sum := "crc valid"
	if crc32.Checksum(b[21:], castagnoli) != be.Uint32(b[17:]) {
		sum = "crc INVALID"
	}
	raw, err := unpack(int(attrs&7), b[61:])
	size := len(b)
	if s.packed {
		size = 61 + len(raw)
	}
	s.note(at, fmt.Sprintf("base %d, %d bytes, leader epoch %d, magic %d, %s, attributes %#x, last delta %d, first %s, max %s, %s, epoch %d, sequence %d, %d records",
		be.Uint64(b), size, int32(be.Uint32(b[12:])), int8(b[16]), sum, uint16(attrs), int32(be.Uint32(b[23:])),
		s.stamp(int64(be.Uint64(b[27:]))), s.stamp(int64(be.Uint64(b[35:]))), s.producer(int64(be.Uint64(b[43:]))),
		int16(be.Uint16(b[51:])), int32(be.Uint32(b[53:])), int32(be.Uint32(b[57:]))))
	if err != nil {
		s.note(at+" records", "do not unpack")
		return
	}
	if len(raw) > 512 {
		s.note(at+" records", fmt.Sprintf("%d bytes with checksum %08x", len(raw), crc32.Checksum(raw, castagnoli)))
		return
	}
	s.note(at+" records", fmt.Sprintf("%q", raw))
}
