package kafka

import (
	"troupe/actors/kit/trace"
	"troupe/kafka/api"
)

// arrived is a request, decoded and within all bounds.
//
// From: the conn's reader.
type arrived struct {
	call  *api.Call
	entry *api.Entry
	held  held // until the call has ended, or rests
	from  *memory
}

// Refuse implements kit.Refuser: the conn has gone, and nobody else would release what the request holds.
func (a *arrived) Refuse() {
	a.from.give(a.held)
	if p := a.call.Produce; p != nil {
		p.Release()
	}
	a.call.Op.End(trace.Gone)
}

// quiet says that nothing has come for the idle time.
//
// From: the conn's reader.
type quiet struct{}

// readEnded says that no more frames will come: the client has closed, or sent what is no request.
//
// From: the conn's reader.
type readEnded struct{ reason error }

// written says that the answers handed to the writer are on the socket, or never will be.
//
// From: the conn's writer.
type written struct {
	bytes int
	err   error
}

// leave asks a conn to read no more, finish what it has read, and end.
//
// From: door.
type leave struct{}

// cut asks a conn to end without finishing.
//
// From: door.
type cut struct{}

// lookAgain says that a call that came early may look whether its time has come.
//
// From: the conn's own timer.
type lookAgain struct{}
