package api

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"troupe/kafka/code"
)

// SaslAuthenticate (key 36, versions 0-2; KIP-152, v1 session lifetime: KIP-368, v2 flexible).
//
// There are no listeners with SASL: 34, and the connection stays usable.
func saslAuthenticate(c *Call) {
	resp := kmsg.NewPtrSASLAuthenticateResponse()
	resp.ErrorCode = int16(code.IllegalSaslState)
	text := "SaslAuthenticate request received after successful authentication"
	resp.ErrorMessage = &text
	resp.SASLAuthBytes = []byte{}
	c.Respond(resp)
}
