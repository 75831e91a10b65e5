package group

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"

	"troupe/kafka/code"
)

// state is where a group is between two generations (Kafka's ClassicGroupState); doc.go draws the arrows.
type state uint8

const (
	empty      state = iota // no members; there may be offsets
	preparing               // members join the next generation
	completing              // the generation is known, its assignment is not
	stable                  // every member may ask for its assignment
	dead                    // its deletion is on the way to the disk, or was made
)

var stateNames = [...]string{"Empty", "PreparingRebalance", "CompletingRebalance", "Stable", "Dead"}

func (s state) String() string { return stateNames[s] }

// consumerType is the protocol type of consumers: the only one whose metadata the coordinator reads.
const consumerType = "consumer"

// moment is one point in time, in ms: on a clock that never jumps, by which deadlines go, and on the wall, which is what people and
// the log are told. mono begins with the shard, and is never 0.
type moment struct{ mono, wall int64 }

// core is one group, without a clock, a disk or an actor: what happens is told to it with the time, what it wants done is in out.
//
// Deadlines are in ms of moment.mono; one of 0 is none.
type core struct {
	id  string
	cfg Config

	state    state
	previous state
	since    int64 // when the state began, on the wall; -1: an old record does not say
	stateAt  int64 // the same, on the clock that never jumps; 0: before the group was read
	saved    bool  // the log has a record of the group, or one is on its way

	protocolType string // "": none
	protocol     *string
	generation   int32
	leader       string // member id; "": none

	members  map[string]*member
	list     []*member         // the same, in the order of joining
	joined   uint64            // members so far
	static   map[string]string // instance id to member id
	pending  map[string]int64  // member ids given out that have not come back (KIP-394), and until when they may
	bytes    int               // what members say and are called, and ids given out, take: see size
	given    int               // what their assignments take
	supports map[string]int    // by protocol: how many members know it
	joining  int               // members whose Join waits
	unsynced int               // members that have not asked for the assignment of this generation

	subscribed map[string]bool // topics of the members; nil: not known
	newcomers  bool            // somebody came since the initial delay was last extended

	joinAt   int64 // when the join phase ends
	initial  bool  // it is the first one of an empty group, which only ends by time
	joinStep int64 // length of the delay that ends at joinAt
	joinLeft int64 // how much longer the delay may become
	syncAt   int64 // when members that have not asked for the assignment are removed

	offsets map[string]*topicOffsets
	writes  []*entry // on their way to the disk, oldest first
	wake    int64    // at which time tick has something to do, at the latest; 0: never
	history []Rebalance
	beganAt int64 // when the last of them began
	tally   tally
	out     outbox
}

// outbox is what a core wants done. Whoever called the core takes it at once.
type outbox struct {
	writes  []*entry
	answers []answer
}

// answer is an answer that carries its ask.
type answer interface{ send() }

// member is one member of a group.
type member struct {
	id         string
	number     uint64  // in the order of joining
	instance   *string // static (KIP-345)
	client     Client
	session    int64 // ms
	rebalance  int64 // ms
	protocols  []protocol
	assignment []byte
	fresh      bool  // has not been in a generation yet: it can expire while its Join waits
	join       *Join // waits for the next generation
	sync       *Sync // waits for the assignment
	unsynced   bool  // has not asked for the assignment of this generation
	deadline   int64 // when its session ends; 0: does not while it waits
	heard      int64 // last sign of life
}

type protocol struct {
	name     string
	metadata []byte
}

// A group's limits, beside group.max.size.
const (
	maxPending  = 10_000 // member ids given out and not back; beyond, clients are told to try again
	maxHistory  = 16     // rebalances remembered
	maxMembers  = 100_000
	maxInFlight = 10_000 // writes of one group on their way; beyond, commits are told to try again

	// newMemberTimeout is how long the Join of a new member may wait: its session has not begun, and its client may be gone
	// (Kafka's classicGroupNewMemberJoinTimeoutMs).
	newMemberTimeout = 5 * 60 * 1000

	// tooManyBatches is how many times the largest batch of Topic the metadata of all members may take, by all protocols. A generation is one
	// record and holds that of the chosen protocol, so a group beyond this could not become stable.
	tooManyBatches = 4
)

func newCore(id string, cfg Config, now moment) *core {
	return &core{id: id, cfg: cfg, since: now.wall, stateAt: now.mono, previous: dead, members: map[string]*member{}, static: map[string]string{},
		pending: map[string]int64{}, supports: map[string]int{}, offsets: map[string]*topicOffsets{}}
}

// alarm makes sure that tick is called at that time.
func (c *core) alarm(at int64) {
	if at > 0 && (c.wake == 0 || at < c.wake) {
		c.wake = at
	}
}

func (c *core) become(s state, now moment) {
	c.previous, c.state, c.since, c.stateAt = c.state, s, now.wall, now.mono
}

// touch begins a member's session anew.
func (c *core) touch(m *member, now moment) {
	m.heard = now.mono
	c.expireAt(m, now.mono+m.session)
}

func (c *core) expireAt(m *member, at int64) {
	m.deadline = at
	c.alarm(at + late(len(c.list)))
}

// late is by how many ms what is one of many may expire too late: all of them are looked at each time. Ten thousand whose clients have died within
// ten seconds would be looked at every millisecond otherwise; so the work per second is that of a small group, for which late is 0.
func late(many int) int64 { return int64(many / 100) }

// memberOf finds the member that a request names, and whether it may speak for it.
func (c *core) memberOf(id string, instance *string) (*member, code.Code) {
	if instance != nil {
		switch now, ok := c.static[*instance]; {
		case !ok:
			return nil, code.UnknownMemberId
		case now != id:
			return nil, code.FencedInstanceId
		}
	}
	if m := c.members[id]; m != nil {
		return m, code.OK
	}
	return nil, code.UnknownMemberId
}

func (c *core) add(m *member) {
	c.joined++
	m.number = c.joined
	c.members[m.id] = m
	c.list = append(c.list, m)
	if m.instance != nil {
		c.static[*m.instance] = m.id
	}
	c.count(m, 1)
	c.given += len(m.assignment)
	if c.leader == "" {
		c.leader = m.id
	}
	if m.join != nil {
		c.joining++
	}
	c.returned(m.id)
}

// giveOut notes an id that was given out and has to come back by some time.
func (c *core) giveOut(id string, until int64) {
	c.pending[id] = until
	c.bytes += len(id)
	c.alarm(until + late(len(c.pending)))
}

// returned says that an id has come back, or will not.
func (c *core) returned(id string) {
	if _, ok := c.pending[id]; ok {
		delete(c.pending, id)
		c.bytes -= len(id)
	}
}

// count adds a member's votes and its size, or takes them away.
func (c *core) count(m *member, by int) {
	c.bytes += by * m.size()
	seen := make(map[string]bool, len(m.protocols)) // a member may name ten thousand, and name them twice
	for _, p := range m.protocols {
		if seen[p.name] {
			continue
		}
		seen[p.name] = true
		if c.supports[p.name] += by; c.supports[p.name] == 0 {
			delete(c.supports, p.name)
		}
	}
}

// remove takes a member out and answers what it waits for: its client shall join again if it still lives.
func (c *core) remove(m *member) {
	c.answerJoin(m, joinFailure(m.join, "", code.UnknownMemberId))
	c.answerSync(m, code.UnknownMemberId)
	c.forget(m)
	if i, ok := slices.BinarySearchFunc(c.list, m.number, func(x *member, n uint64) int { return cmp.Compare(x.number, n) }); ok {
		c.list = slices.Delete(c.list, i, i+1)
	}
	c.elect()
}

// removeAll is remove for many, in one pass.
func (c *core) removeAll(which func(*member) bool) (gone []*member) {
	kept := c.list[:0]
	for _, m := range c.list {
		if !which(m) {
			kept = append(kept, m)
			continue
		}
		c.answerJoin(m, joinFailure(m.join, "", code.UnknownMemberId))
		c.answerSync(m, code.UnknownMemberId)
		c.forget(m)
		gone = append(gone, m)
	}
	clear(c.list[len(kept):])
	c.list = kept
	c.elect()
	return gone
}

func (c *core) forget(m *member) {
	delete(c.members, m.id)
	if m.instance != nil && c.static[*m.instance] == m.id {
		delete(c.static, *m.instance)
	}
	c.count(m, -1)
	c.given -= len(m.assignment)
	if m.unsynced {
		m.unsynced = false
		c.unsynced--
	}
}

// elect makes the longest-standing member the leader, if the leader has gone.
func (c *core) elect() {
	if c.members[c.leader] != nil {
		return
	}
	c.leader = ""
	if len(c.list) > 0 {
		c.leader = c.list[0].id
	}
}

// answerJoin ends a waiting Join.
func (c *core) answerJoin(m *member, resp *kmsg.JoinGroupResponse) {
	if m.join == nil {
		return
	}
	c.answer(Joined{m.join, resp})
	m.join = nil
	c.joining--
}

// await makes a member wait for the next generation. An earlier Join of the same member that still waits is answered: its client
// has asked again.
func (c *core) await(m *member, j *Join) {
	c.answerJoin(m, joinFailure(m.join, m.id, code.RebalanceInProgress))
	j.waits()
	m.join = j
	c.joining++
}

// answerSync ends a waiting Sync, with the assignment if there is no error.
func (c *core) answerSync(m *member, bad code.Code) {
	if m.sync == nil {
		return
	}
	c.answer(Synced{m.sync, c.syncAnswer(m.sync.Req, m, bad)})
	m.sync = nil
}

func (c *core) syncAnswer(req *kmsg.SyncGroupRequest, m *member, bad code.Code) *kmsg.SyncGroupResponse {
	resp := kmsg.NewPtrSyncGroupResponse()
	resp.SetVersion(req.Version)
	if resp.ErrorCode = int16(bad); bad == code.OK {
		resp.MemberAssignment = m.assignment
		resp.ProtocolType, resp.Protocol = c.typeOrNil(), c.protocol
	}
	if resp.MemberAssignment == nil {
		resp.MemberAssignment = []byte{}
	}
	return resp
}

func (c *core) typeOrNil() *string {
	if c.protocolType == "" {
		return nil
	}
	return kmsg.StringPtr(c.protocolType)
}

// allJoined says whether nobody is missing in the join phase.
func (c *core) allJoined() bool { return c.joining == len(c.members) && len(c.pending) == 0 }

// rebalanceTimeout is the longest that any member may take to rejoin, in ms.
func (c *core) rebalanceTimeout() (most int64) {
	for _, m := range c.list {
		most = max(most, m.rebalance)
	}
	return most
}

// metadata is what a member says under the chosen protocol.
func (m *member) metadata(name *string) []byte {
	if name != nil {
		for _, p := range m.protocols {
			if p.name == *name {
				return p.metadata
			}
		}
	}
	return []byte{}
}

// sizeOf is what protocols take, names and metadata.
func sizeOf(list []protocol) (n int) {
	for i := range list {
		n += len(list[i].name) + len(list[i].metadata)
	}
	return n
}

// size is what a member's words and names take: clients choose both.
func (m *member) size() int { return sizeOf(m.protocols) + len(m.id) + called(m.instance, m.client) }

func called(instance *string, by Client) int { return len(deref(instance)) + len(by.ID) + len(by.Host) }

func (m *member) isStatic() bool { return m.instance != nil }

// idle says whether the group has nothing to do: no members, nobody expected, nothing on its way.
func (c *core) idle() bool {
	return len(c.members) == 0 && len(c.pending) == 0 && len(c.writes) == 0 && (c.state == empty || c.state == dead)
}

// worthless says whether nothing is lost when the group is forgotten.
func (c *core) worthless() bool { return c.idle() && !c.saved && len(c.offsets) == 0 }

// tick does what is due at that time.
func (c *core) tick(now moment) {
	if c.wake == 0 || now.mono < c.wake {
		return
	}
	c.wake = 0
	c.endJoinPhase(now)
	c.endSyncPhase(now)
	c.expirePending(now)
	c.expireMembers(now)
	c.expireWrites(now)
	c.alarm(c.joinAt)
	c.alarm(c.syncAt)
}

func (c *core) expirePending(now moment) {
	var gone []string
	for id, at := range c.pending {
		if at <= now.mono {
			gone = append(gone, id)
		}
	}
	slices.Sort(gone)
	for _, id := range gone {
		c.returned(id)
	}
	if len(gone) > 0 {
		c.completeIfAll(now)
	}
	for _, at := range c.pending {
		c.alarm(at + late(len(c.pending)))
	}
}

// expireMembers removes members whose sessions have ended. Members that wait for an answer live: their clients may not send
// heartbeats meanwhile. Those that are new can only be known to be gone by time.
func (c *core) expireMembers(now moment) {
	due := 0
	for _, m := range c.list {
		switch {
		case m.deadline == 0:
		case m.deadline > now.mono:
			c.alarm(m.deadline + late(len(c.list)))
		case !m.fresh && (m.join != nil || m.sync != nil):
			m.deadline = 0 // begins anew with the answer
		default:
			due++
		}
	}
	if due == 0 {
		return
	}
	gone := c.removeAll(func(m *member) bool { return m.deadline != 0 && m.deadline <= now.mono })
	why := cause{kind: silent, text: "member " + gone[0].id + " was not heard of for its session timeout", member: gone[0].id, client: gone[0].client}
	if len(gone) > 1 {
		why.text = fmt.Sprintf("%d members were not heard of for their session timeouts, first %s", len(gone), gone[0].id)
	}
	switch {
	case c.state == stable || c.state == completing:
		c.prepareRebalance(why, now)
	default:
		c.completeIfAll(now)
	}
}

// cause is why a rebalance began.
type cause struct {
	kind   reason
	text   string
	member string
	client Client
}

func byMemberID(a, b *member) int { return cmp.Compare(a.id, b.id) }

// clampMs keeps sums of times within what they can be.
func clampMs(v int64) int64 { return max(0, min(v, math.MaxInt32)) }
