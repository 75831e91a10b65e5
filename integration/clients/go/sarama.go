package main

import (
	"fmt"
	"time"

	"github.com/IBM/sarama"
)

// saram is IBM's sarama.
type saram struct{ bootstrap string }

func atMillis(ms int64) time.Time { return time.UnixMilli(ms) }

func saramaConfig() *sarama.Config {
	c := sarama.NewConfig()
	c.ClientID = "clients"
	c.Version = sarama.MaxVersion
	return c
}

func (s saram) produce(topic string, partition int32, codec string, idempotent bool, records []record) ([]int64, error) {
	codecs := map[string]sarama.CompressionCodec{
		"none": sarama.CompressionNone, "gzip": sarama.CompressionGZIP, "snappy": sarama.CompressionSnappy, "lz4": sarama.CompressionLZ4, "zstd": sarama.CompressionZSTD,
	}
	c := saramaConfig()
	c.Producer.RequiredAcks = sarama.WaitForAll
	c.Producer.Compression = codecs[codec]
	c.Producer.Partitioner = sarama.NewManualPartitioner
	c.Producer.Return.Successes = true
	c.Producer.Idempotent = idempotent
	c.Net.MaxOpenRequests = 1
	p, err := sarama.NewSyncProducer([]string{s.bootstrap}, c)
	if err != nil {
		return nil, err
	}
	defer p.Close()
	var all []*sarama.ProducerMessage
	for _, r := range records {
		m := &sarama.ProducerMessage{Topic: topic, Partition: partition, Timestamp: atMillis(r.Timestamp)}
		if r.Key != nil {
			m.Key = sarama.ByteEncoder(r.Key)
		}
		if r.Value != nil {
			m.Value = sarama.ByteEncoder(r.Value)
		}
		for _, h := range r.Headers {
			m.Headers = append(m.Headers, sarama.RecordHeader{Key: []byte(h.Key), Value: h.Value})
		}
		all = append(all, m)
	}
	if err := p.SendMessages(all); err != nil {
		return nil, err
	}
	var offsets []int64
	for _, m := range all {
		offsets = append(offsets, m.Offset)
	}
	return offsets, nil
}

func (s saram) consume(topic string, partition int32, from string, until int64, each func(record)) error {
	offset, stamp, err := place(from)
	if err != nil {
		return err
	}
	cl, err := sarama.NewClient([]string{s.bootstrap}, saramaConfig())
	if err != nil {
		return err
	}
	defer cl.Close()
	if stamp >= 0 {
		if offset, err = cl.GetOffset(topic, partition, stamp); err != nil {
			return err
		}
	}
	if end, err := cl.GetOffset(topic, partition, sarama.OffsetNewest); err != nil || end != until {
		return fmt.Errorf("end offset %d (%v), want %d", end, err, until)
	}
	c, err := sarama.NewConsumerFromClient(cl)
	if err != nil {
		return err
	}
	defer c.Close()
	p, err := c.ConsumePartition(topic, partition, offset)
	if err != nil {
		return err
	}
	defer p.Close()
	for {
		select {
		case m := <-p.Messages():
			r := record{Offset: m.Offset, Key: m.Key, Value: m.Value, Timestamp: m.Timestamp.UnixMilli()}
			for _, h := range m.Headers {
				r.Headers = append(r.Headers, header{string(h.Key), h.Value})
			}
			each(r)
			if m.Offset+1 >= until {
				return nil
			}
		case <-time.After(patience):
			return fmt.Errorf("no message within %v", patience)
		}
	}
}

func (s saram) admin(topic string) (got seen, err error) {
	a, err := sarama.NewClusterAdmin([]string{s.bootstrap}, saramaConfig())
	if err != nil {
		return got, err
	}
	defer a.Close()
	retention := "3600000"
	detail := &sarama.TopicDetail{NumPartitions: 3, ReplicationFactor: 1, ConfigEntries: map[string]*string{"retention.ms": &retention}}
	if err = a.CreateTopic(topic, detail, false); err != nil {
		return got, fmt.Errorf("create: %w", err)
	}
	got.Created = true
	// ListTopics would also ask for configs, which is an API of its own.
	got.Listed, err = soon(func() (bool, error) {
		all, err := a.DescribeTopics([]string{topic})
		if err != nil {
			return false, err
		}
		got.Partitions = len(all[0].Partitions)
		return all[0].Err == sarama.ErrNoError && got.Partitions == 3, nil
	})
	if err != nil {
		return got, fmt.Errorf("describe: %w", err)
	}
	if err = a.DeleteTopic(topic); err != nil {
		return got, fmt.Errorf("delete: %w", err)
	}
	got.Deleted, err = soon(func() (bool, error) {
		all, err := a.DescribeTopics([]string{topic})
		if err != nil {
			return false, err
		}
		return all[0].Err == sarama.ErrUnknownTopicOrPartition, nil
	})
	return got, err
}
