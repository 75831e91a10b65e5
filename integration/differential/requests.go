package differential

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// A part is what one request says about one partition of a topic.
type part struct {
	topic     string
	partition int32
	data      []byte // produce; nil: null
}

// produce builds a request; from v13 on topics go by id.
func (s *Side) produce(v, acks int16, parts ...part) *kmsg.ProduceRequest {
	req := kmsg.NewPtrProduceRequest()
	req.SetVersion(v)
	req.Acks, req.TimeoutMillis = acks, 5000
	for _, p := range parts {
		n := len(req.Topics)
		if n == 0 || req.Topics[n-1].Topic != p.topic {
			t := kmsg.NewProduceRequestTopic()
			t.Topic = p.topic
			if v >= 13 {
				t.TopicID = s.idOrMadeUp(p.topic)
			}
			req.Topics = append(req.Topics, t)
			n++
		}
		q := kmsg.NewProduceRequestTopicPartition()
		q.Partition, q.Records = p.partition, p.data
		req.Topics[n-1].Partitions = append(req.Topics[n-1].Partitions, q)
	}
	return req
}

// idOrMadeUp gives an id that no topic has for a name that is no topic.
func (s *Side) idOrMadeUp(topic string) [16]byte {
	for id, name := range s.topicIDs {
		if name == topic && id != ([16]byte{}) {
			return id
		}
	}
	id := [16]byte{0xd1, 0xff}
	binary.BigEndian.PutUint32(id[12:], uint32(len(topic)))
	s.topicIDs[id] = topic
	return id
}

// Put produces in the newest named version, outside the transcript.
func (s *Side) Put(topic string, partition int32, batches ...batch) {
	for _, b := range batches {
		r := s.Must(11, s.produce(11, -1, part{topic, partition, b.bytes()})).(*kmsg.ProduceResponse)
		if r.Topics[0].Partitions[0].ErrorCode != 0 {
			panic(abandon{fmt.Sprintf("produce while preparing: %+v", r.Topics[0].Partitions[0])})
		}
	}
}

// Back shows what the partition holds.
func (s *Side) Back(topic string, partition int32) {
	s.Ask(12, s.fetch(12, 0, at{topic: topic, partition: partition}))
}

// An at is where a fetch begins in one partition.
type at struct {
	topic     string
	partition int32
	offset    int64
	maxBytes  int32 // 0: 1 MiB
	epoch     int32 // CurrentLeaderEpoch + 1, so that zero means none
	lastEpoch int32 // LastFetchedEpoch + 1
}

// fetch builds a request that waits at most the given ms for the first byte.
func (s *Side) fetch(v int16, wait int32, ats ...at) *kmsg.FetchRequest {
	req := kmsg.NewPtrFetchRequest()
	req.SetVersion(v)
	req.ReplicaID = -1
	req.MaxWaitMillis, req.MinBytes, req.MaxBytes = wait, 1, 50<<20
	req.SessionEpoch = -1
	for _, a := range ats {
		n := len(req.Topics)
		if n == 0 || req.Topics[n-1].Topic != a.topic {
			t := kmsg.NewFetchRequestTopic()
			t.Topic = a.topic
			if v >= 13 {
				t.TopicID = s.idOrMadeUp(a.topic)
			}
			req.Topics = append(req.Topics, t)
			n++
		}
		p := kmsg.NewFetchRequestTopicPartition()
		p.Partition, p.FetchOffset, p.PartitionMaxBytes = a.partition, a.offset, a.maxBytes
		p.CurrentLeaderEpoch, p.LastFetchedEpoch, p.LogStartOffset = a.epoch-1, a.lastEpoch-1, -1
		if a.maxBytes == 0 {
			p.PartitionMaxBytes = 1 << 20
		}
		req.Topics[n-1].Partitions = append(req.Topics[n-1].Partitions, p)
	}
	return req
}

// Timed notes whether what follows took at least the given time, with a quarter of it as tolerance.
func (s *Side) Timed(ms int, fn func()) {
	begin := time.Now()
	fn()
	what := "at once"
	if time.Since(begin) >= time.Duration(ms)*time.Millisecond*3/4 {
		what = "after the wait"
	}
	s.note(s.step("time"), what)
}

// createTopics builds a request of topics given as they are.
func createTopics(topics ...kmsg.CreateTopicsRequestTopic) *kmsg.CreateTopicsRequest {
	req := kmsg.NewPtrCreateTopicsRequest()
	req.TimeoutMillis = 10000
	req.Topics = topics
	return req
}

// newTopic describes a topic to create; assignment, when given, is one list of replicas for each partition.
func newTopic(name string, partitions int32, rf int16, assignment ...[]int32) kmsg.CreateTopicsRequestTopic {
	t := kmsg.NewCreateTopicsRequestTopic()
	t.Topic, t.NumPartitions, t.ReplicationFactor = name, partitions, rf
	for i, replicas := range assignment {
		a := kmsg.NewCreateTopicsRequestTopicReplicaAssignment()
		a.Partition, a.Replicas = int32(i), replicas
		t.ReplicaAssignment = append(t.ReplicaAssignment, a)
	}
	return t
}

// withConfig adds a config; a nil value is null.
func withConfig(t kmsg.CreateTopicsRequestTopic, name string, value *string) kmsg.CreateTopicsRequestTopic {
	c := kmsg.NewCreateTopicsRequestTopicConfig()
	c.Name, c.Value = name, value
	t.Configs = append(t.Configs, c)
	return t
}

// byName asks for the metadata of topics; null asks for all.
func byName(names ...string) *kmsg.MetadataRequest {
	req := kmsg.NewPtrMetadataRequest()
	req.Topics = []kmsg.MetadataRequestTopic{}
	for _, n := range names {
		t := kmsg.NewMetadataRequestTopic()
		t.Topic = &n
		req.Topics = append(req.Topics, t)
	}
	return req
}

// Missing waits until metadata no longer knows the topic.
func (s *Side) Missing(name string) {
	for range 200 {
		got := s.Must(12, byName(name)).(*kmsg.MetadataResponse)
		if len(got.Topics) == 1 && got.Topics[0].ErrorCode == 3 {
			return
		}
		time.Sleep(25 * time.Millisecond)
	}
	panic(abandon{"topic " + name + " stays"})
}

// cleared waits until no folder of the topic is left: Kafka takes them away a moment after it has forgotten the topic.
func (s *Side) cleared(name string) {
	for range 200 {
		req := kmsg.NewPtrDescribeLogDirsRequest()
		req.Topics = []kmsg.DescribeLogDirsRequestTopic{{Topic: name, Partitions: []int32{0, 1, 2, 3, 4}}}
		left := 0
		for _, d := range s.Must(4, req).(*kmsg.DescribeLogDirsResponse).Dirs {
			left += len(d.Topics)
		}
		if left == 0 {
			return
		}
		time.Sleep(25 * time.Millisecond)
	}
	panic(abandon{"folders of topic " + name + " stay"})
}
