package peer

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"net"

	"troupe/storage"
)

// frame is one that came in.
type frame struct {
	header
	bytes []byte        // the head
	slab  *storage.Slab // the parts
}

func (f *frame) release() {
	if f.slab != nil {
		f.slab.Release()
		f.slab = nil
	}
}

var errCRC = errors.New("frame with a wrong checksum")

// maxHead bounds the head of a frame on the lanes that have parts: all that is large travels as a part.
const maxHead = 1 << 20

// frameReader reads the frames of one connection. It belongs to who reads.
type frameReader struct {
	lane    Lane
	number  uint32
	max     uint32 // of a frame; 0: that of the lane
	fixed   [frameHeader]byte
	lengths []int
}

// batchFrames and batchBytes bound what is read ahead of the actor in one go.
const (
	batchFrames = 64
	batchBytes  = 256 << 10
)

// frames reads one frame, and those behind it that are here already.
func (r *frameReader) frames(src *bufio.Reader) (list []frame, err error) {
	for size := 0; ; {
		f, err := r.frame(src)
		if err != nil {
			return list, err
		}
		list = append(list, f)
		if size += f.size(); size >= batchBytes || len(list) == batchFrames || !r.whole(src) {
			return list, nil
		}
	}
}

// whole reports that the next frame needs nothing more from the connection.
func (r *frameReader) whole(src *bufio.Reader) bool {
	if src.Buffered() < frameHeader {
		return false
	}
	b, _ := src.Peek(4)
	return FrameSize(b) <= src.Buffered()
}

// FrameSize is the size of the frame that begins with b, of which the first four bytes must be there. For networks other than sockets.
func FrameSize(b []byte) int { return frameHeader + int(binary.BigEndian.Uint32(b)) }

func (r *frameReader) frame(src *bufio.Reader) (f frame, err error) {
	if _, err := io.ReadFull(src, r.fixed[:]); err != nil {
		return f, err
	}
	if f.header, err = parseHeader(r.fixed[:], r.lane, r.number); err != nil {
		return f, err
	}
	if r.lane != Control && f.head > maxHead || r.max > 0 && f.length > r.max {
		return f, fmt.Errorf("frame of %d bytes with a head of %d", f.length, f.head)
	}
	r.number++
	crc := crc32.Update(0, castagnoli, r.fixed[8:])
	table := make([]byte, 4*f.parts)
	if _, err := io.ReadFull(src, table); err != nil {
		return f, err
	}
	crc = crc32.Update(crc, castagnoli, table)
	if r.lengths, err = partLengths(table, f.header, r.lengths[:0]); err != nil {
		return f, err
	}
	f.bytes = make([]byte, f.head)
	if _, err := io.ReadFull(src, f.bytes); err != nil {
		return f, err
	}
	crc = crc32.Update(crc, castagnoli, f.bytes)
	if len(r.lengths) > 0 {
		if crc, err = r.parts(src, &f, crc); err != nil {
			f.release()
			return f, err
		}
	}
	if crc != f.crc {
		f.release()
		return f, errCRC
	}
	return f, nil
}

// parts reads the parts to where the storage engine wants them. Memory is touched only as bytes arrive.
func (r *frameReader) parts(src *bufio.Reader, f *frame, crc uint32) (uint32, error) {
	size := 0
	for _, n := range r.lengths {
		size += n + storage.SlabOverhead
	}
	f.slab = storage.NewSlab(size)
	for _, n := range r.lengths {
		i, ok := f.slab.Add(n)
		if !ok {
			return 0, fmt.Errorf("BUG: no room for a part of %d bytes", n)
		}
		b := f.slab.Batch(i)
		if _, err := io.ReadFull(src, b); err != nil {
			return 0, err
		}
		crc = crc32.Update(crc, castagnoli, b)
	}
	return crc, nil
}

// outFrame is one that is to go out.
type outFrame struct {
	typ   frameType
	kind  Kind
	id    uint64
	bytes []byte
	send  *Send // a message; its parts are released when written or lost
	ask   *openAsk
}

func (f *outFrame) size() int {
	n := frameHeader + len(f.bytes)
	if f.send != nil {
		for _, p := range f.send.Parts {
			n += 4 + len(p.Bytes)
		}
	}
	return n
}

// release gives the references of the parts back.
func (f *outFrame) release() {
	if f.send != nil {
		f.send.release()
	}
}

func (s *Send) release() {
	for _, p := range s.Parts {
		if p.Slab != nil {
			p.Slab.Release()
		}
	}
	s.Parts = nil
}

// batch is what one write carries.
type batch struct {
	frames []*outFrame
	size   int
	first  uint32 // number of the first frame
}

// copyBelow is the size below which bytes are copied behind their header, so that a small frame is one piece.
const copyBelow = 4 << 10

// fill encodes the batch. It runs where the write does, for the sake of its checksums. Headers and small bytes lie one behind the other in one
// buffer, whose size is known before; what is large goes between pieces of it as it is.
func (b *batch) fill(lane Lane) net.Buffers {
	room := 0
	for _, f := range b.frames {
		room += f.headSize()
	}
	small := make([]byte, 0, room)
	var out net.Buffers
	var parts [][]byte
	at := 0 // what lies before is in out
	for i, f := range b.frames {
		parts = parts[:0]
		if f.send != nil {
			for _, p := range f.send.Parts {
				parts = append(parts, p.Bytes)
			}
		}
		small = appendHead(small, header{typ: f.typ, lane: lane, kind: f.kind, id: f.id, number: b.first + uint32(i)}, f.bytes, parts)
		for k := -1; k < len(parts); k++ {
			p := f.bytes
			if k >= 0 {
				p = parts[k]
			}
			if len(p) < copyBelow {
				small = append(small, p...)
				continue
			}
			out, at = append(out, small[at:], p), len(small)
		}
	}
	if at < len(small) {
		out = append(out, small[at:])
	}
	return out
}

// headSize is how much of a frame is copied when it is sent: its header, the lengths of its parts, and what is small.
func (f *outFrame) headSize() int {
	n := frameHeader
	if len(f.bytes) < copyBelow {
		n += len(f.bytes)
	}
	if f.send != nil {
		for _, p := range f.send.Parts {
			if n += 4; len(p.Bytes) < copyBelow {
				n += len(p.Bytes)
			}
		}
	}
	return n
}
