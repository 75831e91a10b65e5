package peer

import "troupe/actors/kit"

// accepted is a connection that came in, or why none does.
//
// From: the network.
type accepted struct {
	wire Wire
	err  error
}

// Refuse implements kit.Refuser.
func (a accepted) Refuse() {
	if a.wire != nil {
		a.wire.Close()
	}
}

// again lets the network accept once more after an error.
//
// From: the timer of peers.
type again struct{}

// greeted is one step of a stranger's handshake.
//
// From: the network. Fence: the stranger, if it is still known.
type greeted struct {
	who  *stranger
	data []byte
	err  error
}

// left says that a visit or a guest has ended.
//
// From: the kit.
type left struct{ who *kit.Ref }

// told is a step of a visit's or a guest's connection.
//
// From: the network.
type told struct {
	wire   Wire
	data   []byte
	frames []frame
	err    error
}

// Refuse implements kit.Refuser: the visit has ended before it was connected.
func (t told) Refuse() {
	if t.wire != nil {
		t.wire.Close()
	}
}
