package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

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
