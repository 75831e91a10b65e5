package api

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"troupe/kafka/code"
)

// The texts of a broker without an authorizer, as Kafka's tools show them.
const (
	textNoAuthorizerHere = "No Authorizer is configured on the broker"
	textNoAuthorizer     = "No Authorizer is configured."
)

// unknownACL is the number of what is unknown among kinds of resources, patterns, operations and permissions alike. A request that
// says it has no meaning: Kafka closes the connection (DescribeAclsRequest and its siblings check it while they are read). Other
// numbers without a meaning pass.
const unknownACL = 0

// DescribeAcls (key 29, versions 1-3): there is no authorizer, so there are no ACLs.
//
//	v2 flexible; v3 users as resources (KIP-373).
func describeACLs(c *Call) {
	req := c.Req.(*kmsg.DescribeACLsRequest)
	if req.ResourceType == unknownACL || req.ResourcePatternType == unknownACL || req.Operation == unknownACL || req.PermissionType == unknownACL {
		c.Disconnect("DescribeAcls by what is unknown")
		return
	}
	resp := kmsg.NewPtrDescribeACLsResponse()
	resp.ErrorCode, resp.ErrorMessage = int16(code.SecurityDisabled), text(textNoAuthorizerHere)
	c.Respond(resp)
}
