package peer

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
)

// A frame on a connection, all numbers big-endian:
//
//	0  u32  length of what follows the header: part lengths, head, parts
//	4  u32  CRC32C of all that follows this field
//	8  u8   type
//	9  u8   lane
//	10 u16  kind (messages and asks), reason (refused)
//	12 u32  length of the head
//	16 u32  number of parts
//	20 u64  correlation (ask, answer, refused), stamp (ping, pong), lane and total (credit), session (go)
//	28 u32  number of the frame on its connection, from 0
//	32 u32… length of each part; then the head; then the parts
const frameHeader = 32

// frameType is what a frame is.
type frameType uint8

const (
	frameMessage frameType = iota + 1
	frameAsk               // id correlates it with its answer
	frameAnswer
	frameRefused // in place of an answer; kind is a Reason
	framePing    // to be answered by framePong on the control lane; elsewhere it only shows life
	framePong
	frameCredit // id: lane in the top byte, bytes consumed on it so far below
	frameGo     // the deciding side takes this session
	frameTypes  // how many there are, plus one
)

// Bounds of a frame, by lane: bytes after the header, and parts.
const (
	MaxControl = 10 << 20  // a Raft entry of 8 MB with room to spare
	MaxAppend  = 128 << 20 // the largest batch that a topic may allow, with room to spare
	MaxBulk    = 512 << 20 // a snapshot
	MaxParts   = 4096
)

var maxFrame = [lanes]uint32{Control: MaxControl, Append: MaxAppend, Bulk: MaxBulk}

// header is the fixed part of a frame.
type header struct {
	length uint32
	crc    uint32
	typ    frameType
	lane   Lane
	kind   Kind
	head   uint32
	parts  uint32
	id     uint64
	number uint32
}

// size is what the frame takes on its connection, and of its lane's credit.
func (h *header) size() int { return frameHeader + int(h.length) }

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// put writes the header but for its CRC, which needs all that follows.
func (h *header) put(b []byte) {
	binary.BigEndian.PutUint32(b[0:], h.length)
	b[8], b[9] = byte(h.typ), byte(h.lane)
	binary.BigEndian.PutUint16(b[10:], uint16(h.kind))
	binary.BigEndian.PutUint32(b[12:], h.head)
	binary.BigEndian.PutUint32(b[16:], h.parts)
	binary.BigEndian.PutUint64(b[20:], h.id)
	binary.BigEndian.PutUint32(b[28:], h.number)
}

// appendHead encodes everything of a frame but the bytes of its head and parts, whose CRC it holds already.
func appendHead(b []byte, h header, head []byte, parts [][]byte) []byte {
	at := len(b)
	h.head, h.parts = uint32(len(head)), uint32(len(parts))
	h.length = h.head + 4*h.parts
	for _, p := range parts {
		h.length += uint32(len(p))
	}
	b = append(b, make([]byte, frameHeader)...)
	h.put(b[at:])
	for _, p := range parts {
		b = binary.BigEndian.AppendUint32(b, uint32(len(p)))
	}
	crc := crc32.Update(0, castagnoli, b[at+8:])
	crc = crc32.Update(crc, castagnoli, head)
	for _, p := range parts {
		crc = crc32.Update(crc, castagnoli, p)
	}
	binary.BigEndian.PutUint32(b[at+4:], crc)
	return b
}

// parseHeader reads a header and checks all bounds that it alone can break, before anything is allocated for the frame.
func parseHeader(b []byte, lane Lane, number uint32) (h header, err error) {
	h = header{
		length: binary.BigEndian.Uint32(b[0:]), crc: binary.BigEndian.Uint32(b[4:]), typ: frameType(b[8]), lane: Lane(b[9]),
		kind: Kind(binary.BigEndian.Uint16(b[10:])), head: binary.BigEndian.Uint32(b[12:]), parts: binary.BigEndian.Uint32(b[16:]),
		id: binary.BigEndian.Uint64(b[20:]), number: binary.BigEndian.Uint32(b[28:]),
	}
	switch {
	case h.typ == 0 || h.typ >= frameTypes:
		return h, fmt.Errorf("frame of unknown type %d", h.typ)
	case h.lane != lane:
		return h, fmt.Errorf("frame of lane %d on lane %s", h.lane, lane)
	case h.length > maxFrame[lane]:
		return h, fmt.Errorf("frame of %d bytes on lane %s, at most %d", h.length, lane, maxFrame[lane])
	case h.parts > MaxParts || lane == Control && h.parts > 0:
		return h, fmt.Errorf("frame of %d parts on lane %s", h.parts, lane)
	case uint64(h.head)+4*uint64(h.parts) > uint64(h.length) || h.parts == 0 && h.head != h.length:
		return h, fmt.Errorf("frame of %d bytes with a head of %d and %d parts", h.length, h.head, h.parts)
	case lane != Control && h.typ != frameMessage && h.typ != framePing:
		return h, fmt.Errorf("frame of type %d on lane %s", h.typ, lane)
	case h.typ != frameMessage && h.typ != frameAsk && h.typ != frameAnswer && h.length > 0:
		return h, fmt.Errorf("frame of type %d with %d bytes", h.typ, h.length)
	case h.number != number:
		return h, fmt.Errorf("frame %d where %d was due", h.number, number)
	}
	return h, nil
}

// partLengths reads the table of parts, whose sum must be what the header leaves for them.
func partLengths(table []byte, h header, to []int) ([]int, error) {
	sum := uint64(h.head) + 4*uint64(h.parts)
	for len(table) > 0 {
		n := binary.BigEndian.Uint32(table)
		table = table[4:]
		sum += uint64(n)
		to = append(to, int(n))
	}
	if sum != uint64(h.length) {
		return nil, fmt.Errorf("frame of %d bytes whose parts take %d", h.length, sum)
	}
	return to, nil
}
