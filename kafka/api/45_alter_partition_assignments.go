package api

import (
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"troupe/actors/meta"
	"troupe/kafka/code"
	"troupe/raftnode"
)

// AlterPartitionAssignments (key 45, versions 0-1), Kafka's AlterPartitionReassignments: moves replicas to other brokers (KIP-455).
//
//	v1 a number of replicas that shall not change (KIP-860).
//
// Any broker takes the request, and the cluster decides. The answer says that a move has begun: it is over when
// ListPartitionReassignments does not show it any more.
func alterPartitionAssignments(c *Call) {
	req := c.Req.(*kmsg.AlterPartitionAssignmentsRequest)
	k := &reassignCall{c: c, req: req}
	if len(req.Topics) > 0 { // nothing needs no time
		k.code, _ = firstRefusal(checkTimeout(req.TimeoutMillis))
	}
	k.plan()
	if len(k.cmd.Partitions) == 0 {
		k.respond()
		return
	}
	c.Next = func(_ *Call, answer any) {
		if p, ok := answer.(raftnode.Proposed); ok {
			k.proposed(p)
		}
	}
	c.Propose(k.cmd, time.Duration(req.TimeoutMillis)*time.Millisecond)
}

// reassignCall is one AlterPartitionAssignments under way.
type reassignCall struct {
	c    *Call
	req  *kmsg.AlterPartitionAssignmentsRequest
	code code.Code // of the whole
	why  string
	rows [][]reassignRow // by topic and partition of the request
	cmd  meta.AlterReassignments
}

type reassignRow struct {
	code  code.Code
	why   string
	place int // in cmd.Partitions, -1 if it is not among them
}

// plan judges each partition and fills the command with those that may move, or end a move.
func (k *reassignCall) plan() {
	for i := range k.req.Topics {
		t := &k.req.Topics[i]
		rows := make([]reassignRow, len(t.Partitions))
		for j := range t.Partitions {
			r := &rows[j]
			if r.code, r.place = k.code, -1; r.code == code.OK {
				k.one(r, t.Topic, &t.Partitions[j])
			}
		}
		k.rows = append(k.rows, rows)
	}
}

// one judges what is wanted of one partition; null replicas end the move under way.
func (k *reassignCall) one(r *reassignRow, topic string, want *kmsg.AlterPartitionAssignmentsRequestTopicPartition) {
	t := k.c.View.Image.Topic(topic)
	switch {
	case t == nil:
		r.code, r.why = code.UnknownTopicOrPartition, "Unable to find a topic named "+topic+"."
	case want.Partition < 0 || int(want.Partition) >= len(t.Partitions):
		r.code, r.why = code.UnknownTopicOrPartition, "Unable to find partition "+topic+":"+itoa(int64(want.Partition))+"."
	case want.Replicas != nil:
		r.code, r.why = firstRefusal(
			func() (code.Code, string) {
				return checkAssignments(k.c.View.Image, [][]int32{want.Replicas}, len(want.Replicas))
			},
			checkFactor(&t.Partitions[want.Partition], len(want.Replicas), k.req.AllowReplicationFactorChange),
		)
	}
	if r.code == code.OK {
		r.place = len(k.cmd.Partitions)
		k.cmd.Partitions = append(k.cmd.Partitions, meta.Reassignment{PartitionRef: meta.PartitionRef{Topic: t.ID, Index: want.Partition}, Target: want.Replicas})
	}
}

// checkFactor refuses another number of replicas where the request does not allow it. Of a partition on the move those count that it will
// have in the end.
func checkFactor(p *meta.Partition, want int, resize bool) check {
	return func() (code.Code, string) {
		if have := len(p.Replicas) - len(p.Removing); !resize && have != want {
			return code.InvalidReplicationFactor, "The replication factor is changed from " + itoa(int64(have)) + " to " + itoa(int64(want))
		}
		return code.OK, ""
	}
}

// proposed puts what the cluster decided into the answer.
func (k *reassignCall) proposed(p raftnode.Proposed) {
	results, _ := p.Result.Value.([]meta.PartitionResult)
	k.code, k.why = proposalCode(p.Result.Code), p.Result.Message
	for _, rows := range k.rows {
		for j := range rows {
			r := &rows[j]
			if r.place < 0 {
				continue
			}
			r.code, r.why = k.code, k.why
			if k.code == code.OK {
				r.code, r.why = partitionCode(&results[r.place])
			}
		}
	}
	k.respond()
}

func (k *reassignCall) respond() {
	resp := kmsg.NewPtrAlterPartitionAssignmentsResponse()
	// An answer to nothing, and one that refuses the whole, keep the field's default, as Kafka's do.
	resp.AllowReplicationFactorChange = k.req.AllowReplicationFactorChange || len(k.req.Topics) == 0 || k.code != code.OK
	resp.ErrorCode, resp.ErrorMessage = int16(k.code), text(k.why)
	if len(k.req.Topics) == 0 && k.code == code.OK {
		resp.ErrorMessage = new(string) // Kafka's answer to nothing has an empty text, any other none
	}
	for i := range k.req.Topics {
		t := &k.req.Topics[i]
		x := kmsg.AlterPartitionAssignmentsResponseTopic{Topic: t.Topic}
		for j := range t.Partitions {
			r := &k.rows[i][j]
			x.Partitions = append(x.Partitions, kmsg.AlterPartitionAssignmentsResponseTopicPartition{
				Partition: t.Partitions[j].Partition, ErrorCode: int16(r.code), ErrorMessage: text(r.why)})
		}
		resp.Topics = append(resp.Topics, x)
	}
	k.c.Respond(resp)
}
