package api

import (
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"troupe/actors/meta"
	"troupe/kafka/code"
	"troupe/raftnode"
)

// DeleteTopics (key 20, versions 1-6).
//
//	v3 TOPIC_DELETION_DISABLED (KIP-322); v4 flexible; v5 messages (KIP-599); v6 by name or by id (KIP-516).
//
// The answer comes when the topics are gone from here; their space on disk is given back later.
func deleteTopics(c *Call) {
	req := c.Req.(*kmsg.DeleteTopicsRequest)
	k := &deleteCall{c: c}
	for _, name := range req.TopicNames {
		k.rows = append(k.rows, deleteRow{name: &name})
	}
	for i := range req.Topics {
		k.rows = append(k.rows, deleteRow{name: req.Topics[i].Topic, id: req.Topics[i].TopicID})
	}
	if e, _ := firstRefusal(checkDeletionEnabled(c), k.checkTime(req.TimeoutMillis)); e != code.OK {
		for i := range k.rows {
			k.rows[i].code = e
		}
		k.respond()
		return
	}
	k.resolve()
	if len(k.cmd.IDs) == 0 {
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

// checkTime refuses what has no time, if there is anything that the cluster has to decide.
func (k *deleteCall) checkTime(ms int32) check {
	return func() (code.Code, string) {
		again := repeated(k.keys())
		if !slices.ContainsFunc(k.rows, func(r deleteRow) bool { return r.sound() && !again[r.key()] }) {
			return code.OK, ""
		}
		return checkTimeout(ms)()
	}
}

func checkDeletionEnabled(c *Call) check {
	return func() (code.Code, string) {
		switch {
		case c.brokerBool("delete.topic.enable"):
			return code.OK, ""
		case c.Version < 3:
			return code.InvalidRequest, ""
		}
		return code.TopicDeletionDisabled, ""
	}
}

// deleteCall is one DeleteTopics under way.
type deleteCall struct {
	c    *Call
	rows []deleteRow
	cmd  meta.DeleteTopics
}

// deleteRow is one topic to delete and the answer for it.
type deleteRow struct {
	name *string
	id   meta.TopicID
	code code.Code
	why  string
	ask  bool // its id is in cmd
}

// deleteKey is what a request names a topic by.
type deleteKey struct {
	name string
	null bool
	id   meta.TopicID
}

func (r *deleteRow) key() deleteKey {
	if r.name == nil {
		return deleteKey{null: true, id: r.id}
	}
	return deleteKey{name: *r.name, id: r.id}
}

// sound says whether the row names a topic in one of the two ways.
func (r *deleteRow) sound() bool { return (r.name != nil) == (r.id == meta.TopicID{}) }

func (k *deleteCall) keys() []deleteKey {
	keys := make([]deleteKey, len(k.rows))
	for i := range k.rows {
		keys[i] = k.rows[i].key()
	}
	return keys
}

func (r *deleteRow) refuse(e code.Code, why string) { r.code, r.why = e, why }

// uniqueRows keeps the first of rows that name the same topic; those that name it in both ways or in none are all answered.
func uniqueRows(rows []deleteRow) []deleteRow {
	seen := make(map[deleteKey]bool, len(rows))
	out := rows[:0]
	for _, r := range rows {
		if k := r.key(); !seen[k] {
			seen[k] = r.sound()
			out = append(out, r)
		}
	}
	return out
}

// resolve finds the topics, and refuses what is named twice, in both ways, or not at all.
func (k *deleteCall) resolve() {
	again := repeated(k.keys())
	k.rows = uniqueRows(k.rows)
	given, named := map[meta.TopicID]bool{}, map[string]bool{}
	for i := range k.rows {
		switch r := &k.rows[i]; {
		case r.name == nil:
			given[r.id] = true
		case r.id == meta.TopicID{}:
			named[*r.name] = true
		}
	}
	var merged []deleteRow
	for i := range k.rows {
		r := k.rows[i]
		if k.one(&r, again[r.key()], given, named) {
			merged = append(merged, r)
		}
	}
	k.rows = merged
	for i := range k.rows {
		if k.rows[i].ask {
			k.cmd.IDs = append(k.cmd.IDs, k.rows[i].id)
		}
	}
}

// one judges a row; false means that another row speaks for its topic.
func (k *deleteCall) one(r *deleteRow, again bool, given map[meta.TopicID]bool, named map[string]bool) bool {
	img := k.c.View.Image
	byID := r.id != meta.TopicID{}
	switch {
	case r.name != nil && byID:
		r.refuse(code.InvalidRequest, "You may not specify both topic name and topic id.")
	case r.name == nil && !byID:
		r.refuse(code.InvalidRequest, "Neither topic name nor id were specified.")
	case again && byID:
		r.refuse(code.InvalidRequest, "Duplicate topic id.")
	case again:
		r.refuse(code.InvalidRequest, textDuplicateName)
	case byID:
		t := img.TopicByID(r.id)
		if t == nil {
			r.refuse(code.UnknownTopicId, textUnknownTopicID)
			break
		}
		if named[t.Name] {
			return false
		}
		r.name, r.ask = &t.Name, true
	default:
		t := img.Topic(*r.name)
		switch {
		case t == nil:
			r.refuse(code.UnknownTopicOrPartition, textUnknownTopic)
		case given[t.ID]:
			r.id = t.ID
			r.refuse(code.InvalidRequest, "The provided topic name maps to an ID that was already supplied.")
		default:
			r.id, r.ask = t.ID, true
		}
	}
	return true
}

// proposed puts what the cluster decided into the answer.
func (k *deleteCall) proposed(p raftnode.Proposed) {
	results, _ := p.Result.Value.([]meta.TopicResult)
	at := 0
	for i := range k.rows {
		r := &k.rows[i]
		if !r.ask {
			continue
		}
		switch {
		case p.Result.Code != code.OK || at >= len(results):
			r.refuse(proposalCode(p.Result.Code), p.Result.Message)
		case results[at].Code == code.UnknownTopicId: // deleted by somebody else since
			r.refuse(code.UnknownTopicOrPartition, textUnknownTopic)
		default:
			r.refuse(results[at].Code, results[at].Message)
		}
		at++
	}
	k.respond()
}

func (k *deleteCall) respond() {
	resp := kmsg.NewPtrDeleteTopicsResponse()
	for i := range k.rows {
		r := &k.rows[i]
		t := kmsg.NewDeleteTopicsResponseTopic()
		t.Topic, t.TopicID, t.ErrorCode, t.ErrorMessage = r.name, r.id, int16(r.code), text(r.why)
		resp.Topics = append(resp.Topics, t)
	}
	k.c.Respond(resp)
}
