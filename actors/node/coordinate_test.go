package node

import (
	"testing"

	"troupe/actors/group"
	"troupe/actors/kit"
	"troupe/actors/meta"
	"troupe/actors/partition"
)

// seen is a context whose actors note the index of the view that is published when they are told something.
type seen struct {
	kit.Context
	o    *Options
	told map[string][]uint64 // by actor
}

func (c *seen) Spawn(name string, _ kit.Actor, _ kit.Options) *kit.Ref {
	return kit.NewRef(name, &seenBox{c, name})
}

func (c *seen) Self() *kit.Ref { return nil }

type seenBox struct {
	c    *seen
	name string
}

func (b *seenBox) Post(m any) bool {
	if _, ok := m.(group.Become); ok {
		b.c.told[b.name] = append(b.c.told[b.name], b.c.o.Published.Get().Image.Index())
	}
	return true
}
func (b *seenBox) TryPost(m any) bool { return b.Post(m) }
func (b *seenBox) Depth() int         { return 0 }

// A coordinator that begins to lead looks into the view for the topics of its offsets, so the view is there before it is told.
func TestCoordinatorFollowsTheView(t *testing.T) {
	n := New(Options{NodeID: 1, Published: &Published{}, Leader: func() int32 { return 1 }})
	c := &seen{o: &n.o, told: map[string][]uint64{}}
	n.coordinating = true
	n.image = meta.NewImage().WithIndex(7)
	topic := &meta.Topic{ID: meta.TopicID{1}, Name: group.Topic, Partitions: []meta.Partition{{ID: 3, Replicas: []int32{1}, ISR: []int32{1}, Leader: 1}}}
	e := edit(n.view)
	n.become(c, e, topic, &topic.Partitions[0], partition.Config{})
	if len(c.told) != 0 {
		t.Fatalf("told before the view: %v", c.told)
	}
	n.publish(e)
	if got := c.told[group.ShardName(0)]; len(got) != 1 || got[0] != 7 {
		t.Errorf("told at the views %v", c.told)
	}
}
