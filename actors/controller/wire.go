package controller

import (
	"encoding/binary"
	"errors"

	"troupe/kafka/code"
)

// Beat is what a heartbeat says.
type Beat struct {
	BrokerID     int32
	BrokerEpoch  int64
	Applied      uint64 // Raft index that the broker's image has
	WantFence    bool
	WantShutdown bool
	DiskOK       bool
	Lost         []int32 // nodes that this one has had no link with for a while
}

// Verdict is what a controller says to a heartbeat. With another Code than OK the rest is zero: NOT_CONTROLLER (ask the one who leads),
// COORDINATOR_NOT_AVAILABLE (this one does not know the registration yet), BROKER_ID_NOT_REGISTERED and STALE_BROKER_EPOCH (register anew).
type Verdict struct {
	Code           code.Code
	Fenced         bool
	CaughtUp       bool // it knows of its own registration
	ShouldShutDown bool // it has leave to go
}

// wireVersion begins every heartbeat and every answer; another one is not understood.
const wireVersion = 1

var errMalformed = errors.New("malformed heartbeat")

// The flags of a heartbeat and of an answer.
const (
	flagWantFence = 1 << iota
	flagWantShutdown
	flagDiskOK

	flagFenced         = 1
	flagCaughtUp       = 2
	flagShouldShutDown = 4
)

// maxLost bounds the nodes that a heartbeat names.
const maxLost = 1000

// EncodeBeat is a heartbeat as it travels: version, flags, broker, epoch, applied index, number of lost nodes, each; varints.
func EncodeBeat(b Beat) []byte {
	flags := byte(0)
	for _, f := range []struct {
		on  bool
		bit byte
	}{{b.WantFence, flagWantFence}, {b.WantShutdown, flagWantShutdown}, {b.DiskOK, flagDiskOK}} {
		if f.on {
			flags |= f.bit
		}
	}
	out := []byte{wireVersion, flags}
	out = binary.AppendUvarint(out, uint64(b.BrokerID))
	out = binary.AppendUvarint(out, uint64(b.BrokerEpoch))
	out = binary.AppendUvarint(out, b.Applied)
	lost := b.Lost[:min(len(b.Lost), maxLost)]
	out = binary.AppendUvarint(out, uint64(len(lost)))
	for _, id := range lost {
		out = binary.AppendUvarint(out, uint64(id))
	}
	return out
}

// DecodeBeat reads what EncodeBeat wrote. The bytes come from another node: any are an error or a heartbeat, never a panic.
func DecodeBeat(p []byte) (b Beat, err error) {
	if len(p) < 2 || p[0] != wireVersion {
		return b, errMalformed
	}
	b.WantFence, b.WantShutdown, b.DiskOK = p[1]&flagWantFence != 0, p[1]&flagWantShutdown != 0, p[1]&flagDiskOK != 0
	p = p[2:]
	next := func() uint64 {
		v, n := binary.Uvarint(p)
		if n <= 0 {
			err, p = errMalformed, nil
			return 0
		}
		p = p[n:]
		return v
	}
	b.BrokerID, b.BrokerEpoch, b.Applied = int32(next()), int64(next()), next()
	for n := min(next(), maxLost); n > 0 && err == nil; n-- {
		b.Lost = append(b.Lost, int32(next()))
	}
	if err != nil || len(p) > 0 || b.BrokerID < 1 || b.BrokerEpoch < 1 {
		return Beat{}, errMalformed
	}
	return b, nil
}

// EncodeVerdict is an answer as it travels: version, flags, code.
func EncodeVerdict(v Verdict) []byte {
	flags := byte(0)
	if v.Fenced {
		flags |= flagFenced
	}
	if v.CaughtUp {
		flags |= flagCaughtUp
	}
	if v.ShouldShutDown {
		flags |= flagShouldShutDown
	}
	return binary.BigEndian.AppendUint16([]byte{wireVersion, flags}, uint16(v.Code))
}

// DecodeVerdict reads what EncodeVerdict wrote.
func DecodeVerdict(p []byte) (Verdict, error) {
	if len(p) != 4 || p[0] != wireVersion {
		return Verdict{}, errMalformed
	}
	return Verdict{Code: code.Code(int16(binary.BigEndian.Uint16(p[2:]))), Fenced: p[1]&flagFenced != 0, CaughtUp: p[1]&flagCaughtUp != 0,
		ShouldShutDown: p[1]&flagShouldShutDown != 0}, nil
}
