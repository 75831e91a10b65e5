package main

import (
	"context"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
)

// unknown stands for a number that the broker does not tell.
const unknown = -1

// topicLine is one topic of a list.
type topicLine struct {
	Topic      string `json:"topic"`
	Partitions int    `json:"partitions"`
	Replicas   int    `json:"replicas"`
	Internal   bool   `json:"internal"`
	Records    int64  `json:"records"` // end offsets less start offsets; -1: unknown
	Bytes      int64  `json:"bytes"`   // of one replica of each partition; -1: unknown
}

func topicList(c *cli) *cobra.Command {
	var internal bool
	cmd := &cobra.Command{
		Use: "list [TOPIC...]", Short: "List topics, how many records they hold and how large they are", ValidArgsFunction: c.completeTopics,
		Long: "List topics. RECORDS is the distance from the first offset to the end: in a compacted topic, and with transactions, fewer are\n" +
			"there. SIZE is that of one replica of each partition.",
		Example: "  broker topic list\n  broker topic list --internal -o json",
	}
	cmd.Flags().BoolVar(&internal, "internal", false, "show internal topics too")
	c.outputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return c.withAdmin(func(adm *kadm.Client) error {
			lines, err := c.topicLines(cmd.Context(), adm, "list", args...)
			if err != nil {
				return err
			}
			shown := []topicLine{}
			for _, l := range lines {
				if internal || !l.Internal || len(args) > 0 {
					shown = append(shown, l)
				}
			}
			return c.printTopics(shown)
		})
	}
	return cmd
}

func (c *cli) printTopics(lines []topicLine) error {
	var rows [][]string
	for _, l := range lines {
		rows = append(rows, []string{l.Topic, strconv.Itoa(l.Partitions), strconv.Itoa(l.Replicas), count(l.Records), size(l.Bytes)})
	}
	return c.print(lines, []string{"TOPIC", "PARTITIONS", "REPLICAS", "RECORDS", "SIZE"}, rows)
}

// topicLines looks the topics up, all of them if none is named. verb is what is done to them, for errors.
func (c *cli) topicLines(ctx context.Context, adm *kadm.Client, verb string, topics ...string) ([]topicLine, error) {
	td, err := adm.ListTopicsWithInternal(ctx, topics...)
	if err != nil {
		return nil, kafkaError(verb+" topics", c.brokers, err)
	}
	for _, name := range topics {
		if err := td[name].Err; isUnknownTopic(err) {
			return nil, c.unknownTopic(ctx, adm, verb, name)
		} else if err != nil {
			return nil, kafkaError(verb+" topic "+name, c.brokers, err)
		}
	}
	if len(td) == 0 {
		return []topicLine{}, nil
	}
	start, err := adm.ListStartOffsets(ctx, td.Names()...)
	if err != nil {
		return nil, kafkaError(verb+" topics", c.brokers, err)
	}
	end, err := adm.ListEndOffsets(ctx, td.Names()...)
	if err != nil {
		return nil, kafkaError(verb+" topics", c.brokers, err)
	}
	bytes := sizes(ctx, adm, td.TopicsSet())
	lines := []topicLine{}
	for _, t := range td.Sorted() {
		l := topicLine{Topic: t.Topic, Partitions: len(t.Partitions), Replicas: t.Partitions.NumReplicas(), Internal: t.IsInternal}
		for i := range t.Partitions {
			s, _ := start.Lookup(t.Topic, i)
			e, _ := end.Lookup(t.Topic, i)
			l.Records = plus(l.Records, distance(s, e))
			l.Bytes = plus(l.Bytes, bytes.of(t.Topic, i))
		}
		lines = append(lines, l)
	}
	return lines, nil
}

// distance is how many offsets lie between two that were looked up, or unknown.
func distance(s, e kadm.ListedOffset) int64 {
	if s.Err != nil || e.Err != nil || s.Offset < 0 || e.Offset < 0 {
		return unknown
	}
	return max(0, e.Offset-s.Offset)
}

// plus adds numbers of which each may be unknown, and then so is the sum.
func plus(a, b int64) int64 {
	if a < 0 || b < 0 {
		return unknown
	}
	return a + b
}

// partitionSizes are the bytes of partitions; what is not there is unknown.
type partitionSizes map[string]map[int32]int64

func (p partitionSizes) of(topic string, partition int32) int64 {
	if n, ok := p[topic][partition]; ok {
		return n
	}
	return unknown
}

// sizes asks all brokers how large the partitions are; of several replicas the largest counts. A broker that does not tell is no
// reason to show nothing else.
func sizes(ctx context.Context, adm *kadm.Client, topics kadm.TopicsSet) partitionSizes {
	out := partitionSizes{}
	dirs, _ := adm.DescribeAllLogDirs(ctx, topics)
	dirs.Each(func(d kadm.DescribedLogDir) {
		d.Topics.Each(func(p kadm.DescribedLogDirPartition) {
			if p.IsFuture {
				return
			}
			if out[p.Topic] == nil {
				out[p.Topic] = map[int32]int64{}
			}
			out[p.Topic][p.Partition] = max(out[p.Topic][p.Partition], p.Size)
		})
	})
	return out
}

func count(n int64) string {
	if n < 0 {
		return "-"
	}
	return strconv.FormatInt(n, 10)
}

// size is a number of bytes for people.
func size(n int64) string {
	if n < 0 {
		return "-"
	}
	if n < 1024 {
		return fmt.Sprintf("%d B", n)
	}
	f, units := float64(n)/1024, "KMGTPE"
	for f >= 1024 && len(units) > 1 {
		f, units = f/1024, units[1:]
	}
	return fmt.Sprintf("%.1f %ciB", f, units[0])
}

func isUnknownTopic(err error) bool {
	return err == kerr.UnknownTopicOrPartition || err == kerr.UnknownTopicID
}
