package api

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"troupe/kafka/code"
)

// DescribeDelegationToken (key 41, versions 1-3): refused, as Kafka does on a connection that has not told who it is.
//
//	v2 flexible; v3 who asked for a token (KIP-373).
func describeDelegationToken(c *Call) {
	resp := kmsg.NewPtrDescribeDelegationTokenResponse()
	resp.ErrorCode = int16(code.DelegationTokenRequestNotAllowed)
	c.Respond(resp)
}
