package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kmsg"

	"troupe/actors/meta"
)

// describedTopic is what is told of one topic.
type describedTopic struct {
	Topic      string          `json:"topic"`
	ID         string          `json:"id"`
	Internal   bool            `json:"internal"`
	Records    int64           `json:"records"` // as of topicLine
	Bytes      int64           `json:"bytes"`
	Configs    []configLine    `json:"configs"`
	Partitions []partitionLine `json:"partitions"`
}

// configLine is one setting that is not the broker's default.
type configLine struct {
	Name   string  `json:"name"`
	Value  *string `json:"value"` // null: a secret
	Source string  `json:"source"`
}

// partitionLine is one partition of a described topic.
type partitionLine struct {
	Partition int32   `json:"partition"`
	Leader    int32   `json:"leader"` // -1: none
	Epoch     int32   `json:"leader_epoch"`
	Replicas  []int32 `json:"replicas"`
	ISR       []int32 `json:"isr"`
	Offline   []int32 `json:"offline"`
	Start     int64   `json:"start"` // offsets; -1: unknown
	End       int64   `json:"end"`
	Bytes     int64   `json:"bytes"`
}

func topicDescribe(c *cli) *cobra.Command {
	cmd := &cobra.Command{
		Use: "describe TOPIC...", Short: "Show partitions, offsets, sizes, and the settings that differ from the default", Args: cobra.MinimumNArgs(1),
		Long:              "Show a topic's partitions: leader, replicas, offsets and sizes; and its settings that differ from the default.\nWith -o json each topic is one object.",
		ValidArgsFunction: c.completeTopics,
		Example:           "  broker topic describe orders\n  broker topic describe orders -o json | jq .configs",
	}
	c.outputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return c.withAdmin(func(adm *kadm.Client) error {
			for i, topic := range args {
				if i > 0 && c.output == "table" {
					fmt.Fprintln(c.out)
				}
				d, err := c.lookAt(cmd.Context(), adm, topic)
				if err != nil {
					return err
				}
				if err := c.printDescribed(d); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return cmd
}

func (c *cli) lookAt(ctx context.Context, adm *kadm.Client, topic string) (*describedTopic, error) {
	td, err := adm.ListTopicsWithInternal(ctx, topic)
	if err != nil {
		return nil, kafkaError("describe "+topic, c.brokers, err)
	}
	t := td[topic]
	if isUnknownTopic(t.Err) {
		return nil, c.unknownTopic(ctx, adm, "describe", topic)
	}
	if t.Err != nil {
		return nil, kafkaError("describe "+topic, c.brokers, t.Err)
	}
	start, err := adm.ListStartOffsets(ctx, topic)
	if err != nil {
		return nil, kafkaError("offsets of "+topic, c.brokers, err)
	}
	end, err := adm.ListEndOffsets(ctx, topic)
	if err != nil {
		return nil, kafkaError("offsets of "+topic, c.brokers, err)
	}
	d := &describedTopic{Topic: topic, ID: meta.TopicID(t.ID).String(), Internal: t.IsInternal, Configs: []configLine{}, Partitions: []partitionLine{}}
	bytes := sizes(ctx, adm, td.TopicsSet())
	for _, p := range t.Partitions.Sorted() {
		s, _ := start.Lookup(topic, p.Partition)
		e, _ := end.Lookup(topic, p.Partition)
		l := partitionLine{p.Partition, p.Leader, p.LeaderEpoch, listed(p.Replicas), listed(p.ISR), listed(p.OfflineReplicas), s.Offset, e.Offset, bytes.of(topic, p.Partition)}
		if distance(s, e) == unknown {
			l.Start, l.End = unknown, unknown
		}
		d.Records, d.Bytes = plus(d.Records, distance(s, e)), plus(d.Bytes, l.Bytes)
		d.Partitions = append(d.Partitions, l)
	}
	slices.SortFunc(d.Partitions, func(a, b partitionLine) int { return cmp.Compare(a.Partition, b.Partition) })
	d.Configs = append(d.Configs, changedConfigs(ctx, adm, topic)...)
	return d, nil
}

// changedConfigs are the settings in force that are not the default. A broker that does not tell them is no reason to show nothing else.
func changedConfigs(ctx context.Context, adm *kadm.Client, topic string) (out []configLine) {
	described, err := adm.DescribeTopicConfigs(ctx, topic)
	if err != nil {
		return nil
	}
	of, err := described.On(topic, nil)
	if err != nil || of.Err != nil {
		return nil
	}
	for _, s := range of.Configs {
		if s.Source != kmsg.ConfigSourceDefaultConfig {
			out = append(out, configLine{s.Key, s.Value, configSource(s.Source)})
		}
	}
	slices.SortFunc(out, func(a, b configLine) int { return strings.Compare(a.Name, b.Name) })
	return out
}

func configSource(s kmsg.ConfigSource) string {
	switch s {
	case kmsg.ConfigSourceDynamicTopicConfig:
		return "topic"
	case kmsg.ConfigSourceDynamicBrokerConfig, kmsg.ConfigSourceDynamicDefaultBrokerConfig:
		return "brokers, changed while they run"
	case kmsg.ConfigSourceStaticBrokerConfig:
		return "the broker's file or flags"
	}
	return strings.ToLower(s.String())
}

func (c *cli) printDescribed(d *describedTopic) error {
	if c.output == "table" {
		fmt.Fprintf(c.out, "topic %s  id %s  partitions %d  records %s  size %s\n", d.Topic, d.ID, len(d.Partitions), count(d.Records), size(d.Bytes))
		for _, s := range d.Configs {
			value := "(secret)"
			if s.Value != nil {
				value = *s.Value
			}
			from := ""
			if s.Source != "topic" {
				from = "  (" + s.Source + ")"
			}
			fmt.Fprintf(c.out, "config %s=%s%s\n", s.Name, value, from)
		}
	}
	var rows [][]string
	for _, l := range d.Partitions {
		rows = append(rows, []string{fmt.Sprint(l.Partition), leader(l.Leader), fmt.Sprint(l.Epoch), ids(l.Replicas), ids(l.ISR), count(l.Start), count(l.End), size(l.Bytes)})
	}
	return c.print(d, []string{"PARTITION", "LEADER", "EPOCH", "REPLICAS", "ISR", "START", "END", "SIZE"}, rows)
}

// listed is a list that is [] in JSON when it is empty, as the client gives null.
func listed(list []int32) []int32 { return append([]int32{}, list...) }

func leader(id int32) string {
	if id < 0 {
		return "none"
	}
	return fmt.Sprint(id)
}

// ids are node ids in their own order: the first replica is the preferred leader.
func ids(list []int32) string {
	parts := make([]string, len(list))
	for i, n := range list {
		parts[i] = strconv.Itoa(int(n))
	}
	return strings.Join(parts, ",")
}
