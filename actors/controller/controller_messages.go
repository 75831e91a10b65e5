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

// Heard answers Heartbeat.
//
// From: controller.
type Heard struct {
	*Heartbeat
	Verdict
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
