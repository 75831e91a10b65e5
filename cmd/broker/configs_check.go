package main

import (
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"troupe/actors/meta"
)

// checkLine is what a check says of one property.
type checkLine struct {
	Key    string `json:"key"`
	Value  string `json:"value"`
	Status string `json:"status"` // ok, no effect, wrong
	Note   string `json:"note,omitempty"`
}

func configCheck(c *cli) *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use: "check [FILE]", Short: "Say what a broker would make of a configuration file: ours (YAML) or Kafka's server.properties", Args: cobra.MaximumNArgs(1),
		Long: `Say what a broker would make of a configuration file, without starting one: which settings are wrong, and which are accepted without
effect and why. A file whose name ends in .properties is read as Kafka's. Exit code 3 if anything is wrong.`,
		Example: "  broker config check broker.yaml\n  broker config check --file /etc/kafka/server.properties -o json",
	}
	cmd.Flags().StringVar(&file, "file", "", "the file, if it is not given as an argument")
	c.outputFlag(cmd)
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		if len(args) > 0 {
			file = args[0]
		}
		if file == "" {
			return failf(exitUsage, "check: name a file, such as server.properties")
		}
		return c.checkFile(file)
	}
	return cmd
}

func (c *cli) checkFile(file string) error {
	values, err := readSettings(file)
	if err != nil {
		return err
	}
	var s settings
	flags := pflag.NewFlagSet("start", pflag.ContinueOnError)
	s.flags(flags)
	lines, rows, wrong := []checkLine{}, [][]string(nil), 0
	static := map[string]string{}
	for _, key := range slices.Sorted(maps.Keys(values)) {
		l := checkSetting(flags, key, values[key])
		if l.Status == "wrong" {
			wrong++
		} else if flags.Lookup(key) == nil {
			static[key] = values[key]
		}
		lines, rows = append(lines, l), append(rows, []string{l.Key, l.Value, l.Status, l.Note})
	}
	whole := error(nil)
	if wrong == 0 { // what only shows together, such as two voters or a listener with TLS
		cfg := s.cfg
		cfg.Static, cfg.DataDir = static, os.TempDir()
		_, whole = cfg.WithDefaults()
	}
	if err := c.print(lines, []string{"KEY", "VALUE", "STATUS", "NOTE"}, rows); err != nil {
		return err
	}
	switch {
	case whole != nil:
		return failf(exitUnhealthy, "%s: %s", file, whole)
	case wrong > 0:
		return failf(exitUnhealthy, "%s: %d of %d settings are wrong", file, wrong, len(lines))
	}
	return nil
}

// checkSetting judges one line of a file.
func checkSetting(flags *pflag.FlagSet, key, value string) checkLine {
	l := checkLine{Key: key, Value: value, Status: "ok"}
	if fl := flags.Lookup(key); fl != nil && key != "config" && key != "set" {
		if err := fl.Value.Set(value); err != nil {
			l.Status, l.Note = "wrong", err.Error()
		}
		return l
	}
	def := meta.BrokerConfigDef(key)
	switch {
	case def == nil:
		l.Status, l.Note = "wrong", "unknown setting"+didYouMean(flags, key)
		return l
	case def.Sensitive:
		l.Value = "(hidden)"
	}
	if problems := meta.CheckStatic(map[string]string{key: value}); len(problems) > 0 {
		l.Status, l.Note = "wrong", problems[0].Why
	} else if !def.Effect {
		l.Status, l.Note = "no effect", strings.TrimPrefix(def.Doc, "Accepted without effect: ")
	}
	return l
}
