package api

import (
	"encoding/binary"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// Encoded makes a Response of a kmsg response whose version is set.
func Encoded(resp kmsg.Response) Response { return encoded{resp} }

type encoded struct{ kmsg.Response }

// AppendTo implements Response.
func (e encoded) AppendTo(b []byte) ([]byte, [][]byte, func()) {
	return e.Response.AppendTo(b), nil, nil
}

// sizeLen is the length of the size that precedes every frame.
const sizeLen = 4

// AppendFrame encodes one answer with size and header: key and version are those of the request, flexible says whether
// that version is. The size counts rest too.
func AppendFrame(b []byte, key int16, flexible bool, correlationID int32, resp Response) (head []byte, rest [][]byte, release func()) {
	at := len(b)
	b = AppendHeader(b, key, flexible, correlationID, 0)
	b, rest, release = resp.AppendTo(b)
	n := len(b) - at - sizeLen
	for _, r := range rest {
		n += len(r)
	}
	binary.BigEndian.PutUint32(b[at:], uint32(n))
	return b, rest, release
}

// AppendHeader encodes the size and the header of an answer whose body has a known length. The header of ApiVersions is always v0, because a
// client reads it before it knows what the broker speaks (KIP-511).
func AppendHeader(b []byte, key int16, flexible bool, correlationID int32, body int) []byte {
	at := len(b)
	b = append(b, 0, 0, 0, 0)
	b = binary.BigEndian.AppendUint32(b, uint32(correlationID))
	if flexible && key != int16(kmsg.ApiVersions) {
		b = append(b, 0)
	}
	binary.BigEndian.PutUint32(b[at:], uint32(len(b)-at-sizeLen+body))
	return b
}
