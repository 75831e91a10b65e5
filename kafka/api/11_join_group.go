package api

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"troupe/actors/group"
)

// JoinGroup (key 11, versions 0-9).
//
//	v1 a time for rebalances of its own (until then the session's); v4 MEMBER_ID_REQUIRED (KIP-394); v5 static members (KIP-345); v6 flexible;
//	v7 the protocol's type in answers; v8 a reason (KIP-800); v9 SkipAssignment (KIP-814).
//
// The answer comes when the rebalance has gathered the members. Whoever leaves before that is still a member, until its session ends, as with
// Kafka; only nobody waits for the answer any more.
func joinGroup(c *Call) {
	req := c.Req.(*kmsg.JoinGroupRequest)
	if c.Version == 0 {
		req.RebalanceTimeoutMillis = req.SessionTimeoutMillis
	}
	m := &group.Join{Ask: c.Ask(), Client: c.groupClient(), Req: req}
	c.Next = func(c *Call, answer any) {
		if a, ok := answer.(group.Joined); ok {
			c.Respond(a.Resp)
		}
	}
	c.OnClose = func(c *Call) {
		resp := kmsg.NewPtrJoinGroupResponse()
		resp.ErrorCode, resp.Generation, resp.MemberID = int16(groupCode), -1, req.MemberID
		if c.Version < 7 {
			resp.Protocol = new(string) // null is not allowed there
		}
		c.Respond(resp)
	}
	c.tellGroup(req.Group, m)
}
