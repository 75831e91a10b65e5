package api

import "github.com/twmb/franz-go/pkg/kmsg"

// ListPartitionReassignments (key 46, version 0): the replicas that are on their way to other brokers (KIP-455). There are none:
// AlterPartitionAssignments begins nothing. What does not exist is not an error here.
func listPartitionReassignments(c *Call) {
	c.Respond(kmsg.NewPtrListPartitionReassignmentsResponse())
}
