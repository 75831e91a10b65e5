package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// byItself is what three brokers of Troupe show without a rival: requests, deaths, metadata.
func (s *session) byItself() (err error) {
	if !s.wants("requests-ratio", "kill-median", "kill-worst", "pause-follower", "pause-leader", "metadata-rate", "fence", "fence-few") {
		return nil
	}
	t := &troupeCluster{o: s.o, dir: s.dir}
	defer func() { err = errors.Join(err, t.stop()) }()
	if s.running, err = t.start(); err != nil {
		return err
	}
	s.say("ready after %v", s.ready.Round(time.Millisecond))
	for _, f := range []struct {
		keys []string
		run  func(*troupeCluster) error
	}{
		{[]string{"requests-ratio"}, s.requests},
		{[]string{"kill-median", "kill-worst", "pause-follower", "pause-leader"}, s.deaths},
		{[]string{"metadata-rate"}, s.proposals},
		{[]string{"fence", "fence-few"}, s.fences},
	} {
		if !s.wants(f.keys...) || s.ctx.Err() != nil {
			continue
		}
		syscall.Sync()
		if err := f.run(t); err != nil {
			s.into.fail(alone, "troupe", err)
			s.say("failed: %v", err)
		}
	}
	return nil
}

const (
	askers = 16
	think  = 10 * time.Millisecond
	asking = 4 * time.Second // of one side, in each round
)

var requestsTitle = fmt.Sprintf("%d clients that each wait for an answer (1 KiB, acks=all) and then %v: requests of three brokers ÷ of one, %%", askers, think)

// requests gives one broker and three the same load by turns: clients that do not use the machine up.
func (s *session) requests(*troupeCluster) (err error) {
	single := newTroupe(s.o, filepath.Join(s.dir, "single"))
	defer func() { err = errors.Join(err, single.stop()) }()
	one, err := single.start()
	if err != nil {
		return err
	}
	if err := errors.Join(makeTopic(s.ctx, one.boot, "asked", 12, 1), makeTopic(s.ctx, s.boot, "asked", 12, nodes)); err != nil {
		return err
	}
	for round := -1; round < s.o.rounds; round++ {
		lonely, _, err := s.ask(one.boot)
		if err != nil {
			return err
		}
		three, busy, err := s.ask(s.boot)
		if err != nil {
			return err
		}
		if round < 0 {
			continue // the warm-up
		}
		s.say("requests a second: one broker %.0f, three %.0f; %.0f %% of the processors' time in use", lonely, three, busy*100)
		s.into.add(alone, "troupe", "requests-ratio", three/lonely*100)
		s.into.add(alone, "troupe", "requests-one", lonely)
		s.into.add(alone, "troupe", "requests-three", three)
		s.into.add(alone, "troupe", "requests-busy", busy*100)
	}
	return nil
}

// ask gives the requests a second that were answered, and the share of the processors' time that was used.
func (s *session) ask(boot string) (rate, busy float64, err error) {
	ctx, cancel := context.WithTimeout(s.ctx, limit)
	defer cancel()
	var answered atomic.Int64
	var stop atomic.Bool
	errs := make([]error, askers)
	var done sync.WaitGroup
	value := randomValues(1024)[0]
	for i := range askers {
		done.Go(func() {
			cl, err := kgo.NewClient(seeds(boot), kgo.DefaultProduceTopic("asked"), kgo.ProducerLinger(0), kgo.ProducerBatchCompression(kgo.NoCompression()))
			if err != nil {
				errs[i] = err
				return
			}
			defer cl.Close()
			for errs[i] == nil && !stop.Load() {
				errs[i] = cl.ProduceSync(ctx, &kgo.Record{Value: value}).FirstErr()
				answered.Add(1)
				time.Sleep(think)
			}
		})
	}
	time.Sleep(asking / 4) // connected, with metadata and producer ids
	before, used, began := answered.Load(), cpuTimes()[1], time.Now()
	time.Sleep(asking)
	took := time.Since(began).Seconds()
	rate, busy = float64(answered.Load()-before)/took, (cpuTimes()[1]-used)/ticksPerSecond/took/processors
	stop.Store(true)
	done.Wait()
	return rate, busy, errors.Join(errs...)
}

// newAdmin's client remembers metadata for a moment only: what it waits for changes by the millisecond.
func newAdmin(boot string) (*kgo.Client, error) {
	return kgo.NewClient(seeds(boot), kgo.MetadataMinAge(10*time.Millisecond))
}

// settled waits until some topics' partitions have all replicas in sync and are led by the preferred ones, for which it has them elected.
func settled(ctx context.Context, adm *kadm.Client, topics ...string) error {
	var elected time.Time
	for {
		began := time.Now()
		behind, led, err := unsettled(ctx, adm, topics)
		if err == nil && behind+led == 0 {
			return nil
		}
		if err == nil && behind == 0 && time.Since(elected) > time.Second {
			_, err = adm.ElectLeaders(ctx, kadm.ElectPreferredReplica, nil) // of all topics
			elected = time.Now()
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%d partitions lack replicas in sync, %d are not led by the preferred one: %w", behind, led, errors.Join(ctx.Err(), err))
		case <-time.After(20*time.Millisecond + 10*time.Since(began)): // looking must not take the time of who is looked at
		}
	}
}

// unsettled counts the partitions that lack replicas in sync, and those that are not led by the preferred one.
func unsettled(ctx context.Context, adm *kadm.Client, topics []string) (behind, led int, err error) {
	found, err := adm.ListTopics(ctx, topics...)
	if err != nil {
		return 0, 0, err
	}
	for _, name := range topics {
		for _, p := range found[name].Partitions {
			switch {
			case p.Err != nil || len(p.ISR) != len(p.Replicas):
				behind++
			case p.Leader != p.Replicas[0]:
				led++
			}
		}
		if len(found[name].Partitions) == 0 {
			behind++
		}
	}
	return behind, led, nil
}

// node is the broker whose node id it is.
func (t *troupeCluster) node(id int32) *troupe { return t.nodes[id-1] }

// bystander is the id of a broker that does not lead the metadata.
func bystander(ctx context.Context, adm *kadm.Client) (int32, error) {
	m, err := adm.BrokerMetadata(ctx)
	if err != nil {
		return 0, err
	}
	if m.Controller < 1 {
		return 0, errors.New("nobody leads the metadata")
	}
	return m.Controller%nodes + 1, nil
}

// worst of durations, in ms.
func worst(all []time.Duration) float64 { return slices.Max(all).Seconds() * 1e3 }
