package differential

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"troupe/integration/oracle"
)

// TestCompaction writes the same batches to a Kafka and to a Troupe of its own and compares what compaction leaves, record by record.
func TestCompaction(t *testing.T) {
	if err := oracle.Available(); err != nil {
		if os.Getenv("STRICT") == "1" {
			t.Fatalf("missing: oracle (%v)", err)
		}
		t.Skipf("missing: oracle (%v)", err)
	}
	dir := t.TempDir()
	kafka, err := oracle.StartKafka(dir+"/kafka", "log.cleaner.backoff.ms=300")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = kafka.Stop() })
	bin, err := oracle.Build(dir)
	if err != nil {
		t.Fatal(err)
	}
	troupe, err := oracle.StartBroker(bin, dir+"/troupe", "--set", "log.cleaner.backoff.ms=300")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = troupe.Stop() })
	all := []string{"none", "gzip", "snappy", "lz4", "zstd"}
	if os.Getenv("SMOKE") == "1" {
		all = all[4:]
	}
	for _, codec := range all {
		a, b := compacted(t, kafka.Bootstrap, codec), compacted(t, troupe.Bootstrap, codec)
		if len(a) == 0 || len(a) > compactedBatches*compactedRecords*3/4 {
			t.Errorf("%s: Kafka leaves %d records: it proves little", codec, len(a))
		}
		if !slices.Equal(a, b) {
			t.Errorf("%s: Kafka leaves %d records, Troupe %d: %s", codec, len(a), len(b), firstDifference(a, b))
		}
		t.Logf("%s: %d of %d records are left", codec, len(b), compactedBatches*compactedRecords)
	}
}

const (
	compactedBatches = 100
	compactedRecords = 200
)

// compacted writes a topic and tells what is left of it when nothing changes any more.
func compacted(t *testing.T, bootstrap, codec string) []string {
	t.Helper()
	topic := "compacted-" + codec
	codecs := map[string]kgo.CompressionCodec{"none": kgo.NoCompression(), "gzip": kgo.GzipCompression(), "snappy": kgo.SnappyCompression(), "lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression()}
	cl, err := kgo.NewClient(kgo.SeedBrokers(bootstrap), kgo.DefaultProduceTopic(topic), kgo.ManualFlushing(), kgo.DisableIdempotentWrite(), kgo.ProducerBatchCompression(codecs[codec]))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	set := func(s string) *string { return &s }
	made, err := kadm.NewClient(cl).CreateTopics(ctx, 1, 1, map[string]*string{"cleanup.policy": set("compact"), "segment.bytes": set("1048576"), "min.cleanable.dirty.ratio": set("0.001")}, topic)
	if err != nil || made[topic].Err != nil {
		t.Fatal(err, made[topic].Err)
	}
	rng := rand.New(rand.NewPCG(7, 7))
	for range compactedBatches {
		for i := range compactedRecords {
			r := &kgo.Record{Key: fmt.Append(nil, "key", rng.IntN(2000)), Timestamp: time.UnixMilli(1_700_000_000_000 + int64(i))}
			if rng.IntN(10) > 0 {
				r.Value = make([]byte, 100+rng.IntN(100))
				for k := range r.Value {
					r.Value[k] = byte(rng.Uint32())
				}
			}
			cl.Produce(ctx, r, func(_ *kgo.Record, err error) {
				if err != nil {
					t.Error(err)
				}
			})
		}
		if err := cl.Flush(ctx); err != nil {
			t.Fatal(err)
		}
	}
	var left []string
	for still := 0; still < 3 && ctx.Err() == nil; still++ {
		time.Sleep(2 * time.Second)
		now := contents(ctx, t, bootstrap, topic)
		if !slices.Equal(now, left) || len(now) == compactedBatches*compactedRecords {
			still = -1
		}
		left = now
	}
	return left
}

// contents reads a whole topic of one partition.
func contents(ctx context.Context, t *testing.T, bootstrap, topic string) (out []string) {
	t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(bootstrap), kgo.ConsumeTopics(topic))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	for ctx.Err() == nil {
		for _, r := range cl.PollFetches(ctx).Records() {
			out = append(out, fmt.Sprintf("%d %s %d %x", r.Offset, r.Key, r.Timestamp.UnixMilli(), r.Value))
			if r.Offset == compactedBatches*compactedRecords-1 {
				return out
			}
		}
	}
	return out
}

func firstDifference(a, b []string) string {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return fmt.Sprintf("record %d is %.60s, and %.60s", i, a[i], b[i])
		}
	}
	return "one is the begin of the other"
}
