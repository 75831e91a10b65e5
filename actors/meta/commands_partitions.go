package meta

import "troupe/kafka/code"

// PartitionRef names one partition of a topic.
type PartitionRef struct {
	Topic TopicID
	Index int32
}

// AlterPartition is how the leader of partitions changes their ISR. Each is judged on its own; the whole is refused with
// BROKER_ID_NOT_REGISTERED or STALE_BROKER_EPOCH. Value: []PartitionResult. Codes of one: UNKNOWN_TOPIC_ID, UNKNOWN_TOPIC_OR_PARTITION,
// FENCED_LEADER_EPOCH, NEW_LEADER_ELECTED, INVALID_UPDATE_VERSION, INELIGIBLE_REPLICA, INVALID_REQUEST (KIP-497, KIP-841, KIP-903).
type AlterPartition struct {
	BrokerID    int32 // the leader
	BrokerEpoch int64
	Partitions  []NewISR
}

// NewISR is the ISR that a leader wants. The epochs are those that it knows; another state by now refuses it.
type NewISR struct {
	PartitionRef
	LeaderEpoch    int32
	PartitionEpoch int32
	ISR            []ISRMember
	Recovered      bool // the leader has done all that an unclean election asks for
}

// ISRMember is a replica and the broker epoch under which the leader knows it: a broker that has restarted since may have lost data.
type ISRMember struct {
	BrokerID    int32
	BrokerEpoch int64
}

// ResignLeadership gives up partitions whose leader cannot reach enough of their in-sync replicas while others are in service: the
// leadership moves to one of the ISR, else of the ELR, preferably one that the leader does not reach. Value: []PartitionResult, with
// ELIGIBLE_LEADERS_NOT_AVAILABLE where nobody can take over, and the codes of AlterPartition.
type ResignLeadership struct {
	BrokerID    int32
	BrokerEpoch int64
	Partitions  []Resignation
}

// Resignation is one partition to give up.
type Resignation struct {
	PartitionRef
	LeaderEpoch int32
	Reachable   []int32 // brokers that the leader reaches
}

// ElectLeaders elects leaders on request. The clean kind moves leadership to the preferred replica (the first): ELECTION_NOT_NEEDED if it
// leads, PREFERRED_LEADER_NOT_AVAILABLE if it is not in sync and in service. The unclean kind makes a replica the leader of a partition
// that has none, though records may be lost: ELECTION_NOT_NEEDED if there is a leader, ELIGIBLE_LEADERS_NOT_AVAILABLE if no replica, or
// not the one named, is in service. Value: []PartitionResult.
type ElectLeaders struct {
	Unclean    bool
	Partitions []Election
}

// Election is one partition to elect a leader for.
type Election struct {
	PartitionRef
	Candidate int32 // who shall lead; NoLeader: whoever comes first. Looked at by unclean elections only.
}

// AlterReassignments moves partitions to other replicas, or ends such moves. New replicas follow until all of them are in sync; then the
// old ones go. A move to fewer replicas than the partition has, and than the cluster would give it, ends Topic.RFAuto. Value:
// []PartitionResult, with INVALID_REPLICA_ASSIGNMENT and NO_REASSIGNMENT_IN_PROGRESS.
type AlterReassignments struct{ Partitions []Reassignment }

// Reassignment is where one partition shall be.
type Reassignment struct {
	PartitionRef
	Target []int32 // its replicas, the preferred leader first; empty: the move under way ends and is undone
}

// BeginControlledShutdown moves what a broker leads to others and takes it out of the ISRs that have other members. It goes on leading
// what nobody else can lead. Errors as for FenceBroker. Value: nil.
type BeginControlledShutdown struct {
	BrokerID    int32
	BrokerEpoch int64
}

// UnregisterBroker forgets a broker's registration and takes it out of service as a fence does. If it runs it will register again.
// BROKER_ID_NOT_REGISTERED if it is not known. Value: nil.
type UnregisterBroker struct{ BrokerID int32 }

// RemoveNode takes a node out of the cluster for good; its Raft id is never given again. INVALID_REQUEST while it is registered or holds
// a replica, BROKER_ID_NOT_REGISTERED if there is no such node. Value: nil.
type RemoveNode struct{ NodeID int32 }

// PartitionResult is the answer for one partition, at the place of its request, with its state after the command: whoever is refused
// learns what is true now. The state is zero if there is no such partition.
type PartitionResult struct {
	PartitionRef
	Code    code.Code
	Message string // "" if OK

	Leader         int32
	LeaderEpoch    int32
	PartitionEpoch int32
	ISR            []int32
	ELR            []int32
	Recovering     bool
}

// Kind implements Command.
func (AlterPartition) Kind() Kind { return KindAlterPartition }

// Kind implements Command.
func (ResignLeadership) Kind() Kind { return KindResignLeadership }

// Kind implements Command.
func (ElectLeaders) Kind() Kind { return KindElectLeaders }

// Kind implements Command.
func (AlterReassignments) Kind() Kind { return KindAlterReassignments }

// Kind implements Command.
func (BeginControlledShutdown) Kind() Kind { return KindBeginControlledShutdown }

// Kind implements Command.
func (UnregisterBroker) Kind() Kind { return KindUnregisterBroker }

// Kind implements Command.
func (RemoveNode) Kind() Kind { return KindRemoveNode }
