package main

import (
	"context"
	"fmt"
	"time"

	kafka "github.com/segmentio/kafka-go"
)

// segment is segmentio/kafka-go.
type segment struct{ bootstrap string }

// produce sends through the low-level client, which tells the offset; the writer, which does not, is tried first.
func (s segment) produce(topic string, partition int32, codec string, _ bool, records []record) ([]int64, error) {
	codecs := map[string]kafka.Compression{"none": 0, "gzip": kafka.Gzip, "snappy": kafka.Snappy, "lz4": kafka.Lz4, "zstd": kafka.Zstd}
	var last int64
	w := &kafka.Writer{
		Addr: kafka.TCP(s.bootstrap), Topic: topic, RequiredAcks: kafka.RequireAll, Compression: codecs[codec], BatchTimeout: 50 * time.Millisecond,
		Balancer: kafka.BalancerFunc(func(kafka.Message, ...int) int { return int(partition) }),
		Completion: func(messages []kafka.Message, _ error) {
			for _, m := range messages {
				last = max(last, m.Offset)
			}
		},
	}
	var all []kafka.Message
	for _, r := range records {
		m := kafka.Message{Key: r.Key, Value: r.Value, Time: atMillis(r.Timestamp)}
		for _, h := range r.Headers {
			m.Headers = append(m.Headers, kafka.Header{Key: h.Key, Value: h.Value})
		}
		all = append(all, m)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := w.WriteMessages(ctx, all...); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil { // after it, the completion has been called
		return nil, err
	}
	var offsets []int64
	for i := range all {
		offsets = append(offsets, last-int64(len(all)-1-i))
	}
	return offsets, nil
}

func (s segment) consume(topic string, partition int32, from string, until int64, each func(record)) error {
	offset, stamp, err := place(from)
	if err != nil {
		return err
	}
	r := kafka.NewReader(kafka.ReaderConfig{Brokers: []string{s.bootstrap}, Topic: topic, Partition: int(partition), MaxWait: 500 * time.Millisecond})
	defer r.Close()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	conn, err := kafka.DialLeader(ctx, "tcp", s.bootstrap, topic, int(partition))
	if err != nil {
		return err
	}
	defer conn.Close()
	if end, err := conn.ReadLastOffset(); err != nil || end != until {
		return fmt.Errorf("end offset %d (%v), want %d", end, err, until)
	}
	if stamp >= 0 {
		err = r.SetOffsetAt(ctx, atMillis(stamp))
	} else {
		err = r.SetOffset(offset) // -2 is its first offset too
	}
	if err != nil {
		return err
	}
	for {
		m, err := r.ReadMessage(ctx)
		if err != nil {
			return err
		}
		out := record{Offset: m.Offset, Key: m.Key, Value: m.Value, Timestamp: m.Time.UnixMilli()}
		for _, h := range m.Headers {
			out.Headers = append(out.Headers, header{h.Key, h.Value})
		}
		each(out)
		if m.Offset+1 >= until {
			return nil
		}
	}
}

func (s segment) admin(topic string) (got seen, err error) {
	// Lists come from the client's cache while they are younger than this, 6 s by default.
	transport := &kafka.Transport{MetadataTTL: 100 * time.Millisecond}
	defer transport.CloseIdleConnections()
	c := &kafka.Client{Addr: kafka.TCP(s.bootstrap), Timeout: patience, Transport: transport}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	made, err := c.CreateTopics(ctx, &kafka.CreateTopicsRequest{Topics: []kafka.TopicConfig{{
		Topic: topic, NumPartitions: 3, ReplicationFactor: 1,
		ConfigEntries: []kafka.ConfigEntry{{ConfigName: "retention.ms", ConfigValue: "3600000"}},
	}}})
	if err != nil {
		return got, fmt.Errorf("create: %w", err)
	}
	if err := made.Errors[topic]; err != nil {
		return got, fmt.Errorf("create: %w", err)
	}
	got.Created = true
	topics := func() (map[string]int, error) {
		m, err := c.Metadata(ctx, &kafka.MetadataRequest{})
		if err != nil {
			return nil, err
		}
		all := map[string]int{}
		for _, t := range m.Topics {
			all[t.Name] = len(t.Partitions)
		}
		return all, nil
	}
	got.Listed, err = soon(func() (bool, error) {
		all, err := topics()
		got.Partitions = all[topic]
		return got.Partitions == 3, err
	})
	if err != nil {
		return got, fmt.Errorf("metadata: %w", err)
	}
	gone, err := c.DeleteTopics(ctx, &kafka.DeleteTopicsRequest{Topics: []string{topic}})
	if err != nil {
		return got, fmt.Errorf("delete: %w", err)
	}
	if err := gone.Errors[topic]; err != nil {
		return got, fmt.Errorf("delete: %w", err)
	}
	got.Deleted, err = soon(func() (bool, error) {
		all, err := topics()
		_, there := all[topic]
		return !there, err
	})
	return got, err
}
