package group

import (
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"troupe/actors/kit"
	"troupe/actors/meta"
	"troupe/kafka/code"
)

// lingerFor is how long a group that has nothing to do keeps its actor.
const lingerFor = 10 * time.Second

// group is the actor of one group that has something to do. It owns the group's members, generation and offsets, and everyone who waits on
// them, from when the shard made it until it rests.
type group struct {
	core  *core
	shard *kit.Ref
	topic topicFinder
	clock clock
	stats *Stats

	handled   uint64 // messages of the shard
	busyAt    int64  // when the last of them came
	told      listing
	resting   bool // the core was given back, unless another message comes
	members   int  // counted in stats
	timer     kit.Timer
	timerAt   int64
	lingering bool
}

func newGroup(c *core, shard *kit.Ref, topic topicFinder, clk clock, stats *Stats) *group {
	return &group{core: c, shard: shard, topic: topic, clock: clk, stats: stats, told: c.listing()}
}

// Receive implements kit.Actor.
func (g *group) Receive(c kit.Context, m any) {
	switch m := m.(type) {
	case kit.Started:
		g.core.wakeUp(g.clock.at(c.Now()))
	case due:
		g.onDue(c, m)
	case lingered:
		g.onLingered(c, m)
	case wrote:
		g.core.written(m.entry, m.code, g.clock.at(c.Now()))
	case *kit.Inspect:
		g.onInspect(c, m)
		return
	case kit.Stopping:
		g.onStopping()
		return
	default:
		g.handled++
		g.resting, g.busyAt = false, g.clock.at(c.Now()).mono
		g.onMessage(c, m, g.clock.at(c.Now()))
	}
	g.settle(c)
}

// onMessage does what the shard has passed on.
func (g *group) onMessage(c kit.Context, m any, now moment) {
	if a, ok := m.(ask); ok && g.core.worthless() && !creates(a) {
		absent(a) // it has been deleted, or nothing of it is left: as if the shard had forgotten it already
		return
	}
	switch m := m.(type) {
	case *Join:
		g.core.join(m, memberID(c, m), now)
	case *Sync:
		g.core.syncGroup(m, now)
	case *Heartbeat:
		m.refuse(g.core.heartbeat(m.Req, now)) // the answer is a code in any case
	case *Leave:
		m.answer(g.core.leave(m, now))
	case *Commit:
		if g.stats.tight.Load() && g.core.grows(m.Req) {
			m.refuse(code.CoordinatorNotAvailable)
			return
		}
		g.core.commit(m, g.topicIDs(m.Req), now)
	case *FetchOffsets:
		m.Reply(FetchedOffsets{m, g.core.fetchOffsets(m.Req, g.topic)})
	case *Describe:
		m.Reply(Described{m, g.core.describe()})
	case *Delete:
		g.core.deleteGroup(m, now)
	case *DeleteOffsets:
		g.core.deleteOffsets(m, now)
	case *Explain:
		m.Reply(Explained{Explain: m, Explanation: g.core.explain(now)})
	case TopicsDeleted:
		g.core.forgetTopics(m.Topics, now)
	case cleanUp:
		g.core.forgetTopics(g.core.strangers(g.topic), now) // their deletion may have failed
		g.core.cleanUp(now)
	case reconfigured:
		g.core.cfg = m.Config
	default:
		kit.Invariant(false, "BUG: group got %T", m)
	}
}

// memberID is a new member's id: its instance id or its client id, and a random UUID (ClassicGroup.generateMemberId).
func memberID(c kit.Context, m *Join) string {
	a, b := c.Rand(), c.Rand()
	who := m.Client.ID
	if m.Req.InstanceID != nil {
		who = *m.Req.InstanceID
	}
	return fmt.Sprintf("%s-%08x-%04x-4%03x-%04x-%012x", who, a>>32, uint16(a>>16), a&0xfff, 0x8000|b>>48&0x3fff, b&0xffffffffffff)
}

func (g *group) topicIDs(req *kmsg.OffsetCommitRequest) []meta.TopicID {
	ids := make([]meta.TopicID, len(req.Topics))
	for i := range req.Topics {
		ids[i], _ = g.topic(req.Topics[i].Topic)
	}
	return ids
}

// settle does what the core wants done: first the shard hears of a new state, so that who gets an answer finds it in a list of
// groups, then the writes, then the answers; and the timer is set.
func (g *group) settle(c kit.Context) {
	if g.resting {
		return
	}
	k := g.core
	if now := g.clock.at(c.Now()); k.wake != 0 && k.wake <= now.mono {
		k.tick(now)
	}
	if l := k.listing(); l != g.told {
		g.told = l
		g.shard.Tell(moved{k.id, c.Self(), l})
	}
	g.count(len(k.members))
	out := k.out
	k.out = outbox{}
	for _, e := range out.writes {
		g.shard.Tell(&write{Ask: kit.Ask{ReplyTo: c.Self()}, entry: e})
	}
	for _, a := range out.answers {
		a.send()
	}
	g.arm(c)
	if !k.idle() || g.handled == 0 { // what it was made for is on its way
		return
	}
	switch {
	case k.worthless():
		g.rest(c)
	case !g.lingering:
		g.linger(c, lingerFor)
	}
}

// count brings the stats up to date; members is how many there are now.
func (g *group) count(members int) {
	if members != g.members {
		g.stats.members.Add(int64(members - g.members))
		g.members = members
	}
	if g.core.tally != (tally{}) {
		g.stats.add(&g.core.tally)
		g.core.tally = tally{}
	}
}

// arm sets the timer, if what is due next is due earlier than it says.
func (g *group) arm(c kit.Context) {
	at := g.core.wake
	if at == 0 || g.timerAt != 0 && g.timerAt <= at {
		return
	}
	if g.timer != nil {
		g.timer.Stop()
	}
	g.timerAt = at
	g.timer = c.After(c.Self(), max(ms(at-g.clock.at(c.Now()).mono), 0), due{at})
}

func (g *group) onDue(c kit.Context, m due) {
	if m.at == g.timerAt {
		g.timerAt, g.timer = 0, nil
		if !g.resting {
			g.clock.last = max(g.clock.last, m.at) // the timer is a clock too
			g.core.tick(g.clock.at(c.Now()))
		}
	}
}

// onLingered gives an idle group back, if nothing has come since.
func (g *group) onLingered(c kit.Context, m lingered) {
	g.lingering = false
	switch {
	case g.resting || !g.core.idle():
	case m.handled == g.handled:
		g.rest(c)
	default:
		g.linger(c, max(lingerFor-ms(g.clock.at(c.Now()).mono-g.busyAt), 0))
	}
}

// linger asks whether the group is still idle after a while.
func (g *group) linger(c kit.Context, d time.Duration) {
	g.lingering = true
	c.After(c.Self(), d, lingered{g.handled})
}

func (g *group) rest(c kit.Context) {
	g.resting = true
	g.shard.Tell(rested{g.core.id, c.Self(), g.core, g.handled})
}

// onStopping tells everyone who waits to look for the coordinator again. A group that rests has given its core away.
func (g *group) onStopping() {
	if g.timer != nil {
		g.timer.Stop()
	}
	if g.resting {
		return
	}
	k := g.core
	k.abandon(gone)
	g.count(0)
	for _, a := range k.out.answers {
		a.send()
	}
	k.out = outbox{}
}

// abandon answers all who wait.
func (c *core) abandon(bad code.Code) {
	for _, m := range c.list {
		c.answerJoin(m, joinFailure(m.join, m.id, bad))
		c.answerSync(m, bad)
	}
	for _, e := range c.writes {
		c.answerEntry(e, bad)
	}
	c.writes = nil
}

func (m *Leave) answer(list []kmsg.LeaveGroupResponseMember, bad code.Code) {
	resp := kmsg.NewPtrLeaveGroupResponse()
	resp.SetVersion(m.Req.Version)
	if resp.ErrorCode = int16(bad); m.Req.Version < 3 && len(list) == 1 {
		resp.ErrorCode = list[0].ErrorCode
	} else {
		resp.Members = list
	}
	m.Reply(Left{m, resp})
}

func (g *group) onInspect(c kit.Context, m *kit.Inspect) {
	if g.resting {
		m.Reply(kit.Inspected{Inspect: m, State: "resting"})
		return
	}
	k := g.core
	m.Reply(kit.Inspected{Inspect: m, State: k.state.String(), Fields: []kit.Field{
		{Name: "group", Value: k.id},
		{Name: "awaiting", Value: k.awaiting(g.clock.at(c.Now()))},
		{Name: "generation", Value: k.generation},
		{Name: "protocol", Value: deref(k.protocol)},
		{Name: "leader", Value: k.leader},
		{Name: "members", Value: len(k.members)},
		{Name: "pending members", Value: len(k.pending)},
		{Name: "waiting joins", Value: k.joining},
		{Name: "offsets", Value: k.offsetCount()},
		{Name: "writes on their way", Value: len(k.writes)},
	}})
}
