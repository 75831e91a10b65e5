package api

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"troupe/actors/group"
	"troupe/actors/meta"
	"troupe/kafka/code"
)

// OffsetFetch (key 9, versions 1-10).
//
//	v2 null for all topics, an error of the whole answer; v5 leader epochs (KIP-320); v6 flexible; v7 only stable offsets, if wanted (KIP-447);
//	v8 several groups (KIP-709); v9 members of the new protocol (KIP-848); v10 topics by id (KIP-848).
func offsetFetch(c *Call) {
	req := c.Req.(*kmsg.OffsetFetchRequest)
	k := &fetchOffsetsCall{c: c, places: map[*group.FetchOffsets]int{}}
	if c.Version >= 8 {
		for i := range req.Groups {
			k.add(&req.Groups[i])
		}
	} else {
		k.add(onlyGroup(req))
	}
	c.Next = k.next
	for i := range k.rows {
		m := &group.FetchOffsets{Ask: c.Ask(), Client: c.groupClient(), Req: &k.rows[i].asked, RequireStable: req.RequireStable}
		k.places[m] = i
		c.tellGroup(m.Req.Group, m)
	}
	k.maybeRespond()
}

// onlyGroup is a request of up to version 7 as one of several groups.
func onlyGroup(req *kmsg.OffsetFetchRequest) *kmsg.OffsetFetchRequestGroup {
	g := kmsg.NewOffsetFetchRequestGroup()
	g.Group = req.Group
	if req.Topics != nil {
		g.Topics = make([]kmsg.OffsetFetchRequestGroupTopic, len(req.Topics))
	}
	for i, t := range req.Topics {
		g.Topics[i] = kmsg.NewOffsetFetchRequestGroupTopic()
		g.Topics[i].Topic, g.Topics[i].Partitions = t.Topic, t.Partitions
	}
	return &g
}

// fetchOffsetsCall is one OffsetFetch under way.
type fetchOffsetsCall struct {
	c      *Call
	rows   []offsetsOfGroup
	places map[*group.FetchOffsets]int // asks that are not answered, and their rows
}

// offsetsOfGroup is one group of the request and the answer for it.
type offsetsOfGroup struct {
	wanted *kmsg.OffsetFetchRequestGroup
	asked  kmsg.OffsetFetchRequestGroup // by name in every version
	resp   kmsg.OffsetFetchResponseGroup
	nobody []kmsg.OffsetFetchResponseGroupTopic // topics that the cluster does not know by their id
}

// add takes a group in; topic ids become names.
func (k *fetchOffsetsCall) add(g *kmsg.OffsetFetchRequestGroup) {
	r := offsetsOfGroup{wanted: g, asked: *g}
	if k.c.Version >= 10 && g.Topics != nil {
		r.asked.Topics = make([]kmsg.OffsetFetchRequestGroupTopic, 0, len(g.Topics))
		for _, t := range g.Topics {
			x := groupTopics{k.c.View.Image}.byID(t.TopicID)
			if x == nil {
				r.nobody = append(r.nobody, noOffsets(t, code.UnknownTopicId))
				continue
			}
			t.Topic = x.Name
			r.asked.Topics = append(r.asked.Topics, t)
		}
	}
	k.rows = append(k.rows, r)
}

// noOffsets answers for partitions of a topic with a code.
func noOffsets(t kmsg.OffsetFetchRequestGroupTopic, e code.Code) kmsg.OffsetFetchResponseGroupTopic {
	x := kmsg.NewOffsetFetchResponseGroupTopic()
	x.Topic, x.TopicID = t.Topic, t.TopicID
	for _, p := range t.Partitions {
		y := kmsg.NewOffsetFetchResponseGroupTopicPartition()
		y.Partition, y.Offset, y.LeaderEpoch, y.Metadata, y.ErrorCode = p, -1, -1, new(string), int16(e)
		x.Partitions = append(x.Partitions, y)
	}
	return x
}

func (k *fetchOffsetsCall) next(_ *Call, answer any) {
	m, ok := answer.(group.FetchedOffsets)
	if !ok {
		return
	}
	k.rows[k.places[m.FetchOffsets]].resp = m.Resp
	delete(k.places, m.FetchOffsets)
	k.maybeRespond()
}

func (k *fetchOffsetsCall) maybeRespond() {
	if len(k.places) > 0 || k.c.Ended() {
		return
	}
	resp := kmsg.NewPtrOffsetFetchResponse()
	if k.c.Version >= 8 {
		for i := range k.rows {
			resp.Groups = append(resp.Groups, k.group(&k.rows[i]))
		}
		k.c.Respond(resp)
		return
	}
	r := &k.rows[0]
	g := r.resp
	if k.c.Version < 2 && g.ErrorCode != 0 { // there is no other place for it
		for _, t := range r.wanted.Topics {
			g.Topics = append(g.Topics, noOffsets(t, code.Code(g.ErrorCode)))
		}
	}
	resp.ErrorCode = g.ErrorCode
	for _, t := range g.Topics {
		x := kmsg.NewOffsetFetchResponseTopic()
		x.Topic = t.Topic
		for _, p := range t.Partitions {
			y := kmsg.NewOffsetFetchResponseTopicPartition()
			y.Partition, y.Offset, y.LeaderEpoch, y.Metadata, y.ErrorCode = p.Partition, p.Offset, p.LeaderEpoch, p.Metadata, p.ErrorCode
			x.Partitions = append(x.Partitions, y)
		}
		resp.Topics = append(resp.Topics, x)
	}
	k.c.Respond(resp)
}

// group is the answer for one group, in the words of its version: from 10 on topics have ids, and one that has been deleted is left out
// where nobody asked for it.
func (k *fetchOffsetsCall) group(r *offsetsOfGroup) kmsg.OffsetFetchResponseGroup {
	g := r.resp
	if k.c.Version < 10 || g.ErrorCode != 0 {
		return g
	}
	topics := make([]kmsg.OffsetFetchResponseGroupTopic, 0, len(g.Topics)+len(r.nobody))
	for _, t := range g.Topics {
		if t.TopicID == (meta.TopicID{}) {
			x := k.c.View.Image.Topic(t.Topic)
			if x == nil {
				continue
			}
			t.TopicID = x.ID
		}
		topics = append(topics, t)
	}
	g.Topics = append(topics, r.nobody...)
	return g
}
