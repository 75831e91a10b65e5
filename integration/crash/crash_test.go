// Package crash kills the real broker while it works and checks that it kept its promises.
package crash

import (
	"context"
	"encoding/binary"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"troupe/integration/harness"
)

const (
	topic      = "crash"
	partitions = 6
	producers  = 3
)

// ledger is what one producer knows: the number of each record it offered to each partition, and which were acknowledged.
type ledger struct {
	mu    sync.Mutex
	acked map[[2]uint32]bool // partition, number
}

// load is what works on the broker while it is crashed.
type load struct {
	b       *harness.Broker
	ledgers []*ledger
	stop    chan struct{}
	wg      sync.WaitGroup
}

func startLoad(ctx context.Context, t *testing.T, b *harness.Broker) *load {
	t.Helper()
	create(ctx, t, b.Kafka)
	l := &load{b: b, ledgers: make([]*ledger, producers), stop: make(chan struct{})}
	for i := range l.ledgers {
		l.ledgers[i] = &ledger{acked: map[[2]uint32]bool{}}
		l.wg.Add(1)
		go func() { defer l.wg.Done(); offer(ctx, t, b.Kafka, uint32(i), l.ledgers[i], l.stop) }()
	}
	return l
}

// settle ends the load, holds what is stored against what was acknowledged, and then reads the directory itself.
func (l *load) settle(ctx context.Context, t *testing.T) {
	t.Helper()
	close(l.stop)
	l.wg.Wait()
	check(ctx, t, l.b.Kafka, l.ledgers)
	l.b.Kill()
	if out, errOut, code := l.b.CLI("", "debug", "verify", "--data-dir", l.b.Dir); code != 0 {
		t.Errorf("debug verify: code %d\n%s%s", code, out, errOut)
	}
}

// rounds is how often to crash: CRASH_ROUNDS, or n.
func rounds(n int) int {
	if k, err := strconv.Atoi(os.Getenv("CRASH_ROUNDS")); err == nil {
		return k
	}
	return n
}

// aWhile lets the load run for a moment that differs each time.
func aWhile() { time.Sleep(time.Duration(300+rand.IntN(500)) * time.Millisecond) }

// kill -9 in a loop under idempotent acks=all load: nothing acknowledged is lost, nothing is there twice, and the records of one
// producer in one partition stand in the order in which it offered them.
func TestKillLoop(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	b := harness.Start(t, t.TempDir())
	l := startLoad(ctx, t, b)
	for range rounds(20) {
		aWhile()
		b.Kill()
		b.Restart()
	}
	aWhile()
	l.settle(ctx, t)
}

func create(ctx context.Context, t *testing.T, boot string) {
	t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(boot))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	res, err := kadm.NewClient(cl).CreateTopics(ctx, partitions, 1, nil, topic)
	if err != nil || res[topic].Err != nil {
		t.Fatal(err, res[topic].Err)
	}
}

// offer produces numbered records round robin until stop, then waits for all answers.
func offer(ctx context.Context, t *testing.T, boot string, id uint32, l *ledger, stop chan struct{}) {
	cl, err := kgo.NewClient(kgo.SeedBrokers(boot), kgo.DefaultProduceTopic(topic), kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ProducerLinger(2*time.Millisecond), kgo.MaxBufferedRecords(2000), kgo.RecordRetries(1000), kgo.RetryBackoffFn(func(int) time.Duration { return 50 * time.Millisecond }))
	if err != nil {
		t.Error(err)
		return
	}
	defer cl.Close()
	var next [partitions]uint32
	for n := 0; ; n++ {
		select {
		case <-stop:
			if err := cl.Flush(ctx); err != nil {
				t.Errorf("producer %d: flush: %v", id, err)
			}
			return
		default:
		}
		p := uint32(n % partitions)
		value := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, id), next[p])
		key := [2]uint32{p, next[p]}
		next[p]++
		cl.Produce(ctx, &kgo.Record{Partition: int32(p), Value: value}, func(_ *kgo.Record, err error) {
			if err != nil {
				t.Errorf("producer %d: record %v: %v", id, key, err)
				return
			}
			l.mu.Lock()
			l.acked[key] = true
			l.mu.Unlock()
		})
		if n%200 == 199 {
			time.Sleep(time.Millisecond)
		}
	}
}

func check(ctx context.Context, t *testing.T, boot string, ledgers []*ledger) {
	t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(boot), kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	ends, err := kadm.NewClient(cl).ListEndOffsets(ctx, topic)
	if err != nil {
		t.Fatal(err)
	}
	var total, got int64
	ends.Each(func(o kadm.ListedOffset) { total += o.Offset })
	seen := make([]map[[2]uint32]int64, len(ledgers))
	last := map[[2]uint32]int64{} // producer, partition -> last number
	for i := range seen {
		seen[i] = map[[2]uint32]int64{}
	}
	next := map[int32]int64{}
	for got < total {
		fs := cl.PollFetches(ctx)
		if ctx.Err() != nil {
			t.Fatalf("read %d of %d records, then no more", got, total)
		}
		fs.EachRecord(func(r *kgo.Record) {
			got++
			if r.Offset != next[r.Partition] {
				t.Errorf("partition %d: offset %d after %d", r.Partition, r.Offset, next[r.Partition]-1)
			}
			next[r.Partition] = r.Offset + 1
			id, n := binary.BigEndian.Uint32(r.Value), binary.BigEndian.Uint32(r.Value[4:])
			key := [2]uint32{uint32(r.Partition), n}
			if at, twice := seen[id][key]; twice {
				t.Errorf("producer %d: record %v stands at offsets %d and %d", id, key, at, r.Offset)
			}
			seen[id][key] = r.Offset
			who := [2]uint32{id, uint32(r.Partition)}
			if l, ok := last[who]; ok && int64(n) < l {
				t.Errorf("producer %d partition %d: record %d after %d", id, r.Partition, n, l)
			}
			last[who] = int64(n)
		})
	}
	acked := 0
	for id, l := range ledgers {
		for key := range l.acked {
			acked++
			if _, ok := seen[id][key]; !ok {
				t.Errorf("producer %d: record %v was acknowledged and is lost", id, key)
			}
		}
	}
	t.Logf("%d records acknowledged, %d stored", acked, total)
	if acked < 1000 {
		t.Errorf("only %d records were acknowledged: the test proves little", acked)
	}
}
