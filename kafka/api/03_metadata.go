package api

import (
	"slices"
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
		c.whenKnown(func(img *meta.Image) bool { return metadataLacks(img, req) }, func() { answerMetadata(c, c.View, req) })
		return
	}
	c.Next = func(c *Call, answer any) {
		if _, ok := answer.(TopicsEnsured); ok {
			c.Op.Resume()
			answerMetadata(c, c.Env.Published.Get(), req)
		}
	}
	c.Op.Await(trace.AwaitTopic, names[0])
	c.Env.TopicMaker.Tell(&EnsureTopics{Ask: c.Ask(), Names: names, Timeout: autoCreateWait})
}

// metadataLacks says whether a topic that is asked for by id is not known. A name may be anybody's guess, and nobody waits for it.
func metadataLacks(img *meta.Image, req *kmsg.MetadataRequest) bool {
	return slices.ContainsFunc(req.Topics, func(t kmsg.MetadataRequestTopic) bool { return t.TopicID != [16]byte{} && lacksID(img, t.TopicID) })
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
		t := kmsg.NewMetadataResponseTopic()
		t.Topic, t.ErrorCode = kmsg.StringPtr(""), int16(e)
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

// answerMetadata answers from a view.
func answerMetadata(c *Call, view *node.View, req *kmsg.MetadataRequest) {
	img := view.Image
	m := &metadataBody{
		form: form{c.Version >= 9}, version: c.Version, img: img, clusterID: c.Env.ClusterID(), controller: controllerOf(view, c.Env.NodeID), listener: c.Conn.Listener,
		ask: metadataAsk{topicOperations: req.IncludeTopicAuthorizedOperations, clusterOperations: req.IncludeClusterAuthorizedOperations},
	}
	switch {
	case asksAll(c.Version, req):
		m.topics = img.SortedTopics()
	case asksByID(req):
		m.named = metadataByID(img, req)
	default:
		m.named = metadataByName(img, req)
	}
	m.Size()
	c.Op.SetCode(int16(m.code))
	c.Send(m)
}

// metadataByID looks up the topics asked for by id, each once.
func metadataByID(img *meta.Image, req *kmsg.MetadataRequest) []metadataItem {
	out := make([]metadataItem, 0, len(req.Topics))
	seen := map[meta.TopicID]bool{{}: true}
	for i := range req.Topics {
		id := meta.TopicID(req.Topics[i].TopicID)
		if seen[id] {
			continue
		}
		seen[id] = true
		if t := img.TopicByID(id); t != nil {
			out = append(out, metadataItem{topic: t})
		} else {
			out = append(out, metadataItem{id: id, err: code.UnknownTopicId})
		}
	}
	return out
}

// metadataByName looks up the topics asked for by name, each once.
func metadataByName(img *meta.Image, req *kmsg.MetadataRequest) []metadataItem {
	out := make([]metadataItem, 0, len(req.Topics))
	seen := make(map[string]bool, len(req.Topics))
	for i := range req.Topics {
		name := *req.Topics[i].Topic
		if seen[name] {
			continue
		}
		seen[name] = true
		x := metadataItem{topic: img.Topic(name), name: &name}
		if x.topic == nil {
			if x.err, _ = checkTopicName(name)(); x.err == code.OK {
				x.err = code.UnknownTopicOrPartition
			}
		}
		out = append(out, x)
	}
	return out
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
