package api

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"troupe/actors/meta"
)

// ListPartitionReassignments (key 46, version 0): the partitions that are on their way to other brokers (KIP-455), all of them or of those
// that are named. What does not exist is not an error here.
func listPartitionReassignments(c *Call) {
	req := c.Req.(*kmsg.ListPartitionReassignmentsRequest)
	resp := kmsg.NewPtrListPartitionReassignmentsResponse()
	if req.Topics == nil {
		for t := range c.View.Image.Topics() {
			x := kmsg.ListPartitionReassignmentsResponseTopic{Topic: t.Name}
			for i := range t.Partitions {
				showMove(&x, &t.Partitions[i])
			}
			addMoves(resp, x)
		}
	}
	for i := range req.Topics {
		t := c.View.Image.Topic(req.Topics[i].Topic)
		if t == nil {
			continue
		}
		x := kmsg.ListPartitionReassignmentsResponseTopic{Topic: t.Name}
		for _, n := range req.Topics[i].Partitions {
			if n >= 0 && int(n) < len(t.Partitions) {
				showMove(&x, &t.Partitions[n])
			}
		}
		addMoves(resp, x)
	}
	c.Respond(resp)
}

// showMove adds a partition if it is on the move.
func showMove(x *kmsg.ListPartitionReassignmentsResponseTopic, p *meta.Partition) {
	if !p.Moving() {
		return
	}
	x.Partitions = append(x.Partitions, kmsg.ListPartitionReassignmentsResponseTopicPartition{
		Partition: p.Index, Replicas: p.Replicas, AddingReplicas: p.Adding, RemovingReplicas: p.Removing})
}

func addMoves(resp *kmsg.ListPartitionReassignmentsResponse, x kmsg.ListPartitionReassignmentsResponseTopic) {
	if len(x.Partitions) > 0 {
		resp.Topics = append(resp.Topics, x)
	}
}
