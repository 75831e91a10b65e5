package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kadm"

	"troupe/cmd/broker/admin"
)

// seekFlags are what group seek can be told.
type seekFlags struct {
	to, shift string
	topics    []string
	yes, dry  bool
}

// seekLine is one partition and where its offset goes.
type seekLine struct {
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	From      int64  `json:"from"` // -1: nothing is committed
	To        int64  `json:"to"`
	Start     int64  `json:"start"`
	End       int64  `json:"end"`
	Note      string `json:"note,omitempty"`
}

func groupSeek(c *cli) *cobra.Command {
	var f seekFlags
	cmd := &cobra.Command{
		Use: "seek GROUP", Short: "Move the committed offsets of a group without members", Args: cobra.ExactArgs(1), ValidArgsFunction: c.completeGroup,
		Long: "Move the committed offsets of a group without members. First comes what would change; at a terminal it asks then, a script says --yes.\n" +
			"Without --topic all partitions move that the group has an offset of. Offsets beyond the ends of a partition become its ends.",
		Example: "  broker group seek audit --to start --dry-run\n  broker group seek audit --to @-1h --topic orders --yes\n" +
			"  broker group seek audit --shift -100 --topic orders:0,3\n  broker group seek audit --to 4711 --topic orders:2 --yes",
	}
	fl := cmd.Flags()
	fl.StringVar(&f.to, "to", "", "start, end, a number, +N or -N (from the start or the end of each partition), or @TIME (RFC 3339, a date, milliseconds, or -1h)")
	fl.StringVar(&f.shift, "shift", "", "+N or -N from the committed offset")
	fl.StringArrayVar(&f.topics, "topic", nil, "TOPIC or TOPIC:PARTITION,PARTITION; repeatable")
	fl.BoolVarP(&f.yes, "yes", "y", false, "do not ask")
	fl.BoolVar(&f.dry, "dry-run", false, "only say what would change")
	c.outputFlag(cmd)
	completeFlag(cmd, "to", oneOf("start", "end", "@-1h"))
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return c.withAdmin(func(adm *kadm.Client) error { return c.seek(cmd.Context(), adm, args[0], f) })
	}
	return cmd
}

// seekTarget is where offsets go: to a place, or by a distance from where they are.
type seekTarget struct {
	place offsetPlace
	shift *int64
}

func (f seekFlags) target() (seekTarget, error) {
	if (f.to == "") == (f.shift == "") {
		return seekTarget{}, failf(exitUsage, "seek: want one of --to and --shift, such as --to start")
	}
	if f.shift == "" {
		p, err := parseOffset(f.to, time.Now())
		if err != nil {
			err = failf(exitUsage, "%s", strings.Replace(err.Error(), "--offset", "--to", 1))
		}
		return seekTarget{place: p}, err
	}
	n, err := strconv.ParseInt(f.shift, 10, 64)
	if err != nil {
		return seekTarget{}, failf(exitUsage, "--shift %s: want +N or -N", f.shift)
	}
	return seekTarget{shift: &n}, nil
}

func (c *cli) seek(ctx context.Context, adm *kadm.Client, name string, f seekFlags) error {
	target, err := f.target()
	if err != nil {
		return err
	}
	wanted, err := parseTopicParts(f.topics)
	if err != nil {
		return err
	}
	if err := c.restful(ctx, adm, name, len(wanted) > 0); err != nil {
		return err
	}
	lines, err := c.seekPlan(ctx, adm, name, target, wanted)
	if err != nil {
		return err
	}
	if f.dry || !f.yes && c.output == "table" {
		if err := c.printSeek(lines); err != nil || f.dry {
			return err
		}
	}
	if !f.yes {
		if err := c.confirm(fmt.Sprintf("move %s of group %s", admin.Counted(len(lines), "offset", "offsets"), name), "", "changed"); err != nil {
			return err
		}
	}
	if err := c.commitSeek(ctx, adm, name, lines); err != nil || !f.yes {
		return err
	}
	return c.printSeek(lines)
}

// restful demands that a group has no members. One that is not there may get its first offsets, if somebody says of which topics.
func (c *cli) restful(ctx context.Context, adm *kadm.Client, name string, mayBeNew bool) error {
	d, err := c.describeOne(ctx, adm, "seek", name)
	switch {
	case err != nil && mayBeNew && exitCode(err) == exitNotFound:
		return nil
	case err != nil:
		return err
	case len(d.Members) > 0:
		return c.live("seek", d)
	}
	return nil
}

// parseTopicParts reads TOPIC and TOPIC:0,3; no partitions mean all.
func parseTopicParts(list []string) (map[string][]int32, error) {
	out := map[string][]int32{}
	for _, s := range list {
		topic, parts, some := strings.Cut(s, ":")
		if topic == "" || some && parts == "" {
			return nil, failf(exitUsage, "--topic %s: want TOPIC or TOPIC:PARTITION,PARTITION", s)
		}
		if !some {
			out[topic] = nil
			continue
		}
		for p := range strings.SplitSeq(parts, ",") {
			n, err := strconv.ParseInt(p, 10, 32)
			if err != nil || n < 0 {
				return nil, failf(exitUsage, "--topic %s: %q is no partition", s, p)
			}
			out[topic] = append(out[topic], int32(n))
		}
	}
	return out, nil
}

// seekPlan looks up where each offset is and where it goes.
func (c *cli) seekPlan(ctx context.Context, adm *kadm.Client, name string, target seekTarget, wanted map[string][]int32) ([]seekLine, error) {
	what := "seek group " + name
	committed, err := adm.FetchOffsets(ctx, name)
	if err != nil {
		return nil, kafkaError(what, c.brokers, err)
	}
	topics := make([]string, 0, len(wanted))
	for t := range wanted {
		topics = append(topics, t)
	}
	all := len(wanted) == 0
	if all {
		for t := range committed {
			topics = append(topics, t)
		}
	}
	if len(topics) == 0 {
		return nil, failf(exitNotFound, "%s: it has committed nothing; name the topics: --topic TOPIC", what)
	}
	ends, err := c.endsOf(ctx, adm, what, target, topics)
	if err != nil {
		return nil, err
	}
	var lines []seekLine
	for _, e := range ends {
		at := int64(-1)
		if o, ok := committed.Lookup(e.Topic, e.Partition); ok {
			at = o.At
		}
		parts := wanted[e.Topic]
		if all && at < 0 || len(parts) > 0 && !slices.Contains(parts, e.Partition) {
			continue
		}
		l, err := target.line(e, at)
		if err != nil {
			return nil, failf(exitError, "%s: %s", what, err)
		}
		lines = append(lines, l)
	}
	return lines, missingParts(what, wanted, lines)
}

func missingParts(what string, wanted map[string][]int32, lines []seekLine) error {
	for topic, parts := range wanted {
		for _, p := range parts {
			if !slices.ContainsFunc(lines, func(l seekLine) bool { return l.Topic == topic && l.Partition == p }) {
				return failf(exitNotFound, "%s: topic %s has no partition %d", what, topic, p)
			}
		}
	}
	return nil
}

// partitionEnds is what a partition holds; byTime is where the wanted time is.
type partitionEnds struct {
	Topic              string
	Partition          int32
	start, end, byTime int64
}

func (c *cli) endsOf(ctx context.Context, adm *kadm.Client, what string, target seekTarget, topics []string) ([]partitionEnds, error) {
	start, err := adm.ListStartOffsets(ctx, topics...)
	if err != nil {
		return nil, kafkaError(what, c.brokers, err)
	}
	end, err := adm.ListEndOffsets(ctx, topics...)
	if err != nil {
		return nil, kafkaError(what, c.brokers, err)
	}
	var byTime kadm.ListedOffsets
	if target.shift == nil && target.place.kind == atTime {
		if byTime, err = adm.ListOffsetsAfterMilli(ctx, target.place.n, topics...); err != nil {
			return nil, kafkaError(what, c.brokers, err)
		}
	}
	var out []partitionEnds
	var failed error
	end.Each(func(e kadm.ListedOffset) {
		s, _ := start.Lookup(e.Topic, e.Partition)
		t, _ := byTime.Lookup(e.Topic, e.Partition)
		switch err := cmp.Or(e.Err, s.Err, t.Err); {
		case isUnknownTopic(err):
			failed = c.unknownTopic(ctx, adm, what+": topic", e.Topic)
		case err != nil:
			failed = kafkaError(what, c.brokers, err)
		}
		out = append(out, partitionEnds{e.Topic, e.Partition, s.Offset, e.Offset, t.Offset})
	})
	slices.SortFunc(out, func(a, b partitionEnds) int {
		return cmp.Or(strings.Compare(a.Topic, b.Topic), cmp.Compare(a.Partition, b.Partition))
	})
	return out, failed
}

// line is where the offset of one partition goes, and why not where it was wanted.
func (t seekTarget) line(e partitionEnds, committed int64) (seekLine, error) {
	l := seekLine{Topic: e.Topic, Partition: e.Partition, From: committed, Start: e.start, End: e.end}
	if t.shift != nil {
		if committed < 0 {
			return l, fmt.Errorf("nothing is committed of %s-%d, so there is nothing to shift from; use --to", e.Topic, e.Partition)
		}
		l.To = committed + *t.shift
	} else if l.To = t.place.n; t.place.kind != atOffset {
		l.To = t.place.in(e.start, e.end, e.byTime)
	}
	switch {
	case l.To < e.start:
		l.To, l.Note = e.start, "the partition begins here"
	case l.To > e.end:
		l.To, l.Note = e.end, "the partition ends here"
	case l.To == committed:
		l.Note = "stays"
	}
	return l, nil
}

func (c *cli) commitSeek(ctx context.Context, adm *kadm.Client, name string, lines []seekLine) error {
	offsets := kadm.Offsets{}
	for _, l := range lines {
		offsets.AddOffset(l.Topic, l.Partition, l.To, -1)
	}
	res, err := adm.CommitOffsets(ctx, name, offsets)
	if err == nil {
		err = res.Error()
	}
	if err != nil && strings.Contains(err.Error(), "UNKNOWN_MEMBER_ID") {
		return failf(exitConflict, "seek group %s: a member has joined meanwhile; nothing was changed; stop it, then repeat", name)
	}
	return kafkaError("seek group "+name, c.brokers, err)
}

func (c *cli) printSeek(lines []seekLine) error {
	var rows [][]string
	for _, l := range lines {
		rows = append(rows, []string{l.Topic, fmt.Sprint(l.Partition), orDash(l.From), fmt.Sprint(l.To), fmt.Sprint(l.Start), fmt.Sprint(l.End), l.Note})
	}
	return c.print(lines, []string{"TOPIC", "PARTITION", "FROM", "TO", "START", "END", ""}, rows)
}
