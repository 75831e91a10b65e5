package peer

import (
	"troupe/actors/kit"
)

// joined hands a link a connection whose handshake is over: this node was dialled.
//
// From: peers. Ownership of the wire passes.
type joined struct {
	wire Wire
	them hello
}

// Refuse implements kit.Refuser: the link has stopped.
func (j joined) Refuse() { j.wire.Close() }

// dialed is a connection of a session that the link dials, or why there is none.
//
// From: the network. Fence: session.
type dialed struct {
	session uint64
	lane    Lane
	wire    Wire
	err     error
}

// Refuse implements kit.Refuser.
func (d dialed) Refuse() {
	if d.wire != nil {
		d.wire.Close()
	}
}

// shook is one step of a handshake.
//
// From: the network. Fence: session.
type shook struct {
	session uint64
	lane    Lane
	data    []byte
	err     error
}

// got is frames that have come in; err: and no more will.
//
// From: the network. Fence: session.
type got struct {
	session uint64
	lane    Lane
	frames  []frame
	err     error
}

// Refuse implements kit.Refuser.
func (g *got) Refuse() {
	for i := range g.frames {
		g.frames[i].release()
	}
}

// wrote says that a batch is on the socket, or never will be.
//
// From: the network. Fence: session.
type wrote struct {
	session uint64
	lane    Lane
	batch   *batch
	err     error
}

// Refuse implements kit.Refuser.
func (w wrote) Refuse() {
	for _, f := range w.batch.frames {
		f.release()
	}
}

// freed says that the bytes of a message are not needed any more.
//
// From: who got Received. Fence: session.
type freed struct {
	session uint64
	lane    Lane
	size    int
}

// become tells who this broker is now.
//
// From: peers.
type become struct{ me Identity }

// pulse is the heartbeat of a link that has a session, working or not yet.
//
// From: the timer of a link, of peers, of a visit or of a guest.
type pulse struct{}

// redial says that it is time to dial again.
//
// From: the link's own timer. Fence: attempt.
type redial struct{ attempt int }

// expired says that an ask has waited long enough.
//
// From: the link's own timer. Fence: id.
type expired struct{ id uint64 }

// handlers is who gets what, after a change.
//
// From: peers.
type handlers struct {
	kinds [kinds]handler
}

// handler gets what comes in of one kind.
type handler struct {
	to     *kit.Ref
	guests bool
}

// idle says that a link which nobody asked for is down.
//
// From: the link, to peers.
type idle struct {
	node int32
	link *kit.Ref
}

// linkEnded says that a link has stopped.
//
// From: the kit, to peers. Fence: link.
type linkEnded struct {
	node int32
	link *kit.Ref
}
