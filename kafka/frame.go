package kafka

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/twmb/franz-go/pkg/kmsg"

	"troupe/actors/kit"
	"troupe/actors/kit/trace"
	"troupe/kafka/api"
)

const (
	headerLen = 8 // key, version, correlation id: what every request has
	maxString = 1<<15 - 1
	firstGulp = 64 << 10 // what a client that has shown nothing yet may have allocated for a claim
	// maxWhole is the longest request that is read into memory as a whole: any but Produce.
	maxWhole = 16 << 20
	// maxJoin is the longest JoinGroup, maxSync the longest SyncGroup: what members say is kept, and it may wait for minutes. A generation is
	// one record, of 1 MB by default, so what is longer could not be stored.
	maxJoin = 512 << 10
	maxSync = 2 << 20
	// Carrying out a request and answering it takes about decodeCost times what its decoded form takes.
	decodeCost = 16
	// A request whose decoded form takes more than bigDecoded names many things (a thousand partitions, say); it is charged to the giants'
	// budget.
	bigDecoded = 64 << 10
)

// reader reads the frames of one connection. It runs in a Blocker: it may wait for the socket and for the budget.
type reader struct {
	src     *source
	cfg     *Config
	mem     *memory
	acc     account // of mem.requests
	big     account // of mem.giants
	find    func(version int16, name string, id [16]byte) topicFacts
	behind  func() bool // other brokers may know topics that find does not; nil: never
	largest int         // frame that this client has completed
	conn    uint64
	host    string
	dead    bool
}

// frame is the one being read.
type frame struct {
	*reader
	size int // as claimed
	left int // of it, unread
	call *api.Call
	e    *api.Entry
}

// next reads one frame. It returns *arrived, quiet, readEnded, kit.Afresh to wait on, or nil when the reader has ended already.
func (r *reader) next() any {
	if r.dead {
		return nil
	}
	a, err := r.frame()
	switch {
	case errors.Is(err, errSettle):
		return kit.Afresh{Fn: r.rest}
	case errors.Is(err, errQuiet):
		return quiet{}
	case err != nil:
		r.dead = true
		r.src.close()
		r.mem.give(r.settle())
		return readEnded{reason: err}
	}
	return a
}

// rest waits for the next frame with a small stack: there may be very many connections that wait, and each keeps its stack for as long.
func (r *reader) rest() any {
	r.src.rest()
	return r.next()
}

func (r *reader) frame() (*arrived, error) {
	size, err := r.src.size()
	if err != nil {
		return nil, err
	}
	if size < headerLen || size > r.cfg.MaxRequestBytes {
		return nil, fmt.Errorf("%w: %s", errFrame, describe(size, r.src.buf[r.src.r:r.src.w]))
	}
	r.src.begin()
	op := r.cfg.Trace.Begin(r.conn, r.host)
	op.SetIn(4 + size)
	r.acc.op, r.big.op = op, op
	f := frame{reader: r, size: size, left: size, call: &api.Call{Op: op}}
	r.src.r += 4
	if err := f.read(); err != nil {
		if f.call.Produce != nil {
			f.call.Produce.Release()
		}
		op.End(trace.Gone)
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return nil, err
	}
	r.src.end()
	r.largest = max(r.largest, size)
	a := &arrived{call: f.call, entry: f.e, held: r.settle(), from: r.mem}
	op.SetClient(f.call.ClientID)
	op.SetCharged(a.held.bytes + a.held.giant)
	op.Stamp(trace.Parsed)
	return a, nil
}

func newReader(src *source, cfg *Config, mem *memory, find func(int16, string, [16]byte) topicFacts) *reader {
	r := &reader{src: src, cfg: cfg, mem: mem, acc: account{b: mem.requests, resumed: src.renew}, big: account{b: mem.giants}, find: find}
	src.inHurry = func() bool { return r.acc.beyond }
	return r
}

// settle ends the charges of a frame: they are the call's now.
func (r *reader) settle() held { return held{r.acc.settle(), r.big.settle()} }

// stop wakes the reader if it waits for memory, for good. Any goroutine may call it.
func (r *reader) stop() {
	r.acc.close()
	r.big.close()
}

var errFrame = errors.New("not a Kafka request")

// describe says what came instead of a frame, for the log.
func describe(size int, head []byte) string {
	switch {
	case len(head) >= 3 && head[0] == 0x16 && head[1] == 3:
		return "it looks like TLS, and this listener is plain text"
	case len(head) >= 4 && (isWord(head[:4], "GET ") || isWord(head[:4], "POST") || isWord(head[:4], "PUT ") || isWord(head[:4], "HEAD") || isWord(head[:4], "OPTI")):
		return "it looks like HTTP, and this is the Kafka port"
	}
	return fmt.Sprintf("a frame of %d bytes", size)
}

func isWord(b []byte, s string) bool { return string(b) == s }

func (f *frame) read() error {
	if err := f.src.need(headerLen); err != nil {
		return err
	}
	h := f.src.buf[f.src.r:]
	c := f.call
	c.Key, c.Version = int16(binary.BigEndian.Uint16(h)), int16(binary.BigEndian.Uint16(h[2:]))
	c.CorrelationID = int32(binary.BigEndian.Uint32(h[4:]))
	f.src.r += headerLen
	f.left -= headerLen
	c.Op.SetRequest(c.Key, c.Version, c.CorrelationID)
	f.e = api.Find(f.cfg.Table, c.Key)
	switch {
	case f.e == nil:
		return fmt.Errorf("request of key %d, which is not served", c.Key)
	case !f.e.Serves(c.Version) && c.Key == int16(kmsg.ApiVersions):
		return f.discard(f.left) // answered in the form of v0
	case !f.e.Serves(c.Version):
		return fmt.Errorf("request of key %d version %d, which is not served", c.Key, c.Version)
	case c.Key == int16(kmsg.Produce):
		return f.produce()
	}
	return f.whole()
}

// whole reads the rest of the frame into memory, walks it, and decodes it.
func (f *frame) whole() error {
	if f.left > maxWhole {
		return fmt.Errorf("%w: request of key %d of %d bytes; only Produce may have more than %d", errFrame, f.call.Key, f.size, maxWhole)
	}
	switch key := f.call.Key; {
	case key == int16(kmsg.JoinGroup) && f.left > maxJoin, key == int16(kmsg.SyncGroup) && f.left > maxSync:
		return fmt.Errorf("%w: a request of key %d of %d bytes; what a member says may have %d, an assignment %d", errFrame, key, f.size, maxJoin, maxSync)
	}
	body, err := f.gather(f.left, nil)
	if err != nil {
		return err
	}
	c := f.call
	body, err = header(c, body, f.e.Flexible(c.Version))
	if err != nil {
		return err
	}
	decoded, err := api.Walk(c.Key, c.Version, body)
	if err != nil {
		return err
	}
	acc := &f.acc
	if decoded > bigDecoded {
		acc = &f.big
	}
	if !acc.take(decoded * decodeCost) {
		return errClosed
	}
	c.Req = kmsg.RequestForKey(c.Key)
	c.Req.SetVersion(c.Version)
	if err := c.Req.ReadFrom(body); err != nil {
		return fmt.Errorf("request of key %d version %d: %w", c.Key, c.Version, err)
	}
	return nil
}

// granted is how many bytes may be allocated at once for what a client only claims so far: some, four times what has come
// of this frame, or twice the largest frame it has ever completed.
func (f *frame) granted() int {
	return max(firstGulp, 4*(f.size-f.left), 2*f.largest)
}

// gather reads n bytes into memory that grows as they arrive, behind have.
func (f *frame) gather(n int, have []byte) ([]byte, error) {
	b := have
	for len(b) < len(have)+n {
		if len(b) == cap(b) {
			size := min(len(have)+n, max(2*cap(b), f.granted()))
			if !f.acc.take(size - cap(b)) {
				return nil, errClosed
			}
			b = append(make([]byte, 0, size), b...)
		}
		at := len(b)
		b = b[:min(cap(b), len(have)+n)]
		if err := f.fill(b[at:]); err != nil {
			return nil, err
		}
	}
	return b, nil
}

var errClosed = errors.New("closed")

func (f *frame) fill(b []byte) error {
	if len(b) > f.left {
		return errCut
	}
	f.left -= len(b)
	return f.src.fill(b)
}

func (f *frame) discard(n int) error {
	if n < 0 || n > f.left {
		return errCut
	}
	f.left -= n
	return f.src.discard(n)
}

var errCut = fmt.Errorf("%w: a field reaches beyond the frame", errFrame)

// header reads the rest of a request header, the client id and tags, off a body in memory.
func header(c *api.Call, b []byte, flexible bool) ([]byte, error) {
	if len(b) < 2 {
		return nil, errCut
	}
	n := int(int16(binary.BigEndian.Uint16(b)))
	b = b[2:]
	if n > len(b) {
		return nil, errCut
	}
	if n >= 0 {
		id := string(b[:n])
		c.ClientID, b = &id, b[n:]
	}
	if !flexible {
		return b, nil
	}
	tags, k := binary.Uvarint(b)
	if k <= 0 || tags > maxTags || tags > uint64(len(b)/2) {
		return nil, errCut
	}
	b = b[k:]
	for range tags {
		_, k := binary.Uvarint(b)
		if k <= 0 {
			return nil, errCut
		}
		size, k2 := binary.Uvarint(b[k:])
		if k2 <= 0 || size > uint64(len(b)-k-k2) {
			return nil, errCut
		}
		b = b[k+k2+int(size):]
	}
	return b, nil
}

const maxTags = 10_000 // as api.Walk
