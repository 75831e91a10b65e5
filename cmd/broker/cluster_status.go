package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"troupe/cmd/broker/admin"
)

// clusterState is what cluster status shows: this node, and the cluster as it sees it.
type clusterState struct {
	admin.Status
	Cluster admin.Cluster `json:"cluster"`
}

func clusterStatus(c *cli) *cobra.Command {
	cmd := &cobra.Command{
		Use: "status", Short: "Show the nodes of the cluster, the metadata log and the start of this node", Args: cobra.NoArgs,
		Example: "  broker cluster status\n  broker cluster status -o json",
	}
	c.outputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		var s clusterState
		if err := c.getJSON(cmd.Context(), "/api/v1/status", &s.Status); err != nil {
			return err
		}
		var err error
		if s.Cluster, err = c.readCluster(cmd.Context()); err != nil {
			return err
		}
		if c.output == "table" {
			c.printStatus(s)
		}
		return c.print(s, []string{"NODE", "ADDRESS", "STATE", "RAFT", "LINK", "REPLICAS", "LEADS", "EPOCH", "RACK"}, nodeRows(s.Cluster))
	}
	return cmd
}

func (c *cli) readCluster(ctx context.Context) (x admin.Cluster, err error) {
	return x, c.getJSON(ctx, "/api/v1/cluster", &x)
}

func (c *cli) printStatus(s clusterState) {
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
	fmt.Fprintf(c.out, "metadata log: %s, leader %s, term %d, persisted %d, committed %d, applied %d\n",
		strings.ToLower(strings.TrimPrefix(s.Raft.State, "State")), nodeOrNone(s.Raft.Leader), s.Raft.Term, s.Raft.Persisted, s.Raft.Committed, s.Raft.Applied)
	for _, line := range worries(s.Cluster) {
		fmt.Fprintln(c.out, line)
	}
}

func nodeOrNone(id int32) string {
	if id < 1 {
		return "unknown"
	}
	return fmt.Sprint(id)
}

// worries says what of the cluster is not as it should be, or could be better.
func worries(x admin.Cluster) (out []string) {
	var parts []string
	for _, p := range []struct {
		n    int
		what string
	}{
		{x.Leaderless, "without a leader"}, {x.UnderMinISR, "below min.insync.replicas"}, {x.UnderReplicated, "with replicas out of sync"},
		{x.Moving, "on the move"}, {x.NotPreferred, "led by another replica than the preferred one"},
	} {
		if p.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", p.n, p.what))
		}
	}
	if len(parts) > 0 {
		out = append(out, "partitions: "+strings.Join(parts, ", "))
	}
	voters := 0
	for _, n := range x.Nodes {
		if n.Raft == "leader" || n.Raft == "voter" {
			voters++
		}
	}
	if voters == 1 && len(x.Nodes) > 1 {
		out = append(out, "metadata has one voter: without it nothing can be decided; with a third node there are three, and any one may fail")
	}
	return out
}

func nodeRows(x admin.Cluster) (rows [][]string) {
	for _, n := range x.Nodes {
		state, link, epoch := n.State, n.Link, ""
		if n.Cordoned {
			state += ", cordoned"
		}
		switch {
		case n.ID == x.NodeID:
			link = "-"
		case n.Link == "up":
			link = fmt.Sprintf("up, %.1f ms", n.RoundTrip)
		case n.Link != "":
			link = fmt.Sprintf("%s for %.0f s", n.Link, n.LinkFor)
		}
		if n.Epoch > 0 {
			epoch = fmt.Sprint(n.Epoch)
		}
		rows = append(rows, []string{fmt.Sprint(n.ID), n.Address, state, n.Raft, link, fmt.Sprint(n.Replicas), fmt.Sprint(n.Leaders), epoch, n.Rack})
	}
	return rows
}
