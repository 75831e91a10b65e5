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

// settings make the broker compact and give space back far more often than it would.
var settings = []string{"--set", "log.cleaner.backoff.ms=200", "--set", "group.initial.rebalance.delay.ms=0"}

// ledger is what one producer knows: the number of each record it offered to each partition, and which were acknowledged.
type ledger struct {
	mu    sync.Mutex
	acked map[[2]uint32]bool // partition, number
}

// load is what works on the broker while it is crashed.
type load struct {
	b       *harness.Broker
	ledgers []*ledger
	plain   [2]plain
	commits commits
	keyed   keyed
	trimmed trimmed
	stop    chan struct{}
	wg      sync.WaitGroup
}

func (l *load) stopped() bool {
	select {
	case <-l.stop:
		return true
	default:
		return false
	}
}

func startLoad(ctx context.Context, t *testing.T, b *harness.Broker) *load {
	t.Helper()
	create(ctx, t, b.Kafka)
	l := &load{b: b, ledgers: make([]*ledger, producers), stop: make(chan struct{}), commits: commits{ok: map[string]map[int32]int64{}}}
	for i := range l.ledgers {
		l.ledgers[i] = &ledger{acked: map[[2]uint32]bool{}}
		l.wg.Add(1)
		go func() { defer l.wg.Done(); offer(ctx, t, b.Kafka, uint32(i), l.ledgers[i], l.stop) }()
	}
	for i := range l.plain {
		l.plain[i].partition = int32(i)
		l.wg.Go(func() { l.plain[i].work(ctx, t, l) })
	}
	l.wg.Go(func() { l.commits.register(ctx, t, l) })
	for range 2 {
		l.wg.Go(func() { l.commits.member(ctx, t, l) })
	}
	l.wg.Go(func() { l.keyed.work(ctx, t, l) })
	l.wg.Go(func() { l.trimmed.work(ctx, t, l) })
	return l
}

// inspect reads the directory that a crash has left.
func (l *load) inspect(t *testing.T) {
	t.Helper()
	if out, errOut, code := l.b.CLI("", "debug", "verify", "--data-dir", l.b.Dir); code != 0 {
		t.Fatalf("debug verify: code %d\n%s%s", code, out, errOut)
	}
}

// read tells each record of a partition.
func (l *load) read(ctx context.Context, t *testing.T, topic string, partition int32, tell func(*kgo.Record)) {
	t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(l.b.Kafka), kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: {partition: kgo.NewOffset().AtStart()}}))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	ends, err := kadm.NewClient(cl).ListEndOffsets(ctx, topic)
	if err != nil {
		t.Fatal(err)
	}
	end, _ := ends.Lookup(topic, partition)
	for next := int64(0); next < end.Offset; {
		fs := cl.PollFetches(ctx)
		if ctx.Err() != nil {
			t.Fatalf("%s/%d: read up to %d of %d, then no more", topic, partition, next, end.Offset)
		}
		fs.EachRecord(func(r *kgo.Record) {
			next = r.Offset + 1
			tell(r)
		})
	}
}

// settle ends the load, holds what is stored against what was acknowledged, and then reads the directory itself.
func (l *load) settle(ctx context.Context, t *testing.T) {
	t.Helper()
	close(l.stop)
	l.wg.Wait()
	check(ctx, t, l.b.Kafka, l.ledgers)
	for i := range l.plain {
		l.plain[i].check(ctx, t, l)
	}
	l.commits.check(ctx, t, l)
	l.commits.enough(t)
	l.keyed.check(ctx, t, l)
	l.trimmed.check(ctx, t, l)
	l.b.Kill()
	l.inspect(t)
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

// kill -9 in a loop under acks=all load: nothing acknowledged is lost; what idempotent producers wrote is not there twice, what plain ones wrote
// only where they tried again, and the records of one producer in one partition stand in the order in which it offered them. Offsets that
// were committed never go back, compaction keeps the last value of each key, and a log start that was told stays. After each crash the
// directory is whole.
func TestKillLoop(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	b := harness.Start(t, t.TempDir(), settings...)
	l := startLoad(ctx, t, b)
	for range rounds(20) {
		aWhile()
		b.Kill()
		l.inspect(t)
		b.Restart()
		l.commits.check(ctx, t, l)
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
	adm := kadm.NewClient(cl)
	value := func(s string) *string { return &s }
	compacted := map[string]*string{"cleanup.policy": value("compact"), "segment.bytes": value("1048576"), "min.cleanable.dirty.ratio": value("0.01"),
		"max.compaction.lag.ms": value("1000")}
	for _, c := range []struct {
		name       string
		partitions int32
		config     map[string]*string
	}{{topic, partitions, nil}, {plainTopic, 2, nil}, {keyedTopic, 1, compacted}, {trimmedTopic, 1, nil}} {
		if res, err := adm.CreateTopics(ctx, c.partitions, 1, c.config, c.name); err != nil || res[c.name].Err != nil {
			t.Fatal(err, res[c.name].Err)
		}
	}
}

// stubborn is a client that goes on while brokers die. One may die under a request that is the first of its connection, which the client takes
// for a missing password unless it is told that an EOF is only that (AlwaysRetryEOF). It asks where to send anew every 5 s at most unless it is
// told otherwise (MetadataMinAge): it would rest after the first kill until the last.
func stubborn(boot string, opts ...kgo.Opt) (*kgo.Client, error) {
	return kgo.NewClient(append([]kgo.Opt{
		kgo.SeedBrokers(boot), kgo.AlwaysRetryEOF(), kgo.MetadataMinAge(50 * time.Millisecond),
		kgo.RetryBackoffFn(func(int) time.Duration { return 50 * time.Millisecond }),
	}, opts...)...)
}

// offer produces numbered records round robin until stop, then waits for all answers.
func offer(ctx context.Context, t *testing.T, boot string, id uint32, l *ledger, stop chan struct{}) {
	cl, err := stubborn(boot, kgo.DefaultProduceTopic(topic), kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ProducerLinger(2*time.Millisecond), kgo.MaxBufferedRecords(2000))
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
		if n%20 == 19 { // some ten thousand a second: more would only be more to read
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
