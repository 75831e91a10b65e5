package main

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// The load of producing: small batches at a fixed pace, so that latency is the broker's and not a queue's.
const (
	produceTopic   = "produced"
	producers      = 4
	producePace    = 200 // records a second and producer, each a request of its own
	produceBytes   = 10_240
	commitsEvery   = 500 * time.Millisecond // all groups commit at the same moment, that often
	commitsPerCall = 10                     // partitions of each commit
)

// commits measures producing, first alone and then while all groups commit at once.
func commits(o options, addr string) error {
	if err := makeTopic(addr, produceTopic, 12); err != nil {
		return err
	}
	conns := make([]*conn, o.groups)
	for i := range conns {
		c, err := dial(addr)
		if err != nil {
			return err
		}
		defer c.close()
		conns[i] = c
		if err := findCoordinator(c, groupOf(i)); err != nil {
			return err
		}
	}
	if _, err := produce(addr, 2*time.Second); err != nil { // warm
		return err
	}
	alone, err := produce(addr, time.Duration(o.seconds)*time.Second)
	if err != nil {
		return err
	}
	k := &committing{conns: conns, stop: make(chan struct{})}
	k.start()
	beside, err := produce(addr, time.Duration(o.seconds)*time.Second)
	close(k.stop)
	k.wg.Wait()
	if err := firstOf(err, k.err.Load()); err != nil {
		return err
	}
	load := fmt.Sprintf("%d produce requests of %d KiB a second, acks=all", producers*producePace, produceBytes/1024)
	line(load+": p50 / p99 / p99.9", "%s / %s / %s", ms(quantile(alone, .5)), ms(quantile(alone, .99)), ms(quantile(alone, .999)))
	line(fmt.Sprintf("the same while %d groups commit %d partitions at once, every %v", o.groups, commitsPerCall, commitsEvery), "%s / %s / %s",
		ms(quantile(beside, .5)), ms(quantile(beside, .99)), ms(quantile(beside, .999)))
	line("those commits: p50 / p99", "%s / %s", ms(quantile(k.took, .5)), ms(quantile(k.took, .99)))
	line("commits a second", "%.0f", float64(len(k.took))/float64(o.seconds))
	return nil
}

func firstOf(err error, other any) error {
	if e, ok := other.(error); ok && err == nil {
		return e
	}
	return err
}

func groupOf(i int) string { return fmt.Sprint("commits-", i) }

// committing is what all groups do.
type committing struct {
	conns []*conn
	stop  chan struct{}
	wg    sync.WaitGroup
	mu    sync.Mutex
	took  []time.Duration
	err   atomic.Value
}

func (k *committing) start() {
	for i, c := range k.conns {
		k.wg.Go(func() {
			if err := k.one(i, c); err != nil {
				k.err.Store(err)
			}
		})
	}
}

func (k *committing) one(i int, c *conn) error {
	var took []time.Duration
	defer func() {
		k.mu.Lock()
		k.took = append(k.took, took...)
		k.mu.Unlock()
	}()
	for offset := int64(0); ; offset++ {
		next := time.Until(time.Now().Truncate(commitsEvery).Add(commitsEvery))
		select {
		case <-k.stop:
			return nil
		case <-time.After(next):
		}
		req := kmsg.NewPtrOffsetCommitRequest()
		req.Group, req.Generation = groupOf(i), -1
		t := kmsg.NewOffsetCommitRequestTopic()
		t.Topic = groupTopic
		for p := range int32(commitsPerCall) {
			x := kmsg.NewOffsetCommitRequestTopicPartition()
			x.Partition, x.Offset = p, offset
			t.Partitions = append(t.Partitions, x)
		}
		req.Topics = append(req.Topics, t)
		began := time.Now()
		resp, err := c.ask(8, req)
		if err != nil {
			return err
		}
		took = append(took, time.Since(began))
		if e := resp.(*kmsg.OffsetCommitResponse).Topics[0].Partitions[0].ErrorCode; e != 0 {
			return fmt.Errorf("commit: error %d", e)
		}
	}
}

// produce sends at the fixed pace and gives the latency of each request, from when it was due.
func produce(addr string, d time.Duration) ([]time.Duration, error) {
	var all []time.Duration
	var mu sync.Mutex
	err := each(make([]struct{}, producers), func(struct{}) error {
		cl, err := kgo.NewClient(kgo.SeedBrokers(addr), kgo.DefaultProduceTopic(produceTopic), kgo.ProducerLinger(0), kgo.DisableIdempotentWrite(),
			kgo.MaxProduceRequestsInflightPerBroker(1), kgo.RequiredAcks(kgo.AllISRAcks()), kgo.ProducerBatchCompression(kgo.NoCompression()))
		if err != nil {
			return err
		}
		defer cl.Close()
		value := make([]byte, produceBytes)
		var took []time.Duration
		due := time.Now()
		for until := due.Add(d); due.Before(until); due = due.Add(time.Second / producePace) {
			time.Sleep(time.Until(due))
			if err := cl.ProduceSync(context.Background(), &kgo.Record{Value: value}).FirstErr(); err != nil {
				return err
			}
			took = append(took, time.Since(due))
		}
		mu.Lock()
		all = append(all, took...)
		mu.Unlock()
		return nil
	})
	return all, err
}
