package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"troupe/cmd/broker/run"
)

// cli is what every subcommand shares.
type cli struct {
	in          io.Reader
	out, errOut io.Writer
	brokers     string
	admin       string
	output      string // table or json
	timeout     time.Duration
}

const longHelp = `Troupe is a Kafka-compatible broker. "broker start" runs one with no configuration at all.

Exit codes: 0 ok, 1 error, 2 usage, 3 check failed or unhealthy, 4 not found, 5 denied,
6 cannot connect or timed out, 7 conflict, 8 partly failed.`

func newRoot(c *cli) *cobra.Command {
	root := &cobra.Command{
		Use: "broker", Short: "A Kafka-compatible broker", Long: longHelp, Version: run.Version(),
		SilenceErrors: true, SilenceUsage: true,
		Example: "  broker start\n  broker topic create orders -p 12\n  echo hello | broker topic produce orders\n  broker topic consume orders -n 1",
	}
	f := root.PersistentFlags()
	f.StringVar(&c.brokers, "brokers", env("BROKER_BROKERS", run.DefaultListen), "Kafka addresses, comma-separated (env BROKER_BROKERS)")
	f.DurationVar(&c.timeout, "timeout", 10*time.Second, "how long to wait for an answer")
	root.AddCommand(startCommand(c), topicCommand(c), clusterCommand(c), actorCommand(c), traceCommand(c), doctorCommand(c), debugCommand(c))
	root.AddCommand(configCommand(c), completionCommand(c), versionCommand(c))
	root.AddCommand(groupCommand(c), devCommand(c))
	root.CompletionOptions.DisableDefaultCmd = true // ours has examples
	root.SetHelpCommand(helpCommand())
	root.SetIn(c.in)
	root.SetOut(c.out)
	root.SetErr(c.errOut)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return failf(exitUsage, "%s; see: %s --help", err, cmd.CommandPath())
	})
	return root
}

// execute runs one command line and gives the exit code.
func execute(args []string, in io.Reader, out, errOut io.Writer) int {
	c := &cli{in: in, out: out, errOut: errOut}
	root := newRoot(c)
	root.SetArgs(args)
	cmd, err := root.ExecuteC()
	if err != nil && isUsage(err) {
		text := err.Error()
		if strings.Contains(text, "arg(s)") { // the library's own words, which name nothing
			text = fmt.Sprintf("wrong number of arguments, want: %s", cmd.UseLine())
		}
		err = failf(exitUsage, "%s; see: %s --help", text, cmd.CommandPath())
	}
	return report(err, errOut)
}

// helpCommand is cobra's, but for a word that is no command: that is an error.
func helpCommand() *cobra.Command {
	return &cobra.Command{
		Use: "help [COMMAND]...", Short: "Help about any command", Example: "  broker help topic create",
		RunE: func(cmd *cobra.Command, args []string) error {
			about, rest, err := cmd.Root().Find(args)
			if err != nil { // its own words, with a suggestion on more lines
				about, rest = cmd.Root(), args
			}
			if len(rest) > 0 {
				return unknownCommand(rest[0], about)
			}
			return about.Help()
		},
		ValidArgsFunction: func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			about, rest, err := cmd.Root().Find(args)
			if err != nil || len(rest) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			var names []string
			for _, sub := range about.Commands() {
				if sub.IsAvailableCommand() {
					names = append(names, sub.Name()+"\t"+sub.Short)
				}
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
	}
}

func unknownCommand(word string, under *cobra.Command) error {
	return failf(exitUsage, "unknown command %q for %q; see: %s --help", word, under.CommandPath(), under.CommandPath())
}

// groupOnly is the RunE of a command that only holds others: a word that is none of them is an error, not a page of help.
func groupOnly(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return unknownCommand(args[0], cmd)
	}
	return cmd.Help()
}

// adminFlag and outputFlag are for the commands that use them.
func (c *cli) adminFlag(cmd *cobra.Command) {
	cmd.PersistentFlags().StringVar(&c.admin, "admin", env("BROKER_ADMIN", run.DefaultAdmin), "admin address (env BROKER_ADMIN)")
}

func (c *cli) outputFlag(cmd *cobra.Command) {
	c.output = "table"
	cmd.PersistentFlags().VarP((*outputForm)(&c.output), "output", "o", "table or json")
	completeFlag(cmd, "output", oneOf("table", "json"))
}

// outputForm is the value of --output. It is looked at before a command does anything.
type outputForm string

// String implements pflag.Value.
func (o *outputForm) String() string { return string(*o) }

// Type implements pflag.Value.
func (o *outputForm) Type() string { return "string" }

// Set implements pflag.Value.
func (o *outputForm) Set(s string) error {
	if s != "table" && s != "json" {
		return errors.New("want table or json")
	}
	*o = outputForm(s)
	return nil
}

// client connects lazily; the caller closes it.
func (c *cli) client(opts ...kgo.Opt) (*kgo.Client, error) {
	return c.clientOf(splitList(c.brokers), opts...)
}

func (c *cli) clientOf(seeds []string, opts ...kgo.Opt) (*kgo.Client, error) {
	if len(seeds) == 0 {
		return nil, failf(exitUsage, "--brokers %q: want HOST:PORT, such as %s", c.brokers, run.DefaultListen)
	}
	opts = append([]kgo.Opt{
		kgo.SeedBrokers(seeds...), kgo.ClientID("broker-cli"), kgo.DialTimeout(c.timeout),
		kgo.AlwaysRetryEOF(), // by itself the client takes a broker that dies under its first request for one that wants TLS
		kgo.RequestRetries(2), kgo.RetryTimeout(c.timeout), kgo.MetadataMinAge(100 * time.Millisecond),
	}, opts...)
	cl, err := kgo.NewClient(opts...)
	if err != nil {
		return nil, failf(exitUsage, "%s", err)
	}
	return cl, nil
}

func (c *cli) withAdmin(f func(*kadm.Client) error) error {
	return c.withClient(func(cl *kgo.Client) error {
		adm := kadm.NewClient(cl)
		adm.SetTimeoutMillis(int32(c.timeout.Milliseconds()))
		return f(adm)
	})
}

// print writes v as JSON, or as a table: rows of cells below a head.
func (c *cli) print(v any, head []string, rows [][]string) error {
	if c.output == "json" {
		e := json.NewEncoder(c.out)
		e.SetIndent("", "  ")
		return e.Encode(v)
	}
	w := tabwriter.NewWriter(c.out, 0, 4, 2, ' ', 0)
	writeRow(w, head)
	for _, r := range rows {
		writeRow(w, r)
	}
	return w.Flush()
}

func writeRow(w io.Writer, cells []string) {
	for i, cell := range cells {
		if i > 0 {
			fmt.Fprint(w, "\t")
		}
		fmt.Fprint(w, cell)
	}
	fmt.Fprintln(w)
}
