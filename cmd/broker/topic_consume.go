package main

import (
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
	at := map[int32]kgo.Offset{}
	open := 0
	for i, r := range p {
		if r.to >= 0 && r.from >= r.to {
			continue
		}
		at[i] = kgo.NewOffset().At(r.from)
		open++
	}
	if open == 0 {
		return nil
	}
	cl, err := c.client(kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: at}), kgo.FetchMaxWait(500*time.Millisecond))
	if err != nil {
		return err
	}
	defer cl.Close()
	return c.drain(ctx, cl, topic, f, p, open, print)
}

func (c *cli) drain(ctx context.Context, cl *kgo.Client, topic string, f consumeFlags, p plan, open int, print func(*kgo.Record) error) error {
	seen := 0
	ended := map[int32]bool{}
	for {
		fetches := cl.PollFetches(ctx)
		if ctx.Err() != nil {
			return nil
		}
		for _, e := range fetches.Errors() {
			return kafkaError("consume "+topic, c.brokers, e.Err)
		}
		for it := fetches.RecordIter(); !it.Done(); {
			r := it.Next()
			to := p[r.Partition].to
			if to >= 0 && r.Offset >= to || ended[r.Partition] {
				continue
			}
			if err := print(r); err != nil {
				return err
			}
			seen++
			if to >= 0 && r.Offset == to-1 {
				ended[r.Partition] = true
				open--
			}
			if seen == f.n || open == 0 {
				return nil
			}
		}
	}
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
		if e.Err != nil {
			failed = kafkaError("consume "+topic, c.brokers, e.Err)
			return
		}
		s, _ := start.Lookup(topic, e.Partition)
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
