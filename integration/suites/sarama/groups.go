package main

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/IBM/sarama"
)

// member is one consumer of a group. It remembers what it holds and what it got.
type member struct {
	group  sarama.ConsumerGroup
	end    context.CancelFunc
	done   chan struct{}
	upTo   int64 // mark and commit only records below this offset; 0: none
	mu     sync.Mutex
	held   int
	values []string
}

func (m *member) Setup(s sarama.ConsumerGroupSession) error {
	m.hold(s)
	return nil
}

func (m *member) hold(s sarama.ConsumerGroupSession) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.held = 0
	for _, partitions := range s.Claims() {
		m.held += len(partitions)
	}
}

func (m *member) Cleanup(sarama.ConsumerGroupSession) error { return nil }

func (m *member) ConsumeClaim(s sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) error {
	for {
		select {
		case msg, ok := <-claim.Messages():
			if !ok {
				return nil
			}
			m.mu.Lock()
			m.values = append(m.values, string(msg.Value))
			m.mu.Unlock()
			if msg.Offset < m.upTo {
				s.MarkMessage(msg, "note")
				s.Commit()
			}
		case <-s.Context().Done():
			return nil
		}
	}
}

func (m *member) has(partitions int) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.held == partitions
}

func (m *member) got() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.values)
}

func (m *member) first() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.values[0]
}

func (m *member) stop() {
	m.end()
	<-m.done
	m.group.Close()
}

// join starts a member.
func (c client) join(topic, group string, upTo int64, change func(*sarama.Config)) (*member, error) {
	conf := c.config()
	if change != nil {
		change(conf)
	}
	g, err := sarama.NewConsumerGroup(c.brokers, group, conf)
	if err != nil {
		return nil, err
	}
	ctx, end := context.WithCancel(context.Background())
	m := &member{group: g, end: end, done: make(chan struct{}), upTo: upTo}
	go func() {
		defer close(m.done)
		for ctx.Err() == nil {
			if err := g.Consume(ctx, []string{topic}, m); err != nil && !errors.Is(err, context.Canceled) {
				fmt.Println("consume:", err)
			}
		}
	}()
	return m, nil
}

// filled makes a topic with so many records, and a name for a group.
func (c client) filled(partitions int32, records int) (topic, group string, err error) {
	if topic, err = c.topic(partitions, nil); err == nil && records > 0 {
		err = c.produce(topic, numbers(records), nil)
	}
	return topic, fresh("group"), err
}

var groupChecks = []check{
	{"group/commit-and-resume", func(c client) error {
		topic, group, err := c.filled(1, 20)
		if err != nil {
			return err
		}
		m, err := c.join(topic, group, 8, nil)
		if err != nil {
			return err
		}
		err = until("20 records", func() bool { return m.got() == 20 })
		m.stop()
		if err != nil {
			return err
		}
		if m, err = c.join(topic, group, 0, nil); err != nil {
			return err
		}
		defer m.stop()
		if err := until("12 records", func() bool { return m.got() == 12 }); err != nil {
			return err
		}
		return same("first value", m.first(), "8")
	}},
	{"group/rebalance-range", func(c client) error { return c.share(sarama.NewBalanceStrategyRange()) }},
	{"group/rebalance-roundrobin", func(c client) error { return c.share(sarama.NewBalanceStrategyRoundRobin()) }},
	{"group/rebalance-sticky", func(c client) error { return c.share(sarama.NewBalanceStrategySticky()) }},
	{"group/static-member-comes-back", func(c client) error {
		topic, group, err := c.filled(2, 0)
		if err != nil {
			return err
		}
		for range 2 {
			m, err := c.join(topic, group, 0, func(conf *sarama.Config) { conf.Consumer.Group.InstanceId = "one" })
			if err != nil {
				return err
			}
			err = until("both partitions", func() bool { return m.has(2) })
			m.stop()
			if err != nil {
				return err
			}
		}
		return nil
	}},
}

// share: two members share four partitions, and one gets all when the other goes.
func (c client) share(strategy sarama.BalanceStrategy) error {
	topic, group, err := c.filled(4, 0)
	if err != nil {
		return err
	}
	change := func(conf *sarama.Config) {
		conf.Consumer.Group.Rebalance.GroupStrategies = []sarama.BalanceStrategy{strategy}
	}
	a, err := c.join(topic, group, 0, change)
	if err != nil {
		return err
	}
	stopped := false
	defer func() {
		if !stopped {
			a.stop()
		}
	}()
	if err := until("the first has four", func() bool { return a.has(4) }); err != nil {
		return err
	}
	b, err := c.join(topic, group, 0, change)
	if err != nil {
		return err
	}
	defer b.stop()
	if err := until("both have two", func() bool { return a.has(2) && b.has(2) }); err != nil {
		return err
	}
	a.stop()
	stopped = true
	return until("the second has four", func() bool { return b.has(4) })
}
