package api

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"troupe/kafka/code"
)

// ExpireDelegationToken (key 40, versions 1-2): refused, as Kafka does on a connection that has not told who it is.
//
//	v2 flexible.
func expireDelegationToken(c *Call) {
	resp := kmsg.NewPtrExpireDelegationTokenResponse()
	resp.ErrorCode, resp.ExpiryTimestamp = int16(code.DelegationTokenRequestNotAllowed), -1
	c.Respond(resp)
}
