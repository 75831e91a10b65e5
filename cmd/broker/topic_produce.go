package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"troupe/cmd/broker/admin"
)

// produceFlags are what topic produce can be told.
type produceFlags struct {
	key, separator, format string
	headers                []string
	partition              int32
	acks, compression      string
	output                 string
	tombstone, json, same  bool
}

func topicProduce(c *cli) *cobra.Command {
	var p produceFlags
	cmd := &cobra.Command{
		Use: "produce TOPIC [FILE...]", Short: "Produce records from stdin or files", Args: cobra.MinimumNArgs(1), ValidArgsFunction: c.completeTopic,
		Long: "Produce each line of stdin, or of the files, as a record; or what --format or --json reads. A file \"-\" is stdin.\n\nWords of --format:\n" +
			formatHelp + "\n  A word needs an end: what stands behind it, or its size before it, such as %V{5}%v.",
		Example: "  echo hello | broker topic produce orders\n  echo k1:v1 | broker topic produce orders -K :\n  broker topic produce orders -z zstd day1.txt day2.txt\n" +
			"  echo k1: | broker topic produce orders -K : --tombstone\n  broker topic consume orders -e -o json | broker topic produce copy --json --same-partition",
	}
	f := cmd.Flags()
	f.StringVarP(&p.key, "key", "k", "", "key of every record")
	f.StringVarP(&p.separator, "key-separator", "K", "", "split each line into key and value at the first of these")
	f.StringVarP(&p.format, "format", "f", "", "read records by this format instead of lines, such as '%k %v\\n'")
	f.BoolVar(&p.json, "json", false, "read records as topic consume -o json prints them")
	f.StringArrayVarP(&p.headers, "header", "H", nil, "header as KEY=VALUE; repeatable")
	f.Int32VarP(&p.partition, "partition", "p", -1, "partition (-1: by key, else spread)")
	f.BoolVar(&p.same, "same-partition", false, "with --json or %p: the partition that each record names")
	f.StringVar(&p.acks, "acks", "all", "all, 1 or 0")
	f.StringVarP(&p.compression, "compression", "z", "none", "none, gzip, snappy, lz4 or zstd")
	f.BoolVar(&p.tombstone, "tombstone", false, "an empty value means a null value (a tombstone)")
	f.StringVarP(&p.output, "output", "o", "", "json: where the records went, as JSON")
	completeFlag(cmd, "acks", oneOf("all", "1", "0"))
	completeFlag(cmd, "compression", oneOf("none", "gzip", "snappy", "lz4", "zstd"))
	completeFlag(cmd, "output", oneOf("json"))
	cmd.RunE = func(cmd *cobra.Command, args []string) error { return c.produce(cmd.Context(), args[0], args[1:], p) }
	return cmd
}

func (p produceFlags) options(topic string) ([]kgo.Opt, error) {
	codecs := map[string]kgo.CompressionCodec{
		"none": kgo.NoCompression(), "gzip": kgo.GzipCompression(), "snappy": kgo.SnappyCompression(),
		"lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression(),
	}
	codec, ok := codecs[p.compression]
	if !ok {
		return nil, failf(exitUsage, "--compression %s: want none, gzip, snappy, lz4 or zstd", p.compression)
	}
	opts := []kgo.Opt{kgo.DefaultProduceTopic(topic), kgo.ProducerBatchCompression(codec), kgo.AllowAutoTopicCreation()}
	switch p.acks {
	case "all", "-1":
	case "1":
		opts = append(opts, kgo.RequiredAcks(kgo.LeaderAck()), kgo.DisableIdempotentWrite())
	case "0":
		opts = append(opts, kgo.RequiredAcks(kgo.NoAck()), kgo.DisableIdempotentWrite())
	default:
		return nil, failf(exitUsage, "--acks %s: want all, 1 or 0", p.acks)
	}
	switch {
	case p.partition < -1:
		return nil, failf(exitUsage, "--partition %d: want 0 or more, or -1: by key, else spread", p.partition)
	case p.partition >= 0 && p.same:
		return nil, failf(exitUsage, "--partition and --same-partition: leave out one of them")
	case p.same && !p.json && p.format == "":
		return nil, failf(exitUsage, "--same-partition: lines name no partition; it goes with --json or --format")
	case p.output != "" && p.output != "json":
		return nil, failf(exitUsage, "--output %s: want json, or leave it out", p.output)
	case p.partition >= 0 || p.same:
		opts = append(opts, kgo.RecordPartitioner(kgo.ManualPartitioner()))
	}
	return opts, nil
}

func (c *cli) produce(ctx context.Context, topic string, files []string, p produceFlags) error {
	opts, err := p.options(topic)
	if err != nil {
		return err
	}
	cl, err := c.client(append(opts, kgo.RecordDeliveryTimeout(c.timeout))...)
	if err != nil {
		return err
	}
	defer cl.Close()
	in, err := openAll(c.in, files, p.format == "")
	if err != nil {
		return err
	}
	defer in.Close()
	next, err := p.reader(in)
	if err != nil {
		return err
	}
	s := &sent{partitions: map[int32]*sentPartition{}}
	for s.err() == nil { // input may have no end: what is wrong is said at once
		r, err := next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return failf(exitError, "reading records: %s", err)
		}
		r.Topic = topic
		cl.Produce(ctx, r, s.done)
	}
	if err := cl.Flush(ctx); err != nil {
		s.done(nil, err)
	}
	if err := s.err(); err != nil {
		return c.produceError(topic, p, err)
	}
	if p.output == "json" {
		c.output = "json"
		return c.print(s.report(topic), nil, nil)
	}
	fmt.Fprintf(c.errOut, "%s produced to %s\n", admin.Counted(s.records, "record", "records"), topic)
	return nil
}

// produceError says why records were not taken.
func (c *cli) produceError(topic string, p produceFlags, err error) error {
	var partition, of int
	what := "produce to " + topic
	text := kafkaError(what, c.brokers, err)
	switch _, e := fmt.Sscanf(err.Error(), "invalid record partitioning choice of %d from %d available", &partition, &of); {
	case e == nil: // the client's own words; there is nothing else to know it by
		return failf(exitNotFound, "%s: the topic has no partition %d; it has %s, from 0 on", what, partition, admin.Counted(of, "partition", "partitions"))
	case errors.Is(err, kgo.ErrRecordTimeout):
		return failf(exitNoConnect, "%s: no acknowledgement within %s; why: broker doctor, broker trace errors", what, c.timeout)
	case errors.Is(err, kerr.InvalidRecord) && p.key == "":
		return failf(exitCode(text), "%s; a compacted topic takes no record without a key: see -k and -K", text)
	}
	return text
}

// sent is what became of the records; the client's goroutines tell it.
type sent struct {
	mu         sync.Mutex
	failed     error // the first
	records    int
	partitions map[int32]*sentPartition
}

// sentPartition is what went to one partition. Others may have written between First and Last.
type sentPartition struct {
	Partition int32 `json:"partition"`
	First     int64 `json:"first"` // offset; -1: acks=0 tells none
	Last      int64 `json:"last"`
	Records   int   `json:"records"`
}

func (s *sent) done(r *kgo.Record, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		s.failed = cmp.Or(s.failed, err)
		return
	}
	s.records++
	p := s.partitions[r.Partition]
	if p == nil {
		p = &sentPartition{Partition: r.Partition, First: r.Offset, Last: r.Offset}
		s.partitions[r.Partition] = p
	}
	p.First, p.Last, p.Records = min(p.First, r.Offset), max(p.Last, r.Offset), p.Records+1
}

func (s *sent) err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.failed
}

func (s *sent) report(topic string) any {
	list := []*sentPartition{}
	for _, p := range s.partitions {
		list = append(list, p)
	}
	slices.SortFunc(list, func(a, b *sentPartition) int { return cmp.Compare(a.Partition, b.Partition) })
	return map[string]any{"topic": topic, "records": s.records, "partitions": list}
}
