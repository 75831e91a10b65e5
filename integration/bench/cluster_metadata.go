package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"troupe/actors/controller"
)

const (
	proposers = 64
	proposing = 5 * time.Second
)

// proposals has 64 clients alter a setting each of a topic of its own, one request after the other.
func (s *session) proposals(*troupeCluster) error {
	ctx, cancel := context.WithTimeout(s.ctx, limit)
	defer cancel()
	value := strings.TrimSuffix(strings.Repeat("0:1,", 50), ",") // 199 bytes, of a setting that takes lists of any length
	var answered atomic.Int64
	var stop atomic.Bool
	var done sync.WaitGroup
	errs := make([]error, proposers)
	for i := range proposers {
		topic := fmt.Sprintf("altered-%d", i)
		if err := makeTopic(ctx, s.boot, topic, 1, nodes); err != nil {
			return err
		}
		done.Go(func() {
			cl, err := kgo.NewClient(seeds(s.boot))
			if err != nil {
				errs[i] = err
				return
			}
			defer cl.Close()
			for errs[i] == nil && !stop.Load() {
				errs[i] = alter(ctx, cl, topic, value)
				answered.Add(1)
			}
		})
	}
	time.Sleep(time.Second)
	before, began := answered.Load(), time.Now()
	time.Sleep(proposing)
	rate := float64(answered.Load()-before) / time.Since(began).Seconds()
	stop.Store(true)
	done.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	s.say("%.0f commands a second", rate)
	s.into.add(alone, "troupe", "metadata-rate", rate)
	return nil
}

func alter(ctx context.Context, cl *kgo.Client, topic, value string) error {
	req := kmsg.NewPtrIncrementalAlterConfigsRequest()
	res := kmsg.NewIncrementalAlterConfigsRequestResource()
	res.ResourceType, res.ResourceName = kmsg.ConfigResourceTypeTopic, topic
	c := kmsg.NewIncrementalAlterConfigsRequestResourceConfig()
	c.Name, c.Op, c.Value = "leader.replication.throttled.replicas", kmsg.IncrementalAlterConfigOpSet, &value
	res.Configs = append(res.Configs, c)
	req.Resources = append(req.Resources, res)
	answer, err := req.RequestWith(ctx, cl)
	if err != nil {
		return err
	}
	return kerr.ErrorForCode(answer.Resources[0].ErrorCode)
}

const (
	fences         = 3
	fencedEach     = 100 // partitions of a topic
	fewPartitions  = 10
	fencedSettling = 90 * time.Second
)

var fenceTitle = fmt.Sprintf("a broker that leads 10,000 partitions is fenced: from %v after its kill -9, when its lost link counts as its death, until both others show new leaders for all, ms, worst of %d",
	controller.DefaultTiming.Suspect, fences)

// fences kills a broker that does not lead the metadata but leads few partitions, then one that leads many.
func (s *session) fences(t *troupeCluster) error {
	cl, err := newAdmin(s.boot)
	if err != nil {
		return err
	}
	defer cl.Close()
	if err := s.fence(t, cl, "fence-few", fewPartitions); err != nil {
		return err
	}
	return s.fence(t, cl, "fence", s.o.partitions)
}

func (s *session) fence(t *troupeCluster, cl *kgo.Client, key string, partitions int) error {
	if !s.wants(key) {
		return nil
	}
	adm := kadm.NewClient(cl)
	ctx, cancel := context.WithTimeout(s.ctx, limit)
	defer cancel()
	victim, err := bystander(ctx, adm)
	if err != nil {
		return err
	}
	var topics []string
	for i := 0; i < partitions; i += fencedEach {
		topics = append(topics, fmt.Sprintf("%s-%d", key, i))
		if err := makeLed(ctx, cl, topics[len(topics)-1], min(fencedEach, partitions-i), victim); err != nil {
			return err
		}
	}
	var all []time.Duration
	defer func() { // also of those before one that failed
		if len(all) > 0 {
			s.into.add(alone, "troupe", key, worst(all))
		}
	}()
	for range fences {
		calm, cancel := context.WithTimeout(ctx, fencedSettling)
		defer cancel()
		if err := settled(calm, adm, topics...); err != nil {
			return err
		}
		if now, err := bystander(ctx, adm); err != nil || victim != now {
			s.say("broker %d is not fenced as one that stands by: the metadata are led by another one than before: %v", victim, err)
		}
		took, err := s.replaced(ctx, t, victim, topics)
		if err != nil {
			return err
		}
		s.say("broker %d, which led %d partitions, was killed: new leaders for all after %v", victim, partitions, took.Round(time.Millisecond))
		all = append(all, took-controller.DefaultTiming.Suspect)
		if _, err := t.node(victim).start(); err != nil {
			return err
		}
	}
	return nil
}

// makeLed makes a topic whose partitions one broker leads, with replicas on all.
func makeLed(ctx context.Context, cl *kgo.Client, topic string, partitions int, leader int32) error {
	req := kmsg.NewPtrCreateTopicsRequest()
	req.TimeoutMillis = int32(fencedSettling.Milliseconds())
	t := kmsg.NewCreateTopicsRequestTopic()
	t.Topic, t.NumPartitions, t.ReplicationFactor = topic, -1, -1
	for p := range partitions {
		a := kmsg.NewCreateTopicsRequestTopicReplicaAssignment()
		a.Partition, a.Replicas = int32(p), []int32{leader, leader%nodes + 1, (leader+1)%nodes + 1}
		t.ReplicaAssignment = append(t.ReplicaAssignment, a)
	}
	req.Topics = append(req.Topics, t)
	answer, err := req.RequestWith(ctx, cl)
	if err != nil {
		return err
	}
	return kerr.ErrorForCode(answer.Topics[0].ErrorCode)
}

// replaced kills a broker and tells how long it took until both others show that nobody is led by it any more. The first and the last
// topic are asked for all the time, all of them at the end.
func (s *session) replaced(ctx context.Context, t *troupeCluster, victim int32, topics []string) (time.Duration, error) {
	var ask []*kgo.Broker
	for id := int32(1); id <= nodes; id++ {
		if id == victim {
			continue
		}
		cl, err := kgo.NewClient(kgo.SeedBrokers(t.node(id).listen))
		if err != nil {
			return 0, err
		}
		defer cl.Close()
		b := cl.SeedBrokers()[0]
		n, err := ledBy(ctx, b, victim, topics)
		if err != nil {
			return 0, err
		}
		if n == 0 {
			return 0, fmt.Errorf("broker %d leads nothing before it dies", victim)
		}
		ask = append(ask, b)
	}
	at := time.Now()
	if err := t.node(victim).kill(); err != nil {
		return 0, err
	}
	some := []string{topics[0], topics[len(topics)-1]}
	for _, b := range ask {
		for {
			n, err := ledBy(ctx, b, victim, some)
			if err != nil {
				return 0, err
			}
			if n == 0 {
				break
			}
			time.Sleep(time.Millisecond)
		}
	}
	took := time.Since(at)
	for _, b := range ask {
		n, err := ledBy(ctx, b, victim, topics)
		if err != nil {
			return 0, err
		}
		if n > 0 {
			return 0, fmt.Errorf("%d of the partitions still had the dead leader when some had another", n)
		}
	}
	return took, nil
}

// ledBy is how many partitions of some topics have a leader that one broker says is the given one, or have none.
func ledBy(ctx context.Context, b *kgo.Broker, leader int32, topics []string) (n int, err error) {
	req := kmsg.NewPtrMetadataRequest()
	for _, name := range topics {
		t := kmsg.NewMetadataRequestTopic()
		t.Topic = kmsg.StringPtr(name)
		req.Topics = append(req.Topics, t)
	}
	answer, err := req.RequestWith(ctx, b)
	if err != nil {
		return 0, err
	}
	for _, t := range answer.Topics {
		if err := kerr.ErrorForCode(t.ErrorCode); err != nil {
			return 0, err
		}
		for _, p := range t.Partitions {
			if p.Leader == leader || p.Leader < 0 {
				n++
			}
		}
	}
	return n, nil
}
