package api

import (
	"encoding/binary"
	"slices"
	"strconv"

	"troupe/actors/meta"
	"troupe/actors/node"
)

// What is said of the cluster and its topics in several answers: Metadata, DescribeCluster, DescribeTopicPartitions.

// Bits of the operations that a client may do, without an authorizer: all that the resource knows (KIP-430).
const (
	topicOperations   int32 = 3576
	clusterOperations int32 = 8096
)

// isInternal tells the topics that the broker keeps its own state in.
func isInternal(name string) bool {
	switch name {
	case "__consumer_offsets", "__transaction_state", "__share_group_state":
		return true
	}
	return false
}

// serves says whether a broker is there for clients: registered and not fenced.
func serves(img *meta.Image, id int32) bool {
	b := img.Broker(id)
	return b != nil && !b.Fenced
}

// offline are the replicas whose brokers do not serve.
func offline(img *meta.Image, replicas []int32) []int32 {
	var out []int32
	for _, id := range replicas {
		if !serves(img, id) {
			out = append(out, id)
		}
	}
	return out
}

// leaderOf is the partition's leader as clients may use it: -1 if it has none, or one that does not serve.
func leaderOf(img *meta.Image, p *meta.Partition) int32 {
	if p.Leader != meta.NoLeader && serves(img, p.Leader) {
		return p.Leader
	}
	return meta.NoLeader
}

// controllerOf is the broker that clients are told to send changes of the cluster to: the leader of the metadata log. While none is known, or it
// serves no clients, it is this broker, else the first that serves, since any broker takes what is for the controller. -1: none serves.
func controllerOf(v *node.View, self int32) int32 {
	for _, id := range []int32{v.LeaderID, self} {
		if serves(v.Image, id) {
			return id
		}
	}
	for _, b := range v.Image.Brokers() {
		if !b.Fenced {
			return b.ID
		}
	}
	return -1
}

// rackOf is a broker's rack as a nullable string.
func rackOf(b *meta.Broker) *string { return text(b.Rack) }

// sortedUnique are names in order, each once.
func sortedUnique(names []string) []string {
	slices.Sort(names)
	return slices.Compact(names)
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

func putUint64(b []byte, v uint64) { binary.BigEndian.PutUint64(b, v) }
