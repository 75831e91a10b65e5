package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kmsg"
)

func groupCommand(c *cli) *cobra.Command {
	cmd := &cobra.Command{Use: "group", Short: "Show consumer groups, move their offsets, delete them", RunE: groupOnly, Example: "  broker group list"}
	cmd.AddCommand(groupList(c), groupDescribe(c), groupSeek(c), groupDelete(c))
	return cmd
}

// groupLine is one line of group list.
type groupLine struct {
	Group        string `json:"group"`
	State        string `json:"state"`
	Type         string `json:"type"`
	ProtocolType string `json:"protocol_type"`
	Coordinator  int32  `json:"coordinator"`
}

// groupStates are the states that a group can be in, those of Kafka's newer kinds of groups too.
var groupStates = []string{"Stable", "Empty", "PreparingRebalance", "CompletingRebalance", "Dead", "Assigning", "Reconciling", "NotReady"}

func groupList(c *cli) *cobra.Command {
	var states []string
	cmd := &cobra.Command{
		Use: "list", Short: "List groups and their states", Args: cobra.NoArgs,
		Long: "List groups and their states: Stable, Empty (no members, but offsets), PreparingRebalance (waits for members to join),\n" +
			"CompletingRebalance (waits for the leader's assignment).",
		Example: "  broker group list\n  broker group list --state stable,empty -o json",
	}
	cmd.Flags().StringSliceVar(&states, "state", nil, "only groups in one of these states, of any case")
	completeFlag(cmd, "state", oneOf(groupStates...))
	c.outputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		for _, s := range states {
			if !slices.ContainsFunc(groupStates, func(known string) bool { return strings.EqualFold(known, s) }) {
				return failf(exitUsage, "--state %s: want %s", s, strings.Join(groupStates, ", "))
			}
		}
		list, err := c.listGroups(cmd.Context(), states)
		if err != nil {
			return err
		}
		var rows [][]string
		for _, g := range list {
			rows = append(rows, []string{g.Group, g.State, g.Type, dash(g.ProtocolType), fmt.Sprint(g.Coordinator)})
		}
		return c.print(list, []string{"GROUP", "STATE", "TYPE", "PROTOCOL", "COORDINATOR"}, rows)
	}
	return cmd
}

// listGroups asks every broker for the groups that it coordinates.
func (c *cli) listGroups(ctx context.Context, states []string) ([]groupLine, error) {
	cl, err := c.briefClient()
	if err != nil {
		return nil, err
	}
	defer cl.Close()
	list := []groupLine{}
	req := kmsg.NewPtrListGroupsRequest()
	req.StatesFilter = states
	for _, s := range cl.RequestSharded(ctx, req) {
		if s.Err != nil {
			return nil, kafkaError("list groups", c.brokers, s.Err)
		}
		resp := s.Resp.(*kmsg.ListGroupsResponse)
		if err := kafkaCode("list groups", resp.ErrorCode); err != nil {
			return nil, err
		}
		for _, g := range resp.Groups {
			list = append(list, groupLine{g.Group, g.GroupState, g.GroupType, g.ProtocolType, s.Meta.NodeID})
		}
	}
	slices.SortFunc(list, func(a, b groupLine) int {
		if a.Group < b.Group {
			return -1
		}
		return 1
	})
	return list, nil
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// completeGroups offers the groups that are not named yet.
func (c *cli) completeGroups(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	c.timeout = completionTime
	ctx, cancel := context.WithTimeout(context.Background(), completionTime)
	defer cancel()
	list, err := c.listGroups(ctx, nil)
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	var out []string
	for _, g := range list {
		if !slices.Contains(args, g.Group) {
			out = append(out, g.Group)
		}
	}
	return out, cobra.ShellCompDirectiveNoFileComp
}

// completeGroup is completeGroups for a command that takes one.
func (c *cli) completeGroup(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return c.completeGroups(cmd, args, typed)
}
