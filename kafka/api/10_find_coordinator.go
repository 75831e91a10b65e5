package api

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"troupe/actors/group"
	"troupe/actors/kit/trace"
	"troupe/kafka/code"
)

// The kinds of coordinators.
const coordinatorOfGroup int8 = 0

// FindCoordinator (key 10, versions 0-6).
//
//	v1 kinds of coordinators, messages; v3 flexible; v4 several keys (KIP-699); v5 TRANSACTION_ABORTABLE (KIP-890); v6 coordinators of share
//	groups (KIP-932).
//
// Groups live in __consumer_offsets, which is made when somebody asks for the first coordinator; the request is held until it is there. Kinds
// that this broker does not serve are answered as Kafka answers kinds that it does not know, so that a client fails at once.
func findCoordinator(c *Call) {
	req := c.Req.(*kmsg.FindCoordinatorRequest)
	if req.CoordinatorType != coordinatorOfGroup || c.View.Image.Topic(group.Topic) != nil {
		c.Respond(coordinatorAnswer(c, req))
		return
	}
	c.Next = func(c *Call, answer any) {
		if _, ok := answer.(TopicsEnsured); ok {
			c.Op.Resume()
			c.View = c.Env.Published.Get()
			c.Respond(coordinatorAnswer(c, req))
		}
	}
	c.Op.Await(trace.AwaitTopic, group.Topic)
	c.Env.TopicMaker.Tell(&EnsureTopics{Ask: c.Ask(), Names: []string{group.Topic}, Timeout: autoCreateWait})
}

func coordinatorAnswer(c *Call, req *kmsg.FindCoordinatorRequest) *kmsg.FindCoordinatorResponse {
	resp := kmsg.NewPtrFindCoordinatorResponse()
	if c.Version < 4 {
		x := oneCoordinator(c, req.CoordinatorType, req.CoordinatorKey)
		if x.ErrorCode == 0 {
			x.ErrorMessage = text("NONE")
		}
		resp.NodeID, resp.Host, resp.Port, resp.ErrorCode, resp.ErrorMessage = x.NodeID, x.Host, x.Port, x.ErrorCode, x.ErrorMessage
		return resp
	}
	for _, key := range req.CoordinatorKeys {
		x := oneCoordinator(c, req.CoordinatorType, key)
		if x.ErrorMessage == nil {
			x.ErrorMessage = new(string)
		}
		resp.Coordinators = append(resp.Coordinators, x)
	}
	return resp
}

func oneCoordinator(c *Call, kind int8, key string) kmsg.FindCoordinatorResponseCoordinator {
	x := kmsg.NewFindCoordinatorResponseCoordinator()
	x.Key, x.NodeID, x.Port = key, -1, -1
	refuse := func(e code.Code, why string) kmsg.FindCoordinatorResponseCoordinator {
		x.ErrorCode, x.ErrorMessage = int16(e), &why
		return x
	}
	switch kind {
	case coordinatorOfGroup:
	case 1:
		return refuse(code.InvalidRequest, "This broker does not serve transactions: use a producer without transactional.id.")
	case 2:
		return refuse(code.InvalidRequest, "This broker does not serve share groups: use a consumer group.")
	default: // Kafka's words for the code
		return refuse(code.InvalidRequest, "This most likely occurs because of a request being malformed by the client library or the message was sent to an incompatible broker. See the broker logs for more details.")
	}
	img := c.View.Image
	t := img.Topic(group.Topic)
	if t == nil {
		return refuse(code.CoordinatorNotAvailable, "The topic "+group.Topic+" is not there yet: ask again.")
	}
	b := img.Broker(leaderOf(img, &t.Partitions[group.PartitionFor(key, int32(len(t.Partitions)))]))
	if b == nil {
		return refuse(code.CoordinatorNotAvailable, "The partition of "+group.Topic+" that keeps this group has no leader at the moment: ask again.")
	}
	at := listenerOf(b, c.Conn.Listener)
	x.NodeID, x.Host, x.Port = b.ID, at.Host, int32(at.Port)
	return x
}
