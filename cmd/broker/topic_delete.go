package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kadm"

	"troupe/cmd/broker/admin"
)

func topicDelete(c *cli) *cobra.Command {
	return deletes(c, &cobra.Command{
		Use: "delete TOPIC...", Short: "Delete topics and all their records", ValidArgsFunction: c.completeTopics,
		Example: "  broker topic delete orders\n  broker topic delete orders audit --yes\n  broker topic delete orders --dry-run",
	}, deletion[topicLine]{
		gone: func(ctx context.Context, adm *kadm.Client, topics []string) ([]topicLine, error) {
			return c.topicLines(ctx, adm, "delete", topics...)
		},
		show: c.printTopics, ask: topicsAsked, do: c.deleteTopics,
	})
}

func (c *cli) deleteTopics(ctx context.Context, adm *kadm.Client, topics []string) error {
	res, err := adm.DeleteTopics(ctx, topics...)
	if err != nil {
		return kafkaError("delete topics", c.brokers, err)
	}
	if len(topics) == 1 && isUnknownTopic(res[topics[0]].Err) {
		return c.unknownTopic(ctx, adm, "delete", topics[0])
	}
	return c.perTopic("delete", topics, func(t string) (string, error) { r := res[t]; return r.ErrMessage, r.Err })
}

// topicsAsked names what is asked about.
func topicsAsked(lines []topicLine) string {
	var names []string
	records := int64(0)
	for _, l := range lines {
		names = append(names, l.Topic)
		records += max(0, l.Records)
	}
	return fmt.Sprintf("%s (%s)", strings.Join(names, ", "), admin.Counted(records, "record", "records"))
}
