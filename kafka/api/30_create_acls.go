package api

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"troupe/kafka/code"
)

// CreateAcls (key 30, versions 1-3): there is no authorizer, so each is refused.
//
//	v2 flexible; v3 users as resources (KIP-373).
func createACLs(c *Call) {
	req := c.Req.(*kmsg.CreateACLsRequest)
	resp := kmsg.NewPtrCreateACLsResponse()
	for i := range req.Creations {
		a := &req.Creations[i]
		if a.ResourceType == unknownACL || a.ResourcePatternType == unknownACL || a.Operation == unknownACL || a.PermissionType == unknownACL {
			c.Disconnect("CreateAcls of what is unknown")
			return
		}
		x := kmsg.NewCreateACLsResponseResult()
		x.ErrorCode, x.ErrorMessage = int16(code.SecurityDisabled), text(textNoAuthorizer)
		resp.Results = append(resp.Results, x)
	}
	c.Respond(resp)
}
