package meta

import (
	"bytes"
	"cmp"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
)

// shape is the inside of an Image. Everything behind a pointer, slice or map is shared with other images and never written to.
type shape struct {
	index        uint64
	clusterID    string
	createdMs    int64
	featureLevel uint32
	nextNode     int32
	nextProducer int64
	nextPart     uint32

	nodes    []Node            // by id
	brokers  []Broker          // by id
	configs  []resourceConfigs // of all but topics, by kind and name; no empty maps
	features []FeatureLevel    // by name: what UpdateFeatures changed
	load     []brokerLoad      // by id; derived from the topics
	byName   *table[*Topic]    // by folded name, which is unique
	byID     *table[*Topic]    // by topic id
	byPart   *table[partRef]   // by partId
	origins  []*origin         // by (node, incarnation)
	sorted   *sortedMemo       // derived on first use
}

// shardCount is into how many pieces the topics are cut: an apply copies only the pieces it changes.
const shardCount = 256

// table is a set in sorted, copy-on-write shards.
type table[V any] struct {
	shards [shardCount][]V
	n      int // members in all shards
}

// resourceConfigs are the settings of a resource that is no topic: a broker ("" or its decimal id), a subscription of client
// metrics, a group.
type resourceConfigs struct {
	kind   ResourceType
	name   string
	values map[string]string
}

type brokerLoad struct {
	id                int32
	replicas, leaders int
}

type partRef struct {
	id    uint32
	index int32
	topic TopicID
}

// sortedMemo remembers the sorted list of an image's topics; images with the same topics share it.
type sortedMemo struct{ list atomic.Pointer[[]*Topic] }

func newSortedMemo() *sortedMemo { return &sortedMemo{} }

func (m *Image) sortedTopics() []*Topic {
	if l := m.sorted.list.Load(); l != nil {
		return *l
	}
	all := make([]*Topic, 0, m.byID.n)
	for i := range m.byName.shards {
		all = append(all, m.byName.shards[i]...)
	}
	slices.SortFunc(all, func(a, b *Topic) int { return strings.Compare(a.Name, b.Name) })
	m.sorted.list.Store(&all) // two goroutines may both build it: the lists are equal
	return all
}

// fold makes '.' and '_' the same, as metric names of Kafka do; topics that differ only by them must not exist side by side.
func fold(c byte) byte {
	if c == '.' {
		return '_'
	}
	return c
}

// foldHash is FNV-1a of the folded name, cut to a shard number.
func foldHash(name string) uint8 {
	h := uint32(2166136261)
	for i := 0; i < len(name); i++ {
		h = (h ^ uint32(fold(name[i]))) * 16777619
	}
	return uint8(h ^ h>>8 ^ h>>16 ^ h>>24)
}

func idHash(id TopicID) uint8 {
	h := uint32(2166136261)
	for _, c := range id {
		h = (h ^ uint32(c)) * 16777619
	}
	return uint8(h ^ h>>8 ^ h>>16 ^ h>>24)
}

// partHash keeps 16 neighbours in one shard, so that a new topic touches few of them.
func partHash(id uint32) uint8 { return uint8(id >> 4) }

func cmpFold(a, b string) int {
	for i := 0; i < len(a) && i < len(b); i++ {
		if x, y := fold(a[i]), fold(b[i]); x != y {
			return cmp.Compare(x, y)
		}
	}
	return cmp.Compare(len(a), len(b))
}

func cmpTopicFold(t *Topic, name string) int { return cmpFold(t.Name, name) }
func cmpTopicID(t *Topic, id TopicID) int    { return bytes.Compare(t.ID[:], id[:]) }
func cmpPart(r partRef, id uint32) int       { return cmp.Compare(r.id, id) }
func cmpBroker(b Broker, id int32) int       { return cmp.Compare(b.ID, id) }
func cmpNode(n Node, id int32) int           { return cmp.Compare(n.ID, id) }
func cmpLoad(l brokerLoad, id int32) int     { return cmp.Compare(l.id, id) }

func cmpConfigs(a, b resourceConfigs) int {
	return cmp.Or(cmp.Compare(a.kind, b.kind), strings.Compare(a.name, b.name))
}

// tableEdit changes a table: the array of shards is copied once, and each shard when it is first written.
type tableEdit[V any] struct {
	t     *table[V]
	owned *[shardCount]bool
}

func (e *tableEdit[V]) own(i uint8) *[]V {
	if e.owned == nil {
		c := *e.t
		e.t, e.owned = &c, new([shardCount]bool)
	}
	if !e.owned[i] {
		e.owned[i] = true
		e.t.shards[i] = slices.Clone(e.t.shards[i])
	}
	return &e.t.shards[i]
}

// put inserts v, or replaces what is equal to key. remove takes it away.
func put[K, V any](e *tableEdit[V], shard uint8, key K, cmp func(V, K) int, v V) {
	s := e.own(shard)
	i, found := slices.BinarySearchFunc(*s, key, cmp)
	if found {
		(*s)[i] = v
		return
	}
	*s = slices.Insert(*s, i, v)
	e.t.n++
}

func remove[K, V any](e *tableEdit[V], shard uint8, key K, cmp func(V, K) int) {
	s := e.own(shard)
	if i, found := slices.BinarySearchFunc(*s, key, cmp); found {
		*s = slices.Delete(*s, i, i+1)
		e.t.n--
	}
}

// sameShard reports whether two shards are one piece of memory; shards never shrink or grow in place once published.
func sameShard[V any](a, b []V) bool {
	return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0])
}

func parseMinISR(configs map[string]string) (int, bool) {
	v, ok := configs[minISRKey]
	if !ok {
		return 0, false
	}
	n, err := strconv.Atoi(strings.TrimSpace(v))
	return n, err == nil
}

// title names the resource as Changes.Configs does.
func (c *resourceConfigs) title() string { return resourceText(c.kind) + ":" + c.name }
