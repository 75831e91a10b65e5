package api

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"troupe/kafka/code"
)

// UnregisterBroker (key 64, version 0): makes the cluster forget a broker that will not come back (KIP-631).
//
// One that is registered is refused. Kafka forgets even one that serves, which then cannot go on; here the only broker that there is
// would forget itself.
func unregisterBroker(c *Call) {
	req := c.Req.(*kmsg.UnregisterBrokerRequest)
	resp := kmsg.NewPtrUnregisterBrokerResponse()
	id := itoa(int64(req.BrokerID))
	if c.View.Image.Broker(req.BrokerID) == nil {
		resp.ErrorCode, resp.ErrorMessage = int16(code.BrokerIdNotRegistered), text("Broker ID "+id+" is not currently registered")
	} else {
		resp.ErrorCode, resp.ErrorMessage = int16(code.InvalidRequest), text("Broker "+id+" belongs to this cluster: a broker that is in use is not unregistered.")
	}
	c.Respond(resp)
}
