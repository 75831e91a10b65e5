package cluster

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"troupe/integration/harness"
)

// TestTorture does to a cluster, in an order that a seed decides (SEED), for as long as TORTURE says, what Jepsen's tests do to Kafka: brokers
// are killed, one, two or all, stopped for a while, restarted in order, lose their power, one or all at the same moment, are cut off from
// others in one direction or both, and have their disks filled. Idempotent producers write and a consumer reads meanwhile; between two
// troubles the cluster must come back to full health. KEEP names a folder for logs and data of a cluster that failed.
func TestTorture(t *testing.T) {
	n := newNemesis(t)
	n.startTroupe(t)
	create(t, n.c, topic, partitions)
	for _, w := range n.torture(t, lasting(t, 20*time.Second)) {
		t.Error(w)
	}
}

// TestTortureKafka does the same to three nodes of Apache Kafka, to know that the checker judges rightly: its defaults keep every promise when
// nodes are killed and stopped, and lose acknowledged records when all lose their power at the same moment, for it does not sync.
func TestTortureKafka(t *testing.T) {
	if os.Getenv("KAFKA") == "" {
		t.Skip("minutes on three JVMs: make torture-kafka")
	}
	length := lasting(t, time.Minute)
	t.Run("killed and stopped", func(t *testing.T) {
		n := newNemesis(t)
		n.startKafka(t)
		n.faults = []fault{{name: "killed", do: n.kill}, {name: "stopped for a while", do: n.pause}}
		for _, w := range n.torture(t, length) {
			t.Error(w)
		}
	})
	t.Run("all lose their power", func(t *testing.T) {
		n := newNemesis(t)
		n.startKafka(t)
		if len(n.disks) == 0 {
			t.Skip("disks that lose their power need root")
		}
		n.faults, n.all = []fault{{name: "lost power", do: n.power}}, true
		wrong := n.torture(t, min(length, 30*time.Second)) // once or twice
		if all := strings.Join(wrong, "\n"); !strings.Contains(all, "was acknowledged at offset") {
			t.Errorf("nothing that was acknowledged is lost, says the checker: %s", all)
		}
		for _, w := range wrong {
			t.Log("as expected:", w)
		}
	})
}

// lasting is how long it goes on: TORTURE, or what is usual.
func lasting(t *testing.T, usual time.Duration) time.Duration {
	t.Helper()
	s := os.Getenv("TORTURE")
	if s == "" {
		return usual
	}
	d, err := time.ParseDuration(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func newNemesis(t *testing.T) *nemesis {
	seed, _ := strconv.ParseUint(os.Getenv("SEED"), 10, 64)
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	t.Logf("SEED=%d", seed)
	return &nemesis{rng: rand.New(rand.NewPCG(seed, 7)), calm: calm}
}

// torture makes trouble under load and says which promises were broken.
func (n *nemesis) torture(t *testing.T, length time.Duration) []string {
	t.Helper()
	l := startLoad(t, n.c, topic, partitions)
	go l.consume(t.Context(), client(t, n.c, kgo.ConsumeTopics(topic), kgo.MetadataMaxAge(time.Second), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart())))
	t.Cleanup(func() {
		if t.Failed() {
			n.keep(t)
		}
	})
	l.progress(t, n.calm)
	did := map[string]int{}
	defer func() { t.Log(did) }()
	for end := time.Now().Add(length); time.Now().Before(end) && !t.Failed(); {
		what := n.act(t)
		did[what]++
		if os.Getenv("TELL") != "" {
			t.Log(time.Now().Format("15:04:05.000"), what)
		}
		l.progress(t, n.calm)
		inSync(t, n.c, topic, n.calm)
	}
	return l.verdict(t, n.c)
}

// keep shows the ends of the logs, and copies all there is to the folder KEEP.
func (n *nemesis) keep(t *testing.T) {
	for i, b := range n.c.Brokers {
		t.Logf("log of %s:\n%s", b.KafkaAddr(), tail(b))
		to := os.Getenv("KEEP")
		if to == "" {
			continue
		}
		to = filepath.Join(to, fmt.Sprint(i+1))
		if err := os.MkdirAll(to, 0o755); err != nil {
			t.Log(err)
			continue
		}
		os.WriteFile(filepath.Join(to, "log"), []byte(b.Log()), 0o644)
		b.Kill()
		if out, err := exec.Command("cp", "-a", n.dirs[i], filepath.Join(to, "data")).CombinedOutput(); err != nil {
			t.Logf("copy of the data: %v %s", err, out)
		}
	}
}

// consume reads from the start on and notes what it is given.
func (l *load) consume(ctx context.Context, cl *kgo.Client) {
	for ctx.Err() == nil {
		cl.PollFetches(ctx).EachRecord(func(r *kgo.Record) { l.Seen(r.Partition, r.Offset, string(r.Value)) })
	}
}

// startTroupe starts three brokers: with root each on a disk and in a network namespace of its own.
func (n *nemesis) startTroupe(t *testing.T) {
	t.Helper()
	n.faults = []fault{{name: "killed", do: n.kill}, {name: "stopped for a while", do: n.pause}, {name: "restarted in order", do: n.restart, one: true}}
	if os.Getuid() != 0 {
		t.Log("without root there are no disks that lose their power or are full, and no links that are cut")
		n.c = harness.NewCluster(t, 3)
		n.c.Start()
		return
	}
	n.newDisks(t)
	n.c = harness.NewSplitClusterOn(t, n.dirs)
	n.faults = append(n.faults, fault{name: "lost power", do: n.power}, fault{name: "cut off", do: n.cut}, fault{name: "had a full disk", do: n.full})
	n.c.Start()
}

// kafkaCalm is for nodes that take seconds to start and 9 s to be missed.
const kafkaCalm = 2 * time.Minute

func (n *nemesis) startKafka(t *testing.T) {
	t.Helper()
	if os.Getuid() == 0 {
		n.newDisks(t)
	} else {
		for range 3 {
			n.dirs = append(n.dirs, t.TempDir())
		}
	}
	n.calm = kafkaCalm
	n.c = harness.NewKafkaClusterOn(t, n.dirs)
	n.c.Start()
	ctx, cancel := context.WithTimeout(t.Context(), kafkaCalm)
	defer cancel()
	two := "2"
	r, err := kadm.NewClient(client(t, n.c)).CreateTopic(ctx, partitions, 3, map[string]*string{"min.insync.replicas": &two}, topic)
	if err != nil || r.Err != nil {
		t.Fatal(err, r.Err)
	}
	inSync(t, n.c, topic, n.calm)
}

func (n *nemesis) newDisks(t *testing.T) {
	t.Helper()
	for range 3 {
		d := harness.NewDisk(t, 8<<30)
		n.disks = append(n.disks, d)
		n.dirs = append(n.dirs, filepath.Join(d.Dir, "data"))
	}
}
