package api

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"troupe/kafka/code"
)

// RenewDelegationToken (key 39, versions 1-2): refused, as Kafka does on a connection that has not told who it is.
//
//	v2 flexible.
func renewDelegationToken(c *Call) {
	resp := kmsg.NewPtrRenewDelegationTokenResponse()
	resp.ErrorCode, resp.ExpiryTimestamp = int16(code.DelegationTokenRequestNotAllowed), -1
	c.Respond(resp)
}
