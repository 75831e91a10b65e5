package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"troupe/actors/meta"
	"troupe/cmd/broker/admin"
)

func topicAlter(c *cli) *cobra.Command {
	var partitions int
	var set, unset []string
	var dry bool
	cmd := &cobra.Command{
		Use: "alter TOPIC", Short: "Change a topic: its settings, its number of partitions", Args: cobra.ExactArgs(1),
		Long: `Change a topic. Settings are changed first; if that is refused, the partitions stay as they are. Partitions can be added, never taken
away; keys then go to other partitions than before.`,
		Example: "  broker topic alter orders -c retention.ms=3600000 -c cleanup.policy+=compact\n  broker topic alter orders --unset retention.ms\n  broker topic alter orders -p 24 --dry-run",
	}
	f := cmd.Flags()
	f.IntVarP(&partitions, "partitions", "p", 0, "the number of partitions it shall have")
	f.StringArrayVarP(&set, "config", "c", nil, "setting as KEY=VALUE, KEY+=VALUE (add to a list) or KEY-=VALUE (take away); repeatable")
	f.StringArrayVar(&unset, "unset", nil, "setting to take back to its default; repeatable")
	f.BoolVar(&dry, "dry-run", false, "only say whether it could be done")
	cmd.ValidArgsFunction = c.completeTopic
	completeFlag(cmd, "config", topicConfigNames)
	completeFlag(cmd, "unset", meta.TopicConfigKeys)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(set)+len(unset) == 0 && partitions == 0 {
			return failf(exitUsage, "alter %s: nothing to change; say -p, -c or --unset", args[0])
		}
		if partitions < 0 {
			return failf(exitUsage, "--partitions %d: want 1 or more", partitions)
		}
		r := resource{kmsg.ConfigResourceTypeTopic, args[0], "topic " + args[0]}
		ops := []configOp{}
		if len(set) > 0 {
			list, err := parseOps(r, set)
			if err != nil {
				return err
			}
			ops = list
		}
		for _, key := range unset {
			ops = append(ops, configOp{key: key, op: kmsg.IncrementalAlterConfigOpDelete})
		}
		if len(ops) > 0 {
			if err := c.alterConfigs(cmd.Context(), "alter", r, ops, dry); err != nil {
				return err
			}
		}
		if partitions == 0 {
			return nil
		}
		return c.withAdmin(func(adm *kadm.Client) error { return c.growTopic(cmd, adm, args[0], partitions, dry) })
	}
	return cmd
}

func (c *cli) growTopic(cmd *cobra.Command, adm *kadm.Client, topic string, partitions int, dry bool) error {
	grow := adm.UpdatePartitions
	if dry {
		grow = adm.ValidateUpdatePartitions
	}
	resp, err := grow(cmd.Context(), partitions, topic)
	if err != nil {
		return kafkaError("alter topic "+topic, c.brokers, err)
	}
	r := resp[topic]
	var ke *kerr.Error
	switch {
	case isUnknownTopic(r.Err):
		return c.unknownTopic(cmd.Context(), adm, "alter topic", topic)
	case errors.As(r.Err, &ke) && r.ErrMessage != "":
		return failf(kafkaExit(ke), "alter topic %s: %s", topic, r.ErrMessage)
	case r.Err != nil:
		return kafkaError("alter topic "+topic, c.brokers, r.Err)
	}
	fmt.Fprintf(c.out, "topic %s: %s %s\n", topic, map[bool]string{true: "would have", false: "has"}[dry], admin.Counted(partitions, "partition", "partitions"))
	return nil
}
