package record

import (
	"encoding/binary"
	"fmt"
	"io"
	"sync"

	kgzip "github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
)

const (
	// zstdWindow is the encoder's window, as zstd's level 3 has it: readers must hold as much.
	zstdWindow = 2 << 20
	// snappyBlock is Java's default (SnappyOutputStream).
	snappyBlock = 32 << 10
	// Kafka's default levels. lz4's means the quick compressor, every other level the thorough one.
	defaultGzip = kgzip.DefaultCompression
	defaultLZ4  = 9
	defaultZstd = 3
)

// Encoders are large, so they are kept. A pool per level, by the library's own levels.
var (
	gzipWriters [kgzip.BestCompression + 1]sync.Pool // -1 is with 0, which is not allowed
	zstdWriters [zstd.SpeedBestCompression + 1]sync.Pool
	lz4Writers  sync.Pool
	snappies    = sync.Pool{New: func() any { return &snappyWriter{in: make([]byte, 0, snappyBlock)} }}
)

// deflate is a writer of compressed bytes to w; done gives its parts back, after Close or without it.
func deflate(t Target, w io.Writer) (io.WriteCloser, func(), error) {
	switch t.Codec {
	case None:
		return plainWriter{w}, func() {}, nil
	case Gzip:
		return deflateGzip(t.Level, w)
	case Snappy:
		z := snappies.Get().(*snappyWriter)
		z.in, z.w, z.begun = z.in[:0], w, false
		return z, func() { z.w = nil; snappies.Put(z) }, nil
	case LZ4:
		return deflateLZ4(t.Level, w)
	case Zstd:
		return deflateZstd(t.Level, w)
	}
	return nil, nil, fmt.Errorf("unknown compression type id: %d", t.Codec)
}

// defaultLevel is the level of a codec for which none is set.
func defaultLevel(c Codec) int {
	switch c {
	case Gzip:
		return defaultGzip
	case LZ4:
		return defaultLZ4
	case Zstd:
		return defaultZstd
	}
	return 0
}

type plainWriter struct{ io.Writer }

// Close implements io.Closer.
func (plainWriter) Close() error { return nil }

// deflateGzip takes zlib's levels, -1 for its default.
func deflateGzip(level int, w io.Writer) (io.WriteCloser, func(), error) {
	if level < 1 || level > kgzip.BestCompression {
		level = kgzip.DefaultCompression
	}
	pool := &gzipWriters[max(level, 0)]
	z, ok := pool.Get().(*kgzip.Writer)
	if !ok {
		var err error
		if z, err = kgzip.NewWriterLevel(nil, level); err != nil {
			return nil, nil, err
		}
	}
	z.Reset(w)
	return z, func() { z.Reset(nil); pool.Put(z) }, nil
}

var lz4Levels = [...]lz4.CompressionLevel{lz4.Level1, lz4.Level2, lz4.Level3, lz4.Level4, lz4.Level5, lz4.Level6, lz4.Level7, lz4.Level8, lz4.Level9}

// deflateLZ4 takes lz4's levels 1 to 17; the library's end at 9. The frame is as Kafka writes it: independent blocks of 64 KiB,
// no checksums.
func deflateLZ4(level int, w io.Writer) (io.WriteCloser, func(), error) {
	z, ok := lz4Writers.Get().(*lz4.Writer)
	if !ok {
		z = lz4.NewWriter(nil)
	}
	z.Reset(w)
	l := lz4.Fast
	if level != defaultLZ4 {
		l = lz4Levels[min(max(level, 1), len(lz4Levels))-1]
	}
	if err := z.Apply(lz4.BlockSizeOption(lz4.Block64Kb), lz4.ChecksumOption(false), lz4.CompressionLevelOption(l)); err != nil {
		return nil, nil, err
	}
	return z, func() { z.Reset(nil); lz4Writers.Put(z) }, nil
}

// deflateZstd takes zstd's levels; the library has four.
func deflateZstd(level int, w io.Writer) (io.WriteCloser, func(), error) {
	l := zstd.EncoderLevelFromZstd(level)
	pool := &zstdWriters[l]
	z, ok := pool.Get().(*zstd.Encoder)
	if !ok {
		var err error
		if z, err = zstd.NewWriter(nil, zstd.WithEncoderLevel(l), zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(zstdWindow), zstd.WithLowerEncoderMem(true)); err != nil {
			return nil, nil, err
		}
	}
	z.Reset(w)
	return z, func() { z.Reset(nil); pool.Put(z) }, nil
}

// snappyWriter writes blocks behind the header of Java's framing, which every client of Kafka reads.
type snappyWriter struct {
	in    []byte
	out   []byte
	w     io.Writer
	begun bool
}

// xerialHead is magic, version 1, least compatible version 1.
const xerialHead = xerialMagic + "\x00\x00\x00\x01\x00\x00\x00\x01"

// Write implements io.Writer.
func (z *snappyWriter) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 {
		k := min(len(p), snappyBlock-len(z.in))
		z.in = append(z.in, p[:k]...)
		p = p[k:]
		if len(z.in) == snappyBlock {
			if err := z.block(); err != nil {
				return 0, err
			}
		}
	}
	return n, nil
}

func (z *snappyWriter) block() error {
	if cap(z.out) == 0 {
		z.out = make([]byte, 4+s2.MaxEncodedLen(snappyBlock))
	}
	if !z.begun {
		z.begun = true
		if _, err := io.WriteString(z.w, xerialHead); err != nil {
			return err
		}
	}
	block := s2.EncodeSnappy(z.out[4:cap(z.out)], z.in)
	binary.BigEndian.PutUint32(z.out, uint32(len(block)))
	z.in = z.in[:0]
	_, err := z.w.Write(z.out[:4+len(block)])
	return err
}

// Close writes what is left.
func (z *snappyWriter) Close() error {
	if len(z.in) == 0 {
		return nil
	}
	return z.block()
}
