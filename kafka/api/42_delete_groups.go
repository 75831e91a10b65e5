package api

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"troupe/actors/group"
)

// DeleteGroups (key 42, versions 0-2).
//
//	v2 flexible.
//
// A group that is named twice is answered once.
func deleteGroups(c *Call) {
	req := c.Req.(*kmsg.DeleteGroupsRequest)
	k := &deleteGroupsCall{c: c, places: map[*group.Delete]int{}, resp: kmsg.NewPtrDeleteGroupsResponse()}
	c.Next = k.next
	seen := map[string]bool{}
	for _, id := range req.Groups {
		if seen[id] {
			continue
		}
		seen[id] = true
		m := &group.Delete{Ask: c.Ask(), Client: c.groupClient(), Group: id}
		k.places[m] = len(k.resp.Groups)
		x := kmsg.NewDeleteGroupsResponseGroup()
		x.Group = id
		k.resp.Groups = append(k.resp.Groups, x)
		c.tellGroup(id, m)
	}
	k.maybeRespond()
}

// deleteGroupsCall is one DeleteGroups under way.
type deleteGroupsCall struct {
	c      *Call
	places map[*group.Delete]int // asks that are not answered, and their places in the answer
	resp   *kmsg.DeleteGroupsResponse
}

func (k *deleteGroupsCall) next(_ *Call, answer any) {
	m, ok := answer.(group.Deleted)
	if !ok {
		return
	}
	x := &k.resp.Groups[k.places[m.Delete]]
	x.ErrorCode = int16(m.Code)
	delete(k.places, m.Delete)
	k.maybeRespond()
}

func (k *deleteGroupsCall) maybeRespond() {
	if len(k.places) == 0 && !k.c.Ended() {
		k.c.Respond(k.resp)
	}
}
