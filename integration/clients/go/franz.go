package main

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// franz is franz-go.
type franz struct{ bootstrap string }

func (f franz) produce(topic string, partition int32, codec string, idempotent bool, records []record) ([]int64, error) {
	codecs := map[string]kgo.CompressionCodec{
		"none": kgo.NoCompression(), "gzip": kgo.GzipCompression(), "snappy": kgo.SnappyCompression(), "lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression(),
	}
	opts := []kgo.Opt{
		kgo.SeedBrokers(f.bootstrap), kgo.ProducerBatchCompression(codecs[codec]), kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.RequiredAcks(kgo.AllISRAcks()),
		kgo.ProducerLinger(200 * time.Millisecond), // one batch: those that compression does not make smaller go plainly
	}
	if !idempotent {
		opts = append(opts, kgo.DisableIdempotentWrite(), kgo.MaxProduceRequestsInflightPerBroker(1))
	}
	cl, err := kgo.NewClient(opts...)
	if err != nil {
		return nil, err
	}
	defer cl.Close()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var all []*kgo.Record
	for _, r := range records {
		k := &kgo.Record{Topic: topic, Partition: partition, Key: r.Key, Value: r.Value, Timestamp: atMillis(r.Timestamp)}
		for _, h := range r.Headers {
			k.Headers = append(k.Headers, kgo.RecordHeader{Key: h.Key, Value: h.Value})
		}
		all = append(all, k)
	}
	results := cl.ProduceSync(ctx, all...)
	if err := results.FirstErr(); err != nil {
		return nil, err
	}
	var offsets []int64
	for _, k := range all { // the results come in the order of their batches
		offsets = append(offsets, k.Offset)
	}
	return offsets, nil
}

func (f franz) consume(topic string, partition int32, from string, until int64, each func(record)) error {
	offset, stamp, err := place(from)
	if err != nil {
		return err
	}
	begin := kgo.NewOffset().At(offset)
	switch {
	case stamp >= 0:
		begin = kgo.NewOffset().AfterMilli(stamp)
	case offset == -2:
		begin = kgo.NewOffset().AtStart()
	}
	cl, err := kgo.NewClient(kgo.SeedBrokers(f.bootstrap), kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: {partition: begin}}))
	if err != nil {
		return err
	}
	defer cl.Close()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	ends, err := kadm.NewClient(cl).ListEndOffsets(ctx, topic)
	if err != nil {
		return err
	}
	if end, ok := ends.Lookup(topic, partition); !ok || end.Err != nil || end.Offset != until {
		return fmt.Errorf("end offset %d (%v), want %d", end.Offset, end.Err, until)
	}
	for {
		fetches := cl.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			return err
		}
		for _, k := range fetches.Records() {
			r := record{Offset: k.Offset, Key: k.Key, Value: k.Value, Timestamp: k.Timestamp.UnixMilli()}
			for _, h := range k.Headers {
				r.Headers = append(r.Headers, header{h.Key, h.Value})
			}
			each(r)
			if k.Offset+1 >= until {
				return nil
			}
		}
	}
}

func (f franz) admin(topic string) (s seen, err error) {
	// Lists come from the client's cache while they are younger than this, 5 s by default.
	cl, err := kgo.NewClient(kgo.SeedBrokers(f.bootstrap), kgo.MetadataMinAge(50*time.Millisecond))
	if err != nil {
		return s, err
	}
	defer cl.Close()
	adm := kadm.NewClient(cl)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if _, err = adm.CreateTopic(ctx, 3, 1, map[string]*string{"retention.ms": kadm.StringPtr("3600000")}, topic); err != nil {
		return s, fmt.Errorf("create: %w", err)
	}
	s.Created = true
	s.Listed, err = soon(func() (bool, error) {
		all, err := adm.ListTopics(ctx)
		if err != nil || !all.Has(topic) {
			return false, err
		}
		s.Partitions = len(all[topic].Partitions)
		return s.Partitions == 3, nil
	})
	if err != nil {
		return s, fmt.Errorf("list: %w", err)
	}
	if _, err = adm.DeleteTopic(ctx, topic); err != nil {
		return s, fmt.Errorf("delete: %w", err)
	}
	s.Deleted, err = soon(func() (bool, error) {
		all, err := adm.ListTopics(ctx)
		return !all.Has(topic), err
	})
	return s, err
}
