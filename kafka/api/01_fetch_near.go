package api

import (
	"slices"
	"strings"

	"troupe/actors/meta"
)

// noReplica stands for: no other replica is to be read.
const noReplica int32 = -1

// rackAwareSelector is the one replica selector that there is, by the name of Kafka's class (RackAwareReplicaSelector).
const rackAwareSelector = "org.apache.kafka.common.replica.RackAwareReplicaSelector"

// anyReplica says whether a follower may answer (KIP-392): clients of v11 and later know how to be sent from one replica to another.
func (f *fetchCall) anyReplica() bool { return f.c.Version >= 11 }

// nearRack is the client's rack, if the broker is told to have partitions read near the client, and is itself elsewhere.
func (f *fetchCall) nearRack() string {
	if f.c.Version < 11 || f.req.Rack == "" {
		return ""
	}
	img := f.c.View.Image
	if v := meta.EffectiveBroker(img, f.c.Env.defaults(), "replica.selector.class"); strings.TrimSpace(v.Value) != rackAwareSelector {
		return ""
	}
	if b := img.Broker(f.c.Env.NodeID); b == nil || b.Rack == f.req.Rack {
		return ""
	}
	return f.req.Rack
}

// preferred is the replica that the client shall read instead of this one: only the leader says so, and only of what is in sync, so that the
// replica has all that the client may ask for (ReplicaManager.findPreferredReadReplica). Several in the rack share the partitions.
func (f *fetchCall) preferred(p *fetchPart, offset int64) int32 {
	if f.rack == "" || p.diverging != nil || p.image.Leader != f.c.Env.NodeID || offset < p.start || offset > p.high {
		return noReplica
	}
	var near []int32
	for _, id := range p.image.ISR {
		if b := f.c.View.Image.Broker(id); b != nil && !b.Fenced && b.Rack == f.rack {
			near = append(near, id)
		}
	}
	if len(near) == 0 {
		return noReplica
	}
	slices.Sort(near)
	return near[int(p.partID%uint32(len(near)))]
}
