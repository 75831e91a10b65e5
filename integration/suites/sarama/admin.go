package main

import (
	"errors"
	"fmt"

	"github.com/IBM/sarama"
)

// admin is a check of the admin client.
func admin(name string, run func(client, sarama.ClusterAdmin) error) check {
	return check{"admin/" + name, func(c client) error {
		a, err := c.admin()
		if err != nil {
			return err
		}
		defer a.Close()
		return run(c, a)
	}}
}

var adminChecks = []check{
	admin("cluster", func(_ client, a sarama.ClusterAdmin) error {
		brokers, controller, err := a.DescribeCluster()
		if err != nil {
			return err
		}
		return errors.Join(same("brokers", len(brokers), 1), same("controller", controller, 1))
	}),
	admin("topics", adminTopics),
	admin("create-topic-errors", func(_ client, a sarama.ClusterAdmin) error {
		one := sarama.TopicDetail{NumPartitions: 1, ReplicationFactor: 1}
		three := sarama.TopicDetail{NumPartitions: 1, ReplicationFactor: 3}
		value := "1"
		odd := sarama.TopicDetail{NumPartitions: 1, ReplicationFactor: 1, ConfigEntries: map[string]*string{"no.such": &value}}
		return errors.Join(
			is(a.CreateTopic("a b", &one, false), sarama.ErrInvalidTopic),
			is(a.CreateTopic(fresh("t"), &three, false), sarama.ErrInvalidReplicationFactor),
			is(a.CreateTopic(fresh("t"), &odd, false), sarama.ErrInvalidConfig),
			is(a.DeleteTopic(fresh("t")), sarama.ErrUnknownTopicOrPartition))
	}),
	admin("configs", adminConfigs),
	admin("delete-records", func(c client, a sarama.ClusterAdmin) error {
		topic, _, err := c.filled(1, 10)
		if err != nil {
			return err
		}
		if err := a.DeleteRecords(topic, map[int32]int64{0: 4}); err != nil {
			return err
		}
		got, err := c.read(topic, sarama.OffsetOldest, 1)
		if err != nil {
			return err
		}
		return same("first offset", got[0].Offset, 4)
	}),
	admin("groups", adminGroups),
	admin("log-dirs", func(c client, a sarama.ClusterAdmin) error {
		if _, _, err := c.filled(1, 10); err != nil {
			return err
		}
		got, err := a.DescribeLogDirs([]int32{1})
		if err != nil {
			return err
		}
		return same("directories with topics", len(got[1]) > 0 && len(got[1][0].Topics) > 0, true)
	}),
	admin("reassignments", func(c client, a sarama.ClusterAdmin) error {
		topic, _, err := c.filled(1, 0)
		if err != nil {
			return err
		}
		if err := a.AlterPartitionReassignments(topic, [][]int32{{1}}); err != nil {
			return err
		}
		got, err := a.ListPartitionReassignments(topic, []int32{0})
		return errors.Join(err, same("under way", len(got[topic]), 0))
	}),
	admin("elect-leaders", func(c client, a sarama.ClusterAdmin) error {
		topic, _, err := c.filled(1, 0)
		if err != nil {
			return err
		}
		got, err := a.ElectLeaders(sarama.PreferredElection, map[string][]int32{topic: {0}})
		if err != nil {
			return err
		}
		return is(got[topic][0].ErrorCode, sarama.ErrElectionNotNeeded)
	}),
}

func adminTopics(c client, a sarama.ClusterAdmin) error {
	topic, err := c.topic(3, nil)
	if err != nil {
		return err
	}
	partitions := func() int {
		got, err := a.DescribeTopics([]string{topic})
		if err != nil || len(got) != 1 {
			return -1
		}
		return len(got[0].Partitions)
	}
	if err := until("three partitions", func() bool { return partitions() == 3 }); err != nil {
		return err
	}
	one := sarama.TopicDetail{NumPartitions: 1, ReplicationFactor: 1}
	if err := is(a.CreateTopic(topic, &one, false), sarama.ErrTopicAlreadyExists); err != nil {
		return err
	}
	if err := a.CreatePartitions(topic, 5, nil, false); err != nil {
		return err
	}
	if err := until("five partitions", func() bool { return partitions() == 5 }); err != nil {
		return err
	}
	if err := a.DeleteTopic(topic); err != nil {
		return err
	}
	return until("the topic is gone", func() bool {
		all, err := a.ListTopics()
		_, there := all[topic]
		return err == nil && !there
	})
}

func adminConfigs(c client, a sarama.ClusterAdmin) error {
	topic, err := c.topic(1, map[string]string{"retention.ms": "12345"})
	if err != nil {
		return err
	}
	value := func(key string) string {
		got, err := a.DescribeConfig(sarama.ConfigResource{Type: sarama.TopicResource, Name: topic, ConfigNames: []string{key}})
		if err != nil || len(got) != 1 {
			return fmt.Sprint(len(got), err)
		}
		return got[0].Value
	}
	if err := until("the first value", func() bool { return value("retention.ms") == "12345" }); err != nil {
		return err
	}
	next, last := "777", "888888"
	err = a.IncrementalAlterConfig(sarama.TopicResource, topic, map[string]sarama.IncrementalAlterConfigsEntry{
		"retention.ms": {Operation: sarama.IncrementalAlterConfigsOperationSet, Value: &next},
	}, false)
	if err != nil {
		return err
	}
	if err := until("the new value", func() bool { return value("retention.ms") == next }); err != nil {
		return err
	}
	if err := a.AlterConfig(sarama.TopicResource, topic, map[string]*string{"segment.ms": &last}, false); err != nil {
		return err
	}
	return until("the new value, the old way", func() bool { return value("segment.ms") == last && value("retention.ms") != next })
}

func adminGroups(c client, a sarama.ClusterAdmin) error {
	topic, group, err := c.filled(1, 10)
	if err != nil {
		return err
	}
	m, err := c.join(topic, group, 10, nil)
	if err != nil {
		return err
	}
	err = until("ten records", func() bool { return m.got() == 10 })
	if err == nil {
		err = describedGroup(a, group)
	}
	if err == nil {
		err = is(a.DeleteConsumerGroup(group), sarama.ErrNonEmptyGroup)
	}
	m.stop()
	if err != nil {
		return err
	}
	offsets, err := a.ListConsumerGroupOffsets(group, map[string][]int32{topic: {0}})
	if err != nil {
		return err
	}
	if err := same("committed", offsets.GetBlock(topic, 0).Offset, 10); err != nil {
		return err
	}
	return errors.Join(a.DeleteConsumerGroupOffset(group, topic, 0), a.DeleteConsumerGroup(group), is(a.DeleteConsumerGroup(group), sarama.ErrGroupIDNotFound))
}

func describedGroup(a sarama.ClusterAdmin, group string) error {
	listed, err := a.ListConsumerGroups()
	if err != nil {
		return err
	}
	got, err := a.DescribeConsumerGroups([]string{group})
	if err != nil {
		return err
	}
	return errors.Join(same("type", listed[group], "consumer"), same("state", got[0].State, "Stable"), same("members", len(got[0].Members), 1))
}
