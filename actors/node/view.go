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
	// CaughtUp says that Image holds everything that was committed before this start. Until then it may lack topics that clients were
	// told exist, so no client may be answered from it. It stays true.
	CaughtUp bool
	parts    partMap
}

// partMap finds local replicas by partId, in copy-on-write shards: publishing a change costs O(changed).
type partMap struct{ shards [256]map[uint32]*kit.Ref }

// Partition is the local replica's actor; nil if this broker holds none.
func (v *View) Partition(partID uint32) *kit.Ref { return v.parts.shards[byte(partID)][partID] }

// LocalPartitions is the number of replicas on this broker.
func (v *View) LocalPartitions() (n int) {
	for _, s := range v.parts.shards {
		n += len(s)
	}
	return n
}

// EachPartition calls f for every local replica, in no particular order.
func (v *View) EachPartition(f func(partID uint32, ref *kit.Ref)) {
	for _, s := range v.parts.shards {
		for id, ref := range s {
			f(id, ref)
		}
	}
}

// Published is the one pointer through which connections see the cluster. Written by the node actor only.
type Published struct{ p atomic.Pointer[View] }

// Get is the latest view; never nil.
func (p *Published) Get() *View {
	if v := p.p.Load(); v != nil {
		return v
	}
	return emptyView
}

// Set publishes a view. For the node actor, and for tests that stand in for it.
func (p *Published) Set(v *View) { p.p.Store(v) }

var emptyView = &View{Image: meta.NewImage(), LeaderID: -1}

// ViewWith is a view over img with the given local replicas, for tests of those who read views. It has caught up.
func ViewWith(img *meta.Image, leader int32, parts map[uint32]*kit.Ref) *View {
	b := edit(&View{})
	for id, r := range parts {
		b.set(id, r)
	}
	return b.view(img, leader, true)
}

// viewEdit makes the next view from one that readers may hold.
type viewEdit struct {
	parts  partMap
	copied [256]bool
}

func edit(v *View) *viewEdit { return &viewEdit{parts: v.parts} }

func (e *viewEdit) set(partID uint32, r *kit.Ref) {
	i := byte(partID)
	if !e.copied[i] {
		m := make(map[uint32]*kit.Ref, len(e.parts.shards[i])+1)
		for k, v := range e.parts.shards[i] {
			m[k] = v
		}
		e.parts.shards[i], e.copied[i] = m, true
	}
	if r == nil {
		delete(e.parts.shards[i], partID)
		return
	}
	e.parts.shards[i][partID] = r
}

func (e *viewEdit) view(img *meta.Image, leader int32, caughtUp bool) *View {
	return &View{Image: img, LeaderID: leader, CaughtUp: caughtUp, parts: e.parts}
}
