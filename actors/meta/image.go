package meta

import (
	"iter"
	"net"
	"slices"
	"strconv"
	"strings"
)

// TopicID is a topic's UUID. The zero value names no topic.
type TopicID [16]byte

// NoLeader is the leader of a partition that has none.
const NoLeader int32 = -1

// Endpoint is one address under which a broker serves clients.
type Endpoint struct {
	Name string // listener name, e.g. PLAINTEXT
	Host string
	Port uint16
}

// Node is a machine's place in the cluster: given once, never reused.
type Node struct {
	ID        int32  // at least 1
	RaftID    uint64 // generation<<32 | ID; a node that lost its disk comes back with the next generation
	StoreID   [16]byte
	Endpoints []Endpoint
	Version   string
	Removed   bool // it has left for good; its Raft id stays known, so that it is not given again
}

// Feature is a range of levels of one named feature that a broker supports.
type Feature struct {
	Name     string
	Min, Max int16
}

// Broker is a registered broker. Epoch is the Raft index of its registration.
type Broker struct {
	ID                   int32
	Epoch                int64
	Incarnation          [16]byte
	StoreID              [16]byte
	Listeners            []Endpoint
	Rack                 string // "" = none
	Fenced               bool
	InControlledShutdown bool
	Features             []Feature
	LogDirs              [][16]byte
}

// Partition is what the cluster agrees on about one partition.
// Invariants: ISR ⊆ Replicas; ELR ∩ ISR = ∅; Leader is NoLeader or in ISR; epochs only grow.
type Partition struct {
	ID             uint32 // partId: key prefix in storage, given at apply, never reused
	Index          int32  // number within the topic
	Replicas       []int32
	ISR            []int32
	ELR            []int32
	Leader         int32
	LeaderEpoch    int32
	PartitionEpoch int32
	Adding         []int32 // replicas that a reassignment brings; ⊆ Replicas
	Removing       []int32 // replicas that go when it ends; ⊆ Replicas
	Recovering     bool    // its leader was elected uncleanly and has not said that it is ready: it is alone in the ISR
}

// Topic is one topic of the image. It is immutable: an apply makes a new one.
type Topic struct {
	ID         TopicID
	Name       string
	Internal   bool
	RFAuto     bool // replication factor was chosen by the cluster and grows with it
	MinISRAuto bool
	Partitions []Partition // by number
	Configs    map[string]string
}

// Image is the state of the cluster at one Raft index. It is immutable and shares structure with its neighbours:
// topics sit in 256 copy-on-write shards, so an apply costs O(changed).
//
// All reads are safe for any goroutine. What they return belongs to the image and is never written to, slices and maps included.
type Image struct {
	shape
}

// NewImage is the state before the first entry: no cluster, no nodes, index 0.
func NewImage() *Image {
	return &Image{shape{
		nextNode: 1, nextPart: 1,
		byName: &table[*Topic]{}, byID: &table[*Topic]{}, byPart: &table[partRef]{},
		sorted: newSortedMemo(),
	}}
}

// Index is the Raft index of the last applied entry.
func (m *Image) Index() uint64 { return m.index }

// ClusterID is 22 characters of base64url, "" before InitCluster.
func (m *Image) ClusterID() string { return m.clusterID }

// CreatedMs is when the cluster was made, by the clock of the node that made it.
func (m *Image) CreatedMs() int64 { return m.createdMs }

// FeatureLevel gates changed decisions of Apply; 0 before InitCluster.
func (m *Image) FeatureLevel() uint32 { return m.featureLevel }

// NextProducerID is the first producer id that no broker has been given.
func (m *Image) NextProducerID() int64 { return m.nextProducer }

// Topic finds a topic by its exact name; nil if there is none.
func (m *Image) Topic(name string) *Topic {
	if t := m.sameFold(name); t != nil && t.Name == name {
		return t
	}
	return nil
}

// sameFold finds the one topic whose name equals the given one once '.' and '_' count as the same; nil if there is none.
func (m *Image) sameFold(name string) *Topic {
	s := m.byName.shards[foldHash(name)]
	if i, ok := slices.BinarySearchFunc(s, name, cmpTopicFold); ok {
		return s[i]
	}
	return nil
}

// TopicByID finds a topic by its id; nil if there is none.
func (m *Image) TopicByID(id TopicID) *Topic {
	s := m.byID.shards[idHash(id)]
	if i, ok := slices.BinarySearchFunc(s, id, cmpTopicID); ok {
		return s[i]
	}
	return nil
}

// Topics walks all topics, sorted by name.
func (m *Image) Topics() iter.Seq[*Topic] { return slices.Values(m.sortedTopics()) }

// SortedTopics are all topics, sorted by name: the image's own list, not to be changed.
func (m *Image) SortedTopics() []*Topic { return m.sortedTopics() }

// TopicsFrom walks, sorted by name, the topics whose name is not less than the given one.
func (m *Image) TopicsFrom(name string) iter.Seq[*Topic] {
	all := m.sortedTopics()
	i, _ := slices.BinarySearchFunc(all, name, func(t *Topic, n string) int { return strings.Compare(t.Name, n) })
	return slices.Values(all[i:])
}

// TopicCount is the number of topics.
func (m *Image) TopicCount() int { return m.byID.n }

// PartitionCount is the number of partitions of all topics.
func (m *Image) PartitionCount() int { return m.byPart.n }

// Broker finds a registered broker; nil if there is none.
func (m *Image) Broker(id int32) *Broker {
	if i, ok := slices.BinarySearchFunc(m.brokers, id, cmpBroker); ok {
		return &m.brokers[i]
	}
	return nil
}

// Brokers are the registered ones sorted by id, fenced ones too.
func (m *Image) Brokers() []Broker { return slices.Clip(m.brokers) }

// Node finds a node; nil if there is none.
func (m *Image) Node(id int32) *Node {
	if n := m.nodeEver(id); n != nil && !n.Removed {
		return n
	}
	return nil
}

// nodeEver finds a node, or what is remembered of one that has left; nil if the id was never given.
func (m *Image) nodeEver(id int32) *Node {
	if i, ok := slices.BinarySearchFunc(m.nodes, id, cmpNode); ok {
		return &m.nodes[i]
	}
	return nil
}

// LeftForGood reports whether a node was removed from the cluster under a Raft id, or under one that came after it.
func (m *Image) LeftForGood(id int32, raftID uint64) bool {
	n := m.nodeEver(id)
	return n != nil && n.Removed && n.RaftID >= raftID
}

// Nodes are all nodes of the cluster sorted by id.
func (m *Image) Nodes() []Node {
	return slices.DeleteFunc(slices.Clone(m.nodes), func(n Node) bool { return n.Removed })
}

// ByPartID finds a partition by its storage prefix; nil, nil if it is unknown.
func (m *Image) ByPartID(id uint32) (*Topic, *Partition) {
	s := m.byPart.shards[partHash(id)]
	i, ok := slices.BinarySearchFunc(s, id, cmpPart)
	if !ok {
		return nil, nil
	}
	t := m.TopicByID(s[i].topic)
	return t, &t.Partitions[s[i].index]
}

// ResourceConfigs are the settings of a resource that is no topic; nil if there are none.
func (m *Image) ResourceConfigs(kind ResourceType, name string) map[string]string {
	want := resourceConfigs{kind: kind, name: name}
	if i, ok := slices.BinarySearchFunc(m.configs, want, cmpConfigs); ok {
		return m.configs[i].values
	}
	return nil
}

// ConfiguredResources are the names of the resources of a kind that have settings, sorted. The kind is not that of topics.
func (m *Image) ConfiguredResources(kind ResourceType) (names []string) {
	from, _ := slices.BinarySearchFunc(m.configs, resourceConfigs{kind: kind}, cmpConfigs)
	for _, c := range m.configs[from:] {
		if c.kind != kind {
			break
		}
		names = append(names, c.name)
	}
	return names
}

// BrokerConfigs are the dynamic settings of one broker by its decimal id, or with "" the cluster-wide defaults; nil if there are none.
func (m *Image) BrokerConfigs(id string) map[string]string {
	return m.ResourceConfigs(BrokerResource, id)
}

// BrokerConfig is one dynamic setting of a broker ("" = cluster-wide default), and whether it is set.
func (m *Image) BrokerConfig(id, key string) (string, bool) {
	v, ok := m.BrokerConfigs(id)[key]
	return v, ok
}

// Load is how many replicas a broker holds and how many partitions it leads.
func (m *Image) Load(id int32) (replicas, leaders int) {
	if i, ok := slices.BinarySearchFunc(m.load, id, cmpLoad); ok {
		return m.load[i].replicas, m.load[i].leaders
	}
	return 0, 0
}

// WithIndex is the same state at a later Raft index, for entries that carry no command (a new leader's empty entry, a conf change).
func (m *Image) WithIndex(index uint64) *Image {
	mustAdvance(m, index)
	n := *m
	n.index = index
	return &n
}

// MinISR is the number of in-sync replicas below which acks=all is refused: the topic's own setting, else the cluster-wide dynamic
// default, else max(1, replicas−1) for a topic that left the choice to the cluster, else 1; never more than the replicas there are.
// A broker's static min.insync.replicas takes no part: the nodes would compute different results. InitCluster.Configs carries it.
func (m *Image) MinISR(t *Topic, replicas int) int {
	n, ok := parseMinISR(t.Configs)
	if !ok {
		n, ok = parseMinISR(m.BrokerConfigs(""))
	}
	switch {
	case ok:
	case t.MinISRAuto:
		n = replicas - 1
	default:
		n = 1
	}
	return max(1, min(n, replicas))
}

// PeerListener is the name of the endpoint of a node that is for other brokers.
const PeerListener = "PEER"

// PeerAddress is where other brokers reach a node, as HOST:PORT; "" if nobody knows: it dials them.
func PeerAddress(n *Node) string {
	for _, e := range n.Endpoints {
		if e.Name == PeerListener {
			return net.JoinHostPort(e.Host, strconv.Itoa(int(e.Port)))
		}
	}
	return ""
}
