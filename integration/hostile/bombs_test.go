package hostile

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/twmb/franz-go/pkg/kmsg"

	"troupe/storage/record"
)

// zeros is a batch whose one record has n zero bytes as its value. Large ones take a while to make.
func zeros(t *testing.T, codec record.Codec, n int) record.Batch {
	t.Helper()
	k := fmt.Sprint(codec, n)
	if made[k] == nil {
		if plain[n] == nil {
			plain[n] = zeroRecord(n)
		}
		body, err := record.Compress(codec, plain[n])
		if err != nil {
			t.Fatal(err)
		}
		b := append(batchOf(record.None, "")[:record.HeaderLen:record.HeaderLen], body...)
		b[22] |= byte(codec)
		made[k] = reseal(b)
	}
	return bytes.Clone(made[k])
}

var (
	made  = map[string]record.Batch{}
	plain = map[int][]byte{} // by the length of the value; what is never written takes no memory
)

// zeroRecord is a record with the key "k" and a value of n zero bytes.
func zeroRecord(n int) []byte {
	head := binary.AppendVarint([]byte{0, 0, 0, 2, 'k'}, int64(n)) // attributes, both deltas, the key, and how long the value is
	size := binary.AppendVarint(nil, int64(len(head)+n+1))
	b := make([]byte, len(size)+len(head)+n+1) // a 0 at the end: no headers
	copy(b[copy(b, size):], head)
	return b
}

// reseal makes length and checksum of a changed batch fit.
func reseal(b record.Batch) record.Batch {
	binary.BigEndian.PutUint32(b[8:], uint32(len(b)-record.Overhead))
	b.SetCRC()
	return b
}

// plainWith is a batch whose header says count records and whose records are body.
func plainWith(count uint32, body []byte) record.Batch {
	b := append(batchOf(record.None, "")[:record.HeaderLen], body...)
	binary.BigEndian.PutUint32(b[57:], count)
	binary.BigEndian.PutUint32(b[23:], count-1)
	return reseal(b)
}

// lies are batches that do not hold what they say, with the code that Kafka gives.
func lies() map[string]struct {
	batch record.Batch
	code  int16
} {
	type lie = struct {
		batch record.Batch
		code  int16
	}
	varint := func(prefix []byte, v int64, suffix ...byte) []byte {
		return append(binary.AppendVarint(prefix, v), suffix...)
	}
	recordOf := func(body []byte) []byte { return append(binary.AppendVarint(nil, int64(len(body))), body...) }
	crc := batchOf(record.None, "x")
	crc[17] ^= 1
	out := map[string]lie{
		"crc":                            {crc, 2},
		"2^31-1 records":                 {plainWith(1<<31-1, batchOf(record.None, "x")[record.HeaderLen:]), 87},
		"2^31 records":                   {plainWith(1<<31, batchOf(record.None, "x")[record.HeaderLen:]), 87},
		"no record":                      {plainWith(0, nil), 87},
		"2^31-1 headers":                 {plainWith(1, recordOf(varint([]byte{0, 0, 0, 1, 1}, 1<<31-1))), 87},
		"-1 headers":                     {plainWith(1, recordOf([]byte{0, 0, 0, 1, 1, 1})), 87},
		"record of 2^31-1 bytes":         {plainWith(1, varint(nil, 1<<31-1, 0)), 87},
		"key of 2^31-1 bytes":            {plainWith(1, recordOf(varint([]byte{0, 0, 0}, 1<<31-1))), 87},
		"endless varint":                 {plainWith(1, bytes.Repeat([]byte{0xff}, 100)), 87},
		"stray bytes behind the records": {plainWith(1, append(batchOf(record.None, "x")[record.HeaderLen:], 0)), 87},
	}
	for c := record.Gzip; c <= record.Zstd; c++ {
		garbage := batchOf(record.None, string(make([]byte, 100)))
		garbage[22] |= byte(c)
		out[fmt.Sprint("garbage as ", c)] = lie{reseal(garbage), 87}
		count := batchOf(c, "x", "y")
		binary.BigEndian.PutUint32(count[57:], 1<<30)
		binary.BigEndian.PutUint32(count[23:], 1<<30-1)
		out[fmt.Sprint("2^30 records as ", c)] = lie{reseal(count), 87}
	}
	claim := batchOf(record.None, "")[:record.HeaderLen]
	claim[22] |= byte(record.Snappy)
	out["snappy block of 4 GB"] = lie{reseal(append(claim, 0xff, 0xff, 0xff, 0xff, 0x0f, 0, 0)), 87}
	window := batchOf(record.None, "")[:record.HeaderLen]
	window[22] |= byte(record.Zstd)
	out["zstd window of 2^41"] = lie{reseal(append(window, 0x28, 0xb5, 0x2f, 0xfd, 0, 0xff, 0, 0, 0)), 87}
	return out
}

func TestBatches(t *testing.T) {
	g := start(t)
	for name, l := range lies() {
		g.row(name, func(t *testing.T) {
			c := g.dial(t)
			defer c.Close()
			if got := c.produce("t", 0, l.batch); got != l.code {
				t.Errorf("error %d, want %d", got, l.code)
			}
		})
	}
	c := g.dial(t)
	defer c.Close()
	if resp := c.ask(fetchOf("t", 0, 0, 1000)).(*kmsg.FetchResponse); resp.Topics[0].Partitions[0].HighWatermark != 0 {
		t.Errorf("something was stored: high watermark %d", resp.Topics[0].Partitions[0].HighWatermark)
	}
}

// Batches that are small on the wire and huge inside: up to 100 MiB they are taken, above they are refused with 87.
func TestBombs(t *testing.T) {
	t.Parallel()
	g := start(t, "--memory", "512MiB", "--set", "message.max.bytes=20000000") // a tail that is soon full: what is stored counts little
	for c := record.Gzip; c <= record.Zstd; c++ {
		fits, over := zeros(t, c, 90<<20), zeros(t, c, 900<<20)
		t.Logf("%s: 90 MiB in %d bytes, 900 MiB in %d bytes", c, len(fits), len(over))
		for _, x := range []struct {
			name  string
			batch record.Batch
			want  int16
		}{{"90 MiB", fits, 0}, {"900 MiB", over, 87}} {
			g.row(fmt.Sprintf("%s as %s", x.name, c), func(t *testing.T) {
				cl := g.dial(t)
				defer cl.Close()
				if got := cl.produce("t", 0, x.batch); got != x.want {
					t.Errorf("error %d, want %d", got, x.want)
				}
			})
		}
		for _, codec := range []string{"uncompressed", "gzip", "zstd"} {
			topic := fmt.Sprint("as-", codec)
			cl := g.dial(t)
			if c == record.Gzip {
				cl.create(topic, 1, "compression.type", codec, "max.message.bytes", "1048588")
			}
			cl.Close()
			if len(fits) > 1048588 || c.String() == codec {
				continue
			}
			g.row(fmt.Sprintf("90 MiB as %s, stored %s", c, codec), func(t *testing.T) {
				cl := g.dial(t)
				defer cl.Close()
				want := int16(0)
				if codec == "uncompressed" {
					want = 10
				}
				if got := cl.produce(topic, 0, fits); got != want {
					t.Errorf("error %d, want %d", got, want)
				}
			})
		}
	}
	many := make([][]byte, 200)
	for i := range many {
		many[i] = zeros(t, record.Zstd, 90<<20)
	}
	g.row("200 bombs in one request", func(t *testing.T) {
		req := produceOf("t", 0, many[0])
		for _, b := range many {
			p := kmsg.NewProduceRequestTopicPartition()
			p.Records = b
			req.Topics[0].Partitions = append(req.Topics[0].Partitions, p)
		}
		c := g.dial(t)
		defer c.Close()
		c.ask(req)
	})
	t.Run("50 windows of 8 MiB", func(t *testing.T) {
		b := windowed(t)
		g.watch(t, 25*time.Second, func(t *testing.T) {
			var wg sync.WaitGroup
			for range 50 {
				c := g.dial(t)
				defer c.Close()
				wg.Go(func() {
					if _, err := c.try(produceOf("t", 0, b)); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
		})
	})
	// What is worth of time is what was sent: 50 connections of 900 KiB each may take a second each at most.
	t.Run("50 connections at once", func(t *testing.T) {
		g.watch(t, 50*time.Second, func(t *testing.T) {
			var wg sync.WaitGroup
			for i := range 50 {
				c := g.dial(t)
				defer c.Close()
				b := zeros(t, record.Gzip+record.Codec(i%4), 99<<20)
				wg.Go(func() {
					if _, err := c.try(produceOf("t", 0, b)); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
		})
	})
}

// windowed is a batch whose decoder needs all of a window of 8 MiB.
func windowed(t *testing.T) record.Batch {
	t.Helper()
	b := batchOf(record.None, string(make([]byte, 60<<20)))
	z, err := zstd.NewWriter(nil, zstd.WithWindowSize(8<<20), zstd.WithSingleSegment(false))
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	out := append(b[:record.HeaderLen:record.HeaderLen], z.EncodeAll(b[record.HeaderLen:], nil)...)
	out[22] |= byte(record.Zstd)
	return reseal(out)
}
