package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// newProducer is idempotent and waits for acks=all, as franz-go does unless told otherwise; batches are not compressed. A batch goes
// to the next partition when it has so many bytes. One record has been acknowledged when it returns: connection, metadata and
// producer id are there.
func newProducer(ctx context.Context, j job, batch int) (*kgo.Client, error) {
	if err := makeTopic(ctx, j.Bootstrap, j.Topic, j.Partitions, j.Replicas); err != nil {
		return nil, err
	}
	cl, err := kgo.NewClient(seeds(j.Bootstrap), kgo.DefaultProduceTopic(j.Topic), kgo.ProducerBatchCompression(kgo.NoCompression()),
		kgo.RequiredAcks(kgo.AllISRAcks()), kgo.RecordPartitioner(kgo.UniformBytesPartitioner(batch, false, false, nil)),
		kgo.ProducerLinger(time.Millisecond), kgo.ProducerBatchMaxBytes(1_000_000), kgo.MaxBufferedRecords(1<<20), kgo.MaxBufferedBytes(64<<20))
	if err != nil {
		return nil, err
	}
	if err := cl.ProduceSync(ctx, &kgo.Record{Value: randomValues(j.Size)[0]}).FirstErr(); err != nil {
		cl.Close()
		return nil, err
	}
	return cl, nil
}

// failures counts records that were not acknowledged, and keeps the first reason.
type failures struct {
	n     atomic.Int64
	first atomic.Pointer[error]
}

func (f *failures) add(err error) {
	f.n.Add(1)
	f.first.CompareAndSwap(nil, &err)
}

func (f *failures) err() error {
	if p := f.first.Load(); p != nil {
		return fmt.Errorf("%d records were not acknowledged: %w", f.n.Load(), *p)
	}
	return nil
}

// produce writes as fast as it can and measures until the last acknowledgement and until everything is on disk.
func produce(ctx context.Context, j job) (r result, err error) {
	cl, err := newProducer(ctx, j, 64<<10)
	if err != nil {
		return r, err
	}
	defer cl.Close()
	values := randomValues(j.Size)
	var failed failures
	var acked atomic.Int64
	done := func(_ *kgo.Record, err error) {
		if err != nil {
			failed.add(err)
			return
		}
		acked.Add(1)
	}
	m := j.meter()
	for i := range j.Records - 1 { // one is there already
		cl.Produce(ctx, &kgo.Record{Value: values[i%len(values)]}, done)
	}
	if err := cl.Flush(ctx); err != nil {
		return r, err
	}
	m.stop(&r)
	syscall.Sync()
	r.DiskSeconds = time.Since(m.began).Seconds()
	m.cpu(&r)
	if err := failed.err(); err != nil {
		return r, err
	}
	r.Records = int(acked.Load()) + 1
	if r.Records != j.Records {
		return r, fmt.Errorf("%d of %d records were acknowledged", r.Records, j.Records)
	}
	r.MB = float64((j.Records-1)*j.Size) / 1e6
	return r, nil
}

// randomValues does not compress, and is the same in every run.
func randomValues(size int) [][]byte {
	rng := rand.New(rand.NewPCG(1, 2))
	values := make([][]byte, 1024)
	for i := range values {
		values[i] = make([]byte, size)
		for k := range values[i] {
			values[i][k] = byte(rng.Uint32())
		}
	}
	return values
}
