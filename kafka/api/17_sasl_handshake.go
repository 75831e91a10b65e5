package api

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"troupe/kafka/code"
)

// SaslHandshake (key 17, versions 0-1; KIP-43, v1 with SaslAuthenticate: KIP-152).
//
// There are no listeners with SASL: 34 with no mechanisms, and the connection stays usable.
func saslHandshake(c *Call) {
	resp := kmsg.NewPtrSASLHandshakeResponse()
	resp.ErrorCode = int16(code.IllegalSaslState)
	resp.SupportedMechanisms = []string{}
	c.Respond(resp)
}
