package group

import (
	"encoding/binary"
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"

	"troupe/actors/meta"
)

// kv is one record of Topic; a nil value is a tombstone.
type kv struct{ key, value []byte }

// The versions that Kafka 4.3 writes.
const (
	offsetKeyVersion    = 1
	offsetVersion       = 4 // with the topic's id
	offsetExpireVersion = 1 // with an expiry of its own, which old clients ask for (OffsetCommit v2-4)
	groupKeyVersion     = 2
	groupVersion        = 3
)

func offsetKey(group, topic string, partition int32) []byte {
	k := kmsg.NewOffsetCommitKey()
	k.Version, k.Group, k.Topic, k.Partition = offsetKeyVersion, group, topic, partition
	return k.AppendTo(nil)
}

func (o *offset) record(id meta.TopicID) []byte {
	v := kmsg.NewOffsetCommitValue()
	v.Version, v.TopicID = offsetVersion, id
	if o.expire >= 0 {
		v.Version, v.ExpireTimestamp = offsetExpireVersion, o.expire
	}
	v.Offset, v.LeaderEpoch, v.Metadata, v.CommitTimestamp = o.at, o.epoch, o.metadata, o.committed
	return v.AppendTo(nil)
}

func groupKey(group string) []byte {
	k := kmsg.NewGroupMetadataKey()
	k.Version, k.Group = groupKeyVersion, group
	return k.AppendTo(nil)
}

// emptyRecord is the first record of a group.
func (c *core) emptyRecord() kv {
	v := kmsg.NewGroupMetadataValue()
	v.Version, v.Generation, v.CurrentStateTimestamp = groupVersion, c.generation, c.since
	return kv{groupKey(c.id), v.AppendTo(nil)}
}

// metadataRecord is the group as it is, with an assignment; nil: that of the members.
func (c *core) metadataRecord(assignment map[string][]byte) kv {
	v := kmsg.NewGroupMetadataValue()
	v.Version, v.ProtocolType, v.Generation, v.Protocol = groupVersion, c.protocolType, c.generation, c.protocol
	v.CurrentStateTimestamp = c.since
	if c.leader != "" {
		v.Leader = &c.leader
	}
	v.Members = make([]kmsg.GroupMetadataValueMember, len(c.list))
	for i, m := range c.list {
		to := &v.Members[i]
		to.MemberID, to.InstanceID, to.ClientID, to.ClientHost = m.id, m.instance, m.client.ID, m.client.Host
		to.RebalanceTimeoutMillis, to.SessionTimeoutMillis = int32(m.rebalance), int32(m.session)
		to.Subscription, to.Assignment = m.metadata(c.protocol), m.assignment
		if assignment != nil {
			to.Assignment = assignment[m.id]
		}
		if to.Assignment == nil {
			to.Assignment = []byte{}
		}
	}
	return kv{groupKey(c.id), v.AppendTo(nil)}
}

// loadedRecord is a record of Topic, read. Exactly one of offset and group is set, or none for a tombstone.
type loadedRecord struct {
	id        string
	isGroup   bool
	topic     string
	partition int32
	topicID   meta.TopicID
	offset    *offset
	group     *kmsg.GroupMetadataValue
}

// decodeRecord reads a record of Topic; false if it is not one that this coordinator knows. Everything is copied.
func decodeRecord(key, value []byte) (r loadedRecord, ok bool, err error) {
	if len(key) < 2 {
		return r, false, nil
	}
	switch version := int16(binary.BigEndian.Uint16(key)); {
	case version >= 0 && version <= 1:
		k := kmsg.NewOffsetCommitKey()
		if err := k.ReadFrom(key); err != nil {
			return r, false, err
		}
		r.id, r.topic, r.partition = k.Group, k.Topic, k.Partition
		if value == nil {
			return r, true, nil
		}
		v := kmsg.NewOffsetCommitValue()
		if err := v.ReadFrom(value); err != nil {
			return r, false, err
		}
		o := &offset{at: v.Offset, epoch: v.LeaderEpoch, metadata: v.Metadata, committed: v.CommitTimestamp, expire: -1}
		if v.Version == 1 && v.ExpireTimestamp >= 0 {
			o.expire = v.ExpireTimestamp
		}
		if v.Version < 3 {
			o.epoch = -1
		}
		r.offset, r.topicID = o, v.TopicID
		return r, true, nil
	case version == groupKeyVersion:
		k := kmsg.NewGroupMetadataKey()
		if err := k.ReadFrom(key); err != nil {
			return r, false, err
		}
		r.id, r.isGroup = k.Group, true
		if value == nil {
			return r, true, nil
		}
		v := kmsg.NewGroupMetadataValue()
		if err := v.ReadFrom(append([]byte{}, value...)); err != nil {
			return r, false, err
		}
		r.group = &v
		return r, true, nil
	}
	return r, false, nil
}

// replay makes a record of the log part of the group.
func (c *core) replay(r *loadedRecord) {
	if !r.isGroup {
		if r.offset == nil {
			c.dropOffset(r.topic, r.partition)
		} else {
			c.putOffset(r.topic, r.topicID, r.partition, *r.offset)
		}
		return
	}
	c.stateAt, c.bytes = 0, 0
	c.members, c.list, c.static, c.supports = map[string]*member{}, nil, map[string]string{}, map[string]int{}
	c.state, c.previous, c.saved, c.leader, c.protocol, c.protocolType = empty, dead, false, "", nil, ""
	c.generation, c.subscribed = 0, nil
	v := r.group
	if v == nil {
		return
	}
	c.saved, c.protocolType, c.generation, c.protocol = true, v.ProtocolType, v.Generation, v.Protocol
	c.since = -1
	if v.Version >= 2 {
		c.since = v.CurrentStateTimestamp
	}
	for i := range v.Members {
		c.replayMember(v, &v.Members[i])
	}
	if len(c.list) > 0 {
		c.state = stable
		if !slices.ContainsFunc(c.list, func(m *member) bool { return len(m.assignment) > 0 }) {
			c.state = completing // the generation was written, its assignment was not
		}
		if v.Leader != nil && c.members[*v.Leader] != nil {
			c.leader = *v.Leader
		}
	}
	c.subscribed = c.subscriptions()
}

func (c *core) replayMember(v *kmsg.GroupMetadataValue, x *kmsg.GroupMetadataValueMember) {
	if c.members[x.MemberID] != nil {
		return
	}
	m := &member{id: x.MemberID, instance: x.InstanceID, client: Client{x.ClientID, x.ClientHost},
		session: clampMs(int64(x.SessionTimeoutMillis)), rebalance: clampMs(int64(x.RebalanceTimeoutMillis)), assignment: x.Assignment}
	if v.Version == 0 {
		m.rebalance = m.session
	}
	if v.Protocol != nil {
		m.protocols = []protocol{{*v.Protocol, x.Subscription}}
	}
	c.add(m)
}

// wakeUp begins the sessions of a group that was read from the log. One that is larger than the limit allows now rebalances.
func (c *core) wakeUp(now moment) {
	if c.stateAt == 0 {
		c.stateAt = now.mono
	}
	for _, m := range c.list {
		c.touch(m, now)
	}
	if c.state == completing {
		c.awaitSyncs(now)
	}
	if len(c.members) > c.cfg.MaxSize {
		c.prepareRebalance(cause{kind: oversized, text: "the group is larger than group.max.size allows"}, now)
	}
}
