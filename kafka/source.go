package kafka

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

const (
	bigBuffer   = 16 << 10 // while a frame is being read
	smallBuffer = 64       // while none is: all that an idle connection has
	progress    = 64 << 10 // bytes that renew the deadline of a frame
)

var bigBuffers = sync.Pool{New: func() any { return new([bigBuffer]byte) }}

// source reads a socket through a buffer that is large only while a frame is under way. Only the reader uses it.
type source struct {
	nc       net.Conn
	buf      []byte // small[:] or *big
	r, w     int    // buf[r:w] is unread
	big      *[bigBuffer]byte
	small    [smallBuffer]byte
	idle     time.Duration
	deadline time.Duration // for each `progress` bytes of a frame

	// inHurry says that others wait for the frame that is being read; nil: never.
	inHurry func() bool

	inFrame bool
	hurried bool      // the deadline is the frame's last one
	resting bool      // nothing has come for settle: the next wait is a long one
	armed   time.Time // when the deadline was set, zero: not for what is going on now
	since   int       // bytes read since then
	total   int64     // bytes read in all
}

func newSource(nc net.Conn, idle, deadline time.Duration) *source {
	s := &source{nc: nc, idle: idle, deadline: deadline}
	s.buf = s.small[:]
	return s
}

func (s *source) buffered() int { return s.w - s.r }

// begin says that a frame has begun: there will be more to read, and soon.
func (s *source) begin() {
	s.inFrame, s.hurried, s.armed = true, false, time.Time{}
	if s.big == nil {
		s.big = bigBuffers.Get().(*[bigBuffer]byte)
		s.w = copy(s.big[:], s.buf[s.r:s.w])
		s.r, s.buf = 0, s.big[:]
	}
}

// renew begins the deadline of the frame anew: nothing was read for a while because there was no memory for it, and the client could not help that.
func (s *source) renew() { s.armed = time.Time{} }

// end says that the frame is complete. The large buffer goes back unless more frames are in it.
func (s *source) end() {
	s.inFrame, s.hurried, s.armed = false, false, time.Time{}
	if s.big != nil && s.buffered() <= smallBuffer {
		s.w = copy(s.small[:], s.buf[s.r:s.w])
		s.r, s.buf = 0, s.small[:]
		bigBuffers.Put(s.big)
		s.big = nil
	}
}

// close gives the buffer back.
func (s *source) close() {
	s.r, s.w = 0, 0
	s.end()
}

// settle is how long a reader waits for the next frame as it is, with the stack that its work has needed; see reader.rest.
const settle = 250 * time.Millisecond

// arm sets the deadline of the next read. Progress renews that of a frame, unless others wait for it: a client that sends enough to live, and
// no more, would hold them up for hours.
func (s *source) arm() error {
	if s.inFrame && !s.hurried && s.inHurry != nil && s.inHurry() {
		s.hurried, s.armed = true, time.Time{}
	}
	d := s.idle
	switch {
	case s.inFrame:
		d = s.deadline
	case !s.resting:
		d = min(settle, d)
	}
	if !s.armed.IsZero() && (s.since < progress || !s.inFrame || s.hurried) {
		return nil
	}
	s.armed, s.since = time.Now(), 0
	return s.nc.SetReadDeadline(s.armed.Add(d))
}

func (s *source) read(b []byte) (int, error) {
	if err := s.arm(); err != nil {
		return 0, err
	}
	n, err := s.nc.Read(b)
	s.since += n
	s.total += int64(n)
	if n > 0 {
		return n, nil
	}
	if err == nil {
		err = io.ErrNoProgress
	}
	return 0, err
}

// need makes at least n bytes buffered; n is at most smallBuffer, or bigBuffer in a frame.
func (s *source) need(n int) error {
	if s.r > 0 && s.r == s.w {
		s.r, s.w = 0, 0
	}
	if s.r+n > len(s.buf) {
		s.w = copy(s.buf, s.buf[s.r:s.w])
		s.r = 0
	}
	for s.buffered() < n {
		k, err := s.read(s.buf[s.w:])
		if err != nil {
			return err
		}
		s.w += k
	}
	return nil
}

// fill reads exactly len(b) bytes; large ones go straight from the socket to b.
func (s *source) fill(b []byte) error {
	n := copy(b, s.buf[s.r:s.w])
	s.r += n
	for n < len(b) {
		if len(b)-n < len(s.buf)/2 {
			if err := s.need(len(b) - n); err != nil {
				return err
			}
			s.r += copy(b[n:], s.buf[s.r:s.w])
			return nil
		}
		k, err := s.read(b[n:])
		if err != nil {
			return err
		}
		n += k
	}
	return nil
}

// discard skips n bytes.
func (s *source) discard(n int) error {
	for n > 0 {
		if s.buffered() == 0 {
			if err := s.need(1); err != nil {
				return err
			}
		}
		k := min(n, s.buffered())
		s.r += k
		n -= k
	}
	return nil
}

var (
	// errQuiet says that nothing has come for the idle time.
	errQuiet = errors.New("idle")
	// errSettle says that nothing has come for a while: wait on with rest.
	errSettle = errors.New("settle")
)

// rest waits for the first bytes of a frame for the idle time. It needs little stack, and what it returns on comes from size.
func (s *source) rest() {
	s.resting, s.armed = true, time.Time{}
	sc, ok := s.nc.(syscall.Conn)
	if !ok || s.arm() != nil {
		return // size will wait, or say what is wrong
	}
	if raw, err := sc.SyscallConn(); err == nil {
		_ = raw.Read(s.peek) // size reads again, and says it
	}
}

// peek is called by the netpoller, each time that the socket may have something: whether it has.
func (s *source) peek(fd uintptr) bool {
	if s.buffered() > 0 {
		return true
	}
	n, err := syscall.Read(int(fd), s.small[:])
	for err == syscall.EINTR { // not false: the poller tells of new bytes only
		n, err = syscall.Read(int(fd), s.small[:])
	}
	if n > 0 {
		s.r, s.w = 0, n
		s.since += n
		s.total += int64(n)
	}
	return err != syscall.EAGAIN
}

// size waits for the next frame and returns its length. errQuiet and errSettle leave the source usable.
func (s *source) size() (int, error) {
	if err := s.need(1); err != nil {
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return 0, s.nothing()
		}
		return 0, err
	}
	s.resting = false
	if s.buffered() < 4 {
		s.inFrame, s.armed = true, time.Time{}
		if err := s.need(4); err != nil {
			return 0, err
		}
	}
	n := int32(binary.BigEndian.Uint32(s.buf[s.r:]))
	return int(n), nil
}

func (s *source) nothing() error {
	s.armed = time.Time{}
	if !s.resting && settle < s.idle {
		return errSettle
	}
	s.resting = false
	return errQuiet
}
