package group

import (
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"troupe/actors/kit"
	kitsim "troupe/actors/kit/sim"
	"troupe/kafka/code"
)

// consumer is a client of the classic protocol, as a careful one is written: it does what the answers say, and nothing else.
type consumer struct {
	w        *world
	name     string
	instance *string
	version  int16 // of JoinGroup
	probe    *kitsim.Probe

	life      int // answers to earlier lives are dropped
	id        string
	gen       int32
	parts     []int32
	phase     string // "", join, sync, stable, gone
	asked     time.Duration
	heartbeat time.Duration
	stalled   time.Duration // until when it does nothing
	rejoin    bool
	slots     uint64
	asks      map[uint64]any // what is under way
	syncs     int            // SyncGroups among them
}

func (w *world) consumer(name string, static bool, version int16) *consumer {
	c := &consumer{w: w, name: name, version: version, probe: w.s.Probe(name), asks: map[uint64]any{}, gen: -1}
	if static {
		c.instance = &c.name
	}
	c.probe.On = c.receive
	w.clients = append(w.clients, c)
	return c
}

// key names a member across a restart of a static one.
func (c *consumer) key(id string) string {
	if c.instance != nil {
		return *c.instance
	}
	return id
}

func (c *consumer) ask(x any) kit.Ask {
	c.slots++
	c.asks[c.slots] = x
	c.asked = c.w.s.Now()
	return kit.Ask{ReplyTo: c.probe.Ref(), Slot: c.slots}
}

// disconnected forgets what is under way: the broker is gone.
func (c *consumer) disconnected() {
	clear(c.asks)
	if c.phase == "join" || c.phase == "sync" {
		c.phase = ""
	}
	c.stalled = c.w.s.Now() + time.Duration(c.w.s.IntN(2000))*time.Millisecond
}

// restart is a new process: a static member comes back without its id.
func (c *consumer) restart() {
	clear(c.asks)
	c.id, c.gen, c.phase, c.parts = "", -1, "", nil
}

// step does what is due.
func (c *consumer) step() {
	now := c.w.s.Now()
	if now < c.stalled || c.phase == "gone" {
		return
	}
	if len(c.asks) > 0 && now-c.asked > 90*time.Second { // its request timeout
		clear(c.asks)
		if c.phase != "stable" {
			c.phase = ""
		}
	}
	switch {
	case c.phase == "" || c.phase == "stable" && c.rejoin:
		c.join()
	case c.phase == "stable" && now-c.heartbeat > time.Second:
		c.heartbeat = now
		req := &kmsg.HeartbeatRequest{Version: 4, Group: simGroup, Generation: c.gen, MemberID: c.id, InstanceID: c.instance}
		c.w.shard.Tell(&Heartbeat{Ask: c.ask(c.life), Req: req})
	}
}

func (c *consumer) join() {
	c.phase, c.rejoin, c.parts = "join", false, nil
	c.life++
	c.syncs = 0
	clear(c.asks)
	meta := append([]byte{0, 0, 0, 0, 0, 1, 0, 1}, simTopic...)
	if c.w.s.IntN(10) == 0 {
		meta = append(meta, byte(c.w.s.IntN(3)))
	}
	req := &kmsg.JoinGroupRequest{Version: c.version, Group: simGroup, SessionTimeoutMillis: 10_000, RebalanceTimeoutMillis: 20_000, MemberID: c.id,
		InstanceID: c.instance, ProtocolType: "consumer", Protocols: []kmsg.JoinGroupRequestProtocol{{Name: "range", Metadata: meta}}}
	for range 1 + c.w.s.IntN(20)/19 { // now and then twice
		c.w.shard.Tell(&Join{Ask: c.ask(c.life), Client: Client{c.name, "/h"}, Req: req})
	}
}

func (c *consumer) receive(m any) {
	slot := m.(kit.Answer).AskSlot()
	life, ok := c.asks[slot]
	delete(c.asks, slot)
	if !ok || life != c.life {
		return
	}
	switch m := m.(type) {
	case Joined:
		c.joined(m.Resp)
	case Synced:
		c.synced(m)
	case Heard:
		c.code(code.Code(m.Resp.ErrorCode))
	case Committed:
		c.committed(m)
	case Left:
		if m.Resp.ErrorCode == 0 {
			c.phase = "gone"
		}
	}
}

// code is what a careful client does about an error.
func (c *consumer) code(bad code.Code) {
	switch bad {
	case code.OK:
		return
	case code.UnknownMemberId, code.FencedInstanceId:
		c.id, c.gen = "", -1
		c.rejoin = true
	case code.RebalanceInProgress, code.IllegalGeneration:
		c.rejoin = true
	default: // the coordinator moves, loads or is busy
		c.stalled = c.w.s.Now() + time.Duration(c.w.s.IntN(500))*time.Millisecond
		if c.phase == "stable" {
			return
		}
		c.rejoin = true
	}
	c.phase = "stable" // from which it joins again
}

func (c *consumer) joined(r *kmsg.JoinGroupResponse) {
	if c.phase != "join" {
		return
	}
	switch code.Code(r.ErrorCode) {
	case code.OK:
	case code.MemberIdRequired:
		c.id, c.phase = r.MemberID, ""
		return
	default:
		c.code(code.Code(r.ErrorCode))
		return
	}
	c.id, c.gen = r.MemberID, r.Generation
	c.w.noteJoined(c, r)
	c.phase = "sync"
	req := &kmsg.SyncGroupRequest{Version: 5, Group: simGroup, Generation: c.gen, MemberID: c.id, InstanceID: c.instance, ProtocolType: r.ProtocolType, Protocol: r.Protocol}
	if len(r.Members) > 0 && !r.SkipAssignment {
		for i, m := range r.Members {
			a := kmsg.SyncGroupRequestGroupAssignment{MemberID: m.MemberID, MemberAssignment: []byte{}}
			for p := range simParts {
				if p%len(r.Members) == i {
					a.MemberAssignment = append(a.MemberAssignment, byte(p))
				}
			}
			req.GroupAssignment = append(req.GroupAssignment, a)
		}
	}
	if c.w.crashes && len(req.GroupAssignment) > 0 && c.w.s.IntN(10) == 0 {
		c.w.s.At(time.Duration(c.w.s.IntN(400_000)), c.w.crash) // about when the assignment becomes durable
	}
	for range 1 + c.w.s.IntN(20)/19 {
		c.syncs++
		c.w.shard.Tell(&Sync{Ask: c.ask(c.life), Req: req})
	}
}

func (c *consumer) synced(m Synced) {
	c.syncs--
	if c.phase != "sync" || m.Req.Generation != c.gen {
		return
	}
	if m.Resp.ErrorCode != 0 {
		if c.syncs == 0 { // else another one has taken its place
			c.code(code.Code(m.Resp.ErrorCode))
		}
		return
	}
	c.phase, c.heartbeat = "stable", c.w.s.Now()
	for _, b := range m.Resp.MemberAssignment {
		c.parts = append(c.parts, int32(b))
	}
	c.w.noteSynced(c, c.gen, c.parts)
}

// commit commits the next offset of a partition that the consumer owns.
func (c *consumer) commit() {
	if c.phase != "stable" || c.rejoin || len(c.parts) == 0 || c.w.s.Now() < c.stalled {
		return
	}
	c.w.sent++
	c.w.flying[c.w.sent] = true
	p := kmsg.OffsetCommitRequestTopicPartition{Partition: c.parts[c.w.s.IntN(len(c.parts))], Offset: c.w.sent, LeaderEpoch: -1}
	req := &kmsg.OffsetCommitRequest{Version: 8, Group: simGroup, Generation: c.gen, MemberID: c.id, InstanceID: c.instance,
		Topics: []kmsg.OffsetCommitRequestTopic{{Topic: simTopic, Partitions: []kmsg.OffsetCommitRequestTopicPartition{p}}}}
	c.w.shard.Tell(&Commit{Ask: c.ask(c.life), Req: req})
}

func (c *consumer) committed(m Committed) {
	p := m.Req.Topics[0].Partitions[0]
	delete(c.w.flying, p.Offset)
	if bad := code.Code(m.Resp.Topics[0].Partitions[0].ErrorCode); bad != code.OK {
		c.w.stats.refused++
		c.code(bad)
		return
	}
	c.w.stats.commits++
	if p.Offset > c.w.born {
		c.w.acked[p.Partition] = max(c.w.acked[p.Partition], p.Offset)
	}
}

func (c *consumer) leave() {
	if c.phase != "stable" {
		return
	}
	member := kmsg.LeaveGroupRequestMember{MemberID: c.id, InstanceID: c.instance}
	c.w.shard.Tell(&Leave{Ask: c.ask(c.life), Req: &kmsg.LeaveGroupRequest{Version: 5, Group: simGroup, Members: []kmsg.LeaveGroupRequestMember{member}}})
	c.phase = "gone"
	c.w.clients = slices.DeleteFunc(c.w.clients, func(x *consumer) bool { return x == c })
}
