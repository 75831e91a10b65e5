package group

import (
	"fmt"
	"maps"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"troupe/actors/kit"
	kitsim "troupe/actors/kit/sim"
	"troupe/actors/meta"
	"troupe/actors/partition"
	"troupe/actors/writer"
	"troupe/kafka/code"
	"troupe/storage"
	"troupe/storage/sim"
)

// world is one broker's coordinator of one partition, on a real partition and writer, under consumers that come, go, stall and repeat
// themselves. What they see is checked against each other.
type world struct {
	counted *Stats // by the shard; nil: its own
	s       *kitsim.Sim
	node    *kitsim.Node
	data    *sim.Data
	tail    *storage.Tail
	gate    *writer.Gate
	cfg     Config
	// lease is the broker's; nil: held for ever.
	lease *partition.Lease

	writer      *kit.Ref
	part, shard *kit.Ref
	epoch       int32
	down        bool          // this broker does not lead
	crashes     bool          // it may lose power
	changed     time.Duration // when it last did, or the lead went or came
	pair        bool          // two brokers take turns: see failover_test.go
	both        [2]side
	turn, turns int
	topics      map[string]meta.TopicID
	clients     []*consumer
	made        int
	broken      string

	// What was seen, and must stay true.
	generations map[int32]*generation
	synced      int32           // the greatest generation whose assignment was given out
	acked       map[int32]int64 // by partition: the greatest offset that was acknowledged, or read
	sent        int64           // the last offset that was committed; they only grow
	born        int64           // the last one that was sent before the topic was made anew
	births      int
	flying      map[int64]bool // offsets without an answer
	early       map[int64]bool // those of them when the topic was made anew: they may count for either
	stats       struct{ joins, syncs, commits, refused, reads, rebalances int }
}

// generation is what is known of one generation of the group.
type generation struct {
	members map[string]bool  // as the leader was told; by instance id if there is one
	joined  map[string]bool  // who was told that it is in it
	owners  map[int32]string // by partition
}

const (
	simGroup  = "g"
	simTopic  = "t"
	simParts  = 6
	simPartID = 9
)

func plainConfig() Config {
	return Config{MinSessionMs: 6000, MaxSessionMs: 1_800_000, MaxSize: 1 << 30, InitialDelayMs: 3000, MaxMetadata: 4096,
		RetentionMs: 7 * 24 * 3_600_000, CheckMs: 600_000, CommitTimeoutMs: 5000, MaxBatch: 1 << 20}
}

func newWorld(s *kitsim.Sim, noSync bool) *world {
	w := emptyWorld(s)
	w.data.NoSync = noSync
	w.node = s.Node("n1", w.boot)
	return w
}

// emptyWorld is one that nobody has booted.
func emptyWorld(s *kitsim.Sim) *world {
	return &world{s: s, data: sim.NewData(), gate: &writer.Gate{}, cfg: plainConfig(), epoch: 1, generations: map[int32]*generation{}, acked: map[int32]int64{}, flying: map[int64]bool{},
		topics: map[string]meta.TopicID{simTopic: {7}}}
}

func (w *world) boot(l *kitsim.Life) {
	w.tail = storage.NewTail(1 << 20)
	wr := l.Spawn("writer", writer.New(writer.Options{Data: w.data}), kit.Options{})
	w.writer = wr
	w.part = l.Spawn("partition/p", partition.New(partition.Options{PartID: simPartID, Data: w.data, Tail: w.tail, Writer: wr, Gate: w.gate, Lease: w.lease}), kit.Options{})
	if w.pair {
		w.bootPair(l, wr)
		w.become()
		return
	}
	w.shard = l.Spawn(ShardName(0), NewShard(Options{Data: w.data, Writer: wr, Topic: w.topic, Lease: w.lease, Stats: w.counted}), kit.Options{})
	w.become()
}

// topic finds a topic in the view.
func (w *world) topic(name string) (meta.TopicID, bool) {
	id, ok := w.topics[name]
	return id, ok
}

func (w *world) become() {
	leader := int32(1)
	if w.down {
		leader = 2
	}
	w.part.Tell(partition.Become{Topic: Topic, Self: 1, Config: partition.Config{MaxMessageBytes: 1 << 20, SegmentBytes: 100 << 20, SegmentMs: 1 << 40,
		RetentionMs: -1, RetentionBytes: -1, BeforeMaxMs: 1 << 60, AfterMaxMs: 1 << 60, Compact: true, MinISR: 1, Internal: true, ProducerExpiryMs: 86_400_000},
		Partition: meta.Partition{ID: simPartID, Replicas: []int32{1}, ISR: []int32{1}, Leader: leader, LeaderEpoch: w.epoch, PartitionEpoch: w.epoch}})
	if w.pair {
		w.becomePair()
		return
	}
	w.shard.Tell(Become{Partition: w.part, PartID: simPartID, Leader: !w.down && w.lease.Held(), LeaderEpoch: w.epoch, Config: w.cfg})
}

// crash loses power: what was not durable may be gone.
func (w *world) crash() {
	w.changed = w.s.Now()
	w.node.Crash()
	w.data = w.data.Crash(w.s)
	w.node.Restart()
	for _, c := range w.clients {
		c.disconnected()
	}
	for i := range 10 {
		w.s.At(time.Duration(i)*50*time.Millisecond, w.explain)
	}
}

// depose makes another broker the leader; restore makes it this one again.
func (w *world) depose(away bool) {
	w.changed = w.s.Now()
	w.epoch++
	if w.down = away && !w.pair; w.pair {
		w.turn, w.turns = 1-w.turn, w.turns+1
	}
	w.become()
}

func (w *world) fail(format string, args ...any) {
	if w.broken == "" {
		w.broken = fmt.Sprintf(format, args...)
	}
}

func (w *world) gen(g int32) *generation {
	if w.generations[g] == nil {
		w.generations[g] = &generation{members: map[string]bool{}, joined: map[string]bool{}, owners: map[int32]string{}}
	}
	return w.generations[g]
}

// noteJoined checks that a generation has one leader and one set of members.
func (w *world) noteJoined(c *consumer, r *kmsg.JoinGroupResponse) {
	g := w.gen(r.Generation)
	w.stats.joins++
	g.joined[c.key(r.MemberID)] = true
	if len(r.Members) == 0 {
		return
	}
	list := map[string]bool{}
	for _, m := range r.Members {
		key := m.MemberID
		if m.InstanceID != nil {
			key = *m.InstanceID
		}
		list[key] = true
	}
	if len(g.members) == 0 {
		w.stats.rebalances++
		g.members = list
	}
	if fmt.Sprint(g.members) != fmt.Sprint(list) {
		w.fail("generation %d had the members %v and has %v", r.Generation, g.members, list)
	}
	for k := range g.joined {
		if !list[k] {
			w.fail("generation %d: %s was told that it is in it, the leader that it is not", r.Generation, k)
		}
	}
}

// noteSynced checks that no partition has two owners in one generation.
func (w *world) noteSynced(c *consumer, g int32, parts []int32) {
	w.stats.syncs++
	w.synced = max(w.synced, g)
	for _, p := range parts {
		if owner := w.gen(g).owners[p]; owner != "" && owner != c.key(c.id) {
			w.fail("generation %d: partition %d was given to %s and to %s", g, p, owner, c.key(c.id))
		}
		w.gen(g).owners[p] = c.key(c.id)
	}
}

// read asks for an offset. It must not be less than what was acknowledged or read before.
func (w *world) read(p int32) {
	least, known := w.acked[p]
	if !known {
		least = -1
	}
	births := w.births
	probe := w.s.Probe("reader")
	probe.On = func(m any) {
		r := m.(FetchedOffsets).Resp
		if r.ErrorCode != 0 || births != w.births {
			return
		}
		w.stats.reads++
		at := r.Topics[0].Partitions[0].Offset
		if at < least {
			w.fail("partition %d: offset %d was committed, and %d is read", p, least, at)
		}
		if at > w.sent {
			w.fail("partition %d: offset %d is read, which nobody committed", p, at)
		}
		if at >= 0 && at <= w.born && !w.early[at] {
			w.fail("partition %d: offset %d of an earlier topic is read", p, at)
		}
		if at > w.born {
			w.acked[p] = max(w.acked[p], at)
		}
	}
	t := kmsg.NewOffsetFetchRequestGroupTopic()
	t.Topic, t.Partitions = simTopic, []int32{p}
	w.shard.Tell(&FetchOffsets{Ask: kit.Ask{ReplyTo: probe.Ref()}, Req: &kmsg.OffsetFetchRequestGroup{Group: simGroup, Topics: []kmsg.OffsetFetchRequestGroupTopic{t}}})
}

// recreate deletes the topic and makes it anew, now and then on a disk that takes no more records for a while.
func (w *world) recreate() {
	full := w.s.IntN(2) == 0
	w.gate.Set(full, full)
	old := w.topics[simTopic]
	w.births++
	w.topics[simTopic] = meta.TopicID{byte(7 + w.births)}
	w.born, w.acked, w.early = w.sent, map[int32]int64{}, maps.Clone(w.flying)
	w.tellBoth(TopicsDeleted{[]TopicRef{{simTopic, old}}})
}

// explain asks what the group says of itself. Its generation is never less than one that members have work of.
func (w *world) explain() {
	least := w.synced
	probe := w.s.Probe("curious")
	probe.On = func(m any) {
		x := m.(Explained)
		if x.Code == code.OK && x.Explanation.Generation < least {
			w.fail("the group is at generation %d, and members were assigned in %d", x.Explanation.Generation, least)
		}
		if x.Code == code.OK && least > 0 && x.Explanation.Generation == least && x.Explanation.State == completing.String() {
			w.fail("members were assigned in generation %d, and the group waits for their assignment", least)
		}
		if x.Code == code.GroupIdNotFound && least > 0 {
			w.fail("the group is not known, and members were assigned in %d", least)
		}
	}
	w.shard.Tell(&Explain{Ask: kit.Ask{ReplyTo: probe.Ref()}, Group: simGroup})
}

const tick = 100 * time.Millisecond
