package group

import (
	"maps"
	"math/bits"
	"slices"

	"troupe/actors/kit"
	"troupe/actors/partition"
	"troupe/actors/writer"
	"troupe/kafka/code"
	"troupe/storage"
)

// A shard's limits.
const (
	maxGroups      = 100_000  // groups of one shard; beyond, new ones are told to try again
	maxHeld        = 1_000    // messages that wait until a group's actor has ended; beyond, they are refused
	maxQueued      = 20_000   // writes that wait for the one on its way
	maxQueuedBytes = 32 << 20 // likewise
)

// Options of a Shard.
type Options struct {
	Index  int32 // partition of Topic
	Data   storage.Data
	Writer *kit.Ref
	// Topic finds a topic in the published view.
	Topic topicFinder
	Lease *partition.Lease // nil: held for ever
	Stats *Stats           // nil: its own
}

// role is where a shard is in its life; see doc.go.
type role uint8

const (
	following role = iota // another broker leads, or nothing is known yet, or what was led before is being given up
	loading               // the log is being read
	leading
	retired
)

var roleNames = [...]string{"follower", "loading", "leader", "retired"}

// Shard coordinates the groups of one partition of Topic while this broker leads it. It owns which groups there are, what is known of
// those that have nothing to do, and the order of their writes; a group that has something to do belongs to its own actor.
type Shard struct {
	o     Options
	facts Become
	role  role
	lost  bool  // the partition says that it does not lead; the node will say more
	news  int   // how often the node has said something
	owed  int64 // end of a write that may still arrive in this epoch: a load waits for it

	clock   clock
	follow  *follow // while another broker leads
	load    *load
	loads   uint64 // reads of the log so far: the slot of each
	term    *term
	leaving int     // group actors that have been told to stop
	flying  *flight // the write on its way
	retire  *Retire
	stats   shardStats
}

// term is what a shard knows while it leads.
type term struct {
	groups      map[string]*slot
	queue       []*write
	queuedBytes int
	stats       *Stats
}

// shows takes down what a group shows of itself now.
func (t *term) shows(x *slot, l listing) {
	t.stats.show(x.listing, -1)
	t.stats.show(l, 1)
	x.listing = l
}

// full says whether an ask finds no room for what it brings: a new member, what an old one says now, an assignment.
func (t *term) full(m ask) bool {
	switch m := m.(type) {
	case *Join:
		return t.stats.full(m.Req.MemberID == "")
	case *Sync:
		return len(m.Req.GroupAssignment) > 0 && t.stats.full(false)
	}
	return false
}

// slot is one group: either its core is here, or its actor has it.
type slot struct {
	listing
	core     *core
	ref      *kit.Ref
	sent     uint64 // messages to the actor
	stopping bool   // the actor has given the core back and is about to end
	held     []any  // meanwhile
}

// listing is what ListGroups shows, and what the members take.
type listing struct {
	state        state
	protocolType string
	nothing      bool // there is nothing left of it: it is not shown
	bytes        int  // about what members say, are called, and are assigned
}

func (c *core) listing() listing {
	return listing{c.state, c.protocolType, c.worthless(), inSteps(c.bytes + c.given)}
}

// inSteps rounds up by an eighth at most: the shard does not hear of every byte, and many small groups count like a few large ones.
func inSteps(n int) int {
	step := 1 << max(bits.Len(uint(n))-4, 0)
	return (n + step - 1) / step * step
}

type shardStats struct {
	batches, records, bytes int64
	lastLoad                string
}

// NewShard makes the actor of a local replica of a partition of Topic. It does nothing until Become.
func NewShard(o Options) *Shard {
	if o.Stats == nil {
		o.Stats = &Stats{}
	}
	return &Shard{o: o}
}

// enter changes the role.
func (s *Shard) enter(r role) {
	s.o.Stats.roles[s.role].Add(-1)
	s.o.Stats.roles[r].Add(1)
	s.role = r
}

// Receive implements kit.Actor.
func (s *Shard) Receive(c kit.Context, m any) {
	switch m := m.(type) {
	case kit.Started:
		s.clock.base = c.Now()
	case Become:
		s.onBecome(c, m)
	case partition.Located:
		s.onLocated(c, m)
	case partition.Readable:
		s.onReadable(c, m)
	case partition.Grown:
		s.onGrown(c, m)
	case again:
		s.onAgain(c, m)
	case resume:
		s.onResume(c, m)
	case chunk:
		s.onChunk(c, m)
	case *List:
		s.onList(m)
	case ask:
		s.onAsk(c, m)
	case *write:
		s.onWrite(c, m)
	case writer.Done:
		s.onDone(c, m)
	case moved:
		s.onMoved(m)
	case rested:
		s.onRested(c, m)
	case stopped:
		s.onStopped(c, m)
	case TopicsDeleted:
		s.onTopicsDeleted(c, m)
	case sweep:
		s.onSweep(c, m)
	case *Retire:
		s.onRetire(c, m)
	case *kit.Inspect:
		s.onInspect(m)
	case kit.Stopping:
		s.onStopping(c)
	default:
		kit.Invariant(false, "BUG: group shard got %T", m)
	}
}

// onBecome begins to coordinate, goes on with other settings, or gives up.
func (s *Shard) onBecome(c kit.Context, m Become) {
	if m.LeaderEpoch < s.facts.LeaderEpoch || s.role == retired {
		return
	}
	old := s.facts
	if m.Partition != old.Partition || m.TopicID != old.TopicID {
		s.stopFollowing() // it was another log
	}
	s.facts, s.lost = m, false
	s.news++
	anew := m.LeaderEpoch != old.LeaderEpoch || m.Partition != old.Partition
	if anew {
		s.owed = 0 // a new leader's log ends behind what is on its way
	}
	switch {
	case anew, !m.Leader:
		s.unload(c)
	case s.term != nil && m.Config != old.Config:
		for _, id := range s.term.ids() {
			if x := s.term.groups[id]; x.ref != nil && !x.stopping {
				s.tell(x, reconfigured{m.Config})
			}
		}
	}
	s.settle(c)
}

// unload gives up everything that is known. Group actors answer who waits on them; what is on its way to the disk may arrive.
func (s *Shard) unload(c kit.Context) {
	s.load = nil
	if s.role != retired {
		s.enter(following)
	}
	t := s.term
	if s.term = nil; t == nil {
		return
	}
	refuseWrites(t.queue)
	for _, id := range t.ids() {
		x := t.groups[id]
		t.stats.show(x.listing, -1)
		refuseAll(x.held, code.NotCoordinator)
		if x.ref == nil {
			continue
		}
		s.leaving++
		if !x.stopping {
			c.Stop(x.ref, c.Self(), stopped{id, x.ref})
		}
	}
}

// settle goes on when all that was given up has come back: a later read of the log finds everything in it, and names are free.
func (s *Shard) settle(c kit.Context) {
	if s.leaving > 0 || s.flying != nil {
		return
	}
	switch {
	case s.retire != nil:
		m := s.retire
		s.retire = nil
		m.Reply(Retired{m})
	case s.role == following && s.facts.Leader && !s.lost:
		s.startLoad(c)
	case s.role == following && !s.facts.Leader:
		s.startFollowing(c)
	}
}

func (s *Shard) onRetire(c kit.Context, m *Retire) {
	if s.retire != nil {
		m.Refuse()
		return
	}
	s.retire = m
	s.enter(retired)
	s.stopFollowing()
	s.unload(c)
	s.settle(c)
}

// onStopping answers everybody. The memory of a write on its way is not given back then: who stops a shard retires it first.
func (s *Shard) onStopping(c kit.Context) {
	s.enter(retired)
	s.stopFollowing()
	if s.flying != nil {
		refuseWrites(s.flying.writes)
		s.flying = nil
	}
	s.unload(c)
	if s.retire != nil {
		s.retire.Refuse()
		s.retire = nil
	}
}

// onTopicsDeleted passes the news on to the groups that have offsets of these topics, or may have.
func (s *Shard) onTopicsDeleted(c kit.Context, m TopicsDeleted) {
	if s.term == nil {
		return // a load looks at the view itself
	}
	for _, id := range s.term.ids() {
		x := s.term.groups[id]
		if x.ref != nil || slices.ContainsFunc(m.Topics, func(t TopicRef) bool { return x.core.offsets[t.Name] != nil }) {
			s.pass(c, id, x, m)
		}
	}
}

// onSweep cleans up.
func (s *Shard) onSweep(c kit.Context, m sweep) {
	if m.term != s.term {
		return
	}
	now := s.clock.at(c.Now())
	for _, id := range s.term.ids() {
		x := s.term.groups[id]
		if x.ref == nil && !s.worthCleaning(x.core, now) {
			continue
		}
		s.pass(c, id, x, cleanUp{})
	}
	s.armSweep(c)
}

func (s *Shard) worthCleaning(core *core, now moment) bool {
	core.cfg = s.facts.Config
	gone, all := core.expired(now)
	return all || len(gone) > 0 || len(core.strangers(s.o.Topic)) > 0
}

func (t *term) ids() []string { return slices.Sorted(maps.Keys(t.groups)) }

func (s *Shard) onInspect(m *kit.Inspect) {
	f := []kit.Field{
		{Name: "partition", Value: s.o.Index},
		{Name: "leader epoch", Value: s.facts.LeaderEpoch},
		{Name: "stopping groups", Value: s.leaving},
		{Name: "write on its way", Value: s.flying != nil},
		{Name: "batches", Value: s.stats.batches},
		{Name: "records", Value: s.stats.records},
		{Name: "bytes", Value: s.stats.bytes},
		{Name: "last load", Value: s.stats.lastLoad},
	}
	if s.follow != nil {
		f = append(f, kit.Field{Name: "read along to", Value: s.follow.next}, kit.Field{Name: "groups", Value: len(s.follow.groups)})
	}
	if t := s.term; t != nil {
		active := 0
		for _, x := range t.groups {
			if x.ref != nil {
				active++
			}
		}
		f = append(f, kit.Field{Name: "groups", Value: len(t.groups)}, kit.Field{Name: "active groups", Value: active},
			kit.Field{Name: "queued writes", Value: len(t.queue)}, kit.Field{Name: "queued bytes", Value: t.queuedBytes})
	}
	m.Reply(kit.Inspected{Inspect: m, State: roleNames[s.role], Fields: f})
}
