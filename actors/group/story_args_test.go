package group

import (
	"strconv"
	"strings"

	"github.com/cockroachdb/datadriven"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// args reads a story's command.
type args struct {
	s *story
	d *datadriven.TestData
}

func (a args) str(name, def string) string {
	for _, x := range a.d.CmdArgs {
		if x.Key == name && len(x.Vals) > 0 {
			return strings.ReplaceAll(x.Vals[0], "_", " ")
		}
	}
	return def
}

func (a args) num(name string, def int64) int64 {
	if n, err := strconv.ParseInt(a.str(name, ""), 10, 64); err == nil {
		return n
	}
	return def
}

func (a args) ptr(name string) *string {
	if s := a.str(name, "\x00"); s != "\x00" {
		return &s
	}
	return nil
}

func (a args) list(name string) []string {
	for _, x := range a.d.CmdArgs {
		if x.Key == name {
			return x.Vals
		}
	}
	return nil
}

// pairs reads key:value items.
func (a args) pairs(name string) (out [][2]string) {
	for _, v := range a.list(name) {
		k, v, _ := strings.Cut(v, ":")
		out = append(out, [2]string{k, v})
	}
	return out
}

// id is the member id that a request carries: the client's own, or that of another name.
func (a args) id(name string) string {
	as := a.str("as", name)
	if id, ok := a.s.ids[as]; ok {
		return id
	}
	return as
}

func (a args) gen(name string) int32 {
	if g, ok := a.s.gens[name]; ok {
		return int32(a.num("gen", int64(g)))
	}
	return int32(a.num("gen", -1))
}

func (a args) join(name, group string) *kmsg.JoinGroupRequest {
	r := &kmsg.JoinGroupRequest{Version: int16(a.num("v", 9)), Group: group, SessionTimeoutMillis: int32(a.num("session", 10_000)),
		RebalanceTimeoutMillis: int32(a.num("rebalance", 30_000)), InstanceID: a.ptr("instance"), ProtocolType: a.str("type", "test"), Reason: a.ptr("reason")}
	if id := a.str("id", ""); id != "" {
		r.MemberID = id
		if known := a.s.ids[id]; known != "" {
			r.MemberID = known
		}
	}
	for _, p := range a.pairs("protocols") {
		if p[0] == "none" {
			return r
		}
		m := []byte(p[1])
		if r.ProtocolType == consumerType && !a.d.HasArg("raw") {
			m = subscribe(p[1])
		}
		r.Protocols = append(r.Protocols, kmsg.JoinGroupRequestProtocol{Name: p[0], Metadata: m})
	}
	if a.list("protocols") == nil {
		r.Protocols = []kmsg.JoinGroupRequestProtocol{{Name: "range", Metadata: []byte(name)}}
	}
	return r
}

// subscribe is a consumer's metadata with one topic.
func subscribe(topic string) []byte {
	return append([]byte{0, 0, 0, 0, 0, 1, 0, byte(len(topic))}, topic...)
}

func (a args) sync(name, group string) *kmsg.SyncGroupRequest {
	r := &kmsg.SyncGroupRequest{Version: int16(a.num("v", 5)), Group: group, Generation: a.gen(name), MemberID: a.id(name), InstanceID: a.ptr("instance"),
		ProtocolType: kmsg.StringPtr(a.str("type", "test")), Protocol: kmsg.StringPtr(a.str("protocol", "range"))}
	if a.str("protocol", "") == "null" {
		r.Protocol = nil
	}
	for _, p := range a.pairs("assign") {
		id := p[0]
		if known := a.s.ids[id]; known != "" {
			id = known
		}
		r.GroupAssignment = append(r.GroupAssignment, kmsg.SyncGroupRequestGroupAssignment{MemberID: id, MemberAssignment: []byte(p[1])})
	}
	return r
}

func (a args) leave(name, group string) *kmsg.LeaveGroupRequest {
	r := &kmsg.LeaveGroupRequest{Version: int16(a.num("v", 5)), Group: group}
	id := a.id(name)
	if a.d.HasArg("anonymous") {
		id = ""
	}
	if r.Version < 3 {
		r.MemberID = id
		return r
	}
	r.Members = []kmsg.LeaveGroupRequestMember{{MemberID: id, InstanceID: a.ptr("instance"), Reason: a.ptr("reason")}}
	for _, other := range a.list("also") {
		r.Members = append(r.Members, kmsg.LeaveGroupRequestMember{MemberID: a.s.ids[other]})
	}
	return r
}

func (a args) commit(name, group string) *kmsg.OffsetCommitRequest {
	r := &kmsg.OffsetCommitRequest{Version: int16(a.num("v", 9)), Group: group, Generation: a.gen(name), InstanceID: a.ptr("instance"),
		RetentionTimeMillis: a.num("retention", -1)}
	if r.Generation >= 0 || a.ptr("as") != nil {
		r.MemberID = a.id(name)
	}
	t := kmsg.OffsetCommitRequestTopic{Topic: a.str("topic", "t")}
	for _, p := range a.pairs("offsets") {
		k, _ := strconv.Atoi(p[0])
		o, _ := strconv.ParseInt(p[1], 10, 64)
		t.Partitions = append(t.Partitions, kmsg.OffsetCommitRequestTopicPartition{Partition: int32(k), Offset: o, LeaderEpoch: -1, Metadata: a.ptr("metadata")})
	}
	r.Topics = []kmsg.OffsetCommitRequestTopic{t}
	return r
}

func (a args) partitions() (out []int32) {
	for _, v := range a.list("partitions") {
		n, _ := strconv.Atoi(v)
		out = append(out, int32(n))
	}
	return out
}

func (a args) fetch(group string) *kmsg.OffsetFetchRequestGroup {
	r := &kmsg.OffsetFetchRequestGroup{Group: group}
	if topic := a.str("topic", ""); topic != "" {
		r.Topics = []kmsg.OffsetFetchRequestGroupTopic{{Topic: topic, Partitions: a.partitions()}}
	}
	return r
}

func (a args) deleteOffsets(group string) *kmsg.OffsetDeleteRequest {
	t := kmsg.OffsetDeleteRequestTopic{Topic: a.str("topic", "t")}
	for _, p := range a.partitions() {
		t.Partitions = append(t.Partitions, kmsg.OffsetDeleteRequestTopicPartition{Partition: p})
	}
	return &kmsg.OffsetDeleteRequest{Group: group, Topics: []kmsg.OffsetDeleteRequestTopic{t}}
}
