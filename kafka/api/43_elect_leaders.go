package api

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"

	"troupe/actors/meta"
	"troupe/kafka/code"
)

// The kinds of elections (KIP-460).
const (
	electPreferred int8 = 0
	electUnclean   int8 = 1
)

// ElectLeaders (key 43, versions 0-2): gives partitions the leader that comes first among their replicas, or any leader (KIP-183).
//
//	v1 unclean elections, and an error of the whole (KIP-460); v2 flexible.
//
// A cluster of one broker has nobody to choose: a partition is led by its only replica, or by nobody while that one does not serve.
// Of all partitions (null) those are not told that need no election.
func electLeaders(c *Call) {
	req := c.Req.(*kmsg.ElectLeadersRequest)
	resp := kmsg.NewPtrElectLeadersResponse()
	e, why := firstRefusal(checkTimeout(req.TimeoutMillis), checkElection(req.ElectionType))
	resp.ErrorCode = int16(e)
	if req.Topics == nil && e == code.OK {
		for t := range c.View.Image.Topics() {
			x := kmsg.ElectLeadersResponseTopic{Topic: t.Name}
			for i := range t.Partitions {
				if e, why := elected(c.View.Image, &t.Partitions[i], req.ElectionType); e != code.ElectionNotNeeded {
					x.Partitions = append(x.Partitions, electionResult(t.Partitions[i].Index, e, why))
				}
			}
			resp.Topics = append(resp.Topics, x)
		}
	}
	for i := range req.Topics {
		t := &req.Topics[i]
		x := kmsg.ElectLeadersResponseTopic{Topic: t.Topic}
		for _, n := range t.Partitions {
			e, why := e, why
			if e == code.OK {
				e, why = electNamed(c.View.Image, t.Topic, n, req.ElectionType)
			}
			x.Partitions = append(x.Partitions, electionResult(n, e, why))
		}
		resp.Topics = append(resp.Topics, x)
	}
	c.Respond(resp)
}

func checkElection(kind int8) check {
	return func() (code.Code, string) {
		if kind != electPreferred && kind != electUnclean {
			return code.InvalidRequest, "Unknown election type " + itoa(int64(kind))
		}
		return code.OK, ""
	}
}

func electionResult(partition int32, e code.Code, why string) kmsg.ElectLeadersResponseTopicPartition {
	return kmsg.ElectLeadersResponseTopicPartition{Partition: partition, ErrorCode: int16(e), ErrorMessage: text(why)}
}

func electNamed(img *meta.Image, topic string, partition int32, kind int8) (code.Code, string) {
	t := img.Topic(topic)
	if t == nil {
		return code.UnknownTopicOrPartition, "No such topic as " + topic
	}
	if partition < 0 || int(partition) >= len(t.Partitions) {
		return code.UnknownTopicOrPartition, "No such partition as " + topic + "-" + itoa(int64(partition))
	}
	return elected(img, &t.Partitions[partition], kind)
}

// elected says why a partition gets no other leader.
func elected(img *meta.Image, p *meta.Partition, kind int8) (code.Code, string) {
	switch {
	case kind == electPreferred && p.Leader == p.Replicas[0], kind == electUnclean && p.Leader != meta.NoLeader:
		return code.ElectionNotNeeded, textElectionNotNeeded
	case kind == electUnclean:
		return code.EligibleLeadersNotAvailable, "None of the replicas of this partition serves."
	case !serves(img, p.Replicas[0]):
		return code.PreferredLeaderNotAvailable, "Broker " + itoa(int64(p.Replicas[0])) + ", the preferred leader, does not serve."
	case !slices.Contains(p.ISR, p.Replicas[0]):
		return code.PreferredLeaderNotAvailable, "Broker " + itoa(int64(p.Replicas[0])) + ", the preferred leader, is not in sync."
	}
	return code.PreferredLeaderNotAvailable, "Leaders do not move between brokers yet."
}
