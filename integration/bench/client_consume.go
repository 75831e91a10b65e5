package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

func newConsumer(j job, more ...kgo.Opt) (*kgo.Client, error) {
	return kgo.NewClient(append([]kgo.Opt{seeds(j.Bootstrap), kgo.ConsumeTopics(j.Topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.FetchMaxBytes(50 << 20), kgo.FetchMaxPartitionBytes(4 << 20)}, more...)...)
}

// consume reads all records of all partitions, without a group. franz-go checks the CRC of every batch.
func consume(ctx context.Context, j job) (r result, err error) {
	m := j.meter()
	cl, err := newConsumer(j)
	if err != nil {
		return r, err
	}
	defer cl.Close()
	if err := readAll(ctx, cl, j, nil); err != nil {
		return r, err
	}
	m.stop(&r)
	r.Records, r.MB = j.Records, float64(j.Records*j.Size)/1e6
	return r, nil
}

// readAll polls until each record was seen once: of each partition without a gap, of the size that was produced.
func readAll(ctx context.Context, cl *kgo.Client, j job, first func()) error {
	next := map[int32]int64{}
	for got := 0; got < j.Records; {
		fs := cl.PollFetches(ctx)
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("consumed %d of %d: %w", got, j.Records, err)
		}
		if err := fs.Err(); err != nil {
			return fmt.Errorf("consumed %d of %d: %w", got, j.Records, err)
		}
		if first != nil && got == 0 {
			first()
		}
		var wrong error
		fs.EachRecord(func(r *kgo.Record) {
			if r.Offset != next[r.Partition] || len(r.Value) != j.Size {
				wrong = errors.Join(wrong, fmt.Errorf("partition %d: offset %d with %d bytes where %d with %d was due", r.Partition, r.Offset, len(r.Value), next[r.Partition], j.Size))
			}
			next[r.Partition] = r.Offset + 1
			got++
		})
		if wrong != nil {
			return wrong
		}
		if got > j.Records {
			return fmt.Errorf("consumed %d of %d", got, j.Records)
		}
	}
	return nil
}

// consumeGroups reads all records by several groups at once, each with one member. Time counts from the first record on, for joining
// is another figure.
func consumeGroups(ctx context.Context, j job) (r result, err error) {
	var done sync.WaitGroup
	var once sync.Once
	var m meter
	errs, clients := make([]error, j.Groups), make([]*kgo.Client, j.Groups)
	stamp := time.Now().UnixNano()
	for i := range j.Groups {
		done.Go(func() {
			cl, err := newConsumer(j, kgo.ConsumerGroup(fmt.Sprintf("bench-%d-%d", stamp, i)))
			if err != nil {
				errs[i] = err
				return
			}
			clients[i] = cl
			errs[i] = readAll(ctx, cl, j, func() { once.Do(func() { m = j.meter() }) })
		})
	}
	done.Wait()
	m.stop(&r)
	for _, cl := range clients {
		if cl != nil {
			cl.Close()
		}
	}
	if err := errors.Join(errs...); err != nil {
		return r, err
	}
	r.Records = j.Groups * j.Records
	r.MB = float64(r.Records*j.Size) / 1e6
	return r, nil
}
