package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"

	"troupe/actors/meta"
	"troupe/cmd/broker/admin"
)

func groupDelete(c *cli) *cobra.Command {
	return deletes(c, &cobra.Command{
		Use: "delete GROUP...", Short: "Forget groups without members, and all their offsets", ValidArgsFunction: c.completeGroups,
		Example: "  broker group delete audit\n  broker group delete audit billing --yes\n  broker group delete audit --dry-run",
	}, deletion[goneLine]{gone: c.goneWith, show: c.printGone, ask: groupsAsked, do: c.deleteGroups})
}

func (c *cli) deleteGroups(ctx context.Context, adm *kadm.Client, groups []string) error {
	res, err := adm.DeleteGroups(ctx, groups...)
	if err != nil && len(res) == 0 {
		return kafkaError("delete groups", c.brokers, err)
	}
	return c.each("group", "delete", groups, func(g string) (string, error) { return c.nextForGroup(ctx, g, res[g].Err), res[g].Err })
}

// goneLine is what a deletion would take away.
type goneLine struct {
	Group   string `json:"group"`
	State   string `json:"state"`
	Members int    `json:"members"`
	Offsets int    `json:"offsets"`
}

// goneWith says what goes with each group. Groups that are not there, or have members, are errors now rather than after the question.
func (c *cli) goneWith(ctx context.Context, adm *kadm.Client, groups []string) ([]goneLine, error) {
	var out []goneLine
	for _, g := range groups {
		d, err := c.describeOne(ctx, adm, "delete", g)
		if err != nil {
			return nil, err
		}
		if len(d.Members) > 0 {
			return nil, c.live("delete", d)
		}
		offsets, err := adm.FetchOffsets(ctx, g)
		if err != nil {
			return nil, kafkaError("delete group "+g, c.brokers, err)
		}
		n := 0
		offsets.Each(func(kadm.OffsetResponse) { n++ })
		out = append(out, goneLine{g, d.State, len(d.Members), n})
	}
	return out, nil
}

func (c *cli) printGone(lines []goneLine) error {
	var rows [][]string
	for _, l := range lines {
		rows = append(rows, []string{l.Group, l.State, fmt.Sprint(l.Members), fmt.Sprint(l.Offsets)})
	}
	return c.print(lines, []string{"GROUP", "STATE", "MEMBERS", "OFFSETS"}, rows)
}

// groupsAsked names what is asked about.
func groupsAsked(lines []goneLine) string {
	var what []string
	for _, l := range lines {
		what = append(what, fmt.Sprintf("%s (%s)", l.Group, admin.Counted(l.Offsets, "offset", "offsets")))
	}
	return strings.Join(what, ", ")
}

// describeOne describes a group that must be there.
func (c *cli) describeOne(ctx context.Context, adm *kadm.Client, verb, name string) (kadm.DescribedGroup, error) {
	res, err := adm.DescribeGroups(ctx, name)
	d := res[name]
	if err == nil {
		err = d.Err
	}
	switch {
	case errors.Is(err, kerr.GroupIDNotFound), err == nil && d.State == "Dead":
		return d, failf(exitNotFound, "%s group %s: there is no such group (GROUP_ID_NOT_FOUND); %s", verb, name, c.nearGroup(ctx, name))
	case err != nil:
		return d, kafkaError(verb+" group "+name, c.brokers, err)
	}
	return d, nil
}

// nearGroup is the next step of somebody who named a group that is not there.
func (c *cli) nearGroup(ctx context.Context, name string) string {
	list, err := c.listGroups(ctx, nil)
	if err != nil {
		return "see: broker group list"
	}
	var names []string
	for _, g := range list {
		names = append(names, g.Group)
	}
	if near := meta.Nearest(name, names); near != "" {
		return "did you mean " + near + "?"
	}
	return "see: broker group list"
}

// live is the error of a command that a group with members does not allow.
func (c *cli) live(verb string, d kadm.DescribedGroup) error {
	var who []string
	for i, m := range d.Members {
		if i == 3 {
			who = append(who, fmt.Sprintf("and %d more", len(d.Members)-i))
			break
		}
		who = append(who, fmt.Sprintf("%s at %s", dash(m.ClientID), strings.TrimPrefix(m.ClientHost, "/")))
	}
	return failf(exitConflict, "%s group %s: it is %s and has %s (%s), which would go on where they are; stop them, then repeat",
		verb, d.Group, d.State, admin.Counted(len(d.Members), "member", "members"), strings.Join(who, ", "))
}

// nextForGroup is the text of a refusal that people can do something about.
func (c *cli) nextForGroup(ctx context.Context, name string, err error) string {
	switch {
	case errors.Is(err, kerr.NonEmptyGroup):
		return "it has members; stop them, then repeat (see: broker group describe " + name + ")"
	case errors.Is(err, kerr.GroupIDNotFound):
		return "there is no such group; " + c.nearGroup(ctx, name)
	}
	return ""
}
