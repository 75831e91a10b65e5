package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kadm"

	"troupe/actors/meta"
)

// completionTime is how long a shell waits for the names of topics.
const completionTime = time.Second

func completionCommand(c *cli) *cobra.Command {
	return &cobra.Command{
		Use: "completion SHELL", Short: "Print what a shell needs to complete commands, flags and topics", Args: cobra.ExactArgs(1),
		Long: "Print what bash, zsh, fish or powershell needs to complete commands, flags, and the names of topics, which it asks the broker for.",
		Example: "  source <(broker completion bash)\n  broker completion zsh > \"${fpath[1]}/_broker\"\n" +
			"  broker completion fish > ~/.config/fish/completions/broker.fish",
		ValidArgs: []string{"bash", "zsh", "fish", "powershell"},
		RunE: func(cmd *cobra.Command, args []string) error {
			switch root := cmd.Root(); args[0] {
			case "bash":
				return root.GenBashCompletionV2(c.out, true)
			case "zsh":
				return root.GenZshCompletion(c.out)
			case "fish":
				return root.GenFishCompletion(c.out, true)
			case "powershell":
				return root.GenPowerShellCompletionWithDesc(c.out)
			}
			return failf(exitUsage, "completion %s: want bash, zsh, fish or powershell", args[0])
		},
	}
}

// completeTopics offers the topics that are not named yet.
func (c *cli) completeTopics(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	c.timeout = completionTime
	named := map[string]bool{}
	for _, a := range args {
		named[a] = true
	}
	var out []string
	ctx, cancel := context.WithTimeout(context.Background(), completionTime)
	defer cancel()
	err := c.withAdmin(func(adm *kadm.Client) error {
		td, err := adm.ListTopics(ctx)
		for _, name := range td.Names() {
			if !named[name] {
				out = append(out, name)
			}
		}
		return err
	})
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	return out, cobra.ShellCompDirectiveNoFileComp
}

// completeTopic offers topics for a command that takes one.
func (c *cli) completeTopic(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveDefault // files, for topic produce
	}
	return c.completeTopics(cmd, args, typed)
}

// completeFlag offers the values of a flag.
func completeFlag(cmd *cobra.Command, flag string, values func() []string) {
	directive := cobra.ShellCompDirectiveNoFileComp
	if flag == "config" {
		directive |= cobra.ShellCompDirectiveNoSpace
	}
	_ = cmd.RegisterFlagCompletionFunc(flag, func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return values(), directive
	})
}

// topicConfigNames are the settings of topics, each with the sign before its value.
func topicConfigNames() []string {
	var out []string
	for _, name := range meta.TopicConfigKeys() {
		out = append(out, name+"=")
	}
	return out
}

// oneOf is for completeFlag.
func oneOf(values ...string) func() []string { return func() []string { return values } }

// unknownTopic is the error of a command whose topic is not there, with the one that was probably meant.
func (c *cli) unknownTopic(ctx context.Context, adm *kadm.Client, verb, topic string) error {
	next := "see: broker topic list"
	if td, err := adm.ListTopicsWithInternal(ctx); err == nil {
		var names []string
		for _, t := range td.Sorted() {
			if t.Err == nil { // the client remembers what it asked for
				names = append(names, t.Topic)
			}
		}
		if near := meta.Nearest(topic, names); near != "" {
			next = "did you mean " + near + "?"
		}
	}
	return failf(exitNotFound, "%s %s: there is no such topic (UNKNOWN_TOPIC_OR_PARTITION); %s", verb, topic, next)
}
