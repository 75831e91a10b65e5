package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// load is the client's side.
type load struct {
	o      options
	b      *broker
	cl     *kgo.Client
	adm    *kadm.Client
	topics []string
}

func newLoad(b *broker, o options) (*load, error) {
	cl, err := kgo.NewClient(kgo.SeedBrokers(b.kafka), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerLinger(0))
	if err != nil {
		return nil, err
	}
	l := &load{o: o, b: b, cl: cl, adm: kadm.NewClient(cl)}
	for i := range (o.partitions + o.each - 1) / o.each {
		l.topics = append(l.topics, fmt.Sprintf("many-%06d", i))
	}
	return l, nil
}

func (l *load) close() { l.cl.Close() }

// size is how many partitions topic i has.
func (l *load) size(i int) int { return min(l.o.each, l.o.partitions-i*l.o.each) }

// create makes all topics, from four clients at a time.
func (l *load) create(ctx context.Context) error {
	var next atomic.Int64
	var wg sync.WaitGroup
	var failed atomic.Pointer[error]
	for range 4 {
		wg.Go(func() {
			for failed.Load() == nil {
				i := int(next.Add(1)) - 1
				if i >= len(l.topics) {
					return
				}
				res, err := l.adm.CreateTopics(ctx, int32(l.size(i)), 1, nil, l.topics[i])
				if err == nil {
					err = res[l.topics[i]].Err
				}
				if err != nil {
					failed.Store(&err)
				}
			}
		})
	}
	wg.Wait()
	if p := failed.Load(); p != nil {
		return *p
	}
	return l.metadata(ctx)
}

// metadata asks for all topics; every partition must have a leader.
func (l *load) metadata(ctx context.Context) error {
	m, err := l.adm.Metadata(ctx)
	if err != nil {
		return err
	}
	n := 0
	for _, t := range m.Topics {
		for _, p := range t.Partitions {
			if t.Err != nil || p.Err != nil || p.Leader < 0 {
				return fmt.Errorf("%s-%d: leader %d, %v %v", p.Topic, p.Partition, p.Leader, t.Err, p.Err)
			}
			n++
		}
	}
	if n < l.o.partitions {
		return fmt.Errorf("%d partitions in Metadata", n)
	}
	return nil
}

func (l *load) offsets(ctx context.Context) error {
	list, err := l.adm.ListEndOffsets(ctx, l.topics...)
	if err != nil {
		return err
	}
	n := 0
	list.Each(func(o kadm.ListedOffset) {
		if o.Err == nil {
			n++
		}
	})
	if n != l.o.partitions {
		return fmt.Errorf("offsets of %d partitions", n)
	}
	return nil
}

func (l *load) topicList(ctx context.Context) error {
	cmd := exec.CommandContext(ctx, l.b.bin, "topic", "list", "-o", "json")
	cmd.Env = append(os.Environ(), "BROKER_BROKERS="+l.b.kafka, "BROKER_ADMIN="+l.b.admin)
	cmd.Stderr = os.Stderr
	_, err := cmd.Output()
	return err
}

// spread picks n partitions evenly over all.
func (l *load) spread(n int, f func(topic string, partition int32)) {
	n = min(n, l.o.partitions)
	for k := range n {
		at := int(int64(k) * int64(l.o.partitions) / int64(n))
		f(l.topics[at/l.o.each], int32(at%l.o.each))
	}
}

func (l *load) produceSome(ctx context.Context) error { return l.produce(ctx, l.o.atOnce) }

func (l *load) produceAll(ctx context.Context) error { return l.produce(ctx, l.o.partitions) }

// produce sends one record to each of n partitions, and waits for all acknowledgements.
func (l *load) produce(ctx context.Context, n int) error {
	var failed atomic.Pointer[error]
	value := make([]byte, 100)
	l.spread(n, func(topic string, partition int32) {
		l.cl.Produce(ctx, &kgo.Record{Topic: topic, Partition: partition, Value: value}, func(_ *kgo.Record, err error) {
			if err != nil {
				failed.CompareAndSwap(nil, &err)
			}
		})
	})
	if err := l.cl.Flush(ctx); err != nil {
		return err
	}
	if p := failed.Load(); p != nil {
		return *p
	}
	return nil
}

// consumer reads the partitions that produceSome produces to, from their start or from their end.
func (l *load) consumer(from kgo.Offset) (*kgo.Client, error) {
	parts := map[string]map[int32]kgo.Offset{}
	l.spread(l.o.atOnce, func(topic string, partition int32) {
		if parts[topic] == nil {
			parts[topic] = map[int32]kgo.Offset{}
		}
		parts[topic][partition] = from
	})
	return kgo.NewClient(kgo.SeedBrokers(l.b.kafka), kgo.ConsumePartitions(parts), kgo.FetchMaxWait(500*time.Millisecond))
}

// consume reads what was produced so far.
func (l *load) consume(ctx context.Context) error {
	cl, err := l.consumer(kgo.NewOffset().AtStart())
	if err != nil {
		return err
	}
	defer cl.Close()
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for n := 0; n < 2*min(l.o.atOnce, l.o.partitions); {
		f := cl.PollFetches(ctx)
		var errs error
		f.EachError(func(topic string, p int32, err error) {
			errs = errors.Join(errs, fmt.Errorf("%s-%d: %w", topic, p, err))
		})
		if errs != nil {
			return errs
		}
		n += f.NumRecords()
	}
	return nil
}

// poll consumes partitions that get nothing, until stop.
func (l *load) poll() (stop func(), err error) {
	cl, err := l.consumer(kgo.NewOffset().AtEnd())
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			cl.PollFetches(ctx)
		}
	}()
	return func() {
		cancel()
		<-done
		cl.Close()
	}, nil
}
