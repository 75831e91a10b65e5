package soak

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// stream is one producer and the topic that it alone writes to.
type stream struct {
	name       string
	partitions int32
	size       int // of a value
	rate       int // records a second
	keys       int // 0: records without keys
	plain      bool
	opts       []kgo.Opt
	configs    map[string]string
}

func streams(rate int) []stream {
	small := map[string]string{"segment.bytes": "1048576", "retention.bytes": "4194304"}
	young := map[string]string{"segment.bytes": "1048576", "segment.ms": "2000", "retention.ms": "5000"}
	return []stream{
		{name: "soak-idempotent", partitions: 4, size: 1024, rate: rate, configs: small, opts: []kgo.Opt{kgo.ProducerBatchCompression(kgo.NoCompression())}},
		{name: "soak-plain", partitions: 4, size: 1024, rate: rate / 4, plain: true, configs: young,
			opts: []kgo.Opt{kgo.DisableIdempotentWrite(), kgo.ProducerBatchCompression(kgo.NoCompression())}},
		{name: "soak-compressed", partitions: 2, size: 1024, rate: rate / 2, configs: small, opts: []kgo.Opt{kgo.ProducerBatchCompression(kgo.Lz4Compression())}},
		{name: "soak-compacted", partitions: 2, size: 512, rate: rate / 4, keys: 500, opts: []kgo.Opt{kgo.ProducerBatchCompression(kgo.SnappyCompression())},
			configs: map[string]string{"cleanup.policy": "compact", "segment.bytes": "1048576", "segment.ms": "2000", "min.cleanable.dirty.ratio": "0.1"}},
	}
}

// load is all that works on the broker.
type load struct {
	ctx     context.Context // ends the readers and what is under way
	stop    chan struct{}   // ends what begins anew
	boot    string
	ledgers []*ledger
	clock   clock
	counts  counts
	writers sync.WaitGroup
	readers sync.WaitGroup

	mu    sync.Mutex
	wrong []string
}

// counts are what the load has done.
type counts struct{ read, joins, commits, topics, admin, conns, refused, failed atomic.Int64 }

func (l *load) fail(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.wrong) < 10 {
		l.wrong = append(l.wrong, fmt.Sprintf(format, args...))
	}
}

func (l *load) client(opts ...kgo.Opt) (*kgo.Client, error) {
	return kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(l.boot), kgo.AlwaysRetryEOF(), kgo.RetryBackoffFn(func(int) time.Duration { return 50 * time.Millisecond }),
		kgo.MetadataMinAge(100 * time.Millisecond)}, opts...)...)
}

// begin makes the topics and starts everybody.
func (l *load) begin(list []stream) error {
	c, err := l.client()
	if err != nil {
		return err
	}
	defer c.Close()
	for _, s := range list {
		configs := map[string]*string{}
		for k, v := range s.configs {
			configs[k] = kadm.StringPtr(v)
		}
		r, err := kadm.NewClient(c).CreateTopic(l.ctx, s.partitions, 1, configs, s.name)
		if err == nil {
			err = r.Err
		}
		if err != nil {
			return fmt.Errorf("topic %s: %w", s.name, err)
		}
		led := newLedger(s.name, int(s.partitions), !s.plain, s.keys > 0)
		l.ledgers = append(l.ledgers, led)
		l.spawn(&l.readers, func() error { return l.follow(led) })
		l.spawn(&l.writers, func() error { return l.produce(s, led) })
	}
	for i := range 3 {
		l.spawn(&l.writers, func() error { return l.belong(i, list[0].name) })
	}
	l.spawn(&l.writers, l.churn)
	l.spawn(&l.writers, func() error { return l.administer(list) })
	l.spawn(&l.writers, l.connect)
	return nil
}

func (l *load) spawn(wg *sync.WaitGroup, f func() error) {
	wg.Go(func() {
		if err := f(); err != nil && l.ctx.Err() == nil {
			l.fail("%v", err)
		}
	})
}

// pause waits; false: it is over.
func (l *load) pause(d time.Duration) bool {
	select {
	case <-l.stop:
		return false
	case <-time.After(d):
		return true
	}
}

// produce writes at a rate until the stop, then waits for all answers.
func (l *load) produce(s stream, led *ledger) error {
	c, err := l.client(append(s.opts, kgo.DefaultProduceTopic(s.name), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerLinger(2*time.Millisecond),
		kgo.MaxBufferedRecords(4*s.rate))...)
	if err != nil {
		return err
	}
	defer c.Close()
	const tick = 10 * time.Millisecond
	due := 0.0
	for n := 0; l.pause(tick); {
		for due += float64(s.rate) * tick.Seconds(); due >= 1; due-- {
			n++
			p, key := int32(n)%s.partitions, ""
			r := &kgo.Record{Partition: p}
			if s.keys > 0 {
				key = fmt.Sprintf("key-%d", rand.IntN(s.keys))
				r.Key = []byte(key)
			}
			num := led.number(p)
			r.Value = valueOf(num, s.size)
			from := time.Now()
			c.Produce(l.ctx, r, func(_ *kgo.Record, err error) {
				switch {
				case err == nil:
					l.clock.add(time.Since(from))
					led.ack(p, num, key)
				case s.plain: // its outcome is not known
					l.counts.refused.Add(1)
				case l.ctx.Err() == nil:
					l.fail("%s: record %d of partition %d: %v", s.name, num, p, err)
				}
			})
		}
	}
	return c.Flush(l.ctx)
}

// follow reads a topic from its start for ever.
func (l *load) follow(led *ledger) error {
	c, err := l.client(kgo.ConsumeTopics(led.topic), kgo.ConsumeResetOffset(kgo.NoResetOffset().AtStart()), kgo.FetchMaxWait(500*time.Millisecond))
	if err != nil {
		return err
	}
	defer c.Close()
	for l.ctx.Err() == nil {
		fs := c.PollFetches(l.ctx)
		fs.EachRecord(func(r *kgo.Record) {
			led.read(r.Partition, r.Offset, r.Key, r.Value)
			l.counts.read.Add(1)
		})
		for _, e := range fs.Errors() {
			if l.ctx.Err() == nil {
				return fmt.Errorf("reading %s-%d: %w", e.Topic, e.Partition, e.Err)
			}
		}
		led.forget()
	}
	return nil
}

// groupName is the one group of the load.
const groupName = "soak-group"

// belong is a member of the group that leaves and comes back, again and again.
func (l *load) belong(i int, topic string) error {
	for l.pause(time.Duration(rand.IntN(2000)) * time.Millisecond) {
		c, err := l.client(kgo.ConsumerGroup(groupName), kgo.ConsumeTopics(topic), kgo.AutoCommitInterval(time.Second), kgo.SessionTimeout(10*time.Second),
			kgo.ConsumeResetOffset(kgo.NewOffset().AtEnd()))
		if err != nil {
			return err
		}
		ctx, cancel := context.WithTimeout(l.ctx, time.Duration(10+rand.IntN(20))*time.Second)
		go func() {
			select {
			case <-l.stop:
				cancel()
			case <-ctx.Done():
			}
		}()
		for ctx.Err() == nil {
			c.PollFetches(ctx)
		}
		cancel()
		l.counts.joins.Add(1)
		c.Close()
	}
	return nil
}

// churn makes topics, writes to them, and deletes them.
func (l *load) churn() error {
	c, err := l.client(kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		return err
	}
	defer c.Close()
	adm := kadm.NewClient(c)
	for n := 0; l.pause(time.Second); n++ {
		name := fmt.Sprintf("soak-churn-%d", n%20) // the same names again
		ctx, cancel := context.WithTimeout(l.ctx, 20*time.Second)
		if r, err := adm.CreateTopic(ctx, 3, 1, nil, name); err == nil && r.Err == nil {
			l.counts.topics.Add(1)
		} else {
			l.counts.failed.Add(1)
		}
		fresh, err := l.client(kgo.DefaultProduceTopic(name))
		if err != nil {
			cancel()
			return err
		}
		for range 20 {
			if err := fresh.ProduceSync(ctx, &kgo.Record{Value: valueOf(uint64(n), 1024)}).FirstErr(); err != nil {
				l.counts.failed.Add(1)
				break
			}
		}
		fresh.Close()
		if _, err := adm.DeleteTopics(ctx, name); err != nil {
			l.counts.failed.Add(1)
		}
		cancel()
	}
	return nil
}

// administer does what consoles and operators do, and sees that no committed offset goes back.
func (l *load) administer(list []stream) error {
	c, err := l.client()
	if err != nil {
		return err
	}
	defer c.Close()
	adm := kadm.NewClient(c)
	last := map[int32]int64{}
	for n := 0; l.pause(time.Second); n++ {
		ctx, cancel := context.WithTimeout(l.ctx, 20*time.Second)
		s := list[n%len(list)]
		_, err1 := adm.ListTopics(ctx)
		_, err2 := adm.DescribeTopicConfigs(ctx, s.name)
		_, err3 := adm.ListStartOffsets(ctx, s.name)
		_, err4 := adm.ListGroups(ctx)
		_, err5 := adm.AlterTopicConfigs(ctx, []kadm.AlterConfig{{Op: kadm.SetConfig, Name: "max.message.bytes", Value: kadm.StringPtr(fmt.Sprint(1_000_000 + n%1000))}}, s.name)
		for _, err := range []error{err1, err2, err3, err4, err5} {
			if l.counts.admin.Add(1); err != nil {
				l.counts.failed.Add(1)
			}
		}
		offsets, err := adm.FetchOffsets(ctx, groupName)
		cancel()
		if err != nil {
			continue
		}
		offsets.Each(func(o kadm.OffsetResponse) {
			if o.Err != nil || o.At < 0 {
				return
			}
			l.counts.commits.Add(1)
			if o.At < last[o.Partition] {
				l.fail("the committed offset of partition %d went back from %d to %d", o.Partition, last[o.Partition], o.At)
			}
			last[o.Partition] = o.At
		})
	}
	return nil
}

// connect opens connections and drops them: some say nothing, some half a request, some are whole clients.
func (l *load) connect() error {
	for n := 0; l.pause(200 * time.Millisecond); n++ {
		l.counts.conns.Add(1)
		if n%4 == 0 {
			c, err := l.client()
			if err != nil {
				return err
			}
			ctx, cancel := context.WithTimeout(l.ctx, 5*time.Second)
			if c.Ping(ctx) != nil {
				l.counts.failed.Add(1)
			}
			cancel()
			c.Close()
			continue
		}
		conn, err := net.DialTimeout("tcp", l.boot, time.Second)
		if err != nil {
			l.counts.failed.Add(1)
			continue
		}
		if n%4 == 1 {
			conn.Write([]byte{0, 0, 0, 30, 0, 18, 0, 3})
		}
		conn.Close()
	}
	return nil
}
