package api

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"

	"troupe/actors/meta"
	"troupe/kafka/code"
)

// DescribeTopicPartitions (key 75, version 0, KIP-966): topics in order of their names, as many partitions as the limit allows,
// and a cursor to go on from. No topics in the request means all.
func describeTopicPartitions(c *Call) {
	req := c.Req.(*kmsg.DescribeTopicPartitionsRequest)
	resp := kmsg.NewPtrDescribeTopicPartitionsResponse()
	if e, _ := firstRefusal(checkCursor(req)); e != code.OK {
		for i := range req.Topics {
			t := kmsg.NewDescribeTopicPartitionsResponseTopic()
			t.Topic, t.ErrorCode = &req.Topics[i].Topic, int16(e)
			resp.Topics = append(resp.Topics, t)
		}
		c.Respond(resp)
		return
	}
	limit := c.brokerInt("max.request.partition.size.limit")
	p := &partitionPage{img: c.View.Image, resp: resp, left: max(1, min(int(req.ResponsePartitionLimit), int(limit)))}
	if req.Cursor != nil {
		p.topic, p.first = req.Cursor.Topic, req.Cursor.Partition
	}
	p.fill(req)
	c.Respond(resp)
}

// checkCursor refuses a cursor that does not belong to the request. With all topics any topic will do: it may be gone by now.
func checkCursor(req *kmsg.DescribeTopicPartitionsRequest) check {
	return func() (code.Code, string) {
		if req.Cursor == nil {
			return code.OK, ""
		}
		named := len(req.Topics) == 0 || slices.ContainsFunc(req.Topics, func(t kmsg.DescribeTopicPartitionsRequestTopic) bool {
			return t.Topic == req.Cursor.Topic
		})
		if !named || req.Cursor.Partition < 0 {
			return code.InvalidRequest, ""
		}
		return code.OK, ""
	}
}

// partitionPage is one answer while it is filled.
type partitionPage struct {
	img   *meta.Image
	resp  *kmsg.DescribeTopicPartitionsResponse
	left  int    // partitions that still fit
	topic string // of the cursor: where to begin
	first int32  // partition of that topic to begin with
}

func (p *partitionPage) fill(req *kmsg.DescribeTopicPartitionsRequest) {
	if len(req.Topics) == 0 {
		for t := range p.img.TopicsFrom(p.topic) {
			if !p.add(t.Name, t) {
				return
			}
		}
		return
	}
	names := make([]string, len(req.Topics))
	for i := range req.Topics {
		names[i] = req.Topics[i].Topic
	}
	for _, name := range sortedUnique(names) {
		if name >= p.topic && !p.add(name, p.img.Topic(name)) {
			return
		}
	}
}

// add describes one topic; false when the answer is full.
func (p *partitionPage) add(name string, t *meta.Topic) bool {
	if p.left == 0 {
		p.resp.NextCursor = &kmsg.DescribeTopicPartitionsResponseNextCursor{Topic: name}
		return false
	}
	x := kmsg.NewDescribeTopicPartitionsResponseTopic()
	x.Topic, x.AuthorizedOperations, x.IsInternal = &name, topicOperations, isInternal(name)
	if t == nil {
		e, _ := firstRefusal(checkTopicName(name), func() (code.Code, string) { return code.UnknownTopicOrPartition, "" })
		x.ErrorCode = int16(e)
		p.resp.Topics = append(p.resp.Topics, x)
		return true
	}
	x.TopicID, x.IsInternal = t.ID, t.Internal
	from := 0
	if name == p.topic {
		from = min(int(p.first), len(t.Partitions))
	}
	to := min(from+p.left, len(t.Partitions))
	for i := from; i < to; i++ {
		x.Partitions = append(x.Partitions, p.describe(&t.Partitions[i]))
	}
	p.left -= to - from
	p.resp.Topics = append(p.resp.Topics, x)
	if to < len(t.Partitions) {
		p.resp.NextCursor = &kmsg.DescribeTopicPartitionsResponseNextCursor{Topic: name, Partition: int32(to)}
		return false
	}
	return true
}

func (p *partitionPage) describe(q *meta.Partition) kmsg.DescribeTopicPartitionsResponseTopicPartition {
	x := kmsg.NewDescribeTopicPartitionsResponseTopicPartition()
	x.Partition, x.LeaderID, x.LeaderEpoch = q.Index, leaderOf(p.img, q), q.LeaderEpoch
	x.Replicas, x.ISR, x.OfflineReplicas = q.Replicas, q.ISR, offline(p.img, q.Replicas)
	x.EligibleLeaderReplicas, x.LastKnownELR = append([]int32{}, q.ELR...), []int32{}
	return x
}
