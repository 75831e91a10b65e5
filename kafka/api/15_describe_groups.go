package api

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"troupe/actors/group"
)

// groupOperations are the operations on a group as bits (KIP-430): read, delete, describe, and those on its configs.
const groupOperations = 3400

// DescribeGroups (key 15, versions 0-6).
//
//	v3 authorised operations (KIP-430); v4 static members (KIP-345); v5 flexible; v6 an error and a message for a group that is not there (KIP-1043).
//
// A group that is named twice is told twice, as with Kafka, but asked once.
func describeGroups(c *Call) {
	req := c.Req.(*kmsg.DescribeGroupsRequest)
	k := &describeGroupsCall{c: c, ops: req.IncludeAuthorizedOperations, places: map[*group.Describe]int{}}
	k.order = make([]int, len(req.Groups))
	c.Next = k.next
	places := make(map[string]int, len(req.Groups))
	var names []string
	for i, id := range req.Groups {
		if _, twice := places[id]; !twice {
			places[id] = len(names)
			names = append(names, id)
		}
		k.order[i] = places[id]
	}
	k.groups = make([]kmsg.DescribeGroupsResponseGroup, len(names))
	for i, id := range names {
		m := &group.Describe{Ask: c.Ask(), Client: c.groupClient(), Group: id, Version: c.Version}
		k.places[m] = i
		c.tellGroup(id, m)
	}
	k.maybeRespond()
}

// describeGroupsCall is one DescribeGroups under way.
type describeGroupsCall struct {
	c      *Call
	ops    bool
	order  []int                   // the groups of the request: places in groups
	places map[*group.Describe]int // asks that are not answered, and their places in groups
	groups []kmsg.DescribeGroupsResponseGroup
}

func (k *describeGroupsCall) next(_ *Call, answer any) {
	m, ok := answer.(group.Described)
	if !ok {
		return
	}
	g := m.Resp
	if k.ops && g.ErrorCode == 0 {
		g.AuthorizedOperations = groupOperations
	}
	k.groups[k.places[m.Describe]] = g
	delete(k.places, m.Describe)
	k.maybeRespond()
}

func (k *describeGroupsCall) maybeRespond() {
	if len(k.places) > 0 || k.c.Ended() {
		return
	}
	f := form{k.c.Version >= 5}
	each := make([]*telling, len(k.groups))
	for i := range k.groups {
		each[i] = newTelling(&describedGroup{f, k.c.Version, &k.groups[i]}, groupHeld+memberHeld*len(k.groups[i].Members))
	}
	told := inOrder(each, k.order)
	var head []byte
	if k.c.Version >= 1 {
		head = appendInt32(head, 0) // throttled for
	}
	k.c.tell(f.length(head, len(told)), told, f.tags(nil), &kmsg.DescribeGroupsResponse{Groups: k.groups})
}

// About what a group and a member of it take in an answer; what they say is the group's, and shared.
const (
	groupHeld  = 256
	memberHeld = 192
)

// describedGroup is a group as it is told.
type describedGroup struct {
	form
	version int16
	*kmsg.DescribeGroupsResponseGroup
}

// next implements piecewise. Element 0 is the head, the last one the tail.
func (g *describedGroup) next(b []byte, at *place, full int) ([]byte, bool) {
	for len(b) < full {
		switch {
		case at.element == 0:
			b = g.begin(b)
		case at.element > len(g.Members):
			if g.version >= 3 {
				b = appendInt32(b, g.AuthorizedOperations)
			}
			return g.tags(b), true
		default:
			if b = g.member(b, &g.Members[at.element-1], at, full); at.field != 0 {
				return b, false
			}
		}
		at.element++
	}
	return b, false
}

func (g *describedGroup) begin(b []byte) []byte {
	b = appendInt16(b, g.ErrorCode)
	if g.version >= 6 {
		b = g.nullable(b, g.ErrorMessage)
	}
	for _, s := range []string{g.Group, g.State, g.ProtocolType, g.Protocol} {
		b = g.string(b, s)
	}
	return g.length(b, len(g.Members))
}

// member appends a member, or what fits of it: then the field where it goes on is not 0.
func (g *describedGroup) member(b []byte, m *kmsg.DescribeGroupsResponseGroupMember, at *place, full int) []byte {
	if at.field == 0 {
		b = g.string(b, m.MemberID)
		if g.version >= 4 {
			b = g.nullable(b, m.InstanceID)
		}
		b = g.string(b, m.ClientID)
		b = g.string(b, m.ClientHost)
		b = g.length(b, len(m.ProtocolMetadata))
		at.field = 1
	}
	if at.field == 1 {
		var all bool
		if b, all = appendSome(b, m.ProtocolMetadata, at, full); !all {
			return b
		}
		b = g.length(b, len(m.MemberAssignment))
		at.field = 2
	}
	b, all := appendSome(b, m.MemberAssignment, at, full)
	if !all {
		return b
	}
	at.field = 0
	return g.tags(b)
}

// appendSome appends what there is room for of v, from where at says.
func appendSome(b, v []byte, at *place, full int) ([]byte, bool) {
	n := min(len(v)-at.bytes, max(full-len(b), 0))
	b = append(b, v[at.bytes:at.bytes+n]...)
	if at.bytes += n; at.bytes < len(v) {
		return b, false
	}
	at.bytes = 0
	return b, true
}
