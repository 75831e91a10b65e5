package meta

import (
	"bytes"
	"cmp"
	"maps"
	"slices"
)

// Diff is what turns the records of old into those of new, a later state of the same log, reached by applies or by a snapshot. It costs
// as much as has changed: shared pieces are skipped unseen. Records are to be written in their order, in one batch.
func Diff(old, new *Image) []Record {
	d := &differ{}
	if old.index != new.index {
		d.out = append(d.out, recordApplied(new))
	}
	if a, b := recordCluster(old), recordCluster(new); !bytes.Equal(a.Value, b.Value) {
		d.out = append(d.out, b)
	}
	if !sameShard(old.nodes, new.nodes) {
		merge(old.nodes, new.nodes, func(a, b Node) int { return cmp.Compare(a.ID, b.ID) },
			func(a, b *Node) {
				d.pair(a != nil, func() Record { return recordNode(a) }, b != nil, func() Record { return recordNode(b) })
			})
	}
	if !sameShard(old.brokers, new.brokers) {
		merge(old.brokers, new.brokers, func(a, b Broker) int { return cmp.Compare(a.ID, b.ID) },
			func(a, b *Broker) {
				d.pair(a != nil, func() Record { return recordBroker(a) }, b != nil, func() Record { return recordBroker(b) })
			})
	}
	if !sameShard(old.configs, new.configs) {
		merge(old.configs, new.configs, cmpConfigs, func(a, b *resourceConfigs) {
			d.pair(a != nil, func() Record { return recordConfigs(a) }, b != nil, func() Record { return recordConfigs(b) })
		})
	}
	if !sameShard(old.features, new.features) {
		merge(old.features, new.features, func(a, b FeatureLevel) int { return cmpFeature(a, b.Name) },
			func(a, b *FeatureLevel) {
				d.pair(a != nil, func() Record { return recordFeature(a) }, b != nil, func() Record { return recordFeature(b) })
			})
	}
	if old.byID != new.byID {
		for i := range new.byID.shards {
			if !sameShard(old.byID.shards[i], new.byID.shards[i]) {
				merge(old.byID.shards[i], new.byID.shards[i], func(a, b *Topic) int { return bytes.Compare(a.ID[:], b.ID[:]) }, d.topics)
			}
		}
	}
	if !sameShard(old.origins, new.origins) {
		merge(old.origins, new.origins, func(a, b *origin) int {
			return cmpOrigin(a, RequestID{Node: b.node, Incarnation: b.incarnation})
		}, d.requests)
	}
	return d.out
}

type differ struct{ out []Record }

// merge walks two sorted lists side by side; what is only in one is given with nil for the other.
func merge[V any](a, b []V, order func(a, b V) int, f func(a, b *V)) {
	for len(a) > 0 || len(b) > 0 {
		switch {
		case len(b) == 0 || len(a) > 0 && order(a[0], b[0]) < 0:
			f(&a[0], nil)
			a = a[1:]
		case len(a) == 0 || order(a[0], b[0]) > 0:
			f(nil, &b[0])
			b = b[1:]
		default:
			f(&a[0], &b[0])
			a, b = a[1:], b[1:]
		}
	}
}

// pair writes the record of one thing that was, is, or both.
func (d *differ) pair(was bool, old func() Record, is bool, new func() Record) {
	switch {
	case !is:
		d.out = append(d.out, Record{Key: old().Key})
	case !was:
		d.out = append(d.out, new())
	default:
		if n := new(); !bytes.Equal(old().Value, n.Value) {
			d.out = append(d.out, n)
		}
	}
}

func (d *differ) topics(a, b **Topic) {
	switch {
	case b == nil:
		t := *a
		d.out = append(d.out, Record{Key: keyOfTopic(t.ID)})
		for i := range t.Partitions {
			d.out = append(d.out, Record{Key: keyOfPartition(t.ID, i)})
		}
	case a == nil:
		t := *b
		d.out = append(d.out, recordTopic(t))
		for i := range t.Partitions {
			d.out = append(d.out, recordPartition(t, &t.Partitions[i]))
		}
	case *a != *b:
		d.topic(*a, *b)
	}
}

// Compare lists what differs between an image and a later one of the same log, for the node that installed a snapshot; Reset is set.
// Topics come in order of their ids.
func Compare(old, new *Image) Changes {
	c := Changes{Reset: true}
	for i := range new.byID.shards {
		merge(old.byID.shards[i], new.byID.shards[i], func(a, b *Topic) int { return bytes.Compare(a.ID[:], b.ID[:]) }, func(a, b **Topic) {
			switch {
			case a == nil:
				c.Topics = append(c.Topics, TopicChange{New: *b})
			case b == nil:
				c.Topics = append(c.Topics, TopicChange{Old: *a})
			case !sameTopic(*a, *b):
				c.Topics = append(c.Topics, TopicChange{Old: *a, New: *b})
			}
		})
	}
	slices.SortFunc(c.Topics, func(a, b TopicChange) int {
		x, y := topicOf(a.Old, a.New), topicOf(b.Old, b.New)
		return bytes.Compare(x.ID[:], y.ID[:])
	})
	for _, t := range c.Topics {
		if !maps.Equal(configsOf(t.Old), configsOf(t.New)) {
			c.Configs = append(c.Configs, "topic:"+topicOf(t.Old, t.New).Name)
		}
	}
	merge(old.brokers, new.brokers, func(a, b Broker) int { return cmp.Compare(a.ID, b.ID) }, func(a, b *Broker) {
		switch {
		case b == nil:
			c.Brokers = append(c.Brokers, a.ID)
		case a == nil || !bytes.Equal(recordBroker(a).Value, recordBroker(b).Value):
			c.Brokers = append(c.Brokers, b.ID)
		}
	})
	merge(old.configs, new.configs, cmpConfigs, func(a, b *resourceConfigs) {
		switch {
		case b == nil:
			c.Configs = append(c.Configs, a.title())
		case a == nil || !maps.Equal(a.values, b.values):
			c.Configs = append(c.Configs, b.title())
		}
	})
	return c
}

func configsOf(t *Topic) map[string]string {
	if t == nil {
		return nil
	}
	return t.Configs
}

func sameTopic(a, b *Topic) bool {
	return a == b || sameHeader(a, b) && slices.EqualFunc(a.Partitions, b.Partitions, func(x, y Partition) bool { return samePartition(&x, &y) })
}

func sameHeader(a, b *Topic) bool {
	return a.Name == b.Name && a.Internal == b.Internal && a.RFAuto == b.RFAuto && a.MinISRAuto == b.MinISRAuto &&
		len(a.Partitions) == len(b.Partitions) && maps.Equal(a.Configs, b.Configs)
}

// topic compares two states of one topic; it has fewer partitions only if it was deleted and made again under its id.
func (d *differ) topic(old, new *Topic) {
	if !sameHeader(old, new) {
		d.out = append(d.out, recordTopic(new))
	}
	for i := range new.Partitions {
		p := &new.Partitions[i]
		if i >= len(old.Partitions) || !samePartition(&old.Partitions[i], p) {
			d.out = append(d.out, recordPartition(new, p))
		}
	}
	for i := len(new.Partitions); i < len(old.Partitions); i++ {
		d.out = append(d.out, Record{Key: keyOfPartition(old.ID, i)})
	}
}

func samePartition(a, b *Partition) bool {
	return a.ID == b.ID && a.Leader == b.Leader && a.LeaderEpoch == b.LeaderEpoch && a.PartitionEpoch == b.PartitionEpoch &&
		slices.Equal(a.Replicas, b.Replicas) && slices.Equal(a.ISR, b.ISR) && slices.Equal(a.ELR, b.ELR) &&
		slices.Equal(a.Adding, b.Adding) && slices.Equal(a.Removing, b.Removing) && a.Recovering == b.Recovering
}

func (d *differ) requests(a, b **origin) {
	if b == nil {
		o := *a
		d.out = append(d.out, Record{Key: keyOfOrigin(keyOrigin, o)})
		for x := range o.answers() {
			d.out = append(d.out, Record{Key: keyOfAnswer(o, x)})
		}
		return
	}
	o := *b
	if a == nil {
		d.out = append(d.out, recordOrigin(o))
		for x := range o.answers() {
			d.out = append(d.out, recordAnswer(o, x))
		}
		return
	}
	was := *a
	if was == o {
		return
	}
	if was.born != o.born { // forgotten in between, and seen again
		d.requests(a, nil)
		d.requests(nil, b)
		return
	}
	if was.floor != o.floor {
		d.out = append(d.out, recordOrigin(o))
	}
	for x := range o.answers() { // newest first, so the first one known ends it
		if x.index <= was.last {
			break
		}
		d.out = append(d.out, recordAnswer(o, x))
	}
	if was.gen == o.gen {
		return
	}
	for x := range was.answers() {
		if x.gen+1 < o.gen {
			d.out = append(d.out, Record{Key: keyOfAnswer(was, x)})
		}
	}
}
