package api

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"troupe/actors/meta"
	"troupe/kafka/code"
	"troupe/raftnode"
)

// UnregisterBroker (key 64, version 0): makes the cluster forget a broker that will not come back (KIP-631). One that still runs goes out of
// service and registers anew; with Kafka it does not come back before it is restarted. The node itself, and its vote, stay: see RemoveRaftVoter.
func unregisterBroker(c *Call) {
	req := c.Req.(*kmsg.UnregisterBrokerRequest)
	if c.View.Image.Broker(req.BrokerID) == nil {
		respondUnregistered(c, code.BrokerIdNotRegistered, "Broker ID "+itoa(int64(req.BrokerID))+" is not currently registered")
		return
	}
	c.Next = func(c *Call, answer any) {
		if p, ok := answer.(raftnode.Proposed); ok {
			respondUnregistered(c, proposalCode(p.Result.Code), p.Result.Message)
		}
	}
	c.Propose(meta.UnregisterBroker{BrokerID: req.BrokerID}, raftnode.DefaultTimeout)
}

func respondUnregistered(c *Call, e code.Code, why string) {
	resp := kmsg.NewPtrUnregisterBrokerResponse()
	resp.ErrorCode, resp.ErrorMessage = int16(e), &why // empty on success, as with Kafka
	c.Respond(resp)
}
