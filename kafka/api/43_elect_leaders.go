package api

import (
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"troupe/actors/meta"
	"troupe/kafka/code"
	"troupe/raftnode"
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
// The cluster decides; any broker takes the request. Of all partitions (null) only those are proposed that need an election by what this
// broker knows, and those are not told that need none.
func electLeaders(c *Call) {
	req := c.Req.(*kmsg.ElectLeadersRequest)
	k := &electCall{c: c, all: req.Topics == nil}
	if req.Topics != nil && len(req.Topics) == 0 { // nothing needs neither time nor a kind
		k.respond()
		return
	}
	if e, why := firstRefusal(checkTimeout(req.TimeoutMillis), checkElection(req.ElectionType)); e != code.OK {
		k.refuse(req, e, why)
		return
	}
	k.cmd.Unclean = req.ElectionType == electUnclean
	k.plan(req)
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

// electCall is one ElectLeaders under way.
type electCall struct {
	c    *Call
	all  bool // of all partitions: those that need no election are left out of the answer
	code code.Code
	rows []electRow
	cmd  meta.ElectLeaders
}

// electRow is one topic of the answer, and where its partitions are.
type electRow struct {
	topic      string
	partitions []electResult
}

type electResult struct {
	partition int32
	code      code.Code
	why       string
	place     int // in cmd.Partitions, -1 if it is not among them
}

func checkElection(kind int8) check {
	return func() (code.Code, string) {
		if kind != electPreferred && kind != electUnclean {
			return code.InvalidRequest, "Unknown election type " + itoa(int64(kind))
		}
		return code.OK, ""
	}
}

// refuse answers every partition that was named with the same code.
func (k *electCall) refuse(req *kmsg.ElectLeadersRequest, e code.Code, why string) {
	k.code = e
	for i := range req.Topics {
		row := electRow{topic: req.Topics[i].Topic}
		for _, n := range req.Topics[i].Partitions {
			row.partitions = append(row.partitions, electResult{n, e, why, -1})
		}
		k.rows = append(k.rows, row)
	}
	k.respond()
}

func (k *electCall) plan(req *kmsg.ElectLeadersRequest) {
	if k.all {
		for t := range k.c.View.Image.Topics() {
			row := electRow{topic: t.Name}
			for i := range t.Partitions {
				if k.needed(&t.Partitions[i]) {
					row.partitions = append(row.partitions, k.elect(t, int32(i)))
				}
			}
			k.rows = append(k.rows, row)
		}
		return
	}
	for i := range req.Topics {
		row := electRow{topic: req.Topics[i].Topic}
		t := k.c.View.Image.Topic(row.topic)
		for _, n := range req.Topics[i].Partitions {
			switch {
			case t == nil:
				row.partitions = append(row.partitions, electResult{n, code.UnknownTopicOrPartition, "No such topic as " + row.topic, -1})
			case n < 0 || int(n) >= len(t.Partitions):
				row.partitions = append(row.partitions, electResult{n, code.UnknownTopicOrPartition, "No such partition as " + row.topic + "-" + itoa(int64(n)), -1})
			default:
				row.partitions = append(row.partitions, k.elect(t, n))
			}
		}
		k.rows = append(k.rows, row)
	}
}

// needed says whether a partition has not the leader that the election would give it.
func (k *electCall) needed(p *meta.Partition) bool {
	if k.cmd.Unclean {
		return p.Leader == meta.NoLeader
	}
	return p.Leader != p.Replicas[0]
}

func (k *electCall) elect(t *meta.Topic, n int32) electResult {
	k.cmd.Partitions = append(k.cmd.Partitions, meta.Election{PartitionRef: meta.PartitionRef{Topic: t.ID, Index: n}, Candidate: meta.NoLeader})
	return electResult{partition: n, place: len(k.cmd.Partitions) - 1}
}

// proposed puts what the cluster decided into the answer.
func (k *electCall) proposed(p raftnode.Proposed) {
	results, _ := p.Result.Value.([]meta.PartitionResult)
	whole, why := proposalCode(p.Result.Code), p.Result.Message
	k.code = whole
	for i := range k.rows {
		for j := range k.rows[i].partitions {
			r := &k.rows[i].partitions[j]
			if r.place < 0 {
				continue
			}
			r.code, r.why = whole, why
			if whole == code.OK {
				r.code, r.why = partitionCode(&results[r.place])
			}
		}
	}
	k.respond()
}

// partitionCode is what a client hears that names its topics by name: one that was deleted meanwhile is not there.
func partitionCode(r *meta.PartitionResult) (code.Code, string) {
	switch r.Code {
	case code.UnknownTopicId:
		return code.UnknownTopicOrPartition, textUnknownTopic
	case code.ElectionNotNeeded:
		return r.Code, textElectionNotNeeded
	case code.NoReassignmentInProgress:
		return r.Code, "" // as Kafka leaves it
	}
	return r.Code, r.Message
}

func (k *electCall) respond() {
	resp := kmsg.NewPtrElectLeadersResponse()
	resp.ErrorCode = int16(k.code)
	for _, row := range k.rows {
		x := kmsg.ElectLeadersResponseTopic{Topic: row.topic}
		for _, r := range row.partitions {
			if k.all && r.code == code.ElectionNotNeeded {
				continue
			}
			x.Partitions = append(x.Partitions, kmsg.ElectLeadersResponseTopicPartition{Partition: r.partition, ErrorCode: int16(r.code), ErrorMessage: text(r.why)})
		}
		resp.Topics = append(resp.Topics, x)
	}
	k.c.Respond(resp)
}
