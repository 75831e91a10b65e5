package crash

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

const (
	registerGroup = "register" // without members: one that commits ever greater offsets
	memberGroup   = "members"  // two members that read topic and commit what they have read
)

// commits knows the greatest offset of each partition and group of which a commit was answered with OK.
type commits struct {
	mu sync.Mutex
	ok map[string]map[int32]int64
}

func (c *commits) told(group string, partition int32, at int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ok[group] == nil {
		c.ok[group] = map[int32]int64{}
	}
	c.ok[group][partition] = max(c.ok[group][partition], at)
}

// known is a copy of what has been told so far.
func (c *commits) known(group string) map[int32]int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := map[int32]int64{}
	for p, at := range c.ok[group] {
		out[p] = at
	}
	return out
}

// register commits 1, 2, 3, … for partition 0.
func (c *commits) register(ctx context.Context, t *testing.T, l *load) {
	cl, err := stubborn(l.b.Kafka)
	if err != nil {
		t.Error(err)
		return
	}
	defer cl.Close()
	adm := kadm.NewClient(cl)
	for n := int64(1); !l.stopped(); n++ {
		var o kadm.Offsets
		o.Add(kadm.Offset{Topic: topic, At: n, LeaderEpoch: -1})
		try, cancel := context.WithTimeout(ctx, 2*time.Second)
		if err := adm.CommitAllOffsets(try, registerGroup, o); err == nil {
			c.told(registerGroup, 0, n)
		}
		cancel()
	}
}

// member reads and commits.
func (c *commits) member(ctx context.Context, t *testing.T, l *load) {
	cl, err := stubborn(l.b.Kafka, kgo.ConsumerGroup(memberGroup), kgo.ConsumeTopics(topic), kgo.DisableAutoCommit(),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.BlockRebalanceOnPoll(), kgo.FetchMaxWait(200*time.Millisecond), kgo.FetchMaxBytes(256<<10))
	if err != nil {
		t.Error(err)
		return
	}
	defer cl.CloseAllowingRebalance()
	for !l.stopped() {
		try, cancel := context.WithTimeout(ctx, time.Second)
		fs := cl.PollFetches(try)
		if !fs.Empty() {
			c.commit(try, cl, fs)
		}
		cl.AllowRebalance()
		cancel()
	}
}

func (c *commits) commit(ctx context.Context, cl *kgo.Client, fs kgo.Fetches) {
	next := map[int32]int64{}
	fs.EachRecord(func(r *kgo.Record) { next[r.Partition] = r.Offset + 1 })
	at := map[string]map[int32]kgo.EpochOffset{topic: {}}
	for p, o := range next {
		at[topic][p] = kgo.EpochOffset{Epoch: -1, Offset: o}
	}
	cl.CommitOffsetsSync(ctx, at, func(_ *kgo.Client, _ *kmsg.OffsetCommitRequest, resp *kmsg.OffsetCommitResponse, err error) {
		if err != nil {
			return
		}
		for _, t := range resp.Topics {
			for _, p := range t.Partitions {
				if p.ErrorCode == 0 {
					c.told(memberGroup, p.Partition, next[p.Partition])
				}
			}
		}
	})
}

// check asks the broker: no commit that was told has gone back.
func (c *commits) check(ctx context.Context, t *testing.T, l *load) {
	t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(l.b.Kafka))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	adm := kadm.NewClient(cl)
	for _, group := range []string{registerGroup, memberGroup} {
		before := c.known(group)
		got, err := adm.FetchOffsets(ctx, group)
		if err != nil {
			t.Errorf("group %s: %v", group, err)
			continue
		}
		for p, at := range before {
			if o, ok := got.Lookup(topic, p); !ok || o.Err != nil || o.At < at {
				t.Errorf("group %s: partition %d: %d was committed, and it is at %d (%v)", group, p, at, o.At, o.Err)
			}
		}
	}
}

// enough says how much was committed.
func (c *commits) enough(t *testing.T) {
	t.Helper()
	n, members := c.known(registerGroup)[0], c.known(memberGroup)
	t.Logf("committed: %d times, and up to %v by members", n, members)
	if n < 100 || len(members) == 0 {
		t.Error("too little was committed: the test proves little")
	}
}
