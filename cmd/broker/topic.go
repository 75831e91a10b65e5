package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
)

func topicCommand(c *cli) *cobra.Command {
	cmd := &cobra.Command{Use: "topic", Short: "Make, show and delete topics; produce and consume", RunE: groupOnly, Example: "  broker topic list"}
	cmd.AddCommand(topicCreate(c), topicList(c), topicDescribe(c), topicDelete(c), topicProduce(c), topicConsume(c))
	return cmd
}

func topicCreate(c *cli) *cobra.Command {
	var partitions int32
	var replicas int16
	var configs []string
	cmd := &cobra.Command{
		Use: "create TOPIC...", Short: "Make topics", Args: cobra.MinimumNArgs(1),
		Example: "  broker topic create orders -p 12\n  broker topic create audit -c retention.ms=3600000",
	}
	f := cmd.Flags()
	f.Int32VarP(&partitions, "partitions", "p", -1, "number of partitions (-1: the broker's num.partitions)")
	f.Int16VarP(&replicas, "replicas", "r", -1, "replication factor (-1: the cluster's choice)")
	f.StringArrayVarP(&configs, "config", "c", nil, "topic config as KEY=VALUE; repeatable")
	c.outputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		set := map[string]*string{}
		for _, kv := range configs {
			k, v, ok := strings.Cut(kv, "=")
			if !ok {
				return failf(exitUsage, "--config %s: want KEY=VALUE", kv)
			}
			set[k] = &v
		}
		return c.withAdmin(func(adm *kadm.Client) error {
			res, err := adm.CreateTopics(cmd.Context(), partitions, replicas, set, args...)
			if err != nil {
				return kafkaError("create topics", c.brokers, err)
			}
			return c.perTopic("create", args, func(t string) (string, error) { r := res[t]; return r.ErrMessage, r.Err })
		})
	}
	return cmd
}

// outcome is one line of a command that does the same to several topics.
type outcome struct {
	Topic  string `json:"topic"`
	Status string `json:"status"`
}

// perTopic prints what became of each topic and gives the command's error: partly failed if some went well.
func (c *cli) perTopic(verb string, topics []string, result func(string) (string, error)) error {
	var list []outcome
	var rows [][]string
	var first error
	failed := 0
	for _, t := range topics {
		status := "OK"
		if text, err := result(t); err != nil {
			failed++
			status = err.Error()
			var ke *kerr.Error
			if errors.As(err, &ke) {
				status = ke.Message
				if text == "" {
					text = ke.Description
				}
			}
			if text != "" {
				status += ": " + text
			}
			if first == nil {
				first = failf(exitCode(err), "%s topic %s: %s", verb, t, status)
			}
		}
		list = append(list, outcome{t, status})
		rows = append(rows, []string{t, status})
	}
	if failed > 0 && len(topics) == 1 {
		return first
	}
	if err := c.print(list, []string{"TOPIC", "STATUS"}, rows); err != nil {
		return err
	}
	if failed > 0 && failed < len(topics) {
		return failf(exitPartly, "%d of %d topics failed", failed, len(topics))
	}
	return first
}

func topicDelete(c *cli) *cobra.Command {
	cmd := &cobra.Command{
		Use: "delete TOPIC...", Short: "Delete topics and all their records", Args: cobra.MinimumNArgs(1),
		Example: "  broker topic delete orders",
	}
	c.outputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return c.withAdmin(func(adm *kadm.Client) error {
			res, err := adm.DeleteTopics(cmd.Context(), args...)
			if err != nil {
				return kafkaError("delete topics", c.brokers, err)
			}
			return c.perTopic("delete", args, func(t string) (string, error) { r := res[t]; return r.ErrMessage, r.Err })
		})
	}
	return cmd
}

// topicLine is one topic of a list.
type topicLine struct {
	Topic      string `json:"topic"`
	Partitions int    `json:"partitions"`
	Replicas   int    `json:"replicas"`
	Internal   bool   `json:"internal"`
}

func topicList(c *cli) *cobra.Command {
	var internal bool
	cmd := &cobra.Command{Use: "list", Short: "List topics", Args: cobra.NoArgs, Example: "  broker topic list\n  broker topic list -o json"}
	cmd.Flags().BoolVar(&internal, "internal", false, "show internal topics too")
	c.outputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return c.withAdmin(func(adm *kadm.Client) error {
			td, err := adm.ListTopicsWithInternal(cmd.Context())
			if err != nil {
				return kafkaError("list topics", c.brokers, err)
			}
			list := []topicLine{}
			var rows [][]string
			for _, t := range td.Sorted() {
				if t.IsInternal && !internal {
					continue
				}
				list = append(list, topicLine{t.Topic, len(t.Partitions), t.Partitions.NumReplicas(), t.IsInternal})
				rows = append(rows, []string{t.Topic, strconv.Itoa(len(t.Partitions)), strconv.Itoa(t.Partitions.NumReplicas())})
			}
			return c.print(list, []string{"TOPIC", "PARTITIONS", "REPLICAS"}, rows)
		})
	}
	return cmd
}

// partitionLine is one partition of a described topic.
type partitionLine struct {
	Partition int32   `json:"partition"`
	Leader    int32   `json:"leader"`
	Epoch     int32   `json:"leader_epoch"`
	Replicas  []int32 `json:"replicas"`
	ISR       []int32 `json:"isr"`
	Start     int64   `json:"start"`
	End       int64   `json:"end"`
}

func topicDescribe(c *cli) *cobra.Command {
	cmd := &cobra.Command{
		Use: "describe TOPIC", Short: "Show a topic's partitions: leader, replicas, offsets", Args: cobra.ExactArgs(1),
		Example: "  broker topic describe orders",
	}
	c.outputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return c.withAdmin(func(adm *kadm.Client) error { return c.describe(cmd.Context(), adm, args[0]) })
	}
	return cmd
}

func (c *cli) describe(ctx context.Context, adm *kadm.Client, topic string) error {
	td, err := adm.ListTopics(ctx, topic)
	if err != nil {
		return kafkaError("describe "+topic, c.brokers, err)
	}
	t := td[topic]
	if t.Err != nil {
		return kafkaError("describe "+topic, c.brokers, t.Err)
	}
	start, err := adm.ListStartOffsets(ctx, topic)
	if err != nil {
		return kafkaError("offsets of "+topic, c.brokers, err)
	}
	end, err := adm.ListEndOffsets(ctx, topic)
	if err != nil {
		return kafkaError("offsets of "+topic, c.brokers, err)
	}
	lines := []partitionLine{}
	var rows [][]string
	for _, p := range t.Partitions.Sorted() {
		s, _ := start.Lookup(topic, p.Partition)
		e, _ := end.Lookup(topic, p.Partition)
		l := partitionLine{p.Partition, p.Leader, p.LeaderEpoch, p.Replicas, p.ISR, s.Offset, e.Offset}
		lines = append(lines, l)
		rows = append(rows, []string{fmt.Sprint(l.Partition), fmt.Sprint(l.Leader), fmt.Sprint(l.Epoch), ids(l.Replicas), ids(l.ISR), fmt.Sprint(l.Start), fmt.Sprint(l.End)})
	}
	slices.SortFunc(lines, func(a, b partitionLine) int { return cmp.Compare(a.Partition, b.Partition) })
	v := map[string]any{"topic": topic, "id": t.ID.String(), "partitions": lines}
	if c.output == "table" {
		fmt.Fprintf(c.out, "topic %s  id %s  partitions %d\n", topic, t.ID, len(lines))
	}
	return c.print(v, []string{"PARTITION", "LEADER", "EPOCH", "REPLICAS", "ISR", "START", "END"}, rows)
}

func ids(list []int32) string {
	parts := make([]string, len(list))
	for i, n := range list {
		parts[i] = strconv.Itoa(int(n))
	}
	sort.Strings(parts)
	return strings.Join(parts, ",")
}
