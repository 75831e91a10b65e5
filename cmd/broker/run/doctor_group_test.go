package run

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"troupe/actors/kit"
	"troupe/actors/meta"
	"troupe/actors/node"
	"troupe/cmd/broker/admin"
	"troupe/kafka/code"
)

// join asks to be a member of group "g", with the second question that Kafka wants of new members.
func join(t *testing.T, ctx context.Context, cl *kgo.Client) *kmsg.JoinGroupResponse {
	req := kmsg.NewPtrJoinGroupRequest()
	req.Group, req.SessionTimeoutMillis, req.RebalanceTimeoutMillis, req.ProtocolType = "g", 60_000, 120_000, "consumer"
	req.Protocols = []kmsg.JoinGroupRequestProtocol{{Name: "range", Metadata: []byte{0, 0, 0, 0, 0, 0, 0, 0, 0, 0}}}
	for {
		resp, err := cl.Request(ctx, req)
		if err != nil {
			t.Error(err)
			return nil
		}
		r := resp.(*kmsg.JoinGroupResponse)
		if r.ErrorCode != int16(code.MemberIdRequired) {
			return r
		}
		req.MemberID = r.MemberID
	}
}

// TestDoctorGroup: a member that does not come back keeps the others waiting: the doctor names the group and the member, and so does the open
// request of the one that waits.
func TestDoctorGroup(t *testing.T) {
	t.Parallel()
	w := newWard(t, func(c *Config) { c.Static = map[string]string{"group.initial.rebalance.delay.ms": "0"} })
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	sleepy, eager := w.client(kgo.ClientID("sleepy")), w.client(kgo.ClientID("eager"))
	first := join(t, ctx, sleepy)
	if first == nil || first.ErrorCode != 0 {
		t.Fatalf("%+v", first)
	}
	w.healthy()
	joined := make(chan *kmsg.JoinGroupResponse, 1)
	go func() { joined <- join(t, ctx, eager) }()
	if text := w.finds("group-waits"); !strings.Contains(text, `consumer group "g"`) || !strings.Contains(text, first.MemberID) {
		t.Error(text)
	}
	var open []admin.Trace
	w.json("/api/v1/traces/open", &open)
	if len(open) != 1 || open[0].API != "JoinGroup" || open[0].Subject != "g" || open[0].Awaiting != "rebalance" || !strings.Contains(open[0].AwaitingOf, first.MemberID) {
		t.Errorf("%+v", open)
	}
	leave := kmsg.NewPtrLeaveGroupRequest()
	leave.Group, leave.MemberID = "g", first.MemberID
	leave.Members = []kmsg.LeaveGroupRequestMember{{MemberID: first.MemberID}}
	if _, err := sleepy.Request(ctx, leave); err != nil {
		t.Fatal(err)
	}
	if r := <-joined; r == nil || r.ErrorCode != 0 {
		t.Errorf("%+v", r)
	}
	w.healthy()
	var slow []admin.Trace
	w.json("/api/v1/traces/slow?api=JoinGroup&min=5s", &slow)
	if len(slow) != 1 || slow[0].Cause != "rebalance" || slow[0].Client != "eager" {
		t.Errorf("%+v", slow)
	}
}

// TestHotActorIsFirst: an actor that takes 50 ms a message is the first by wait, and its rows are true (T1, T2).
func TestHotActorIsFirst(t *testing.T) {
	t.Parallel()
	w := newWard(t, nil)
	quit := make(chan struct{})
	hot := w.sys.Spawn("hot", receiver(func(m any) {
		select {
		case <-time.After(50 * time.Millisecond):
		case <-quit:
		}
	}), kit.Options{})
	defer close(quit)
	for range 1000 {
		hot.Tell("work")
	}
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		var list []admin.Actor
		w.json("/api/v1/actors", &list)
		most := admin.Actor{}
		for _, a := range list {
			if a.WaitP99Us > most.WaitP99Us {
				most = a
			}
		}
		if most.Name == "hot" && most.In == 1000 && most.Processed > 3 && most.Depth > 0 && most.RunP50Us > 40_000 && most.State != "idle" {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("first by wait is %+v", most)
		}
	}
}

// BenchmarkActors10k is what /api/v1/actors costs with 10,000 actors that have worked.
func BenchmarkActors10k(b *testing.B) {
	sys := kit.New(slog.New(slog.DiscardHandler), 4)
	for i := range 10_000 {
		sys.Spawn("partition/"+strings.Repeat("x", 22)+"-"+time.Duration(i).String(), receiver(func(any) {}), kit.Options{}).Tell("x")
	}
	br := &Broker{sys: sys, pub: &node.Published{}}
	br.pub.Set(node.ViewWith(meta.NewImage(), 1, nil))
	for b.Loop() {
		if n := len(source{br}.Actors()); n != 10_000 {
			b.Fatal(n)
		}
	}
}
