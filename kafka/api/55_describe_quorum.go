package api

import (
	"cmp"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"troupe/actors/meta"
	"troupe/kafka/code"
	"troupe/raftnode"
)

// metadataLog is the name that the metadata log goes by.
const metadataLog = "__cluster_metadata"

// DescribeQuorum (key 55, versions 0-2): who keeps the metadata log, and how far each of them is (KIP-595).
//
//	v1 when a replica last fetched and last had everything (KIP-836); v2 messages, directory ids and endpoints (KIP-853).
//
// Offsets here are Raft indexes, an end being the index after the last one; the epoch is Raft's term, and the directory of a voter
// its store. Only the leader knows how far others are, so it is asked; if it cannot be, the answer is NOT_LEADER_OR_FOLLOWER, and names it.
func describeQuorum(c *Call) {
	here := func() { describeQuorumHere(c) }
	c.atLeader(here, func(bool) { here() })
}

func describeQuorumHere(c *Call) {
	req := c.Req.(*kmsg.DescribeQuorumRequest)
	resp := kmsg.NewPtrDescribeQuorumResponse()
	resp.ErrorMessage = new(string) // empty on success, as with Kafka
	if !asksForQuorum(req) {
		for i := range req.Topics {
			t := kmsg.DescribeQuorumResponseTopic{Topic: req.Topics[i].Topic}
			for _, p := range req.Topics[i].Partitions {
				x := kmsg.NewDescribeQuorumResponseTopicPartition()
				x.Partition, x.ErrorCode, x.ErrorMessage = p.Partition, int16(code.UnknownTopicOrPartition), text(textUnknownTopic)
				t.Partitions = append(t.Partitions, x)
			}
			resp.Topics = append(resp.Topics, t)
		}
		c.Respond(resp)
		return
	}
	t := kmsg.DescribeQuorumResponseTopic{Topic: metadataLog}
	t.Partitions = append(t.Partitions, quorumPartition(c, c.Env.Quorum()))
	resp.Topics = append(resp.Topics, t)
	resp.Nodes = quorumNodes(c, t.Partitions[0].CurrentVoters)
	c.Respond(resp)
}

// asksForQuorum says whether exactly the one partition of the metadata log is asked for; Kafka knows nothing beside it.
func asksForQuorum(req *kmsg.DescribeQuorumRequest) bool {
	return len(req.Topics) == 1 && req.Topics[0].Topic == metadataLog && len(req.Topics[0].Partitions) == 1 && req.Topics[0].Partitions[0].Partition == 0
}

func quorumPartition(c *Call, s raftnode.Status) kmsg.DescribeQuorumResponseTopicPartition {
	x := kmsg.NewDescribeQuorumResponseTopicPartition()
	x.ErrorMessage = new(string)
	x.LeaderID, x.LeaderEpoch = s.LeaderNode(), int32(s.Term)
	if s.Leader == 0 || s.Leader != s.ID {
		x.ErrorCode, x.ErrorMessage = int16(code.NotLeaderForPartition), text("Node "+itoa(int64(c.Env.NodeID))+" does not lead the metadata log.")
		return x
	}
	x.HighWatermark = int64(s.Committed) + 1
	for _, id := range s.Voters {
		x.CurrentVoters = append(x.CurrentVoters, replicaState(c, s, id))
	}
	for _, id := range s.Learners {
		x.Observers = append(x.Observers, replicaState(c, s, id))
	}
	byNode := func(a, b kmsg.DescribeQuorumResponseTopicPartitionReplicaState) int {
		return cmp.Compare(a.ReplicaID, b.ReplicaID)
	}
	slices.SortFunc(x.CurrentVoters, byNode) // Raft knows them by ids that tell nothing
	slices.SortFunc(x.Observers, byNode)
	return x
}

// replicaState is one member of the quorum as its leader sees it; -1 for what it does not know.
func replicaState(c *Call, s raftnode.Status, raftID uint64) kmsg.DescribeQuorumResponseTopicPartitionReplicaState {
	r := kmsg.NewDescribeQuorumResponseTopicPartitionReplicaState()
	r.ReplicaID, r.LogEndOffset, r.LastFetchTimestamp, r.LastCaughtUpTimestamp = raftnode.NodeOf(raftID), -1, -1, -1
	if n := c.View.Image.Node(r.ReplicaID); n != nil {
		r.ReplicaDirectoryID = n.StoreID
	}
	if raftID == s.ID { // the leader always has all that it has
		now := c.Sys.Now().UnixMilli()
		r.LogEndOffset, r.LastFetchTimestamp, r.LastCaughtUpTimestamp = int64(s.Persisted)+1, now, now
		return r
	}
	if i := slices.IndexFunc(s.Replicas, func(x raftnode.Replica) bool { return x.ID == raftID }); i >= 0 {
		x := &s.Replicas[i]
		r.LogEndOffset, r.LastFetchTimestamp, r.LastCaughtUpTimestamp = int64(x.Match)+1, millis(x.LastContact), millis(x.LastCaughtUp)
	}
	return r
}

// millis is a time as answers tell it; -1 if it never came.
func millis(t time.Time) int64 {
	if t.IsZero() {
		return -1
	}
	return t.UnixMilli()
}

// quorumNodes are the addresses of the voters, as far as the cluster knows them, under the name of Kafka's controllers.
func quorumNodes(c *Call, voters []kmsg.DescribeQuorumResponseTopicPartitionReplicaState) (out []kmsg.DescribeQuorumResponseNode) {
	for i := range voters {
		n := kmsg.NewDescribeQuorumResponseNode()
		n.NodeID = voters[i].ReplicaID
		if at, ok := controllerAddress(c, n.NodeID); ok {
			n.Listeners = append(n.Listeners, kmsg.DescribeQuorumResponseNodeListener{Name: c.Env.Controller.Name, Host: at.Host, Port: at.Port})
		}
		out = append(out, n)
	}
	return out
}

func controllerAddress(c *Call, node int32) (meta.Endpoint, bool) {
	if node == c.Env.NodeID {
		return c.Env.Controller, true
	}
	if n := c.View.Image.Node(node); n != nil {
		for _, e := range n.Endpoints {
			if e.Name == meta.PeerListener {
				return e, true
			}
		}
	}
	return meta.Endpoint{}, false
}
