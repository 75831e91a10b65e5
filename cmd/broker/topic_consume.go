package main

import (
	"cmp"
	"context"
	"encoding/json"
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
	n                      int
	partitions             []int32
	exit                   bool
}

func topicConsume(c *cli) *cobra.Command {
	var f consumeFlags
	cmd := &cobra.Command{
		Use: "consume TOPIC", Short: "Print the records of a topic", Args: cobra.ExactArgs(1),
		Example: "  broker topic consume orders -e\n  broker topic consume orders --offset end\n  broker topic consume orders -n 10 -f '%p %o %k %v\\n'\n  broker topic consume orders -e -o json",
	}
	fl := cmd.Flags()
	fl.StringVar(&f.offset, "offset", "start", "start, end, a number, -N (the last N of each partition), or @TIME (RFC 3339 or milliseconds)")
	fl.StringVarP(&f.format, "format", "f", "%v\\n", "how to print a record: %t topic, %p partition, %o offset, %k key, %v value, %d timestamp")
	fl.StringVarP(&f.output, "output", "o", "", "json: one JSON object per line")
	fl.IntVarP(&f.n, "num", "n", 0, "stop after this many records (0: no limit)")
	fl.Int32SliceVarP(&f.partitions, "partition", "p", nil, "partitions (default: all)")
	fl.BoolVarP(&f.exit, "exit", "e", false, "stop at the end of what was there when it began")
	cmd.RunE = func(cmd *cobra.Command, args []string) error { return c.consume(cmd.Context(), args[0], f) }
	return cmd
}

// plan is from where each partition is read, and to where (-1: for ever).
type plan map[int32]struct{ from, to int64 }

func (c *cli) consume(ctx context.Context, topic string, f consumeFlags) error {
	print, err := c.printer(f)
	if err != nil {
		return err
	}
	var p plan
	if err := c.withAdmin(func(adm *kadm.Client) (err error) { p, err = c.plan(ctx, adm, topic, f); return err }); err != nil {
		return err
	}
	for _, i := range f.partitions {
		if _, ok := p[i]; !ok {
			return failf(exitNotFound, "consume %s: the topic has no partition %d", topic, i)
		}
	}
	w := p.spans()
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
	return c.drain(ctx, cl, topic, f, w, print)
}

// plan looks up from where to where each partition is read.
func (c *cli) plan(ctx context.Context, adm *kadm.Client, topic string, f consumeFlags) (plan, error) {
	start, err := adm.ListStartOffsets(ctx, topic)
	if err != nil {
		return nil, kafkaError("consume "+topic, c.brokers, err)
	}
	end, err := adm.ListEndOffsets(ctx, topic)
	if err != nil {
		return nil, kafkaError("consume "+topic, c.brokers, err)
	}
	var byTime kadm.ListedOffsets
	if at, ok := strings.CutPrefix(f.offset, "@"); ok {
		ms, err := parseTime(at)
		if err != nil {
			return nil, err
		}
		if byTime, err = adm.ListOffsetsAfterMilli(ctx, ms, topic); err != nil {
			return nil, kafkaError("consume "+topic, c.brokers, err)
		}
	}
	p := plan{}
	var failed error
	end.Each(func(e kadm.ListedOffset) {
		s, _ := start.Lookup(topic, e.Partition)
		t, _ := byTime.Lookup(topic, e.Partition)
		if err := cmp.Or(e.Err, s.Err, t.Err); err != nil {
			failed = kafkaError("consume "+topic, c.brokers, err)
			return
		}
		from, err := f.from(s.Offset, e.Offset, byTime, topic, e.Partition)
		if err != nil {
			failed = err
		}
		to := int64(-1)
		if f.exit {
			to = e.Offset
		}
		if len(f.partitions) == 0 || contains(f.partitions, e.Partition) {
			p[e.Partition] = struct{ from, to int64 }{from, to}
		}
	})
	return p, failed
}

func contains(list []int32, n int32) bool {
	for _, x := range list {
		if x == n {
			return true
		}
	}
	return false
}

func (f consumeFlags) from(start, end int64, byTime kadm.ListedOffsets, topic string, partition int32) (int64, error) {
	switch {
	case byTime != nil:
		o, _ := byTime.Lookup(topic, partition)
		return o.Offset, nil
	case f.offset == "start" || f.offset == "":
		return start, nil
	case f.offset == "end":
		return end, nil
	}
	n, err := strconv.ParseInt(f.offset, 10, 64)
	if err != nil {
		return 0, failf(exitUsage, "--offset %s: want start, end, a number, -N or @TIME", f.offset)
	}
	if n < 0 {
		return max(start, end+n), nil
	}
	return max(start, n), nil
}

func parseTime(s string) (int64, error) {
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return n, nil
	}
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		return 0, failf(exitUsage, "--offset @%s: want RFC 3339 (2026-01-31T12:00:00Z) or milliseconds", s)
	}
	return t.UnixMilli(), nil
}

// record is one line of -o json.
type record struct {
	Topic     string            `json:"topic"`
	Partition int32             `json:"partition"`
	Offset    int64             `json:"offset"`
	Timestamp int64             `json:"timestamp"`
	Key       *string           `json:"key"`
	Value     *string           `json:"value"`
	Headers   map[string]string `json:"headers,omitempty"`
}

func (c *cli) printer(f consumeFlags) (func(*kgo.Record) error, error) {
	switch f.output {
	case "json":
		e := json.NewEncoder(c.out)
		return func(r *kgo.Record) error { return e.Encode(recordOf(r)) }, nil
	case "":
	default:
		return nil, failf(exitUsage, "--output %s: want json, or leave it out for --format", f.output)
	}
	rf, err := kgo.NewRecordFormatter(f.format)
	if err != nil {
		return nil, failf(exitUsage, "--format: %s", err)
	}
	var buf []byte
	return func(r *kgo.Record) error {
		buf = rf.AppendRecord(buf[:0], r)
		_, err := c.out.Write(buf)
		return err
	}, nil
}

func recordOf(r *kgo.Record) record {
	out := record{Topic: r.Topic, Partition: r.Partition, Offset: r.Offset, Timestamp: r.Timestamp.UnixMilli(), Key: text(r.Key), Value: text(r.Value)}
	for _, h := range r.Headers {
		if out.Headers == nil {
			out.Headers = map[string]string{}
		}
		out.Headers[h.Key] = string(h.Value)
	}
	return out
}

func text(b []byte) *string {
	if b == nil {
		return nil
	}
	s := string(b)
	return &s
}
