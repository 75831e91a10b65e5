package group

import (
	"testing"
	"time"

	"troupe/actors/kit"
	kitsim "troupe/actors/kit/sim"
	"troupe/actors/partition"
	"troupe/kafka/code"
	"troupe/storage"
)

// laggard stands for the replica of a broker that follows: it knows of a high watermark that is somewhere behind the leader's, and finds now and
// then that its log was cut and written anew. What is asked of a leader it passes on.
type laggard struct {
	real    *kit.Ref
	high    int64
	asks    map[uint64]*partition.Read
	watches []*partition.Watch
	slots   uint64
	cuts    int
}

// nudge lets who waits look again.
type nudge struct{}

func (r *laggard) Receive(c kit.Context, m any) {
	switch m := m.(type) {
	case kit.Started:
		c.After(c.Self(), 50*time.Millisecond, nudge{})
	case *partition.Read:
		if !m.Replica {
			r.real.Tell(m)
			return
		}
		r.slots++
		r.asks[r.slots] = m
		r.real.Tell(&partition.Read{Ask: kit.Ask{ReplyTo: c.Self(), Slot: r.slots}, Offset: m.Offset, LeaderEpoch: -1, LastEpoch: m.LastEpoch})
	case partition.Readable:
		a := r.asks[m.Slot]
		delete(r.asks, m.Slot)
		if m.Code == code.OK && a.LastEpoch >= 0 && c.Rand()%50 == 0 {
			r.cuts++
			m.Diverging = &partition.EpochEnd{}
		}
		if c.Rand()%2 == 0 { // a high watermark lies between two batches
			r.high = m.High
		}
		m.Read, m.High, m.Limit = a, r.high, r.high
		a.Reply(m)
	case *partition.Locate:
		if m.Replica {
			m.Reply(partition.Located{Locate: m})
			return
		}
		r.real.Tell(m)
	case *partition.Watch:
		r.watches = append(r.watches, m)
	case partition.Unwatch:
		r.answer(func(w *partition.Watch) bool { return w == m.Watch })
	case nudge:
		r.answer(func(*partition.Watch) bool { return true })
		c.After(c.Self(), 50*time.Millisecond, nudge{})
	case partition.Append:
		r.real.Tell(m)
	case kit.Stopping:
		r.answer(func(*partition.Watch) bool { return true })
	}
}

func (r *laggard) answer(which func(*partition.Watch) bool) {
	var left []*partition.Watch
	for _, w := range r.watches {
		if which(w) {
			w.Reply(partition.Grown{Watch: w})
			continue
		}
		left = append(left, w)
	}
	r.watches = left
}

// side is one of two brokers that take turns.
type side struct {
	replica     *laggard
	part, shard *kit.Ref
}

// TestSimulationOfFailover has two brokers take turns in coordinating, under the same consumers and with the same demands as TestSimulation.
func TestSimulationOfFailover(t *testing.T) {
	turns, cuts, commits := 0, 0, 0
	sum := kitsim.Seeds(t, 20, func(t *testing.T, s *kitsim.Sim) {
		w := emptyWorld(s)
		w.pair = true
		w.node = s.Node("n1", w.boot)
		live := storage.SlabsLive()
		if err := w.run(900, s.Seed%2 == 0); err != nil {
			t.Fatal(err)
		}
		cuts += w.both[0].replica.cuts + w.both[1].replica.cuts
		turns, commits = turns+w.turns, commits+w.stats.commits
		if s.Seed%2 != 0 {
			w.end(t, live)
		}
	})
	t.Logf("%d turns, %d cuts, %d commits, %d messages, %d crashes", turns, cuts, commits, sum.Messages, sum.Crashes)
	if turns < 20 || cuts < 20 {
		t.Error("too little happened")
	}
}

// bootPair spawns two coordinators before one partition, as if each were on a broker of its own.
func (w *world) bootPair(l *kitsim.Life, wr *kit.Ref) {
	for i := range w.both {
		r := &laggard{real: w.part, asks: map[uint64]*partition.Read{}}
		w.both[i].replica = r
		w.both[i].part = l.Spawn("replica/"+string(rune('a'+i)), r, kit.Options{})
		w.both[i].shard = l.Spawn("group/side-"+string(rune('a'+i)), NewShard(Options{Index: int32(i), Data: w.data, Writer: wr, Topic: w.topic}), kit.Options{})
	}
	w.shard = w.both[w.turn].shard
}

// tellBoth tells every coordinator that there is.
func (w *world) tellBoth(m any) {
	if !w.pair {
		w.shard.Tell(m)
		return
	}
	for i := range w.both {
		w.both[i].shard.Tell(m)
	}
}

// becomePair tells both which of them leads.
func (w *world) becomePair() {
	for i := range w.both {
		w.both[i].shard.Tell(Become{Partition: w.both[i].part, PartID: simPartID, Leader: i == w.turn, LeaderEpoch: w.epoch, Config: w.cfg})
	}
	w.shard = w.both[w.turn].shard
}
