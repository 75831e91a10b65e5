package sim

import (
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"troupe/actors/group"
	"troupe/actors/kit"
	"troupe/actors/meta"
	"troupe/kafka/api"
	"troupe/kafka/code"
)

const (
	groupName  = "group"
	groupParts = 4 // partitions of the topic that the members share among them
)

// groupBook is what the members of the one consumer group were promised.
type groupBook struct {
	topic     string
	sent      int64           // offsets only grow: the last one that was committed
	acked     map[int32]int64 // by partition: the greatest offset that was acknowledged or read
	assigned  int32           // the greatest generation whose assignment somebody has
	owners    map[int32]map[int32]string
	leaders   map[int32]string // who was told of all members, by generation
	joined    uint64
	committed uint64
}

// member is a consumer that belongs to a group, as a careful client of the classic protocol is written. It joins, takes its assignment,
// commits and reads offsets, goes silent now and then, and leaves in the end.
type member struct {
	w    *World
	id   string
	book *groupBook
	left int // commits still to be made

	memberID   string
	generation int32 // -1: in none
	parts      []int32
	instance   *string
	rejoin     bool
	silent     time.Duration // until when
	beaten     time.Duration

	asked kit.Refuser // the one ask that is under way
	slot  uint64
	what  string
	since time.Duration
	least int64 // what was known when an offset was asked for
}

func (x *member) name() string { return x.id }

func (x *member) receive(c kit.Context, m any) {
	switch m := m.(type) {
	case kit.Started, turn:
		x.turn(c)
		if !x.done() {
			x.w.soon(c, 300*time.Millisecond)
		}
		return
	case kit.Answer:
		if x.asked == nil || m.AskSlot() != x.slot {
			x.w.Fail("%s: an answer %T to nothing", x.id, m)
			return
		}
		x.asked = nil
	}
	switch m := m.(type) {
	case group.Joined:
		x.onJoined(m.Resp)
	case group.Synced:
		x.onSynced(m.Resp)
	case group.Heard:
		x.onCode(code.Code(m.Resp.ErrorCode))
	case group.Committed:
		x.onCommitted(m)
	case group.FetchedOffsets:
		x.onFetched(m)
	case group.Left:
		x.generation, x.rejoin = -1, false
	}
	x.turn(c)
}

// turn asks for what is next, if nothing is under way.
func (x *member) turn(c kit.Context) {
	now := x.w.Now()
	if x.left == 0 && x.generation < 0 {
		x.rejoin = false // it has nothing to leave
	}
	if x.w.closing || x.asked != nil || x.done() || now < x.silent {
		return
	}
	shard := x.shard(c)
	switch {
	case shard == nil:
	case x.generation < 0 || x.rejoin || x.parts == nil:
		x.join(c, shard)
	case x.left == 0:
		one := kmsg.LeaveGroupRequestMember{MemberID: x.memberID, InstanceID: x.instance}
		x.ask(shard, "LeaveGroup", &group.Leave{Ask: x.slotted(c), Req: &kmsg.LeaveGroupRequest{Version: 5, Group: groupName, Members: []kmsg.LeaveGroupRequestMember{one}}})
	case now-x.beaten > time.Second:
		x.beaten = now
		x.ask(shard, "Heartbeat", &group.Heartbeat{Ask: x.slotted(c), Req: &kmsg.HeartbeatRequest{Version: 4, Group: groupName, Generation: x.generation,
			MemberID: x.memberID, InstanceID: x.instance}})
	case x.w.Chance(.3):
		x.fetch(c, shard)
	case len(x.parts) == 0:
		x.left-- // nothing is its own
	case x.w.Chance(.7):
		x.commit(c, shard)
	case x.w.Chance(.05):
		x.silent = now + time.Duration(x.w.IntN(int(9*time.Second)))
	}
}

// shard finds the coordinator, and has its topic made if there is none. Nobody shares partitions that are not there yet: until the
// cluster shows the topic that the group reads, there is nothing to coordinate.
func (x *member) shard(c kit.Context) *kit.Ref {
	img := x.w.broker.Published.Get().Image
	if img.Topic(x.book.topic) == nil {
		return nil
	}
	t := img.Topic(group.Topic)
	if t == nil {
		x.ask(x.w.broker.Shared.TopicMaker, "the topic of groups", &api.EnsureTopics{Ask: x.slotted(c), Names: []string{group.Topic}, Timeout: 2 * time.Second})
		return nil
	}
	return x.w.broker.Life.Lookup(group.ShardName(group.PartitionFor(groupName, int32(len(t.Partitions)))))
}

func (x *member) slotted(c kit.Context) kit.Ask {
	x.slot++
	return kit.Ask{ReplyTo: c.Self(), Slot: x.slot}
}

func (x *member) ask(to *kit.Ref, what string, m kit.Refuser) {
	x.asked, x.what, x.since = m, what, x.w.Now()
	to.Tell(m)
}

func (x *member) join(c kit.Context, shard *kit.Ref) {
	x.parts, x.rejoin = nil, false
	meta := append([]byte{0, 0, 0, 0, 0, 1, 0, byte(len(x.book.topic))}, x.book.topic...)
	x.ask(shard, "JoinGroup", &group.Join{Ask: x.slotted(c), Client: group.Client{ID: x.id, Host: "/sim"}, Req: &kmsg.JoinGroupRequest{Version: 9, Group: groupName,
		SessionTimeoutMillis: 6000, RebalanceTimeoutMillis: 5000, MemberID: x.memberID, InstanceID: x.instance, ProtocolType: "consumer",
		Protocols: []kmsg.JoinGroupRequestProtocol{{Name: "range", Metadata: meta}}}})
}

func (x *member) onJoined(r *kmsg.JoinGroupResponse) {
	x.generation = -1
	switch code.Code(r.ErrorCode) {
	case code.OK:
	case code.MemberIdRequired:
		x.memberID = r.MemberID
		return
	default:
		x.onCode(code.Code(r.ErrorCode))
		return
	}
	b := x.book
	if r.Generation < b.assigned {
		x.w.Fail("%s is told of generation %d, and %d was assigned", x.id, r.Generation, b.assigned)
	}
	b.joined++
	x.memberID, x.generation = r.MemberID, r.Generation
	req := &kmsg.SyncGroupRequest{Version: 5, Group: groupName, Generation: r.Generation, MemberID: r.MemberID, InstanceID: x.instance, ProtocolType: r.ProtocolType, Protocol: r.Protocol}
	if len(r.Members) > 0 && !r.SkipAssignment {
		if who := b.leaders[r.Generation]; who != "" && who != x.id {
			x.w.Fail("generation %d has two leaders: %s and %s", r.Generation, who, x.id)
		}
		b.leaders[r.Generation] = x.id
		for i, m := range r.Members {
			a := kmsg.SyncGroupRequestGroupAssignment{MemberID: m.MemberID, MemberAssignment: []byte{0xff}}
			for p := range groupParts {
				if p%len(r.Members) == i {
					a.MemberAssignment = append(a.MemberAssignment, byte(p))
				}
			}
			req.GroupAssignment = append(req.GroupAssignment, a)
		}
	}
	to := x.w.broker.Life.Lookup(group.ShardName(group.PartitionFor(groupName, int32(len(x.w.broker.Published.Get().Image.Topic(group.Topic).Partitions)))))
	if to == nil {
		return
	}
	self := x.w.broker.Life.Lookup("conn/" + x.id)
	x.slot++
	x.ask(to, "SyncGroup", &group.Sync{Ask: kit.Ask{ReplyTo: self, Slot: x.slot}, Req: req})
}

func (x *member) onSynced(r *kmsg.SyncGroupResponse) {
	if r.ErrorCode != 0 {
		x.onCode(code.Code(r.ErrorCode))
		x.generation = -1
		return
	}
	b, g := x.book, x.generation
	b.assigned = max(b.assigned, g)
	if b.owners[g] == nil {
		b.owners[g] = map[int32]string{}
	}
	x.parts, x.beaten = []int32{}, x.w.Now()
	for _, p := range r.MemberAssignment[min(1, len(r.MemberAssignment)):] {
		if who := b.owners[g][int32(p)]; who != "" && who != x.id {
			x.w.Fail("generation %d: partition %d belongs to %s and to %s", g, p, who, x.id)
		}
		b.owners[g][int32(p)] = x.id
		x.parts = append(x.parts, int32(p))
	}
}

// onCode does what a careful client does about an error.
func (x *member) onCode(bad code.Code) {
	switch bad {
	case code.OK:
		return
	case code.UnknownMemberId, code.FencedInstanceId:
		x.memberID, x.generation = "", -1
	case code.RebalanceInProgress, code.IllegalGeneration:
	case code.NotCoordinator, code.CoordinatorNotAvailable, code.CoordinatorLoadInProgress:
		x.silent = x.w.Now() + time.Duration(x.w.IntN(int(500*time.Millisecond)))
	default:
		x.w.Fail("%s: %s to %s", x.id, bad, x.what)
	}
	x.rejoin = true
}

func (x *member) commit(c kit.Context, shard *kit.Ref) {
	x.left--
	x.book.sent++
	p := kmsg.OffsetCommitRequestTopicPartition{Partition: x.parts[x.w.IntN(len(x.parts))], Offset: x.book.sent, LeaderEpoch: -1}
	x.ask(shard, "OffsetCommit", &group.Commit{Ask: x.slotted(c), Req: &kmsg.OffsetCommitRequest{Version: 8, Group: groupName, Generation: x.generation, MemberID: x.memberID,
		InstanceID: x.instance, Topics: []kmsg.OffsetCommitRequestTopic{{Topic: x.book.topic, Partitions: []kmsg.OffsetCommitRequestTopicPartition{p}}}}})
}

func (x *member) onCommitted(m group.Committed) {
	if bad := code.Code(m.Resp.Topics[0].Partitions[0].ErrorCode); bad != code.OK {
		x.onCode(bad)
		return
	}
	p := m.Req.Topics[0].Partitions[0]
	x.book.committed++
	x.book.acked[p.Partition] = max(x.book.acked[p.Partition], p.Offset)
}

func (x *member) fetch(c kit.Context, shard *kit.Ref) {
	p := int32(x.w.IntN(groupParts))
	x.least = x.book.acked[p]
	x.ask(shard, "OffsetFetch", &group.FetchOffsets{Ask: x.slotted(c), Req: &kmsg.OffsetFetchRequestGroup{Group: groupName,
		Topics: []kmsg.OffsetFetchRequestGroupTopic{{Topic: x.book.topic, Partitions: []int32{p}}}}})
}

func (x *member) onFetched(m group.FetchedOffsets) {
	if m.Resp.ErrorCode != 0 {
		x.onCode(code.Code(m.Resp.ErrorCode))
		return
	}
	p := m.Resp.Topics[0].Partitions[0]
	switch at := max(p.Offset, 0); {
	case at < x.least:
		x.w.Fail("offset %d of partition %d was committed, and %d is read", x.least, p.Partition, at)
	case at > x.book.sent:
		x.w.Fail("offset %d of partition %d is read, and nobody committed it", at, p.Partition)
	default:
		x.book.acked[p.Partition] = max(x.book.acked[p.Partition], at)
	}
}

// cut: what was under way has no answer. A static member that is restarted with its broker forgets who it was.
func (x *member) cut() {
	x.asked = nil
	if x.parts == nil {
		x.generation = -1
	}
	if x.instance != nil && x.w.Chance(.5) {
		x.memberID, x.generation, x.parts = "", -1, nil
	}
}

func (x *member) done() bool { return x.left == 0 && x.generation < 0 && x.asked == nil && !x.rejoin }

func (x *member) waits() (string, time.Duration) {
	if x.asked == nil {
		return "", 0
	}
	return "the answer to " + x.what, x.since
}

// castGroup makes the members of a consumer group that shares a topic.
func (w *World) castGroup(t meta.NewTopic) {
	w.group = &groupBook{topic: t.Name, acked: map[int32]int64{}, owners: map[int32]map[int32]string{}, leaders: map[int32]string{}}
	for i := range 2 + w.IntN(3) {
		x := &member{w: w, id: "m" + string(rune('0'+i)), book: w.group, left: 10 + w.IntN(30), generation: -1}
		if w.Chance(.3) {
			x.instance = &x.id
		}
		w.clients = append(w.clients, x)
	}
}
