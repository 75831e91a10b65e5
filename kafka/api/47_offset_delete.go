package api

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"troupe/actors/group"
	"troupe/kafka/code"
)

// OffsetDelete (key 47, version 0).
//
// Partitions that the cluster does not know are refused here, the others are the group's.
func offsetDelete(c *Call) {
	req := c.Req.(*kmsg.OffsetDeleteRequest)
	asked := *req
	asked.Topics = nil
	var refused []kmsg.OffsetDeleteResponseTopic
	topics := groupTopics{c.View.Image}
	for _, t := range joinForgotten(req.Topics) {
		yes := kmsg.OffsetDeleteRequestTopic{Topic: t.Topic}
		no := kmsg.OffsetDeleteResponseTopic{Topic: t.Topic}
		for _, p := range t.Partitions {
			if topics.has(t.Topic, p.Partition) {
				yes.Partitions = append(yes.Partitions, p)
				continue
			}
			no.Partitions = append(no.Partitions, kmsg.OffsetDeleteResponseTopicPartition{Partition: p.Partition, ErrorCode: int16(code.UnknownTopicOrPartition)})
		}
		if len(yes.Partitions) > 0 {
			asked.Topics = append(asked.Topics, yes)
		}
		if len(no.Partitions) > 0 || len(t.Partitions) == 0 && c.View.Image.Topic(t.Topic) == nil {
			refused = append(refused, no)
		}
	}
	c.Next = func(c *Call, answer any) {
		if a, ok := answer.(group.DeletedOffsets); ok {
			c.Respond(joinDeleted(a.Resp, refused))
		}
	}
	c.tellGroup(req.Group, &group.DeleteOffsets{Ask: c.Ask(), Client: c.groupClient(), Req: &asked})
}

// joinForgotten puts the partitions of a topic together: its name may stand in several places, and the answer has it once.
func joinForgotten(list []kmsg.OffsetDeleteRequestTopic) []kmsg.OffsetDeleteRequestTopic {
	at := map[string]int{}
	var out []kmsg.OffsetDeleteRequestTopic
	for _, t := range list {
		i, ok := at[t.Topic]
		if !ok {
			i = len(out)
			at[t.Topic] = i
			out = append(out, kmsg.OffsetDeleteRequestTopic{Topic: t.Topic})
		}
		out[i].Partitions = append(out[i].Partitions, t.Partitions...)
	}
	return out
}

// joinDeleted puts the group's answer and what was refused together; an error of the group stands alone.
func joinDeleted(from *kmsg.OffsetDeleteResponse, refused []kmsg.OffsetDeleteResponseTopic) *kmsg.OffsetDeleteResponse {
	resp := *from
	if resp.ErrorCode != 0 {
		return &resp
	}
	resp.Topics = refused // first, as Kafka has them
next:
	for _, t := range from.Topics {
		for i := range resp.Topics {
			if x := &resp.Topics[i]; x.Topic == t.Topic {
				x.Partitions = append(x.Partitions, t.Partitions...)
				continue next
			}
		}
		resp.Topics = append(resp.Topics, t)
	}
	return &resp
}
