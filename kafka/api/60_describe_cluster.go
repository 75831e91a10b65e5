package api

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"troupe/kafka/code"
)

// The kinds of endpoints of DescribeCluster (KIP-919).
const (
	endpointBrokers     int8 = 1
	endpointControllers int8 = 2
)

// DescribeCluster (key 60, versions 0-2), always flexible.
//
//	v1 kinds of endpoints (KIP-919); v2 fenced brokers too, if wanted (KIP-1073).
func describeCluster(c *Call) {
	req := c.Req.(*kmsg.DescribeClusterRequest)
	resp := kmsg.NewPtrDescribeClusterResponse()
	if e, why := firstRefusal(checkEndpointType(req.EndpointType)); e != code.OK {
		resp.ErrorCode, resp.ErrorMessage = int16(e), text(why)
		c.Respond(resp)
		return
	}
	resp.EndpointType, resp.ClusterID, resp.ControllerID = endpointBrokers, c.Env.ClusterID(), controllerOf(c.View, c.Env.NodeID)
	if req.IncludeClusterAuthorizedOperations {
		resp.ClusterAuthorizedOperations = clusterOperations
	}
	for _, b := range c.View.Image.Brokers() {
		if b.Fenced && !req.IncludeFencedBrokers {
			continue
		}
		at := listenerOf(&b, c.Conn.Listener)
		x := kmsg.NewDescribeClusterResponseBroker()
		x.NodeID, x.Host, x.Port, x.Rack, x.IsFenced = b.ID, at.Host, int32(at.Port), rackOf(&b), b.Fenced
		resp.Brokers = append(resp.Brokers, x)
	}
	c.Respond(resp)
}
