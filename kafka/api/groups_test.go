package api

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"troupe/actors/group"
	"troupe/actors/meta"
	"troupe/kafka/code"
)

// fakeShard coordinates groups as far as handlers can tell: it answers at once, and says what it was asked. Groups whose names begin with
// "no" are not there.
type fakeShard struct {
	w     *world
	asked []any
	hold  bool // joins and syncs are not answered
	code  code.Code
}

// groups makes the topic that groups live in, with n partitions and a shard for each.
func (w *world) groups(n int) []*fakeShard {
	w.topic(group.Topic, slices.Repeat([][]int32{{testNode}}, n)...)
	var out []*fakeShard
	for i := range int32(n) {
		s := &fakeShard{w: w}
		out = append(out, s)
		w.shards[group.ShardName(i)] = w.ref(group.ShardName(i), s.receive)
	}
	return out
}

func (s *fakeShard) receive(m any) {
	s.asked = append(s.asked, m)
	switch m := m.(type) {
	case *group.Join:
		if !s.hold {
			resp := kmsg.NewPtrJoinGroupResponse()
			resp.Generation, resp.Protocol, resp.LeaderID, resp.MemberID = 1, kmsg.StringPtr("range"), "m-1", "m-1"
			x := kmsg.NewJoinGroupResponseMember()
			x.MemberID, x.ProtocolMetadata = "m-1", []byte("meta")
			resp.Members = append(resp.Members, x)
			m.Reply(group.Joined{Join: m, Resp: resp})
		}
	case *group.Sync:
		if !s.hold {
			resp := kmsg.NewPtrSyncGroupResponse()
			resp.MemberAssignment = []byte("yours")
			m.Reply(group.Synced{Sync: m, Resp: resp})
		}
	case *group.Heartbeat:
		resp := kmsg.NewPtrHeartbeatResponse()
		resp.ErrorCode = int16(code.RebalanceInProgress)
		m.Reply(group.Heard{Heartbeat: m, Resp: resp})
	case *group.Leave:
		resp := kmsg.NewPtrLeaveGroupResponse()
		for _, x := range m.Req.Members {
			resp.Members = append(resp.Members, kmsg.LeaveGroupResponseMember{MemberID: x.MemberID, InstanceID: x.InstanceID})
		}
		m.Reply(group.Left{Leave: m, Resp: resp})
	case *group.Commit:
		m.Reply(group.Committed{Commit: m, Resp: s.commit(m.Req)})
	case *group.FetchOffsets:
		m.Reply(group.FetchedOffsets{FetchOffsets: m, Resp: s.offsets(m.Req)})
	case *group.List:
		g := kmsg.NewListGroupsResponseGroup()
		g.Group, g.ProtocolType, g.GroupState, g.GroupType = fmt.Sprint("g", len(s.w.shards)), "consumer", "Empty", "classic"
		m.Reply(group.Listed{List: m, Code: s.code, Groups: []kmsg.ListGroupsResponseGroup{g}})
	default:
		s.admin(m)
	}
}

func (s *fakeShard) admin(m any) {
	switch m := m.(type) {
	case *group.Describe:
		g := kmsg.NewDescribeGroupsResponseGroup()
		g.Group, g.State, g.ProtocolType, g.Protocol = m.Group, "Stable", "consumer", "range"
		x := kmsg.NewDescribeGroupsResponseGroupMember()
		x.MemberID, x.ClientID, x.ClientHost = "m-1", m.Client.ID, m.Client.Host
		g.Members = append(g.Members, x)
		if absentGroup(m.Group) {
			g = kmsg.NewDescribeGroupsResponseGroup()
			g.Group, g.State = m.Group, "Dead"
			if m.Version >= 6 {
				g.ErrorCode, g.ErrorMessage = int16(code.GroupIdNotFound), kmsg.StringPtr("Group "+m.Group+" not found.")
			}
		}
		m.Reply(group.Described{Describe: m, Resp: g})
	case *group.Delete:
		e := code.OK
		if absentGroup(m.Group) {
			e = code.GroupIdNotFound
		}
		m.Reply(group.Deleted{Delete: m, Code: e})
	case *group.DeleteOffsets:
		resp := kmsg.NewPtrOffsetDeleteResponse()
		if absentGroup(m.Req.Group) {
			resp.ErrorCode = int16(code.GroupIdNotFound)
		} else {
			for _, t := range m.Req.Topics {
				x := kmsg.OffsetDeleteResponseTopic{Topic: t.Topic}
				for _, p := range t.Partitions {
					x.Partitions = append(x.Partitions, kmsg.OffsetDeleteResponseTopicPartition{Partition: p.Partition})
				}
				resp.Topics = append(resp.Topics, x)
			}
		}
		m.Reply(group.DeletedOffsets{DeleteOffsets: m, Resp: resp})
	default:
		s.w.t.Fatalf("a shard got %T", m)
	}
}

func absentGroup(id string) bool { return len(id) >= 2 && id[:2] == "no" }

func (s *fakeShard) commit(req *kmsg.OffsetCommitRequest) *kmsg.OffsetCommitResponse {
	resp := kmsg.NewPtrOffsetCommitResponse()
	for _, t := range req.Topics {
		x := kmsg.OffsetCommitResponseTopic{Topic: t.Topic, TopicID: t.TopicID}
		for _, p := range t.Partitions {
			x.Partitions = append(x.Partitions, kmsg.OffsetCommitResponseTopicPartition{Partition: p.Partition, ErrorCode: int16(s.code)})
		}
		resp.Topics = append(resp.Topics, x)
	}
	return resp
}

func (s *fakeShard) offsets(req *kmsg.OffsetFetchRequestGroup) kmsg.OffsetFetchResponseGroup {
	g := kmsg.NewOffsetFetchResponseGroup()
	g.Group = req.Group
	if s.code != code.OK {
		g.ErrorCode = int16(s.code)
		return g
	}
	topics := req.Topics
	if topics == nil {
		topics = []kmsg.OffsetFetchRequestGroupTopic{{Topic: "a", Partitions: []int32{0}}, {Topic: "deleted", Partitions: []int32{0}}}
	}
	for _, t := range topics {
		x := kmsg.NewOffsetFetchResponseGroupTopic()
		x.Topic, x.TopicID = t.Topic, t.TopicID
		for _, p := range t.Partitions {
			y := kmsg.NewOffsetFetchResponseGroupTopicPartition()
			y.Partition, y.Offset, y.LeaderEpoch, y.Metadata = p, int64(p)*10+5, 3, kmsg.StringPtr("m")
			x.Partitions = append(x.Partitions, y)
		}
		g.Topics = append(g.Topics, x)
	}
	return g
}

// Every request is asked of the shard that the group's name leads to, and answered with what that says.
func TestGroupRequestsReachTheirShard(t *testing.T) {
	for _, req := range []kmsg.Request{
		&kmsg.JoinGroupRequest{Group: "g1"}, &kmsg.SyncGroupRequest{Group: "g1"}, &kmsg.HeartbeatRequest{Group: "g1"}, &kmsg.LeaveGroupRequest{Group: "g1"},
		&kmsg.DescribeGroupsRequest{Groups: []string{"g1"}}, &kmsg.DeleteGroupsRequest{Groups: []string{"g1"}}, &kmsg.OffsetDeleteRequest{Group: "g1"},
	} {
		w := newWorld(t, 1, nil)
		shards := w.groups(5)
		w.ask(0, req)
		for i, s := range shards {
			if want := group.PartitionFor("g1", 5) == int32(i); (len(s.asked) == 1) != want {
				t.Errorf("%T: shard %d was asked %d times", req, i, len(s.asked))
			}
		}
	}
}

// Without a coordinator here, a client is told to look for it.
func TestGroupsWithoutCoordinator(t *testing.T) {
	f := func(shown any, want string) {
		t.Helper()
		expect(t, "answer", fmt.Sprint(shown), want)
	}
	for _, made := range []bool{false, true} {
		w := newWorld(t, 1, nil)
		w.topic("a", []int32{1})
		if made {
			w.groups(3)
			clear(w.shards)
		}
		f(w.ask(9, &kmsg.JoinGroupRequest{Group: "g"}).(*kmsg.JoinGroupResponse).ErrorCode, "16")
		f(*w.ask(6, &kmsg.JoinGroupRequest{Group: "g"}).(*kmsg.JoinGroupResponse).Protocol, "")
		f(w.ask(5, &kmsg.SyncGroupRequest{Group: "g"}).(*kmsg.SyncGroupResponse).ErrorCode, "16")
		f(w.ask(4, &kmsg.HeartbeatRequest{Group: "g"}).(*kmsg.HeartbeatResponse).ErrorCode, "16")
		f(w.ask(5, &kmsg.LeaveGroupRequest{Group: "g"}).(*kmsg.LeaveGroupResponse).ErrorCode, "16")
		f(w.ask(5, &kmsg.DescribeGroupsRequest{Groups: []string{"g"}}).(*kmsg.DescribeGroupsResponse).Groups[0].ErrorCode, "16")
		f(w.ask(2, &kmsg.DeleteGroupsRequest{Groups: []string{"g"}}).(*kmsg.DeleteGroupsResponse).Groups[0].ErrorCode, "16")
		f(w.ask(0, &kmsg.OffsetDeleteRequest{Group: "g"}).(*kmsg.OffsetDeleteResponse).ErrorCode, "16")
		f(commitCodes(w.ask(8, commitOf("g", commitPart{"a", 0}))), "a[0:16]")
		f(w.ask(8, committedOf("g", "a")).(*kmsg.OffsetFetchResponse).Groups[0].ErrorCode, "16")
		f(w.ask(2, committedOf("g", "a")).(*kmsg.OffsetFetchResponse).ErrorCode, "16")
		f(w.ask(1, committedOf("g", "a")).(*kmsg.OffsetFetchResponse).Topics[0].Partitions[0].ErrorCode, "16")
		l := w.ask(5, &kmsg.ListGroupsRequest{}).(*kmsg.ListGroupsResponse)
		f(fmt.Sprint(l.ErrorCode, len(l.Groups)), "0 0")
	}
}

// Whoever waits for a rebalance and goes away leaves nothing behind; at a shutdown it is told to ask again.
func TestJoinAndSyncAreCalledOff(t *testing.T) {
	w := newWorld(t, 1, nil)
	s := w.groups(1)[0]
	s.hold = true
	for _, req := range []kmsg.Request{&kmsg.JoinGroupRequest{Group: "g", MemberID: "m"}, &kmsg.SyncGroupRequest{Group: "g"}} {
		for v := int16(0); v <= Find(Table, req.Key()).Max; v++ {
			if _, ok := req.(*kmsg.SyncGroupRequest); ok && v >= 5 {
				req = &kmsg.SyncGroupRequest{Group: "g", ProtocolType: kmsg.StringPtr("consumer"), Protocol: kmsg.StringPtr("range")}
			}
			f := w.begin(v, req)
			if f.resp != nil || f.c.OnClose == nil {
				t.Fatalf("%T v%d does not wait", req, v)
			}
			f.c.OnClose(f.c)
			switch resp := f.answer().(type) {
			case *kmsg.JoinGroupResponse:
				expect(t, "join", fmt.Sprintln(resp.ErrorCode, resp.Generation, resp.MemberID), "16 -1 m\n")
			case *kmsg.SyncGroupResponse:
				expect(t, "sync", fmt.Sprint(resp.ErrorCode), "16")
			}
			switch m := s.asked[len(s.asked)-1].(type) { // the answer that comes later is dropped
			case *group.Join:
				m.Reply(group.Joined{Join: m, Resp: kmsg.NewPtrJoinGroupResponse()})
			case *group.Sync:
				m.Reply(group.Synced{Sync: m, Resp: kmsg.NewPtrSyncGroupResponse()})
			}
			w.run()
		}
	}
}

func TestOldJoinsHaveOneTimeout(t *testing.T) {
	w := newWorld(t, 1, nil)
	s := w.groups(1)[0]
	w.ask(0, &kmsg.JoinGroupRequest{Group: "g", SessionTimeoutMillis: 7000})
	w.ask(1, &kmsg.JoinGroupRequest{Group: "g", SessionTimeoutMillis: 7000, RebalanceTimeoutMillis: 9000})
	expect(t, "v0", fmt.Sprint(s.asked[0].(*group.Join).Req.RebalanceTimeoutMillis), "7000")
	expect(t, "v1", fmt.Sprint(s.asked[1].(*group.Join).Req.RebalanceTimeoutMillis), "9000")
}

func coordinators(r kmsg.Response) string {
	x := r.(*kmsg.FindCoordinatorResponse)
	one := func(n int32, host string, port int32, e int16, why *string) string {
		s := "null"
		if why != nil {
			s = *why
		}
		return fmt.Sprintf("%d %d %s:%d %q", e, n, host, port, s)
	}
	if x.Version < 4 {
		return one(x.NodeID, x.Host, x.Port, x.ErrorCode, x.ErrorMessage)
	}
	s := ""
	for _, c := range x.Coordinators {
		s += c.Key + ": " + one(c.NodeID, c.Host, c.Port, c.ErrorCode, c.ErrorMessage) + "; "
	}
	return s
}

func TestFindCoordinatorMakesTheTopic(t *testing.T) {
	w := newWorld(t, 1, map[string]string{"offsets.topic.num.partitions": "7", "offsets.topic.segment.bytes": "2000000"})
	ask := func(v int16, kind int8) string {
		return coordinators(w.ask(v, &kmsg.FindCoordinatorRequest{CoordinatorKey: "g", CoordinatorKeys: []string{"g", ""}, CoordinatorType: kind}))
	}
	expect(t, "transactions", ask(3, 1)[:10], `42 -1 :-1 `)
	expect(t, "an unknown kind", ask(3, 7)[:44], `42 -1 :-1 "This most likely occurs because o`)
	if len(w.asked) != 0 {
		t.Fatal("a topic was made for kinds that are not served")
	}
	w.down = true
	a, b := w.begin(3, &kmsg.FindCoordinatorRequest{}), w.begin(3, &kmsg.FindCoordinatorRequest{})
	if len(w.held) != 1 || a.resp != nil {
		t.Fatalf("%d proposals", len(w.held))
	}
	w.refuseHeld(code.RequestTimedOut)
	expect(t, "not made", coordinators(a.answer())[:10]+coordinators(b.answer())[:10], `15 -1 :-1 15 -1 :-1 `)
	w.down = false
	expect(t, "made", ask(0, 0), `0 1 h1:9091 "null"`)
	expect(t, "v3", ask(3, 0), `0 1 h1:9091 "NONE"`)
	expect(t, "v6", ask(6, 0), `g: 0 1 h1:9091 ""; : 0 1 h1:9091 ""; `)
	made := w.asked[len(w.asked)-1].(meta.CreateTopics).Topics[0]
	expect(t, "topic", fmt.Sprintln(made.Name, len(made.Assignments), made.Internal, made.Configs["cleanup.policy"], made.Configs["segment.bytes"]),
		"__consumer_offsets 7 true compact 2000000\n")
	w.apply(meta.FenceBroker{BrokerID: 1, BrokerEpoch: w.img.Broker(1).Epoch})
	expect(t, "no leader", ask(4, 0)[:13], `g: 15 -1 :-1 `)
}

type commitPart struct {
	topic string
	index int32
}

func commitOf(id string, parts ...commitPart) *kmsg.OffsetCommitRequest {
	req := kmsg.NewPtrOffsetCommitRequest()
	req.Group = id
	for _, p := range parts {
		x := kmsg.NewOffsetCommitRequestTopicPartition()
		x.Partition, x.Offset = p.index, 5
		if n := len(req.Topics); n == 0 || req.Topics[n-1].Topic != p.topic {
			req.Topics = append(req.Topics, kmsg.OffsetCommitRequestTopic{Topic: p.topic})
		}
		t := &req.Topics[len(req.Topics)-1]
		t.Partitions = append(t.Partitions, x)
	}
	return req
}

func commitCodes(r kmsg.Response) (s string) {
	for _, t := range r.(*kmsg.OffsetCommitResponse).Topics {
		s += t.Topic + "["
		for i, p := range t.Partitions {
			if i > 0 {
				s += " "
			}
			s += fmt.Sprint(p.Partition, ":", p.ErrorCode)
		}
		s += "]"
	}
	return s
}

// committedOf asks for partitions 0 and 1 of topics; none: of all.
func committedOf(id string, topics ...string) *kmsg.OffsetFetchRequest {
	req := kmsg.NewPtrOffsetFetchRequest()
	req.Group = id
	g := kmsg.NewOffsetFetchRequestGroup()
	g.Group = id
	for _, t := range topics {
		x := kmsg.NewOffsetFetchRequestTopic()
		x.Topic, x.Partitions = t, []int32{0, 1}
		req.Topics = append(req.Topics, x)
		y := kmsg.NewOffsetFetchRequestGroupTopic()
		y.Topic, y.Partitions = t, []int32{0, 1}
		g.Topics = append(g.Topics, y)
	}
	req.Groups = append(req.Groups, g)
	return req
}

func TestOffsetCommitSortsOutStrangers(t *testing.T) {
	w := newWorld(t, 1, nil)
	a := w.topic("a", []int32{1}, []int32{1})
	s := w.groups(1)[0]
	f := func(v int16, req *kmsg.OffsetCommitRequest, want string, asked int) {
		t.Helper()
		s.asked = nil
		expect(t, "codes", commitCodes(w.ask(v, req)), want)
		if len(s.asked) != asked {
			t.Errorf("the group was asked %d times", len(s.asked))
		}
	}
	f(2, commitOf("g", commitPart{"a", 0}, commitPart{"a", 1}), "a[0:0 1:0]", 1)
	f(9, commitOf("g", commitPart{"a", 2}, commitPart{"a", 0}, commitPart{"a", -1}, commitPart{"nope", 0}), "a[2:3 -1:3 0:0]nope[0:3]", 1)
	f(8, commitOf("g", commitPart{"a", 2}, commitPart{"nope", 0}), "a[2:3]nope[0:3]", 0)
	f(8, commitOf("g"), "", 0)
	twice := commitOf("g", commitPart{"a", 0})
	twice.Topics = append(twice.Topics, commitOf("g", commitPart{"a", 1}).Topics...)
	f(8, twice, "a[0:0]a[1:0]", 1)
	twice.Topics = append(twice.Topics, commitOf("g", commitPart{"nope", 1}).Topics...)
	f(8, twice, "nope[1:3]a[0:0 1:0]", 1)
	req := commitOf("g", commitPart{"nope", 0}, commitPart{"a", 0})
	req.Topics[0].Partitions, req.Topics[1].Partitions = nil, nil
	f(8, req, "nope[]", 0)
	req = commitOf("g", commitPart{"a", 0}, commitPart{"a", 5}, commitPart{"x", 0}, commitPart{"y", 0})
	req.Topics[0].TopicID, req.Topics[1].TopicID = a.ID, [16]byte{9}
	f(10, req, "[5:3 0:0][0:100][0:100]", 1)
	expect(t, "name", s.asked[0].(*group.Commit).Req.Topics[0].Topic, "a")
}

func TestOffsetFetchVersions(t *testing.T) {
	w := newWorld(t, 1, nil)
	a := w.topic("a", []int32{1}, []int32{1})
	s := w.groups(1)[0]
	show := func(r kmsg.Response) (out string) {
		x := r.(*kmsg.OffsetFetchResponse)
		out = fmt.Sprint(x.ErrorCode)
		for _, t := range x.Topics {
			out += " " + t.Topic
			for _, p := range t.Partitions {
				out += fmt.Sprintf(" %d@%d:%d", p.Partition, p.Offset, p.ErrorCode)
			}
		}
		for _, g := range x.Groups {
			out += fmt.Sprint(" | ", g.Group, " ", g.ErrorCode)
			for _, t := range g.Topics {
				name := t.Topic
				if x.Version >= 10 {
					name = fmt.Sprintf("%x", t.TopicID[:2])
				}
				out += " " + name
				for _, p := range t.Partitions {
					out += fmt.Sprintf(" %d@%d:%d", p.Partition, p.Offset, p.ErrorCode)
				}
			}
		}
		return out
	}
	f := func(v int16, req *kmsg.OffsetFetchRequest, want string) {
		t.Helper()
		expect(t, fmt.Sprint("v", v), show(w.ask(v, req)), want)
	}
	f(1, committedOf("g", "a", "nope"), "0 a 0@5:0 1@15:0 nope 0@5:0 1@15:0")
	f(2, committedOf("g"), "0 a 0@5:0 deleted 0@5:0")
	f(8, committedOf("g"), "0 | g 0 a 0@5:0 deleted 0@5:0")
	ids := committedOf("g", "a", "nope")
	ids.Groups[0].Topics[0].TopicID, ids.Groups[0].Topics[1].TopicID = a.ID, [16]byte{1, 2}
	f(10, ids, fmt.Sprintf("0 | g 0 %x 0@5:0 1@15:0 0102 0@-1:100 1@-1:100", a.ID[:2]))
	f(10, committedOf("g"), fmt.Sprintf("0 | g 0 %x 0@5:0", a.ID[:2]))
	twice := committedOf("g", "a")
	twice.Groups = append(twice.Groups, committedOf("h").Groups[0], twice.Groups[0])
	f(9, twice, "0 | g 0 a 0@5:0 1@15:0 | h 0 a 0@5:0 deleted 0@5:0 | g 0 a 0@5:0 1@15:0")
	f(9, &kmsg.OffsetFetchRequest{}, "0")
	s.code = code.CoordinatorLoadInProgress
	f(1, committedOf("g", "a"), "0 a 0@-1:14 1@-1:14")
	f(2, committedOf("g", "a"), "14")
	f(10, ids, "0 | g 14")
}

func TestListGroupsOfAllShards(t *testing.T) {
	w := newWorld(t, 2, nil)
	shards := w.groups(3)
	l := w.ask(5, &kmsg.ListGroupsRequest{StatesFilter: []string{"Empty"}}).(*kmsg.ListGroupsResponse)
	expect(t, "all", fmt.Sprint(l.ErrorCode, len(l.Groups), shards[2].asked[0].(*group.List).States), "0 3 [Empty]")
	shards[1].code = code.NotCoordinator
	shards[1].asked = nil
	l = w.ask(0, &kmsg.ListGroupsRequest{}).(*kmsg.ListGroupsResponse)
	expect(t, "one has gone", fmt.Sprint(l.ErrorCode, len(l.Groups)), "0 2")
	shards[1].code = code.CoordinatorLoadInProgress
	l = w.ask(0, &kmsg.ListGroupsRequest{}).(*kmsg.ListGroupsResponse)
	expect(t, "one loads", fmt.Sprint(l.ErrorCode, len(l.Groups)), "14 0")
}

func TestDescribeAndDeleteGroups(t *testing.T) {
	w := newWorld(t, 1, nil)
	w.topic("a", []int32{1}, []int32{1})
	w.groups(4)
	d := w.ask(6, &kmsg.DescribeGroupsRequest{Groups: []string{"g", "nope", "g"}, IncludeAuthorizedOperations: true}).(*kmsg.DescribeGroupsResponse)
	expect(t, "described", fmt.Sprintln(d.Groups[0].State, d.Groups[0].AuthorizedOperations, d.Groups[0].Members[0].ClientHost, d.Groups[1].ErrorCode, d.Groups[1].AuthorizedOperations, d.Groups[2].Group),
		"Stable 3400 / 69 -2147483648 g\n")
	x := w.ask(2, &kmsg.DeleteGroupsRequest{Groups: []string{"g", "nope", "g"}}).(*kmsg.DeleteGroupsResponse)
	expect(t, "deleted", fmt.Sprintln(len(x.Groups), x.Groups[0].ErrorCode, x.Groups[1].ErrorCode), "2 0 69\n")
	o := kmsg.NewPtrOffsetDeleteRequest()
	o.Group = "g"
	for _, p := range []commitPart{{"a", 0}, {"nope", 0}, {"a", 3}, {"a", 1}} {
		o.Topics = append(o.Topics, kmsg.OffsetDeleteRequestTopic{Topic: p.topic, Partitions: []kmsg.OffsetDeleteRequestTopicPartition{{Partition: p.index}}})
	}
	r := w.ask(0, o).(*kmsg.OffsetDeleteResponse)
	expect(t, "offsets", fmt.Sprintf("%d %+v", r.ErrorCode, r.Topics), "0 [{Topic:a Partitions:[{Partition:3 ErrorCode:3} {Partition:0 ErrorCode:0} {Partition:1 ErrorCode:0}]} {Topic:nope Partitions:[{Partition:0 ErrorCode:3}]}]")
	o.Group = "none"
	r = w.ask(0, o).(*kmsg.OffsetDeleteResponse)
	expect(t, "offsets of no group", fmt.Sprint(r.ErrorCode, len(r.Topics)), "69 0")
}

func TestClientOfAGroup(t *testing.T) {
	f := func(host, want string) {
		t.Helper()
		c := &Call{Conn: &Conn{RemoteHost: host}}
		expect(t, host, c.groupClient().Host, want)
	}
	f("127.0.0.1", "/127.0.0.1")
	f("::1", "/0:0:0:0:0:0:0:1")
	f("2001:db8::a0", "/2001:db8:0:0:0:0:0:a0")
	f("::ffff:10.0.0.1", "/::ffff:10.0.0.1")
	f("pipe", "/pipe")
}

// A request that is held ends by the time that auto-creation has.
func TestFindCoordinatorIsHeldForATime(t *testing.T) {
	w := newWorld(t, 1, nil)
	w.down = true
	w.begin(4, &kmsg.FindCoordinatorRequest{CoordinatorKeys: []string{"g"}})
	if len(w.held) != 1 || w.held[0].Timeout != autoCreateWait || autoCreateWait > 10*time.Second {
		t.Errorf("%+v", w.held)
	}
}
