package bootstrap

import (
	"cmp"
	"fmt"
	"slices"

	"troupe/actors/meta"
)

// maxVoters is how many nodes keep the metadata log with a vote. More cost latency and protect against more failures at a time than the
// rest of the defaults do.
const maxVoters = 3

// seat is what is known of one address that was given.
type seat struct {
	address string
	self    bool     // it is this node's own
	heard   bool     // the last visit was answered
	store   [16]byte // by whom
	why     string   // it does not help yet, for people
}

// founder is a store with the statement that it makes at this moment.
type founder struct {
	store [16]byte
	says  statement
}

// seated is one founder per seat, in the order of the seats, or what is missing. me is this node; the others are those whose question waits
// for our answer.
func seated(seats []seat, me founder, asking []founder) (all []founder, missing []string) {
	for _, s := range seats {
		if s.self {
			all = append(all, me)
			continue
		}
		i := slices.IndexFunc(asking, func(f founder) bool { return s.heard && f.store == s.store })
		switch {
		case !s.heard:
			missing = append(missing, s.address+" ("+cmp.Or(s.why, "not asked yet")+")")
		case i < 0:
			missing = append(missing, s.address+" ("+cmp.Or(s.why, "it has not asked us yet")+")")
		case slices.ContainsFunc(all, func(f founder) bool { return f.store == s.store }):
			missing = append(missing, s.address+" (another seed's address leads to the same broker)")
		default:
			all = append(all, asking[i])
		}
	}
	return all, missing
}

// record is the founding of a cluster by those who sit at the seats. Node ids are those asked for, else positions in the list, else the
// lowest that are free.
//
// Errors: two founders want the same node id.
func record(seats []seat, all []founder, clusterID string, nowMs int64, configs map[string]string) (*meta.InitCluster, error) {
	r := &meta.InitCluster{ClusterID: clusterID, CreatedMs: nowMs, FeatureLevel: meta.MaxFeatureLevel, Configs: configs}
	taken := map[int32]string{}
	for i, f := range all {
		if id := f.says.NodeID; id != 0 {
			if other := taken[id]; other != "" {
				return nil, fmt.Errorf("%s and %s both want --node-id %d: give one of them another", other, seats[i].address, id)
			}
			taken[id] = seats[i].address
		}
	}
	for i, f := range all {
		id := f.says.NodeID
		if id == 0 {
			for id = int32(i) + 1; taken[id] != ""; id = id%int32(MaxSeeds) + 1 {
			}
			taken[id] = seats[i].address
		}
		r.FeatureLevel = min(r.FeatureLevel, f.says.Level)
		r.Founders = append(r.Founders, meta.Node{ID: id, RaftID: meta.RaftIDOf(firstGeneration, id), StoreID: f.store,
			Endpoints: []meta.Endpoint{endpoint(seats[i].address)}, Version: f.says.Version})
	}
	return r, nil
}

// firstGeneration is that of founders' Raft ids. AddNode begins at 0, and gives a node id that was given before the next one.
const firstGeneration = 1

// Alone is the record of a cluster that one node founds by itself.
func Alone(clusterID string, nodeID int32, store [16]byte, address, version string, nowMs int64, configs map[string]string) *meta.InitCluster {
	n := meta.Node{ID: nodeID, RaftID: meta.RaftIDOf(firstGeneration, nodeID), StoreID: store, Version: version}
	if address != "" {
		n.Endpoints = []meta.Endpoint{endpoint(address)}
	}
	return &meta.InitCluster{ClusterID: clusterID, CreatedMs: nowMs, FeatureLevel: meta.MaxFeatureLevel, Founders: []meta.Node{n}, Configs: configs}
}

// Voters are the Raft ids that a record's cluster begins with: the largest odd number of founders, at most three. The rest join as learners.
func Voters(r *meta.InitCluster) []uint64 {
	n := min(len(r.Founders), maxVoters)
	if n%2 == 0 {
		n--
	}
	var ids []uint64
	for _, f := range r.Founders[:n] {
		ids = append(ids, f.RaftID)
	}
	return ids
}

// FounderOf is the place of a store in a record; nil if it has none.
func FounderOf(r *meta.InitCluster, store [16]byte) *meta.Node {
	if r != nil {
		for i := range r.Founders {
			if r.Founders[i].StoreID == store {
				return &r.Founders[i]
			}
		}
	}
	return nil
}

// Encode is a record as it is kept (storage.Identity.Founding) and sent: the command's own form.
func Encode(r *meta.InitCluster) string { return string(meta.Encode(meta.Envelope{Cmd: *r})) }

// Decode reads a record. "" is nil: no record.
//
// Errors: what it holds is no record of this program, or one that Apply would refuse.
func Decode(s string) (*meta.InitCluster, error) {
	if s == "" {
		return nil, nil
	}
	env, err := meta.Decode([]byte(s))
	if err != nil {
		return nil, err
	}
	r, ok := env.Cmd.(meta.InitCluster)
	if !ok {
		return nil, fmt.Errorf("a record of founders holds %v", env.Cmd.Kind())
	}
	if _, _, res := meta.Apply(meta.NewImage(), 1, env); res.Code != 0 {
		return nil, fmt.Errorf("a record of founders is refused: %s", res.Message)
	}
	return &r, nil
}

// offer is what a member of a cluster can say at once to a store that asks for a place; nil: it has to be proposed.
func offer(img *meta.Image, r *meta.InitCluster, encoded string, store [16]byte, says statement) *reply {
	known := nodeOf(img, store)
	if f := FounderOf(r, store); f != nil && (img.ClusterID() == "" || known != nil && known.RaftID == f.RaftID) {
		return &reply{State: stateFounded, Record: []byte(encoded)}
	}
	switch {
	case img.ClusterID() == "":
		return &reply{State: stateWaiting, Text: "the cluster has no metadata leader yet"}
	case says.Level < img.FeatureLevel():
		return &reply{State: stateRefused, Text: fmt.Sprintf("the cluster works at feature level %d, and broker %s understands %d: install a newer one",
			img.FeatureLevel(), says.Version, says.Level)}
	}
	return nil
}

// replaced tells a node that has a place whether it still has it: while it was away it may have been removed, or its id may have gone to another
// data directory. Raft ids of a node only grow, and who was removed stays so, so an image that is behind is never wrong about that.
func replaced(img *meta.Image, cluster string, node int32, raftID uint64) reply {
	if cluster == img.ClusterID() && img.LeftForGood(node, raftID) {
		return reply{State: stateRefused, Text: fmt.Sprintf("node %d was removed from cluster %s, so nothing in its data directory counts there any more. Name an empty one "+
			"with --data-dir to join anew", node, cluster)}
	}
	if n := img.Node(node); n != nil && cluster == img.ClusterID() && n.RaftID > raftID {
		return reply{State: stateRefused, Text: fmt.Sprintf("node %d of cluster %s is another data directory by now: this one was taken for lost. Name an empty one with "+
			"--data-dir to come back", node, cluster)}
	}
	return reply{State: stateWaiting}
}

// nodeOf finds the node of a store in the image; nil if there is none.
func nodeOf(img *meta.Image, store [16]byte) *meta.Node {
	list := img.Nodes()
	if i := slices.IndexFunc(list, func(n meta.Node) bool { return n.StoreID == store }); i >= 0 {
		return &list[i]
	}
	return nil
}

// wanted is the node id to ask AddNode for: the one asked for, else that of the node whose address the asker has, for it came back there
// without its disk, else −1, the next free one.
func wanted(img *meta.Image, says statement) int32 {
	if says.NodeID != 0 {
		return says.NodeID
	}
	for _, n := range img.Nodes() {
		if a := meta.PeerAddress(&n); a != "" && a == says.Address {
			return n.ID
		}
	}
	return -1
}

// places are the nodes of an image that have an address.
func places(list []meta.Node) (out []place) {
	for i := range list {
		if a := meta.PeerAddress(&list[i]); a != "" {
			out = append(out, place{list[i].ID, list[i].StoreID, a})
		}
	}
	return out
}
