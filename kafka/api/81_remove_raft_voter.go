package api

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"troupe/actors/meta"
	"troupe/kafka/code"
	"troupe/raftnode"
)

// RemoveRaftVoter (key 81, version 0): takes a node's vote on the metadata log away (KIP-853). It goes on following the log.
//
// A node whose broker was unregistered before (UnregisterBroker) leaves the cluster altogether, for good: nothing is left that it could be for.
// It is refused while it holds a replica.
func removeRaftVoter(c *Call) {
	req := c.Req.(*kmsg.RemoveRaftVoterRequest)
	v := &voterChange{
		cluster: req.ClusterID, node: req.VoterID, directory: req.VoterDirectoryID,
		respond: func(e code.Code, why string) {
			resp := kmsg.NewPtrRemoveRaftVoterResponse()
			resp.ErrorCode, resp.ErrorMessage = int16(e), &why
			c.Respond(resp)
		}}
	if img := c.View.Image; img.Node(v.node) != nil && img.Broker(v.node) == nil {
		v.removeNode(c)
		return
	}
	changeVoter(c, v)
}

// removeNode takes the node out of the cluster; Raft follows the cluster's nodes.
func (v *voterChange) removeNode(c *Call) {
	if e, why := v.check(c); e != code.OK {
		v.respond(e, why)
		return
	}
	c.Next = func(_ *Call, answer any) {
		p, ok := answer.(raftnode.Proposed)
		if !ok {
			return
		}
		if p.Result.Code == code.OK {
			p.Result.Message = "NONE"
		}
		v.respond(proposalCode(p.Result.Code), p.Result.Message)
	}
	c.Propose(meta.RemoveNode{NodeID: v.node}, raftnode.DefaultTimeout)
}
