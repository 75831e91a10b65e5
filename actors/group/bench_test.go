package group

import (
	"fmt"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"troupe/kafka/code"
)

// BenchmarkRebalance is the work of one rebalance of 1,000 members over 1,000 partitions, but for the disk and the network: from the
// first JoinGroup to the last SyncGroup answer.
func BenchmarkRebalance(b *testing.B) {
	const n = 1000
	c := newCore("g", plainConfig(), moment{})
	c.cfg.InitialDelayMs = 0
	ids := make([]string, n)
	now := moment{1, 1}
	answered := 0
	settle := func() {
		for len(c.out.writes) > 0 {
			w := c.out.writes
			c.out.writes = nil
			for _, e := range w {
				c.written(e, code.OK, now)
			}
		}
		answered += len(c.out.answers)
		c.out.answers = nil
	}
	join := func(i int) {
		c.join(&Join{Req: &kmsg.JoinGroupRequest{Version: 5, Group: "g", SessionTimeoutMillis: 45_000, RebalanceTimeoutMillis: 300_000, MemberID: ids[i],
			ProtocolType: consumerType, Protocols: []kmsg.JoinGroupRequestProtocol{{Name: "cooperative-sticky", Metadata: subscribe("topic")}}}}, fmt.Sprintf("client-%036d", i), now)
	}
	for i := range n {
		join(i)
		ids[i] = fmt.Sprintf("client-%036d", i)
	}
	for id := range c.pending {
		delete(c.pending, id)
	}
	c.out = outbox{}
	for i := range n {
		c.pending[ids[i]] = now.mono + 1000
	}
	b.ResetTimer()
	for b.Loop() {
		now.mono++
		for i := range n {
			join(i)
		}
		for range 3 {
			c.tick(now)
			settle()
		}
		if c.state != completing {
			b.Fatal(c.state)
		}
		var leader *kmsg.SyncGroupRequest
		for _, m := range c.list {
			s := &kmsg.SyncGroupRequest{Group: "g", Generation: c.generation, MemberID: m.id}
			if m.id == c.leader {
				leader = s
				continue
			}
			c.syncGroup(&Sync{Req: s}, now)
		}
		for _, id := range ids {
			leader.GroupAssignment = append(leader.GroupAssignment, kmsg.SyncGroupRequestGroupAssignment{MemberID: id, MemberAssignment: make([]byte, 30)})
		}
		c.syncGroup(&Sync{Req: leader}, now)
		answered = 0
		settle()
		if answered != n || c.state != stable {
			b.Fatalf("%d answers, %s", answered, c.state)
		}
	}
}
