package group

import (
	"troupe/actors/kit"
	"troupe/actors/meta"
	"troupe/kafka/code"
)

// Become tells a shard what the cluster decided about its partition, and the settings in force. It is sent on every change, behind
// the partition's own Become, and when the lease has ended or is held again (partition.Lease): without it this broker does not coordinate.
//
// From: node. Fence: LeaderEpoch; a new one means that what is known has to be read anew.
type Become struct {
	Partition   *kit.Ref // the local replica
	TopicID     meta.TopicID
	PartID      uint32
	Leader      bool
	LeaderEpoch int32
	Config      Config
}

// TopicRef names a topic that was: another one may have its name.
type TopicRef struct {
	Name string
	ID   meta.TopicID
}

// TopicsDeleted tells a shard that offsets of these topics are of no more use.
//
// From: node, to every local shard, when the view without the topics is published; shard, to a group's actor. No answer.
type TopicsDeleted struct{ Topics []TopicRef }

// Retire asks a shard to end: its groups are stopped, and what is on its way to the disk has come back.
//
// From: node. Answer: Retired.
type Retire struct{ kit.Ask }

// Retired answers Retire: the shard's actor may be stopped, and its partition's behind it.
//
// From: shard.
type Retired struct{ *Retire }

// Refuse implements kit.Refuser: it has ended already.
func (m *Retire) Refuse() { m.Reply(Retired{m}) }

// write asks to make a group's records durable, together and in order with what the group has asked before.
//
// From: group. Answer: wrote.
type write struct {
	kit.Ask
	*entry

	// The shard's own.
	left  []kv // not yet sent
	begun bool // a part of it is durable
}

// wrote answers write.
//
// From: shard.
type wrote struct {
	*write
	code code.Code
}

// Refuse implements kit.Refuser: the shard has gone.
func (m *write) Refuse() { m.Reply(wrote{m, code.NotCoordinator}) }

// moved tells what ListGroups shows of a group. It is sent before the answer to whatever moved it.
//
// From: group. Fence: ref, the actor that the shard knows.
type moved struct {
	id  string
	ref *kit.Ref
	listing
}

// rested gives a group back to the shard: it has nothing to do. The group's actor does not touch the core any more, unless another
// message has come meanwhile, which handled tells.
//
// From: group. Fence: ref, and handled, the number of messages of the shard that the group has seen.
type rested struct {
	id      string
	ref     *kit.Ref
	core    *core
	handled uint64
}

// stopped says that a group's actor is gone.
//
// From: kit.
type stopped struct {
	id  string
	ref *kit.Ref
}

// reconfigured brings settings that have changed.
//
// From: shard, to a group's actor.
type reconfigured struct{ Config }

// cleanUp asks a group to drop what its retention does not keep.
//
// From: shard, to a group's actor, every offsets.retention.check.interval.ms.
type cleanUp struct{}

// chunk is a part of the log, read.
//
// From: kit's pool. Fence: slot, the read that asked.
type chunk struct {
	slot    uint64
	records []loadedRecord
	next    int64 // where to read on; at the load's end there is no more
	epoch   int32 // leader epoch of the last batch, -1: there was none
	strange int   // records that could not be understood
	err     error
}

// again tries once more what the partition could not answer yet.
//
// From: shard's own timer. Fence: load.
type again struct{ *load }

// resume ends the rest of a follower.
//
// From: shard's own timer. Fence: follow.
type resume struct{ *follow }

// sweep looks for groups with something to clean up.
//
// From: shard's own timer. Fence: term.
type sweep struct{ term *term }

// due says that a group has something to do by time.
//
// From: the group's own timer. Fence: at, the time that it was set for.
type due struct{ at int64 }

// lingered says that a group was idle for a while.
//
// From: the group's own timer. Fence: handled, the number of messages at that time.
type lingered struct{ handled uint64 }
