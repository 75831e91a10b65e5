package main

import (
	"bufio"
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// consumeFlags are what topic consume can be told.
type consumeFlags struct {
	offset, format, output string
	group                  string
	n                      int
	partitions             []int32
	exit                   bool
}

func topicConsume(c *cli) *cobra.Command {
	var f consumeFlags
	cmd := &cobra.Command{
		Use: "consume TOPIC", Short: "Print the records of a topic", Args: cobra.ExactArgs(1), ValidArgsFunction: c.completeTopic,
		Long: "Print the records of a topic, from its beginning on unless --offset says otherwise.\n\nWords of --format:\n" + formatHelp + "\n\n" +
			"With -o json each record is an object on a line of its own: key and value are text or null, or key_base64 and value_base64\n" +
			"if they are not UTF-8. \"broker topic produce --json\" reads it back.\n\n" +
			"With --group the partitions are shared with the other members, --offset counts only where the group has committed nothing,\n" +
			"and what has been printed is committed.",
		Example: "  broker topic consume orders -e\n  broker topic consume orders --offset end\n  broker topic consume orders --offset @-1h -n 10 -f '%p %o %k %v\\n'\n" +
			"  broker topic consume orders -e -o json | broker topic produce copy --json\n  broker topic consume orders --group audit",
	}
	fl := cmd.Flags()
	fl.StringVar(&f.offset, "offset", "start", "start, end, a number, +N or -N (from the start or the end of each partition), or @TIME (RFC 3339, a date, milliseconds, or -1h)")
	fl.StringVarP(&f.format, "format", "f", "%v\\n", "how to print a record, such as '%t %p %o %k %v\\n'")
	fl.StringVarP(&f.output, "output", "o", "", "json: one JSON object per line")
	fl.StringVarP(&f.group, "group", "g", "", "consume as a member of this group")
	fl.IntVarP(&f.n, "num", "n", 0, "stop after this many records (0: no limit)")
	fl.Int32SliceVarP(&f.partitions, "partition", "p", nil, "partitions (default: all)")
	fl.BoolVarP(&f.exit, "exit", "e", false, "stop at the end of what was there when it began; of a group, when nothing comes any more")
	completeFlag(cmd, "offset", oneOf("start", "end", "@-1h"))
	completeFlag(cmd, "output", oneOf("json"))
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if f.group != "" {
			return c.consumeGroup(cmd.Context(), args[0], f)
		}
		return c.consume(cmd.Context(), args[0], f)
	}
	return cmd
}

// plan is from where each partition is read, and to where (-1: for ever).
type plan map[int32]struct{ from, to int64 }

func (c *cli) consume(ctx context.Context, topic string, f consumeFlags) error {
	p, err := c.printer(f)
	if err != nil {
		return err
	}
	var from plan
	if err := c.withAdmin(func(adm *kadm.Client) (err error) { from, err = c.plan(ctx, adm, topic, f); return err }); err != nil {
		return err
	}
	for _, i := range f.partitions {
		if _, ok := from[i]; !ok {
			return failf(exitNotFound, "consume %s: the topic has no partition %d", topic, i)
		}
	}
	w := from.spans()
	if w.done() {
		return nil
	}
	at := map[int32]kgo.Offset{}
	for i, s := range w {
		at[i] = kgo.NewOffset().At(s.next)
	}
	cl, err := c.client(kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: at}), kgo.FetchMaxWait(500*time.Millisecond), kgo.KeepControlRecords())
	if err != nil {
		return err
	}
	defer cl.Close()
	return c.drain(ctx, cl, topic, f, w, p)
}

// plan looks up from where to where each partition is read.
func (c *cli) plan(ctx context.Context, adm *kadm.Client, topic string, f consumeFlags) (plan, error) {
	where, err := parseOffset(f.offset, time.Now())
	if err != nil {
		return nil, err
	}
	start, err := adm.ListStartOffsets(ctx, topic)
	if err != nil {
		return nil, kafkaError("consume "+topic, c.brokers, err)
	}
	end, err := adm.ListEndOffsets(ctx, topic)
	if err != nil {
		return nil, kafkaError("consume "+topic, c.brokers, err)
	}
	var byTime kadm.ListedOffsets
	if where.kind == atTime {
		if byTime, err = adm.ListOffsetsAfterMilli(ctx, where.n, topic); err != nil {
			return nil, kafkaError("consume "+topic, c.brokers, err)
		}
	}
	p := plan{}
	var failed error
	end.Each(func(e kadm.ListedOffset) {
		s, _ := start.Lookup(topic, e.Partition)
		t, _ := byTime.Lookup(topic, e.Partition)
		err := cmp.Or(e.Err, s.Err, t.Err)
		switch {
		case isUnknownTopic(err):
			failed = c.unknownTopic(ctx, adm, "consume", topic)
		case err != nil:
			failed = kafkaError("consume "+topic, c.brokers, err)
		case len(f.partitions) == 0 || slices.Contains(f.partitions, e.Partition):
			to := int64(-1)
			if f.exit {
				to = e.Offset
			}
			p[e.Partition] = struct{ from, to int64 }{where.in(s.Offset, e.Offset, t.Offset), to}
		}
	})
	return p, failed
}

// offsetKind says what the number of an offsetPlace counts.
type offsetKind uint8

const (
	atOffset offsetKind = iota
	fromStart
	fromEnd // n is negative or 0
	atTime  // ms
)

// offsetPlace is what --offset says, before the partitions are known.
type offsetPlace struct {
	kind offsetKind
	n    int64
}

func parseOffset(s string, now time.Time) (offsetPlace, error) {
	switch {
	case s == "start" || s == "":
		return offsetPlace{fromStart, 0}, nil
	case s == "end":
		return offsetPlace{fromEnd, 0}, nil
	case strings.HasPrefix(s, "@"):
		ms, err := parseTime(s[1:], now)
		return offsetPlace{atTime, ms}, err
	}
	n, err := strconv.ParseInt(s, 10, 64)
	switch {
	case err != nil:
		return offsetPlace{}, failf(exitUsage, "--offset %s: want start, end, a number, +N, -N or @TIME", s)
	case s[0] == '+':
		return offsetPlace{fromStart, n}, nil
	case n < 0 || s[0] == '-':
		return offsetPlace{fromEnd, n}, nil
	}
	return offsetPlace{atOffset, n}, nil
}

// in is the offset in a partition with these ends; byTime is where the time was found there.
func (o offsetPlace) in(start, end, byTime int64) int64 {
	switch o.kind {
	case fromStart:
		return start + o.n
	case fromEnd:
		return max(start, end+o.n)
	case atTime:
		return byTime
	}
	return max(start, o.n)
}

// parseTime reads a time as milliseconds since 1970: RFC 3339, a date (UTC), milliseconds, or how long ago.
func parseTime(s string, now time.Time) (int64, error) {
	if n, err := strconv.ParseInt(s, 10, 64); err == nil && n >= 0 {
		return n, nil
	}
	if d, err := time.ParseDuration(s); err == nil && d <= 0 {
		return now.Add(d).UnixMilli(), nil
	}
	for _, layout := range []string{time.RFC3339Nano, time.DateOnly} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UnixMilli(), nil
		}
	}
	return 0, failf(exitUsage, "--offset @%s: want RFC 3339 (2026-01-31T12:00:00Z), a date, milliseconds, or a duration ago (-1h30m)", s)
}

// recordPrinter writes records to the output, many at a time.
type recordPrinter struct {
	out    *bufio.Writer
	append func(b []byte, r *kgo.Record) []byte
	buf    []byte
}

func (c *cli) printer(f consumeFlags) (*recordPrinter, error) {
	p := &recordPrinter{out: bufio.NewWriterSize(c.out, 64<<10)}
	switch f.output {
	case "json":
		p.append = appendJSON
		return p, nil
	case "":
	default:
		return nil, failf(exitUsage, "--output %s: want json, or leave it out for --format", f.output)
	}
	var err error
	p.append, err = formatter(f.format)
	return p, err
}

func (p *recordPrinter) print(r *kgo.Record) error {
	p.buf = p.append(p.buf[:0], r)
	_, err := p.out.Write(p.buf)
	return err
}

// flush shows what was printed: at the end of each answer of the broker, so that nothing waits for more to come.
func (p *recordPrinter) flush() error { return p.out.Flush() }
