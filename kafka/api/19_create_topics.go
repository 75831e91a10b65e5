package api

import (
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"troupe/actors/meta"
	"troupe/kafka/code"
	"troupe/raftnode"
)

// CreateTopics (key 19, versions 2-7).
//
//	v4 partitions and replicas can be left to the broker (KIP-464; Kafka takes -1 in any version); v5 flexible, and the answer shows
//	what was made and its settings (KIP-525); v7 topic ids.
//
// The broker that was asked plans the topics (placement, ids, settings) and proposes them; the cluster decides. The
// answer comes when the topics exist here.
func createTopics(c *Call) {
	req := c.Req.(*kmsg.CreateTopicsRequest)
	k := &createCall{c: c, req: req}
	if e, _ := firstRefusal(checkTimeout(req.TimeoutMillis)); e != code.OK && k.asksAnything() {
		k.refuseAll(e)
		return
	}
	k.plan()
	if k.done || req.ValidateOnly || len(k.cmd.Topics) == 0 {
		k.respond(c.View.Image)
		return
	}
	c.Next = func(_ *Call, answer any) {
		if p, ok := answer.(raftnode.Proposed); ok {
			k.proposed(p)
		}
	}
	c.Propose(k.cmd, time.Duration(req.TimeoutMillis)*time.Millisecond)
}

// createCall is one CreateTopics under way.
type createCall struct {
	c    *Call
	req  *kmsg.CreateTopicsRequest
	rows []createRow
	cmd  meta.CreateTopics
	done bool // refused as a whole
}

// createRow is the answer for one name.
type createRow struct {
	name  string
	code  code.Code
	why   string
	place int // in cmd.Topics, -1 if it is not among them
}

// asksAnything says whether any of the topics is for the cluster to decide; as with Kafka's controller, what its names refuse needs no time.
func (k *createCall) asksAnything() bool {
	for name, twice := range repeated(k.names()) {
		if !twice && name != meta.ClusterMetadataTopic {
			return true
		}
	}
	return false
}

func (k *createCall) names() []string {
	names := make([]string, len(k.req.Topics))
	for i := range k.req.Topics {
		names[i] = k.req.Topics[i].Topic
	}
	return names
}

// refuseAll answers every topic with the same code, and one that is named twice twice.
func (k *createCall) refuseAll(e code.Code) {
	for i := range k.req.Topics {
		k.rows = append(k.rows, createRow{k.req.Topics[i].Topic, e, "", -1})
	}
	k.done = true
	k.respond(k.c.View.Image)
}

// plan judges each topic and fills the command with those that are right.
func (k *createCall) plan() {
	again := repeated(k.names())
	var twice []createRow
	var good []*kmsg.CreateTopicsRequestTopic
	for i := range k.req.Topics {
		t := &k.req.Topics[i]
		more, first := again[t.Topic]
		delete(again, t.Topic)
		switch {
		case !first:
		case more:
			twice = append(twice, createRow{t.Topic, code.InvalidRequest, textDuplicateName, -1})
		default:
			good = append(good, t)
		}
	}
	plan := newTopicPlan(k.c.View.Image, k.c.Env.defaults(), k.c.Sys)
	tooMany := k.tooMany(good)
	for _, t := range good {
		row := createRow{name: t.Topic, place: -1}
		var n meta.NewTopic
		switch {
		case t.Topic == meta.ClusterMetadataTopic:
			row.code, row.why = code.InvalidRequest, "Creation of internal topic __cluster_metadata is prohibited."
		case tooMany != "":
			row.code, row.why = code.PolicyViolation, tooMany
		default:
			n, row.code, row.why = k.one(plan, t)
		}
		if row.code == code.OK {
			row.place = len(k.cmd.Topics)
			k.cmd.Topics = append(k.cmd.Topics, n)
		}
		k.rows = append(k.rows, row)
	}
	k.rows = append(k.rows, twice...)
}

// tooMany says why the request as a whole asks for too much, as Kafka counts: partitions, and all records that they would take in its log
// (one per topic, setting and partition). "" if it does not.
func (k *createCall) tooMany(topics []*kmsg.CreateTopicsRequestTopic) string {
	def, partitions, records := k.c.brokerInt("num.partitions"), int64(0), int64(0)
	for _, t := range topics {
		switch {
		case len(t.ReplicaAssignment) > 0:
			partitions += int64(len(t.ReplicaAssignment))
		case t.NumPartitions == unset:
			partitions += def
		case t.NumPartitions > 0:
			partitions += int64(t.NumPartitions)
		}
		records += 1 + int64(len(t.Configs))
	}
	switch {
	case partitions > meta.MaxPartitionsPerRequest:
		return "Excessively large number of partitions per request."
	case partitions+records > meta.MaxPartitionsPerRequest:
		return "Unable to perform excessively large batch operation."
	}
	return ""
}

// one judges and plans one topic.
func (k *createCall) one(plan *topicPlan, t *kmsg.CreateTopicsRequestTopic) (meta.NewTopic, code.Code, string) {
	w := wantedTopic{name: t.Topic, partitions: t.NumPartitions, replication: t.ReplicationFactor}
	if e, why := firstRefusal(
		checkTopicName(t.Topic),
		checkNewTopicName(plan.img, t.Topic, plan.names),
		func() (e code.Code, why string) { w.configs, e, why = newTopicConfigs(t.Configs); return e, why },
		func() (e code.Code, why string) { return meta.ValidateTopicConfigs(w.configs) },
		func() (e code.Code, why string) { w.assignments, e, why = manualAssignments(t); return e, why },
	); e != code.OK {
		return meta.NewTopic{}, e, why
	}
	return plan.add(w)
}

// newTopicConfigs are the settings of a new topic; of one that is given twice the last counts.
func newTopicConfigs(list []kmsg.CreateTopicsRequestTopicConfig) (map[string]string, code.Code, string) {
	if len(list) == 0 {
		return nil, code.OK, ""
	}
	configs, null := make(map[string]string, len(list)), []string(nil)
	for _, x := range list {
		if x.Value == nil {
			null = append(null, x.Name)
			continue
		}
		configs[x.Name] = *x.Value
	}
	if null != nil {
		return nil, code.InvalidConfig, "Null value not supported for topic configs: " + strings.Join(null, ",")
	}
	return configs, code.OK, ""
}

// manualAssignments are the replicas that a client chose, by partition; nil if it left them open.
func manualAssignments(t *kmsg.CreateTopicsRequestTopic) ([][]int32, code.Code, string) {
	n := len(t.ReplicaAssignment)
	switch {
	case n == 0:
		return nil, code.OK, ""
	case t.ReplicationFactor != unset:
		return nil, code.InvalidRequest, "A manual partition assignment was specified, but replication factor was not set to -1."
	case t.NumPartitions != unset:
		return nil, code.InvalidRequest, "A manual partition assignment was specified, but numPartitions was not set to -1."
	}
	out, given, gap := make([][]int32, n), make(map[int32]bool, n), false
	for _, a := range t.ReplicaAssignment {
		if given[a.Partition] {
			return nil, code.InvalidReplicaAssignment, "Found multiple manual partition assignments for partition " + itoa(int64(a.Partition))
		}
		given[a.Partition] = true
		if a.Partition < 0 || int(a.Partition) >= n {
			gap = true
			continue
		}
		out[a.Partition] = a.Replicas
	}
	if gap {
		return nil, code.InvalidReplicaAssignment, "partitions should be a consecutive 0-based integer sequence"
	}
	return out, code.OK, ""
}

// proposed puts what the cluster decided into the answer.
func (k *createCall) proposed(p raftnode.Proposed) {
	results, _ := p.Result.Value.([]meta.TopicResult)
	for i := range k.rows {
		r := &k.rows[i]
		switch {
		case r.place < 0:
		case p.Result.Code != code.OK || r.place >= len(results):
			r.code, r.why = proposalCode(p.Result.Code), p.Result.Message
			if r.code == code.OK {
				r.code = code.UnknownServerError
			}
		default:
			r.code, r.why = results[r.place].Code, results[r.place].Message
		}
	}
	k.respond(k.c.Env.Published.Get().Image)
}

func (k *createCall) respond(img *meta.Image) {
	resp := kmsg.NewPtrCreateTopicsResponse()
	for _, r := range k.rows {
		t := kmsg.NewCreateTopicsResponseTopic()
		t.Topic, t.ErrorCode, t.ErrorMessage = r.name, int16(r.code), text(r.why)
		t.Configs = []kmsg.CreateTopicsResponseTopicConfig{}
		if r.code == code.OK && r.place >= 0 {
			k.show(img, &t, &k.cmd.Topics[r.place])
		}
		resp.Topics = append(resp.Topics, t)
	}
	k.c.Respond(resp)
}

// show describes what was made, or with ValidateOnly would be.
func (k *createCall) show(img *meta.Image, t *kmsg.CreateTopicsResponseTopic, n *meta.NewTopic) {
	t.TopicID = n.ID
	t.NumPartitions, t.ReplicationFactor = int32(len(n.Assignments)), int16(len(n.Assignments[0]))
	topic := img.TopicByID(n.ID)
	if topic == nil {
		topic = &meta.Topic{ID: n.ID, Name: n.Name, RFAuto: n.RFAuto, MinISRAuto: n.MinISRAuto, Internal: n.Internal, Configs: n.Configs}
		topic.Partitions = []meta.Partition{{Replicas: n.Assignments[0], ISR: n.Assignments[0]}}
	}
	if k.c.Version < 5 {
		return
	}
	for _, key := range meta.TopicConfigKeys() {
		v, src := meta.Effective(img, topic, k.c.Env.defaults(), key)
		x := kmsg.NewCreateTopicsResponseTopicConfig()
		x.Name, x.Value, x.Source = key, &v, int8(src)
		t.Configs = append(t.Configs, x)
	}
}
