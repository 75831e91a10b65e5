package main

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	pacedWarm = 2 * time.Second
	// pacedBatch is what the Java client gives a partition before it takes the next (batch.size).
	pacedBatch = 16 << 10
)

// paced produces MBs a second and measures each record from its hand-over to its acknowledgement. A record that is late because the broker
// kept the client waiting counts from when it was due.
func paced(ctx context.Context, j job) (r result, err error) {
	cl, err := newProducer(ctx, j, pacedBatch)
	if err != nil {
		return r, err
	}
	defer cl.Close()
	values := randomValues(j.Size)
	perSecond := j.MBs * 1_000_000 / j.Size
	warm := perSecond * int(pacedWarm/time.Second)
	total := warm + perSecond*j.Seconds
	ms := make([]float32, total)
	var failed failures
	var m meter
	began := time.Now()
	woke := began
	for i := range total {
		due := began.Add(time.Duration(i) * time.Second / time.Duration(perSecond))
		if wait := time.Until(due); wait > 0 {
			time.Sleep(max(wait, 500*time.Microsecond))
			woke = time.Now()
		}
		if due.Before(woke) { // overslept: the fault of nobody's broker
			due = woke
		}
		if i == warm {
			m = j.meter()
		}
		cl.Produce(ctx, &kgo.Record{Value: values[i%len(values)]}, func(_ *kgo.Record, err error) {
			if err != nil {
				failed.add(err)
			}
			ms[i] = float32(time.Since(due).Seconds() * 1e3)
		})
	}
	if err := cl.Flush(ctx); err != nil {
		return r, err
	}
	m.stop(&r)
	if err := failed.err(); err != nil {
		return r, err
	}
	r.Records, r.MB = total-warm, float64((total-warm)*j.Size)/1e6
	ms = ms[warm:]
	slices.Sort(ms)
	at := func(share float64) float64 { return float64(ms[int(float64(len(ms)-1)*share)]) }
	r.P50, r.P99, r.P999 = at(0.5), at(0.99), at(0.999)
	return r, nil
}

const singleWarm = 100

// single produces one record at a time, each after a waiting consumer has seen the one before.
func single(ctx context.Context, j job) (r result, err error) {
	if err := makeTopic(ctx, j.Bootstrap, j.Topic, 1, j.Replicas); err != nil {
		return r, err
	}
	producer, err := kgo.NewClient(seeds(j.Bootstrap), kgo.DefaultProduceTopic(j.Topic), kgo.ProducerLinger(0))
	if err != nil {
		return r, err
	}
	defer producer.Close()
	consumer, err := newConsumer(j)
	if err != nil {
		return r, err
	}
	defer consumer.Close()
	seen := make(chan time.Time)
	var follow sync.WaitGroup
	defer follow.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	follow.Go(func() {
		for ctx.Err() == nil {
			fs := consumer.PollFetches(ctx)
			now := time.Now()
			for range fs.NumRecords() {
				select {
				case seen <- now:
				case <-ctx.Done():
				}
			}
		}
	})
	value := randomValues(j.Size)[0]
	var acked, end []float64
	var m meter
	for i := range singleWarm + j.Records {
		if i == singleWarm {
			m = j.meter()
		}
		start := time.Now()
		if err := producer.ProduceSync(ctx, &kgo.Record{Value: value}).FirstErr(); err != nil {
			return r, err
		}
		took := time.Since(start)
		select {
		case at := <-seen:
			if i >= singleWarm {
				acked, end = append(acked, took.Seconds()*1e3), append(end, at.Sub(start).Seconds()*1e3)
			}
		case <-time.After(10 * time.Second):
			return r, fmt.Errorf("record %d was acknowledged and not seen by the consumer within 10 s", i)
		}
	}
	m.stop(&r)
	slices.Sort(acked)
	slices.Sort(end)
	n := len(acked) - 1
	r.Records, r.MB = j.Records, float64(j.Records*j.Size)/1e6
	r.P50, r.P99, r.SeenP50, r.SeenP99 = acked[n/2], acked[n*99/100], end[n/2], end[n*99/100]
	return r, nil
}
