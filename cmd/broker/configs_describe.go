package main

import (
	"context"
	"sort"
	"strings"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// settingLine is one setting in force.
type settingLine struct {
	Key       string  `json:"key"`
	Value     *string `json:"value"` // null: none, or a secret
	Source    string  `json:"source"`
	Default   *string `json:"default"` // what holds if nobody sets anything; null: none, or not told
	Type      string  `json:"type"`
	ReadOnly  bool    `json:"read_only"`
	Sensitive bool    `json:"sensitive"`
	Doc       string  `json:"doc,omitempty"`
}

func configDescribe(c *cli) *cobra.Command {
	var changed, docs bool
	cmd := &cobra.Command{
		Use: "describe RESOURCE [KEY...]", Short: "Show settings in force, and where each comes from", Args: cobra.MinimumNArgs(1),
		Example: "  broker config describe topic orders --changed\n  broker config describe broker 1 num.partitions log.retention.ms\n" +
			"  broker config describe brokers\n  broker config describe logger 1\n  broker config describe topic orders cleanup.policy --docs -o json",
	}
	cmd.Flags().BoolVar(&changed, "changed", false, "only what differs from the default")
	cmd.Flags().BoolVar(&docs, "docs", false, "say what each setting does")
	c.outputFlag(cmd)
	cmd.ValidArgsFunction = c.completeResource("")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		r, keys, err := takeResource(args)
		if err != nil {
			return err
		}
		return c.withClient(func(cl *kgo.Client) error {
			lines, err := c.configs(cmd.Context(), cl, "describe", r, keys)
			if err != nil {
				return err
			}
			return c.printConfigs(lines, changed, docs)
		})
	}
	return cmd
}

// configs are a resource's settings in force, sorted; keys nil: all. A key that the broker does not know is an error, which names what was wanted of it.
func (c *cli) configs(ctx context.Context, cl *kgo.Client, verb string, r resource, keys []string) ([]settingLine, error) {
	req := kmsg.NewPtrDescribeConfigsRequest()
	req.IncludeSynonyms, req.IncludeDocumentation = true, true
	x := kmsg.NewDescribeConfigsRequestResource()
	x.ResourceType, x.ResourceName, x.ConfigNames = r.kind, r.name, keys
	req.Resources = append(req.Resources, x)
	resp, err := req.RequestWith(ctx, cl)
	if err != nil {
		return nil, c.unanswered(verb, r, err)
	}
	lines, found := []settingLine{}, map[string]bool{}
	for i := range resp.Resources {
		if err := c.answered(ctx, cl, verb, r, resp.Resources[i].ErrorCode, resp.Resources[i].ErrorMessage); err != nil {
			return nil, err
		}
		for j := range resp.Resources[i].Configs {
			l := r.lineOf(&resp.Resources[i].Configs[j])
			found[l.Key] = true
			lines = append(lines, l)
		}
	}
	for _, key := range keys {
		if !found[key] && r.known(key) == nil {
			return nil, failf(exitNotFound, "%s %s: there is no setting %q%s", verb, r.title, key, r.suggestion(key))
		}
	}
	sort.Slice(lines, func(i, j int) bool { return lines[i].Key < lines[j].Key })
	return lines, nil
}

func (r resource) lineOf(x *kmsg.DescribeConfigsResponseResourceConfig) settingLine {
	l := settingLine{Key: x.Name, Value: x.Value, Source: sourceName(x.Source), Type: strings.ToLower(x.ConfigType.String()), ReadOnly: x.ReadOnly, Sensitive: x.IsSensitive}
	if x.Documentation != nil {
		l.Doc = *x.Documentation
	}
	switch def := r.known(x.Name); {
	case x.Source == kmsg.ConfigSourceDefaultConfig:
		l.Default = x.Value
	case def != nil && def.HasDefault: // synonyms may be in other units
		l.Default = &def.Default
	}
	return l
}

// changed says whether a value differs from the default.
func (l *settingLine) changed() bool {
	return l.Source != "default" && (l.Value == nil || l.Default == nil || *l.Value != *l.Default)
}

// sourceName says where a value comes from, in the words of the command line.
func sourceName(s kmsg.ConfigSource) string {
	switch s {
	case kmsg.ConfigSourceDynamicTopicConfig:
		return "topic"
	case kmsg.ConfigSourceDynamicBrokerConfig:
		return "broker"
	case kmsg.ConfigSourceDynamicDefaultBrokerConfig:
		return "brokers"
	case kmsg.ConfigSourceStaticBrokerConfig:
		return "start"
	case kmsg.ConfigSourceDefaultConfig:
		return "default"
	case kmsg.ConfigSourceDynamicBrokerLoggerConfig:
		return "logger"
	}
	return strings.ToLower(strings.TrimSuffix(s.String(), "_CONFIG"))
}

func (c *cli) printConfigs(lines []settingLine, changed, docs bool) error {
	kept, rows := []settingLine{}, [][]string(nil)
	head := []string{"KEY", "VALUE", "SOURCE"}
	if changed {
		head = append(head, "DEFAULT")
	}
	if docs {
		head = append(head, "WHAT IT DOES")
	}
	for _, l := range lines {
		if changed && !l.changed() {
			continue
		}
		if !docs {
			l.Doc = ""
		}
		row := []string{l.Key, shown(l.Value, l.Sensitive), l.Source}
		if changed {
			row = append(row, shown(l.Default, l.Sensitive))
		}
		if docs {
			row = append(row, l.Doc)
		}
		kept, rows = append(kept, l), append(rows, row)
	}
	return c.print(kept, head, rows)
}

func shown(v *string, secret bool) string {
	switch {
	case secret:
		return "(hidden)"
	case v == nil:
		return "-"
	case *v == "":
		return `""`
	}
	return *v
}
