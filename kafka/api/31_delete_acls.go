package api

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"troupe/kafka/code"
)

// DeleteAcls (key 31, versions 1-3): there is no authorizer, so each filter is refused.
//
//	v2 flexible; v3 users as resources (KIP-373).
func deleteACLs(c *Call) {
	req := c.Req.(*kmsg.DeleteACLsRequest)
	resp := kmsg.NewPtrDeleteACLsResponse()
	for i := range req.Filters {
		f := &req.Filters[i]
		if f.ResourceType == unknownACL || f.ResourcePatternType == unknownACL || f.Operation == unknownACL || f.PermissionType == unknownACL {
			c.Disconnect("DeleteAcls by what is unknown")
			return
		}
		x := kmsg.NewDeleteACLsResponseResult()
		x.ErrorCode, x.ErrorMessage = int16(code.SecurityDisabled), text(textNoAuthorizer)
		resp.Results = append(resp.Results, x)
	}
	c.Respond(resp)
}
