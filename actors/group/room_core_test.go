package group

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"troupe/actors/meta"
	"troupe/kafka/code"
)

// What members say is bounded for each group by what a batch can hold.
func TestRoom(t *testing.T) {
	cfg := plainConfig()
	cfg.MaxBatch = 100
	c := newCore("g", cfg, moment{})
	one := &member{id: "1", protocols: []protocol{{"range", make([]byte, 194)}}}
	f := func(want bool, known *member, size int) {
		t.Helper()
		j := &Join{Req: &kmsg.JoinGroupRequest{Protocols: []kmsg.JoinGroupRequestProtocol{{Name: "range", Metadata: make([]byte, size-5)}}}}
		if got := c.hasRoom(j, known, ""); got != want {
			t.Fatalf("%d bytes beside %d: %v", size, c.bytes, got)
		}
	}
	f(true, nil, 400)
	f(false, nil, 401)
	c.add(one)
	f(true, nil, 200)
	f(false, nil, 201)
	f(true, one, 399)
	f(false, one, 400)
	c.remove(one)
	if c.bytes != 0 {
		t.Fatalf("%d bytes of nobody", c.bytes)
	}
	f(true, nil, 400)
}

// All groups of a broker share their room: those of all its shards, however small each of them is, with what their members are assigned.
func TestRoomOfAllGroups(t *testing.T) {
	stats := &Stats{Room: 1 << 20}
	one, two := &term{stats: stats}, &term{stats: stats}
	f := func(forNew, forOld bool) {
		t.Helper()
		newcomer, old := &Join{Req: &kmsg.JoinGroupRequest{}}, &Join{Req: &kmsg.JoinGroupRequest{MemberID: "m"}}
		assigns, asks := &Sync{Req: &kmsg.SyncGroupRequest{GroupAssignment: make([]kmsg.SyncGroupRequestGroupAssignment, 1)}}, &Sync{Req: &kmsg.SyncGroupRequest{}}
		if one.full(newcomer) != forNew || one.full(old) != forOld || one.full(assigns) != forOld || one.full(asks) || one.full(&Heartbeat{}) {
			t.Fatalf("%d bytes: full for a new member %v, for an old one %v, for an assignment %v", stats.taken.Load(), one.full(newcomer), one.full(old), one.full(assigns))
		}
	}
	var slots []*slot
	c := newCore("g", plainConfig(), moment{})
	c.add(&member{id: "m", protocols: []protocol{{"range", make([]byte, 1000)}}})
	small := c.listing()
	show := func(n int) {
		for range n {
			x := &slot{}
			[]*term{one, two}[len(slots)%2].shows(x, small)
			slots = append(slots, x)
		}
	}
	show(1000)
	f(false, false)
	show(100)
	f(true, false)
	c.give(c.list[0], make([]byte, 2<<20))
	one.shows(slots[0], c.listing())
	f(true, true)
	c.give(c.list[0], nil)
	one.shows(slots[0], c.listing())
	f(true, false)
	for i, x := range slots {
		[]*term{one, two}[i%2].shows(x, listing{nothing: true})
	}
	f(false, false)
	c.give(c.list[0], make([]byte, 9))
	c.remove(c.list[0])
	if stats.taken.Load() != 0 || c.bytes+c.given != 0 {
		t.Errorf("%d bytes of nobody, %d of no member", stats.taken.Load(), c.bytes+c.given)
	}
	for n := range 100_000 {
		if s := inSteps(n); s < n || s > n+n/8+1 {
			t.Fatalf("%d bytes count as %d", n, s)
		}
	}
}

// What members are called counts too, and what clients that never came back were given: both are theirs to choose.
func TestNamesTakeRoom(t *testing.T) {
	c := newCore("g", plainConfig(), at(1))
	c.cfg.CommitTimeoutMs = 0
	name := strings.Repeat("n", 30_000)
	made := 0
	join := func(id string, instance *string, now int64) (string, code.Code) {
		made++
		req := &kmsg.JoinGroupRequest{Version: 9, Group: "g", SessionTimeoutMillis: 10_000, RebalanceTimeoutMillis: 60_000, MemberID: id, InstanceID: instance, ProtocolType: "x",
			Protocols: []kmsg.JoinGroupRequestProtocol{{Name: "p", Metadata: []byte{}}}}
		c.out = outbox{}
		j := &Join{Client: Client{name, "/h"}, Req: req}
		c.join(j, fmt.Sprint(name, made), at(now))
		for _, a := range c.out.answers {
			if r := a.(Joined); r.Join == j {
				return r.Resp.MemberID, code.Code(r.Resp.ErrorCode)
			}
		}
		return fmt.Sprint(name, made), code.OK
	}
	check := func(what string) {
		t.Helper()
		n := 0
		for _, m := range c.list {
			n += sizeOf(m.protocols) + len(m.id) + len(deref(m.instance)) + len(m.client.ID) + len(m.client.Host)
		}
		for id := range c.pending {
			n += len(id)
		}
		if n != c.bytes || n > tooManyBatches*c.cfg.MaxBatch {
			t.Fatalf("%s: %d bytes, counted as %d", what, n, c.bytes)
		}
	}
	var ids []string
	for i := range 10_000 {
		instance := kmsg.StringPtr(fmt.Sprint(i, name))
		if i%2 == 0 {
			instance = nil
		}
		id, bad := join("", instance, 2)
		if bad == code.GroupMaxSizeReached {
			break
		}
		ids = append(ids, id)
		check(fmt.Sprint("after join ", i))
	}
	if n := len(ids); n < 20 || n > 200 {
		t.Fatalf("%d were let in", n)
	}
	leave := kmsg.NewPtrLeaveGroupRequest()
	leave.Version = 5
	for _, id := range ids[len(ids)-20:] { // some are members, some were given an id only
		x := kmsg.NewLeaveGroupRequestMember()
		x.MemberID = id
		leave.Members = append(leave.Members, x)
	}
	c.leave(&Leave{Req: leave}, at(3))
	check("after some have left")
	if _, bad := join(ids[0], nil, 3); bad != code.OK {
		t.Fatalf("an id that was given out came back: %v", bad)
	}
	check("after an id has come back")
	if _, bad := join("", kmsg.StringPtr(fmt.Sprint(1, name)), 4); bad != code.OK {
		t.Fatalf("a static member came back: %v", bad)
	}
	check("after a static member has come back")
	c.tick(at(20_000))
	check("after ids have expired")
	c.removeAll(func(*member) bool { return true })
	check("after all")
	if c.bytes != 0 {
		t.Fatalf("%d bytes of nobody", c.bytes)
	}
	c.giveOut("id", 30_000)
	c.burial(nil, at(20_001))
	check("buried")
}

// A group is busy with what one request names for a moment, also while as much is on its way to the disk: not for as many steps as the one times
// the other.
func TestManyOffsetsOnTheirWay(t *testing.T) {
	const n = 60_000
	c := newCore("g", plainConfig(), at(1))
	commit := &kmsg.OffsetCommitRequest{Version: 8, Generation: -1, Topics: []kmsg.OffsetCommitRequestTopic{{Topic: "t", Partitions: make([]kmsg.OffsetCommitRequestTopicPartition, n)}}}
	remove := &kmsg.OffsetDeleteRequest{Topics: []kmsg.OffsetDeleteRequestTopic{{Topic: "t", Partitions: make([]kmsg.OffsetDeleteRequestTopicPartition, n)}}}
	for i := range n {
		commit.Topics[0].Partitions[i].Partition = int32(i)
		remove.Topics[0].Partitions[i].Partition = int32(i)
	}
	began := time.Now()
	c.commit(&Commit{Req: commit}, []meta.TopicID{{1}}, at(2))
	c.deleteOffsets(&DeleteOffsets{Req: remove}, at(3))
	c.forgetTopics([]TopicRef{{"t", meta.TopicID{1}}}, at(4))
	c.deleteGroup(&Delete{Group: "g"}, at(5))
	for _, e := range c.out.writes[1:] {
		if len(e.removed) != n {
			t.Errorf("%d of %d are removed", len(e.removed), n)
		}
	}
	if took := time.Since(began); len(c.out.writes) != 4 || took > 5*time.Second {
		t.Errorf("%d writes took %s", len(c.out.writes), took)
	}
}
