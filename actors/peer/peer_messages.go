package peer

import (
	"time"

	"troupe/actors/kit"
	"troupe/storage"
)

// Link asks for a link with a node: it is dialled, and dialled again, until Unlink. A second one changes address and store.
//
// From: node, as the image says.
type Link struct {
	Node    int32
	Address string   // "": wait until it dials us
	StoreID [16]byte // whose data directory is accepted under that node id; zero: any
	// Before is the last run that a node can have with StoreID: one with another data directory is let in if its run is a later one, for the
	// cluster has taken it in since this broker last heard of it. It may be the one who has to tell. 0: none is let in.
	Before uint64
}

// takes reports whether a broker is let in under the node id that it says.
func (m Link) takes(h hello) bool {
	return m.StoreID == [16]byte{} || h.StoreID == m.StoreID || m.Before > 0 && h.Incarnation > m.Before
}

// Unlink ends the link with a node that is no part of the cluster any more.
//
// From: node.
type Unlink struct{ Node int32 }

// Register makes To the one who gets what comes in of a kind, from every node, and Up and Down of every link. A later one takes its place.
//
// From: whoever owns the kind, when it starts. Answer: Up for each link that is up.
type Register struct {
	Kind   Kind
	To     *kit.Ref
	Guests bool // asks of visitors are passed on too
}

// Become tells who this broker is from now on: a node that has learnt its cluster and node id.
//
// From: node.
type Become struct{ Identity Identity }

// Send carries a message to another node, once or never, in the order of its lane. It does not wait: what cannot be queued is told as
// Dropped. What was written when the link breaks may have arrived or not; only Down tells.
//
// From: anybody, to peers or to the link itself (Up.Link). Answer: Dropped if it was lost here, Sent if Confirm asks for it.
// Ownership: Head and Parts are not changed any more; a reference to each part's slab passes over.
type Send struct {
	To      int32
	Lane    Lane
	Kind    Kind
	Head    []byte
	Parts   []Part   // Append and Bulk only
	From    *kit.Ref // who is told; nil: nobody
	Slot    uint64   // the sender's own mark
	Confirm bool
}

// Part is bytes of a frame that go from where they are to the socket, and on the other side from the socket into a batch of a slab.
type Part struct {
	Bytes []byte
	Slab  *storage.Slab // holds Bytes; one reference passes with the part. nil: garbage collected
}

// Dropped says that a message did not leave.
//
// From: the link, or peers. Fence: none; Slot is the sender's.
type Dropped struct {
	To     int32
	Lane   Lane
	Kind   Kind
	Slot   uint64
	Reason Reason
}

// Sent says that a message with Confirm is on the socket.
//
// From: the link.
type Sent struct {
	To   int32
	Kind Kind
	Slot uint64
}

// Drained says that a lane on which a message of the sender was dropped because it was full is half empty again, or the link down.
//
// From: the link, once per sender that was told Dropped with Full.
type Drained struct {
	Node int32
	Lane Lane
}

// Received is a message from another node. Whoever gets it calls Done when the bytes of Slab are not needed any more or are held otherwise:
// that gives the sender its credit back.
//
// From: the link, to who registered for the kind. Fence: Incarnation and Session.
type Received struct {
	From        int32
	Incarnation uint64
	Session     uint64 // one life of the link; a number by chance
	Lane        Lane
	Kind        Kind
	Head        []byte
	Slab        *storage.Slab // part i is Batch(i); nil: no parts

	size int
	link *kit.Ref
	done bool
}

// Up says that a link works.
//
// From: the link, to all who registered, before the first Received of the session.
type Up struct {
	Node        int32
	Incarnation uint64
	StoreID     [16]byte
	Session     uint64
	Link        *kit.Ref // takes Send and *Ask without the way through peers
}

// Down says that a link is broken: what was under way may be lost. Messages to the node are dropped until the next Up.
//
// From: the link, to all who registered, after the last Received of the session.
type Down struct {
	Node        int32
	Incarnation uint64
	Session     uint64
	Reason      string
}

// Ask asks another node, over the control lane.
//
// From: anybody, to peers or to the link itself. Answer: Answered, exactly once.
type Ask struct {
	kit.Ask
	To      int32
	Kind    Kind
	Head    []byte        // not changed any more
	Timeout time.Duration // 0: DefaultTimeout
}

// Answered answers Ask.
//
// From: the link, or peers.
type Answered struct {
	*Ask
	Reason Reason // OK, or why there is no answer; see Reason.Maybe
	Head   []byte
}

// Refuse implements kit.Refuser.
func (a *Ask) Refuse() { a.Reply(Answered{Ask: a, Reason: Unreachable}) }

// Asked is an ask of another node. It is answered by Reply(Answer{…}), once.
//
// From: the link or a guest, to who registered for the kind. Answer: Answer.
type Asked struct {
	kit.Ask
	From  Identity
	Guest bool // a visitor: no node id is needed, and none is proven
	Kind  Kind
	Head  []byte

	id, session uint64
}

// Refuse implements kit.Refuser: the asker learns that nobody is there.
func (a *Asked) Refuse() { a.Reply(Answer{Asked: a, Reason: Refused}) }

// Answer answers Asked. It travels back if the link still lives.
//
// From: who registered for the kind.
type Answer struct {
	*Asked
	Reason Reason // OK, or Refused to say that it was not looked at
	Head   []byte // not changed any more
}

// Visit asks whoever is at an address, over a connection of its own: by who has no node id yet, or of a node whose id is not known.
//
// From: node, before the cluster is known. Answer: Visited, exactly once.
type Visit struct {
	kit.Ask
	Address string
	Kind    Kind
	Head    []byte        // not changed any more
	Timeout time.Duration // 0: DefaultTimeout
}

// Visited answers Visit.
//
// From: the visit, or peers.
type Visited struct {
	*Visit
	Reason Reason
	Text   string   // of what went wrong, for people
	Who    Identity // who answered, or refused; zero if it did not say
	Head   []byte
}

// Refuse implements kit.Refuser.
func (v *Visit) Refuse() { v.Reply(Visited{Visit: v, Reason: Unreachable, Text: "this broker stops"}) }
