package sim

import (
	"strings"
	"testing"

	"troupe/actors/meta"
	"troupe/actors/partition"
	"troupe/kafka/code"
	"troupe/storage"
	"troupe/storage/record"
)

// A check that cannot fail proves nothing: each is shown what it must not let pass.
func TestCountedSeesItsViolation(t *testing.T) {
	p := &meta.Partition{Leader: 1, LeaderEpoch: 3, Replicas: []int32{1, 2, 3}, ISR: []int32{1, 2}}
	leads := func(isr, wanted []int32) partition.Standing {
		return partition.Standing{Serves: true, Epoch: 3, ISR: isr, Wanted: wanted}
	}
	for i, x := range []struct {
		s   partition.Standing
		elr []int32
		min int
		bad bool
	}{
		{leads([]int32{1, 2}, nil), nil, 2, false},
		{leads([]int32{1, 2, 3}, []int32{1, 2}), nil, 2, false}, // it has asked for less, and that was granted
		{leads([]int32{1}, []int32{1, 2}), nil, 2, false},       // granted, and it does not know it yet
		{leads([]int32{1}, nil), nil, 2, true},                  // it has asked for more, and forgotten that
		{leads([]int32{1, 2}, nil), []int32{3}, 2, true},
		{leads([]int32{1}, nil), nil, 3, false},                                      // too few: its high watermark stands still
		{partition.Standing{Serves: true, Epoch: 2, ISR: []int32{1}}, nil, 2, false}, // of an epoch that is over
		{partition.Standing{Epoch: 3, ISR: []int32{1}}, nil, 2, false},               // it does not serve
	} {
		p.ELR = x.elr
		if err := checkCounted(p, x.min, x.s); (err != nil) != x.bad {
			t.Errorf("case %d: %v", i, err)
		}
	}
}

// The high watermark goes back in no epoch, and from no leader to the next.
func TestCrestsSeeTheirViolation(t *testing.T) {
	at := func(epoch int32, begins, high int64) partition.Standing {
		return partition.Standing{Serves: true, Epoch: epoch, Begins: begins, High: high}
	}
	for i, x := range []struct {
		list []partition.Standing
		want string
	}{
		{[]partition.Standing{at(0, 0, 5), at(0, 0, 7), at(2, 9, 3), at(2, 9, 12), at(5, 12, 12)}, ""},
		{[]partition.Standing{at(0, 0, 5), at(2, 9, 3), at(0, 0, 9)}, ""}, // the old leader goes on for a while
		{[]partition.Standing{at(0, 0, 7), at(0, 0, 5)}, "D6"},
		{[]partition.Standing{at(0, 0, 7), at(1, 6, 5)}, "D1"},
		{[]partition.Standing{at(0, 0, 7), at(1, 7, 9), at(3, 8, 8)}, "D1"},
		{[]partition.Standing{at(0, 0, 5), at(1, 7, 7), at(0, 0, 8)}, "D1"}, // two leaders confirm at the same time
	} {
		var c crests
		got := ""
		for _, s := range x.list {
			if err := c.rise(s); err != nil {
				got = err.Error()
				break
			}
		}
		if (got == "") != (x.want == "") || !strings.HasPrefix(got, x.want) {
			t.Errorf("case %d: %q, want %q", i, got, x.want)
		}
	}
	c := crests{{0, 0, 5}, {2, 9, 8}, {4, 9, 12}}
	if a, b := c.upTo(3), c.upTo(4); a != 8 || b != 12 {
		t.Errorf("up to epoch 3 it was %d, up to 4 %d", a, b)
	}
}

// Who joins an ISR is the run of a broker that the leader has asked for.
func TestJoinedSeesItsViolation(t *testing.T) {
	w := wishes{}
	ask := func(partitionEpoch int32, epochOf3 int64) {
		w.note(7, &meta.NewISR{PartitionEpoch: partitionEpoch, ISR: []meta.ISRMember{{BrokerID: 1, BrokerEpoch: 10}, {BrokerID: 3, BrokerEpoch: epochOf3}}})
	}
	ask(4, 20)
	ask(4, 20)
	ask(5, 20)
	ask(5, 33) // it has restarted, and the leader knows
	for i, x := range []struct {
		partitionEpoch int32
		epochOf3       int64
		isr            []int32
		bad            bool
		leaderEpoch    int32
	}{
		{5, 20, []int32{1, 3}, false, 0},
		{5, 33, []int32{1, 3}, true, 0},
		{6, 20, []int32{1, 3}, false, 0},
		{6, 33, []int32{1, 3}, false, 0},
		{6, 40, []int32{1, 3}, true, 0},
		{6, 33, []int32{3}, false, 0}, // a move has ended by it
		{6, 40, []int32{2, 3}, false, 0},
		{9, 40, []int32{1, 3}, false, 0},
		{5, 33, []int32{3}, false, 1}, // elected, from the eligible
	} {
		p := &meta.Partition{ID: 7, PartitionEpoch: x.partitionEpoch, LeaderEpoch: x.leaderEpoch, ISR: x.isr}
		if err := w.checkJoined(p, 3, x.epochOf3); (err != nil) != x.bad {
			t.Errorf("case %d: %v", i, err)
		}
	}
}

// A disk that was lost counts for what it had of the log that is shown, and for nothing else.
func TestHeldSeesItsViolation(t *testing.T) {
	log := func(start, end int64, epochs ...storage.EpochStart) storage.Loaded {
		return storage.Loaded{Start: start, End: end, Epochs: epochs}
	}
	at := func(epoch int32, start int64) storage.EpochStart {
		return storage.EpochStart{Epoch: epoch, Start: start}
	}
	now := log(0, 20, at(0, 0), at(2, 8), at(5, 14))
	for i, x := range []struct {
		lost, now storage.Loaded
		to        int64
		want      bool
	}{
		{log(0, 12, at(0, 0), at(2, 8)), now, 12, true},
		{log(0, 12, at(0, 0), at(2, 8)), now, 13, false},           // it had no more
		{log(0, 18, at(0, 0), at(2, 8)), now, 14, true},            // what it was the only one to have was of an epoch that had ended
		{log(0, 18, at(0, 0), at(2, 8)), now, 15, false},           // and is not what is there now
		{log(0, 18, at(0, 0), at(2, 8), at(3, 12)), now, 12, true}, // it led alone, and nobody has followed
		{log(0, 18, at(0, 0), at(2, 8), at(3, 12)), now, 13, false},
		{log(0, 18, at(0, 0), at(5, 12)), now, 18, true},                 // it was fed after compaction: its marks lie elsewhere
		{log(0, 18, at(7, 0)), now, 1, false},                            // another log
		{log(0, 0), now, 0, true},                                        // nothing is told
		{log(0, 0), now, 1, false},                                       // an empty disk
		{log(6, 12, at(0, 6), at(2, 8)), now, 12, true},                  // trimmed
		{log(9, 9), now, 9, true},                                        // what lay below was deleted
		{log(9, 9), now, 10, false},                                      //
		{log(0, 12, at(0, 0)), log(9, 20, at(2, 9)), 9, true},            // deleted since
		{log(0, 12, at(0, 0)), log(9, 20, at(2, 9)), 10, false},          //
		{log(0, 18, at(0, 0), at(2, 8)), log(0, 10, at(0, 0)), 9, false}, // who tells it has another
	} {
		if got := held(x.lost, x.now, x.to); got != x.want {
			t.Errorf("case %d: %v", i, got)
		}
	}
}

// imageOf is what a town of three knows when brokers 2 and 3 are in service with a topic, and then more has been applied.
func imageOf(t *testing.T, topic meta.NewTopic, more ...meta.Command) *meta.Image {
	t.Helper()
	init := meta.InitCluster{ClusterID: "clusterclusterclusterA", FeatureLevel: 1}
	for id := int32(1); id <= 3; id++ {
		init.Founders = append(init.Founders, meta.Node{ID: id, RaftID: meta.RaftIDOf(1, id), StoreID: storeID(id)})
	}
	img := meta.NewImage()
	for i, cmd := range append([]meta.Command{
		init,
		meta.RegisterBroker{BrokerID: 2, StoreID: storeID(2), Incarnation: [16]byte{2}, PrevBrokerEpoch: -1},
		meta.RegisterBroker{BrokerID: 3, StoreID: storeID(3), Incarnation: [16]byte{3}, PrevBrokerEpoch: -1},
		meta.UnfenceBroker{BrokerID: 2, BrokerEpoch: 2}, // the index of its registration
		meta.UnfenceBroker{BrokerID: 3, BrokerEpoch: 3},
		meta.CreateTopics{Topics: []meta.NewTopic{topic}},
	}, more...) {
		var r meta.Result
		if img, _, r = meta.Apply(img, uint64(i+1), meta.Envelope{Cmd: cmd}); r.Code != code.OK {
			t.Fatal(r)
		}
	}
	return img
}

// A disk is taken only from a broker that is fenced: one that is about to leave may be in sync still, and then all others may fall before the
// cluster hears of the loss.
func TestDispensable(t *testing.T) {
	id := meta.TopicID{1}
	leaves := meta.BeginControlledShutdown{BrokerID: 3, BrokerEpoch: 3}
	falls := meta.FenceBroker{BrokerID: 3, BrokerEpoch: 3}
	for i, x := range []struct {
		replicas []int32
		more     []meta.Command
		want     bool
	}{
		{[]int32{3, 2}, nil, false},
		{[]int32{3, 2}, []meta.Command{leaves}, false},
		{[]int32{3, 2}, []meta.Command{falls}, true},
		{[]int32{3, 2}, []meta.Command{leaves, falls}, true},
		{[]int32{3}, []meta.Command{falls}, false}, // nobody else has it
	} {
		if got := dispensable(imageOf(t, meta.NewTopic{Name: "a", ID: id, Assignments: [][]int32{x.replicas}}, x.more...), 3); got != x.want {
			t.Errorf("case %d: %v", i, got)
		}
	}
}

// What was committed on two disks may be shown when one of them is lost. What comes after it needs two disks again.
func TestToldOfALostDisk(t *testing.T) {
	x, id := newTown(Options{Seed: 1, Nodes: 3}), meta.TopicID{1}
	img := imageOf(t, meta.NewTopic{Name: "a", ID: id, Assignments: [][]int32{{3, 2}}, Configs: map[string]string{"min.insync.replicas": "2"}})
	x.book.newest = img
	a, partID := x.ledger.part(id, 0), img.TopicByID(id).Partitions[0].ID
	leads, follows := x.nodes[1], x.nodes[2]
	for i := range int64(3) {
		leads.put(t, partID, 0, i)
		follows.put(t, partID, 0, i)
	}
	leads.put(t, partID, 1, 3)
	follows.replace()
	if x.told(leads, a, partID, 3, "shown"); x.Err() != nil {
		t.Error(x.Err())
	}
	if x.told(leads, a, partID, 4, "shown"); x.Err() == nil || !strings.Contains(x.Err().Error(), "D7") {
		t.Errorf("a record that is on one disk only: %v", x.Err())
	}
}

// put stores one record, with the mark of an epoch that begins by it.
func (h *house) put(t *testing.T, partID uint32, epoch int32, offset int64) {
	t.Helper()
	b, err := record.Build(record.Plain(), []record.Record{{Timestamp: 1, Value: []byte("x")}})
	if err != nil {
		t.Fatal(err)
	}
	slab := storage.NewSlab(len(b) + storage.SlabOverhead)
	defer slab.Release()
	at, _ := slab.Add(len(b))
	copy(slab.Batch(at), b)
	record.Batch(slab.Batch(at)).SetBaseOffset(offset)
	l := h.disk.data.Durable(partID)
	w := &storage.Write{Records: []storage.Append{{PartID: partID, Base: offset, Last: offset, Slab: slab, At: at, MaxTime: 1, Bytes: l.Bytes}}}
	if _, known := endOfEpoch(l, epoch); !known {
		w.Ops = []storage.Op{{Kind: storage.OpEpoch, PartID: partID, Epoch: epoch, Offset: offset}}
	}
	if err := h.disk.data.Apply(w); err != nil {
		t.Fatal(err)
	}
	if err := h.disk.data.Wait(w); err != nil {
		t.Fatal(err)
	}
}
