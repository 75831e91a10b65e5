package api

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"troupe/actors/group"
)

// Heartbeat (key 12, versions 0-4).
//
//	v3 static members (KIP-345); v4 flexible.
func heartbeat(c *Call) {
	req := c.Req.(*kmsg.HeartbeatRequest)
	c.Next = func(c *Call, answer any) {
		if a, ok := answer.(group.Heard); ok {
			c.Respond(a.Resp)
		}
	}
	c.tellGroup(req.Group, &group.Heartbeat{Ask: c.Ask(), Client: c.groupClient(), Req: req})
}
