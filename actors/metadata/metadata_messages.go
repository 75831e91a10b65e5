package metadata

import (
	"fmt"

	"troupe/actors/kit"
	"troupe/actors/meta"
)

// Changed says that the image moved. The node reconciles its partitions, publishes the image, then says Seen; only then
// are the proposers answered, so who got an OK sees his topic here.
//
// From: metadata, once per apply batch. Answer: Seen.
type Changed struct {
	kit.Ask
	Image   *meta.Image
	Changes meta.Changes
}

// Seen answers Changed.
//
// From: node.
type Seen struct{ *Changed }

// String is how it writes itself in traces.
func (c *Changed) String() string {
	if c.Changes.Reset {
		return fmt.Sprintf("index %d: everything", c.Image.Index())
	}
	var topics []string
	for _, t := range c.Changes.Topics {
		switch {
		case t.New == nil:
			topics = append(topics, "-"+t.Old.Name)
		case t.Old == nil:
			topics = append(topics, "+"+t.New.Name)
		default:
			topics = append(topics, t.New.Name)
		}
	}
	return fmt.Sprintf("index %d: topics %v brokers %v configs %v", c.Image.Index(), topics, c.Changes.Brokers, c.Changes.Configs)
}

// Refuse implements kit.Refuser.
func (c *Changed) Refuse() { c.Reply(Seen{c}) }

// Subscribe makes the asker the one who hears Changed. The current image is sent at once.
//
// From: node.
type Subscribe struct{ Node *kit.Ref }

// stored says that the store holds an image.
//
// From: metadata (pool).
type stored struct {
	image *meta.Image
	err   error
}

// installed says that the store was replaced by a snapshot.
//
// From: metadata (pool).
type installed struct {
	image *meta.Image
	err   error
}

// expire says that a proposal may be past its deadline.
//
// From: metadata (timer).
type expire struct{}

// again says that dropped proposals are to be entered again.
//
// From: metadata (timer).
type again struct{}
