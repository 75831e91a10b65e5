package main

import (
	"errors"
	"strings"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

func topicCommand(c *cli) *cobra.Command {
	cmd := &cobra.Command{Use: "topic", Short: "Make, show and delete topics; produce and consume", RunE: groupOnly, Example: "  broker topic list"}
	cmd.AddCommand(topicCreate(c), topicList(c), topicDescribe(c), topicAlter(c), topicDelete(c), topicProduce(c), topicConsume(c))
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
	completeFlag(cmd, "config", topicConfigNames)
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

// outcome is one line of a command that does the same to several topics or groups.
type outcome struct {
	Topic  string `json:"topic,omitempty"`
	Group  string `json:"group,omitempty"`
	Status string `json:"status"`
}

// perTopic is each for topics.
func (c *cli) perTopic(verb string, topics []string, result func(string) (string, error)) error {
	return c.each("topic", verb, topics, result)
}

// each prints what became of each topic or group and gives the command's error: partly failed if some went well.
func (c *cli) each(kind, verb string, names []string, result func(string) (string, error)) error {
	var list []outcome
	var rows [][]string
	var first error
	failed := 0
	for _, t := range names {
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
			if _, key, ok := strings.Cut(text, "config name: "); ok {
				status += resource{kind: kmsg.ConfigResourceTypeTopic}.suggestion(key)
			}
			if first == nil {
				first = failf(exitCode(err), "%s %s %s: %s", verb, kind, t, status)
			}
		}
		o := outcome{Topic: t, Status: status}
		if kind == "group" {
			o = outcome{Group: t, Status: status}
		}
		list = append(list, o)
		rows = append(rows, []string{t, status})
	}
	if failed > 0 && len(names) == 1 {
		return first
	}
	if err := c.print(list, []string{strings.ToUpper(kind), "STATUS"}, rows); err != nil {
		return err
	}
	if failed > 0 && failed < len(names) {
		return failf(exitPartly, "%d of %d %ss failed", failed, len(names), kind)
	}
	return first
}
