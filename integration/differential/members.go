package differential

import (
	"encoding/binary"
	"fmt"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// A member is one consumer as a case plays it, on a connection of its own.
type member struct {
	s          *Side
	conn       string
	group      string
	id         string
	instance   *string
	generation int32
	kind       string   // protocol type
	protocols  []string // by preference
	metadata   []byte
	session    int32
	rebalance  int32
}

// member makes a consumer of a group; its name is that of its connection.
func (s *Side) consumer(name, group string) *member {
	return &member{s: s, conn: name, group: group, generation: -1, kind: "consumer", protocols: []string{"range"}, metadata: subscription("topic"),
		session: 10_000, rebalance: 10_000}
}

// subscription is what a consumer sends as a protocol's metadata (ConsumerProtocolSubscription, version 0).
func subscription(topics ...string) []byte {
	b := binary.BigEndian.AppendUint16(nil, 0)
	b = binary.BigEndian.AppendUint32(b, uint32(len(topics)))
	for _, t := range topics {
		b = binary.BigEndian.AppendUint16(b, uint16(len(t)))
		b = append(b, t...)
	}
	return binary.BigEndian.AppendUint32(b, 0xffffffff)
}

func (m *member) static(instance string) *member { m.instance = &instance; return m }

func (m *member) joining() *kmsg.JoinGroupRequest {
	req := kmsg.NewPtrJoinGroupRequest()
	req.Group, req.MemberID, req.InstanceID, req.ProtocolType = m.group, m.id, m.instance, m.kind
	req.SessionTimeoutMillis, req.RebalanceTimeoutMillis = m.session, m.rebalance
	for _, p := range m.protocols {
		req.Protocols = append(req.Protocols, kmsg.JoinGroupRequestProtocol{Name: p, Metadata: m.metadata})
	}
	return req
}

// Begin sends a join; in versions that give the member an id first, the second one.
func (m *member) begin(v int16) *Pending {
	m.s.On(m.conn)
	if v >= 4 && m.id == "" && m.instance == nil {
		r, ok := m.s.Ask(v, m.joining()).(*kmsg.JoinGroupResponse)
		if !ok || r.ErrorCode != 79 {
			panic(abandon{"no member id was given"})
		}
		m.id = r.MemberID
	}
	return m.s.Begin(v, m.joining())
}

// joined takes the answer of a join.
func (m *member) joined(p *Pending) *kmsg.JoinGroupResponse {
	r, ok := p.End().(*kmsg.JoinGroupResponse)
	if !ok {
		panic(abandon{"no answer to a join"})
	}
	if r.ErrorCode == 0 {
		m.id, m.generation = r.MemberID, r.Generation
	}
	return r
}

// join joins and waits for the answer.
func (m *member) join(v int16) *kmsg.JoinGroupResponse { return m.joined(m.begin(v)) }

func (m *member) syncing(assign ...string) *kmsg.SyncGroupRequest {
	req := kmsg.NewPtrSyncGroupRequest()
	req.Group, req.Generation, req.MemberID, req.InstanceID = m.group, m.generation, m.id, m.instance
	req.ProtocolType, req.Protocol = &m.kind, &m.protocols[0]
	for _, id := range assign {
		req.GroupAssignment = append(req.GroupAssignment, kmsg.SyncGroupRequestGroupAssignment{MemberID: id, MemberAssignment: fmt.Appendf(nil, "for number %d", len(req.GroupAssignment))})
	}
	return req
}

func (m *member) sync(v int16, assign ...string) kmsg.Response {
	return m.s.On(m.conn).Ask(v, m.syncing(assign...))
}

func (m *member) beating() *kmsg.HeartbeatRequest {
	req := kmsg.NewPtrHeartbeatRequest()
	req.Group, req.Generation, req.MemberID, req.InstanceID = m.group, m.generation, m.id, m.instance
	return req
}

func (m *member) beat(v int16) kmsg.Response { return m.s.On(m.conn).Ask(v, m.beating()) }

// leaving takes this member out, and with others, these.
func (m *member) leaving(others ...*member) *kmsg.LeaveGroupRequest {
	req := kmsg.NewPtrLeaveGroupRequest()
	req.Group, req.MemberID = m.group, m.id
	for _, x := range append([]*member{m}, others...) {
		y := kmsg.NewLeaveGroupRequestMember()
		y.MemberID, y.InstanceID = x.id, x.instance
		req.Members = append(req.Members, y)
	}
	return req
}

func (m *member) leave(v int16) kmsg.Response { return m.s.On(m.conn).Ask(v, m.leaving()) }

// described shows the group on a connection of its own.
func (s *Side) describe(v int16, groups ...string) {
	req := kmsg.NewPtrDescribeGroupsRequest()
	req.Groups = groups
	s.On("describe").Ask(v, req)
}

// stable makes a group of one member that has its assignment, told in the newest versions and outside the transcript.
func (s *Side) stable(suffix string) *member {
	m := s.consumer("a", s.Coordinated(suffix))
	m.settle()
	return m
}

// settle joins and syncs outside the transcript, alone.
func (m *member) settle() {
	m.s.On(m.conn)
	r := m.s.Must(5, m.joining()).(*kmsg.JoinGroupResponse)
	if r.ErrorCode == 79 {
		m.id = r.MemberID
		r = m.s.Must(5, m.joining()).(*kmsg.JoinGroupResponse)
	}
	if r.ErrorCode != 0 {
		panic(abandon{fmt.Sprint("join while preparing: error ", r.ErrorCode)})
	}
	m.id, m.generation = r.MemberID, r.Generation
	m.s.member(m.id)
	if r := m.s.Must(3, m.syncing(m.id)).(*kmsg.SyncGroupResponse); r.ErrorCode != 0 {
		panic(abandon{fmt.Sprint("sync while preparing: error ", r.ErrorCode)})
	}
}

// settled is settle for a member whose id was made up.
func (m *member) settled() { m.id = ""; m.settle() }
