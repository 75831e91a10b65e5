package cluster

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"troupe/integration/harness"
)

const (
	topic      = "kept"
	partitions = 6
	calm       = 20 * time.Second // for a cluster to have all replicas in sync again
)

// One cluster for all faults: what one of them leaves behind must not hurt the next.
func TestFaults(t *testing.T) {
	c := harness.NewCluster(t, 3)
	c.Start()
	create(t, c, topic, partitions)
	l := startLoad(t, c, topic, partitions)
	l.progress(t, calm)
	if !t.Run("brokers are killed", func(t *testing.T) { kills(t, c, l) }) ||
		!t.Run("a broker is stopped for a while", func(t *testing.T) { stalls(t, c, l) }) ||
		!t.Run("all are killed at once", func(t *testing.T) { blackout(t, c, l) }) ||
		!t.Run("all are restarted in turn, while a group reads", func(t *testing.T) { rolling(t, c, l) }) {
		for _, b := range c.Brokers {
			t.Logf("log of %s:\n%s", b.KafkaAddr(), tail(b))
		}
	}
	l.check(t, c)
}

// kills ends one broker after the other, the metadata leader first, and prints how long its partitions had no leader.
func kills(t *testing.T, c *harness.Cluster, l *load) {
	var gaps []time.Duration
	for i := range 3 {
		n := (leader(t, c) + i) % 3
		led := ledBy(t, c, int32(n+1))
		at := time.Now()
		c.Brokers[n].Kill()
		l.progress(t, calm)
		for _, p := range led {
			gaps = append(gaps, l.Gap(p, at, time.Now()))
		}
		c.Brokers[n].Restart()
		inSync(t, c, topic, calm)
	}
	slices.Sort(gaps)
	if len(gaps) > 0 {
		t.Logf("%d partitions lost their leader; until they acknowledged again: median %v, worst %v", len(gaps), gaps[len(gaps)/2], gaps[len(gaps)-1])
	}
}

// ledBy are the partitions that a broker leads.
func ledBy(t *testing.T, c *harness.Cluster, node int32) (list []int32) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	m, err := kadm.NewClient(client(t, c)).Metadata(ctx, topic)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range m.Topics[topic].Partitions.Sorted() {
		if p.Leader == node {
			list = append(list, p.Partition)
		}
	}
	return list
}

// stalls stops a broker that does not lead the metadata, longer than its session, and lets it go on.
func stalls(t *testing.T, c *harness.Cluster, l *load) {
	n := (leader(t, c) + 1) % 3
	b, led := c.Brokers[n], ledBy(t, c, int32(n+1))
	at := time.Now()
	b.Pause()
	l.progress(t, calm)
	time.Sleep(max(0, 3*time.Second-time.Since(at)))
	var follower, leader time.Duration
	for p := range l.partitions {
		if gap := l.Gap(p, at, time.Now()); slices.Contains(led, p) {
			leader = max(leader, gap)
		} else {
			follower = max(follower, gap)
		}
	}
	b.Resume()
	t.Logf("longest time without an acknowledgement: %v where it followed, %v where it led (the client waits 3 s for an answer)", follower, leader)
	inSync(t, c, topic, calm)
}

// blackout kills all brokers at the same moment.
func blackout(t *testing.T, c *harness.Cluster, l *load) {
	for _, b := range c.Brokers {
		b.Kill()
	}
	c.Start()
	l.progress(t, calm)
	inSync(t, c, topic, calm)
}

// rolling restarts all brokers in order; a member of a group reads all the time and must see every record that was acknowledged before, and
// go on where it was.
func rolling(t *testing.T, c *harness.Cluster, l *load) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cl := client(t, c, kgo.ConsumerGroup("rolling"), kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.SessionTimeout(10*time.Second))
	next := map[int32]int64{}
	poll := func(until func() bool) {
		for !until() {
			fs := cl.PollFetches(ctx)
			if ctx.Err() != nil {
				t.Fatalf("the group has read up to %v only", next)
			}
			fs.EachRecord(func(r *kgo.Record) {
				if have, ok := next[r.Partition]; ok && r.Offset > have {
					t.Errorf("partition %d: the group jumps from %d to %d", r.Partition, have, r.Offset)
				}
				next[r.Partition] = max(next[r.Partition], r.Offset+1)
			})
		}
	}
	for i, b := range c.Brokers {
		if code := b.Stop(); code != 0 {
			t.Errorf("broker %d ends with code %d", i+1, code)
		}
		l.progress(t, calm)
		b.Restart()
		inSync(t, c, topic, calm)
		ends := l.ends()
		poll(func() bool {
			for p, o := range ends {
				if next[p] <= o {
					return false
				}
			}
			return true
		})
	}
}

// ends is the last offset that was acknowledged, by partition.
func (l *load) ends() map[int32]int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := map[int32]int64{}
	for p, list := range l.acked {
		out[p] = list[len(list)-1].Offset
	}
	return out
}

// TestGrowth begins with one broker, adds two, and finds topics that left their replication to the cluster on all three; then a broker dies.
func TestGrowth(t *testing.T) {
	c := harness.NewCluster(t, 1)
	c.Start()
	create(t, c, topic, partitions)
	l := startLoad(t, c, topic, partitions)
	l.progress(t, calm)
	for range 2 {
		c.Join().Restart()
	}
	inSync(t, c, topic, calm)
	out, errOut, code := c.Brokers[0].CLI("", "cluster", "status")
	if code != 0 {
		t.Errorf("cluster status: code %d, %s", code, errOut)
	}
	t.Log(fmt.Sprint("\n", out))
	c.Brokers[0].Kill()
	l.progress(t, calm)
	c.Brokers[0].Restart()
	inSync(t, c, topic, calm)
	l.check(t, c)
}
