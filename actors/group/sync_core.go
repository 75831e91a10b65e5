package group

import (
	"troupe/kafka/code"
)

// syncGroup handles a SyncGroup.
func (c *core) syncGroup(s *Sync, now moment) {
	req := s.Req
	m, bad := c.memberOf(req.MemberID, req.InstanceID)
	switch {
	case c.state == dead:
		bad = code.CoordinatorNotAvailable
	case c.state == empty:
		bad = code.UnknownMemberId
	case bad != code.OK:
	case req.Generation != c.generation:
		bad = code.IllegalGeneration
	case differs(req.ProtocolType, c.typeOrNil()) || differs(req.Protocol, c.protocol):
		bad = code.InconsistentGroupProtocol
	case c.state == preparing:
		bad = code.RebalanceInProgress
	}
	if bad != code.OK {
		c.answer(Synced{s, c.syncAnswer(req, &member{}, bad)})
		return
	}
	if m.unsynced {
		m.unsynced = false
		c.unsynced--
	}
	if c.state == stable {
		c.answer(Synced{s, c.syncAnswer(req, m, code.OK)})
		return
	}
	c.answerSync(m, code.RebalanceInProgress) // the client has asked again
	m.sync = s
	if c.leader == m.id {
		c.assign(s, now)
	}
	s.waits()
}

func differs(said, is *string) bool { return said != nil && is != nil && *said != *is }

// assign writes the leader's assignment. Members that it leaves out have nothing.
func (c *core) assign(s *Sync, now moment) {
	list := make(map[string][]byte, len(s.Req.GroupAssignment))
	for i := range s.Req.GroupAssignment {
		a := &s.Req.GroupAssignment[i]
		list[a.MemberID] = append([]byte{}, a.MemberAssignment...)
	}
	c.saved = true
	c.write(&entry{kind: writeAssignment, generation: c.generation, member: s.Req.MemberID, assignment: list,
		records: []kv{c.metadataRecord(list)}}, now)
}

// assigned gives every member its part when the assignment is durable. A group that has gone on meanwhile, to another generation or
// to the next rebalance, has no use for it.
func (c *core) assigned(e *entry, bad code.Code, now moment) {
	if c.state != completing || e.generation != c.generation {
		return
	}
	if bad != code.OK {
		c.resetAssignment(bad, now)
		c.prepareRebalance(cause{kind: unwritten, text: "the assignment could not be written: " + bad.String(), member: e.member}, now)
		return
	}
	for _, m := range c.list {
		c.give(m, e.assignment[m.id])
	}
	for _, m := range c.list {
		if m.sync != nil {
			c.answerSync(m, code.OK)
			c.touch(m, now)
		}
	}
	c.become(stable, now)
	c.settle(now)
}

// give gives a member its part.
func (c *core) give(m *member, part []byte) {
	c.given += len(part) - len(m.assignment)
	m.assignment = part
}
