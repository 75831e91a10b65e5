package main

import (
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"troupe/actors/kit/trace"
	"troupe/cmd/broker/admin"
)

func traceCommand(c *cli) *cobra.Command {
	cmd := &cobra.Command{
		Use: "trace", Short: "Say which requests are slow, failed or stuck, and why", RunE: groupOnly,
		Long: `Every request is recorded with a time stamp per stage, always. The broker keeps the slow ones (longer than 99.9 % of their API in the last
minute, at least 20ms; more than 1s is always slow; "broker start --trace-slow" fixes it), the failed ones, and a few healthy ones to compare
with, in memory, and never a byte of a key or a value.`,
		Example: "  broker trace slow --last 10\n  broker trace errors --since 10m\n  broker trace open\n  broker trace show 1-4711",
	}
	c.adminFlag(cmd)
	cmd.AddCommand(
		c.keptTraces("slow", "Requests that took long, newest first", "  broker trace slow\n  broker trace slow --api Produce --topic orders --min 100ms\n  broker trace slow --client checkout --since 10m --last 5 -o json"),
		c.keptTraces("errors", "Requests that were answered with an error, newest first", "  broker trace errors\n  broker trace errors --api Produce --since 1h"),
		c.keptTraces("healthy", "A few healthy requests, to compare with", "  broker trace healthy --api Produce --last 1"),
		c.openTraces(), c.showTrace(),
	)
	return cmd
}

func (c *cli) keptTraces(what, short, example string) *cobra.Command {
	var api, client, topic, since string
	var least time.Duration
	var last int
	cmd := &cobra.Command{Use: what, Short: short, Args: cobra.NoArgs, Example: example}
	f := cmd.Flags()
	f.StringVar(&api, "api", "", "only this API, by name or key: Produce, Fetch, ...")
	f.StringVar(&client, "client", "", "only this client.id")
	f.StringVar(&topic, "topic", "", "only this topic, or group")
	f.DurationVar(&least, "min", 0, "only those that took at least this long in all")
	f.StringVar(&since, "since", "", "only those that ended since: 10m, or 2026-01-31T10:00:00Z")
	f.IntVar(&last, "last", 20, "at most so many, the newest; 0: all")
	c.outputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		q := url.Values{"last": {fmt.Sprint(last)}}
		for name, value := range map[string]string{"api": api, "client": client, "topic": topic, "since": since} {
			if value != "" {
				q.Set(name, value)
			}
		}
		if least > 0 {
			q.Set("min", least.String())
		}
		list := []admin.Trace{}
		if err := c.getJSON(cmd.Context(), "/api/v1/traces/"+what+"?"+q.Encode(), &list); err != nil {
			return err
		}
		return c.printTraces(list, "none kept")
	}
	return cmd
}

func (c *cli) openTraces() *cobra.Command {
	cmd := &cobra.Command{
		Use: "open", Short: "Requests under way, oldest first, with what each waits for", Args: cobra.NoArgs,
		Example: "  broker trace open\n  broker trace open --min 1s -o json",
	}
	var least time.Duration
	cmd.Flags().DurationVar(&least, "min", 0, "only those that are open for at least this long")
	c.outputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		all, list := []admin.Trace{}, []admin.Trace{}
		if err := c.getJSON(cmd.Context(), "/api/v1/traces/open", &all); err != nil {
			return err
		}
		for _, t := range all {
			if t.TotalMs >= float64(least)/float64(time.Millisecond) {
				list = append(list, t)
			}
		}
		return c.printTraces(list, "no request is under way")
	}
	return cmd
}

func (c *cli) showTrace() *cobra.Command {
	cmd := &cobra.Command{
		Use: "show ID", Short: "One request, stage by stage, with a sentence of what took the time", Args: cobra.ExactArgs(1),
		Example: "  broker trace show 1-4711\n  broker trace show 1-4711 -o json",
	}
	c.outputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if _, ok := admin.TraceNumber(args[0]); !ok {
			return failf(exitUsage, "%s: want an id such as 1-4711, as \"broker trace slow\" shows it", args[0])
		}
		var t admin.Trace
		if err := c.getJSON(cmd.Context(), "/api/v1/traces/"+url.PathEscape(args[0]), &t); err != nil {
			return err
		}
		if c.output == "table" {
			t.Waterfall(c.out)
			return nil
		}
		return c.print(t, nil, nil)
	}
	return cmd
}

func (c *cli) printTraces(list []admin.Trace, none string) error {
	if c.output == "table" && len(list) == 0 {
		fmt.Fprintln(c.out, none)
		return nil
	}
	rows := make([][]string, len(list))
	for i, t := range list {
		rows[i] = []string{t.ID, t.Began.Local().Format("15:04:05.000"), t.API, t.Client, strings.TrimSpace(t.About() + " " + t.Offsets()),
			trace.Short(time.Duration(t.TotalMs * float64(time.Millisecond))), t.Sentence}
	}
	return c.print(list, []string{"ID", "BEGAN", "API", "CLIENT", "ABOUT", "TOOK", "WHAT TOOK THE TIME"}, rows)
}
