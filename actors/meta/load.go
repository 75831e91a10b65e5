package meta

import (
	"encoding/binary"
	"iter"
	"slices"
	"strconv"
)

// LoadRecords builds the image that the records were taken of. Their order does not matter. What does not fit together is an error, never
// a panic; what is allocated is bounded by a small multiple of the records. Without any record it is NewImage.
func LoadRecords(records iter.Seq2[[]byte, []byte]) (*Image, error) {
	l := &loader{img: NewImage(), parts: make(map[TopicID][]Partition), counts: make(map[TopicID]int), origins: make(map[RequestID]*origin)}
	for key, val := range records {
		if err := l.record(key, val); err != nil {
			return nil, err
		}
	}
	if err := l.finish(); err != nil {
		return nil, err
	}
	return l.img, nil
}

type loader struct {
	img     *Image
	topics  []*Topic
	counts  map[TopicID]int
	parts   map[TopicID][]Partition
	origins map[RequestID]*origin
	answers []*answer
	whose   []RequestID // of answers
}

func (l *loader) record(key, val []byte) error {
	if len(key) == 0 || len(val) == 0 || val[0] != recordVersion {
		return damaged("key %x has a value of an unknown format", key)
	}
	k, v := &dec{b: key[1:]}, &dec{b: val[1:]}
	switch key[0] {
	case keyApplied:
		l.img.index = v.u()
	case keyCluster:
		l.img.clusterID, l.img.createdMs, l.img.featureLevel = v.str(), v.i(), v.u32()
		l.img.nextNode, l.img.nextProducer, l.img.nextPart = v.i32(), v.i(), v.u32()
	case keyNode:
		n := v.node()
		if n.Removed = len(v.b) > 0; n.Removed && !v.flag() || n.ID != k.be32() {
			k.fail()
		}
		l.img.nodes = append(l.img.nodes, n)
	case keyBroker:
		b := v.broker()
		if b.ID != k.be32() {
			k.fail()
		}
		l.img.brokers = append(l.img.brokers, b)
	case keyConfigs:
		l.img.configs = append(l.img.configs, resourceConfigs{BrokerResource, string(k.b), v.configs()})
		k.b = nil
	case keyResource:
		kind := ResourceType(k.byte())
		if kind != ClientMetricsResource && kind != GroupResource {
			k.fail()
		}
		l.img.configs = append(l.img.configs, resourceConfigs{kind, string(k.b), v.configs()})
		k.b = nil
	case keyFeature:
		l.img.features = append(l.img.features, FeatureLevel{Name: string(k.b), Level: v.i16()})
		k.b = nil
	case keyTopic:
		l.topic(k.id(), v)
	case keyPartition:
		id, n := TopicID(k.id()), k.be32()
		p := v.partition()
		p.Index = n
		l.parts[id] = append(l.parts[id], p)
	case keyOrigin:
		id := RequestID{Node: k.be32(), Incarnation: k.be64()}
		l.origins[id] = &origin{node: id.Node, incarnation: id.Incarnation, born: v.u(), floor: v.u()}
	case keyAnswer:
		l.answer(k, v)
	default:
		return damaged("unknown key %x", key)
	}
	if k.end() != nil || v.end() != nil {
		return damaged("key %x does not decode", key)
	}
	return nil
}

func (l *loader) topic(id TopicID, v *dec) {
	t := &Topic{ID: id, Name: v.str(), Internal: v.flag(), RFAuto: v.flag(), MinISRAuto: v.flag()}
	n := v.u32()
	t.Configs = v.configs()
	l.topics = append(l.topics, t)
	l.counts[id] = int(n)
}

func (l *loader) answer(k, v *dec) {
	id := RequestID{Node: k.be32(), Incarnation: k.be64()}
	a := &answer{seq: k.be64(), index: v.u(), gen: v.u32(), result: slices.Clone(v.raw())}
	if _, err := DecodeResult(a.result); err != nil {
		v.fail()
	}
	l.answers, l.whose = append(l.answers, a), append(l.whose, id)
}

func (d *dec) be32() int32 {
	if len(d.b) < 4 {
		d.fail()
		return 0
	}
	v := binary.BigEndian.Uint32(d.b)
	d.b = d.b[4:]
	return int32(v)
}

func (d *dec) be64() uint64 {
	if len(d.b) < 8 {
		d.fail()
		return 0
	}
	v := binary.BigEndian.Uint64(d.b)
	d.b = d.b[8:]
	return v
}

func (d *dec) broker() Broker {
	return Broker{ID: d.i32(), Epoch: d.i(), Incarnation: d.id(), StoreID: d.id(), Listeners: list(d, 3, d.endpoint), Rack: d.str(),
		Fenced: d.flag(), InControlledShutdown: d.flag(), Features: list(d, 3, d.feature), LogDirs: list(d, 16, d.id)}
}

func (d *dec) partition() Partition {
	p := Partition{ID: d.u32(), Replicas: d.ints(), ISR: d.ints(), ELR: d.ints(), Leader: d.i32(), LeaderEpoch: d.i32(), PartitionEpoch: d.i32()}
	if len(d.b) > 0 {
		p.Adding, p.Removing, p.Recovering = d.ints(), d.ints(), d.flag()
		if !p.Moving() && !p.Recovering {
			d.fail()
		}
	}
	if slices.Equal(p.ISR, p.Replicas) {
		p.ISR = p.Replicas
	}
	return p
}

// finish puts the pieces together and checks them against each other.
func (l *loader) finish() error {
	m := l.img
	slices.SortFunc(m.nodes, func(a, b Node) int { return cmpNode(a, b.ID) })
	slices.SortFunc(m.brokers, func(a, b Broker) int { return cmpBroker(a, b.ID) })
	slices.SortFunc(m.configs, cmpConfigs)
	slices.SortFunc(m.features, func(a, b FeatureLevel) int { return cmpFeature(a, b.Name) })
	e := newEdit(m, m.index)
	e.img = m
	for _, t := range l.topics {
		if err := l.addTopic(e, t); err != nil {
			return err
		}
	}
	if len(l.parts) > 0 {
		return damaged("there are partitions of %d topics that do not exist", len(l.parts))
	}
	if err := l.addOrigins(); err != nil {
		return err
	}
	if err := Check(m); err != nil {
		return damaged("%v", err)
	}
	return nil
}

func (l *loader) addTopic(e *edit, t *Topic) error {
	parts := l.parts[t.ID]
	delete(l.parts, t.ID)
	if len(parts) == 0 || len(parts) != l.counts[t.ID] {
		return damaged("topic %s has %d of its %d partitions", strconv.Quote(t.Name), len(parts), l.counts[t.ID])
	}
	slices.SortFunc(parts, func(a, b Partition) int { return int(a.Index) - int(b.Index) })
	for i := range parts {
		if parts[i].Index != int32(i) {
			return damaged("topic %s lacks partition %d", strconv.Quote(t.Name), i)
		}
		if s := e.img.byPart.shards[partHash(parts[i].ID)]; contains(s, parts[i].ID) {
			return damaged("part id %d is there twice", parts[i].ID)
		}
	}
	t.Partitions = slices.Clip(parts)
	if e.img.sameFold(t.Name) != nil || e.img.TopicByID(t.ID) != nil {
		return damaged("topic %s is there twice", strconv.Quote(t.Name))
	}
	e.setTopic(nil, t)
	return nil
}

func contains(refs []partRef, id uint32) bool {
	_, ok := slices.BinarySearchFunc(refs, id, cmpPart)
	return ok
}

// addOrigins rebuilds the memory of requests by adding the answers in the order they were given.
func (l *loader) addOrigins() error {
	order := make([]int, len(l.answers))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		if l.answers[a].index < l.answers[b].index {
			return -1
		}
		return 1
	})
	for _, i := range order {
		a, o := l.answers[i], l.origins[l.whose[i]]
		if o == nil || a.seq == 0 || a.index <= o.last || a.index > l.img.index || a.gen < o.gen || o.prev.n > 0 && a.gen > o.gen {
			return damaged("the remembered request %d of node %d does not fit", a.seq, l.whose[i].Node)
		}
		if o.cur.n > 0 && a.gen != o.gen {
			o.prev, o.cur = o.cur, answers{}
		}
		o.gen, a.next = a.gen, o.cur.head
		o.cur = answers{head: a, n: o.cur.n + 1, bytes: o.cur.bytes + len(a.result)}
		o.highest, o.last = max(o.highest, a.seq), a.index
	}
	for _, o := range l.origins {
		o.highest = max(o.highest, o.floor)
		if o.cur.n == 0 {
			return damaged("node %d has no remembered request", o.node)
		}
		l.img.origins = append(l.img.origins, o)
	}
	slices.SortFunc(l.img.origins, func(a, b *origin) int {
		return cmpOrigin(a, RequestID{Node: b.node, Incarnation: b.incarnation})
	})
	return nil
}
