package differential

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// How an exchange can end without an answer.
var (
	errClosed = errors.New("closed")
	errSilent = errors.New("no answer")
)

// answerTime is how long a broker may take; a case that waits longer says so itself.
const answerTime = 8 * time.Second

// A wire is one connection to a broker, below any client: frames go out as given.
type wire struct {
	c    net.Conn
	next int32 // correlation id
}

func dial(addr string) (*wire, error) {
	c, err := net.DialTimeout("tcp", addr, 5*time.Second)
	if err != nil {
		return nil, err
	}
	return &wire{c: c, next: 1000}, nil
}

func (w *wire) close() { w.c.Close() }

// frame puts the length before a payload.
func frame(payload []byte) []byte {
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(payload))), payload...)
}

// header builds a request header: version 1 or, for a flexible request, 2.
func header(key, version int16, correlation int32, client *string, flexible bool) []byte {
	b := binary.BigEndian.AppendUint16(nil, uint16(key))
	b = binary.BigEndian.AppendUint16(b, uint16(version))
	b = binary.BigEndian.AppendUint32(b, uint32(correlation))
	if client == nil {
		b = append(b, 0xff, 0xff)
	} else {
		b = binary.BigEndian.AppendUint16(b, uint16(len(*client)))
		b = append(b, *client...)
	}
	if flexible {
		b = append(b, 0)
	}
	return b
}

// encode gives the payload (header and body) of a request.
func encode(req kmsg.Request, correlation int32) []byte {
	client := "differential"
	return req.AppendTo(header(req.Key(), req.GetVersion(), correlation, &client, req.IsFlexible()))
}

func (w *wire) write(b []byte) error {
	_ = w.c.SetWriteDeadline(time.Now().Add(answerTime))
	if _, err := w.c.Write(b); err != nil {
		return errClosed
	}
	return nil
}

// read gives the payload of the next answer.
func (w *wire) read(limit time.Duration) ([]byte, error) {
	_ = w.c.SetReadDeadline(time.Now().Add(limit))
	var size [4]byte
	if _, err := io.ReadFull(w.c, size[:]); err != nil {
		return nil, ended(err)
	}
	n := int32(binary.BigEndian.Uint32(size[:]))
	if n < 4 || n > 200<<20 {
		return nil, errors.New("an answer of an impossible length")
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(w.c, b); err != nil {
		return nil, ended(err)
	}
	return b, nil
}

func ended(err error) error {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return errSilent
	}
	return errClosed
}

// decode reads an answer's payload as the answer to req; rest counts bytes that the answer's schema does not know.
func decode(req kmsg.Request, payload []byte) (resp kmsg.Response, correlation int32, rest int, err error) {
	correlation = int32(binary.BigEndian.Uint32(payload))
	body := payload[4:]
	resp = req.ResponseKind()
	if resp.IsFlexible() && req.Key() != 18 {
		if len(body) == 0 || body[0] != 0 {
			return nil, correlation, 0, errors.New("an answer with tags in its header")
		}
		body = body[1:]
	}
	// Whoever does not know the version of ApiVersions says so in the oldest form, which all clients read.
	if req.Key() == 18 && len(body) >= 2 && binary.BigEndian.Uint16(body) == 35 {
		resp.SetVersion(0)
	}
	if err := resp.ReadFrom(body); err != nil {
		return nil, correlation, 0, err
	}
	return resp, correlation, len(body) - len(resp.AppendTo(nil)), nil
}
