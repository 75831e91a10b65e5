package api

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"troupe/actors/group"
)

// SyncGroup (key 14, versions 0-5).
//
//	v3 static members (KIP-345); v4 flexible; v5 the protocol and its type, which must be there (KIP-559).
//
// The answer comes when the leader's assignment is durable.
func syncGroup(c *Call) {
	req := c.Req.(*kmsg.SyncGroupRequest)
	c.Next = func(c *Call, answer any) {
		if a, ok := answer.(group.Synced); ok {
			c.Respond(a.Resp)
		}
	}
	c.OnClose = func(c *Call) {
		resp := kmsg.NewPtrSyncGroupResponse()
		resp.ErrorCode = int16(groupCode)
		c.Respond(resp)
	}
	c.tellGroup(req.Group, &group.Sync{Ask: c.Ask(), Client: c.groupClient(), Req: req})
}
