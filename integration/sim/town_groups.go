package sim

import (
	"fmt"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"troupe/actors/group"
	"troupe/actors/kit"
	kitsim "troupe/actors/kit/sim"
	"troupe/actors/meta"
	"troupe/kafka/api"
	"troupe/kafka/code"
)

// clerk commits the offsets of a group of its own, as a consumer without members does, at whatever broker it takes for the coordinator, and reads
// them again. A commit that was answered never goes back, whoever coordinates next. One thing is under way at a time, so offsets only grow.
type clerk struct {
	t    *town
	id   string // of the group too
	left int    // commits still to be made

	sent  int64             // offsets only grow: the last one that was committed
	acked [groupParts]int64 // by partition: the greatest offset that was acknowledged or read

	asked kit.Refuser // the one ask that is under way
	slot  uint64
	what  string
	to    *house
	since time.Duration
	part  int32 // that a commit or a read is about
	least int64 // what was known when an offset was asked for
}

func (x *clerk) name() string { return x.id }

func (x *clerk) receive(h *house, c kit.Context, m any) {
	switch m := m.(type) {
	case kit.Started, turn:
		x.turn(h, c)
		if !x.done() {
			x.t.soon(c, 100*time.Millisecond)
		}
		return
	case kit.Answer:
		if x.asked == nil || m.AskSlot() != x.slot {
			x.t.Fail("%s: an answer %T to nothing", x.id, m)
			return
		}
		x.asked = nil
	}
	switch m := m.(type) {
	case group.Committed:
		x.onCommitted(m)
	case group.FetchedOffsets:
		x.onFetched(m.Resp)
	}
}

// subject is the topic whose offsets are committed. It is never deleted.
func (t *town) subject() string { return t.cluster.topics[0].Name }

func (x *clerk) turn(h *house, c kit.Context) {
	if x.asked != nil || x.left == 0 || h.image().Topic(x.t.subject()) == nil {
		return
	}
	t := h.image().Topic(group.Topic)
	if t == nil {
		x.ask(h, h.broker.Shared.TopicMaker, "the topic of groups", &api.EnsureTopics{Ask: x.slotted(c), Names: []string{group.Topic}, Timeout: 2 * time.Second})
		return
	}
	shard, leads := h.coordinator(x.id, t)
	if shard == nil || !leads && !x.t.Chance(.02) {
		return
	}
	x.part = int32(x.t.IntN(groupParts))
	if x.t.Chance(.4) {
		x.least = x.acked[x.part]
		x.ask(h, shard, "OffsetFetch", &group.FetchOffsets{Ask: x.slotted(c), Req: x.t.wanted(x.id, x.part)})
		return
	}
	x.left--
	x.sent++
	p := kmsg.OffsetCommitRequestTopicPartition{Partition: x.part, Offset: x.sent, LeaderEpoch: -1}
	x.ask(h, shard, "OffsetCommit", &group.Commit{Ask: x.slotted(c), Req: &kmsg.OffsetCommitRequest{Version: 8, Group: x.id, Generation: -1,
		Topics: []kmsg.OffsetCommitRequestTopic{{Topic: x.t.subject(), Partitions: []kmsg.OffsetCommitRequestTopicPartition{p}}}}})
}

// coordinator is the actor that would coordinate a group at a broker, and whether the broker takes itself for the leader there. nil: it has none.
func (h *house) coordinator(id string, t *meta.Topic) (shard *kit.Ref, leads bool) {
	p := group.PartitionFor(id, int32(len(t.Partitions)))
	return h.broker.Life.Lookup(group.ShardName(p)), t.Partitions[p].Leader == h.id
}

// wanted asks for a committed offset.
func (t *town) wanted(id string, part int32) *kmsg.OffsetFetchRequestGroup {
	return &kmsg.OffsetFetchRequestGroup{Group: id, Topics: []kmsg.OffsetFetchRequestGroupTopic{{Topic: t.subject(), Partitions: []int32{part}}}}
}

func (x *clerk) slotted(c kit.Context) kit.Ask {
	x.slot++
	return kit.Ask{ReplyTo: c.Self(), Slot: x.slot}
}

func (x *clerk) ask(h *house, to *kit.Ref, what string, m kit.Refuser) {
	x.asked, x.what, x.to, x.since = m, what, h, x.t.Now()
	to.Tell(m)
}

func (x *clerk) onCommitted(m group.Committed) {
	bad := code.Code(m.Resp.Topics[0].Partitions[0].ErrorCode)
	if bad == code.OK {
		x.t.committed++
		x.acked[x.part] = max(x.acked[x.part], m.Req.Topics[0].Partitions[0].Offset)
	}
	x.expect(bad)
}

func (x *clerk) onFetched(r kmsg.OffsetFetchResponseGroup) {
	if r.ErrorCode != 0 {
		x.expect(code.Code(r.ErrorCode))
		return
	}
	if err := x.check(r.Topics[0].Partitions[0].Offset, x.least); err != nil {
		x.t.Fail("D6: %s: %v", host(x.to.id), err)
	}
}

// check holds an offset that was read against what was acknowledged before.
func (x *clerk) check(at, least int64) error {
	switch at = max(at, 0); {
	case at < least:
		return fmt.Errorf("%s: offset %d of partition %d was committed, and %d is read", x.id, least, x.part, at)
	case at > x.sent:
		return fmt.Errorf("%s: offset %d of partition %d is read, and nobody committed it", x.id, at, x.part)
	}
	x.acked[x.part] = max(x.acked[x.part], at)
	return nil
}

// expect says which errors a group without members may have.
func (x *clerk) expect(bad code.Code) {
	switch bad {
	case code.OK, code.NotCoordinator, code.CoordinatorNotAvailable, code.CoordinatorLoadInProgress:
	default:
		x.t.Fail("%s: %s to %s", x.id, bad, x.what)
	}
}

func (x *clerk) cut(h *house) {
	if x.to == h {
		x.asked = nil
	}
}

func (x *clerk) done() bool { return x.left == 0 && x.asked == nil }

func (x *clerk) waits() (string, time.Duration) {
	if x.asked == nil {
		return "", 0
	}
	return "the answer to " + x.what + " of " + host(x.to.id), x.since
}

// castGroups makes the groups of a town that has some.
func (t *town) castGroups() {
	for i := range 2 + t.IntN(2) {
		x := &clerk{t: t, id: "g" + strconv.Itoa(i), left: 30 + t.IntN(50)}
		t.clerks = append(t.clerks, x)
		t.clients = append(t.clients, x)
	}
}

// settleGroup reads what a group has committed for the last time.
func (t *town) settleGroup(x *clerk) error {
	for x.part = range groupParts {
		last := "nobody coordinates it"
		var r group.FetchedOffsets
		read := func() bool {
			offsets := t.book.newest.Topic(group.Topic)
			if offsets == nil {
				last = "its topic is not there"
				return x.sent == 0
			}
			for _, h := range t.nodes {
				shard, leads := h.coordinator(x.id, offsets)
				if shard == nil || !leads {
					continue
				}
				var ok bool
				r, ok = kitsim.Ask[group.FetchedOffsets](t.Sim, time.Second, func(to *kit.Ref) {
					shard.Tell(&group.FetchOffsets{Ask: kit.Ask{ReplyTo: to}, Req: t.wanted(x.id, x.part)})
				})
				last = fmt.Sprintf("%s says %s", host(h.id), code.Code(r.Resp.ErrorCode))
				return ok && r.Resp.ErrorCode == 0
			}
			return false
		}
		done := false
		for range 50 {
			if done = read(); done || t.Run(100*time.Millisecond) != nil {
				break
			}
		}
		switch {
		case t.Err() != nil:
			return nil
		case !done:
			return fmt.Errorf("L1: five seconds after the cluster was whole group %s cannot be read: %s", x.id, last)
		case len(r.Resp.Topics) == 0:
			continue
		}
		if err := x.check(r.Resp.Topics[0].Partitions[0].Offset, x.acked[x.part]); err != nil {
			return err
		}
	}
	return nil
}
