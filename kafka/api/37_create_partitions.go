package api

import (
	"maps"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"troupe/actors/meta"
	"troupe/kafka/code"
	"troupe/raftnode"
)

// CreatePartitions (key 37, versions 0-3).
//
//	v2 flexible; v3 says that a client knows THROTTLING_QUOTA_EXCEEDED (KIP-599).
func createPartitions(c *Call) {
	req := c.Req.(*kmsg.CreatePartitionsRequest)
	k := &growCall{c: c, placer: meta.NewPlacer(c.View.Image)}
	k.plan(req)
	if req.ValidateOnly || len(k.cmd.Topics) == 0 {
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

// growCall is one CreatePartitions under way.
type growCall struct {
	c      *Call
	placer *meta.Placer
	rows   []growRow
	more   int // partitions that the command makes
	cmd    meta.CreatePartitions
}

// growRow is the answer for one topic.
type growRow struct {
	name  string
	code  code.Code
	why   string
	place int // in cmd.Topics, -1 if it is not among them
}

func (k *growCall) plan(req *kmsg.CreatePartitionsRequest) {
	names := make([]string, len(req.Topics))
	for i := range req.Topics {
		names[i] = req.Topics[i].Topic
	}
	again := repeated(names)
	if e, _ := firstRefusal(checkTimeout(req.TimeoutMillis)); e != code.OK && slices.Contains(slices.Collect(maps.Values(again)), false) {
		for _, name := range names { // one that is named twice is answered twice; if nothing else is asked for, no time is needed
			k.rows = append(k.rows, growRow{name: name, code: e, place: -1})
		}
		return
	}
	for i := range req.Topics {
		t := &req.Topics[i]
		twice, first := again[t.Topic]
		if !first {
			continue // answered already
		}
		delete(again, t.Topic)
		row := growRow{name: t.Topic, place: -1}
		var m meta.MorePartitions
		row.code, row.why = firstRefusal(
			func() (code.Code, string) {
				if twice {
					return code.InvalidRequest, textDuplicateName
				}
				return code.OK, ""
			},
			func() (e code.Code, why string) { m, e, why = k.one(t); return e, why },
		)
		if row.code == code.OK {
			row.place = len(k.cmd.Topics)
			k.cmd.Topics = append(k.cmd.Topics, m)
		}
		k.rows = append(k.rows, row)
	}
}

// one judges and plans one topic.
func (k *growCall) one(t *kmsg.CreatePartitionsRequestTopic) (m meta.MorePartitions, e code.Code, why string) {
	topic := k.c.View.Image.Topic(t.Topic)
	if topic == nil {
		return m, code.UnknownTopicOrPartition, ""
	}
	have := int32(len(topic.Partitions))
	if t.Count == have {
		return m, code.InvalidPartitions, "Topic already has " + itoa(int64(have)) + " partition(s)."
	}
	if t.Count < have {
		return m, code.InvalidPartitions, "The topic " + t.Topic + " currently has " + itoa(int64(have)) + " partition(s); " + itoa(int64(t.Count)) + " would not be an increase."
	}
	more := int(t.Count - have)
	if k.more+more > meta.MaxPartitionsPerRequest {
		return m, code.PolicyViolation, "Excessively large number of partitions per request."
	}
	m = meta.MorePartitions{ID: topic.ID, Expected: have, Count: t.Count}
	rf := topic.Partitions[0].Factor() // of one on the move: what it will be, or was
	if t.Assignment == nil {           // an empty list is one, and too short
		m.Assignments, e, why = k.placer.Place(int32(more), int16(rf), k.c.Sys.Rand())
	} else {
		m.Assignments, e, why = k.manual(t, more, rf)
	}
	if e == code.OK {
		k.more += more
	}
	return m, e, why
}

func (k *growCall) manual(t *kmsg.CreatePartitionsRequestTopic, more, rf int) ([][]int32, code.Code, string) {
	if len(t.Assignment) != more {
		return nil, code.InvalidReplicaAssignment, "Attempted to add " + itoa(int64(more)) + " additional partition(s), but only " +
			itoa(int64(len(t.Assignment))) + " assignment(s) were specified."
	}
	out := make([][]int32, more)
	for i := range t.Assignment {
		out[i] = t.Assignment[i].Replicas
	}
	e, why := checkAssignments(k.c.View.Image, out, rf)
	return out, e, why
}

// proposed puts what the cluster decided into the answer.
func (k *growCall) proposed(p raftnode.Proposed) {
	results, _ := p.Result.Value.([]meta.TopicResult)
	for i := range k.rows {
		r := &k.rows[i]
		switch {
		case r.place < 0:
		case p.Result.Code != code.OK || r.place >= len(results):
			r.code, r.why = proposalCode(p.Result.Code), p.Result.Message
		case results[r.place].Code == code.UnknownTopicId: // deleted since
			r.code, r.why = code.UnknownTopicOrPartition, ""
		default:
			r.code, r.why = results[r.place].Code, results[r.place].Message
		}
	}
	k.respond()
}

func (k *growCall) respond() {
	resp := kmsg.NewPtrCreatePartitionsResponse()
	for _, r := range k.rows {
		t := kmsg.NewCreatePartitionsResponseTopic()
		t.Topic, t.ErrorCode, t.ErrorMessage = r.name, int16(r.code), text(r.why)
		resp.Topics = append(resp.Topics, t)
	}
	k.c.Respond(resp)
}
