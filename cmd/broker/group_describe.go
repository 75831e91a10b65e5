package main

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kadm"

	"troupe/cmd/broker/admin"
)

// groupShown is what group describe says of one group.
type groupShown struct {
	Group       string                `json:"group"`
	State       string                `json:"state"`
	Protocol    string                `json:"protocol,omitempty"`
	Type        string                `json:"protocol_type,omitempty"`
	Coordinator int32                 `json:"coordinator"`
	Lag         int64                 `json:"lag"` // of all partitions; those without an offset count from their start
	Members     []memberShown         `json:"members"`
	Partitions  []partitionLag        `json:"partitions"`
	Why         *admin.GroupExplained `json:"why,omitempty"` // as the coordinator says it
	WhyNot      string                `json:"why_not,omitempty"`
}

type memberShown struct {
	ID         string   `json:"id"`
	InstanceID string   `json:"instance_id,omitempty"`
	ClientID   string   `json:"client_id"`
	Host       string   `json:"host"`
	Assigned   []string `json:"assigned"` // topic-partition
}

type partitionLag struct {
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	Committed int64  `json:"committed"` // -1: nothing is
	Start     int64  `json:"start"`
	End       int64  `json:"end"`
	Lag       int64  `json:"lag"` // -1: not known
	Member    string `json:"member,omitempty"`
	Error     string `json:"error,omitempty"`
}

func groupDescribe(c *cli) *cobra.Command {
	cmd := &cobra.Command{
		Use: "describe GROUP...", Short: "Show members, lag, why it last rebalanced, and who is awaited", Args: cobra.MinimumNArgs(1),
		ValidArgsFunction: c.completeGroups,
		Long: "Show the members of groups, how far behind they are, why the groups last rebalanced, and for whom a rebalance waits.\n" +
			"Members and lag come from any Kafka broker, the reasons from the admin address of the one that coordinates the group.",
		Example: "  broker group describe audit\n  broker group describe audit billing -o json",
	}
	c.outputFlag(cmd)
	c.adminFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return c.withAdmin(func(adm *kadm.Client) error {
			var all []groupShown
			for _, name := range args {
				g, err := c.showGroup(cmd.Context(), adm, name)
				if err != nil {
					return err
				}
				all = append(all, g)
			}
			if c.output != "table" {
				return c.print(all, nil, nil)
			}
			for i, g := range all {
				if i > 0 {
					fmt.Fprintln(c.out)
				}
				if err := c.printGroup(g); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return cmd
}

// showGroup gathers what is known of a group.
func (c *cli) showGroup(ctx context.Context, adm *kadm.Client, name string) (groupShown, error) {
	if _, err := c.describeOne(ctx, adm, "describe", name); err != nil {
		return groupShown{}, err
	}
	lags, err := adm.Lag(ctx, name)
	l := lags[name]
	if err == nil {
		err = l.Error()
	}
	if err != nil {
		return groupShown{}, kafkaError("describe group "+name, c.brokers, err)
	}
	g := groupShown{Group: name, State: l.State, Protocol: l.Protocol, Type: l.ProtocolType, Coordinator: l.Coordinator.NodeID,
		Members: []memberShown{}, Partitions: []partitionLag{}}
	for _, m := range l.Members {
		x := memberShown{ID: m.MemberID, ClientID: m.ClientID, Host: strings.TrimPrefix(m.ClientHost, "/"), Assigned: []string{}}
		if m.InstanceID != nil {
			x.InstanceID = *m.InstanceID
		}
		if a, ok := m.Assigned.AsConsumer(); ok {
			for _, t := range a.Topics {
				for _, p := range t.Partitions {
					x.Assigned = append(x.Assigned, fmt.Sprintf("%s-%d", t.Topic, p))
				}
			}
		}
		g.Members = append(g.Members, x)
	}
	for _, p := range l.Lag.Sorted() {
		x := partitionLag{Topic: p.Topic, Partition: p.Partition, Committed: p.Commit.At, Start: p.Start.Offset, End: p.End.Offset, Lag: p.Lag}
		if p.Member != nil {
			x.Member = p.Member.MemberID
		}
		if p.Err != nil {
			x.Error = p.Err.Error()
		}
		g.Lag += max(0, x.Lag)
		g.Partitions = append(g.Partitions, x)
	}
	var why admin.GroupExplained
	if err := c.getJSON(ctx, "/api/v1/groups/"+url.PathEscape(name), &why); err != nil {
		g.WhyNot = err.Error()
	} else {
		g.Why = &why
	}
	return g, nil
}

func (c *cli) printGroup(g groupShown) error {
	head := [][2]string{{"group", g.Group}, {"state", g.State}}
	if g.Protocol != "" {
		head = append(head, [2]string{"protocol", g.Protocol + " (" + g.Type + ")"})
	}
	head = append(head, [2]string{"coordinator", fmt.Sprint(g.Coordinator)}, [2]string{"lag", fmt.Sprint(g.Lag)})
	head = append(head, whyLines(g)...)
	for _, l := range head {
		fmt.Fprintf(c.out, "%-15s %s\n", l[0], l[1])
	}
	var rows [][]string
	for _, m := range g.Members {
		last, awaits := "-", "-"
		if g.Why != nil {
			if i := slices.IndexFunc(g.Why.Members, func(x admin.GroupMember) bool { return x.ID == m.ID }); i >= 0 {
				last = fmt.Sprintf("%.1fs", g.Why.Members[i].LastHeardSec)
				awaits = dash(g.Why.Members[i].Awaits)
			}
		}
		rows = append(rows, []string{m.ID, dash(m.InstanceID), dash(m.ClientID), m.Host, last, awaits, fmt.Sprint(len(m.Assigned))})
	}
	if len(rows) > 0 {
		fmt.Fprintln(c.out)
		if err := c.print(nil, []string{"MEMBER", "INSTANCE", "CLIENT", "HOST", "LAST HEARD", "AWAITS", "PARTITIONS"}, rows); err != nil {
			return err
		}
	}
	rows = nil
	for _, p := range g.Partitions {
		rows = append(rows, []string{p.Topic, fmt.Sprint(p.Partition), orDash(p.Committed), fmt.Sprint(p.Start), fmt.Sprint(p.End), orDash(p.Lag), dash(p.Member) + errorIn(p.Error)})
	}
	if len(rows) == 0 {
		return nil
	}
	fmt.Fprintln(c.out)
	return c.print(nil, []string{"TOPIC", "PARTITION", "COMMITTED", "START", "END", "LAG", "MEMBER"}, rows)
}

func errorIn(s string) string {
	if s == "" {
		return ""
	}
	return " " + s
}

func orDash(n int64) string {
	if n < 0 {
		return "-"
	}
	return fmt.Sprint(n)
}

// rebalancesShown is how many rebalances a description tells, the last ones.
const rebalancesShown = 5

// whyLines say what the coordinator knows and no Kafka request tells.
func whyLines(g groupShown) (out [][2]string) {
	add := func(name, format string, args ...any) {
		out = append(out, [2]string{name, fmt.Sprintf(format, args...)})
	}
	if g.Why == nil {
		add("why", "not known: %s", g.WhyNot)
		return out
	}
	w := g.Why
	add("since", "%s, generation %d", w.StateSince.Local().Format(time.DateTime), w.Generation)
	if w.Awaiting != "" {
		add("awaits", "%s", w.Awaiting)
	}
	if w.Pending > 0 {
		add("pending", "%d member ids were given out and have not come back", w.Pending)
	}
	list := w.Rebalances[max(0, len(w.Rebalances)-rebalancesShown):]
	for i := len(list) - 1; i >= 0; i-- {
		r := list[i]
		name, took := "", "under way"
		if i == len(list)-1 {
			name = "rebalanced"
		}
		if r.TookMs > 0 {
			took = fmt.Sprintf("took %.0f ms", r.TookMs)
		}
		add(name, "%s %s, generation %d, %s: %s%s", r.Began.Local().Format(time.DateTime), took, r.Generation, admin.Counted(r.Members, "member", "members"), r.Reason, byWhom(r))
	}
	return out
}

func byWhom(r admin.GroupRebalance) string {
	switch {
	case r.ClientID == "" && r.ClientHost == "":
		return ""
	case r.ClientID == "":
		return " (from " + strings.TrimPrefix(r.ClientHost, "/") + ")"
	}
	return " (" + r.ClientID + " at " + strings.TrimPrefix(r.ClientHost, "/") + ")"
}
