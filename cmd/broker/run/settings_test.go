package run

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// settingsWorld is a broker in this process, and a client of it.
type settingsWorld struct {
	t   *testing.T
	b   *Broker
	cl  *kgo.Client
	adm *kadm.Client
	ctx context.Context
}

func newSettingsWorld(t *testing.T, static map[string]string) *settingsWorld {
	t.Helper()
	b, err := Start(Config{DataDir: t.TempDir(), Memory: 128 << 20, Listen: []string{"127.0.0.1:0"}, PeerListen: "127.0.0.1:0", Admin: "127.0.0.1:0", Static: static},
		slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(t, b) })
	serving(t, b)
	cl, err := kgo.NewClient(kgo.SeedBrokers(b.KafkaAddr()), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerBatchMaxBytes(2<<20),
		kgo.ProducerBatchCompression(kgo.NoCompression()), kgo.DisableIdempotentWrite())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.Close)
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	t.Cleanup(cancel)
	return &settingsWorld{t, b, cl, kadm.NewClient(cl), ctx}
}

func (w *settingsWorld) topic(name string) {
	w.t.Helper()
	if r, err := w.adm.CreateTopic(w.ctx, 1, 1, nil, name); err != nil || r.Err != nil {
		w.t.Fatal(err, r.Err)
	}
}

// set changes settings of a topic, or with "" the dynamic ones of all brokers; an empty value takes one back.
func (w *settingsWorld) set(topic string, pairs ...string) {
	w.t.Helper()
	req := kmsg.NewPtrIncrementalAlterConfigsRequest()
	r := kmsg.NewIncrementalAlterConfigsRequestResource()
	r.ResourceType, r.ResourceName = kmsg.ConfigResourceTypeTopic, topic
	if topic == "" {
		r.ResourceType = kmsg.ConfigResourceTypeBroker
	}
	for _, p := range pairs {
		key, value, _ := strings.Cut(p, "=")
		c := kmsg.NewIncrementalAlterConfigsRequestResourceConfig()
		if c.Name = key; value == "" {
			c.Op = kmsg.IncrementalAlterConfigOpDelete
		} else {
			c.Value = &value
		}
		r.Configs = append(r.Configs, c)
	}
	req.Resources = append(req.Resources, r)
	resp, err := req.RequestWith(w.ctx, w.cl)
	if err != nil || resp.Resources[0].ErrorCode != 0 {
		w.t.Fatal(err, resp)
	}
}

func (w *settingsWorld) produce(r *kgo.Record) error {
	return w.cl.ProduceSync(w.ctx, r).FirstErr()
}

// read is the record at an offset of partition 0.
func (w *settingsWorld) read(topic string, offset int64) *kgo.Record {
	w.t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(w.b.KafkaAddr()), kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: {0: kgo.NewOffset().At(offset)}}))
	if err != nil {
		w.t.Fatal(err)
	}
	defer cl.Close()
	got := cl.PollRecords(w.ctx, 1)
	if err := got.Err(); err != nil || got.NumRecords() != 1 {
		w.t.Fatalf("%d records, %v", got.NumRecords(), err)
	}
	return got.Records()[0]
}

func (w *settingsWorld) accepted(what string, r *kgo.Record) {
	w.t.Helper()
	if err := w.produce(r); err != nil {
		w.t.Errorf("%s: %v", what, err)
	}
}

func (w *settingsWorld) refused(what string, want error, r *kgo.Record) {
	w.t.Helper()
	if err := w.produce(r); !errors.Is(err, want) {
		w.t.Errorf("%s: %v, want %v", what, err, want)
	}
}

// TestSettingsTakeEffect changes settings while the broker runs; the next request goes by them.
func TestSettingsTakeEffect(t *testing.T) {
	w := newSettingsWorld(t, nil)
	w.topic("t")
	big := func() *kgo.Record { return &kgo.Record{Topic: "t", Key: []byte("k"), Value: make([]byte, 5000)} }
	w.accepted("by default", big())
	w.set("", "message.max.bytes=1000")
	w.refused("message.max.bytes of all brokers", kerr.MessageTooLarge, big())
	w.set("t", "max.message.bytes=10000")
	w.accepted("the topic's own goes before it", big())
	w.set("t", "max.message.bytes=")
	w.refused("and taken back", kerr.MessageTooLarge, big())
	w.set("", "message.max.bytes=")
	w.accepted("all taken back", big())

	early := func() *kgo.Record {
		return &kgo.Record{Topic: "t", Key: []byte("k"), Timestamp: time.Now().Add(-time.Hour)}
	}
	w.accepted("an old record", early())
	w.set("", "log.message.timestamp.before.max.ms=1000")
	w.refused("too old", kerr.InvalidTimestamp, early())
	w.set("t", "message.timestamp.type=LogAppendTime")
	r := early()
	w.accepted("the broker's time", r)
	if d := time.Since(w.read("t", r.Offset).Timestamp); d > time.Minute {
		t.Errorf("LogAppendTime: the record is %v old", d)
	}
	w.set("t", "message.timestamp.type=")
	w.set("", "log.message.timestamp.before.max.ms=")

	w.accepted("no key", &kgo.Record{Topic: "t"})
	w.set("", "log.cleanup.policy=compact")
	w.refused("no key in a compacted topic", kerr.InvalidRecord, &kgo.Record{Topic: "t"})
	w.set("t", "cleanup.policy=delete")
	w.accepted("no key where the topic says so", &kgo.Record{Topic: "t"})
	w.set("", "log.cleanup.policy=")

	w.set("t", "min.insync.replicas=2") // one replica: as much as there is
	w.accepted("min.insync.replicas is never more than the replicas", big())
}

// TestSettingsAtStart: what is read at start holds.
func TestSettingsAtStart(t *testing.T) {
	w := newSettingsWorld(t, map[string]string{"auto.create.topics.enable": "false", "num.partitions": "3", "delete.topic.enable": "false", "fetch.max.bytes": "1024",
		"max.request.partition.size.limit": "2"})
	req := kmsg.NewPtrMetadataRequest()
	asked := kmsg.NewMetadataRequestTopic()
	asked.Topic = kmsg.StringPtr("auto")
	req.Topics, req.AllowAutoTopicCreation = append(req.Topics, asked), true
	if resp, err := req.RequestWith(w.ctx, w.cl); err != nil || resp.Topics[0].ErrorCode != kerr.UnknownTopicOrPartition.Code {
		t.Errorf("auto.create.topics.enable=false: %v %+v", err, resp)
	}
	if r, err := w.adm.CreateTopic(w.ctx, -1, -1, nil, "t"); err != nil || r.Err != nil || r.NumPartitions != 3 {
		t.Errorf("num.partitions=3: %v %+v", err, r)
	}
	if _, err := w.adm.DeleteTopic(w.ctx, "t"); !errors.Is(err, kerr.TopicDeletionDisabled) {
		t.Errorf("delete.topic.enable=false: %v", err)
	}
	parts := kmsg.NewPtrDescribeTopicPartitionsRequest()
	parts.ResponsePartitionLimit = 2000
	parts.Topics = []kmsg.DescribeTopicPartitionsRequestTopic{{Topic: "t"}}
	if resp, err := parts.RequestWith(w.ctx, w.cl); err != nil || len(resp.Topics[0].Partitions) != 2 || resp.NextCursor == nil {
		t.Errorf("max.request.partition.size.limit=2: %v %+v", err, resp)
	}
}

// TestRetentionIsChanged: a retention that is set while the broker runs deletes what is there.
func TestRetentionIsChanged(t *testing.T) {
	w := newSettingsWorld(t, map[string]string{"log.retention.check.interval.ms": "20"})
	w.topic("t")
	for range 3 {
		w.accepted("a record", &kgo.Record{Topic: "t", Value: make([]byte, 100)})
	}
	w.set("", "log.retention.ms=1")
	deadline := time.Now().Add(30 * time.Second)
	for {
		start, err := w.adm.ListStartOffsets(w.ctx, "t")
		if err != nil {
			t.Fatal(err)
		}
		if o, _ := start.Lookup("t", 0); o.Offset == 3 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("nothing was deleted")
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// TestListenerLimits: a listener's own limit of connections holds beside the broker's, and can be changed.
func TestListenerLimits(t *testing.T) {
	w := newSettingsWorld(t, map[string]string{"max.connections": "50"})
	if n := w.b.limits().Connections; n != 50 {
		t.Errorf("%d, want 50", n)
	}
	w.set("", "listener.name.plaintext.max.connections=40", "max.connections.per.ip.overrides=127.0.0.1:30")
	if l := w.b.limits(); l.Connections != 40 || l.Overrides["127.0.0.1"] != 30 {
		t.Errorf("%+v", l)
	}
	w.set("", "max.connections=20")
	if n := w.b.limits().Connections; n != 20 {
		t.Errorf("%d, want 20", n)
	}
}
