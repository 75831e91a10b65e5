package clients

import (
	"context"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// codecNumber is how record batches name codecs.
var codecNumber = map[string]int{"none": 0, "gzip": 1, "snappy": 2, "lz4": 3, "zstd": 4}

// stored is what a partition holds, read by franz-go.
type stored struct {
	records    []record
	codecs     int // a bit for each codec seen
	idempotent bool
}

func (b bench) stored(t *testing.T, topic string, partition int32) (s stored) {
	t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(b.bootstrap),
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: {partition: kgo.NewOffset().AtStart()}}))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	ends, err := b.adm.ListEndOffsets(ctx, topic)
	if err != nil {
		t.Fatal(err)
	}
	end, _ := ends.Lookup(topic, partition)
	if end.Err != nil || end.Offset == 0 {
		t.Fatalf("partition %d of %s ends at %d (%v)", partition, topic, end.Offset, end.Err)
	}
	for int64(len(s.records)) < end.Offset {
		fetches := cl.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			t.Fatalf("%v, after %d of %d records", err, len(s.records), end.Offset)
		}
		for _, k := range fetches.Records() {
			r := record{Offset: k.Offset, Key: k.Key, Value: k.Value, Timestamp: k.Timestamp.UnixMilli()}
			for _, h := range k.Headers {
				r.Headers = append(r.Headers, header{h.Key, h.Value})
			}
			s.records = append(s.records, r)
			s.codecs |= 1 << k.Attrs.CompressionType()
			s.idempotent = s.idempotent || k.ProducerID >= 0
		}
	}
	return s
}

// write produces records as one batch, idempotent.
func (b bench) write(t *testing.T, topic string, partition int32, codec kgo.CompressionCodec, records []record) {
	t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(b.bootstrap), kgo.ProducerBatchCompression(codec), kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ProducerLinger(100*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	var all []*kgo.Record
	for _, r := range records {
		k := &kgo.Record{Topic: topic, Partition: partition, Key: r.Key, Value: r.Value, Timestamp: time.UnixMilli(r.Timestamp)}
		for _, h := range r.Headers {
			k.Headers = append(k.Headers, kgo.RecordHeader{Key: h.Key, Value: h.Value})
		}
		all = append(all, k)
	}
	if err := cl.ProduceSync(ctx, all...).FirstErr(); err != nil {
		t.Fatal(err)
	}
}
