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
func describeGroups(c *Call) {
	req := c.Req.(*kmsg.DescribeGroupsRequest)
	k := &describeGroupsCall{c: c, ops: req.IncludeAuthorizedOperations, places: map[*group.Describe]int{}}
	k.resp = kmsg.NewPtrDescribeGroupsResponse()
	k.resp.Groups = make([]kmsg.DescribeGroupsResponseGroup, len(req.Groups))
	c.Next = k.next
	for i, id := range req.Groups {
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
	places map[*group.Describe]int // asks that are not answered, and their places in the answer
	resp   *kmsg.DescribeGroupsResponse
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
	k.resp.Groups[k.places[m.Describe]] = g
	delete(k.places, m.Describe)
	k.maybeRespond()
}

func (k *describeGroupsCall) maybeRespond() {
	if len(k.places) == 0 && !k.c.Ended() {
		k.c.Respond(k.resp)
	}
}
