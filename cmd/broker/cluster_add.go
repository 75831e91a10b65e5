package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"troupe/cmd/broker/admin"
)

func clusterAdd(c *cli) *cobra.Command {
	var wait bool
	var within time.Duration
	cmd := &cobra.Command{
		Use: "add", Short: "Say how to start a new node of the cluster, and wait for it", Args: cobra.NoArgs,
		Long: `Say how to start a new node of the cluster. A node adds itself: started with --join on an empty data directory, it asks any node for its
place. With --wait the command ends when a node that was not there before is in service.`,
		Example: "  broker cluster add\n  broker cluster add --wait",
	}
	cmd.Flags().BoolVar(&wait, "wait", false, "wait until a new node is in service")
	cmd.Flags().DurationVar(&within, "within", 10*time.Minute, "how long --wait waits")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		x, err := c.readCluster(cmd.Context())
		if err != nil {
			return err
		}
		join := joinList(x)
		if len(join) == 0 {
			return failf(exitError, "no node of the cluster says under which address other nodes reach it: start them with --peer-advertise HOST:PORT")
		}
		fmt.Fprintf(c.out, "On the new machine, with an empty data directory, and with the same --peer-secret-file, and a certificate of its own, if the others have them:\n\n"+
			"  broker start --join %s\n\n", strings.Join(join, ","))
		if !wait {
			return nil
		}
		return c.awaitNode(cmd.Context(), x, within)
	}
	return cmd
}

// joinList are the addresses that a newcomer may ask: those of nodes in service first.
func joinList(x admin.Cluster) (list []string) {
	for _, serving := range []bool{true, false} {
		for _, n := range x.Nodes {
			if n.Peer != "" && (n.State == "running") == serving {
				list = append(list, n.Peer)
			}
		}
	}
	return list[:min(len(list), 3)]
}

// awaitNode waits until a node that is not among those of before is in service.
func (c *cli) awaitNode(ctx context.Context, before admin.Cluster, within time.Duration) error {
	said := ""
	for end := time.Now().Add(within); ; {
		x, err := c.readCluster(ctx)
		if err != nil {
			return err
		}
		for _, n := range x.Nodes {
			if slices.ContainsFunc(before.Nodes, func(o admin.Node) bool { return o.RaftID == n.RaftID }) {
				continue
			}
			if n.State == "running" {
				fmt.Fprintf(c.out, "node %d is in service at %s\n", n.ID, n.Address)
				return nil
			}
			if text := fmt.Sprintf("node %d has come: %s", n.ID, n.State); text != said {
				said = text
				fmt.Fprintln(c.out, text)
			}
		}
		if time.Now().After(end) {
			return failf(exitNoConnect, "no new node is in service after %s", within)
		}
		if err := pause(ctx, 500*time.Millisecond); err != nil {
			return err
		}
	}
}

// pause waits, or until the command is interrupted.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
