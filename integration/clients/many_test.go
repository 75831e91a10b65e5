package clients

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Records of TestMany: a few MiB in many batches, so that no client gets them in one answer.
const (
	manyRounds   = 20
	manyPerRound = 600
)

// TestMany: each client reads a partition that is larger than one answer, with batches of all codecs and of many sizes, one
// record of which is larger than the others of its batch together.
func TestMany(t *testing.T) {
	b, all := newBench(t)
	topic := b.topic(t, java{})
	codecs := []kgo.CompressionCodec{kgo.NoCompression(), kgo.GzipCompression(), kgo.SnappyCompression(), kgo.Lz4Compression(), kgo.ZstdCompression()}
	var want []record
	for round := range manyRounds {
		first := len(want)
		for i := range manyPerRound {
			n := first + i
			size := 200 + n%300
			if i == 17 && round == manyRounds/2 {
				size = 500_000
			}
			want = append(want, record{
				Key: fmt.Appendf(nil, "k%d", n%101), Value: bytes.Repeat(fmt.Appendf(nil, "%d.", n*7919), size/8), Timestamp: baseTime + int64(n),
			})
		}
		b.write(t, topic, 0, codecs[round%len(codecs)], want[first:])
	}
	same(t, "franz-go here", abilities{timestamps: true}, want, b.stored(t, topic, 0).records, 0)
	for _, c := range all {
		if c.missing() != nil {
			continue // TestClients lists it, or fails
		}
		t.Run(c.name(), func(t *testing.T) {
			got, err := c.consume(b.bootstrap, topic, 0, "start", int64(len(want)))
			if err != nil {
				t.Fatal(err)
			}
			same(t, c.name(), abilities{timestamps: true}, want, got, 0)
		})
	}
}
