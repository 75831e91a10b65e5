package api

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"troupe/actors/group"
	"troupe/actors/kit/trace"
	"troupe/kafka/code"
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
	size := joinSize(req)
	if c.Env.joining.Add(size) > maxJoining {
		c.Env.joining.Add(-size)
		c.Respond(joinRefused(c.Version, req.MemberID, code.CoordinatorNotAvailable))
		return
	}
	m := &group.Join{Ask: c.Ask(), Client: c.groupClient(), Req: req}
	c.Next = func(c *Call, answer any) {
		if a, ok := answer.(group.Joined); ok {
			c.Env.joining.Add(-size)
			c.Op.Resume()
			c.Op.ByDesign(a.Delayed(), "group.initial.rebalance.delay.ms, for members that may come")
			c.Respond(a.Resp)
		}
	}
	id := req.MemberID
	c.OnClose = func(c *Call) {
		c.Env.joining.Add(-size)
		c.Respond(joinRefused(c.Version, id, groupCode))
	}
	c.Req = nil // the group lets go of it too
	c.Rest()    // it may wait for minutes; joining bounds it
	c.Op.Await(trace.AwaitMembers, "")
	c.tellGroup(req.Group, m)
}

// maxJoining is what all JoinGroup and SyncGroup requests that wait for their groups may take; beyond, members are told to try again.
const maxJoining = 16 << 20

// joinSize is about what a JoinGroup takes while it waits, in bytes.
func joinSize(req *kmsg.JoinGroupRequest) int64 {
	n := 1024 + len(req.Group) + len(req.MemberID)
	for i := range req.Protocols {
		n += 64 + len(req.Protocols[i].Name) + len(req.Protocols[i].Metadata)
	}
	return int64(n)
}

// joinRefused is an answer that is no place in a generation.
func joinRefused(version int16, memberID string, e code.Code) *kmsg.JoinGroupResponse {
	resp := kmsg.NewPtrJoinGroupResponse()
	resp.ErrorCode, resp.Generation, resp.MemberID = int16(e), -1, memberID
	if version < 7 {
		resp.Protocol = new(string) // null is not allowed there
	}
	return resp
}
