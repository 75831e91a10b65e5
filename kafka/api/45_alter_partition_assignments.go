package api

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"

	"troupe/kafka/code"
)

// AlterPartitionAssignments (key 45, versions 0-1), Kafka's AlterPartitionReassignments: moves replicas to other brokers (KIP-455).
//
//	v1 a number of replicas that shall not change (KIP-860).
//
// A cluster of one broker has nowhere to move replicas to: only what is already so is accepted, and nothing is ever under way.
func alterPartitionAssignments(c *Call) {
	req := c.Req.(*kmsg.AlterPartitionAssignmentsRequest)
	resp := kmsg.NewPtrAlterPartitionAssignmentsResponse()
	resp.AllowReplicationFactorChange = req.AllowReplicationFactorChange
	e, _ := firstRefusal(checkTimeout(req.TimeoutMillis))
	resp.ErrorCode = int16(e)
	if len(req.Topics) == 0 && e == code.OK {
		resp.ErrorMessage = new(string) // Kafka's answer to nothing has an empty text, any other none
	}
	for i := range req.Topics {
		t := &req.Topics[i]
		x := kmsg.AlterPartitionAssignmentsResponseTopic{Topic: t.Topic}
		for j := range t.Partitions {
			e, why := e, ""
			if e == code.OK {
				e, why = reassigned(c, t.Topic, &t.Partitions[j], req.AllowReplicationFactorChange)
			}
			x.Partitions = append(x.Partitions, kmsg.AlterPartitionAssignmentsResponseTopicPartition{
				Partition: t.Partitions[j].Partition, ErrorCode: int16(e), ErrorMessage: text(why)})
		}
		resp.Topics = append(resp.Topics, x)
	}
	c.Respond(resp)
}

// reassigned says what comes of one assignment; null replicas call off one that is under way.
func reassigned(c *Call, topic string, want *kmsg.AlterPartitionAssignmentsRequestTopicPartition, resize bool) (code.Code, string) {
	t := c.View.Image.Topic(topic)
	if t == nil {
		return code.UnknownTopicOrPartition, "Unable to find a topic named " + topic + "."
	}
	if want.Partition < 0 || int(want.Partition) >= len(t.Partitions) {
		return code.UnknownTopicOrPartition, "Unable to find partition " + topic + ":" + itoa(int64(want.Partition)) + "."
	}
	if want.Replicas == nil {
		return code.NoReassignmentInProgress, ""
	}
	have := t.Partitions[want.Partition].Replicas
	if e, why := checkAssignments(c.View.Image, [][]int32{want.Replicas}, len(want.Replicas)); e != code.OK {
		return e, why
	}
	switch {
	case slices.Equal(have, want.Replicas):
		return code.OK, ""
	case !resize && len(have) != len(want.Replicas):
		return code.InvalidReplicationFactor, "The replication factor of partition " + topic + ":" + itoa(int64(want.Partition)) + " is " + itoa(int64(len(have))) +
			", and the request does not allow it to become " + itoa(int64(len(want.Replicas))) + "."
	}
	return code.InvalidReplicaAssignment, "Replicas do not move between brokers yet: this partition stays where it is."
}
