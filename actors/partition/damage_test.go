package partition

import (
	"errors"
	"testing"
	"time"

	"troupe/kafka/code"
	"troupe/storage"
)

// damagedData cannot read what it has.
type damagedData struct{ storage.Data }

func (damagedData) Read(part uint32, offset, _ int64, _ int, _ bool) (storage.Batches, error) {
	return storage.Batches{}, &storage.CorruptError{PartID: part, Offset: offset, Err: errors.New("the checksum of the batch does not fit")}
}

// damaged is a leader that cannot read what it has, with one follower in sync, that has everything.
func damaged(t *testing.T) *replica {
	t.Helper()
	r := newReplica(t)
	r.facts.ISR = []int32{1, 2}
	r.become()
	r.follower(2, 1, 0, -1)
	r.produce(3)
	r.ack(2, 1, 3)
	r.tail.Drop(7)
	r.p.o.Data = damagedData{r.data}
	outgoing[*push](r)
	return r
}

// A leader that cannot read what a follower lacks goes on, tells the follower to come again later, and offers its place, now and then.
func TestLeaderCannotFeed(t *testing.T) {
	r := damaged(t)
	wishes := 0
	for number := range uint64(20) {
		r.follower(3, number+2, 0, -1)
		if err := r.st.Run(time.Millisecond); err != nil {
			t.Fatal(err)
		}
		outgoing[respond](r)
		r.tell(granted{r.paths[3], r.carry.Ref()})
		if err := r.st.Run(time.Second); err != nil {
			t.Fatal(err)
		}
		if x := outgoing[respond](r); len(x) != 1 || x[0].outcome != notServed || x[0].code != code.KafkaStorageError {
			t.Fatalf("the follower was told %+v", x)
		}
		if s := outgoing[sated](r); len(s) != 1 {
			t.Fatalf("%d turns were given back", len(s))
		}
		for _, w := range outgoing[*wish](r) {
			if wishes++; w.resign == nil || w.resign.LeaderEpoch != 4 {
				t.Fatalf("wish %+v", w)
			}
			r.tell(wished{number: w.number})
		}
	}
	if wishes < 2 || wishes > 3 {
		t.Errorf("its place was offered %d times in 20 seconds", wishes)
	}
}

// A reader that meets damage is reason enough to let another one lead; not in an epoch that has ended, and not without another.
func TestLeaderCannotRead(t *testing.T) {
	r := damaged(t)
	r.tell(Unreadable{LeaderEpoch: 3, Err: errors.New("damage")})
	if w := outgoing[*wish](r); len(w) != 0 {
		t.Errorf("by a reader of an epoch that has ended: %+v", w[0])
	}
	r.tell(Unreadable{LeaderEpoch: 4, Err: errors.New("damage")})
	if w := outgoing[*wish](r); len(w) != 1 || w[0].resign == nil {
		t.Errorf("wishes %+v", w)
	}
	r = newReplica(t)
	r.facts.ISR = []int32{1}
	r.become()
	r.tell(Unreadable{LeaderEpoch: 4, Err: errors.New("damage")})
	if w := outgoing[*wish](r); len(w) != 0 {
		t.Errorf("with nobody else in sync: %+v", w[0])
	}
}

// A follower whose leader cannot read comes again after a second, not at once.
func TestFollowerOfDamage(t *testing.T) {
	r, s := newFollower(t)
	r.tell(responded{reply{part: 7, number: s.number, outcome: started}})
	r.tell(responded{reply{part: 7, number: s.number, outcome: notServed, code: code.KafkaStorageError}})
	if err := r.st.Run(fullAgain - time.Millisecond); err != nil {
		t.Fatal(err)
	}
	if x := outgoing[subscribe](r); len(x) != 0 {
		t.Error("it subscribed at once")
	}
	if err := r.st.Run(time.Millisecond); err != nil {
		t.Fatal(err)
	}
	if x := outgoing[subscribe](r); len(x) != 1 {
		t.Errorf("%d subscriptions", len(x))
	}
}
