package partition

import (
	"reflect"
	"slices"
	"testing"

	"troupe/storage"
	"troupe/storage/record"
)

// copied is a replica that was made anew from what compaction has left of a leader's log: batches of one record, at these offsets in these epochs.
func copied(start int64, begun []epochBegin, batches ...epochBegin) (*core, []storage.Op) {
	c := newCore(storage.Loaded{Start: start, End: start, MaxTime: -1}, "t", 0)
	var ops []storage.Op
	cfg := plainConfig()
	for _, x := range batches {
		b := built(record.Plain(), 1, 0)
		b.SetBaseOffset(x.Start)
		b.SetLeaderEpoch(x.Epoch)
		ops = append(ops, c.follow(b, begun, 0, &cfg).ops...)
	}
	return &c, ops
}

// Epochs begin where they did, also in a replica that was made from a compacted log: by the first batch that is left of an epoch, a log that parted from
// the leader's before that batch would seem to be part of it, and would stay as it is, with records that were never committed.
func TestEpochsOfACompactedLog(t *testing.T) {
	leader := newTestCore()
	leader.epochs, leader.next, leader.durable = []epochBegin{{Epoch: 1, Start: 0}, {Epoch: 2, Start: 10}, {Epoch: 3, Start: 20}, {Epoch: 5, Start: 40}}, 45, 45
	leader.epoch, leader.epochWritten = 6, false
	leader.assign(epochBegin{Epoch: 6, Start: 45})
	left := []epochBegin{{Epoch: 1, Start: 5}, {Epoch: 1, Start: 6}, {Epoch: 3, Start: 25}, {Epoch: 5, Start: 44}}
	for name, x := range map[string]struct {
		start   int64
		batches []epochBegin
		want    []epochBegin
	}{
		"all":                        {0, left, leader.epochs[:4]},
		"the beginning was deleted":  {6, left[1:], []epochBegin{{Epoch: 1, Start: 6}, {Epoch: 2, Start: 10}, {Epoch: 3, Start: 20}, {Epoch: 5, Start: 40}}},
		"epochs were deleted":        {22, left[2:], []epochBegin{{Epoch: 3, Start: 22}, {Epoch: 5, Start: 40}}},
		"up to a boundary":           {20, left[2:], []epochBegin{{Epoch: 3, Start: 20}, {Epoch: 5, Start: 40}}},
		"up to what compaction took": {15, left[2:], []epochBegin{{Epoch: 2, Start: 15}, {Epoch: 3, Start: 20}, {Epoch: 5, Start: 40}}},
	} {
		c, ops := copied(x.start, leader.begunAfter(-1), x.batches...)
		if !slices.Equal(c.epochs, x.want) {
			t.Errorf("%s: epochs %v, want %v", name, c.epochs, x.want)
		}
		var marks []epochBegin
		for _, o := range ops {
			if o.Kind == storage.OpEpoch {
				marks = append(marks, epochBegin{Epoch: o.Epoch, Start: o.Offset})
			}
		}
		if !slices.Equal(marks, x.want) {
			t.Errorf("%s: written %v, want %v", name, marks, x.want)
		}
		// A log of an earlier time comes back when the copy leads: what it has beyond an epoch's end is cut, as by the leader itself.
		for last := int32(1); last <= 5; last++ {
			for from := x.start; from <= 45; from++ {
				leader.floor = x.start
				want, _ := leader.parts(from, last)
				if got, _ := c.parts(from, last); !reflect.DeepEqual(got, want) && (want == nil || want.End > x.start) {
					t.Errorf("%s: a log to %d in epoch %d leaves it at %v, and the leader's at %v", name, from, last, got, want)
				}
			}
		}
	}
	// Of a leader that does not say it, what is there counts.
	if c, _ := copied(0, nil, left...); !slices.Equal(c.epochs, []epochBegin{{Epoch: 1, Start: 5}, {Epoch: 3, Start: 25}, {Epoch: 5, Start: 44}}) {
		t.Errorf("epochs %v", c.epochs)
	}
}

// A follower that lacks epochs is told of them before it is sent batches, and none of an epoch in which nothing was written.
func TestFollowerIsToldOfEpochs(t *testing.T) {
	r := newReplica(t)
	r.become()
	r.produce(2)
	r.w.release(10)
	r.tell()
	for _, x := range []struct{ from, last, want int }{{0, -1, 1}, {2, 4, 0}} {
		r.follower(2, uint64(10+x.want), int64(x.from), int32(x.last))
		list := outgoing[respond](r)
		a := list[len(list)-1]
		if a.outcome != started || len(a.epochs) != x.want || int(a.epoch) != x.want {
			t.Errorf("from %d: %+v", x.from, a)
		}
		if x.want > 0 && a.epochs[0] != (epochBegin{Epoch: 4, Start: 0}) {
			t.Errorf("epochs %v", a.epochs)
		}
	}
	r.tail.Drop(7)
}

// What a follower is told of epochs is on its disk with the batches behind them. If it did not come, the follower asks again.
func TestFollowerKeepsEpochs(t *testing.T) {
	r, s := newFollower(t)
	r.tell(knows{epochEntry{7, s.number + 1, 1, 0}}, responded{reply{part: 7, number: s.number, outcome: started, epoch: 2}})
	if r.p.sub.live {
		t.Fatal("it has begun without them")
	}
	if err := r.st.Run(askAgain); err != nil {
		t.Fatal(err)
	}
	s = r.subscription()
	r.tell(knows{epochEntry{7, s.number, 1, 0}}, knows{epochEntry{7, s.number, 3, 5}}, responded{reply{part: 7, number: s.number, outcome: started, epoch: 2}})
	r.replicate(s.number, 0, 0, 0, r.batches(1, 9, 3))
	r.w.release(10)
	r.tell()
	l, err := r.data.Load(7)
	if want := []epochBegin{{Epoch: 1, Start: 0}, {Epoch: 3, Start: 5}}; err != nil || !slices.Equal(l.Epochs, want) || !slices.Equal(r.p.log.epochs, want) {
		t.Errorf("epochs %v on the disk, %v, want %v; %v", l.Epochs, r.p.log.epochs, want, err)
	}
	r.tail.Drop(7)
}
