package main

import (
	"context"
	"errors"
	"time"

	"github.com/IBM/sarama"
	kafka "github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kgo"
)

// group: the client commits what a poll brought before it polls again, and when partitions are taken away.
func (f franz) group(ctx context.Context, topic, group string, each func(record)) error {
	cl, err := kgo.NewClient(kgo.SeedBrokers(f.bootstrap), kgo.ConsumerGroup(group), kgo.ConsumeTopics(topic), kgo.DisableAutoCommit(),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.BlockRebalanceOnPoll(), kgo.SessionTimeout(10*time.Second), kgo.HeartbeatInterval(500*time.Millisecond))
	if err != nil {
		return err
	}
	defer cl.Close()
	for ctx.Err() == nil {
		fetches := cl.PollFetches(ctx)
		fetches.EachRecord(func(r *kgo.Record) {
			each(record{Partition: r.Partition, Offset: r.Offset, Key: r.Key, Value: r.Value})
		})
		if fetches.NumRecords() > 0 {
			commit, cancel := context.WithTimeout(context.Background(), patience)
			err := cl.CommitUncommittedOffsets(commit)
			cancel()
			if err != nil {
				return err
			}
		}
		cl.AllowRebalance()
	}
	return nil
}

// handler is what sarama calls.
type handler struct{ each func(record) }

func (handler) Setup(sarama.ConsumerGroupSession) error   { return nil }
func (handler) Cleanup(sarama.ConsumerGroupSession) error { return nil }

func (h handler) ConsumeClaim(s sarama.ConsumerGroupSession, c sarama.ConsumerGroupClaim) error {
	for {
		select {
		case m, ok := <-c.Messages():
			if !ok {
				return nil
			}
			h.each(record{Partition: m.Partition, Offset: m.Offset, Key: m.Key, Value: m.Value})
			s.MarkMessage(m, "")
			s.Commit()
		case <-s.Context().Done():
			return nil
		}
	}
}

func (s saram) group(ctx context.Context, topic, group string, each func(record)) error {
	c := saramaConfig()
	c.Consumer.Offsets.Initial = sarama.OffsetOldest
	c.Consumer.Offsets.AutoCommit.Enable = false
	c.Consumer.Group.Session.Timeout, c.Consumer.Group.Heartbeat.Interval = 10*time.Second, 500*time.Millisecond
	g, err := sarama.NewConsumerGroup([]string{s.bootstrap}, group, c)
	if err != nil {
		return err
	}
	defer g.Close()
	lines := make(chan record, 1) // claims run at the same time
	done := make(chan struct{})
	go func() {
		defer close(done)
		for r := range lines {
			each(r)
		}
	}()
	for ctx.Err() == nil {
		if err := g.Consume(ctx, []string{topic}, handler{func(r record) { lines <- r }}); err != nil && ctx.Err() == nil {
			time.Sleep(200 * time.Millisecond) // while the broker is away
		}
	}
	close(lines)
	<-done
	return nil
}

func (s segment) group(ctx context.Context, topic, group string, each func(record)) error {
	r := kafka.NewReader(kafka.ReaderConfig{Brokers: []string{s.bootstrap}, Topic: topic, GroupID: group, MaxWait: 200 * time.Millisecond,
		StartOffset: kafka.FirstOffset, SessionTimeout: 10 * time.Second, HeartbeatInterval: 500 * time.Millisecond, JoinGroupBackoff: 200 * time.Millisecond})
	defer r.Close()
	for {
		m, err := r.FetchMessage(ctx)
		switch {
		case ctx.Err() != nil || errors.Is(err, context.Canceled):
			return nil
		case err != nil:
			time.Sleep(200 * time.Millisecond)
			continue
		}
		each(record{Partition: int32(m.Partition), Offset: m.Offset, Key: m.Key, Value: m.Value})
		if err := r.CommitMessages(ctx, m); err != nil && ctx.Err() == nil {
			time.Sleep(200 * time.Millisecond)
		}
	}
}
