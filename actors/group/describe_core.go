package group

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"troupe/kafka/code"
)

// describe is the group for DescribeGroups. Metadata is told of a stable group only, as Kafka does.
func (c *core) describe() kmsg.DescribeGroupsResponseGroup {
	r := kmsg.NewDescribeGroupsResponseGroup()
	r.Group, r.State, r.ProtocolType = c.id, c.state.String(), c.protocolType
	if c.state == stable {
		r.Protocol = deref(c.protocol)
	}
	for _, m := range c.list {
		x := kmsg.NewDescribeGroupsResponseGroupMember()
		x.MemberID, x.InstanceID, x.ClientID, x.ClientHost = m.id, m.instance, m.client.ID, m.client.Host
		x.ProtocolMetadata, x.MemberAssignment = []byte{}, m.assignment
		if c.state == stable {
			x.ProtocolMetadata = m.metadata(c.protocol)
		}
		if x.MemberAssignment == nil {
			x.MemberAssignment = []byte{}
		}
		r.Members = append(r.Members, x)
	}
	return r
}

// describeAbsent is what DescribeGroups says of a group that does not exist.
func describeAbsent(m *Describe) kmsg.DescribeGroupsResponseGroup {
	r := kmsg.NewDescribeGroupsResponseGroup()
	r.Group, r.State = m.Group, dead.String()
	if m.Version >= 6 {
		r.ErrorCode = int16(code.GroupIdNotFound)
		r.ErrorMessage = kmsg.StringPtr("Group " + m.Group + " not found.")
	}
	return r
}

// explain is the group for people.
func (c *core) explain(now moment) Explanation {
	x := Explanation{State: c.state.String(), Generation: c.generation, ProtocolType: c.protocolType, Protocol: deref(c.protocol),
		Leader: c.leader, Awaiting: c.awaiting(now), Pending: len(c.pending), Offsets: c.offsetCount(), Rebalances: slices.Clone(c.history)}
	if c.since >= 0 {
		x.StateSince = time.UnixMilli(c.since)
	}
	for _, m := range c.awaited() {
		x.AwaitingIDs = append(x.AwaitingIDs, m.id)
	}
	for _, e := range c.writes {
		x.Committing += len(e.offsets)
	}
	for _, m := range slices.SortedFunc(slices.Values(c.list), byMemberID) {
		x.Members = append(x.Members, m.explain(now))
	}
	return x
}

func (m *member) explain(now moment) MemberExplained {
	x := MemberExplained{ID: m.id, InstanceID: deref(m.instance), ClientID: m.client.ID, ClientHost: m.client.Host,
		SessionTimeout: ms(m.session), RebalanceTimeout: ms(m.rebalance), LastHeard: ms(max(now.mono-m.heard, 0)), AssignmentBytes: len(m.assignment)}
	for _, p := range m.protocols {
		x.Protocols = append(x.Protocols, p.name)
	}
	switch {
	case m.join != nil:
		x.Awaits = "join"
	case m.sync != nil:
		x.Awaits = "sync"
	}
	return x
}

// awaited are the members for whom the others wait.
func (c *core) awaited() (list []*member) {
	for _, m := range c.list {
		switch {
		case c.state == preparing && !c.initial && m.join == nil:
			list = append(list, m)
		case c.state == completing && m.id == c.leader && m.sync == nil:
			list = append(list, m)
		}
	}
	return list
}

// awaiting says in one sentence what the group waits for; "" if for nothing.
func (c *core) awaiting(now moment) string {
	since := ms(max(now.mono-c.stateAt, 0)).Round(time.Millisecond)
	left := func(at int64) time.Duration { return ms(max(at-now.mono, 0)) }
	switch list := c.awaited(); {
	case c.state == completing && c.unsynced == 0 && c.joining > 0:
		return fmt.Sprintf("the generation to be durable, since %s", since)
	case c.state == preparing && c.initial:
		return fmt.Sprintf("more members to join, for at most another %s: %d are there, since %s (group.initial.rebalance.delay.ms)", left(c.joinAt), c.joining, since)
	case c.state == preparing:
		text := fmt.Sprintf("%d of %d members to join again, since %s; they have another %s", len(list), len(c.members), since, left(c.joinAt))
		if len(c.pending) > 0 {
			text += fmt.Sprintf("; and %d new ones that were given an id", len(c.pending))
		}
		return text + named(list)
	case c.state == completing && len(list) == 0:
		return fmt.Sprintf("the assignment to be durable, since %s", since)
	case c.state == completing:
		return fmt.Sprintf("the leader's assignment, since %s%s", since, named(list))
	case c.state == dead:
		return "its deletion to be durable"
	case len(c.writes) > 0:
		return fmt.Sprintf("%d writes to be durable", len(c.writes))
	}
	return ""
}

const maxNamed = 5 // members named in a sentence

func named(list []*member) string {
	if len(list) == 0 {
		return ""
	}
	ids := make([]string, min(len(list), maxNamed))
	for i := range ids {
		ids[i] = list[i].id + " (" + list[i].client.Host + ")"
	}
	text := ": " + strings.Join(ids, ", ")
	if len(list) > maxNamed {
		text += ", …"
	}
	return text
}

// maxWords is how much of a client's reason (KIP-800) is remembered, in bytes: its own clients say no more.
const maxWords = 255

// words is what a client says of its reason, behind what we say ourselves.
func words(reason *string) string {
	switch r := deref(reason); {
	case r == "":
		return ""
	case len(r) > maxWords:
		return "; it says: " + strings.ToValidUTF8(r[:maxWords], "") + "…"
	default:
		return "; it says: " + r
	}
}

func ms(v int64) time.Duration { return time.Duration(v) * time.Millisecond }

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
