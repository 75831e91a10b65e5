package api

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"troupe/kafka/code"
)

// InitProducerId (key 22, versions 0-5).
//
//	v2 flexible; v3 a producer names its id and epoch to go on with them (KIP-360); v4 PRODUCER_FENCED; v5 transactions v2 (KIP-890).
//
// Without a transactional id the answer is always a new id; one that is given does not matter. Where Kafka says
// COORDINATOR_LOAD_IN_PROGRESS while it fetches a block of ids, the request is held. There is no transaction coordinator yet: a
// transactional id is answered with COORDINATOR_NOT_AVAILABLE.
func initProducerID(c *Call) {
	req := c.Req.(*kmsg.InitProducerIDRequest)
	if e, _ := firstRefusal(checkProducerEpoch(req), checkTransactionalID(c, req)); e != code.OK {
		c.Respond(producerIDAnswer(e, -1))
		return
	}
	c.Next = func(c *Call, answer any) {
		if g, ok := answer.(ProducerIDGiven); ok {
			c.Respond(producerIDAnswer(g.Code, g.ID))
		}
	}
	c.Env.ProducerIDs.Tell(&NextProducerID{Ask: c.Ask()})
}

// checkProducerEpoch refuses an id without an epoch, and an epoch without an id.
func checkProducerEpoch(req *kmsg.InitProducerIDRequest) check {
	return func() (code.Code, string) {
		if (req.ProducerID == -1) != (req.ProducerEpoch == -1) {
			return code.InvalidRequest, ""
		}
		return code.OK, ""
	}
}

func checkTransactionalID(c *Call, req *kmsg.InitProducerIDRequest) check {
	return func() (code.Code, string) {
		switch {
		case req.TransactionalID == nil:
			return code.OK, ""
		case *req.TransactionalID == "":
			return code.InvalidRequest, ""
		case req.TransactionTimeoutMillis <= 0 || int64(req.TransactionTimeoutMillis) > c.brokerInt("transaction.max.timeout.ms"):
			return code.InvalidTransactionTimeout, ""
		}
		return code.CoordinatorNotAvailable, ""
	}
}

func producerIDAnswer(e code.Code, id int64) *kmsg.InitProducerIDResponse {
	resp := kmsg.NewPtrInitProducerIDResponse()
	resp.ErrorCode, resp.ProducerID, resp.ProducerEpoch = int16(e), id, 0
	if e != code.OK {
		resp.ProducerID, resp.ProducerEpoch = -1, -1
	}
	return resp
}
