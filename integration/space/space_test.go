// Package space looks at what the real broker takes on the disk, and what it gives back.
package space

import (
	"context"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"troupe/integration/harness"
)

const (
	mb        = 1 << 20
	topicMB   = 100
	within    = time.Minute
	ratio     = 1.5
	valueSize = 10 << 10
)

// TestGivenBack: a minute after half of the topics are deleted, at most 1.5 times the bytes that live on are on the disk; the same when
// records are deleted by request and by retention.
//
// The ballast does not count: it is a reserve, not the topics'. The write-ahead logs do; --memory keeps them small beside the little data
// of a test.
func TestGivenBack(t *testing.T) {
	b := harness.Start(t, t.TempDir(), "--memory", "64MiB", "--set", "log.retention.check.interval.ms=2000")
	w := &world{t: t, b: b}
	cl, err := kgo.NewClient(kgo.SeedBrokers(b.Kafka), kgo.ProducerBatchCompression(kgo.NoCompression()), kgo.RecordPartitioner(kgo.RoundRobinPartitioner()))
	w.must(err)
	defer cl.Close()
	w.cl, w.adm = cl, kadm.NewClient(cl)

	var topics []string
	for i := range 6 {
		topics = append(topics, fmt.Sprint("space-", i))
	}
	small := "4194304"
	res, err := w.adm.CreateTopics(context.Background(), 3, 1, map[string]*string{"segment.bytes": &small}, topics...)
	w.must(err)
	w.must(res.Error())
	w.fill(topics)
	t.Logf("%d MB live, %d MB on the disk", w.live()/mb, w.used()/mb)

	gone, err := w.adm.DeleteTopics(context.Background(), topics[0], topics[2], topics[4])
	w.must(err)
	w.must(gone.Error())
	w.shrinks("half of the topics were deleted", 3*topicMB)

	ends, err := w.adm.ListEndOffsets(context.Background(), topics[1])
	w.must(err)
	cut := kadm.Offsets{}
	ends.Each(func(o kadm.ListedOffset) {
		cut.Add(kadm.Offset{Topic: o.Topic, Partition: o.Partition, At: o.Offset / 2})
	})
	_, err = w.adm.DeleteRecords(context.Background(), cut)
	w.must(err)
	w.shrinks("half of a topic was deleted by request", 3*topicMB-topicMB/2)

	keep := fmt.Sprint(topicMB * mb / 3 / 2) // of each of three partitions
	alter, err := w.adm.AlterTopicConfigs(context.Background(), []kadm.AlterConfig{{Op: kadm.SetConfig, Name: "retention.bytes", Value: &keep}}, topics[3])
	w.must(err)
	for _, r := range alter {
		w.must(r.Err)
	}
	w.shrinks("half of a topic was deleted by retention", 2*topicMB)
}

type world struct {
	t   *testing.T
	b   *harness.Broker
	cl  *kgo.Client
	adm *kadm.Client
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatalf("%v; the broker said:\n%s", err, w.b.Log())
	}
}

// fill produces topicMB to each topic, by turns: their values lie side by side in the store's files.
func (w *world) fill(topics []string) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range topicMB * mb / valueSize {
		for _, topic := range topics {
			v := make([]byte, valueSize)
			for i := 0; i < len(v); i += 8 {
				x := rng.Uint64()
				for k := range 8 {
					v[i+k] = byte(x >> (8 * k))
				}
			}
			w.cl.Produce(context.Background(), &kgo.Record{Topic: topic, Value: v}, func(_ *kgo.Record, err error) {
				if err != nil {
					w.t.Error(err)
				}
			})
		}
	}
	w.must(w.cl.Flush(context.Background()))
}

// shrinks waits until the disk holds at most ratio times what lives; live must be at
// most about so many MB by then: a few more, for batches have heads and segments go whole.
func (w *world) shrinks(after string, mbLive int64) {
	w.t.Helper()
	began := time.Now()
	for {
		live, used := w.live(), w.used()
		ok := live > 0 && live <= (mbLive+25)*mb && float64(used) <= ratio*float64(live)
		if ok || time.Since(began) > within {
			w.t.Logf("%.0f s after %s: %d MB on the disk, %d MB live", time.Since(began).Seconds(), after, used/mb, live/mb)
			if !ok {
				w.t.Errorf("too much is on the disk, or alive")
			}
			return
		}
		time.Sleep(time.Second)
	}
}

// live is what the records take that can be read.
func (w *world) live() (n int64) {
	dirs, err := w.adm.DescribeAllLogDirs(context.Background(), nil)
	w.must(err)
	dirs.Each(func(d kadm.DescribedLogDir) {
		d.Topics.Each(func(p kadm.DescribedLogDirPartition) { n += p.Size })
	})
	return n
}

// used is what the data directory takes on the disk, but for the ballast.
func (w *world) used() (n int64) {
	err := filepath.WalkDir(w.b.Dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() == "BALLAST" {
			return nil // a file may go while we look
		}
		if info, err := d.Info(); err == nil {
			n += info.Sys().(*syscall.Stat_t).Blocks * 512
		}
		return nil
	})
	w.must(err)
	return n
}
