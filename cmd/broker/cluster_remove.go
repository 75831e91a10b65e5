package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"troupe/cmd/broker/admin"
)

func clusterRemove(c *cli) *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use: "remove NODE", Short: "Take a node out of the cluster for good", Args: cobra.ExactArgs(1),
		Long: `Take a node out of the cluster for good. It must hold no replica (broker cluster drain) and have been stopped. Its data directory belongs to
no cluster any more; a node with an empty one may take its place. At a terminal it asks first; a script says --yes.`,
		Example: "  broker cluster drain 3\n  broker cluster remove 3 --yes",
	}
	cmd.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		x, n, err := c.nodeOf(cmd.Context(), args[0])
		if err != nil {
			return err
		}
		if err := removable(x, n); err != nil {
			return err
		}
		if !yes {
			if err := c.confirm(fmt.Sprintf("remove node %d", n.ID), " for ever", "removed"); err != nil {
				return err
			}
		}
		if err := c.removeNode(cmd.Context(), n); err != nil {
			return err
		}
		_, err = fmt.Fprintf(c.out, "node %d is no part of the cluster any more\n", n.ID)
		return err
	}
	return cmd
}

// removable says why a node cannot be removed yet.
func removable(x admin.Cluster, n admin.Node) error {
	switch {
	case len(x.Nodes) == 1:
		return failf(exitConflict, "node %d is the only one of the cluster", n.ID)
	case n.Replicas > 0:
		return failf(exitConflict, "node %d holds %s: run first: broker cluster drain %d", n.ID, admin.Counted(n.Replicas, "replica", "replicas"), n.ID)
	case n.State == "running" || n.State == "shutting down":
		return failf(exitConflict, "node %d is %s: stop it first, or it would register again", n.ID, n.State)
	}
	return nil
}

// removeNode forgets the broker, then the node: with it goes its voice in the metadata log.
func (c *cli) removeNode(ctx context.Context, n admin.Node) error {
	cl, err := c.briefClient()
	if err != nil {
		return err
	}
	defer cl.Close()
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	if n.Epoch != 0 {
		req := kmsg.NewPtrUnregisterBrokerRequest()
		req.BrokerID = n.ID
		resp, err := req.RequestWith(ctx, cl)
		if err != nil {
			return kafkaError("remove node", c.brokers, err)
		}
		if err := refusedWith(resp.ErrorCode, resp.ErrorMessage); err != nil {
			return failf(exitConflict, "node %d cannot be unregistered: %s", n.ID, err)
		}
	}
	req := kmsg.NewPtrRemoveRaftVoterRequest()
	req.VoterID = n.ID
	resp, err := req.RequestWith(ctx, cl)
	if err != nil {
		return kafkaError("remove node", c.brokers, err)
	}
	if err := refusedWith(resp.ErrorCode, resp.ErrorMessage); err != nil {
		return failf(exitConflict, "node %d cannot be removed: %s", n.ID, err)
	}
	return nil
}

func refusedWith(errorCode int16, message *string) error {
	err := kerr.ErrorForCode(errorCode)
	if err != nil && message != nil && *message != "" {
		return fmt.Errorf("%s", *message)
	}
	return err
}
