package api

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"troupe/actors/group"
)

// LeaveGroup (key 13, versions 0-5).
//
//	v3 several members, static ones too (KIP-345); v4 flexible; v5 a reason (KIP-800).
func leaveGroup(c *Call) {
	req := c.Req.(*kmsg.LeaveGroupRequest)
	c.Next = func(c *Call, answer any) {
		if a, ok := answer.(group.Left); ok {
			c.Respond(a.Resp)
		}
	}
	c.tellGroup(req.Group, &group.Leave{Ask: c.Ask(), Client: c.groupClient(), Req: req})
}
