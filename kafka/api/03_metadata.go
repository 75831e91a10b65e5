package api

import (
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"troupe/actors/kit/trace"
	"troupe/actors/meta"
	"troupe/actors/node"
	"troupe/kafka/code"
)

// Metadata (key 3, versions 0-13).
//
//	v1 null means all topics, racks, the controller, internal topics; v2 cluster id; v4 auto-creation can be declined; v5 offline
//	replicas; v7 leader epochs; v8 authorised operations (KIP-430; those of the cluster until v10); v9 flexible; v10 topic ids in
//	answers (KIP-516); v12 topic ids in requests; v13 an error for the whole answer (KIP-1102).
//
// A topic that does not exist is made if the request and auto.create.topics.enable allow it. The request is held until the
// topic exists here, and answered with its leader; Kafka's first answer is UNKNOWN_TOPIC_OR_PARTITION, to be asked again.
func metadata(c *Call) {
	req := c.Req.(*kmsg.MetadataRequest)
	if e, _ := firstRefusal(checkMetadataNames(c.Version, req)); e != code.OK {
		c.Respond(metadataRefused(req, e))
		return
	}
	names := missingTopics(c, req)
	if len(names) == 0 {
		c.Respond(metadataAnswer(c, c.View, req))
		return
	}
	c.Next = func(c *Call, answer any) {
		if _, ok := answer.(TopicsEnsured); ok {
			c.Op.Resume()
			c.Respond(metadataAnswer(c, c.Env.Published.Get(), req))
		}
	}
	c.Op.Await(trace.AwaitTopic, names[0])
	c.Env.TopicMaker.Tell(&EnsureTopics{Ask: c.Ask(), Names: names, Timeout: autoCreateWait})
}

// autoCreateWait is how long a request for a topic's metadata is held while the topic is made: shorter than any client's own
// patience, so that it hears an answer that it can repeat.
const autoCreateWait = 5 * time.Second

// checkMetadataNames refuses what a version cannot say. Kafka refuses null names from v12 on with -1, an internal error.
func checkMetadataNames(version int16, req *kmsg.MetadataRequest) check {
	return func() (code.Code, string) {
		for i := range req.Topics {
			t := &req.Topics[i]
			byID := t.TopicID != [16]byte{}
			if t.Topic == nil && (version < 12 || !byID) || byID && version < 12 {
				return code.InvalidRequest, ""
			}
		}
		return code.OK, ""
	}
}

// metadataRefused is the answer to a request that is refused as a whole.
func metadataRefused(req *kmsg.MetadataRequest, e code.Code) *kmsg.MetadataResponse {
	resp := kmsg.NewPtrMetadataResponse()
	for i := range req.Topics {
		t := metadataError("", e)
		if n := req.Topics[i].Topic; n != nil {
			t.Topic = n
		}
		t.TopicID = req.Topics[i].TopicID
		resp.Topics = append(resp.Topics, t)
	}
	resp.ErrorCode = int16(e) // v13+
	return resp
}

// asksAll says whether a request is for all topics.
func asksAll(version int16, req *kmsg.MetadataRequest) bool {
	return req.Topics == nil || version == 0 && len(req.Topics) == 0
}

// asksByID says whether a request names topics by id; then names beside ids do not count, as with Kafka.
func asksByID(req *kmsg.MetadataRequest) bool {
	for i := range req.Topics {
		if req.Topics[i].TopicID != [16]byte{} {
			return true
		}
	}
	return false
}

// missingTopics are the legal names asked for that have no topic, if asking may make it.
func missingTopics(c *Call, req *kmsg.MetadataRequest) []string {
	allowed := req.AllowAutoTopicCreation || c.Version < 4
	if !allowed || asksAll(c.Version, req) || asksByID(req) {
		return nil
	}
	var names []string
	for i := range req.Topics {
		name := *req.Topics[i].Topic
		if c.View.Image.Topic(name) == nil && meta.ValidateTopicName(name) == "" && name != meta.ClusterMetadataTopic {
			names = append(names, name)
		}
	}
	if len(names) == 0 || !c.brokerBool("auto.create.topics.enable") {
		return nil
	}
	return sortedUnique(names)
}

func metadataAnswer(c *Call, view *node.View, req *kmsg.MetadataRequest) *kmsg.MetadataResponse {
	img := view.Image
	resp := kmsg.NewPtrMetadataResponse()
	for _, b := range img.Brokers() {
		if b.Fenced {
			continue
		}
		at := listenerOf(&b, c.Conn.Listener)
		x := kmsg.NewMetadataResponseBroker()
		x.NodeID, x.Host, x.Port, x.Rack = b.ID, at.Host, int32(at.Port), rackOf(&b)
		resp.Brokers = append(resp.Brokers, x)
	}
	resp.ClusterID = text(c.Env.ClusterID())
	resp.ControllerID = view.LeaderID
	if req.IncludeClusterAuthorizedOperations {
		resp.AuthorizedOperations = clusterOperations
	}
	resp.Topics = metadataTopics(c, img, req)
	return resp
}

func metadataTopics(c *Call, img *meta.Image, req *kmsg.MetadataRequest) []kmsg.MetadataResponseTopic {
	var out []kmsg.MetadataResponseTopic
	add := func(t kmsg.MetadataResponseTopic) {
		if req.IncludeTopicAuthorizedOperations && t.ErrorCode != int16(code.UnknownTopicId) {
			t.AuthorizedOperations = topicOperations
		}
		out = append(out, t)
	}
	switch {
	case asksAll(c.Version, req):
		out = make([]kmsg.MetadataResponseTopic, 0, img.TopicCount())
		for t := range img.Topics() {
			add(metadataTopic(c.Version, img, t))
		}
	case asksByID(req):
		seen := map[meta.TopicID]bool{{}: true}
		for i := range req.Topics {
			id := meta.TopicID(req.Topics[i].TopicID)
			if seen[id] {
				continue
			}
			seen[id] = true
			if t := img.TopicByID(id); t != nil {
				add(metadataTopic(c.Version, img, t))
				continue
			}
			x := metadataError("", code.UnknownTopicId)
			x.Topic, x.TopicID = nil, id
			add(x)
		}
	default:
		out = make([]kmsg.MetadataResponseTopic, 0, len(req.Topics))
		seen := make(map[string]bool, len(req.Topics))
		for i := range req.Topics {
			name := *req.Topics[i].Topic
			if seen[name] {
				continue
			}
			seen[name] = true
			add(metadataNamed(c.Version, img, name))
		}
	}
	return out
}

func metadataNamed(version int16, img *meta.Image, name string) kmsg.MetadataResponseTopic {
	if t := img.Topic(name); t != nil {
		return metadataTopic(version, img, t)
	}
	if e, _ := checkTopicName(name)(); e != code.OK {
		return metadataError(name, e)
	}
	return metadataError(name, code.UnknownTopicOrPartition)
}

func metadataError(name string, e code.Code) kmsg.MetadataResponseTopic {
	x := kmsg.NewMetadataResponseTopic()
	x.Topic, x.ErrorCode, x.IsInternal = &name, int16(e), isInternal(name)
	return x
}

func metadataTopic(version int16, img *meta.Image, t *meta.Topic) kmsg.MetadataResponseTopic {
	x := kmsg.NewMetadataResponseTopic()
	x.Topic, x.TopicID, x.IsInternal = &t.Name, t.ID, t.Internal
	x.Partitions = make([]kmsg.MetadataResponseTopicPartition, len(t.Partitions))
	for i := range t.Partitions {
		x.Partitions[i] = metadataPartition(version, img, &t.Partitions[i])
	}
	return x
}

func metadataPartition(version int16, img *meta.Image, p *meta.Partition) kmsg.MetadataResponseTopicPartition {
	x := kmsg.NewMetadataResponseTopicPartition()
	x.Partition, x.Leader, x.LeaderEpoch = p.Index, leaderOf(img, p), p.LeaderEpoch
	x.Replicas, x.ISR, x.OfflineReplicas = p.Replicas, p.ISR, offline(img, p.Replicas)
	if x.Leader == meta.NoLeader {
		x.ErrorCode = int16(code.LeaderNotAvailable)
	}
	if version == 0 && len(x.OfflineReplicas) > 0 { // v0 has no place for them: they are left out, and it says so
		x.Replicas, x.ISR = serving(img, p.Replicas), serving(img, p.ISR)
		if x.ErrorCode == 0 {
			x.ErrorCode = int16(code.ReplicaNotAvailable)
		}
	}
	return x
}

// serving are those of the replicas whose brokers serve.
func serving(img *meta.Image, replicas []int32) []int32 {
	out := make([]int32, 0, len(replicas))
	for _, id := range replicas {
		if serves(img, id) {
			out = append(out, id)
		}
	}
	return out
}
