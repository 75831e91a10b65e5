package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kadm"
)

func topicDelete(c *cli) *cobra.Command {
	var yes, dry bool
	cmd := &cobra.Command{
		Use: "delete TOPIC...", Short: "Delete topics and all their records", Args: cobra.MinimumNArgs(1), ValidArgsFunction: c.completeTopics,
		Long:    "Delete topics and all their records. At a terminal it asks first; a script says --yes.",
		Example: "  broker topic delete orders\n  broker topic delete orders audit --yes\n  broker topic delete orders --dry-run",
	}
	cmd.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	cmd.Flags().BoolVar(&dry, "dry-run", false, "only say what would go")
	c.outputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return c.withAdmin(func(adm *kadm.Client) error {
			if dry || !yes {
				lines, err := c.topicLines(cmd.Context(), adm, args...)
				if err != nil {
					return err
				}
				if dry {
					return c.printTopics(lines)
				}
				if err := c.confirmDelete(lines); err != nil {
					return err
				}
			}
			return c.deleteTopics(cmd.Context(), adm, args)
		})
	}
	return cmd
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

// confirmDelete asks whether these topics shall go. Who cannot be asked is refused: a pipe must not answer by accident.
func (c *cli) confirmDelete(lines []topicLine) error {
	var names []string
	records := int64(0)
	for _, l := range lines {
		names = append(names, l.Topic)
		records += max(0, l.Records)
	}
	return c.confirm(fmt.Sprintf("delete %s (%d records)", strings.Join(names, ", "), records), " for ever", "deleted")
}

// confirm asks whether to do what. Who cannot be asked is refused: a pipe must not answer by accident. done is what did not happen then.
func (c *cli) confirm(what, howLong, done string) error {
	if !atTerminal(c.in) {
		return failf(exitUsage, "%s: nobody to ask; say --yes to do it without a question", what)
	}
	fmt.Fprintf(c.errOut, "%s%s? [y/N] ", what, howLong)
	answer, _ := bufio.NewReader(c.in).ReadString('\n')
	switch strings.ToLower(strings.TrimSpace(answer)) {
	case "y", "yes":
		return nil
	}
	return failf(exitError, "%s: not confirmed, nothing was %s", what, done)
}

// atTerminal says whether somebody sits at in.
func atTerminal(in io.Reader) bool {
	f, ok := in.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
