package api

import (
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"

	"troupe/actors/group"
	"troupe/kafka/code"
)

// ListGroups (key 16, versions 0-5).
//
//	v3 flexible; v4 states (KIP-518); v5 types (KIP-848).
//
// It lists the groups that this broker coordinates. While one of its coordinators is loading, the whole answer is an error, as with Kafka: a
// list with gaps would look like one without.
func listGroups(c *Call) {
	req := c.Req.(*kmsg.ListGroupsRequest)
	k := &listGroupsCall{c: c, resp: kmsg.NewPtrListGroupsResponse()}
	c.Next = k.next
	c.OnClose = func(c *Call) { // putting together what nobody reads may be much work
		resp := kmsg.NewPtrListGroupsResponse()
		resp.ErrorCode = int16(code.CoordinatorNotAvailable)
		c.Respond(resp)
	}
	if t := c.View.Image.Topic(group.Topic); t != nil {
		for i := range t.Partitions {
			if t.Partitions[i].Leader == c.Env.NodeID {
				k.ask(req, t.Partitions[i].Index)
			}
		}
	}
	k.maybeRespond()
}

// listGroupsCall is one ListGroups under way.
type listGroupsCall struct {
	c     *Call
	asked int
	resp  *kmsg.ListGroupsResponse
}

func (k *listGroupsCall) ask(req *kmsg.ListGroupsRequest, p int32) {
	m := &group.List{Ask: k.c.Ask(), States: req.StatesFilter, Types: req.TypesFilter}
	k.asked++
	if shard := k.c.Sys.Lookup(group.ShardName(p)); shard != nil {
		shard.Tell(m)
		return
	}
	m.Refuse()
}

func (k *listGroupsCall) next(_ *Call, answer any) {
	m, ok := answer.(group.Listed)
	if !ok {
		return
	}
	k.asked--
	switch m.Code {
	case code.OK:
		k.resp.Groups = append(k.resp.Groups, m.Groups...)
	case code.NotCoordinator: // it has gone to another broker, which lists it
	default:
		k.resp.ErrorCode = int16(m.Code)
	}
	k.maybeRespond()
}

func (k *listGroupsCall) maybeRespond() {
	if k.asked > 0 || k.c.Ended() {
		return
	}
	if k.resp.ErrorCode != 0 {
		k.resp.Groups = nil
	}
	slices.SortFunc(k.resp.Groups, func(a, b kmsg.ListGroupsResponseGroup) int { return strings.Compare(a.Group, b.Group) })
	f := form{k.c.Version >= 3}
	var head []byte
	if k.c.Version >= 1 {
		head = appendInt32(head, 0) // throttled for
	}
	head = f.length(appendInt16(head, k.resp.ErrorCode), len(k.resp.Groups))
	all := newTelling(&listedGroups{f, k.c.Version, k.resp.Groups}, listedHeld*len(k.resp.Groups))
	k.c.tell(head, []*telling{all}, f.tags(nil), k.resp)
}

// listedHeld is about what a group takes in an answer; its name is the coordinator's, and shared.
const listedHeld = 96

// listedGroups are the groups as they are told: there may be very many, with long names.
type listedGroups struct {
	form
	version int16
	groups  []kmsg.ListGroupsResponseGroup
}

// next implements piecewise.
func (l *listedGroups) next(b []byte, at *place, full int) ([]byte, bool) {
	for ; at.element < len(l.groups); at.element++ {
		if len(b) >= full {
			return b, false
		}
		g := &l.groups[at.element]
		b = l.string(l.string(b, g.Group), g.ProtocolType)
		if l.version >= 4 {
			b = l.string(b, g.GroupState)
		}
		if l.version >= 5 {
			b = l.string(b, g.GroupType)
		}
		b = l.tags(b)
	}
	return b, true
}
