package record

import (
	"errors"
	"io"
	"sync"
)

// stream walks the records of a compressed batch through one small buffer, so that memory stays flat whatever is inside.
type stream struct {
	r     io.Reader
	done  func()
	limit int64 // bytes that may be inflated
	read  int64 // bytes inflated so far
	buf   []byte
	at, n int // unread bytes are buf[at:n]
	err   error
	body  int64 // bytes left of the current record
}

// window is the size of a stream's buffer; records that fit in it are read in place.
const window = 64 << 10

var windows = sync.Pool{New: func() any { b := make([]byte, window); return &b }}

var errTooLarge = errors.New("the records are too large when decompressed")

func open(c Codec, src []byte, limit int64) (*stream, *Error) {
	if limit <= 0 {
		limit = MaxInflated
	}
	if c > Zstd {
		e := bad("Unknown compression type id: %d", c)
		e.Code = codeUnsupported
		return nil, e
	}
	r, done, err := inflate(c, src)
	if err != nil {
		return nil, bad("%s: %v", c, err)
	}
	return &stream{r: r, done: done, limit: limit, buf: *windows.Get().(*[]byte)}, nil
}

func (s *stream) close() {
	s.done()
	b := s.buf
	s.buf = nil
	windows.Put(&b)
}

// total is how many bytes were inflated and used.
func (s *stream) total() int64 { return s.read - int64(s.n-s.at) }

// fill tries to have n bytes in the buffer (n at most window); what is there is buf[at:n].
func (s *stream) fill(n int) bool {
	if s.n-s.at >= n {
		return true
	}
	s.n = copy(s.buf, s.buf[s.at:s.n])
	s.at = 0
	idle := 0
	for s.n < n && s.err == nil {
		k, err := s.r.Read(s.buf[s.n:])
		s.n += k
		s.read += int64(k)
		s.err = err
		if s.read > s.limit {
			s.err = errTooLarge
		}
		if idle++; k > 0 {
			idle = 0
		} else if idle > 100 {
			s.err = io.ErrNoProgress
		}
	}
	return s.n >= n && s.err != errTooLarge
}

// fault says why there are no more bytes.
func (s *stream) fault() *Error {
	switch {
	case s.err == errTooLarge:
		e := bad("the records are larger than %d bytes when decompressed", s.limit)
		e.Custom = true
		return e
	case s.err == nil || s.err == io.EOF || s.err == io.ErrUnexpectedEOF:
		return bad("the compressed records end too early")
	}
	return bad("the compressed records cannot be read: %v", s.err)
}

// end checks that nothing follows the last record.
func (s *stream) end() *Error {
	if s.fill(1) {
		return bad("Incorrect declared batch size, records still remaining in file")
	}
	if s.err != io.EOF {
		return s.fault()
	}
	return nil
}

// record reads one record.
func (s *stream) record(base int64, m *Meta) *Error {
	s.fill(min(10, window))
	size, n := varint32(s.buf[s.at:s.n])
	if n == 0 {
		if s.n-s.at < 5 {
			return s.fault()
		}
		return bad("its length is malformed")
	}
	if size < 0 {
		return bad("its length is %d", size)
	}
	if n+size <= window {
		if !s.fill(n + size) {
			return s.fault()
		}
		if scan(s.buf[s.at:s.n], base, m) == 0 {
			return bad("it is malformed")
		}
		s.at += n + size
		return nil
	}
	s.at += n
	s.body = int64(size)
	return s.long(base, m)
}

// long reads a record that is larger than the buffer.
func (s *stream) long(base int64, m *Meta) *Error {
	if err := s.skip(1); err != nil {
		return err
	}
	var f [3]int64 // time delta, offset delta, key length
	for i := range f {
		v, err := s.number(i > 0)
		if err != nil {
			return err
		}
		f[i] = v
	}
	m.Timestamp, m.OffsetDelta, m.NullKey = base+f[0], int32(f[1]), f[2] < 0
	if err := s.skip(max(f[2], 0)); err != nil {
		return err
	}
	if err := s.field(true); err != nil {
		return err
	}
	count, err := s.number(true)
	if err != nil {
		return err
	}
	if count < 0 || count > s.body {
		return bad("it has %d headers", count)
	}
	for range count {
		if err := s.field(false); err != nil {
			return err
		}
		if err := s.field(true); err != nil {
			return err
		}
	}
	if s.body != 0 {
		return bad("%d bytes follow its headers", s.body)
	}
	return nil
}

// field skips a length and as many bytes; a negative length means null.
func (s *stream) field(nullable bool) *Error {
	n, err := s.number(true)
	if err != nil {
		return err
	}
	if n < 0 && !nullable {
		return bad("a header has no key")
	}
	return s.skip(max(n, 0))
}

func (s *stream) number(short bool) (int64, *Error) {
	s.fill(10)
	b := s.buf[s.at:s.n]
	if int64(len(b)) > s.body {
		b = b[:s.body]
	}
	v, n := varint(b)
	if short && n > 0 {
		var w int
		w, n = varint32(b)
		v = int64(w)
	}
	if n == 0 {
		if s.err != nil && s.err != io.EOF {
			return 0, s.fault()
		}
		return 0, bad("it is malformed")
	}
	s.at += n
	s.body -= int64(n)
	return v, nil
}

func (s *stream) skip(n int64) *Error {
	if n > s.body {
		return bad("it is malformed")
	}
	s.body -= n
	for n > 0 {
		if !s.fill(1) {
			return s.fault()
		}
		k := min(n, int64(s.n-s.at))
		s.at += int(k)
		n -= k
	}
	return nil
}
