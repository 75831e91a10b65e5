package record

import "encoding/binary"

// Entry is one record as compaction sees it; Key is only good during the call.
type Entry struct {
	OffsetDelta int32
	Key         []byte // nil: null
	Tombstone   bool   // the value is null
}

// piece is one record in the inflated bytes of a batch.
type piece struct {
	Entry
	raw  []byte // with its length
	rest []byte // from the key's length on
	time int64  // relative to the batch's base timestamp
}

// pieces calls fn for every record of b until it returns false. The batch is inflated whole: at most MaxInflated bytes.
func pieces(b Batch, fn func(p *piece) bool) *Error {
	if !b.Whole() {
		return bad("the batch is cut")
	}
	body, err := Decompress(b.Codec(), b.Payload(), 0)
	if err != nil {
		return err
	}
	return piecesOf(body, int(b.Count()), fn)
}

// piecesOf is pieces of a batch that is inflated already. p is only good during the call.
func piecesOf(body []byte, count int, fn func(p *piece) bool) *Error {
	var m Meta
	var p piece
	for i := range count {
		n := scan(body, 0, &m)
		if n == 0 {
			return bad("record %d is malformed", i)
		}
		p = piece{Entry: Entry{OffsetDelta: m.OffsetDelta}, raw: body[:n], time: m.Timestamp}
		p.split()
		if !fn(&p) {
			return nil
		}
		body = body[n:]
	}
	if len(body) != 0 {
		return bad("%d bytes follow the last record", len(body))
	}
	return nil
}

// split finds key and value in a record that scan has checked.
func (p *piece) split() {
	b := p.raw
	_, n := varint(b) // length
	b = b[n+1:]       // attributes
	for range 2 {     // time, offset
		_, n = varint(b)
		b = b[n:]
	}
	p.rest = b
	k, n := varint(b)
	if b = b[n:]; k >= 0 {
		p.Key, b = b[:k:k], b[k:]
	}
	v, _ := varint(b)
	p.Tombstone = v < 0
}

// Entries calls fn for every record of b in order until it returns false.
func Entries(b Batch, fn func(Entry) bool) *Error {
	return pieces(b, func(p *piece) bool { return fn(p.Entry) })
}

// DeleteHorizon is the time in ms from which the batch's tombstones may go (KIP-534); ok is false if compaction has set none. It lies
// in the base timestamp.
func (b Batch) DeleteHorizon() (ms int64, ok bool) {
	return b.BaseTimestamp(), b.Attributes()&attrHorizon != 0
}

// Shrunk is what is left of a batch.
type Shrunk struct {
	Batch      Batch // nil: nothing has changed, or nothing is left
	Kept, Gone int   // records
}

// Shrink takes the records out of b that keep refuses, as Kafka's cleaner does (MemoryRecords.filterTo): offsets, the batch's first
// and last among them, codec, producer, epoch and kind stay; the greatest timestamp becomes that of the records that are left,
// unless the broker set it. If tombstones are left and horizon >= 0, it becomes the batch's delete horizon. When no record is left
// the caller decides between Emptied and nothing.
func Shrink(b Batch, horizon int64, keep func(Entry) bool) (s Shrunk, err *Error) {
	if !b.Whole() {
		return s, bad("the batch is cut")
	}
	all, err := Decompress(b.Codec(), b.Payload(), 0)
	if err != nil {
		return s, err
	}
	var gone bitmap // a small batch may hold millions of records, so nothing larger is noted of each
	tombstones, size := false, 0
	err = piecesOf(all, int(b.Count()), func(p *piece) bool {
		if !keep(p.Entry) {
			gone.set(s.Kept + s.Gone)
			s.Gone++
			return true
		}
		tombstones = tombstones || p.Tombstone
		s.Kept++
		size += len(p.raw)
		return true
	})
	moved := tombstones && horizon >= 0
	if err != nil || s.Kept == 0 || s.Gone == 0 && !moved {
		return s, err
	}
	base := b.BaseTimestamp()
	if moved {
		base = horizon
	}
	body := make([]byte, 0, size)
	most, at := NoTime, -1
	err = piecesOf(all, int(b.Count()), func(p *piece) bool {
		if at++; gone.has(at) {
			return true
		}
		most = max(most, b.BaseTimestamp()+p.time)
		if !moved {
			body = append(body, p.raw...)
			return true
		}
		var head [2 * binary.MaxVarintLen64]byte
		h := binary.AppendVarint(head[:0], b.BaseTimestamp()+p.time-base)
		h = binary.AppendVarint(h, int64(p.OffsetDelta))
		body = binary.AppendVarint(body, int64(1+len(h)+len(p.rest)))
		body = append(append(append(body, 0), h...), p.rest...)
		return true
	})
	if err != nil {
		return s, err
	}
	packed, cerr := Compress(b.Codec(), body)
	if cerr != nil {
		return s, bad("%v", cerr)
	}
	s.Batch = b.with(packed, s.Kept, base, most, moved)
	return s, nil
}

// with is b with other records, of which most is the greatest timestamp; horizon says that base, the base timestamp, is a delete horizon.
func (b Batch) with(packed []byte, records int, base, most int64, horizon bool) Batch {
	out := append(append(make(Batch, 0, HeaderLen+len(packed)), b[:HeaderLen]...), packed...)
	attrs := b.Attributes()
	if horizon {
		attrs |= attrHorizon
	}
	be.PutUint32(out[atLength:], uint32(len(out)-Overhead))
	be.PutUint16(out[atAttributes:], uint16(attrs))
	be.PutUint64(out[atBaseTime:], uint64(base))
	if !b.LogAppendTime() {
		be.PutUint64(out[atMaxTime:], uint64(most))
	}
	be.PutUint32(out[atCount:], uint32(records))
	out.SetCRC()
	return out
}

// bitmap is a set of small numbers.
type bitmap []uint64

func (m *bitmap) set(i int) {
	for i/64 >= len(*m) {
		*m = append(*m, 0)
	}
	(*m)[i/64] |= 1 << (i % 64)
}

func (m bitmap) has(i int) bool { return i/64 < len(m) && m[i/64]&(1<<(i%64)) != 0 }

// Emptied is b without any record: it goes on saying how far its producer came (DefaultRecordBatch.writeEmptyHeader).
func Emptied(b Batch) Batch {
	out := append(make(Batch, 0, HeaderLen), b[:HeaderLen]...)
	be.PutUint32(out[atLength:], HeaderLen-Overhead)
	be.PutUint16(out[atAttributes:], uint16(b.Attributes()&^attrCodec&^attrHorizon))
	none := NoTime
	be.PutUint64(out[atBaseTime:], uint64(none))
	be.PutUint32(out[atCount:], 0)
	out.SetCRC()
	return out
}
