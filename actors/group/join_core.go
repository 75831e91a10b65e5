package group

import (
	"bytes"
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"

	"troupe/kafka/code"
)

// join handles a JoinGroup as Kafka's GroupMetadataManager.classicGroupJoinToClassicGroup does. newID is the member id that is given
// out if one is needed.
func (c *core) join(j *Join, newID string, now moment) {
	req := j.Req
	known := c.members[req.MemberID]
	switch {
	case !c.accepts(known):
		c.failJoin(j, "", code.GroupMaxSizeReached)
		if known != nil {
			c.remove(known)
			c.completeIfAll(now)
		}
	case c.state == dead:
		c.failJoin(j, req.MemberID, code.CoordinatorNotAvailable)
	case !c.hasRoom(j, known, newID):
		c.failJoin(j, req.MemberID, code.GroupMaxSizeReached)
	case !c.supportsAny(req.ProtocolType, req.Protocols) || req.ProtocolType == consumerType && !subscriptionsReadable(req.Protocols):
		c.failJoin(j, req.MemberID, code.InconsistentGroupProtocol)
	case req.MemberID == "":
		c.joinNew(j, newID, now)
	default:
		c.rejoin(j, known, now)
	}
}

// accepts says whether group.max.size lets one more Join in. While members rejoin, only those who have are counted: so the last
// ones are refused when the limit was lowered.
func (c *core) accepts(known *member) bool {
	most := min(c.cfg.MaxSize, maxMembers)
	switch c.state {
	case preparing:
		return known != nil && known.join != nil || c.joining < most
	case completing, stable:
		return known != nil || len(c.members) < most
	}
	return true
}

// hasRoom says whether what all members say and are called stays within bounds with a Join.
func (c *core) hasRoom(j *Join, known *member, newID string) bool {
	n := 0
	for i := range j.Req.Protocols {
		n += len(j.Req.Protocols[i].Name) + len(j.Req.Protocols[i].Metadata)
	}
	if known != nil {
		n -= sizeOf(known.protocols)
	} else {
		n += max(len(newID), len(j.Req.MemberID)) + called(j.Req.InstanceID, j.Client)
	}
	return n <= 0 || c.cfg.MaxBatch <= 0 || c.bytes+n <= tooManyBatches*c.cfg.MaxBatch
}

// supportsAny says whether a member with these protocols can be in the group: its type is the group's, and every member knows one.
func (c *core) supportsAny(typ string, list []kmsg.JoinGroupRequestProtocol) bool {
	if c.state == empty {
		return typ != "" && len(list) > 0
	}
	return typ == c.protocolType && slices.ContainsFunc(list, func(p kmsg.JoinGroupRequestProtocol) bool {
		return c.supports[p.Name] == len(c.members)
	})
}

func (c *core) joinNew(j *Join, newID string, now moment) {
	req := j.Req
	if req.InstanceID != nil {
		if old := c.members[c.static[*req.InstanceID]]; old != nil {
			c.replace(j, old, newID, now)
			return
		}
	}
	c.create(now)
	if req.InstanceID != nil || req.Version < 4 {
		c.addMember(j, newID, now)
		return
	}
	if len(c.pending) >= maxPending {
		c.failJoin(j, "", code.CoordinatorNotAvailable)
		return
	}
	c.giveOut(newID, now.mono+int64(req.SessionTimeoutMillis))
	c.failJoin(j, newID, code.MemberIdRequired)
}

// create writes the group's first record, so that it is there after a restart too.
func (c *core) create(now moment) {
	if c.saved || len(c.members) > 0 {
		return
	}
	c.saved = true
	c.write(&entry{kind: writeCreation, records: []kv{c.emptyRecord()}}, now)
}

func (c *core) rejoin(j *Join, m *member, now moment) {
	req := j.Req
	if _, ok := c.pending[req.MemberID]; ok {
		if req.InstanceID != nil { // a pending id is never a static member's
			c.failJoin(j, req.MemberID, code.UnknownMemberId)
			return
		}
		c.addMember(j, req.MemberID, now)
		return
	}
	if _, bad := c.memberOf(req.MemberID, req.InstanceID); bad != code.OK {
		c.failJoin(j, req.MemberID, bad)
		return
	}
	same := m.matches(req.Protocols)
	switch {
	case c.state == preparing:
		c.updateMember(j, m, "member "+m.id+" joined while the group rebalanced", now)
	case c.state == stable && c.leader == m.id:
		c.updateMember(j, m, "leader "+m.id+" joined again", now)
	case !same && (c.state == completing || c.state == stable):
		c.updateMember(j, m, "member "+m.id+" joined again with other metadata", now)
	case c.state == completing && m.join != nil:
		c.await(m, j) // until the generation is durable
	case c.state == completing || c.state == stable:
		// It missed the answer, or a follower asks for nothing new: the present generation is what it gets.
		c.answer(Joined{j, c.joinAnswer(req, m, c.state == completing)})
	default:
		c.failJoin(j, req.MemberID, code.UnknownMemberId)
	}
}

// addMember makes a new member and begins a rebalance, or takes part in the one under way.
func (c *core) addMember(j *Join, id string, now moment) {
	m := &member{id: id, instance: cloned(j.Req.InstanceID), client: j.Client, fresh: true, join: j}
	m.update(j.Req)
	if c.state == preparing && c.initial {
		c.newcomers = true
	}
	if len(c.members) == 0 {
		c.protocolType = j.Req.ProtocolType
	}
	c.add(m)
	m.heard = now.mono
	c.expireAt(m, now.mono+newMemberTimeout)
	why := c.because(j, "member "+id+" is new")
	j.waits()
	j.since = now.mono
	c.rebalanceOrComplete(why, now)
}

// updateMember takes what a member says now and makes it wait for the next generation.
func (c *core) updateMember(j *Join, m *member, why string, now moment) {
	c.count(m, -1)
	m.update(j.Req)
	c.count(m, 1)
	m.heard = now.mono
	reason := c.because(j, why)
	c.await(m, j)
	c.rebalanceOrComplete(reason, now)
}

// because is why a Join begins a rebalance, with the client's own reason (KIP-800).
func (c *core) because(j *Join, why string) cause {
	why += words(j.Req.Reason)
	id := j.Req.MemberID
	if id == "" && len(c.list) > 0 {
		id = c.list[len(c.list)-1].id
	}
	return cause{joined, why, id, j.Client}
}

// replace gives a static member that has come back a new id; whoever still uses the old one is fenced (KIP-345). If the assignment of a
// stable group stays good, there is no rebalance.
func (c *core) replace(j *Join, old *member, newID string, now moment) {
	c.answerJoin(old, joinFailure(old.join, old.id, code.FencedInstanceId))
	c.answerSync(old, code.FencedInstanceId)
	before := replaced{id: old.id, protocols: old.protocols, session: old.session, rebalance: old.rebalance, leader: c.leader}
	c.rename(old, newID)
	m := old
	m.fresh = false
	c.count(m, -1)
	m.update(j.Req)
	c.count(m, 1)
	why := c.because(j, "static member "+*m.instance+" came back")
	why.member = newID
	c.await(m, j)
	c.touch(m, now)
	switch {
	case c.state == stable && c.protocol != nil && c.selectProtocol() == *c.protocol:
		c.write(&entry{kind: writeStatic, generation: c.generation, member: newID, before: before,
			records: []kv{c.metadataRecord(nil)}}, now)
	case c.state == stable, c.state == completing:
		c.prepareRebalance(why, now)
	default:
		c.completeIfAll(now)
	}
}

// replaced is what a static member was before it came back.
type replaced struct {
	id, leader         string
	protocols          []protocol
	session, rebalance int64
}

// rename changes a member's id. It keeps its place, its assignment, and that it leads.
func (c *core) rename(m *member, id string) {
	delete(c.members, m.id)
	if c.leader == m.id {
		c.leader = id
	}
	c.bytes += len(id) - len(m.id)
	m.id = id
	c.members[id] = m
	c.static[*m.instance] = id
}

// staticWritten answers a static member that came back, when its new id is durable; or takes it back.
func (c *core) staticWritten(e *entry, bad code.Code, now moment) {
	m := c.members[e.member]
	if m == nil || m.join == nil || c.generation != e.generation || c.state != stable {
		return // something else has happened to it, and has answered or will
	}
	if bad == code.OK {
		j := m.join
		resp := c.joinAnswer(j.Req, m, j.Req.Version >= 9)
		if j.Req.Version >= 9 {
			resp.SkipAssignment = c.leader == m.id
		} else {
			resp.LeaderID = e.before.leader // an old client that sees itself as the leader would assign; it must not
		}
		c.answerJoin(m, resp)
		c.touch(m, now)
		return
	}
	resp := c.joinAnswer(m.join.Req, m, false)
	resp.MemberID, resp.LeaderID, resp.ErrorCode = "", e.before.leader, int16(bad)
	c.answerJoin(m, resp)
	c.count(m, -1)
	m.protocols, m.session, m.rebalance = e.before.protocols, e.before.session, e.before.rebalance
	c.count(m, 1)
	c.rename(m, e.before.id)
	c.touch(m, now)
}

// update takes what a Join says of its sender. The bytes are copied: those of the request go with it.
func (m *member) update(req *kmsg.JoinGroupRequest) {
	m.session = clampMs(int64(req.SessionTimeoutMillis))
	m.rebalance = clampMs(int64(req.RebalanceTimeoutMillis))
	if req.Version == 0 {
		m.rebalance = m.session
	}
	m.protocols = make([]protocol, len(req.Protocols))
	for i, p := range req.Protocols {
		m.protocols[i] = protocol{p.Name, append([]byte{}, p.Metadata...)}
	}
}

func (m *member) matches(list []kmsg.JoinGroupRequestProtocol) bool {
	return slices.EqualFunc(m.protocols, list, func(p protocol, q kmsg.JoinGroupRequestProtocol) bool {
		return p.name == q.Name && bytes.Equal(p.metadata, q.Metadata)
	})
}

func cloned(s *string) *string {
	if s == nil {
		return nil
	}
	return kmsg.StringPtr(*s)
}

// failJoin answers a Join that was not taken.
func (c *core) failJoin(j *Join, memberID string, bad code.Code) {
	c.answer(Joined{j, joinFailure(j, memberID, bad)})
}

// joinFailure is the answer to a join that failed; nil without a join.
func joinFailure(j *Join, memberID string, bad code.Code) *kmsg.JoinGroupResponse {
	if j == nil {
		return nil
	}
	resp := joinError(j.Req, bad)
	resp.MemberID = memberID
	return resp
}

// joinAnswer tells a member of the present generation. The leader hears of all, unless nothing is left for it to do.
func (c *core) joinAnswer(req *kmsg.JoinGroupRequest, m *member, all bool) *kmsg.JoinGroupResponse {
	resp := kmsg.NewPtrJoinGroupResponse()
	resp.SetVersion(req.Version)
	resp.Generation, resp.MemberID, resp.LeaderID = c.generation, m.id, c.leader
	resp.ProtocolType, resp.Protocol = c.typeOrNil(), c.protocol
	switch {
	case req.Version < 7 && resp.Protocol == nil:
		resp.Protocol = new(string)
	case req.Version >= 7 && deref(resp.Protocol) == "":
		resp.Protocol = nil // as Kafka tells a protocol without a name
	}
	if all && c.leader == m.id {
		resp.Members = make([]kmsg.JoinGroupResponseMember, len(c.list))
		for i, x := range c.list {
			to := &resp.Members[i]
			to.MemberID, to.InstanceID, to.ProtocolMetadata = x.id, x.instance, x.metadata(c.protocol)
		}
	}
	return resp
}
