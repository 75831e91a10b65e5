package group

import (
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// crowd is a stable group of n members, the session of each of which ends a millisecond after that of the one before.
func crowd(n int) *core {
	c := newCore("g", plainConfig(), at(1))
	for i := range n {
		c.add(&member{id: fmt.Sprint("m", i), session: 10_000, rebalance: 60_000, protocols: []protocol{{"range", nil}}})
	}
	c.state = stable
	for i, m := range c.list {
		c.touch(m, at(int64(i)+2))
	}
	return c
}

// Members of a large group die one after the other: who is left is not looked at each time.
func TestManyMembersDie(t *testing.T) {
	const n = 10_000
	c := crowd(n)
	for i := range n {
		c.giveOut(fmt.Sprint("p", i), int64(10_000+i))
	}
	ticks := 0
	for ; len(c.members)+len(c.pending) > 0; ticks++ {
		now := c.wake
		if c.tick(at(now)); c.wake == now || c.wake == 0 && len(c.members)+len(c.pending) > 0 {
			t.Fatalf("%d members and %d ids are left, and nothing is due", len(c.members), len(c.pending))
		}
		for _, m := range c.list {
			if m.deadline+late(n) < now {
				t.Fatalf("a member whose session ended at %d is there at %d", m.deadline, now)
			}
		}
		c.out = outbox{}
	}
	if ticks > n/10 {
		t.Errorf("all members were looked at %d times", ticks)
	}
	if late(99) != 0 {
		t.Error("in a small group a session ends late")
	}
}

// Members that die together are one reason of one rebalance.
func TestMembersDieTogether(t *testing.T) {
	c := crowd(3)
	c.tick(at(10_003)) // the first two
	if len(c.list) != 1 || c.list[0].id != "m2" || c.leader != "m2" || c.state != preparing || len(c.history) != 1 {
		t.Fatalf("%d members, %s, %v", len(c.list), c.state, c.history)
	}
	if got, want := c.history[0].Reason, "2 members were not heard of for their session timeouts, first m0"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// Members of a large group leave one by one, or as many as one request can name. What that takes: BenchmarkLeave.
func TestManyMembersLeave(t *testing.T) {
	const n = 4_000
	leave := func(c *core, from, to int) {
		req := &kmsg.LeaveGroupRequest{Version: 5}
		for i := from; i < to; i++ {
			req.Members = append(req.Members, kmsg.LeaveGroupRequestMember{MemberID: fmt.Sprint("m", i)})
		}
		list, _ := c.leave(&Leave{Req: req}, at(20))
		for _, x := range list {
			if x.ErrorCode != 0 {
				t.Fatalf("%s: error %d", x.MemberID, x.ErrorCode)
			}
		}
		c.out = outbox{}
	}
	c := crowd(n)
	c.joining = 1 // one that joins again, and is the last: the others are waited for
	c.list[n-1].join = &Join{Req: &kmsg.JoinGroupRequest{}}
	for i := range n / 2 {
		leave(c, i, i+1)
	}
	leave(c, n/2, n-1)
	if len(c.list) != 1 || len(c.members) != 1 || c.state != completing {
		t.Errorf("%d members, %s", len(c.list), c.state)
	}
}

// BenchmarkLeave is one member of 10,000 leaving.
func BenchmarkLeave(b *testing.B) {
	c := crowd(10_000)
	c.state = preparing
	for i := 0; b.Loop(); i++ {
		m := c.list[i%5_000]
		c.leave(&Leave{Req: &kmsg.LeaveGroupRequest{Version: 3, Members: []kmsg.LeaveGroupRequestMember{{MemberID: m.id}}}}, at(20))
		c.add(m)
		c.out = outbox{}
	}
}

// Who joins an empty group waits for the initial delay, as the broker is set to; who joins later waits less, and in a later rebalance nobody does.
func TestInitialDelayIsTold(t *testing.T) {
	c := newCore("g", plainConfig(), at(1))
	c.cfg.InitialDelayMs = 3000
	join := func(id string, now int64) *Join {
		j := &Join{Req: &kmsg.JoinGroupRequest{Version: 3, Group: "g", MemberID: id, SessionTimeoutMillis: 10_000, RebalanceTimeoutMillis: 60_000, ProtocolType: "x",
			Protocols: []kmsg.JoinGroupRequestProtocol{{Name: "p"}}}}
		c.join(j, fmt.Sprint("m", now), at(now))
		return j
	}
	first, second := join("", 10), join("", 1010)
	c.tick(at(3010)) // a member has come meanwhile: as long again
	c.tick(at(6010))
	if c.state != completing || first.Delayed() != 6*time.Second || second.Delayed() != 5*time.Second {
		t.Errorf("%s, delayed by %s and %s", c.state, first.Delayed(), second.Delayed())
	}
	for _, e := range c.out.writes {
		c.written(e, 0, at(6020))
	}
	c.become(stable, at(6030))
	if again := join(c.leader, 7000); c.state != preparing || again.Delayed() != 0 {
		t.Errorf("%s, delayed by %s", c.state, again.Delayed())
	}
	third := join("", 7010)
	if join("m1010", 7020); c.state != completing || third.Delayed() != 0 {
		t.Errorf("%s, delayed by %s", c.state, third.Delayed())
	}
}
