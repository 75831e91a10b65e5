package main

import (
	"context"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	watchedTopic      = "watched"
	watchedPartitions = 12
	watchedEvery      = 5 * time.Millisecond // a record to each partition
	watchedInFlight   = 16
	pausedFor         = 3 * time.Second // longer than a broker's session
	pauses            = 4
	settling          = 30 * time.Second
)

// A watch produces to all partitions of a topic, steadily, and notes when each acknowledges.
type watch struct {
	mu    sync.Mutex
	acked [watchedPartitions][]time.Time
	open  [watchedPartitions]int
	stop  context.CancelFunc
	done  sync.WaitGroup
}

func newWatch(ctx context.Context, boot string) (*watch, error) {
	// It waits for an answer for one second: half of it the broker's.
	cl, err := kgo.NewClient(seeds(boot), kgo.DefaultProduceTopic(watchedTopic), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerLinger(0),
		kgo.ProduceRequestTimeout(500*time.Millisecond), kgo.RequestTimeoutOverhead(500*time.Millisecond), kgo.MetadataMinAge(50*time.Millisecond),
		kgo.AlwaysRetryEOF(), kgo.RetryBackoffFn(func(int) time.Duration { return 20 * time.Millisecond }))
	if err != nil {
		return nil, err
	}
	w := &watch{}
	ctx, w.stop = context.WithCancel(ctx)
	w.done.Go(func() {
		defer cl.Close()
		for ctx.Err() == nil {
			for p := range watchedPartitions {
				w.offer(ctx, cl, p)
			}
			time.Sleep(watchedEvery)
		}
	})
	return w, nil
}

func (w *watch) offer(ctx context.Context, cl *kgo.Client, p int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.open[p] == watchedInFlight {
		return
	}
	w.open[p]++
	cl.Produce(ctx, &kgo.Record{Partition: int32(p), Value: make([]byte, 100)}, func(_ *kgo.Record, err error) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.open[p]--
		if err == nil {
			w.acked[p] = append(w.acked[p], time.Now())
		}
	})
}

func (w *watch) end() {
	w.stop()
	w.done.Wait()
}

// gap is the longest time since at without an acknowledgement of a partition.
func (w *watch) gap(p int, at time.Time) time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	return longestGap(w.acked[p], at, time.Now())
}

// longestGap between two of some moments in order, of those from at to until, which count as moments themselves.
func longestGap(moments []time.Time, at, until time.Time) (longest time.Duration) {
	from, _ := slices.BinarySearchFunc(moments, at, time.Time.Compare)
	last := at
	for _, m := range moments[from:] {
		if m.After(until) {
			break
		}
		longest, last = max(longest, m.Sub(last)), m
	}
	return max(longest, until.Sub(last))
}

// progress waits until all partitions have acknowledged something after now.
func (w *watch) progress(ctx context.Context) error {
	at := time.Now()
	for p := 0; p < watchedPartitions; {
		w.mu.Lock()
		n := len(w.acked[p])
		again := n > 0 && w.acked[p][n-1].After(at)
		w.mu.Unlock()
		if again {
			p++
			continue
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Millisecond):
		}
	}
	return nil
}

// deaths kills brokers in turn, and stops some that do not lead the metadata.
func (s *session) deaths(t *troupeCluster) error {
	if err := makeTopic(s.ctx, s.boot, watchedTopic, watchedPartitions, nodes); err != nil {
		return err
	}
	cl, err := newAdmin(s.boot)
	if err != nil {
		return err
	}
	defer cl.Close()
	adm := kadm.NewClient(cl)
	w, err := newWatch(s.ctx, s.boot)
	if err != nil {
		return err
	}
	defer w.end()
	if s.wants("kill-median", "kill-worst") {
		if err := s.killEach(t, adm, w); err != nil {
			return err
		}
	}
	if s.wants("pause-follower", "pause-leader") {
		return s.pauseSome(t, adm, w)
	}
	return nil
}

func (s *session) killEach(t *troupeCluster, adm *kadm.Client, w *watch) error {
	var all []time.Duration
	for i := range s.o.kills {
		ctx, cancel := context.WithTimeout(s.ctx, settling)
		defer cancel()
		led, err := s.calm(ctx, adm, w)
		if err != nil {
			return err
		}
		id := int32(i%nodes + 1)
		at := time.Now()
		if err := t.node(id).kill(); err != nil {
			return err
		}
		if err := w.progress(ctx); err != nil {
			return err
		}
		var longest time.Duration
		for _, p := range led[id] {
			longest = max(longest, w.gap(p, at))
		}
		s.say("broker %d killed: its partitions acknowledged again after %v", id, longest.Round(time.Millisecond))
		all = append(all, longest)
		if _, err := t.node(id).start(); err != nil {
			return err
		}
	}
	slices.Sort(all)
	s.into.add(alone, "troupe", "kill-median", all[len(all)/2].Seconds()*1e3)
	s.into.add(alone, "troupe", "kill-worst", worst(all))
	return nil
}

func (s *session) pauseSome(t *troupeCluster, adm *kadm.Client, w *watch) error {
	var followed, led []time.Duration
	for range pauses {
		ctx, cancel := context.WithTimeout(s.ctx, settling)
		defer cancel()
		leaders, err := s.calm(ctx, adm, w)
		if err != nil {
			return err
		}
		id, err := bystander(ctx, adm)
		if err != nil {
			return err
		}
		at := time.Now()
		if err := t.node(id).signal(syscall.SIGSTOP); err != nil {
			return err
		}
		time.Sleep(pausedFor)
		for p := range watchedPartitions {
			if gap := w.gap(p, at); slices.Contains(leaders[id], p) {
				led = append(led, gap)
			} else {
				followed = append(followed, gap)
			}
		}
		if err := t.node(id).signal(syscall.SIGCONT); err != nil {
			return err
		}
		s.say("broker %d stopped for a while: longest so far %.0f ms where it follows, %.0f ms where it leads", id, worst(followed), worst(led))
	}
	s.into.add(alone, "troupe", "pause-follower", worst(followed))
	s.into.add(alone, "troupe", "pause-leader", worst(led))
	return nil
}

// calm waits until the watched topic is as it should be, and gives who leads what.
func (s *session) calm(ctx context.Context, adm *kadm.Client, w *watch) (map[int32][]int, error) {
	if err := settled(ctx, adm, watchedTopic); err != nil {
		return nil, err
	}
	if err := w.progress(ctx); err != nil {
		return nil, err
	}
	found, err := adm.ListTopics(ctx, watchedTopic)
	if err != nil {
		return nil, err
	}
	led := map[int32][]int{}
	for _, p := range found[watchedTopic].Partitions.Sorted() {
		led[p.Leader] = append(led[p.Leader], int(p.Partition))
	}
	return led, nil
}
