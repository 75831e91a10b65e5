package group

import (
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"troupe/actors/kit"
	"troupe/kafka/code"
)

// Client is who sent a request, as DescribeGroups shows it.
type Client struct {
	ID   string // client id of the request header; "" if there was none
	Host string // the peer's address in Kafka's form: a slash, then the address, such as "/127.0.0.1"
}

// Join asks to be a member of the next generation of a group (JoinGroup).
//
// From: conn, to the shard. Answer: Joined, when the rebalance has gathered the members. Fence: MemberID, InstanceID.
type Join struct {
	kit.Ask
	Client Client
	Req    *kmsg.JoinGroupRequest // with Version set; nobody changes it any more

	since   int64 // when it began to wait for others, in ms; the group's own
	delayed int64 // how much of that was the delay of an empty group
}

// Delayed is how long a Join that has been answered was kept waiting, by group.initial.rebalance.delay.ms, for members that might come.
func (m *Join) Delayed() time.Duration { return ms(m.delayed) }

// Joined answers Join.
//
// From: group.
type Joined struct {
	*Join
	Resp *kmsg.JoinGroupResponse
}

// Sync asks for the member's assignment, and brings everybody's when it is the leader's (SyncGroup).
//
// From: conn, to the shard. Answer: Synced, when the leader's assignment is durable. Fence: Generation, MemberID, InstanceID.
type Sync struct {
	kit.Ask
	Client Client
	Req    *kmsg.SyncGroupRequest
}

// Synced answers Sync.
//
// From: group.
type Synced struct {
	*Sync
	Resp *kmsg.SyncGroupResponse
}

// Heartbeat says that a member lives, and asks whether it must rejoin.
//
// From: conn, to the shard. Answer: Heard. Fence: Generation, MemberID, InstanceID.
type Heartbeat struct {
	kit.Ask
	Client Client
	Req    *kmsg.HeartbeatRequest
}

// Heard answers Heartbeat.
//
// From: group.
type Heard struct {
	*Heartbeat
	Resp *kmsg.HeartbeatResponse
}

// Leave takes members out of a group (LeaveGroup). Up to version 2 the one member is MemberID, later Members are.
//
// From: conn, to the shard. Answer: Left, with an element for each of Members from version 3 on.
type Leave struct {
	kit.Ask
	Client Client
	Req    *kmsg.LeaveGroupRequest
}

// Left answers Leave.
//
// From: group.
type Left struct {
	*Leave
	Resp *kmsg.LeaveGroupResponse
}

// Commit asks to keep offsets (OffsetCommit). Topics are named in every version: the conn has turned topic ids into names, and has
// answered for itself what is unknown or not allowed. The answer's topics and partitions are those of Req, in its order, with
// TopicID carried over.
//
// From: conn, to the shard. Answer: Committed, when the offsets are durable. Fence: Generation, MemberID, InstanceID.
type Commit struct {
	kit.Ask
	Client Client
	Req    *kmsg.OffsetCommitRequest
}

// Committed answers Commit.
//
// From: group.
type Committed struct {
	*Commit
	Resp *kmsg.OffsetCommitResponse
}

// FetchOffsets asks for the committed offsets of one group (OffsetFetch). Topics are named in every version; TopicID is carried
// over to the answer.
//
// From: conn, to the shard. Answer: FetchedOffsets. Fence: MemberID, MemberEpoch (of groups of the new protocol only).
type FetchOffsets struct {
	kit.Ask
	Client        Client
	Req           *kmsg.OffsetFetchRequestGroup // Topics nil: all that are committed
	RequireStable bool
}

// FetchedOffsets answers FetchOffsets. A partition without an offset has -1. An error of the group as a whole has no topics.
//
// From: group.
type FetchedOffsets struct {
	*FetchOffsets
	Resp kmsg.OffsetFetchResponseGroup
}

// Describe asks what a group is (DescribeGroups). AuthorizedOperations of the answer are the conn's to fill in.
//
// From: conn, to the shard. Answer: Described.
type Describe struct {
	kit.Ask
	Client  Client
	Group   string
	Version int16 // of DescribeGroups: from 6 on an unknown group is GROUP_ID_NOT_FOUND
}

// Described answers Describe.
//
// From: group.
type Described struct {
	*Describe
	Resp kmsg.DescribeGroupsResponseGroup
}

// List asks for the groups of one shard (ListGroups).
//
// From: conn, to each shard that this broker leads. Answer: Listed.
type List struct {
	kit.Ask
	States []string // of any case; empty: all
	Types  []string // "classic", "consumer", of any case; empty: all
}

// Listed answers List.
//
// From: shard.
type Listed struct {
	*List
	Code   code.Code // OK, NOT_COORDINATOR: this shard has nothing to say, or COORDINATOR_LOAD_IN_PROGRESS
	Groups []kmsg.ListGroupsResponseGroup
}

// Delete asks to forget a group that has no members, with its offsets (DeleteGroups).
//
// From: conn, to the shard. Answer: Deleted, when durable.
type Delete struct {
	kit.Ask
	Client Client
	Group  string
}

// Deleted answers Delete.
//
// From: group.
type Deleted struct {
	*Delete
	Code code.Code // OK, GROUP_ID_NOT_FOUND, NON_EMPTY_GROUP, or a retriable one
}

// DeleteOffsets asks to forget offsets of topics to which no member is subscribed (OffsetDelete).
//
// From: conn, to the shard. Answer: DeletedOffsets, when durable; its topics and partitions are those of Req, in its order.
type DeleteOffsets struct {
	kit.Ask
	Client Client
	Req    *kmsg.OffsetDeleteRequest
}

// DeletedOffsets answers DeleteOffsets.
//
// From: group.
type DeletedOffsets struct {
	*DeleteOffsets
	Resp *kmsg.OffsetDeleteResponse
}

// Explain asks what a group does, and why it last rebalanced: for people.
//
// From: conn or admin, to the shard. Answer: Explained.
type Explain struct {
	kit.Ask
	Group string
}

// Explained answers Explain.
//
// From: group.
type Explained struct {
	*Explain
	Code        code.Code // OK, GROUP_ID_NOT_FOUND, or a retriable one
	Explanation Explanation
}

// Explanation is what a group says of itself. Its times are of the broker's clock.
type Explanation struct {
	State        string // Empty, PreparingRebalance, CompletingRebalance, Stable, Dead
	StateSince   time.Time
	Generation   int32
	ProtocolType string
	Protocol     string // chosen by the members' votes; "" if there is none
	Leader       string // member id; "" if there is none
	Awaiting     string // what the group waits for, in one sentence; "" if for nothing
	AwaitingIDs  []string
	Members      []MemberExplained // by member id
	Pending      int               // member ids that were given out and have not come back (KIP-394)
	Offsets      int               // partitions with a committed offset
	Committing   int               // partitions whose offset is on its way to the disk
	Rebalances   []Rebalance       // the last ones, oldest first
}

// MemberExplained is one member of an Explanation.
type MemberExplained struct {
	ID               string
	InstanceID       string // "" if the member is not static
	ClientID         string
	ClientHost       string
	SessionTimeout   time.Duration
	RebalanceTimeout time.Duration
	LastHeard        time.Duration // since its last sign of life
	Protocols        []string      // in its order
	Awaits           string        // "join" or "sync": has an answer coming; "" if not
	AssignmentBytes  int
}

// Rebalance is one rebalance of the past, or the one under way.
type Rebalance struct {
	Began      time.Time
	Took       time.Duration // until the assignment was there; 0: not yet
	Generation int32         // the one that it led to; the present one while it is under way
	Members    int           // of that generation
	Reason     string        // in one sentence, with the client's own words (KIP-800) if it gave any
	MemberID   string        // whose request or silence began it; "" if nobody's
	ClientID   string
	ClientHost string
}
