package group

import (
	"github.com/cockroachdb/datadriven"

	"troupe/actors/kit"
	"troupe/actors/meta"
	"troupe/actors/partition"
	"troupe/kafka/code"
)

// replica stands before the partition of a broker that follows: what its own shard asks it answers as a follower would, by a high watermark of
// its own, and when it leads it passes everything on to the real partition.
type replica struct {
	real    *kit.Ref
	high    int64
	bad     code.Code // answers all that is asked of a follower
	cut     int       // so many looks from now one finds that the log has been cut and written anew; 0: none does
	watches []*partition.Watch
}

// grow lets the replica know a higher watermark.
type grow struct{ high int64 }

func (r *replica) Receive(_ kit.Context, m any) {
	switch m := m.(type) {
	case *partition.Read:
		now := r.cut == 1
		if m.LastEpoch >= 0 && r.cut > 0 {
			r.cut--
		}
		switch {
		case now && m.LastEpoch >= 0:
			m.Reply(partition.Readable{Read: m, Diverging: &partition.EpochEnd{Epoch: 0, End: 0}})
		case !m.Replica:
			r.real.Tell(m)
		case r.bad != code.OK:
			m.Reply(partition.Readable{Read: m, Code: r.bad, Start: -1, High: -1, Stable: -1, Limit: -1})
		default:
			m.Reply(partition.Readable{Read: m, PartID: simPartID, High: r.high, Stable: r.high, Limit: r.high})
		}
	case *partition.Locate:
		switch {
		case !m.Replica:
			r.real.Tell(m)
		case r.bad != code.OK:
			m.Reply(partition.Located{Locate: m, Code: r.bad, Offset: -1})
		default:
			m.Reply(partition.Located{Locate: m})
		}
	case *partition.Watch:
		r.watches = append(r.watches, m)
		r.grown(false)
	case partition.Unwatch:
		for i, w := range r.watches {
			if w == m.Watch {
				r.watches = append(r.watches[:i], r.watches[i+1:]...)
				w.Reply(partition.Grown{Watch: w, Cancelled: true})
				return
			}
		}
	case grow:
		r.high = m.high
		r.grown(false)
	case partition.Append:
		r.real.Tell(m)
	case kit.Stopping:
		r.grown(true)
	}
}

func (r *replica) grown(all bool) {
	var left []*partition.Watch
	for _, w := range r.watches {
		if all || w.Offset < r.high {
			w.Reply(partition.Grown{Watch: w})
			continue
		}
		left = append(left, w)
	}
	r.watches = left
}

// other is the broker that follows.
type other struct {
	replica *replica
	part    *kit.Ref
	shard   *kit.Ref
}

// follower moves the broker that follows.
//
//	follower                          it is there, and reads along
//	follower high=N                   its high watermark
//	follower bad=CODE                 what it answers; 0: it can be read
//	follower cut=N                    its log is cut below what was read, and written anew: the Nth look from now finds it
//	follower news                     something about the partition has changed
//	follower gone                     the replica leaves it
//	follower leads epoch=N            the other broker has gone; what clients ask goes here from now on
func (s *story) follower(d *datadriven.TestData, a args, what string) {
	w := s.w
	if s.other == nil {
		o := &other{replica: &replica{real: w.part}}
		o.part = s.st.Sys.Spawn("partition/other", o.replica, kit.Options{})
		o.shard = s.st.Sys.Spawn("group/other", NewShard(Options{Data: w.data, Writer: w.writer, Topic: w.topic}), kit.Options{})
		s.other = o
		what = "news"
	}
	o := s.other
	switch {
	case d.HasArg("high"):
		o.part.Tell(grow{a.num("high", 0)})
	case d.HasArg("bad"):
		o.replica.bad = code.Code(a.num("bad", 0))
	case d.HasArg("cut"):
		o.replica.cut = int(a.num("cut", 1))
	case what == "news":
		o.shard.Tell(Become{Partition: o.part, PartID: simPartID, TopicID: meta.TopicID{}, LeaderEpoch: w.epoch, Config: w.cfg})
	case what == "gone":
		o.shard.Tell(&Retire{kit.Ask{ReplyTo: kit.NewRef("node", &ear{s, "node"})}})
	case what == "leads":
		w.epoch = int32(a.num("epoch", int64(w.epoch)+1))
		w.become() // the real partition leads for whoever leads
		w.shard.Tell(Become{Partition: w.part, PartID: simPartID, LeaderEpoch: w.epoch, Config: w.cfg})
		w.shard = o.shard
		w.shard.Tell(Become{Partition: o.part, PartID: simPartID, Leader: true, LeaderEpoch: w.epoch, Config: w.cfg})
	default:
		d.Fatalf(s.t, "a follower does not %s", what)
	}
}
