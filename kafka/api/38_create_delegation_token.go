package api

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"troupe/kafka/code"
)

// Everybody is this principal, where nobody is asked who he is.
const (
	userPrincipal = "User"
	anonymous     = "ANONYMOUS"
)

// CreateDelegationToken (key 38, versions 1-3): refused, as Kafka does on a connection that has not told who it is.
//
//	v2 flexible; v3 tokens for somebody else (KIP-373).
func createDelegationToken(c *Call) {
	req := c.Req.(*kmsg.CreateDelegationTokenRequest)
	resp := kmsg.NewPtrCreateDelegationTokenResponse()
	resp.ErrorCode = int16(code.DelegationTokenRequestNotAllowed)
	resp.PrincipalType, resp.PrincipalName = userPrincipal, anonymous
	resp.TokenRequesterPrincipalType, resp.TokenRequesterPrincipalName = userPrincipal, anonymous
	if name := req.OwnerPrincipalName; name != nil && *name != "" {
		resp.PrincipalName = *name
		if kind := req.OwnerPrincipalType; kind != nil {
			resp.PrincipalType = *kind
		}
	}
	resp.IssueTimestamp, resp.ExpiryTimestamp, resp.MaxTimestamp = -1, -1, -1
	c.Respond(resp)
}
