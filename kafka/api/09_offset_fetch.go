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
	k := &fetchOffsetsCall{c: c, places: map[*group.FetchOffsets]int{}, whole: map[wholeGroup]int{}}
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
	order  []int                       // the groups of the request: places in rows
	whole  map[wholeGroup]int          // of them, those of which all offsets are wanted
	places map[*group.FetchOffsets]int // asks that are not answered, and their rows
}

// wholeGroup is a group of which a member, or anybody, wants all offsets: naming it again asks for nothing new, and the answer is as long as the
// group has offsets.
type wholeGroup struct {
	id, member string
	epoch      int32
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
	if g.Topics == nil {
		who := wholeGroup{id: g.Group, epoch: g.MemberEpoch}
		if g.MemberID != nil {
			who.member = *g.MemberID
		}
		at, twice := k.whole[who]
		if twice {
			k.order = append(k.order, at)
			return
		}
		k.whole[who] = len(k.rows)
	}
	k.order = append(k.order, len(k.rows))
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
	f := form{k.c.Version >= 6}
	resp := &kmsg.OffsetFetchResponse{Groups: make([]kmsg.OffsetFetchResponseGroup, len(k.rows))}
	each := make([]*telling, len(k.rows))
	for i := range k.rows {
		g := &resp.Groups[i]
		*g = k.group(&k.rows[i])
		held := groupHeld
		for t := range g.Topics {
			held += topicHeld + offsetHeld*len(g.Topics[t].Partitions)
		}
		each[i] = newTelling(&toldOffsets{f, k.c.Version, g}, held)
	}
	told := inOrder(each, k.order)
	var head []byte
	if k.c.Version >= 3 {
		head = appendInt32(head, 0) // throttled for
	}
	if k.c.Version >= 8 {
		head = f.length(head, len(told))
	}
	k.c.tell(head, told, f.tags(nil), resp)
}

// group is the answer for one group, in the words of its version: from 10 on topics have ids, and one that has been deleted is left out
// where nobody asked for it.
func (k *fetchOffsetsCall) group(r *offsetsOfGroup) kmsg.OffsetFetchResponseGroup {
	g := r.resp
	if k.c.Version < 2 && g.ErrorCode != 0 { // there is no other place for it
		for _, t := range r.wanted.Topics {
			g.Topics = append(g.Topics, noOffsets(t, code.Code(g.ErrorCode)))
		}
	}
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

// About what a topic and a partition take in an answer; their metadata is the group's, and shared.
const (
	topicHeld  = 96
	offsetHeld = 48
)

// toldOffsets are the offsets of a group as they are told; up to version 7 they are the answer.
type toldOffsets struct {
	form
	version int16
	*kmsg.OffsetFetchResponseGroup
}

// next implements piecewise. Element 0 is the head, the last one the tail; field 0 is a topic's head, then come its partitions.
func (o *toldOffsets) next(b []byte, at *place, full int) ([]byte, bool) {
	for len(b) < full {
		switch {
		case at.element == 0:
			if o.version >= 8 {
				b = o.string(b, o.Group)
			}
			b = o.length(b, len(o.Topics))
		case at.element > len(o.Topics):
			if o.version >= 2 {
				b = appendInt16(b, o.ErrorCode)
			}
			if o.version >= 8 {
				b = o.tags(b)
			}
			return b, true
		default:
			t := &o.Topics[at.element-1]
			if at.field == 0 {
				b = o.topic(b, t)
				at.field = 1
			}
			for ; at.field <= len(t.Partitions); at.field++ {
				if len(b) >= full {
					return b, false
				}
				b = o.partition(b, &t.Partitions[at.field-1])
			}
			b = o.tags(b)
			at.field = 0
		}
		at.element++
	}
	return b, false
}

func (o *toldOffsets) topic(b []byte, t *kmsg.OffsetFetchResponseGroupTopic) []byte {
	if o.version >= 10 {
		b = append(b, t.TopicID[:]...)
	} else {
		b = o.string(b, t.Topic)
	}
	return o.length(b, len(t.Partitions))
}

func (o *toldOffsets) partition(b []byte, p *kmsg.OffsetFetchResponseGroupTopicPartition) []byte {
	b = appendInt64(appendInt32(b, p.Partition), p.Offset)
	if o.version >= 5 {
		b = appendInt32(b, p.LeaderEpoch)
	}
	b = o.nullable(b, p.Metadata)
	return o.tags(appendInt16(b, p.ErrorCode))
}
