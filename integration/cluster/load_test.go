package cluster

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"troupe/integration/harness"
)

// load is idempotent producers, one per partition, that wait for all replicas.
type load struct {
	*History
	topic      string
	partitions int32
	stop       context.CancelFunc
	wg         sync.WaitGroup
}

const (
	inFlight = 16 // records of a producer without an answer
	pause    = 2 * time.Millisecond
)

func startLoad(t *testing.T, c *harness.Cluster, topic string, partitions int32) *load {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	l := &load{History: NewHistory(), topic: topic, partitions: partitions, stop: stop}
	for p := range partitions {
		cl, err := kgo.NewClient(kgo.SeedBrokers(c.Addresses()...), kgo.DefaultProduceTopic(topic), kgo.RecordPartitioner(kgo.ManualPartitioner()),
			kgo.ProducerLinger(0), kgo.ProduceRequestTimeout(2*time.Second), kgo.RequestTimeoutOverhead(time.Second), kgo.RetryTimeout(time.Minute), kgo.MetadataMinAge(50*time.Millisecond), kgo.MetadataMaxAge(time.Second), kgo.Dialer(c.Dial),
			kgo.AlwaysRetryEOF(), kgo.RetryBackoffFn(func(int) time.Duration { return 20 * time.Millisecond }))
		if err != nil {
			t.Fatal(err)
		}
		l.wg.Go(func() { l.produce(ctx, cl, p) })
	}
	return l
}

func (l *load) produce(ctx context.Context, cl *kgo.Client, p int32) {
	defer cl.Close()
	room := make(chan struct{}, inFlight)
	for n := 1; ctx.Err() == nil; n++ {
		select {
		case room <- struct{}{}:
		case <-ctx.Done():
			continue
		}
		v := fmt.Sprintf("p%d %d", p, n)
		l.Sent(p, v)
		cl.Produce(context.Background(), &kgo.Record{Partition: p, Value: []byte(v)}, func(r *kgo.Record, err error) {
			if err == nil {
				l.Acked(p, r.Offset, v, time.Now())
			}
			<-room
		})
		time.Sleep(pause)
	}
	flush, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	cl.Flush(flush)
}

// check ends the load and holds what the partitions hold against what was acknowledged.
func (l *load) check(t *testing.T, c *harness.Cluster) {
	t.Helper()
	for _, w := range l.verdict(t, c) {
		t.Error(w)
	}
}

// verdict ends the load and says what is wrong.
func (l *load) verdict(t *testing.T, c *harness.Cluster) []string {
	t.Helper()
	l.stop()
	l.wg.Wait()
	log := read(t, c, l.topic)
	n := 0
	for _, list := range log {
		n += len(list)
	}
	t.Logf("%d records acknowledged, %d stored, %d lost", l.Count(), n, l.Lost(log))
	return l.Check(log)
}

// progress waits until every partition has acknowledged something after now, and tells how long the slowest took.
func (l *load) progress(t *testing.T, within time.Duration) time.Duration {
	t.Helper()
	begin := time.Now()
	for p := range l.partitions {
		for {
			l.mu.Lock()
			list := l.acked[p]
			ok := len(list) > 0 && list[len(list)-1].At.After(begin)
			l.mu.Unlock()
			if ok {
				break
			}
			if time.Since(begin) > within {
				t.Fatalf("partition %d acknowledges nothing since %v", p, within)
			}
			time.Sleep(time.Millisecond)
		}
	}
	return time.Since(begin)
}

// read is all that a topic holds, by partition.
func read(t *testing.T, c *harness.Cluster, topic string) map[int32][]Stored {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cl := client(t, c)
	ends, err := kadm.NewClient(cl).ListEndOffsets(ctx, topic)
	if err != nil {
		t.Fatal(err)
	}
	want := map[int32]int64{}
	starts := map[int32]kgo.Offset{}
	ends.Each(func(o kadm.ListedOffset) {
		if o.Err != nil {
			t.Fatalf("end of partition %d: %v", o.Partition, o.Err)
		}
		starts[o.Partition] = kgo.NewOffset().AtStart()
		if o.Offset > 0 {
			want[o.Partition] = o.Offset
		}
	})
	cl.AddConsumePartitions(map[string]map[int32]kgo.Offset{topic: starts})
	out := map[int32][]Stored{}
	for len(want) > 0 {
		fs := cl.PollFetches(ctx)
		if err := ctx.Err(); err != nil {
			t.Fatalf("%v: still to be read, up to: %v", err, want)
		}
		fs.EachRecord(func(r *kgo.Record) {
			out[r.Partition] = append(out[r.Partition], Stored{r.Offset, string(r.Value)})
			if r.Offset+1 >= want[r.Partition] {
				delete(want, r.Partition)
			}
		})
	}
	return out
}

func client(t *testing.T, c *harness.Cluster, o ...kgo.Opt) *kgo.Client {
	t.Helper()
	cl, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(c.Addresses()...), kgo.MetadataMinAge(50 * time.Millisecond), kgo.Dialer(c.Dial)}, o...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.Close)
	return cl
}

// create makes a topic and waits until every broker shows all its partitions with all replicas in sync.
func create(t *testing.T, c *harness.Cluster, topic string, partitions int32) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	r, err := kadm.NewClient(client(t, c)).CreateTopic(ctx, partitions, -1, nil, topic)
	if err != nil || r.Err != nil {
		t.Fatal(err, r.Err)
	}
	inSync(t, c, topic, 20*time.Second)
}

// inSync waits until every running broker says that all replicas of a topic are in sync and lead where they lead.
func inSync(t *testing.T, c *harness.Cluster, topic string, within time.Duration) {
	t.Helper()
	end := time.Now().Add(within)
	for _, b := range c.Brokers {
		if !b.Running() {
			continue
		}
		for {
			why := outOfSync(t, c, b, topic)
			if why == "" {
				break
			}
			if time.Now().After(end) {
				t.Fatalf("after %v, says %s: %s\n%s", within, b.KafkaAddr(), why, tail(b))
			}
			time.Sleep(20 * time.Millisecond)
		}
	}
}

func outOfSync(t *testing.T, c *harness.Cluster, b *harness.Broker, topic string) string {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	cl, err := kgo.NewClient(kgo.SeedBrokers(b.KafkaAddr()), kgo.Dialer(c.Dial))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	adm := kadm.NewClient(cl)
	m, err := adm.Metadata(ctx, topic)
	if err != nil {
		return err.Error()
	}
	d := m.Topics[topic]
	if d.Err != nil || len(d.Partitions) == 0 {
		return fmt.Sprintf("topic %s: %v, %d partitions", topic, d.Err, len(d.Partitions))
	}
	for _, p := range d.Partitions.Sorted() {
		if p.Err != nil || p.Leader < 0 || len(p.ISR) != len(p.Replicas) || len(p.Replicas) != min(3, len(m.Brokers)) {
			return fmt.Sprintf("%s-%d: leader %d, replicas %v, in sync %v, of %d brokers: %v", topic, p.Partition, p.Leader, p.Replicas, p.ISR, len(m.Brokers), p.Err)
		}
	}
	return ""
}

// tail is the end of a broker's log.
func tail(b *harness.Broker) string {
	lines := strings.Split(b.Log(), "\n")
	return strings.Join(lines[max(0, len(lines)-15):], "\n")
}
