package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"troupe/actors/meta"
	"troupe/cmd/broker/admin"
)

func configCommand(c *cli) *cobra.Command {
	cmd := &cobra.Command{
		Use: "config", Short: "Show and change settings of topics, brokers and others; check a configuration file", RunE: groupOnly,
		Long: `Show and change settings. A RESOURCE is one of:

  topic NAME           a topic
  broker ID            one broker: what is in force there
  brokers              the dynamic settings of all brokers
  logger ID            the log level of a broker, until it ends
  group NAME           a consumer group
  client-metrics NAME  a subscription of client metrics

docs/configs.md says what each setting does.`,
		Example: "  broker config describe topic orders --changed\n  broker config set topic orders retention.ms=3600000\n  broker config set brokers log.retention.ms=86400000",
	}
	cmd.AddCommand(configDescribe(c), configSet(c), configUnset(c), configList(c), configCheck(c))
	return cmd
}

// resource is what has settings, as a command line names it.
type resource struct {
	kind  kmsg.ConfigResourceType
	name  string
	title string
}

// resourceKinds are the words for kinds of resources, in the order of the help.
var resourceKinds = []struct {
	word string
	kind kmsg.ConfigResourceType
}{
	{"topic", kmsg.ConfigResourceTypeTopic}, {"broker", kmsg.ConfigResourceTypeBroker}, {"brokers", kmsg.ConfigResourceTypeBroker},
	{"logger", kmsg.ConfigResourceTypeBrokerLogger}, {"group", kmsg.ConfigResourceType(meta.GroupResource)},
	{"client-metrics", kmsg.ConfigResourceType(meta.ClientMetricsResource)},
}

// takeResource reads the resource at the beginning of args and gives what follows.
func takeResource(args []string) (resource, []string, error) {
	if len(args) == 0 {
		return resource{}, nil, failf(exitUsage, "name a resource, such as: topic orders, broker 1, brokers")
	}
	for _, k := range resourceKinds {
		switch {
		case args[0] != k.word:
		case k.word == "brokers":
			return resource{k.kind, "", "brokers"}, args[1:], nil
		case len(args) < 2:
			return resource{}, nil, failf(exitUsage, "%s: name it, such as: %s", k.word, resourceExample(k.word))
		case (k.word == "broker" || k.word == "logger") && !isNodeID(args[1]):
			return resource{}, nil, failf(exitUsage, "%s %q: want the number of a broker, such as: %s", k.word, args[1], resourceExample(k.word))
		default:
			return resource{k.kind, args[1], k.word + " " + args[1]}, args[2:], nil
		}
	}
	return resource{}, nil, failf(exitUsage, "%q is no kind of resource: want topic, broker, brokers, logger, group or client-metrics", args[0])
}

func isNodeID(s string) bool {
	_, err := strconv.ParseInt(s, 10, 32)
	return err == nil
}

func resourceExample(word string) string {
	return map[string]string{"topic": "topic orders", "broker": "broker 1", "logger": "logger 1", "group": "group billing", "client-metrics": "client-metrics all"}[word]
}

// known is the definition of a setting of the resource; nil if there is none of this name, or nothing is known of such resources.
func (r resource) known(key string) *meta.ConfigDef {
	switch r.kind {
	case kmsg.ConfigResourceTypeTopic:
		return meta.TopicConfigDef(key)
	case kmsg.ConfigResourceTypeBroker:
		return meta.BrokerConfigDef(key)
	case kmsg.ConfigResourceType(meta.GroupResource):
		return meta.GroupConfigDef(key)
	case kmsg.ConfigResourceType(meta.ClientMetricsResource):
		return meta.ClientMetricsConfigDef(key)
	}
	return nil
}

// suggestion is the end of an error about an unknown setting: what was probably meant.
func (r resource) suggestion(key string) string {
	s := ""
	switch r.kind {
	case kmsg.ConfigResourceTypeTopic:
		s = meta.SuggestTopic(key)
	case kmsg.ConfigResourceTypeBroker:
		s = meta.Suggest(key)
	case kmsg.ConfigResourceType(meta.GroupResource):
		s = meta.SuggestGroup(key)
	}
	if s == "" {
		return ""
	}
	return fmt.Sprintf("; did you mean %s?", s)
}

// withClient runs f with a client that is closed afterwards.
func (c *cli) withClient(f func(*kgo.Client) error) error {
	cl, err := c.briefClient()
	if err != nil {
		return err
	}
	defer cl.Close()
	return f(cl)
}

// unanswered is the error of a request about a resource that nobody has answered.
func (c *cli) unanswered(verb string, r resource, err error) error {
	if strings.Contains(err.Error(), "unknown broker") { // the client's own words, which it does not export: no broker has this number
		return failf(exitNotFound, "%s %s: the cluster has no broker %s in service; see: broker cluster status", verb, r.title, r.name)
	}
	return kafkaError(verb+" "+r.title, c.brokers, err)
}

// answered is the answer about a resource as an error.
func (c *cli) answered(ctx context.Context, cl *kgo.Client, verb string, r resource, code int16, why *string) error {
	if code == kerr.UnknownTopicOrPartition.Code {
		return c.unknownTopic(ctx, kadm.NewClient(cl), verb+" topic", r.name)
	}
	return r.configError(verb, code, why)
}

// configError is the answer about one resource as an error: what, why, the next step.
func (r resource) configError(what string, code int16, why *string) error {
	if code == 0 {
		return nil
	}
	err := kerr.ErrorForCode(code)
	var ke *kerr.Error
	text, exit := err.Error(), exitError
	if errors.As(err, &ke) {
		text, exit = strings.ToLower(strings.TrimSuffix(ke.Description, ".")), kafkaExit(ke)
	}
	if why != nil && *why != "" {
		text = strings.TrimSuffix(*why, ".")
	}
	if _, key, ok := strings.Cut(text, "config name: "); ok {
		text += r.suggestion(key)
	}
	if strings.HasPrefix(text, "Cannot update these configs dynamically") {
		text += "; they are set at start: broker start --set KEY=VALUE"
	}
	return failf(exit, "%s %s: %s", what, r.title, text)
}

func configUnset(c *cli) *cobra.Command {
	var dry bool
	cmd := &cobra.Command{
		Use: "unset RESOURCE KEY...", Short: "Take settings back: what stands behind them holds again", Args: cobra.MinimumNArgs(2),
		Example: "  broker config unset topic orders retention.ms\n  broker config unset broker 1 max.connections",
	}
	cmd.Flags().BoolVar(&dry, "dry-run", false, "only say whether it could be done")
	cmd.ValidArgsFunction = c.completeResource("")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		r, keys, err := takeResource(args)
		if err != nil {
			return err
		}
		if len(keys) == 0 {
			return failf(exitUsage, "unset %s: name the settings, such as retention.ms", r.title)
		}
		var ops []configOp
		for _, key := range keys {
			if strings.Contains(key, "=") {
				return failf(exitUsage, "unset %s: want a name, not %q", r.title, key)
			}
			ops = append(ops, configOp{key: key, op: kmsg.IncrementalAlterConfigOpDelete})
		}
		return c.alterConfigs(cmd.Context(), "unset", r, ops, dry)
	}
	return cmd
}

func configSet(c *cli) *cobra.Command {
	var dry, force bool
	cmd := &cobra.Command{
		Use: "set RESOURCE KEY=VALUE...", Short: "Change settings; KEY+=VALUE adds to a list, KEY-=VALUE takes away", Args: cobra.MinimumNArgs(2),
		Example: "  broker config set topic orders retention.ms=3600000 cleanup.policy+=compact\n  broker config set brokers log.retention.ms=86400000\n" +
			"  broker config set broker 1 max.connections.per.ip=100 --dry-run\n  broker config set logger 1 root=DEBUG",
	}
	cmd.Flags().BoolVar(&dry, "dry-run", false, "only say whether it could be done")
	cmd.ValidArgsFunction = c.completeResource("=")
	cmd.Flags().BoolVar(&force, "force", false, "send names that are not known here, such as those of a plug-in")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		r, words, err := takeResource(args)
		if err != nil {
			return err
		}
		ops, err := parseOps(r, words)
		if err != nil {
			return err
		}
		for _, op := range ops {
			if r.kind == kmsg.ConfigResourceTypeBroker && !force && r.known(op.key) == nil {
				return failf(exitUsage, "set %s: unknown setting %q%s (--force sends it anyway)", r.title, op.key, r.suggestion(op.key))
			}
		}
		return c.alterConfigs(cmd.Context(), "set", r, ops, dry)
	}
	return cmd
}

// configOp is one change of one setting.
type configOp struct {
	key, value string
	op         kmsg.IncrementalAlterConfigOp
}

// parseOps reads KEY=VALUE, KEY+=VALUE and KEY-=VALUE.
func parseOps(r resource, words []string) (ops []configOp, err error) {
	if len(words) == 0 {
		return nil, failf(exitUsage, "set %s: want KEY=VALUE, such as retention.ms=3600000", r.title)
	}
	for _, w := range words {
		key, value, ok := strings.Cut(w, "=")
		op := configOp{key, value, kmsg.IncrementalAlterConfigOpSet}
		if k, add := strings.CutSuffix(key, "+"); add {
			op.key, op.op = k, kmsg.IncrementalAlterConfigOpAppend
		} else if k, sub := strings.CutSuffix(key, "-"); sub {
			op.key, op.op = k, kmsg.IncrementalAlterConfigOpSubtract
		}
		if !ok || op.key == "" {
			return nil, failf(exitUsage, "set %s: %q: want KEY=VALUE, such as retention.ms=3600000", r.title, w)
		}
		ops = append(ops, op)
	}
	return ops, nil
}

// alterConfigs asks for the changes and says what became of them.
func (c *cli) alterConfigs(ctx context.Context, verb string, r resource, ops []configOp, dry bool) error {
	req := kmsg.NewPtrIncrementalAlterConfigsRequest()
	req.ValidateOnly = dry
	x := kmsg.NewIncrementalAlterConfigsRequestResource()
	x.ResourceType, x.ResourceName = r.kind, r.name
	var strange []string
	for _, op := range ops {
		y := kmsg.NewIncrementalAlterConfigsRequestResourceConfig()
		y.Name, y.Op = op.key, op.op
		if op.op != kmsg.IncrementalAlterConfigOpDelete {
			y.Value = &op.value
		} else if r.known(op.key) == nil {
			strange = append(strange, op.key)
		}
		x.Configs = append(x.Configs, y)
	}
	req.Resources = append(req.Resources, x)
	return c.withClient(func(cl *kgo.Client) error {
		if len(strange) > 0 { // the broker takes back whatever it is told; what was set by --force is there
			if _, err := c.configs(ctx, cl, verb, r, strange); err != nil {
				return err
			}
		}
		resp, err := req.RequestWith(ctx, cl)
		if err != nil {
			return c.unanswered(verb, r, err)
		}
		for i := range resp.Resources {
			if err := c.answered(ctx, cl, verb, r, resp.Resources[i].ErrorCode, resp.Resources[i].ErrorMessage); err != nil {
				return err
			}
		}
		fmt.Fprintf(c.out, "%s: %s %s\n", r.title, admin.Counted(len(ops), "setting", "settings"), map[bool]string{true: "would be changed", false: "changed"}[dry])
		return nil
	})
}

// resourceLine is one resource of a list.
type resourceLine struct {
	Kind string `json:"kind"`
	Name string `json:"name"`
}

func configList(c *cli) *cobra.Command {
	cmd := &cobra.Command{
		Use: "list [KIND]", Short: "List what has settings: topics, brokers, loggers, groups, subscriptions of client metrics", Args: cobra.MaximumNArgs(1),
		Example: "  broker config list\n  broker config list group -o json",
	}
	c.outputFlag(cmd)
	cmd.ValidArgs = resourceWords()
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		req := kmsg.NewPtrListConfigResourcesRequest()
		for _, word := range args {
			at := slices.IndexFunc(resourceKinds, func(k struct {
				word string
				kind kmsg.ConfigResourceType
			}) bool {
				return k.word == word
			})
			if at < 0 {
				return failf(exitUsage, "%q is no kind of resource: want topic, broker, logger, group or client-metrics", word)
			}
			req.ResourceTypes = append(req.ResourceTypes, int8(resourceKinds[at].kind))
		}
		return c.withClient(func(cl *kgo.Client) error { return c.listResources(cmd.Context(), cl, req) })
	}
	return cmd
}

func (c *cli) listResources(ctx context.Context, cl *kgo.Client, req *kmsg.ListConfigResourcesRequest) error {
	resp, err := req.RequestWith(ctx, cl)
	if err == nil {
		err = kerr.ErrorForCode(resp.ErrorCode)
	}
	if err != nil {
		return kafkaError("list resources", c.brokers, err)
	}
	lines, rows := []resourceLine{}, [][]string(nil)
	for _, k := range resourceKinds {
		for _, x := range resp.ConfigResources {
			if x.Type == int8(k.kind) && k.word != "brokers" {
				lines = append(lines, resourceLine{k.word, x.Name})
				rows = append(rows, []string{k.word, x.Name})
			}
		}
	}
	return c.print(lines, []string{"KIND", "NAME"}, rows)
}
