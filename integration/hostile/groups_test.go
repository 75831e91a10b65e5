package hostile

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// join asks to become a member, in version 3: without the detour over a member id.
func join(group, kind string, metadata []byte) *kmsg.JoinGroupRequest {
	req := kmsg.NewPtrJoinGroupRequest()
	req.SetVersion(3)
	req.Group, req.ProtocolType, req.SessionTimeoutMillis, req.RebalanceTimeoutMillis = group, kind, 30_000, 30_000
	p := kmsg.NewJoinGroupRequestProtocol()
	p.Name, p.Metadata = "range", metadata
	req.Protocols = append(req.Protocols, p)
	return req
}

// subscriptions that no consumer sends.
func subscriptions() map[string][]byte {
	huge := binary.BigEndian.AppendUint32([]byte{0, 1}, 1<<31-1)
	return map[string][]byte{
		"nothing":                  {},
		"one byte":                 {0},
		"version -1":               {0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff},
		"version 32767":            {0x7f, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff},
		"2^31-1 topics":            huge,
		"-1 topics":                {0, 1, 0xff, 0xff, 0xff, 0xff},
		"a topic beyond":           {0, 1, 0, 0, 0, 1, 0x7f, 0xff, 'a'},
		"half a million no names":  append(binary.BigEndian.AppendUint32([]byte{0, 1}, 500_000), make([]byte, 1_000_000)...),
		"2^31-1 owned partitions":  append([]byte{0, 1, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff}, 0x7f, 0xff, 0xff, 0xff),
		"user data of 2^31-1":      {0, 1, 0, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff},
		"a thousand zeroes":        make([]byte, 1000),
		"a thousand bytes of ones": bytes.Repeat([]byte{0xff}, 1000),
	}
}

// Members that say what no client says, too much of it, or too often. Joins wait for the rebalance, so nobody waits for their answers here.
func TestGroups(t *testing.T) {
	t.Parallel()
	g := start(t)
	g.coordinate(t)
	for name, b := range subscriptions() {
		for _, kind := range []string{"consumer", "connect"} {
			g.row(fmt.Sprintf("%s as %s", name, kind), func(t *testing.T) {
				c := g.dial(t)
				defer c.Close()
				c.send(request(join("hostile-"+kind+name, kind, b)))
				time.Sleep(50 * time.Millisecond)
			})
		}
	}
	g.row("100 members with metadata of 15 MB", func(t *testing.T) {
		for i := range 100 {
			c := g.dial(t)
			defer c.Close()
			c.SetWriteDeadline(time.Now().Add(time.Second))
			c.send(request(join(fmt.Sprint("giant-", i%20), "connect", make([]byte, 15<<20))))
		}
	})
	g.row("200 members with metadata of 500 KB in one group", func(t *testing.T) {
		for range 200 {
			c := g.dial(t)
			defer c.Close()
			c.send(request(join("large", "connect", make([]byte, 500_000))))
		}
		time.Sleep(4 * time.Second)
	})
	g.row("200 groups with metadata of 500 KB", func(t *testing.T) {
		for i := range 200 {
			c := g.dial(t)
			defer c.Close()
			c.send(request(join(fmt.Sprint("large-", i), "connect", make([]byte, 500_000))))
		}
		time.Sleep(4 * time.Second)
	})
	g.row("500 followers that wait for their leader with 1 MB", func(t *testing.T) {
		for i := range 500 {
			c := g.dial(t)
			defer c.Close()
			sync := kmsg.NewPtrSyncGroupRequest()
			sync.SetVersion(3)
			sync.Group, sync.Generation, sync.MemberID = fmt.Sprint("assigned-", i), 1, "me"
			a := kmsg.NewSyncGroupRequestGroupAssignment()
			a.MemberAssignment = make([]byte, 1<<20)
			sync.GroupAssignment = append(sync.GroupAssignment, a)
			c.send(request(sync))
		}
	})
	g.row("a member with 10,000 protocols", func(t *testing.T) {
		req := join("protocols", "connect", nil)
		for i := range 10_000 {
			p := kmsg.NewJoinGroupRequestProtocol()
			p.Name = fmt.Sprint("protocol-", i)
			req.Protocols = append(req.Protocols, p)
		}
		for range 50 {
			c := g.dial(t)
			defer c.Close()
			c.send(request(req))
		}
		time.Sleep(4 * time.Second)
	})
	g.row("10,000 members of one connection", func(t *testing.T) {
		c := g.dial(t)
		defer c.Close()
		c.SetWriteDeadline(time.Now().Add(2 * time.Second))
		c.send(bytes.Repeat(request(join("crowd", "connect", []byte("x"))), 10_000))
		time.Sleep(2 * time.Second)
	})
	g.row("50,000 member ids that are never used", func(t *testing.T) {
		req := join("pending", "connect", []byte("x"))
		req.SetVersion(5)
		c := g.dial(t)
		defer c.Close()
		for range 50 {
			c.send(bytes.Repeat(request(req), 1_000))
			for range 1_000 {
				if _, err := c.read(); err != nil {
					t.Fatal(err)
				}
			}
		}
	})
	t.Run("20,000 groups that commit", func(t *testing.T) {
		g.watch(t, 15*time.Second, func(t *testing.T) { commitMany(t, g, 20_000) })
	})
	g.row("an offset with metadata of 10 MB", func(t *testing.T) {
		c := g.dial(t)
		defer c.Close()
		req := commit("fat")
		req.SetVersion(8)
		req.Topics[0].Partitions[0].Metadata = kmsg.StringPtr(string(make([]byte, 30_000)))
		if e := c.ask(req).(*kmsg.OffsetCommitResponse).Topics[0].Partitions[0].ErrorCode; e != 12 {
			t.Errorf("error %d, want 12", e)
		}
	})
	g.row("an assignment of 1.5 MB", func(t *testing.T) {
		c := g.dial(t)
		defer c.Close()
		req := join("assigned", "connect", []byte("x"))
		me := c.ask(req).(*kmsg.JoinGroupResponse)
		sync := kmsg.NewPtrSyncGroupRequest()
		sync.SetVersion(3)
		sync.Group, sync.Generation, sync.MemberID = "assigned", me.Generation, me.MemberID
		for _, id := range []string{me.MemberID, "nobody", me.MemberID} {
			a := kmsg.NewSyncGroupRequestGroupAssignment()
			a.MemberID, a.MemberAssignment = id, make([]byte, 500_000)
			sync.GroupAssignment = append(sync.GroupAssignment, a)
		}
		c.send(request(sync))
		c.ended()
	})
}

// coordinate makes the topic of the groups and waits until its partitions have loaded.
func (g *target) coordinate(t *testing.T) {
	t.Helper()
	c := g.dial(t)
	defer c.Close()
	find := kmsg.NewPtrFindCoordinatorRequest()
	find.SetVersion(3)
	find.CoordinatorKey = "warm"
	for end := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		c.ask(find)
		ready := 0
		for i := range 200 {
			if c.ask(commit(fmt.Sprint("warm-", i))).(*kmsg.OffsetCommitResponse).Topics[0].Partitions[0].ErrorCode != 0 {
				break
			}
			ready++
		}
		if ready == 200 {
			return
		}
		if time.Now().After(end) {
			t.Fatal("no coordinator")
		}
	}
}

func commit(group string) *kmsg.OffsetCommitRequest {
	req := kmsg.NewPtrOffsetCommitRequest()
	req.SetVersion(5)
	req.Group, req.Generation = group, -1
	rt := kmsg.NewOffsetCommitRequestTopic()
	rt.Topic = "t"
	rt.Partitions = append(rt.Partitions, kmsg.NewOffsetCommitRequestTopicPartition())
	req.Topics = append(req.Topics, rt)
	return req
}

func commitMany(t *testing.T, g *target, n int) {
	c := g.dial(t)
	defer c.Close()
	go func() {
		for i := range n {
			c.send(request(commit(fmt.Sprint("hoard-", i))))
		}
	}()
	for range n {
		if _, err := c.read(); err != nil {
			t.Fatal(err)
		}
	}
}
