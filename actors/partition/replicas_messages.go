package partition

import (
	"troupe/actors/kit"
	"troupe/actors/meta"
	"troupe/actors/peer"
	"troupe/actors/writer"
	"troupe/kafka/code"
	"troupe/storage"
)

// Attach makes a local replica known to the replicas actor; it is told of every link that is up.
//
// From: node, before the first Become.
type Attach struct {
	PartID  uint32
	TopicID meta.TopicID
	Index   int32
	Ref     *kit.Ref
}

// Registered says under which broker epoch this broker takes part in replication; 0: under none, until it has registered again.
//
// From: node.
type Registered struct{ Epoch int64 }

// registered is the same for a replica.
//
// From: replicas.
type registered struct{ epoch int64 }

// Detach says that a local replica is being stopped.
//
// From: node.
type Detach struct{ PartID uint32 }

// linked says that the link to a broker is up.
//
// From: replicas. Fence: a later one of the same node takes its place.
type linked struct{ *path }

// unlinked says that the link is down: what was under way may be lost.
//
// From: replicas. Fence: path.
type unlinked struct{ *path }

// subscribe asks to send a subscription to the leader.
//
// From: a follower.
type subscribe struct {
	*path
	subscription
}

// subscribed is a subscription of another broker.
//
// From: replicas. Answer: respond. Fence: path, leader epoch.
type subscribed struct {
	replicas *kit.Ref
	*path
	subscription
}

// Refuse implements kit.Refuser: the replica has stopped, or takes no more before it is loaded.
func (m *subscribed) Refuse() { m.respond(reply{outcome: notServed, code: code.NotLeaderForPartition}) }

func (m *subscribed) respond(r reply) {
	r.part, r.number = m.part, m.number
	m.replicas.Tell(respond{path: m.path, reply: r})
}

// start says that batches come, and where the epochs began that the follower does not know.
func (m *subscribed) start(high, start int64, epochs []epochBegin) {
	m.replicas.Tell(respond{m.path, reply{part: m.part, number: m.number, outcome: started, epoch: int32(len(epochs)), offset: m.from, high: high, start: start}, epochs})
}

// respond asks to send the answer to a subscription.
//
// From: a leader.
type respond struct {
	*path
	reply
	epochs []epochBegin // to be told before it
}

// responded is the leader's answer to a subscription.
//
// From: replicas. Fence: number.
type responded struct{ reply }

// knows is where an epoch began, as the leader says before it begins to send batches.
//
// From: replicas. Fence: number.
type knows struct{ epochEntry }

// push asks to send record batches to a follower, in order.
//
// From: a leader. Ownership: a reference to each part's slab passes over, and held.
type push struct {
	*path
	appendEntry
	parts []peer.Part
	one   [1]peer.Part // the usual case
	size  int
	fed   bool            // by a grant; else the size was added to path.hot
	held  storage.Batches // released when the parts have left; their slabs are not in parts
}

// replicated is record batches of the leader. Every item is settled and answered once.
//
// From: replicas. Fence: number, offset.
type replicated struct {
	appendEntry
	items []writer.Item
}

// Refuse implements kit.Refuser: the replica has stopped.
func (m *replicated) Refuse() {
	for i := range m.items {
		Append{&m.items[i]}.Refuse()
	}
}

// ack asks to tell the leader what of the log is durable.
//
// From: a follower.
type ack struct {
	*path
	ackEntry
}

// acked says what of the log of a follower is durable.
//
// From: replicas. Fence: path, number.
type acked struct {
	*path
	ackEntry
}

// tip asks to tell a follower of the high watermark and the log start. It may wait for a moment.
//
// From: a leader.
type tip struct {
	*path
	highEntry
}

// tipped is the leader's high watermark.
//
// From: replicas. Fence: number.
type tipped struct{ highEntry }

// hungry asks for a turn to send what a follower lacks. Turns are given in the order of asking.
//
// From: a leader. Answer: granted, unless the path ends.
type hungry struct {
	*path
	part uint32
	ref  *kit.Ref
}

// granted allows to send one chunk to a follower.
//
// From: replicas. Answer: push with fed, or sated.
type granted struct {
	*path
	replicas *kit.Ref
}

// Refuse implements kit.Refuser: the partition has stopped.
func (m granted) Refuse() { m.replicas.Tell(sated{m.path}) }

// sated gives a grant back unused.
//
// From: a leader.
type sated struct{ *path }

// chunk is batches that a follower lacks, from the store.
//
// From: kit's pool. Fence: the log and the stream that asked.
type chunk struct {
	replicas *kit.Ref
	log      *log
	*stream
	limit   int64 // what was read ends here
	batches storage.Batches
	err     error
}

// Refuse implements kit.Refuser: the partition has stopped.
func (m chunk) Refuse() {
	m.batches.Release()
	m.replicas.Tell(sated{m.path})
}

// unsent says that a frame with batches for a follower did not leave though the link is up: the follower has to subscribe anew.
//
// From: replicas. Fence: path.
type unsent struct{ *path }

// wish is a change of the ISR, or the end of a leadership, that a leader wants. Wishes of many partitions travel as one command.
//
// From: a leader. Answer: wished.
type wish struct {
	ref    *kit.Ref
	number uint64
	epoch  int64             // broker epoch
	isr    meta.NewISR       // without resign
	resign *meta.Resignation // nil: the ISR shall change
}

// wished is what became of a wish. With an error of the whole command the state is zero, and unsure says whether the wish may yet be granted.
//
// From: replicas. Fence: number.
type wished struct {
	number uint64
	unsure bool
	meta.PartitionResult
}

// look is the timer by which a leader watches its followers.
//
// From: the partition's own timer. Fence: the log that set it.
type look struct{ *log }

// resubscribe is the timer of a follower whose subscription has come to nothing.
//
// From: the partition's own timer. Fence: number.
type resubscribe struct{ number uint64 }

// flush is the mark behind all that was in the mailbox when the first message to be sent came.
//
// From: replicas, to itself.
type flush struct{}

// flushTips is the timer that sends high watermarks.
//
// From: the replicas' own timer.
type flushTips struct{}
