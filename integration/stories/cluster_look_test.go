package stories

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cockroachdb/datadriven"

	"troupe/actors/meta"
)

// look runs the commands that look at the cluster.
//
//	until CONDITION...        lets time go on until all hold, and insists on it; within=5s
//	expect CONDITION...       insists on them now; for=2s: and all that time
//
// Conditions stand behind the command or in lines of their own; below any other command they are waited for. All brokers that are up must see
// them, or those of at=n1,n2:
//
//	serving n1 n2             just these are in service, and are ready
//	orders-0 leader=1 isr=1,2 elr= replicas=1,2
//	topic orders, no orders   it exists, or does not
//	log orders-0 a b c        these records are on the disks, and no others
//	nothing orders-0          no record of a partition that was (the first of that name) is on the disks
//	leads n1                  it leads the metadata log, and controls; leads nobody
//	voters n1 n2              just these vote on the metadata log
//	runs n2 1                 so many runs of it have registered
//	heard REGEXP              of a line since the command began
func (c *cluster) look(d *datadriven.TestData) bool {
	switch d.Cmd {
	case "until":
		c.until(d)
	case "expect":
		c.expect(d)
	default:
		return false
	}
	return true
}

// conditions are those of a command, each a function that says what is missing.
func (c *cluster) conditions(d *datadriven.TestData) (list []func() string) {
	c.asserts++
	add := func(line string) {
		line = strings.TrimPrefix(strings.TrimSpace(line), "until ")
		cmd, args, err := datadriven.ParseLine(line)
		c.check(err)
		x := *d
		x.Cmd, x.CmdArgs = cmd, args
		list = append(list, func() string { return c.missing(&x, line) })
	}
	if line := behind(d); line != "" && (d.Cmd == "until" || d.Cmd == "expect") {
		add(line)
	}
	for line := range strings.Lines(d.Input) {
		add(line)
	}
	return list
}

// behind is the condition that stands behind the command.
func behind(d *datadriven.TestData) string {
	var w strings.Builder
	for _, a := range d.CmdArgs {
		switch {
		case a.Key == "within" || a.Key == "for":
		case len(a.Vals) == 0:
			w.WriteString(" " + a.Key)
		default:
			w.WriteString(" " + a.Key + "=" + strings.Join(a.Vals, ","))
		}
	}
	return strings.TrimSpace(w.String())
}

func (c *cluster) until(d *datadriven.TestData) {
	within, err := time.ParseDuration(opt(d, "within", patience.String()))
	c.check(err)
	list, why := c.conditions(d), ""
	ok := c.RunUntil(within, func() bool {
		for _, f := range list {
			if why = f(); why != "" {
				return false
			}
		}
		return true
	})
	c.settle()
	if !ok {
		c.check(c.Err())
		c.fail("%s: not within %s: %s", d.Pos, within, why)
		return
	}
	if by := c.Now() - c.began; by > 0 {
		c.Say("so after %s", by.Round(time.Millisecond))
	}
}

func (c *cluster) expect(d *datadriven.TestData) {
	list := c.conditions(d)
	var why string
	wrong := func() bool {
		return slices.ContainsFunc(list, func(f func() string) bool { why = f(); return why != "" })
	}
	length, err := time.ParseDuration(opt(d, "for", "0s"))
	c.check(err)
	if wrong() || c.RunUntil(length, wrong) {
		c.fail("%s: after %s: %s", d.Pos, c.Now()-c.began, why)
	}
	c.check(c.Err())
}

// observers are the brokers that a condition is about.
func (c *cluster) observers(d *datadriven.TestData) (list []*member) {
	at := ids(opt(d, "at", ""))
	for _, m := range c.nodes {
		if slices.Contains(at, m.id) || len(at) == 0 && m.up() {
			list = append(list, m)
		}
	}
	return list
}

// missing says what a condition lacks; "": it holds.
func (c *cluster) missing(d *datadriven.TestData, line string) string {
	who := c.observers(d)
	if len(who) == 0 {
		return "no broker is up"
	}
	switch d.Cmd {
	case "serving":
		return c.serving(who, idsOf(d))
	case "leads":
		return c.leads(who, idsOf(d))
	case "voters":
		return c.voters(who, idsOf(d))
	case "log":
		return c.logs(who, d)
	case "nothing":
		return c.nothing(who, arg(d, 0))
	case "topic", "no":
		for _, m := range who {
			if has := m.image().Topic(arg(d, 0)) != nil; has != (d.Cmd == "topic") {
				return fmt.Sprintf("%s has topic %s: %v", name(m.id), arg(d, 0), has)
			}
		}
		return ""
	case "runs":
		m, want := c.nodes[ids(arg(d, 0))[0]-1], arg(d, 1)
		if got := strconv.Itoa(len(m.epochs)); got != want {
			return fmt.Sprintf("%s has registered %s times", name(m.id), got)
		}
		return ""
	case "heard":
		re := regexp.MustCompile(strings.TrimSpace(strings.TrimPrefix(line, "heard")))
		if slices.ContainsFunc(c.lines, re.MatchString) {
			return ""
		}
		return "nobody has said " + re.String()
	default:
		return c.partition(who, d)
	}
}

// idsOf are the nodes that a condition names.
func idsOf(d *datadriven.TestData) (list []int32) {
	for i := 0; arg(d, i) != ""; i++ {
		list = append(list, ids(arg(d, i))...)
	}
	return list
}

func (c *cluster) serving(who []*member, want []int32) string {
	for _, m := range who {
		var got []int32
		for _, b := range m.image().Brokers() {
			if m.image().Serves(b.ID) {
				got = append(got, b.ID)
			}
		}
		switch {
		case !slices.Equal(got, want):
			return fmt.Sprintf("%s sees %v in service", name(m.id), got)
		case slices.Contains(want, m.id) && m.up() && !m.b.Ready:
			return fmt.Sprintf("%s is not ready", name(m.id))
		}
	}
	return ""
}

func (c *cluster) leads(who []*member, want []int32) string {
	for _, m := range who {
		lead, acts := m.b.Board.Status().LeaderNode(), m.b.Control.Status().Active
		switch {
		case len(want) == 0 && (lead >= 0 || acts):
			return fmt.Sprintf("%s says that node %d leads; it controls: %v", name(m.id), lead, acts)
		case len(want) > 0 && (lead != want[0] || acts != (m.id == lead)):
			return fmt.Sprintf("%s says that node %d leads; it controls: %v", name(m.id), lead, acts)
		}
	}
	return ""
}

func (c *cluster) voters(who []*member, want []int32) string {
	for _, m := range who {
		var got []int32
		for _, id := range m.b.Board.Status().Voters {
			got = append(got, int32(uint32(id)))
		}
		if slices.Sort(got); !slices.Equal(got, want) {
			return fmt.Sprintf("by %s the voters are %v", name(m.id), got)
		}
	}
	return ""
}

// logs insists on the records that lie on the disks of some brokers.
func (c *cluster) logs(who []*member, d *datadriven.TestData) string {
	_, p := find(c.newest(), arg(d, 0))
	if p == nil {
		return "no " + arg(d, 0)
	}
	var want []string
	for i := 1; arg(d, i) != ""; i++ {
		want = append(want, fmt.Sprintf("%d=%s", i-1, arg(d, i)))
	}
	for _, m := range who {
		if opt(d, "at", "") == "" && !slices.Contains(p.Replicas, m.id) {
			continue
		}
		b, err := m.b.Data.Read(p.ID, 0, 1<<60, 1<<20, true)
		c.check(err)
		got := strings.TrimSpace(values(b))
		if b.Release(); got != strings.Join(want, " ") {
			return fmt.Sprintf("%s has %q", name(m.id), got)
		}
	}
	return ""
}

// nothing insists that a broker has dropped what it had of a partition.
func (c *cluster) nothing(who []*member, partition string) string {
	id, ok := c.known[partition]
	if !ok {
		return partition + " never was"
	}
	for _, m := range who {
		list, err := m.b.Data.Partitions()
		c.check(err)
		if slices.Contains(list, id) {
			return fmt.Sprintf("%s still has records of %s", name(m.id), partition)
		}
	}
	return ""
}

func (c *cluster) partition(who []*member, d *datadriven.TestData) string {
	for _, m := range who {
		_, p := find(m.image(), d.Cmd)
		if p == nil {
			return fmt.Sprintf("%s does not know %s", name(m.id), d.Cmd)
		}
		for _, a := range d.CmdArgs {
			want := ids(strings.Join(a.Vals, ","))
			same := true
			switch a.Key {
			case "leader":
				same = slices.Equal([]int32{p.Leader}, want) || p.Leader == meta.NoLeader && a.Vals[0] == "none"
			case "replicas":
				same = slices.Equal(p.Replicas, want)
			case "isr":
				same = slices.Equal(slices.Sorted(slices.Values(p.ISR)), want)
			case "elr":
				same = slices.Equal(slices.Sorted(slices.Values(p.ELR)), want)
			case "at":
			default:
				d.Fatalf(c.t, "unknown condition %s of a partition", a.Key)
			}
			if !same {
				return fmt.Sprintf("%s sees %s %s", name(m.id), d.Cmd, state(p))
			}
		}
	}
	return ""
}

// state is a partition in short.
func state(p *meta.Partition) string {
	leader := fmt.Sprintf("leader %d", p.Leader)
	if p.Leader == meta.NoLeader {
		leader = "no leader"
	}
	text := fmt.Sprintf("%s, epoch %d, ISR %v", leader, p.LeaderEpoch, p.ISR)
	if len(p.ELR) > 0 {
		text += fmt.Sprintf(", ELR %v", p.ELR)
	}
	if p.Moving() {
		text += fmt.Sprintf(", adding %v, removing %v", p.Adding, p.Removing)
	}
	if p.Recovering {
		text += ", recovering"
	}
	return text
}
