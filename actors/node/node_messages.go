package node

import "troupe/actors/kit"

// tick looks at what the start still waits for, and at the Raft leader.
//
// From: itself, by timer.
type tick struct{}

// beatDue says that the next heartbeat is due.
//
// From: itself, by timer.
type beatDue struct{}

// overstayed says that a controlled shutdown has taken as long as it may.
//
// From: itself, by timer.
type overstayed struct{}

// retain asks every local partition to look at its retention.
//
// From: itself, by timer.
type retain struct{}

// stopped says that a partition actor has answered all who waited and is gone; its data may go too.
//
// From: kit, when the partition has stopped.
type stopped struct {
	partID uint32
	drop   bool // the topic was deleted: its data goes
}

// coordinatorStopped says that a coordinator of consumer groups is gone: its name is free.
//
// From: kit.
type coordinatorStopped struct{ index int32 }

// strays lists partIds that the store holds and the image does not know.
//
// From: itself (kit pool).
type strays struct {
	partIDs []uint32
	err     error
}

// cleanerStopped says that the cleaner is gone.
//
// From: kit, when it has stopped.
type cleanerStopped struct{}

// Shutdown asks for an orderly end: leave the cluster's view, stop the replicas, then say Down.
//
// From: run. Answer: Down.
type Shutdown struct{ kit.Ask }

// Down answers Shutdown: every local replica has stopped and the broker is fenced, or could not be in time.
//
// From: node.
type Down struct {
	*Shutdown
	Fenced bool
}

// Refuse implements kit.Refuser.
func (s *Shutdown) Refuse() { s.Reply(Down{Shutdown: s}) }
