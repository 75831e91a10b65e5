package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

type produced struct {
	records                 int
	acked, onDisk, cpuPerGB float64
}

// limit bounds one measured step; a broker that hangs fails the run.
const limit = 3 * time.Minute

func createTopic(ctx context.Context, boot, topic string, partitions int32) error {
	cl, err := kgo.NewClient(kgo.SeedBrokers(boot))
	if err != nil {
		return err
	}
	defer cl.Close()
	res, err := kadm.NewClient(cl).CreateTopics(ctx, partitions, 1, nil, topic)
	if err != nil {
		return err
	}
	return res[topic].Err
}

// produce writes mb megabytes of size-byte records, idempotent, acks=all, and measures until the last acknowledgement and
// until everything is on disk.
func produce(boot, topic string, partitions int32, size, mb, pid int) (produced, error) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	if err := createTopic(ctx, boot, topic, partitions); err != nil {
		return produced{}, err
	}
	cl, err := kgo.NewClient(kgo.SeedBrokers(boot), kgo.DefaultProduceTopic(topic), kgo.ProducerBatchCompression(kgo.NoCompression()),
		kgo.RecordPartitioner(kgo.UniformBytesPartitioner(64<<10, false, false, nil)), kgo.ProducerLinger(time.Millisecond),
		kgo.ProducerBatchMaxBytes(1_000_000), kgo.MaxBufferedRecords(64<<10), kgo.MaxBufferedBytes(64<<20))
	if err != nil {
		return produced{}, err
	}
	defer cl.Close()
	values := randomValues(size)
	n := mb << 20 / size
	var failed atomic.Pointer[error]
	cpu, start := cpuSeconds(pid), time.Now()
	for i := range n {
		cl.Produce(ctx, &kgo.Record{Value: values[i%len(values)]}, func(_ *kgo.Record, err error) {
			if err != nil {
				failed.CompareAndSwap(nil, &err)
			}
		})
	}
	if err := cl.Flush(ctx); err != nil {
		return produced{}, err
	}
	acked := time.Since(start)
	syscall.Sync()
	onDisk := time.Since(start)
	if p := failed.Load(); p != nil {
		return produced{}, fmt.Errorf("produce: %w", *p)
	}
	bytes := float64(n * size)
	return produced{n, bytes / 1e6 / acked.Seconds(), bytes / 1e6 / onDisk.Seconds(), (cpuSeconds(pid) - cpu) / (bytes / 1e9)}, nil
}

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

type latencies struct{ p50, p99 float64 }

// roundTrips produces one record at a time, each after the answer to the one before.
func roundTrips(boot, topic string, n int) (latencies, error) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	if err := createTopic(ctx, boot, topic, 1); err != nil {
		return latencies{}, err
	}
	cl, err := kgo.NewClient(kgo.SeedBrokers(boot), kgo.DefaultProduceTopic(topic), kgo.ProducerLinger(0))
	if err != nil {
		return latencies{}, err
	}
	defer cl.Close()
	value := make([]byte, 100)
	var ms []float64
	for i := range n + 20 {
		start := time.Now()
		if err := cl.ProduceSync(ctx, &kgo.Record{Value: value}).FirstErr(); err != nil {
			return latencies{}, err
		}
		if i >= 20 {
			ms = append(ms, float64(time.Since(start).Microseconds())/1000)
		}
	}
	slices.Sort(ms)
	return latencies{ms[len(ms)/2], ms[len(ms)*99/100]}, nil
}

// consume reads n records from the start of all partitions and gives MB/s of values.
func consume(boot, topic string, n int) (float64, error) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	cl, err := kgo.NewClient(kgo.SeedBrokers(boot), kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.FetchMaxBytes(50<<20), kgo.FetchMaxPartitionBytes(4<<20))
	if err != nil {
		return 0, err
	}
	defer cl.Close()
	var bytes int
	var once sync.Once
	start := time.Now()
	for got := 0; got < n; {
		fs := cl.PollFetches(ctx)
		if err := ctx.Err(); err != nil {
			return 0, fmt.Errorf("consumed %d of %d: %w", got, n, err)
		}
		once.Do(func() { start = time.Now() })
		fs.EachRecord(func(r *kgo.Record) { got++; bytes += len(r.Value) })
	}
	return float64(bytes) / 1e6 / time.Since(start).Seconds(), nil
}
