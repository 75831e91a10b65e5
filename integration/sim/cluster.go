package sim

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"troupe/actors/meta"
	"troupe/actors/node"
	"troupe/raftnode"
)

// topicState is what the admins know of a topic.
type topicState uint8

const (
	topicAsked   topicState = iota // proposed; the outcome is not known yet
	topicMade                      // acknowledged: must be in every image
	topicRefused                   // acknowledged that it was not made: must be in none
	topicLeaving                   // its deletion is proposed
	topicDeleted                   // acknowledged: must be in no image
)

// topic is one topic as the admins asked for it.
type topic struct {
	meta.NewTopic
	state      topicState
	index      uint64 // Raft index of the last acknowledged change
	partitions int    // acknowledged
	cleans     bool   // retention may delete its records
	compacts   bool   // only the last record of a key must stay
	weak       bool   // flush.policy=os: what is acknowledged may be lost in a crash
}

// clusterBook is what is known of the cluster's facts, in all lives.
type clusterBook struct {
	topics  []*topic
	acked   uint64            // greatest Raft index of an acknowledged command
	hashes  map[uint64]uint64 // of the image at an index
	epochs  map[int32]int64   // by broker: of the last registration seen
	given   map[int64]bool    // producer ids
	made    uint64
	deleted uint64
	configs map[meta.TopicID]setting // acknowledged settings
}

type setting struct {
	key, value string
	index      uint64
}

func newClusterBook() *clusterBook {
	return &clusterBook{hashes: map[uint64]uint64{}, epochs: map[int32]int64{}, given: map[int64]bool{}, configs: map[meta.TopicID]setting{}}
}

// live lists the topics that may be written to, in the order in which they were asked for.
func (b *clusterBook) live() (out []*topic) {
	for _, t := range b.topics {
		if t.state == topicMade {
			out = append(out, t)
		}
	}
	return out
}

// lifeBook is what was seen in the present life of the broker.
type lifeBook struct {
	view    *node.View
	named   map[string]bool          // partition actors that an image of this life named
	leaving map[string]time.Duration // named no more, since when
	raft    raftnode.Status
	behind  time.Duration // since when entries are committed and not applied; 0: they are not
}

// leaveWithin bounds how long a partition actor may live on when the image has ceased to name it.
const leaveWithin = 30 * time.Second

// checkView looks at a newly published view.
func (w *World) checkView(v *node.View) error {
	b, img := w.cluster, v.Image
	if old := w.life.view; old != nil && img.Index() < old.Image.Index() {
		return fmt.Errorf("the published image went back from %d to %d", old.Image.Index(), img.Index())
	}
	if w.life.view == nil || w.life.view.Image != img {
		if err := b.checkImage(img); err != nil {
			return err
		}
	}
	w.life.view = v
	for t := range img.Topics() {
		for i := range t.Partitions {
			w.life.named[node.PartitionName(t.ID, int32(i))] = true
		}
	}
	return nil
}

func (b *clusterBook) checkImage(img *meta.Image) error {
	if err := meta.Check(img); err != nil {
		return fmt.Errorf("the image at %d is wrong: %w", img.Index(), err)
	}
	h := img.Hash()
	if was, ok := b.hashes[img.Index()]; ok && was != h {
		return fmt.Errorf("the image at %d is another one than before", img.Index())
	}
	b.hashes[img.Index()] = h
	for _, x := range img.Brokers() {
		was := b.epochs[x.ID]
		if x.Epoch < was && img.Index() >= uint64(was) {
			return fmt.Errorf("the epoch of broker %d went back from %d to %d", x.ID, was, x.Epoch)
		}
		b.epochs[x.ID] = max(was, x.Epoch)
	}
	for _, t := range b.topics {
		if err := b.checkTopic(img, t); err != nil {
			return err
		}
	}
	return nil
}

func (b *clusterBook) checkTopic(img *meta.Image, t *topic) error {
	if img.Index() < t.index {
		return nil // an image of a start that has not caught up yet
	}
	x := img.TopicByID(t.ID)
	switch {
	case t.state == topicMade && x == nil:
		return fmt.Errorf("topic %s was made at index %d, and is not in the image at %d", t.Name, t.index, img.Index())
	case (t.state == topicDeleted || t.state == topicRefused) && x != nil:
		return fmt.Errorf("topic %s was deleted or refused at index %d, and is in the image at %d", t.Name, t.index, img.Index())
	case t.state == topicMade && (x.Name != t.Name || len(x.Partitions) < t.partitions):
		return fmt.Errorf("topic %s has %d partitions at %d, and had %d at %d", x.Name, len(x.Partitions), img.Index(), t.partitions, t.index)
	}
	if s, ok := b.configs[t.ID]; ok && t.state == topicMade && s.index <= img.Index() && x.Configs[s.key] != s.value {
		return fmt.Errorf("topic %s: %s was set to %s at %d, and is %q at %d", t.Name, s.key, s.value, s.index, x.Configs[s.key], img.Index())
	}
	return nil
}

// ackedAt notes that somebody was told that a command was applied at an index: the published view must show it already.
func (w *World) ackedAt(index uint64) {
	w.cluster.acked = max(w.cluster.acked, index)
	if at := w.broker.Published.Get().Image.Index(); at < index {
		w.Fail("a command was acknowledged at index %d, and the published image is at %d", index, at)
	}
}

// checkActors: a partition actor lives only if the image names it, or named it and it is being left.
func (w *World) checkActors() error {
	img := w.broker.Published.Get().Image
	for _, name := range w.node.Actors() {
		id, ok := strings.CutPrefix(name, "partition/")
		if !ok {
			continue
		}
		if named(img, id) {
			delete(w.life.leaving, name)
			continue
		}
		since, ok := w.life.leaving[name]
		switch {
		case !w.life.named[name]:
			return fmt.Errorf("actor %s lives, and no image names it", name)
		case !ok:
			w.life.leaving[name] = w.Now()
		case w.Now()-since > leaveWithin:
			return fmt.Errorf("actor %s still lives %s after the image ceased to name it", name, w.Now()-since)
		}
	}
	return nil
}

// checkRaft: indexes do not go back, and what is committed is applied soon.
func (w *World) checkRaft() error {
	was, r := w.life.raft, w.broker.Board.Status()
	w.life.raft = r
	if r.Term > was.Term {
		w.elections++
	}
	switch {
	case r.Persisted < was.Persisted || r.Committed < was.Committed || r.Applied < was.Applied || r.Image < was.Image || r.Term < was.Term:
		return fmt.Errorf("the metadata log went back: persisted %d, committed %d, applied %d, term %d after %d, %d, %d, %d",
			r.Persisted, r.Committed, r.Applied, r.Term, was.Persisted, was.Committed, was.Applied, was.Term)
	case r.Committed > r.Persisted || r.Applied > r.Committed:
		return fmt.Errorf("the metadata log is persisted up to %d, committed up to %d and applied up to %d", r.Persisted, r.Committed, r.Applied)
	case r.Committed == r.Applied:
		w.life.behind = 0
	case w.life.behind == 0:
		w.life.behind = w.Now()
	case w.Now()-w.life.behind > patience:
		return fmt.Errorf("entries are committed up to %d and applied up to %d only, since %s", r.Committed, r.Applied, w.life.behind)
	}
	return nil
}

// named says whether the image names the partition that calls itself <topicId>-<n>.
func named(img *meta.Image, name string) bool { return partitionOf(img, name) != nil }

// partitionOf is the partition that calls itself <topicId>-<n>; nil: the image names none.
func partitionOf(img *meta.Image, name string) *meta.Partition {
	at := strings.LastIndexByte(name, '-')
	id, ok := meta.ParseTopicID(name[:max(at, 0)])
	if !ok || img == nil {
		return nil
	}
	t := img.TopicByID(id)
	n, err := strconv.Atoi(name[at+1:])
	if err != nil || t == nil || n >= len(t.Partitions) {
		return nil
	}
	return &t.Partitions[n]
}

// checkStore: the store holds data of partitions only that the image names.
func (w *World) checkStore() error {
	ids, err := w.broker.Data.Partitions()
	if err != nil {
		return err
	}
	img := w.broker.Published.Get().Image
	strays := slices.DeleteFunc(ids, func(id uint32) bool { t, _ := img.ByPartID(id); return t != nil })
	if len(strays) > 0 {
		return fmt.Errorf("the store holds partitions %v, which the image at %d does not name", strays, img.Index())
	}
	return nil
}
