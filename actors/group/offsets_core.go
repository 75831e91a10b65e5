package group

import (
	"maps"
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"

	"troupe/actors/meta"
	"troupe/kafka/code"
)

// offset is one committed offset. Times are in ms.
type offset struct {
	at        int64
	epoch     int32 // leader epoch, -1: none
	committed int64
	expire    int64 // -1: by the broker's retention
	metadata  string
}

// topicOffsets are a group's offsets of one topic. Those of an earlier topic of the same name have nothing to do with it.
type topicOffsets struct {
	id    meta.TopicID // zero: not known
	parts map[int32]offset
}

// place is where an offset is kept.
type place struct {
	topic     string
	partition int32
}

// committing is an offset on its way to the disk.
type committing struct {
	place
	id meta.TopicID
	offset
}

func (c *core) putOffset(topic string, id meta.TopicID, partition int32, o offset) {
	t := c.offsets[topic]
	if t == nil || t.id != id && id != (meta.TopicID{}) && t.id != (meta.TopicID{}) {
		t = &topicOffsets{parts: map[int32]offset{}}
		c.offsets[topic] = t
	}
	if id != (meta.TopicID{}) {
		t.id = id
	}
	t.parts[partition] = o
}

func (c *core) dropOffset(topic string, partition int32) {
	t := c.offsets[topic]
	if t == nil {
		return
	}
	if delete(t.parts, partition); len(t.parts) == 0 {
		delete(c.offsets, topic)
	}
}

func (c *core) offsetCount() (n int) {
	for _, t := range c.offsets {
		n += len(t.parts)
	}
	return n
}

// commit handles an OffsetCommit. ids are the topics' ids, in the request's order; an unknown topic has none.
func (c *core) commit(m *Commit, ids []meta.TopicID, now moment) {
	req := m.Req
	if bad := c.mayCommit(req); bad != code.OK {
		c.answer(Committed{m, commitAnswer(req, bad)})
		return
	}
	if x := c.members[req.MemberID]; x != nil && (c.state == stable || c.state == preparing) {
		c.touch(x, now)
	}
	e := &entry{kind: writeOffsets, commit: m, resp: commitAnswer(req, code.OK)}
	expire := int64(-1)
	if req.Version >= 2 && req.Version <= 4 && req.RetentionTimeMillis >= 0 {
		expire = now.wall + req.RetentionTimeMillis
	}
	for i := range req.Topics {
		t := &req.Topics[i]
		for k := range t.Partitions {
			p := &t.Partitions[k]
			o := offset{at: p.Offset, epoch: p.LeaderEpoch, committed: now.wall, expire: expire}
			if p.Metadata != nil {
				o.metadata = *p.Metadata
			}
			switch {
			case ids[i] == (meta.TopicID{}):
				e.resp.Topics[i].Partitions[k].ErrorCode = int16(code.UnknownTopicOrPartition)
			case len(o.metadata) > c.cfg.MaxMetadata && javaLen(o.metadata) > c.cfg.MaxMetadata: // Kafka counts as Java does
				e.resp.Topics[i].Partitions[k].ErrorCode = int16(code.OffsetMetadataTooLarge)
			default:
				e.offsets = append(e.offsets, committing{place{t.Topic, p.Partition}, ids[i], o})
				e.records = append(e.records, kv{offsetKey(c.id, t.Topic, p.Partition), o.record(ids[i])})
			}
		}
	}
	if len(e.records) == 0 {
		c.answer(Committed{m, e.resp})
		return
	}
	c.write(e, now)
}

// grows says whether a commit takes more memory than what it replaces: an offset of another partition, or longer metadata.
func (c *core) grows(req *kmsg.OffsetCommitRequest) bool {
	for i := range req.Topics {
		t := c.offsets[req.Topics[i].Topic]
		if t == nil {
			return true
		}
		for _, p := range req.Topics[i].Partitions {
			if o, ok := t.parts[p.Partition]; !ok || len(deref(p.Metadata)) > len(o.metadata) {
				return true
			}
		}
	}
	return false
}

// mayCommit checks generation and member (ClassicGroup.validateOffsetCommit). Without members anybody may commit who claims no
// generation.
func (c *core) mayCommit(req *kmsg.OffsetCommitRequest) code.Code {
	switch {
	case c.state == dead:
		return code.CoordinatorNotAvailable
	case req.Generation < 0 && c.state == empty:
		return code.OK
	case req.Generation >= 0 || req.MemberID != "" || req.InstanceID != nil:
		if _, bad := c.memberOf(req.MemberID, req.InstanceID); bad != code.OK {
			return bad
		}
		if req.Generation != c.generation {
			return code.IllegalGeneration
		}
	default:
		return code.UnknownMemberId
	}
	if c.state == completing {
		return code.RebalanceInProgress
	}
	return code.OK
}

// topicFinder finds a topic in the published view.
type topicFinder = func(name string) (meta.TopicID, bool)

// strange says whether offsets are of a topic that is no more, or is another by now.
func (t *topicOffsets) strange(name string, topic topicFinder) bool {
	id, ok := topic(name)
	return !ok || t.id != id && t.id != (meta.TopicID{})
}

// strangers are the topics of such offsets.
func (c *core) strangers(topic topicFinder) (gone []TopicRef) {
	for name, t := range c.offsets {
		if t.strange(name, topic) {
			gone = append(gone, TopicRef{name, t.id})
		}
	}
	return gone
}

// fetchOffsets answers what is durable. Offsets on their way do not count: they may not arrive. Nor do strangers, whose deletion may be on
// its way or have failed: a reader of the new topic would leave out what comes before them.
func (c *core) fetchOffsets(req *kmsg.OffsetFetchRequestGroup, topic topicFinder) kmsg.OffsetFetchResponseGroup {
	resp := kmsg.NewOffsetFetchResponseGroup()
	resp.Group = req.Group
	offsets := c.offsets
	if c.state == dead {
		offsets = nil
	}
	if req.Topics == nil {
		for _, name := range slices.Sorted(maps.Keys(offsets)) {
			t := offsets[name]
			if t.strange(name, topic) {
				continue
			}
			out := kmsg.OffsetFetchResponseGroupTopic{Topic: name, TopicID: t.id}
			for _, p := range slices.Sorted(maps.Keys(t.parts)) {
				out.Partitions = append(out.Partitions, fetched(p, t))
			}
			resp.Topics = append(resp.Topics, out)
		}
		return resp
	}
	resp.Topics = make([]kmsg.OffsetFetchResponseGroupTopic, len(req.Topics))
	for i := range req.Topics {
		from, to := &req.Topics[i], &resp.Topics[i]
		to.Topic, to.TopicID = from.Topic, from.TopicID
		t := offsets[from.Topic]
		if t != nil && t.strange(from.Topic, topic) {
			t = nil
		}
		to.Partitions = make([]kmsg.OffsetFetchResponseGroupTopicPartition, len(from.Partitions))
		for k, p := range from.Partitions {
			to.Partitions[k] = fetched(p, t)
		}
	}
	return resp
}

func fetched(partition int32, t *topicOffsets) kmsg.OffsetFetchResponseGroupTopicPartition {
	p := kmsg.NewOffsetFetchResponseGroupTopicPartition()
	p.Partition, p.Offset, p.LeaderEpoch, p.Metadata = partition, -1, -1, new(string)
	if t == nil {
		return p
	}
	if o, ok := t.parts[partition]; ok {
		p.Offset, p.LeaderEpoch, p.Metadata = o.at, o.epoch, &o.metadata
	}
	return p
}

// deleteOffsets handles an OffsetDelete.
func (c *core) deleteOffsets(m *DeleteOffsets, now moment) {
	resp := kmsg.NewPtrOffsetDeleteResponse()
	resp.SetVersion(m.Req.Version)
	switch {
	case c.state == dead:
		resp.ErrorCode = int16(code.GroupIdNotFound)
	case c.state != empty && c.protocolType != consumerType:
		resp.ErrorCode = int16(code.NonEmptyGroup)
	}
	if resp.ErrorCode != 0 {
		c.answer(DeletedOffsets{m, resp})
		return
	}
	e := &entry{kind: writeRemoval, deleteOffsets: m, deleted: resp}
	resp.Topics = make([]kmsg.OffsetDeleteResponseTopic, len(m.Req.Topics))
	coming := c.coming()
	for i := range m.Req.Topics {
		from, to := &m.Req.Topics[i], &resp.Topics[i]
		to.Topic = from.Topic
		to.Partitions = make([]kmsg.OffsetDeleteResponseTopicPartition, len(from.Partitions))
		for k := range from.Partitions {
			p := from.Partitions[k].Partition
			to.Partitions[k].Partition = p
			if c.subscribedTo(from.Topic) {
				to.Partitions[k].ErrorCode = int16(code.GroupSubscribedToTopic)
			} else if at := (place{from.Topic, p}); c.holds(at, coming) {
				e.remove(c.id, at)
			}
		}
	}
	if len(e.records) == 0 {
		c.answer(DeletedOffsets{m, resp})
		return
	}
	c.write(e, now)
}

// holds says whether an offset is there, or will be.
func (c *core) holds(at place, coming map[place]*committing) bool {
	if t := c.offsets[at.topic]; t != nil {
		if _, ok := t.parts[at.partition]; ok {
			return true
		}
	}
	return coming[at] != nil
}

// coming are the last commits to each place that are on their way. Who asks for many places asks once: there may be as many of both as a
// request can name.
func (c *core) coming() map[place]*committing {
	if len(c.writes) == 0 {
		return nil
	}
	all := map[place]*committing{}
	for _, e := range c.writes {
		for i := range e.offsets {
			x := &e.offsets[i]
			all[x.place] = x
		}
	}
	return all
}

// places are all offsets that are there or will be, for which which is true, in a fixed order.
func (c *core) places(which func(place, meta.TopicID) bool) []place {
	var all []place
	for _, name := range slices.Sorted(maps.Keys(c.offsets)) {
		t := c.offsets[name]
		for _, p := range slices.Sorted(maps.Keys(t.parts)) {
			if at := (place{name, p}); which(at, t.id) {
				all = append(all, at)
			}
		}
	}
	if len(c.writes) == 0 {
		return all
	}
	seen := make(map[place]bool, len(all))
	for _, at := range all {
		seen[at] = true
	}
	for _, e := range c.writes {
		for i := range e.offsets {
			if x := &e.offsets[i]; !seen[x.place] && which(x.place, x.id) {
				seen[x.place] = true
				all = append(all, x.place)
			}
		}
	}
	return all
}

// deleteGroup handles one group of a DeleteGroups.
func (c *core) deleteGroup(m *Delete, now moment) {
	switch c.state {
	case dead:
		c.answer(Deleted{m, code.GroupIdNotFound})
	case empty:
		e := c.burial(c.places(func(place, meta.TopicID) bool { return true }), now)
		e.delete = m
		if len(e.records) == 0 { // nothing was ever written of it
			c.buried(code.OK, now)
			c.answerEntry(e, code.OK)
			return
		}
		c.write(e, now)
	default:
		c.answer(Deleted{m, code.NonEmptyGroup})
	}
}

// burial is the write that ends a group. Who was given a member id has to begin anew.
func (c *core) burial(offsets []place, now moment) *entry {
	e := &entry{kind: writeBurial}
	for _, at := range offsets {
		e.remove(c.id, at)
	}
	if c.saved {
		e.records = append(e.records, kv{groupKey(c.id), nil})
	}
	for id := range c.pending {
		c.returned(id)
	}
	c.become(dead, now)
	return e
}

// forgetTopics drops the offsets of topics that are no more. A topic that has the same name by now has another id; where a commit to it is
// on its way, that takes the place of what was there.
func (c *core) forgetTopics(gone []TopicRef, now moment) {
	if len(gone) == 0 {
		return
	}
	e := &entry{kind: writeRemoval}
	names := make(map[string]bool, len(gone))
	for _, t := range gone {
		names[t.Name] = true
	}
	of := func(topic string, id meta.TopicID) bool {
		return names[topic] && slices.ContainsFunc(gone, func(t TopicRef) bool { return t.Name == topic && (t.ID == id || id == meta.TopicID{}) })
	}
	coming := c.coming()
	for _, at := range c.places(func(at place, id meta.TopicID) bool {
		if !of(at.topic, id) {
			return false
		}
		x := coming[at]
		return x == nil || of(at.topic, x.id)
	}) {
		e.remove(c.id, at)
	}
	if len(e.records) > 0 {
		c.write(e, now)
	}
}

// expired are the offsets whose retention has passed, and whether nothing is left then (OffsetMetadataManager.cleanupExpiredOffsets).
// The retention of a group that had members begins when the last one left; that of others with each commit. Nothing expires of
// topics that members are subscribed to.
func (c *core) expired(now moment) (gone []place, all bool) {
	fromCommit := c.protocolType == "" || c.state == stable && c.protocolType == consumerType && c.subscribed != nil
	if c.state == dead || !fromCommit && c.state != empty {
		return nil, false
	}
	all = true
	coming := c.coming()
	for _, name := range slices.Sorted(maps.Keys(c.offsets)) {
		t := c.offsets[name]
		if c.subscribedTo(name) {
			all = false
			continue
		}
		for _, p := range slices.Sorted(maps.Keys(t.parts)) {
			o := t.parts[p]
			from := o.committed
			if !fromCommit && c.since >= 0 {
				from = c.since
			}
			if (o.expire >= 0 && now.wall >= o.expire || o.expire < 0 && now.wall-from >= c.cfg.RetentionMs) && coming[place{name, p}] == nil {
				gone = append(gone, place{name, p})
			} else {
				all = false
			}
		}
	}
	return gone, all && c.idle()
}

// cleanUp drops what has expired, and the group itself when it is empty and nothing is left.
func (c *core) cleanUp(now moment) {
	switch gone, all := c.expired(now); {
	case all && (c.saved || len(gone) > 0):
		c.write(c.burial(gone, now), now)
	case len(gone) > 0:
		e := &entry{kind: writeRemoval}
		for _, at := range gone {
			e.remove(c.id, at)
		}
		c.write(e, now)
	}
}
