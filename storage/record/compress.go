package record

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"runtime"
	"sync"

	kgzip "github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
)

// Codec is how the records of a batch are compressed, by its number in the attributes.
type Codec uint8

// Kafka's codecs (CompressionType). Numbers 5 to 7 are not given.
const (
	None Codec = iota
	Gzip
	Snappy
	LZ4
	Zstd
)

// String is the codec's name as in compression.type.
func (c Codec) String() string {
	switch c {
	case None:
		return "none"
	case Gzip:
		return "gzip"
	case Snappy:
		return "snappy"
	case LZ4:
		return "lz4"
	case Zstd:
		return "zstd"
	}
	return fmt.Sprintf("codec %d", uint8(c))
}

const (
	// MaxInflated is the most bytes that the records of one batch may have, decompressed.
	MaxInflated = 100 << 20
	// maxWindow is the largest zstd window: that of level 22.
	maxWindow = 128 << 20
	// commonWindow is up to where decoders are pooled; larger ones run one at a time.
	commonWindow = 8 << 20
	// maxSnappyRatio bounds what a snappy block may claim: three bytes give at most 64.
	maxSnappyRatio = 22
)

// inflaters bounds how many decoders of LZ4 and zstd work at a time. It is work for the processor, and each takes up to 8 MB, also while it waits for
// a processor in the middle; without a bound there are as many as clients.
var (
	gzips     = sync.Pool{New: func() any { return new(kgzip.Reader) }}
	lz4s      = sync.Pool{New: func() any { return lz4.NewReader(nil) }}
	zstds     = sync.Pool{New: func() any { return newZstd(commonWindow) }}
	inflaters = make(chan struct{}, max(8, runtime.GOMAXPROCS(0)))
	bigWindow = make(chan struct{}, 1)
)

func newZstd(window uint64) *zstd.Decoder {
	d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(window), zstd.WithDecoderMaxMemory(1<<30))
	if err != nil {
		panic("BUG: zstd options: " + err.Error())
	}
	return d
}

// inflate is a reader of decompressed bytes; done gives its parts back.
func inflate(c Codec, src []byte) (r io.Reader, done func(), err error) {
	switch c {
	case None:
		return bytes.NewReader(src), func() {}, nil
	case Gzip:
		z := gzips.Get().(*kgzip.Reader)
		if err := z.Reset(bytes.NewReader(src)); err != nil {
			gzips.Put(z)
			return nil, nil, err
		}
		return z, func() { gzips.Put(z) }, nil
	case Snappy:
		return newSnappy(src)
	case LZ4:
		if err := checkLZ4(src); err != nil {
			return nil, nil, err
		}
		inflaters <- struct{}{}
		z := lz4s.Get().(*lz4.Reader)
		z.Reset(bytes.NewReader(src))
		return z, func() { z.Reset(nil); lz4s.Put(z); <-inflaters }, nil
	case Zstd:
		return inflateZstd(src)
	}
	return nil, nil, fmt.Errorf("unknown compression type id: %d", c)
}

// checkLZ4 refuses what Java's clients could not read, or would read in part (Kafka's Lz4BlockInputStream): blocks that depend on others, and
// anything behind the first frame. What else is wrong with a frame the decoder finds.
func checkLZ4(src []byte) error {
	const (
		magic        = 0x184d2204
		independent  = 1 << 5
		blockSum     = 1 << 4
		contentSize  = 1 << 3
		contentSum   = 1 << 2
		uncompressed = 1 << 31
	)
	if len(src) < 7 || binary.LittleEndian.Uint32(src) != magic {
		return fmt.Errorf("no LZ4 frame")
	}
	flags, at := src[4], 7
	if flags&independent == 0 {
		return fmt.Errorf("LZ4 blocks that depend on each other")
	}
	if flags&contentSize != 0 {
		at += 8
	}
	for at+4 <= len(src) {
		size := int(binary.LittleEndian.Uint32(src[at:]) &^ uncompressed)
		at += 4
		if size == 0 {
			if flags&contentSum != 0 {
				at += 4
			}
			if at < len(src) {
				return fmt.Errorf("%d bytes behind the LZ4 frame", len(src)-at)
			}
			return nil
		}
		at += size
		if flags&blockSum != 0 {
			at += 4
		}
	}
	return nil
}

func inflateZstd(src []byte) (io.Reader, func(), error) {
	var h zstd.Header
	if err := h.Decode(src); err != nil {
		return nil, nil, err
	}
	if h.WindowSize <= commonWindow {
		inflaters <- struct{}{} // whatever the window of the first frame: others may follow
		z := zstds.Get().(*zstd.Decoder)
		done := func() { _ = z.Reset(nil); zstds.Put(z); <-inflaters }
		if err := z.Reset(bytes.NewReader(src)); err != nil {
			done()
			return nil, nil, err
		}
		return z, done, nil
	}
	if h.WindowSize > maxWindow {
		return nil, nil, fmt.Errorf("zstd window of %d bytes is larger than %d", h.WindowSize, maxWindow)
	}
	bigWindow <- struct{}{}
	z := newZstd(maxWindow)
	done := func() { z.Close(); <-bigWindow }
	if err := z.Reset(bytes.NewReader(src)); err != nil {
		done()
		return nil, nil, err
	}
	return z, done, nil
}

// xerial is the header of the framed snappy that Kafka's Java and many other clients write: magic, version, least compatible version.
const xerialMagic = "\x82SNAPPY\x00"

// snappyReader inflates block after block; a raw snappy stream is one block.
type snappyReader struct {
	src   []byte
	frame bool
	buf   *[]byte
	left  []byte
}

var snappyBufs = sync.Pool{New: func() any { return new([]byte) }}

func newSnappy(src []byte) (io.Reader, func(), error) {
	r := &snappyReader{src: src, buf: snappyBufs.Get().(*[]byte)}
	if len(src) >= 16 && string(src[:8]) == xerialMagic {
		r.frame, r.src = true, src[16:]
	}
	return r, func() {
		if cap(*r.buf) <= 1<<20 {
			snappyBufs.Put(r.buf)
		}
		r.buf, r.left = nil, nil
	}, nil
}

func (r *snappyReader) Read(p []byte) (int, error) {
	for len(r.left) == 0 {
		if len(r.src) == 0 {
			return 0, io.EOF
		}
		block := r.src
		if r.frame {
			if len(r.src) < 4 {
				return 0, io.ErrUnexpectedEOF
			}
			n := int64(binary.BigEndian.Uint32(r.src))
			if n == 0 || n > int64(len(r.src)-4) {
				return 0, io.ErrUnexpectedEOF
			}
			block = r.src[4 : 4+n]
			r.src = r.src[4+n:]
		} else {
			r.src = nil
		}
		n, err := s2.DecodedLen(block)
		if err != nil {
			return 0, err
		}
		if n > maxSnappyRatio*len(block)+64 {
			return 0, fmt.Errorf("snappy block of %d bytes claims to hold %d", len(block), n)
		}
		if cap(*r.buf) < n {
			*r.buf = make([]byte, max(n, 32<<10))
		}
		if r.left, err = s2.Decode((*r.buf)[:cap(*r.buf)], block); err != nil {
			return 0, err
		}
	}
	n := copy(p, r.left)
	r.left = r.left[n:]
	return n, nil
}

// Decompress gives the records of a batch as one piece, at most limit bytes of them (0: MaxInflated). It is for tools and clients;
// the broker checks in pieces.
func Decompress(c Codec, src []byte, limit int64) ([]byte, *Error) {
	if c == None {
		return src, nil
	}
	s, err := open(c, src, limit)
	if err != nil {
		return nil, err
	}
	defer s.close()
	var out bytes.Buffer
	for {
		s.fill(1)
		if s.n == s.at {
			break
		}
		out.Write(s.buf[s.at:s.n])
		s.at = s.n
	}
	if s.err != nil && s.err != io.EOF {
		return nil, s.fault()
	}
	return out.Bytes(), nil
}

// Compress is the opposite of Decompress, at the codec's default level: for tools, clients and tests.
func Compress(c Codec, src []byte) ([]byte, error) {
	if c == None {
		return src, nil
	}
	var out bytes.Buffer
	w, done, err := deflate(Target{c, defaultLevel(c)}, &out)
	if err != nil {
		return nil, err
	}
	defer done()
	if _, err := w.Write(src); err != nil {
		return nil, err
	}
	err = w.Close()
	return out.Bytes(), err
}
