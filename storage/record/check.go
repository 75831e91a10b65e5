package record

import (
	"encoding/binary"
	"fmt"
	"math"
	"strings"
)

// Opts say what a producer's batch is checked for beyond the format.
type Opts struct {
	// NeedKeys refuses records without a key (compacted topics).
	NeedKeys bool
	// Topic and Partition are named to the client then.
	Topic     string
	Partition int32
	// OwnTime says that the topic takes the broker's time (LogAppendTime): the producer may not have marked its own as such.
	OwnTime bool
	// NoZstd refuses zstd (Produce before v7).
	NoZstd bool
	// Renumber says that the batch will be built anew, see Recode: the offset deltas of its records do not matter.
	Renumber bool
	// MaxBytes is max.message.bytes; 0 leaves the check to the partition.
	MaxBytes int
	// MaxInflated bounds the bytes of the decompressed records; 0 means MaxInflated.
	MaxInflated int64
}

// Info is what Check found in a batch.
type Info struct {
	Size    int   // bytes of the batch; what follows it in the given bytes is a cut batch, to be dropped
	Count   int32 // records, at least 1
	MinTime int64 // least timestamp of the records that have one, NoTime if none has
	MaxTime int64 // greatest timestamp, NoTime if no record has one; the header says the same now
	// MaxTimeIndex is the index of the first record that has MaxTime.
	MaxTimeIndex  int32
	Codec         Codec
	Inflated      int64 // bytes of the records, decompressed
	ProducerID    int64 // NoProducer if none
	ProducerEpoch int16
	FirstSeq      int32 // -1 without a producer
	LastSeq       int32
	Transactional bool
	Changed       bool // the header was corrected, with the CRC
}

// Check looks at what a producer sent for one partition, as Kafka's ProduceRequest.validateRecords, UnifiedLog and LogValidator do,
// in their order. It may change the header: a wrong max timestamp is corrected and the mark of append time is cleared.
// Timestamps are not judged: see Info and TimesOutside.
func Check(raw []byte, o Opts) (Info, *Error) {
	size, err := frame(raw, o)
	if err != nil {
		return Info{}, err
	}
	b := Batch(raw[:size:size])
	if err := checkHeader(b, o); err != nil {
		return Info{}, err
	}
	w := walk{needKeys: o.NeedKeys, maxTime: NoTime, minTime: math.MaxInt64}
	inflated := int64(len(b) - HeaderLen)
	if b.Codec() == None {
		err = w.plain(b.Payload(), int(b.Count()), b.BaseTimestamp())
	} else {
		inflated, err = w.compressed(b, o)
	}
	if err != nil {
		return Info{}, err
	}
	if err := marked(b, w.nullKeys, inflated, o); err != nil {
		return Info{}, err
	}
	if len(w.nullKeys) > 0 {
		return Info{}, keyless(w.nullKeys, o)
	}
	info := Info{Size: size, Count: b.Count(), MinTime: w.minTime, MaxTime: w.maxTime, MaxTimeIndex: int32(w.maxAt), Codec: b.Codec(), Inflated: inflated,
		ProducerID: b.ProducerID(), ProducerEpoch: b.ProducerEpoch(), FirstSeq: b.BaseSequence(), LastSeq: b.LastSequence(), Transactional: b.Transactional()}
	if w.minTime == math.MaxInt64 {
		info.MinTime = NoTime
	}
	if b.LogAppendTime() || b.MaxTimestamp() != w.maxTime {
		b.SetMaxTimestamp(w.maxTime)
		info.Changed = true
	}
	return info, nil
}

// next is the size of the batch at the start of b; 0 if there is none or it is cut.
func next(b []byte) (int, *Error) {
	if len(b) < Overhead {
		return 0, nil
	}
	n := int64(int32(binary.BigEndian.Uint32(b[atLength:])))
	if n < 14 { // LegacyRecord.RECORD_OVERHEAD_V0, the least of any format
		return 0, refuse(codeCorrupt, "Record size %d is less than the minimum record overhead (14)", n)
	}
	if len(b) < atMagic+1 {
		return 0, nil
	}
	if m := int8(b[atMagic]); m < 0 || m > 2 {
		return 0, refuse(codeCorrupt, "Invalid magic found in record: %d", m)
	}
	if n+Overhead > int64(len(b)) {
		return 0, nil
	}
	return int(n + Overhead), nil
}

// frame finds the one batch that a partition may be sent (ProduceRequest.validateRecords).
func frame(raw []byte, o Opts) (int, *Error) {
	size, err := next(raw)
	if err != nil {
		return 0, err
	}
	if size == 0 {
		return 0, misframed(codeInvalidRecord, "Produce requests must have at least one record batch per partition")
	}
	if raw[atMagic] != 2 {
		return 0, misframed(codeInvalidRecord, "Produce requests are only allowed to contain record batches with magic version 2")
	}
	if o.NoZstd && size > atAttributes+1 && Codec(raw[atAttributes+1]&attrCodec) == Zstd {
		return 0, misframed(codeUnsupported, "Produce requests before version 7 are not allowed to use ZStandard compression")
	}
	more, err := next(raw[size:])
	if err != nil {
		return 0, err
	}
	if more != 0 {
		return 0, misframed(codeInvalidRecord, "Produce requests are only allowed to contain exactly one record batch per partition")
	}
	return size, nil
}

// checkHeader makes the checks that need no record (UnifiedLog.analyzeAndValidateRecords, LogValidator.validateBatch).
func checkHeader(b Batch, o Opts) *Error {
	if b.BaseOffset() != 0 {
		return bad("The baseOffset of the record batch should be 0, but it is %d", b.BaseOffset())
	}
	if o.MaxBytes > 0 && len(b) > o.MaxBytes {
		return refuse(codeTooLarge, "The record batch size is %d bytes which exceeds the maximum configured value of %d", len(b), o.MaxBytes)
	}
	if len(b) < HeaderLen {
		return refuse(codeCorrupt, "Record is corrupt: it is shorter than its header")
	}
	if sum := b.Sum(); sum != b.CRC() {
		return refuse(codeCorrupt, "Record is corrupt (stored crc = %d, computed crc = %d)", b.CRC(), sum)
	}
	count, last := b.Count(), b.LastOffsetDelta()
	switch {
	case last < 0:
		return bad("Batch has an invalid offset range: [0, %d]", last)
	case count <= 0:
		return bad("Invalid reported count for record batch: %d", count)
	case int64(last)+1 != int64(count):
		return bad("Inconsistent batch offset range [0, %d] and count of records %d", last, count)
	case b.Control():
		return bad("Clients are not allowed to write control records")
	case b.ProducerID() > NoProducer && b.BaseSequence() < 0:
		return bad("Invalid sequence number %d in record batch with producerId %d", b.BaseSequence(), b.ProducerID())
	case b.Codec() > Zstd:
		e := bad("Unknown compression type id: %d", b.Codec())
		e.Code = codeUnsupported
		return e
	}
	return nil
}

// walk gathers what Check wants to know of the records.
type walk struct {
	needKeys         bool
	minTime, maxTime int64
	maxAt            int
	nullKeys         []int32 // the first maxNamed of them
}

// maxNamed is how many records of a batch an error names.
const maxNamed = 100

func (w *walk) plain(p []byte, count int, base int64) *Error {
	var m Meta
	for i := range count {
		n := scan(p, base, &m)
		if n == 0 {
			return bad("record %d is malformed", i)
		}
		p = p[n:]
		w.record(i, m)
	}
	if len(p) != 0 {
		return bad("Incorrect declared batch size, records still remaining in file")
	}
	return nil
}

func (w *walk) record(i int, m Meta) {
	if m.Timestamp != NoTime && m.Timestamp < w.minTime {
		w.minTime = m.Timestamp
	}
	if m.Timestamp > w.maxTime {
		w.maxTime, w.maxAt = m.Timestamp, i
	}
	if m.NullKey && w.needKeys && len(w.nullKeys) < maxNamed {
		w.nullKeys = append(w.nullKeys, int32(i))
	}
}

func (w *walk) compressed(b Batch, o Opts) (int64, *Error) {
	s, err := open(b.Codec(), b.Payload(), o.MaxInflated)
	if err != nil {
		return 0, err
	}
	defer s.close()
	err = w.inflated(s, b, o.Renumber)
	if err == nil {
		err = s.end()
	}
	if err != nil {
		err.Inflated = s.read
	}
	return s.total(), err
}

func (w *walk) inflated(s *stream, b Batch, renumber bool) *Error {
	var m Meta
	for i := range int(b.Count()) {
		if err := s.record(b.BaseTimestamp(), &m); err != nil {
			return err.at(i)
		}
		// A gap makes Kafka build the batch anew, where it fails unless it meant to; offsets of a stored batch are given by counting.
		if m.OffsetDelta != int32(i) && !renumber {
			return bad("record %d of a compressed batch has offset delta %d", i, m.OffsetDelta)
		}
		w.record(i, m)
	}
	return nil
}

func keyless(idx []int32, o Opts) *Error {
	e := bad("One or more records have been rejected due to %d record errors in total, and only showing the first three errors at most: ", len(idx))
	e.Custom = true
	t := keylessRecord(o)
	var some []string
	for n, i := range idx {
		e.Records = append(e.Records, RecordError{i, t})
		if n < 3 {
			some = append(some, fmt.Sprintf("RecordError(batchIndex=%d, message='%s')", i, t))
		}
	}
	e.Message += "[" + strings.Join(some, ", ") + "]"
	return e
}

func keylessRecord(o Opts) string {
	return fmt.Sprintf("Compacted topic cannot accept message without key in topic partition %s-%d", o.Topic, o.Partition)
}

// TimesOutside names the records whose own timestamp lies outside [lo, hi]; records without a timestamp pass. At most limit are named.
func TimesOutside(b Batch, lo, hi int64, limit int) []int32 {
	var out []int32
	err := Each(b, func(i int, m Meta) bool {
		if m.Timestamp != NoTime && (m.Timestamp < lo || m.Timestamp > hi) {
			out = append(out, int32(i))
		}
		return len(out) < limit
	})
	if err != nil {
		return nil
	}
	return out
}
