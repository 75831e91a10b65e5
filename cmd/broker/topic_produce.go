package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync/atomic"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kgo"
)

// produceFlags are what topic produce can be told.
type produceFlags struct {
	key, separator, format string
	headers                []string
	partition              int32
	acks, compression      string
	tombstone              bool
}

func topicProduce(c *cli) *cobra.Command {
	var p produceFlags
	cmd := &cobra.Command{
		Use: "produce TOPIC", Short: "Produce each line of stdin as a record", Args: cobra.ExactArgs(1),
		Example: "  echo hello | broker topic produce orders\n  echo k1:v1 | broker topic produce orders -K :\n  seq 1000 | broker topic produce orders -z zstd",
	}
	f := cmd.Flags()
	f.StringVarP(&p.key, "key", "k", "", "key of every record")
	f.StringVarP(&p.separator, "key-separator", "K", "", "split each line into key and value at the first of these")
	f.StringVarP(&p.format, "format", "f", "", "read records by this format instead of lines, such as '%k %v\\n'")
	f.StringArrayVarP(&p.headers, "header", "H", nil, "header as KEY=VALUE; repeatable")
	f.Int32VarP(&p.partition, "partition", "p", -1, "partition (-1: by key, else spread)")
	f.StringVar(&p.acks, "acks", "all", "all, 1 or 0")
	f.StringVarP(&p.compression, "compression", "z", "none", "none, gzip, snappy, lz4 or zstd")
	f.BoolVar(&p.tombstone, "tombstone", false, "an empty value means a null value (a tombstone)")
	cmd.RunE = func(cmd *cobra.Command, args []string) error { return c.produce(cmd.Context(), args[0], p) }
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
	if p.partition >= 0 {
		opts = append(opts, kgo.RecordPartitioner(kgo.ManualPartitioner()))
	}
	return opts, nil
}

func (c *cli) produce(ctx context.Context, topic string, p produceFlags) error {
	opts, err := p.options(topic)
	if err != nil {
		return err
	}
	cl, err := c.client(append(opts, kgo.RecordDeliveryTimeout(c.timeout))...)
	if err != nil {
		return err
	}
	defer cl.Close()
	next, err := p.reader(c.in)
	if err != nil {
		return err
	}
	var failed atomic.Pointer[error] // the first error; the callbacks run beside us
	n := 0
	for failed.Load() == nil { // input may have no end: what is wrong is said at once
		r, err := next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return failf(exitError, "reading records: %s", err)
		}
		n++
		cl.Produce(ctx, r, func(_ *kgo.Record, err error) {
			if err != nil {
				failed.CompareAndSwap(nil, &err)
			}
		})
	}
	if err := cl.Flush(ctx); err != nil {
		failed.CompareAndSwap(nil, &err)
	}
	if err := failed.Load(); err != nil {
		return kafkaError("produce to "+topic, c.brokers, *err)
	}
	fmt.Fprintf(c.errOut, "%d records produced to %s\n", n, topic)
	return nil
}

// reader gives one record after the other from in, io.EOF at the end.
func (p produceFlags) reader(in io.Reader) (func() (*kgo.Record, error), error) {
	headers, err := p.recordHeaders()
	if err != nil {
		return nil, err
	}
	finish := func(r *kgo.Record) *kgo.Record {
		if p.key != "" {
			r.Key = []byte(p.key)
		}
		if p.tombstone && len(r.Value) == 0 {
			r.Value = nil
		}
		if p.partition >= 0 {
			r.Partition = p.partition
		}
		r.Headers = append(r.Headers, headers...)
		return r
	}
	if p.format != "" {
		rr, err := kgo.NewRecordReader(in, p.format)
		if err != nil {
			return nil, failf(exitUsage, "--format: %s", err)
		}
		return func() (*kgo.Record, error) {
			r, err := rr.ReadRecord()
			if err != nil {
				return nil, err
			}
			return finish(r), nil
		}, nil
	}
	sc := bufio.NewScanner(in)
	sc.Buffer(make([]byte, 64<<10), 64<<20)
	return func() (*kgo.Record, error) {
		if !sc.Scan() {
			if err := sc.Err(); err != nil {
				return nil, err
			}
			return nil, io.EOF
		}
		r := &kgo.Record{}
		key, value, ok := strings.Cut(sc.Text(), p.separator)
		if p.separator != "" && ok {
			r.Key, r.Value = []byte(key), []byte(value)
		} else {
			r.Value = []byte(sc.Text())
		}
		return finish(r), nil
	}, nil
}

func (p produceFlags) recordHeaders() (out []kgo.RecordHeader, err error) {
	for _, h := range p.headers {
		k, v, ok := strings.Cut(h, "=")
		if !ok {
			return nil, failf(exitUsage, "--header %s: want KEY=VALUE", h)
		}
		out = append(out, kgo.RecordHeader{Key: k, Value: []byte(v)})
	}
	return out, nil
}
