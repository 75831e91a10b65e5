package meta

import (
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
)

// Record is one piece of an image as it is kept on disk. In a Diff, Value nil means that the key is deleted; values are never empty.
//
// Keys are stable. Each begins with a letter; integers in keys are big-endian:
//
//	a                                    index of the last applied entry
//	c                                    cluster: id, created, feature level, next node, producer and part ids
//	n <node id, 4>                       Node
//	b <broker id, 4>                     Broker
//	g <broker id, decimal or empty>      dynamic settings of a broker, or the cluster-wide ones
//	r <kind, 1> <name>                   settings of a group, or of a subscription of client metrics
//	f <name>                             level of a feature that is not the initial one
//	t <topic id, 16>                     Topic: name, flags, settings, number of partitions
//	p <topic id, 16> <number, 4>         Partition
//	o <node, 4> <incarnation, 8>         memory of requests: birth and floor of one origin
//	d <node, 4> <incarnation, 8> <seq, 8>  memory of requests: one answer
//
// Each value begins with the byte recordVersion.
type Record struct{ Key, Value []byte }

const recordVersion = 1

// ErrRecords says that records do not make up an image.
var ErrRecords = errors.New("meta: the stored state is damaged")

const (
	keyApplied   = 'a'
	keyCluster   = 'c'
	keyNode      = 'n'
	keyBroker    = 'b'
	keyConfigs   = 'g'
	keyResource  = 'r'
	keyFeature   = 'f'
	keyTopic     = 't'
	keyPartition = 'p'
	keyOrigin    = 'o'
	keyAnswer    = 'd'
)

func value() *enc { return &enc{b: []byte{recordVersion}} }

func key32(letter byte, id int32) []byte {
	return binary.BigEndian.AppendUint32([]byte{letter}, uint32(id))
}

func keyOfTopic(id TopicID) []byte { return append([]byte{keyTopic}, id[:]...) }

func keyOfPartition(id TopicID, n int) []byte {
	return binary.BigEndian.AppendUint32(append([]byte{keyPartition}, id[:]...), uint32(n))
}

func keyOfOrigin(letter byte, o *origin) []byte {
	return binary.BigEndian.AppendUint64(key32(letter, o.node), o.incarnation)
}

func keyOfAnswer(o *origin, a *answer) []byte {
	return binary.BigEndian.AppendUint64(keyOfOrigin(keyAnswer, o), a.seq)
}

func recordApplied(m *Image) Record {
	v := value()
	v.u(m.index)
	return Record{[]byte{keyApplied}, v.b}
}

func recordCluster(m *Image) Record {
	v := value()
	v.str(m.clusterID)
	v.i(m.createdMs)
	v.u(uint64(m.featureLevel))
	v.i(int64(m.nextNode))
	v.i(m.nextProducer)
	v.u(uint64(m.nextPart))
	return Record{[]byte{keyCluster}, v.b}
}

func recordNode(n *Node) Record {
	v := value()
	v.node(*n)
	return Record{key32(keyNode, n.ID), v.b}
}

func recordBroker(b *Broker) Record {
	v := value()
	v.i(int64(b.ID))
	v.i(b.Epoch)
	v.id(b.Incarnation)
	v.id(b.StoreID)
	each(v, b.Listeners, v.endpoint)
	v.str(b.Rack)
	v.flag(b.Fenced)
	v.flag(b.InControlledShutdown)
	each(v, b.Features, v.feature)
	each(v, b.LogDirs, v.id)
	return Record{key32(keyBroker, b.ID), v.b}
}

func recordConfigs(c *resourceConfigs) Record {
	key := []byte{keyConfigs}
	if c.kind != BrokerResource {
		key = []byte{keyResource, byte(c.kind)}
	}
	v := value()
	v.configs(c.values)
	return Record{append(key, c.name...), v.b}
}

func recordFeature(f *FeatureLevel) Record {
	v := value()
	v.i(int64(f.Level))
	return Record{append([]byte{keyFeature}, f.Name...), v.b}
}

func recordTopic(t *Topic) Record {
	v := value()
	v.str(t.Name)
	v.flag(t.Internal)
	v.flag(t.RFAuto)
	v.flag(t.MinISRAuto)
	v.u(uint64(len(t.Partitions)))
	v.configs(t.Configs)
	return Record{keyOfTopic(t.ID), v.b}
}

func recordPartition(t *Topic, p *Partition) Record {
	v := value()
	v.u(uint64(p.ID))
	v.ints(p.Replicas)
	v.ints(p.ISR)
	v.ints(p.ELR)
	v.i(int64(p.Leader))
	v.i(int64(p.LeaderEpoch))
	v.i(int64(p.PartitionEpoch))
	if p.Moving() || p.Recovering { // a later addition: most partitions are written as ever
		v.ints(p.Adding)
		v.ints(p.Removing)
		v.flag(p.Recovering)
	}
	return Record{keyOfPartition(t.ID, int(p.Index)), v.b}
}

func recordOrigin(o *origin) Record {
	v := value()
	v.u(o.born)
	v.u(o.floor)
	return Record{keyOfOrigin(keyOrigin, o), v.b}
}

func recordAnswer(o *origin, a *answer) Record {
	v := value()
	v.u(a.index)
	v.u(uint64(a.gen))
	v.bytes(a.result)
	return Record{keyOfAnswer(o, a), v.b}
}

// Records walks the whole image, in an order that is the same on every node.
func (m *Image) Records() iter.Seq[Record] {
	return func(yield func(Record) bool) {
		if !yield(recordApplied(m)) || !yield(recordCluster(m)) {
			return
		}
		for i := range m.nodes {
			if !yield(recordNode(&m.nodes[i])) {
				return
			}
		}
		for i := range m.brokers {
			if !yield(recordBroker(&m.brokers[i])) {
				return
			}
		}
		for i := range m.configs {
			if !yield(recordConfigs(&m.configs[i])) {
				return
			}
		}
		for i := range m.features {
			if !yield(recordFeature(&m.features[i])) {
				return
			}
		}
		if m.topicRecords(yield) {
			m.requestRecords(yield)
		}
	}
}

func (m *Image) topicRecords(yield func(Record) bool) bool {
	for _, shard := range m.byID.shards {
		for _, t := range shard {
			if !yield(recordTopic(t)) {
				return false
			}
			for i := range t.Partitions {
				if !yield(recordPartition(t, &t.Partitions[i])) {
					return false
				}
			}
		}
	}
	return true
}

func (m *Image) requestRecords(yield func(Record) bool) {
	for _, o := range m.origins {
		if !yield(recordOrigin(o)) {
			return
		}
		for a := range o.answers() {
			if !yield(recordAnswer(o, a)) {
				return
			}
		}
	}
}

// answers walks what an origin remembers, newest first.
func (o *origin) answers() iter.Seq[*answer] {
	return func(yield func(*answer) bool) {
		for _, list := range [...]answers{o.cur, o.prev} {
			for a := list.head; a != nil; a = a.next {
				if !yield(a) {
					return
				}
			}
		}
	}
}

// Hash is a fingerprint of the whole state: equal on every node at the same index. It does not depend on the order of records.
func (m *Image) Hash() uint64 {
	var sum uint64
	for r := range m.Records() {
		sum += hashRecord(r)
	}
	return sum
}

func hashRecord(r Record) uint64 {
	h := uint64(14695981039346656037)
	for _, c := range r.Key {
		h = (h ^ uint64(c)) * 1099511628211
	}
	h = (h ^ 0xff) * 1099511628211
	for _, c := range r.Value {
		h = (h ^ uint64(c)) * 1099511628211
	}
	h ^= h >> 32 // FNV's low bits mix badly, and the hashes are added up
	h *= 0x9e3779b97f4a7c15
	return h ^ h>>29
}

func damaged(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrRecords, fmt.Sprintf(format, args...))
}
