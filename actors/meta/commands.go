package meta

import "troupe/kafka/code"

// Kind numbers a command in the Raft log. Numbers are never reused; an unknown one stops the node.
type Kind uint16

// The kinds of commands.
const (
	KindInitCluster             Kind = 1
	KindAddNode                 Kind = 2
	KindRegisterBroker          Kind = 3
	KindFenceBroker             Kind = 4
	KindUnfenceBroker           Kind = 5
	KindCreateTopics            Kind = 6
	KindDeleteTopics            Kind = 7
	KindCreatePartitions        Kind = 8
	KindIncrementalAlterConfigs Kind = 9
	KindAllocateProducerIds     Kind = 10
	KindUpdateFeatures          Kind = 11
	KindAlterPartition          Kind = 12
	KindResignLeadership        Kind = 13
	KindElectLeaders            Kind = 14
	KindAlterReassignments      Kind = 15
	KindBeginControlledShutdown Kind = 16
	KindUnregisterBroker        Kind = 17
	KindRemoveNode              Kind = 18

	lastKind = KindRemoveNode
)

// RequestID names one proposal. The same id proposed twice is applied once and answered twice.
// An id is spent once it was answered: whoever tries again after a refusal takes a new Seq.
type RequestID struct {
	Node        int32  // who proposes; 0 before the node has an id
	Incarnation uint64 // one run of the node; another run takes another number
	Seq         uint64 // grows by one with each proposal of this run; 0 = not remembered, not deduplicated
}

// Command is an intent; Apply checks it. Every choice (ids, placement, clock) is made by the proposer and carried here.
type Command interface{ Kind() Kind }

// Envelope is what one Raft entry holds.
type Envelope struct {
	ID     RequestID
	TimeMs int64 // the proposer's clock
	Cmd    Command
}

// Result is what Apply says to the proposer. Value depends on the command and is documented there; on an error it is nil.
type Result struct {
	Code    code.Code
	Message string
	Value   any
}

// Changes says what an apply changed, for the node's reconcile.
type Changes struct {
	Topics  []TopicChange // in order of the commands
	Brokers []int32       // ids whose record changed
	Configs []string      // "topic:<name>", "broker:<id>", "broker:" (default), "group:<id>", "client-metrics:<name>"
	Reset   bool          // a snapshot was installed: compare everything
}

// TopicChange names a topic that was made, changed or deleted. Old is nil when made, New is nil when deleted.
type TopicChange struct{ Old, New *Topic }

// InitCluster founds the cluster; every other command before it is refused with NOT_CONTROLLER (and not remembered).
// Again with the same ClusterID it changes nothing and is OK; with another one INCONSISTENT_CLUSTER_ID. Value: nil.
type InitCluster struct {
	ClusterID    string // 22 characters base64url
	CreatedMs    int64
	FeatureLevel uint32 // 1..MaxFeatureLevel
	Founders     []Node // at least one, all ids and store ids different
	// Configs become the cluster-wide dynamic defaults of brokers: what must be the same for Apply on every node,
	// such as a min.insync.replicas that the founder was started with.
	Configs map[string]string
}

// AddNode gives a newcomer its place. A known StoreID gets the same answer again, and what it says of its address and version counts from now on. RequestedID −1 takes the next free id; a taken
// one is given to a new store only while its broker is not serving (else DUPLICATE_BROKER_REGISTRATION), with a new RaftID.
// Value: NodeAdded.
type AddNode struct {
	StoreID     [16]byte
	RequestedID int32 // −1, or at least 1
	Endpoints   []Endpoint
	Version     string
}

// NodeAdded answers AddNode.
type NodeAdded struct {
	NodeID int32
	RaftID uint64
}

// RegisterBroker announces one run of a broker; it starts fenced and its broker epoch is the entry's Raft index. The same incarnation
// again amends the record and keeps the epoch. The same store with a new incarnation is accepted at once: the data dir is locked,
// so the old run is dead, and it leaves its ISRs. Another store under the same id is DUPLICATE_BROKER_REGISTRATION unless the old one
// is fenced or PrevFenced says that the leader saw it die; then the id leaves all ISRs and ELRs, for its data is gone.
// A node that AddNode or InitCluster did not announce is BROKER_ID_NOT_REGISTERED. Value: Registered.
type RegisterBroker struct {
	BrokerID        int32
	Incarnation     [16]byte
	StoreID         [16]byte
	PrevBrokerEpoch int64 // the epoch in the clean shutdown marker, −1 without one
	PrevFenced      bool  // the Raft leader's session of the former store under this id had ended
	Listeners       []Endpoint
	Rack            string
	Features        []Feature
	LogDirs         [][16]byte
}

// Registered answers RegisterBroker.
type Registered struct {
	Epoch  int64
	Fenced bool
}

// FenceBroker takes a broker out of service: out of all ISRs, its leaderships move. STALE_BROKER_EPOCH if it registered anew since,
// BROKER_ID_NOT_REGISTERED if there is none. Fencing a fenced broker is OK. Value: nil.
type FenceBroker struct {
	BrokerID    int32
	BrokerEpoch int64
	Reason      string // for people
}

// UnfenceBroker puts a broker into service: it may lead again and partitions without a leader are looked through.
// Errors as for FenceBroker. Value: nil.
type UnfenceBroker struct {
	BrokerID    int32
	BrokerEpoch int64
}

// CreateTopics makes topics, each judged on its own and in order, so that of colliding names the first wins. Value: []TopicResult.
type CreateTopics struct{ Topics []NewTopic }

// NewTopic is one topic to make. A topic of the same name and ID that exists already is OK: it is the same request again.
type NewTopic struct {
	Name        string
	ID          TopicID   // made by the proposer, never zero
	Assignments [][]int32 // replicas of each partition, the preferred leader first; as many for each partition
	Configs     map[string]string
	RFAuto      bool // the replication factor was left to the cluster and grows with it
	MinISRAuto  bool // min.insync.replicas was left to the cluster: max(1, replicas−1)
	Internal    bool
}

// TopicResult is the answer for one topic, at the place of its request.
type TopicResult struct {
	Name    string  // "" for an unknown id
	ID      TopicID // zero if the topic was not made
	Code    code.Code
	Message string // "" if OK
}

// DeleteTopics deletes topics by id; UNKNOWN_TOPIC_ID for what is not there. Value: []TopicResult.
type DeleteTopics struct{ IDs []TopicID }

// CreatePartitions adds partitions to topics, each judged on its own. Value: []TopicResult.
type CreatePartitions struct{ Topics []MorePartitions }

// MorePartitions raises a topic to Count partitions, if it has Expected ones now.
type MorePartitions struct {
	ID          TopicID
	Expected    int32     // INVALID_PARTITIONS if the topic has another number by now
	Count       int32     // more than Expected
	Assignments [][]int32 // replicas of the Count − Expected new ones
}

// ConfigOp is what IncrementalAlterConfigs does to one key, by Kafka's numbers.
type ConfigOp uint8

// The operations of IncrementalAlterConfigs.
const (
	ConfigSet      ConfigOp = 0
	ConfigDelete   ConfigOp = 1 // back to the default; the value is not looked at
	ConfigAppend   ConfigOp = 2 // lists only: adds the elements that are not there yet
	ConfigSubtract ConfigOp = 3 // lists only
	// ConfigClear drops all settings of the resource, whatever Key and Value are. No client can ask for it: it is what an AlterConfigs
	// begins with, which names all that shall be.
	ConfigClear ConfigOp = 100
)

// ResourceType is what a config belongs to, by Kafka's numbers.
type ResourceType uint8

// The resources that have configs in the image.
const (
	TopicResource         ResourceType = 2
	BrokerResource        ResourceType = 4
	ClientMetricsResource ResourceType = 16
	GroupResource         ResourceType = 32
)

// IncrementalAlterConfigs changes settings; a resource is changed wholly or not at all. Value: []ConfigResult.
type IncrementalAlterConfigs struct{ Resources []AlterResource }

// AlterResource is one resource and what to do to its settings, in order.
type AlterResource struct {
	Type ResourceType
	Name string // a topic, a decimal broker id or "" for the cluster-wide defaults of brokers, a subscription, a group
	Ops  []AlterOp
}

// AlterOp is one change of one key.
type AlterOp struct {
	Op         ConfigOp
	Key, Value string
}

// ConfigResult is the answer for one resource, at the place of its request.
type ConfigResult struct {
	Type    ResourceType
	Name    string
	Code    code.Code
	Message string // "" if OK
}

// AllocateProducerIds gives a broker a block of producer ids that nobody else ever gets. Errors as for FenceBroker. Value: ProducerIDs.
type AllocateProducerIds struct {
	BrokerID    int32
	BrokerEpoch int64
	Count       int32 // 1..MaxProducerIDBlock
}

// ProducerIDs answers AllocateProducerIds: First, First+1, … First+Count−1.
type ProducerIDs struct {
	First int64
	Count int32
}

// UpdateFeatures changes the finalized levels of features, all of them or none: INVALID_UPDATE_VERSION if one cannot be (see
// CheckFeature). A feature that is named twice gets the last level. Value: nil.
type UpdateFeatures struct{ Updates []FeatureUpdate }

// FeatureUpdate gives one feature a level; 0 ends it.
type FeatureUpdate struct {
	Name  string
	Level int16
	Kind  FeatureUpdateKind
}

// FeatureUpdateKind says which way a level may go, by Kafka's numbers (KIP-778).
type FeatureUpdateKind int8

// The kinds of changes of a feature's level.
const (
	FeatureUpgrade         FeatureUpdateKind = 1
	FeatureSafeDowngrade   FeatureUpdateKind = 2
	FeatureUnsafeDowngrade FeatureUpdateKind = 3
)

// Limits that Apply enforces.
const (
	MaxFeatureLevel      = 1
	MaxProducerIDBlock   = 1_000_000
	MaxPartitionsOfTopic = 100_000
	// MaxPartitionsPerRequest is how many partitions one request of a client may make (Kafka: POLICY_VIOLATION beyond).
	MaxPartitionsPerRequest = 10_000
	// MaxConfigOps is how many settings one request may change (Kafka: as many records at once).
	MaxConfigOps = 10_000
	// MaxConfigsOfResource is how many settings one broker may have that no definition knows, and MaxConfiguredResources how many groups and
	// subscriptions may have settings. MaxConfigText bounds a name or a value, in bytes (Kafka: what its records hold).
	MaxConfigsOfResource   = 1_000
	MaxConfiguredResources = 10_000
	MaxConfigText          = 32_767
)

// Kind implements Command.
func (InitCluster) Kind() Kind { return KindInitCluster }

// Kind implements Command.
func (AddNode) Kind() Kind { return KindAddNode }

// Kind implements Command.
func (RegisterBroker) Kind() Kind { return KindRegisterBroker }

// Kind implements Command.
func (FenceBroker) Kind() Kind { return KindFenceBroker }

// Kind implements Command.
func (UnfenceBroker) Kind() Kind { return KindUnfenceBroker }

// Kind implements Command.
func (CreateTopics) Kind() Kind { return KindCreateTopics }

// Kind implements Command.
func (DeleteTopics) Kind() Kind { return KindDeleteTopics }

// Kind implements Command.
func (CreatePartitions) Kind() Kind { return KindCreatePartitions }

// Kind implements Command.
func (IncrementalAlterConfigs) Kind() Kind { return KindIncrementalAlterConfigs }

// Kind implements Command.
func (UpdateFeatures) Kind() Kind { return KindUpdateFeatures }

// Kind implements Command.
func (AllocateProducerIds) Kind() Kind { return KindAllocateProducerIds }
