package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sort"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"troupe/cmd/broker/admin"
	"troupe/cmd/broker/run"
)

// getJSON asks the admin address. A status of 503 carries an answer too (not ready).
func (c *cli) getJSON(ctx context.Context, path string, v any) error {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+c.admin+path, nil)
	if err != nil {
		return failf(exitUsage, "--admin %s: want HOST:PORT", c.admin)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		var ue *url.Error
		if errors.As(err, &ue) {
			err = ue.Err
		}
		return failf(exitNoConnect, "cannot reach the admin address %s: %s; is it running? try: broker start", c.admin, cause(err))
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 64<<20))
	if err != nil {
		return failf(exitNoConnect, "reading from %s: %s", c.admin, err)
	}
	if resp.StatusCode == http.StatusNotFound || resp.StatusCode == http.StatusBadRequest {
		code := exitNotFound
		if resp.StatusCode == http.StatusBadRequest {
			code = exitUsage
		}
		return failf(code, "%s", strings.TrimSpace(string(body)))
	}
	if resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusServiceUnavailable {
		return failf(exitError, "%s%s: %s", c.admin, path, resp.Status)
	}
	if err := json.Unmarshal(body, v); err != nil {
		return failf(exitError, "%s%s: not the answer of a broker: %s", c.admin, path, err)
	}
	return nil
}

func clusterCommand(c *cli) *cobra.Command {
	cmd := &cobra.Command{Use: "cluster", Short: "Show the cluster", RunE: groupOnly, Example: "  broker cluster status"}
	status := &cobra.Command{
		Use: "status", Short: "Show brokers, the metadata log and the start of this node", Args: cobra.NoArgs,
		Example: "  broker cluster status\n  broker cluster status -o json",
	}
	c.outputFlag(status)
	c.adminFlag(cmd)
	status.RunE = func(cmd *cobra.Command, _ []string) error {
		var s admin.Status
		if err := c.getJSON(cmd.Context(), "/api/v1/status", &s); err != nil {
			return err
		}
		if c.output == "table" {
			c.printStatus(s)
		}
		return c.print(s, []string{"BROKER", "ADDRESS", "EPOCH", "STATE", "RACK"}, brokerRows(s.Brokers))
	}
	cmd.AddCommand(status)
	return cmd
}

func (c *cli) printStatus(s admin.Status) {
	ready := "ready"
	if !s.Ready {
		ready = "not ready"
		for _, st := range s.Steps {
			if !st.Done && st.WaitsFor != "" {
				ready += fmt.Sprintf("; %s: waits for %s since %.1f s", st.Name, st.WaitsFor, st.Seconds)
				break
			}
		}
	}
	fmt.Fprintf(c.out, "cluster %s  node %d  %s\n", s.ClusterID, s.NodeID, ready)
	fmt.Fprintf(c.out, "topics %d  partitions %d  replicas here %d\n", s.Topics, s.Partitions, s.Replicas)
	fmt.Fprintf(c.out, "metadata log: %s, leader %d, term %d, persisted %d, committed %d, applied %d\n",
		s.Raft.State, s.Raft.Leader, s.Raft.Term, s.Raft.Persisted, s.Raft.Committed, s.Raft.Applied)
}

func brokerRows(list []admin.Broker) (rows [][]string) {
	for _, b := range list {
		state := "running"
		if b.Fenced {
			state = "fenced"
		}
		rows = append(rows, []string{fmt.Sprint(b.ID), b.Address, fmt.Sprint(b.Epoch), state, b.Rack})
	}
	return rows
}

func actorCommand(c *cli) *cobra.Command {
	cmd := &cobra.Command{Use: "actor", Short: "Look at the broker's living actors", RunE: groupOnly, Example: "  broker actor top"}
	c.adminFlag(cmd)
	cmd.AddCommand(actorTop(c), actorTree(c))
	return cmd
}

func actorTop(c *cli) *cobra.Command {
	var by string
	var n int
	var watch time.Duration
	cmd := &cobra.Command{
		Use: "top", Short: "The busiest actors, by wait, run, depth or messages", Args: cobra.NoArgs,
		Example: "  broker actor top\n  broker actor top --by depth --watch 1s",
	}
	cmd.Flags().StringVar(&by, "by", "wait", "wait, run, depth, busy or messages")
	cmd.Flags().IntVarP(&n, "num", "n", 20, "how many")
	cmd.Flags().DurationVar(&watch, "watch", 0, "repeat at this interval until interrupted")
	c.outputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		less, ok := actorOrders[by]
		if !ok {
			return failf(exitUsage, "--by %s: want wait, run, depth, busy or messages", by)
		}
		for {
			var list []admin.Actor
			if err := c.getJSON(cmd.Context(), "/api/v1/actors", &list); err != nil {
				return err
			}
			sort.SliceStable(list, func(i, j int) bool { return less(list[i], list[j]) })
			if len(list) > n {
				list = list[:n]
			}
			if err := c.printActors(list); err != nil || watch <= 0 {
				return err
			}
			select {
			case <-cmd.Context().Done():
				return nil
			case <-time.After(watch):
				fmt.Fprintln(c.out)
			}
		}
	}
	return cmd
}

var actorOrders = map[string]func(a, b admin.Actor) bool{
	"wait":     func(a, b admin.Actor) bool { return a.WaitP99Us > b.WaitP99Us },
	"run":      func(a, b admin.Actor) bool { return a.RunP99Us > b.RunP99Us },
	"depth":    func(a, b admin.Actor) bool { return a.Depth > b.Depth },
	"busy":     func(a, b admin.Actor) bool { return a.BusyMs > b.BusyMs },
	"messages": func(a, b admin.Actor) bool { return a.Processed > b.Processed },
}

func (c *cli) printActors(list []admin.Actor) error {
	rows := make([][]string, 0, len(list))
	for _, a := range list {
		current := a.Current
		if current != "" {
			current = fmt.Sprintf("%s %.0f ms", current, a.CurrentMs)
		}
		rows = append(rows, []string{a.Title, a.State, fmt.Sprint(a.Depth), fmt.Sprint(a.HighWater), fmt.Sprint(a.Processed),
			micros(a.WaitP50Us), micros(a.WaitP99Us), micros(a.RunP50Us), micros(a.RunP99Us), current})
	}
	return c.print(list, []string{"ACTOR", "STATE", "DEPTH", "HIGH", "MESSAGES", "WAIT P50", "P99", "RUN P50", "P99", "IN HAND"}, rows)
}

func micros(us float64) string {
	switch {
	case us >= 1e6:
		return fmt.Sprintf("%.1fs", us/1e6)
	case us >= 1e3:
		return fmt.Sprintf("%.1fms", us/1e3)
	default:
		return fmt.Sprintf("%.0fus", us)
	}
}

func actorTree(c *cli) *cobra.Command {
	cmd := &cobra.Command{Use: "tree", Short: "All living actors by name", Args: cobra.NoArgs, Example: "  broker actor tree"}
	c.outputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		var list []admin.Actor
		if err := c.getJSON(cmd.Context(), "/api/v1/actors", &list); err != nil {
			return err
		}
		sort.Slice(list, func(i, j int) bool { return list[i].Title < list[j].Title })
		if c.output == "json" {
			return c.print(list, nil, nil)
		}
		parent := ""
		for _, a := range list {
			head, leaf, nested := strings.Cut(a.Title, "/")
			if nested && head != parent {
				fmt.Fprintln(c.out, head)
			}
			parent = head
			if !nested {
				fmt.Fprintf(c.out, "%s  (%s, %d waiting)\n", a.Title, a.State, a.Depth)
				continue
			}
			fmt.Fprintf(c.out, "  %s  (%s, %d waiting)\n", leaf, a.State, a.Depth)
		}
		return nil
	}
	return cmd
}

func doctorCommand(c *cli) *cobra.Command {
	cmd := &cobra.Command{
		Use: "doctor", Short: "Say what is wrong with the broker, in one sentence each", Args: cobra.NoArgs,
		Example: "  broker doctor",
	}
	c.adminFlag(cmd)
	c.outputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		list := []admin.Finding{}
		if err := c.getJSON(cmd.Context(), "/api/v1/doctor", &list); err != nil {
			return err
		}
		if c.output == "table" && len(list) == 0 {
			fmt.Fprintln(c.out, "nothing found")
			return nil
		}
		var rows [][]string
		for _, f := range list {
			rows = append(rows, []string{f.Code, f.Text, f.Next})
		}
		if err := c.print(list, []string{"FINDING", "WHAT", "NEXT"}, rows); err != nil {
			return err
		}
		if len(list) > 0 {
			return failure{code: exitUnhealthy, text: fmt.Sprintf("%d findings", len(list))}
		}
		return nil
	}
	return cmd
}

func versionCommand(c *cli) *cobra.Command {
	cmd := &cobra.Command{Use: "version", Short: "Print the version", Args: cobra.NoArgs, Example: "  broker version\n  broker version -o json"}
	c.outputFlag(cmd)
	cmd.RunE = func(*cobra.Command, []string) error {
		if c.output != "table" {
			return c.print(map[string]string{"version": run.Version()}, nil, nil)
		}
		_, err := fmt.Fprintln(c.out, run.Version())
		return err
	}
	return cmd
}
