package api

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"troupe/actors/group"
	"troupe/actors/kit/trace"
	"troupe/kafka/code"
)

// SyncGroup (key 14, versions 0-5).
//
//	v3 static members (KIP-345); v4 flexible; v5 the protocol and its type, which must be there (KIP-559).
//
// The answer comes when the leader's assignment is durable.
func syncGroup(c *Call) {
	req := c.Req.(*kmsg.SyncGroupRequest)
	size := syncSize(req)
	if c.Env.joining.Add(size) > maxJoining {
		c.Env.joining.Add(-size)
		c.Respond(syncRefused(code.CoordinatorNotAvailable))
		return
	}
	c.Next = func(c *Call, answer any) {
		if a, ok := answer.(group.Synced); ok {
			c.Env.joining.Add(-size)
			c.Op.Resume()
			c.Respond(a.Resp)
		}
	}
	c.OnClose = func(c *Call) {
		c.Env.joining.Add(-size)
		c.Respond(syncRefused(groupCode))
	}
	c.Req = nil // the group lets go of it too
	c.Rest()    // it may wait for minutes, for the leader; joining bounds it
	c.Op.Await(trace.AwaitMembers, "")
	c.tellGroup(req.Group, &group.Sync{Ask: c.Ask(), Client: c.groupClient(), Req: req})
}

// syncSize is about what a SyncGroup takes while it waits, in bytes.
func syncSize(req *kmsg.SyncGroupRequest) int64 {
	n := 1024 + len(req.Group) + len(req.MemberID)
	for i := range req.GroupAssignment {
		n += 64 + len(req.GroupAssignment[i].MemberID) + len(req.GroupAssignment[i].MemberAssignment)
	}
	return int64(n)
}

func syncRefused(e code.Code) *kmsg.SyncGroupResponse {
	resp := kmsg.NewPtrSyncGroupResponse()
	resp.ErrorCode = int16(e)
	return resp
}
