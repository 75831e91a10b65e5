package record

import (
	"encoding/binary"
	"errors"
	"io"
	"math"
	"runtime"
)

// Target is how a topic stores its records: a compression.type other than "producer", and the level of that codec (KIP-390).
type Target struct {
	Codec Codec
	Level int
}

// recoders bounds how many batches are built anew at a time: it is work for the processor, and each takes the memory of an encoder
// (a few MB for zstd).
var recoders = make(chan struct{}, runtime.GOMAXPROCS(0))

// Recode builds a batch that Check has accepted anew, as Kafka does when the topic's codec is not the producer's
// (LogValidator.buildRecordsAndAssignOffsets): the same records in their order, counted from 0, relative to the first one's
// timestamp, without attributes of their own. Producer, transaction and max timestamp stay; the other bits of the batch's
// attributes go. Records are taken through one small buffer, however large they are.
//
// A batch of more than most bytes is not built, but refused with MESSAGE_TOO_LARGE: this is max.message.bytes, which counts
// after compression too.
func Recode(b Batch, t Target, most int) (Batch, *Error) {
	recoders <- struct{}{}
	defer func() { <-recoders }()
	s, err := open(b.Codec(), b.Payload(), math.MaxInt64)
	if err != nil {
		return nil, err
	}
	defer s.close()
	out := limited{most: most, b: make([]byte, HeaderLen, min(most, HeaderLen+len(b)))}
	w, done, werr := deflate(t, &out)
	if werr != nil {
		return nil, bad("%v", werr)
	}
	defer done()
	r := recoder{s: s, w: w}
	for i := range int(b.Count()) {
		if err := r.record(int64(i), b.BaseTimestamp()); err != nil {
			return nil, out.fault(err)
		}
	}
	if err := w.Close(); err != nil {
		return nil, out.fault(bad("%v", err))
	}
	return headed(out.b, b, t.Codec, r.first), nil
}

// headed completes a batch whose records are in place, with what b's header says.
func headed(out, b Batch, c Codec, first int64) Batch {
	copy(out, b[:HeaderLen])
	be.PutUint32(out[atLength:], uint32(len(out)-Overhead))
	be.PutUint16(out[atAttributes:], uint16(b.Attributes()&attrTransactional)|uint16(c))
	be.PutUint64(out[atBaseTime:], uint64(first))
	out.SetCRC()
	return out
}

// recoder takes records from one stream to another.
type recoder struct {
	s     *stream
	w     io.Writer
	first int64 // timestamp of the first record
	head  [1 + 3*binary.MaxVarintLen64]byte
}

// record writes the next record, as number i. Only what precedes the key is made anew.
func (r *recoder) record(i, base int64) *Error {
	s := r.s
	s.fill(10)
	size, n := varint32(s.buf[s.at:s.n])
	if n == 0 || size < 0 {
		return s.fault()
	}
	s.at += n
	s.body = int64(size)
	if err := s.skip(1); err != nil { // attributes: none is in use
		return err
	}
	delta, err := s.number(false)
	if err != nil {
		return err
	}
	if _, err := s.number(true); err != nil { // the offset's
		return err
	}
	if i == 0 {
		r.first = base + delta
	}
	in := append(r.head[binary.MaxVarintLen64:binary.MaxVarintLen64], 0)
	in = binary.AppendVarint(in, base+delta-r.first)
	in = binary.AppendVarint(in, i)
	length := binary.AppendVarint(r.head[:0], int64(len(in))+s.body)
	if err := r.write(length); err != nil {
		return err
	}
	if err := r.write(in); err != nil {
		return err
	}
	return r.rest()
}

// rest copies what is left of the record.
func (r *recoder) rest() *Error {
	s := r.s
	for s.body > 0 {
		if !s.fill(1) {
			return s.fault()
		}
		k := int(min(s.body, int64(s.n-s.at)))
		if err := r.write(s.buf[s.at : s.at+k]); err != nil {
			return err
		}
		s.at += k
		s.body -= int64(k)
	}
	return nil
}

func (r *recoder) write(b []byte) *Error {
	if _, err := r.w.Write(b); err != nil {
		return bad("%v", err)
	}
	return nil
}

// limited gathers at most some bytes.
type limited struct {
	b    []byte
	most int
	over bool
}

var errLimit = errors.New("too large")

// Write implements io.Writer.
func (l *limited) Write(p []byte) (int, error) {
	if len(l.b)+len(p) > l.most {
		l.over = true
		return 0, errLimit
	}
	l.b = append(l.b, p...)
	return len(p), nil
}

// fault is err, or that the output is too large if that is why.
func (l *limited) fault(err *Error) *Error {
	if !l.over {
		return err
	}
	return refuse(codeTooLarge, "The record batch is larger than %d bytes when compressed as the topic wants it", l.most)
}

// Bound is the most bytes that a batch can take once it is built anew with a codec: inflated is what its records take now, count is how
// many there are. A record's own head can grow by a few bytes, and no codec makes more than 1/64 and a frame of it.
func Bound(inflated int64, count int32) int64 {
	n := inflated + 16*int64(count)
	return HeaderLen + n + n/64 + 1024
}
