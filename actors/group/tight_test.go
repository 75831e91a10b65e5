package group

import (
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"troupe/actors/kit"
	kitsim "troupe/actors/kit/sim"
	"troupe/kafka/code"
)

// When the broker's memory has no place for more, what groups keep does not grow: new groups, members, offsets of more partitions and longer metadata
// are told to try again. What is there goes on, and so does the rest when there is room again.
func TestTight(t *testing.T) {
	st := kitsim.NewStage(t)
	w := emptyWorld(st.Sim)
	w.node = st.Node
	w.counted = &Stats{}
	w.boot(st.Sys)
	wait := func() {
		st.RunUntil(time.Second, func() bool { return false })
		if err := st.Settle(0); err != nil {
			t.Fatal(err)
		}
	}
	wait()
	conn := st.Probe("conn")
	f := func(want code.Code, m any) {
		t.Helper()
		conn.Take()
		w.shard.Tell(m)
		wait()
		got := code.Code(-2)
		for _, a := range conn.Take() {
			switch a := a.(type) {
			case Committed:
				got = code.Code(a.Resp.Topics[0].Partitions[0].ErrorCode)
			case Joined:
				got = code.Code(a.Resp.ErrorCode)
			}
		}
		if got != want {
			t.Fatalf("%v, want %v", got, want)
		}
	}
	commit := func(group string, metadata string, parts ...int32) *Commit {
		req := kmsg.NewPtrOffsetCommitRequest()
		req.Version, req.Group, req.Generation = 8, group, -1
		req.Topics = []kmsg.OffsetCommitRequestTopic{{Topic: simTopic}}
		for _, p := range parts {
			req.Topics[0].Partitions = append(req.Topics[0].Partitions, kmsg.OffsetCommitRequestTopicPartition{Partition: p, Offset: 5, Metadata: &metadata})
		}
		return &Commit{Ask: kit.Ask{ReplyTo: conn.Ref()}, Req: req}
	}
	join := func(group string) *Join {
		req := kmsg.NewPtrJoinGroupRequest()
		req.Version, req.Group, req.SessionTimeoutMillis, req.RebalanceTimeoutMillis, req.ProtocolType = 4, group, 10_000, 10_000, "x"
		req.Protocols = []kmsg.JoinGroupRequestProtocol{{Name: "p"}}
		return &Join{Ask: kit.Ask{ReplyTo: conn.Ref()}, Req: req}
	}
	f(code.OK, commit("g", "note", 0, 1))
	w.counted.SetTight(true)
	f(code.OK, commit("g", "less", 1))
	f(code.OK, commit("g", "", 0, 1))
	f(code.CoordinatorNotAvailable, commit("g", "more than before", 1))
	f(code.CoordinatorNotAvailable, commit("g", "", 1, 2))
	f(code.CoordinatorNotAvailable, commit("h", "", 1))
	f(code.CoordinatorNotAvailable, join("g"))
	w.counted.SetTight(false)
	f(code.OK, commit("g", "more than before", 1, 2))
	f(code.OK, commit("h", "", 1))
	f(code.MemberIdRequired, join("g"))
}
