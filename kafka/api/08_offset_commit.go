package api

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"

	"troupe/actors/group"
	"troupe/actors/kit/trace"
	"troupe/actors/meta"
	"troupe/kafka/code"
)

// OffsetCommit (key 8, versions 2-10).
//
//	v2-4 a retention time, which has had no effect since KIP-211; v6 leader epochs (KIP-320); v7 static members (KIP-345); v8 flexible;
//	v9 members of the new protocol, STALE_MEMBER_EPOCH (KIP-848); v10 topics by id (KIP-848).
//
// Partitions that the cluster does not know are refused here, the others are the group's. A commit of nothing is answered without asking it.
func offsetCommit(c *Call) {
	req := c.Req.(*kmsg.OffsetCommitRequest)
	c.whenKnown(func(img *meta.Image) bool {
		return slices.ContainsFunc(req.Topics, func(t kmsg.OffsetCommitRequestTopic) bool {
			return c.Version >= 10 && lacksID(img, t.TopicID) || c.Version < 10 && lacksName(img, t.Topic)
		})
	}, func() { beginOffsetCommit(c, req) })
}

func beginOffsetCommit(c *Call, req *kmsg.OffsetCommitRequest) {
	known, refused := knownCommits(c, req)
	if len(known) == 0 {
		resp := kmsg.NewPtrOffsetCommitResponse()
		resp.Topics = joinCommits(refused)
		c.Respond(resp)
		return
	}
	// The group may keep the request, so it gets one of its own.
	asked := *req
	asked.Topics = known
	c.Next = func(c *Call, answer any) {
		if a, ok := answer.(group.Committed); ok {
			c.Op.Resume()
			resp := *a.Resp
			if len(refused) > 0 { // as with Kafka: else a topic that is named twice is answered twice
				resp.Topics = joinCommits(refused, resp.Topics) // in Kafka's order
			}
			c.Respond(&resp)
		}
	}
	c.Op.Await(trace.AwaitDurable, "")
	c.tellGroup(req.Group, &group.Commit{Ask: c.Ask(), Client: c.groupClient(), Req: &asked})
}

// knownCommits divides a commit into what the cluster knows, with names in every version, and answers for what it does not.
func knownCommits(c *Call, req *kmsg.OffsetCommitRequest) (known []kmsg.OffsetCommitRequestTopic, refused []kmsg.OffsetCommitResponseTopic) {
	topics := groupTopics{c.View.Image}
	for i := range req.Topics {
		t := req.Topics[i]
		bad := code.UnknownTopicOrPartition
		if c.Version >= 10 {
			t.Topic = ""
			if x := topics.byID(t.TopicID); x != nil {
				t.Topic = x.Name
			} else {
				bad = code.UnknownTopicId
			}
		}
		no := kmsg.OffsetCommitResponseTopic{Topic: t.Topic, TopicID: t.TopicID}
		parts := t.Partitions
		t.Partitions = nil
		for _, p := range parts {
			if topics.has(t.Topic, p.Partition) {
				t.Partitions = append(t.Partitions, p)
				continue
			}
			x := kmsg.NewOffsetCommitResponseTopicPartition()
			x.Partition, x.ErrorCode = p.Partition, int16(bad)
			no.Partitions = append(no.Partitions, x)
		}
		if len(t.Partitions) > 0 {
			known = append(known, t)
		}
		if len(no.Partitions) > 0 || len(parts) == 0 && topics.unknown(t.Topic) {
			refused = append(refused, no) // an unknown topic is named even if nothing of it was
		}
	}
	return known, refused
}

// joinCommits puts the answers for one topic together, as Kafka does.
func joinCommits(lists ...[]kmsg.OffsetCommitResponseTopic) []kmsg.OffsetCommitResponseTopic {
	type key struct {
		name string
		id   [16]byte
	}
	at := map[key]int{}
	var out []kmsg.OffsetCommitResponseTopic
	for _, list := range lists {
		for _, t := range list {
			k := key{t.Topic, t.TopicID}
			i, ok := at[k]
			if !ok {
				at[k] = len(out)
				t.Partitions = slices.Clip(t.Partitions)
				out = append(out, t)
				continue
			}
			out[i].Partitions = append(out[i].Partitions, t.Partitions...)
		}
	}
	return out
}
