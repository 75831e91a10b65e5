package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/IBM/sarama"
)

// read reads so many records of partition 0.
func (c client) read(topic string, from int64, count int) ([]*sarama.ConsumerMessage, error) {
	k, err := sarama.NewConsumer(c.brokers, c.config())
	if err != nil {
		return nil, err
	}
	defer k.Close()
	p, err := k.ConsumePartition(topic, 0, from)
	if err != nil {
		return nil, err
	}
	defer p.Close()
	var got []*sarama.ConsumerMessage
	for len(got) < count {
		select {
		case m := <-p.Messages():
			got = append(got, m)
		case <-time.After(30 * time.Second):
			return got, fmt.Errorf("only %d of %d records within 30 s", len(got), count)
		}
	}
	return got, nil
}

func values(got []*sarama.ConsumerMessage) string {
	var all []string
	for _, m := range got {
		all = append(all, string(m.Value))
	}
	return strings.Join(all, ",")
}

var recordChecks = append([]check{
	{"produce/idempotent", func(c client) error {
		topic, err := c.topic(1, nil)
		if err != nil {
			return err
		}
		err = c.produce(topic, numbers(300), func(conf *sarama.Config) { conf.Producer.Idempotent, conf.Net.MaxOpenRequests = true, 1 })
		if err != nil {
			return err
		}
		got, err := c.read(topic, sarama.OffsetOldest, 300)
		return errors.Join(err, same("values", values(got), strings.Join(numbers(300), ",")))
	}},
	{"produce/too-large", func(c client) error {
		topic, err := c.topic(1, map[string]string{"max.message.bytes": "1000"})
		if err != nil {
			return err
		}
		var told sarama.ProducerErrors
		if err := c.produce(topic, []string{strings.Repeat("x", 5000)}, nil); !errors.As(err, &told) {
			return fmt.Errorf("got %v", err)
		}
		return is(told[0].Err, sarama.ErrMessageSizeTooLarge)
	}},
	{"produce/auto-create", func(c client) error { return c.produce(fresh("topic"), numbers(3), nil) }},
	{"records/keys-headers-tombstones", keysHeadersTombstones},
	{"consume/from-offset", func(c client) error {
		topic, err := c.topic(1, nil)
		if err != nil {
			return err
		}
		if err := c.produce(topic, numbers(100), nil); err != nil {
			return err
		}
		got, err := c.read(topic, 42, 58)
		if err != nil {
			return err
		}
		return same("first offset", got[0].Offset, 42)
	}},
	{"consume/out-of-range", func(c client) error {
		topic, err := c.topic(1, nil)
		if err != nil {
			return err
		}
		_, err = c.read(topic, 50, 1)
		return is(err, sarama.ErrOffsetOutOfRange)
	}},
	{"consume/offsets-and-times", offsetsAndTimes},
}, codecChecks()...)

// codecChecks: a round trip in each codec.
func codecChecks() (all []check) {
	codecs := []sarama.CompressionCodec{sarama.CompressionNone, sarama.CompressionGZIP, sarama.CompressionSnappy, sarama.CompressionLZ4, sarama.CompressionZSTD}
	for _, codec := range codecs {
		all = append(all, check{"produce/codec-" + codec.String(), func(c client) error {
			topic, err := c.topic(1, nil)
			if err != nil {
				return err
			}
			if err := c.produce(topic, numbers(500), func(conf *sarama.Config) { conf.Producer.Compression = codec }); err != nil {
				return err
			}
			got, err := c.read(topic, sarama.OffsetOldest, 500)
			return errors.Join(err, same("values", values(got), strings.Join(numbers(500), ",")))
		}})
	}
	return all
}

func keysHeadersTombstones(c client) error {
	topic, err := c.topic(1, nil)
	if err != nil {
		return err
	}
	p, err := sarama.NewSyncProducer(c.brokers, c.config())
	if err != nil {
		return err
	}
	defer p.Close()
	stamp := time.UnixMilli(1_600_000_000_123)
	err = p.SendMessages([]*sarama.ProducerMessage{
		{Topic: topic, Key: sarama.StringEncoder("k"), Value: sarama.StringEncoder("v"), Timestamp: stamp,
			Headers: []sarama.RecordHeader{{Key: []byte("a"), Value: []byte("1")}, {Key: []byte("a"), Value: []byte("2")}}},
		{Topic: topic, Key: sarama.StringEncoder("k")},
	})
	if err != nil {
		return err
	}
	got, err := c.read(topic, sarama.OffsetOldest, 2)
	if err != nil {
		return err
	}
	return errors.Join(
		same("key and value", string(got[0].Key)+string(got[0].Value), "kv"), same("timestamp", got[0].Timestamp.UnixMilli(), stamp.UnixMilli()),
		same("headers", len(got[0].Headers), 2), same("tombstone", got[1].Value == nil && string(got[1].Key) == "k", true))
}

func offsetsAndTimes(c client) error {
	topic, err := c.topic(1, nil)
	if err != nil {
		return err
	}
	p, err := sarama.NewSyncProducer(c.brokers, c.config())
	if err != nil {
		return err
	}
	defer p.Close()
	for i := range 10 {
		at := time.UnixMilli(1_600_000_000_000 + int64(i)*1000)
		if _, _, err := p.SendMessage(&sarama.ProducerMessage{Topic: topic, Value: sarama.StringEncoder("x"), Timestamp: at}); err != nil {
			return err
		}
	}
	k, err := sarama.NewClient(c.brokers, c.config())
	if err != nil {
		return err
	}
	defer k.Close()
	for when, want := range map[int64]int64{sarama.OffsetOldest: 0, sarama.OffsetNewest: 10, 1_600_000_004_500: 5} {
		got, err := k.GetOffset(topic, 0, when)
		if err := errors.Join(err, same(fmt.Sprint("offset at ", when), got, want)); err != nil {
			return err
		}
	}
	return nil
}
