package api

import (
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"troupe/actors/kit"
	"troupe/actors/meta"
	"troupe/kafka/code"
	"troupe/raftnode"
)

// AddRaftVoter (key 80, versions 0-1): gives a node a vote on the metadata log (KIP-853).
//
//	v1 whether to answer before the change is committed (KIP-1186), which is not looked at: the answer comes when it is in force.
//
// A node of the cluster has a copy of the log from its beginning, and its address is known: the listeners of the request are not looked at, and
// one that has never joined is refused. Nodes get votes by themselves, up to three; what is wished here goes before that.
func addRaftVoter(c *Call) {
	req := c.Req.(*kmsg.AddRaftVoterRequest)
	changeVoter(c, &voterChange{
		cluster: req.ClusterID, node: req.VoterID, directory: req.VoterDirectoryID, vote: true, timeout: time.Duration(req.TimeoutMillis) * time.Millisecond,
		respond: func(e code.Code, why string) {
			resp := kmsg.NewPtrAddRaftVoterResponse()
			resp.ErrorCode, resp.ErrorMessage = int16(e), &why
			c.Respond(resp)
		}})
}

// voterChange is what AddRaftVoter and RemoveRaftVoter have in common.
type voterChange struct {
	cluster   *string
	node      int32
	directory [16]byte // zero: whichever the node has
	vote      bool
	timeout   time.Duration
	respond   func(e code.Code, why string)
}

// changeVoter has the leader of the metadata log change the voters.
func changeVoter(c *Call, v *voterChange) {
	c.atLeader(func() { v.here(c) }, func(maybe bool) {
		if maybe {
			v.respond(code.RequestTimedOut, "The leader of the metadata log did not answer; the voters may still be changed.")
			return
		}
		v.respond(code.NotController, "The leader of the metadata log cannot be reached: ask again.")
	})
}

func (v *voterChange) here(c *Call) {
	raft := c.Sys.Lookup(raftnode.RaftName)
	e, why := v.check(c)
	if e == code.OK && raft == nil {
		e, why = code.NotController, "This broker does not lead the metadata log."
	}
	if e != code.OK {
		v.respond(e, why)
		return
	}
	c.Next = func(_ *Call, answer any) {
		m, ok := answer.(raftnode.VotersChanged)
		if !ok {
			return
		}
		if m.Code == code.OK {
			m.Message = "NONE" // as Kafka words it
		}
		v.respond(proposalCode(m.Code), m.Message)
	}
	raft.Tell(&raftnode.ChangeVoters{Ask: kit.Ask{ReplyTo: c.Sys.Self(), Slot: c.Slot}, Node: v.node, Vote: v.vote, Timeout: max(v.timeout, 0)})
}

// check refuses what is meant for another cluster, or for a node that is not there, or has another disk by now.
func (v *voterChange) check(c *Call) (code.Code, string) {
	none := code.InvalidRequest
	if !v.vote {
		none = code.VoterNotFound
	}
	n := c.View.Image.Node(v.node)
	switch {
	case v.cluster != nil && *v.cluster != c.Env.ClusterID():
		return code.InconsistentClusterId, "The request is for cluster " + *v.cluster + ", and this is " + c.Env.ClusterID() + "."
	case n == nil:
		return none, "Node " + itoa(int64(v.node)) + " is not part of the cluster: it joins when it is started with --join."
	case v.directory != [16]byte{} && v.directory != n.StoreID:
		return none, "Node " + itoa(int64(v.node)) + " has the directory " + meta.TopicID(n.StoreID).String() + ", not " + meta.TopicID(v.directory).String() + "."
	}
	return code.OK, ""
}
