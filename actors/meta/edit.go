package meta

import (
	"fmt"
	"slices"
)

// edit is one apply under way: a copy of the image whose parts are cloned when they are first changed.
type edit struct {
	old, img *Image
	name, id tableEdit[*Topic]
	part     tableEdit[partRef]
	ownLoad  bool
	seen     map[TopicID]int // place in changes.Topics
	changes  Changes
}

func newEdit(img *Image, index uint64) *edit {
	next := *img
	next.index = index
	return &edit{old: img, img: &next, name: tableEdit[*Topic]{t: img.byName},
		id: tableEdit[*Topic]{t: img.byID}, part: tableEdit[partRef]{t: img.byPart}}
}

// sync makes the new image see the tables as they are now; the rest is written to it directly.
func (e *edit) sync() {
	e.img.byName, e.img.byID, e.img.byPart = e.name.t, e.id.t, e.part.t
}

func (e *edit) finish() (*Image, Changes) {
	e.sync()
	if len(e.changes.Topics) > 0 {
		e.img.sorted = newSortedMemo()
	}
	e.changes.Topics = slices.DeleteFunc(e.changes.Topics, func(c TopicChange) bool { return c.Old == c.New })
	return e.img, e.changes
}

// setTopic replaces old by new; old is nil for a new topic and new is nil for a deleted one. Replicas and partIds of new are final.
func (e *edit) setTopic(old, new *Topic) {
	e.countLoad(old, -1)
	e.countLoad(new, +1)
	if new == nil {
		remove(&e.name, foldHash(old.Name), old.Name, cmpTopicFold)
		remove(&e.id, idHash(old.ID), old.ID, cmpTopicID)
		for i := range old.Partitions {
			remove(&e.part, partHash(old.Partitions[i].ID), old.Partitions[i].ID, cmpPart)
		}
	} else {
		put(&e.name, foldHash(new.Name), new.Name, cmpTopicFold, new)
		put(&e.id, idHash(new.ID), new.ID, cmpTopicID, new)
		from := 0
		if old != nil {
			from = len(old.Partitions)
		}
		for i := from; i < len(new.Partitions); i++ {
			p := &new.Partitions[i]
			put(&e.part, partHash(p.ID), p.ID, cmpPart, partRef{id: p.ID, index: int32(i), topic: new.ID})
		}
	}
	e.sync()
	e.noteTopic(old, new)
}

// noteTopic keeps one change per topic and command, from the first old to the last new.
func (e *edit) noteTopic(old, new *Topic) {
	id := topicOf(old, new).ID
	if i, ok := e.seen[id]; ok {
		e.changes.Topics[i].New = new
		return
	}
	if e.seen == nil {
		e.seen = make(map[TopicID]int)
	}
	e.seen[id] = len(e.changes.Topics)
	e.changes.Topics = append(e.changes.Topics, TopicChange{Old: old, New: new})
}

func topicOf(old, new *Topic) *Topic {
	if old != nil {
		return old
	}
	return new
}

func (e *edit) countLoad(t *Topic, d int) {
	if t == nil {
		return
	}
	for i := range t.Partitions {
		p := &t.Partitions[i]
		for _, r := range p.Replicas {
			e.loadOf(r).replicas += d
		}
		if p.Leader != NoLeader {
			e.loadOf(p.Leader).leaders += d
		}
	}
}

func (e *edit) loadOf(id int32) *brokerLoad {
	if !e.ownLoad {
		e.ownLoad = true
		e.img.load = slices.Clone(e.img.load)
	}
	i, ok := slices.BinarySearchFunc(e.img.load, id, cmpLoad)
	if !ok {
		e.img.load = slices.Insert(e.img.load, i, brokerLoad{id: id})
	}
	return &e.img.load[i]
}

// setBroker writes a broker's record and notes the change.
func (e *edit) setBroker(b Broker) {
	i, ok := slices.BinarySearchFunc(e.img.brokers, b.ID, cmpBroker)
	e.img.brokers = slices.Clone(e.img.brokers)
	if ok {
		e.img.brokers[i] = b
	} else {
		e.img.brokers = slices.Insert(e.img.brokers, i, b)
	}
	if !slices.Contains(e.changes.Brokers, b.ID) {
		e.changes.Brokers = append(e.changes.Brokers, b.ID)
	}
}

// dropBroker takes a broker's record away.
func (e *edit) dropBroker(id int32) {
	i, _ := slices.BinarySearchFunc(e.img.brokers, id, cmpBroker)
	e.img.brokers = slices.Delete(slices.Clone(e.img.brokers), i, i+1)
	e.changes.Brokers = append(e.changes.Brokers, id)
}

// setNode writes a node's record and keeps nextNode above all ids ever given.
func (e *edit) setNode(n Node) {
	i, ok := slices.BinarySearchFunc(e.img.nodes, n.ID, cmpNode)
	e.img.nodes = slices.Clone(e.img.nodes)
	if ok {
		e.img.nodes[i] = n
	} else {
		e.img.nodes = slices.Insert(e.img.nodes, i, n)
	}
	e.img.nextNode = max(e.img.nextNode, n.ID+1)
}

// setConfigs replaces the settings of a resource that is no topic; an empty map takes the line away.
func (e *edit) setConfigs(c resourceConfigs) {
	i, ok := slices.BinarySearchFunc(e.img.configs, c, cmpConfigs)
	list := slices.Clone(e.img.configs)
	switch {
	case ok && len(c.values) == 0:
		list = slices.Delete(list, i, i+1)
	case ok:
		list[i] = c
	case len(c.values) > 0:
		list = slices.Insert(list, i, c)
	}
	e.img.configs = list
	e.changes.Configs = append(e.changes.Configs, c.title())
}

func mustAdvance(img *Image, index uint64) {
	if index <= img.index {
		panic(fmt.Sprintf("BUG: meta: entry %d applied on an image at index %d", index, img.index))
	}
}
