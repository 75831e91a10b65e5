package partition

import (
	"encoding/binary"
	"errors"

	"troupe/actors/meta"
	"troupe/kafka/code"
)

// A message between the replicas of two brokers is one byte that says what it is, then entries of one size, one per partition. All
// numbers are big-endian. Record batches are parts of the frame, in the order of the entries.

// wireKind is what a message is.
type wireKind uint8

// The kinds. The numbers travel.
const (
	wireSubscribe wireKind = iota + 1 // follower to leader
	wireReply                         // leader to follower, to each subscription
	wireAppend                        // leader to follower, with record batches
	wireAcks                          // follower to leader: what is durable
	wireHighs                         // leader to follower: high watermarks, when there is nothing to append
	wireEpochs                        // leader to follower, before a reply: where epochs began. Earlier versions do not know it and do without
)

// wireEntry is the part of a message that concerns one partition.
type wireEntry interface {
	size() int
	put(b []byte) []byte
}

// subscription asks the leader for all batches from an offset on, for as long as the link and the leader's epoch last: an endless fetch,
// of which each ack is the next.
type subscription struct {
	part        uint32
	topic       meta.TopicID
	index       int32
	number      uint64 // names the subscription: what belongs to another one is not looked at
	epoch       int32  // leader epoch that the follower knows
	brokerEpoch int64  // of the follower; 0: not registered
	from        int64  // end of the follower's log
	lastEpoch   int32  // of its last batch, -1: none
}

// outcome is what becomes of a subscription.
type outcome uint8

const (
	started   outcome = iota + 1 // offset: where the appends begin
	diverged                     // the leader's log ends at offset in that epoch: cut, and subscribe again
	outOfLog                     // the leader's log begins at offset; the follower's is not part of it
	notServed                    // code says why: ask again later
)

// reply answers a subscription.
type reply struct {
	part    uint32
	number  uint64
	outcome outcome
	code    code.Code
	epoch   int32 // diverged; started: how many epochs were told before
	offset  int64
	high    int64 // started
	start   int64 // started
}

// appendEntry says what the record batches in its parts continue.
type appendEntry struct {
	part   uint32
	number uint64
	epoch  int32 // leader epoch
	prev   int64 // end of the follower's log before them; compaction may have left a gap between this and the first offset
	high   int64 // leader's high watermark
	start  int64 // leader's log start
	parts  uint16
}

// ackEntry says from where to where the follower's log is on its disk.
type ackEntry struct {
	part           uint32
	number         uint64
	durable, start int64
}

// highEntry tells the high watermark, and the log start.
type highEntry struct {
	part        uint32
	number      uint64
	high, start int64
}

// epochEntry tells a follower where an epoch began that its log does not know.
type epochEntry struct {
	part   uint32
	number uint64
	epoch  int32
	start  int64
}

var errWire = errors.New("a message between replicas that makes no sense")

var wire = binary.BigEndian

func (subscription) size() int { return 4 + 16 + 4 + 8 + 4 + 8 + 8 + 4 }

func (s subscription) put(b []byte) []byte {
	b = append(wire.AppendUint32(b, s.part), s.topic[:]...)
	b = wire.AppendUint64(wire.AppendUint32(b, uint32(s.index)), s.number)
	b = wire.AppendUint64(wire.AppendUint32(b, uint32(s.epoch)), uint64(s.brokerEpoch))
	return wire.AppendUint32(wire.AppendUint64(b, uint64(s.from)), uint32(s.lastEpoch))
}

func takeSubscription(b []byte) (s subscription, ok bool) {
	s = subscription{part: wire.Uint32(b), topic: meta.TopicID(b[4:20]), index: int32(wire.Uint32(b[20:])), number: wire.Uint64(b[24:]),
		epoch: int32(wire.Uint32(b[32:])), brokerEpoch: int64(wire.Uint64(b[36:])), from: int64(wire.Uint64(b[44:])), lastEpoch: int32(wire.Uint32(b[52:]))}
	return s, s.index >= 0 && s.epoch >= 0 && s.brokerEpoch >= 0 && s.from >= 0 && s.lastEpoch >= -1
}

func (reply) size() int { return 4 + 8 + 1 + 2 + 4 + 8 + 8 + 8 }

func (r reply) put(b []byte) []byte {
	b = append(wire.AppendUint64(wire.AppendUint32(b, r.part), r.number), byte(r.outcome))
	b = wire.AppendUint32(wire.AppendUint16(b, uint16(r.code)), uint32(r.epoch))
	return wire.AppendUint64(wire.AppendUint64(wire.AppendUint64(b, uint64(r.offset)), uint64(r.high)), uint64(r.start))
}

func takeReply(b []byte) (r reply, ok bool) {
	r = reply{part: wire.Uint32(b), number: wire.Uint64(b[4:]), outcome: outcome(b[12]), code: code.Code(wire.Uint16(b[13:])),
		epoch: int32(wire.Uint32(b[15:])), offset: int64(wire.Uint64(b[19:])), high: int64(wire.Uint64(b[27:])), start: int64(wire.Uint64(b[35:]))}
	return r, r.outcome >= started && r.outcome <= notServed && r.epoch >= -1 && r.offset >= 0 && r.high >= 0 && r.start >= 0
}

func (appendEntry) size() int { return 4 + 8 + 4 + 8 + 8 + 8 + 2 }

func (a appendEntry) put(b []byte) []byte {
	b = wire.AppendUint32(wire.AppendUint64(wire.AppendUint32(b, a.part), a.number), uint32(a.epoch))
	b = wire.AppendUint64(wire.AppendUint64(wire.AppendUint64(b, uint64(a.prev)), uint64(a.high)), uint64(a.start))
	return wire.AppendUint16(b, a.parts)
}

func takeAppend(b []byte) (a appendEntry, ok bool) {
	a = appendEntry{part: wire.Uint32(b), number: wire.Uint64(b[4:]), epoch: int32(wire.Uint32(b[12:])), prev: int64(wire.Uint64(b[16:])),
		high: int64(wire.Uint64(b[24:])), start: int64(wire.Uint64(b[32:])), parts: wire.Uint16(b[40:])}
	return a, a.epoch >= 0 && a.prev >= 0 && a.high >= 0 && a.start >= 0 && a.parts > 0
}

func (ackEntry) size() int { return 4 + 8 + 8 + 8 }

func (a ackEntry) put(b []byte) []byte {
	return wire.AppendUint64(wire.AppendUint64(wire.AppendUint64(wire.AppendUint32(b, a.part), a.number), uint64(a.durable)), uint64(a.start))
}

func takeAck(b []byte) (a ackEntry, ok bool) {
	a = ackEntry{part: wire.Uint32(b), number: wire.Uint64(b[4:]), durable: int64(wire.Uint64(b[12:])), start: int64(wire.Uint64(b[20:]))}
	return a, a.start >= 0 && a.durable >= a.start
}

func (highEntry) size() int { return 4 + 8 + 8 + 8 }

func (h highEntry) put(b []byte) []byte {
	return wire.AppendUint64(wire.AppendUint64(wire.AppendUint64(wire.AppendUint32(b, h.part), h.number), uint64(h.high)), uint64(h.start))
}

func takeHigh(b []byte) (h highEntry, ok bool) {
	h = highEntry{part: wire.Uint32(b), number: wire.Uint64(b[4:]), high: int64(wire.Uint64(b[12:])), start: int64(wire.Uint64(b[20:]))}
	return h, h.high >= 0 && h.start >= 0
}

func (epochEntry) size() int { return 4 + 8 + 4 + 8 }

func (e epochEntry) put(b []byte) []byte {
	return wire.AppendUint64(wire.AppendUint32(wire.AppendUint64(wire.AppendUint32(b, e.part), e.number), uint32(e.epoch)), uint64(e.start))
}

func takeEpoch(b []byte) (e epochEntry, ok bool) {
	e = epochEntry{part: wire.Uint32(b), number: wire.Uint64(b[4:]), epoch: int32(wire.Uint32(b[12:])), start: int64(wire.Uint64(b[16:]))}
	return e, e.epoch >= 0 && e.start >= 0
}

// takeEntries reads the entries behind the kind of a message.
func takeEntries[E wireEntry](b []byte, take func([]byte) (E, bool)) ([]E, error) {
	var zero E
	n := zero.size()
	if len(b) == 0 || len(b)%n != 0 {
		return nil, errWire
	}
	out := make([]E, 0, len(b)/n)
	for ; len(b) > 0; b = b[n:] {
		e, ok := take(b[:n])
		if !ok {
			return nil, errWire
		}
		out = append(out, e)
	}
	return out, nil
}

// wireMessage is a message as it was read.
type wireMessage struct {
	kind    wireKind
	subs    []subscription
	replies []reply
	appends []appendEntry
	acks    []ackEntry
	highs   []highEntry
	epochs  []epochEntry
}

// takeMessage reads the head of a frame that carries a number of parts.
func takeMessage(head []byte, parts int) (m wireMessage, err error) {
	if len(head) == 0 {
		return m, errWire
	}
	m.kind = wireKind(head[0])
	body := head[1:]
	switch m.kind {
	case wireSubscribe:
		m.subs, err = takeEntries(body, takeSubscription)
	case wireReply:
		m.replies, err = takeEntries(body, takeReply)
	case wireAppend:
		m.appends, err = takeEntries(body, takeAppend)
	case wireAcks:
		m.acks, err = takeEntries(body, takeAck)
	case wireHighs:
		m.highs, err = takeEntries(body, takeHigh)
	case wireEpochs:
		m.epochs, err = takeEntries(body, takeEpoch)
	default:
		err = errWire
	}
	for _, a := range m.appends {
		parts -= int(a.parts)
	}
	if parts != 0 && err == nil {
		err = errWire
	}
	return m, err
}

// putEntry adds an entry to a message; an empty one begins with its kind.
func putEntry(b []byte, kind wireKind, e wireEntry) []byte {
	if len(b) == 0 {
		b = append(b, byte(kind))
	}
	return e.put(b)
}
