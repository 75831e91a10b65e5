package node

import (
	"sync/atomic"

	"troupe/actors/kit"
	"troupe/actors/meta"
)

// View is what this node shows to its connections: the applied image and the local partition actors.
// It is immutable; a request takes it once and sees one state.
type View struct {
	Image    *meta.Image
	LeaderID int32 // Kafka's controller id: the Raft leader's node id, -1 if unknown
	parts    partMap
}

// partMap finds local replicas by partId, in copy-on-write shards.
type partMap struct{ shards [256]map[uint32]*kit.Ref }

// Partition is the local replica's actor; nil if this broker holds none.
func (v *View) Partition(partID uint32) *kit.Ref { return v.parts.shards[byte(partID)][partID] }

// Published is the one pointer through which connections see the cluster. Written by the node actor only.
type Published struct{ p atomic.Pointer[View] }

// Get is the latest view; never nil.
func (p *Published) Get() *View {
	if v := p.p.Load(); v != nil {
		return v
	}
	return emptyView
}

var emptyView = &View{LeaderID: -1}
