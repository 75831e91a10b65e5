package group

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"troupe/kafka/code"
)

// heartbeat handles a Heartbeat: OK, or why the member must join again.
func (c *core) heartbeat(req *kmsg.HeartbeatRequest, now moment) code.Code {
	if c.state == dead {
		return code.CoordinatorNotAvailable
	}
	m, bad := c.memberOf(req.MemberID, req.InstanceID)
	switch {
	case bad != code.OK:
		return bad
	case req.Generation != c.generation:
		return code.IllegalGeneration
	case c.state == empty:
		return code.UnknownMemberId
	}
	c.touch(m, now)
	if c.state == preparing {
		return code.RebalanceInProgress
	}
	return code.OK
}

// leave handles a LeaveGroup. The code is that of the request as a whole.
func (c *core) leave(l *Leave, now moment) ([]kmsg.LeaveGroupResponseMember, code.Code) {
	if c.state == dead {
		return nil, code.CoordinatorNotAvailable
	}
	list := leaving(l.Req)
	out := make([]kmsg.LeaveGroupResponseMember, len(list))
	why := cause{kind: left, client: l.Client}
	left := 0
	for i, x := range list {
		out[i] = kmsg.NewLeaveGroupResponseMember()
		out[i].MemberID, out[i].InstanceID = x.MemberID, x.InstanceID
		id, bad := c.leaveOne(x)
		if out[i].ErrorCode = int16(bad); bad != code.OK {
			continue
		}
		if left++; left == 1 {
			why.member, why.text = id, "member "+id+" left"+words(x.Reason)
		}
	}
	switch {
	case left == 0:
	case c.state == stable, c.state == completing:
		c.prepareRebalance(why, now)
	default:
		c.completeIfAll(now)
	}
	return out, code.OK
}

// leaving are the members that a LeaveGroup names, whatever its version.
func leaving(req *kmsg.LeaveGroupRequest) []kmsg.LeaveGroupRequestMember {
	if req.Version >= 3 {
		return req.Members
	}
	one := kmsg.NewLeaveGroupRequestMember()
	one.MemberID = req.MemberID
	return []kmsg.LeaveGroupRequestMember{one}
}

// leaveOne takes one member out. Without a member id it is an administrator who removes a static member.
func (c *core) leaveOne(x kmsg.LeaveGroupRequestMember) (string, code.Code) {
	if x.MemberID == "" {
		if x.InstanceID == nil || c.static[*x.InstanceID] == "" {
			return "", code.UnknownMemberId
		}
		x.MemberID = c.static[*x.InstanceID]
	}
	if _, ok := c.pending[x.MemberID]; ok {
		c.returned(x.MemberID)
		return x.MemberID, code.OK
	}
	m, bad := c.memberOf(x.MemberID, x.InstanceID)
	if bad == code.OK {
		c.remove(m)
	}
	return x.MemberID, bad
}
