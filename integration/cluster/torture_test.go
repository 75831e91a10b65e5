package cluster

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"troupe/integration/harness"
)

// TestTorture does to a cluster, in an order that a seed decides (SEED), for as long as TORTURE says, what Jepsen's tests do to Kafka: brokers
// are killed, one, two or all, stopped for a while, restarted in order, and lose their power, one or all at the same moment. Idempotent
// producers write and a consumer reads meanwhile; between two troubles the cluster must come back to full health.
func TestTorture(t *testing.T) {
	length := 20 * time.Second
	if s := os.Getenv("TORTURE"); s != "" {
		d, err := time.ParseDuration(s)
		if err != nil {
			t.Fatal(err)
		}
		length = d
	}
	seed, _ := strconv.ParseUint(os.Getenv("SEED"), 10, 64)
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	t.Logf("SEED=%d TORTURE=%v", seed, length)
	n := &nemesis{rng: rand.New(rand.NewPCG(seed, 7))}
	n.start(t)
	create(t, n.c, topic, partitions)
	l := startLoad(t, n.c, topic, partitions)
	go l.consume(t.Context(), client(t, n.c, kgo.ConsumeTopics(topic), kgo.MetadataMaxAge(time.Second), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart())))
	did := map[string]int{}
	for end := time.Now().Add(length); time.Now().Before(end) && !t.Failed(); {
		what := n.act(t)
		did[what]++
		l.progress(t, calm)
		inSync(t, n.c, topic, calm)
	}
	t.Log(did)
	l.check(t, n.c)
	if t.Failed() {
		for _, b := range n.c.Brokers {
			t.Logf("log of %s:\n%s", b.KafkaAddr(), tail(b))
		}
	}
}

// consume reads from the start on and notes what it is given.
func (l *load) consume(ctx context.Context, cl *kgo.Client) {
	for ctx.Err() == nil {
		cl.PollFetches(ctx).EachRecord(func(r *kgo.Record) { l.Seen(r.Partition, r.Offset, string(r.Value)) })
	}
}

// nemesis makes trouble for a cluster.
type nemesis struct {
	rng   *rand.Rand
	c     *harness.Cluster
	disks []*harness.Disk // empty where disks cannot lose their power
}

func (n *nemesis) start(t *testing.T) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Log("without root there are no disks that lose their power")
		n.c = harness.NewCluster(t, 3)
		n.c.Start()
		return
	}
	dirs := make([]string, 3)
	for i := range dirs {
		n.disks = append(n.disks, harness.NewDisk(t, 8<<30))
		dirs[i] = filepath.Join(n.disks[i].Dir, "data")
	}
	n.c = harness.NewClusterOn(t, dirs)
	n.c.Start()
}

// act makes one trouble, lets it last a while, ends it and says what it was.
func (n *nemesis) act(t *testing.T) string {
	t.Helper()
	victims := n.rng.Perm(3)[:1+n.rng.IntN(3)]
	kinds := 4
	if len(n.disks) == 0 {
		kinds = 3
	}
	switch n.rng.IntN(kinds) {
	case 0:
		n.each(victims, func(i int) { n.c.Brokers[i].Kill() })
		n.lasts(2 * time.Second)
		n.launch(victims)
		return fmt.Sprint("killed ", len(victims))
	case 1:
		n.each(victims, func(i int) { n.c.Brokers[i].Pause() })
		n.lasts(5 * time.Second)
		n.each(victims, func(i int) { n.c.Brokers[i].Resume() })
		return fmt.Sprint("stopped for a while ", len(victims))
	case 2:
		i := victims[0]
		if code := n.c.Brokers[i].Stop(); code != 0 {
			t.Errorf("broker %d ends with code %d", i+1, code)
		}
		n.launch(victims[:1])
		return "restarted in order"
	default:
		n.each(victims, func(i int) { n.disks[i].Cut() })
		n.each(victims, func(i int) { n.c.Brokers[i].Kill() })
		n.lasts(2 * time.Second)
		n.each(victims, func(i int) { n.disks[i].Back() })
		n.launch(victims)
		return fmt.Sprint("lost power ", len(victims))
	}
}

func (n *nemesis) each(victims []int, f func(i int)) {
	for _, i := range victims {
		f(i)
	}
}

func (n *nemesis) lasts(most time.Duration) { time.Sleep(time.Duration(n.rng.Int64N(int64(most)))) }

func (n *nemesis) launch(victims []int) {
	n.each(victims, func(i int) { n.c.Brokers[i].Launch() })
	n.each(victims, func(i int) { n.c.Brokers[i].AwaitReady() })
}
