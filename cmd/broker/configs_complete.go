package main

import (
	"github.com/spf13/cobra"

	"troupe/actors/meta"
)

// completeResource offers what may come next on the command line of a resource: its kind, the names of topics, then settings, each with
// end behind it.
func (c *cli) completeResource(end string) func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return func(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
		if len(args) == 0 {
			return resourceWords(), cobra.ShellCompDirectiveNoFileComp
		}
		if len(args) == 1 && args[0] != "brokers" {
			if args[0] == "topic" {
				return c.completeTopics(cmd, nil, typed)
			}
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		directive := cobra.ShellCompDirectiveNoFileComp
		if end != "" {
			directive |= cobra.ShellCompDirectiveNoSpace
		}
		var out []string
		for _, key := range settingNames(args[0]) {
			out = append(out, key+end)
		}
		return out, directive
	}
}

func resourceWords() (out []string) {
	for _, k := range resourceKinds {
		out = append(out, k.word)
	}
	return out
}

// settingNames are the settings that a kind of resource has; of brokers those that can be changed while they run.
func settingNames(word string) (out []string) {
	switch word {
	case "topic":
		return meta.TopicConfigKeys()
	case "group":
		return meta.GroupConfigKeys()
	case "client-metrics":
		return meta.ClientMetricsConfigKeys()
	case "logger":
		return []string{"root"}
	}
	for _, key := range meta.BrokerConfigKeys() {
		if !meta.BrokerConfigDef(key).ReadOnly {
			out = append(out, key)
		}
	}
	return out
}
