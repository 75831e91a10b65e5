package controller

import (
	"troupe/actors/kit"
	"troupe/actors/meta"
	"troupe/kafka/code"
)

// Update says what this node knows of the cluster, and whether it leads Raft.
//
// From: node, at each change, before its heartbeats that follow from it.
type Update struct {
	Image  *meta.Image
	Leads  bool
	Term   uint64  // of Raft: another one is another leadership
	Voters []int32 // node ids; none: this node alone
	Moved  bool    // topics, partitions or brokers are others than in the last
}

// Heartbeat says that a broker lives, and what it wants. Other nodes' come as peer.Asked, encoded (see wire.go).
//
// From: node. Answer: Heard. Fence: BrokerEpoch.
type Heartbeat struct {
	kit.Ask
	Beat
}

// Beat is what a heartbeat says.
type Beat struct {
	BrokerID     int32
	BrokerEpoch  int64
	Applied      uint64 // Raft index that the broker's image has
	WantFence    bool
	WantShutdown bool
	DiskOK       bool
	Lost         []int32 // nodes that this one has had no link with for a while
}

// Heard answers Heartbeat.
//
// From: controller.
type Heard struct {
	*Heartbeat
	Verdict
}

// Verdict is what a controller says to a heartbeat. With another Code than OK the rest is zero: NOT_CONTROLLER (ask the one who leads),
// COORDINATOR_NOT_AVAILABLE (this one does not know the registration yet), BROKER_ID_NOT_REGISTERED and STALE_BROKER_EPOCH (register anew).
type Verdict struct {
	Code           code.Code
	Fenced         bool
	CaughtUp       bool // it knows of its own registration
	ShouldShutDown bool // it has leave to go
}

// Refuse implements kit.Refuser.
func (h *Heartbeat) Refuse() { h.Reply(Heard{h, Verdict{Code: code.NotController}}) }

// Links says with which nodes this one has no link, and has not had for a while.
//
// From: controller, to node, at each change.
type Links struct{ Lost []int32 }

// tick moves the controller's time on.
//
// From: its own timer.
type tick struct{}
