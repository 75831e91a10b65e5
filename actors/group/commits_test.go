package group

import (
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"troupe/actors/kit"
	kitsim "troupe/actors/kit/sim"
	"troupe/kafka/code"
)

// TestSimpleCommits has many groups without members, which come to rest and are woken again, on a broker that loses its lead and crashes.
// Each group has one client that commits growing offsets, one at a time: what is acknowledged or read never goes back, every commit is
// answered, and what is read is what was committed last or is on its way.
func TestSimpleCommits(t *testing.T) {
	commits, rests := 0, 0
	sum := kitsim.Seeds(t, 60, func(t *testing.T, s *kitsim.Sim) {
		w := newWorld(s, false)
		broken := ""
		type client struct {
			probe     *kitsim.Probe
			sent      int64
			acked     int64
			busy      bool
			epoch     int32 // of the partition when it asked
			calm      bool  // it was led then, for some time
			nextAfter time.Duration
		}
		list := make([]*client, 8)
		life := 0
		var send func(i int, c *client)
		for i := range list {
			c := &client{probe: s.Probe(fmt.Sprint("c", i)), acked: -1}
			list[i] = c
			c.probe.On = func(m any) {
				if int(m.(kit.Answer).AskSlot()) != life {
					return
				}
				switch m := m.(type) {
				case Committed:
					c.busy = false
					if bad := code.Code(m.Resp.Topics[0].Partitions[0].ErrorCode); bad == code.NotCoordinator && c.epoch == w.epoch && c.calm {
						broken = fmt.Sprintf("client %d: a commit was refused at %s, and the shard has led since %s", i, s.Now(), w.changed)
					}
					if s.IntN(2) == 0 { // the next one comes about when the group comes to rest
						c.nextAfter = s.Now() + lingerFor + 10*time.Millisecond
						s.At(lingerFor+time.Duration(s.IntN(200)-100)*time.Microsecond, func() {
							if !c.busy {
								send(i, c)
							}
						})
					}
					if m.Resp.Topics[0].Partitions[0].ErrorCode == 0 {
						commits++
						c.acked = max(c.acked, m.Req.Topics[0].Partitions[0].Offset)
					}
				case FetchedOffsets:
					if m.Resp.ErrorCode != 0 {
						return
					}
					at := m.Resp.Topics[0].Partitions[0].Offset
					if at > c.sent {
						broken = fmt.Sprintf("%d is read, and %d was the last commit", at, c.sent)
					}
					c.acked = max(c.acked, at)
				}
			}
		}
		send = func(i int, c *client) {
			c.sent++
			c.busy, c.epoch, c.calm = true, w.epoch, !w.down && s.Now()-w.changed > time.Second
			w.shard.Tell(&Commit{Ask: kit.Ask{ReplyTo: c.probe.Ref(), Slot: uint64(life)}, Req: &kmsg.OffsetCommitRequest{Version: 8, Group: fmt.Sprint("g", i), Generation: -1,
				Topics: []kmsg.OffsetCommitRequestTopic{{Topic: simTopic, Partitions: []kmsg.OffsetCommitRequestTopicPartition{{Offset: c.sent}}}}}})
		}
		for range 600 {
			for i, c := range list {
				group := fmt.Sprint("g", i)
				ask := kit.Ask{ReplyTo: c.probe.Ref(), Slot: uint64(life)}
				switch {
				case c.busy || s.Now() < c.nextAfter:
				case s.IntN(4) == 0:
					least := c.acked
					p := s.Probe("reader")
					p.On = func(m any) {
						r := m.(FetchedOffsets).Resp
						if r.ErrorCode == 0 && r.Topics[0].Partitions[0].Offset < least {
							broken = fmt.Sprintf("%s: %d was committed, and %d is read", group, least, r.Topics[0].Partitions[0].Offset)
						}
					}
					ask.ReplyTo = p.Ref()
					w.shard.Tell(&FetchOffsets{Ask: ask, Req: &kmsg.OffsetFetchRequestGroup{Group: group,
						Topics: []kmsg.OffsetFetchRequestGroupTopic{{Topic: simTopic, Partitions: []int32{0}}}}})
				default:
					send(i, c)
				}
			}
			switch x := s.IntN(100); {
			case x == 0:
				life++
				w.crash()
				for _, c := range list {
					c.busy = false
				}
			case x < 5:
				w.depose(!w.down)
			case w.down && x < 40:
				w.depose(false)
			}
			step := time.Duration(s.IntN(2_000_000))
			if s.IntN(20) == 0 {
				step = lingerFor / 2
			}
			if err := s.Run(step); err != nil {
				t.Fatal(err)
			}
			if broken != "" {
				t.Fatal(broken)
			}
			if n := len(w.node.Actors()); n < 3+len(list) {
				rests++
			}
		}
		w.end(t, -1)
		for _, c := range list {
			if c.busy {
				t.Errorf("a commit was never answered")
			}
		}
	})
	t.Logf("%d commits, %d rounds with groups at rest, %d messages, %d crashes", commits, rests, sum.Messages, sum.Crashes)
	if commits == 0 || rests == 0 {
		t.Error("the simulation does nothing")
	}
}
