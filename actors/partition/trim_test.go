package partition

import (
	"testing"
	"time"

	"troupe/actors/kit"
	"troupe/kafka/code"
)

// trim asks to delete what is below an offset.
func (r *replica) trim(below int64) {
	r.tell(&Trim{Ask: kit.Ask{ReplyTo: r.conn.Ref()}, Offset: below})
}

// trimmed takes the answers.
func (r *replica) trimmed() (list []Trimmed) {
	for _, m := range r.conn.Take() {
		if x, ok := m.(Trimmed); ok {
			list = append(list, x)
		}
	}
	return list
}

// begins is an ack of a follower that has all of the log, but for what it has deleted.
func (r *replica) begins(id int32, number uint64, start int64) {
	r.tell(acked{r.paths[id], ackEntry{7, number, r.p.log.next, start}})
}

// led makes a leader of three replicas with five batches on all of them.
func led(t *testing.T) *replica {
	r := newReplica(t)
	r.become()
	r.follower(2, 1, 0, -1)
	r.follower(3, 2, 0, -1)
	r.produce(5)
	outgoing[*push](r)
	r.begins(2, 1, 0)
	r.begins(3, 2, 0)
	t.Cleanup(func() { r.tail.Drop(7) })
	return r
}

// A deletion is answered when every replica that may lead next has it on its disk, and they are told of it at once.
func TestTrimWaitsForFollowers(t *testing.T) {
	r := led(t)
	outgoing[tip](r)
	r.trim(3)
	if got := r.trimmed(); len(got) != 0 || r.p.log.start != 3 {
		t.Fatalf("answered %+v by a leader whose log starts at %d", got, r.p.log.start)
	}
	if tips := outgoing[tip](r); len(tips) != 2 || tips[0].start != 3 {
		t.Fatalf("told %+v", tips)
	}
	r.begins(2, 1, 3)
	r.begins(3, 2, 2)
	if got := r.trimmed(); len(got) != 0 {
		t.Fatalf("answered %+v, and a follower holds the records", got)
	}
	r.begins(3, 2, 3)
	if got := r.trimmed(); len(got) != 1 || got[0].Code != code.OK || got[0].Start != 3 {
		t.Fatalf("answered %+v", got)
	}
	r.trim(2) // gone already
	if got := r.trimmed(); len(got) != 1 || got[0].Code != code.OK || got[0].Start != 3 {
		t.Fatalf("answered %+v", got)
	}
}

// Batches on their way do not keep the log start from the followers.
func TestStartIsToldBesideTheHighWatermark(t *testing.T) {
	r := led(t)
	r.produce(1) // which no follower confirms
	outgoing[*push](r)
	outgoing[tip](r)
	r.trim(4)
	if tips := outgoing[tip](r); len(tips) != 2 || tips[0].start != 4 {
		t.Fatalf("told %+v", tips)
	}
}

// A follower that leaves the ISR is not waited for, but for one that could lead all the same; it joins again without the records only.
func TestTrimAndTheISR(t *testing.T) {
	r := led(t)
	r.trim(3)
	r.begins(2, 1, 3)
	r.facts.ISR, r.facts.PartitionEpoch = []int32{1, 2}, 2
	r.become()
	if got := r.trimmed(); len(got) != 1 || got[0].Code != code.OK {
		t.Fatalf("answered %+v", got)
	}
	if v := r.p.isrView(0); v.gone != 3 {
		t.Errorf("who joins may hold what is below %d", v.gone)
	}
	r.facts.ISR, r.facts.ELR, r.facts.PartitionEpoch = []int32{1}, []int32{2}, 3
	r.become()
	r.trim(4)
	if got := r.trimmed(); len(got) != 0 {
		t.Fatalf("answered %+v, and a broker that may lead holds the records", got)
	}
	r.begins(2, 1, 4)
	if got := r.trimmed(); len(got) != 1 || got[0].Start != 4 {
		t.Fatalf("answered %+v", got)
	}
}

// Everybody who waits for a deletion is answered: in time, and when this broker does not lead any more.
func TestTrimIsAnswered(t *testing.T) {
	r := led(t)
	r.tell(&Trim{Ask: kit.Ask{ReplyTo: r.conn.Ref()}, Offset: 2, Timeout: 3 * time.Second})
	if err := r.st.Run(2900 * time.Millisecond); err != nil {
		t.Fatal(err)
	}
	if got := r.trimmed(); len(got) != 0 {
		t.Fatalf("answered %+v before its time", got)
	}
	if err := r.st.Run(500 * time.Millisecond); err != nil {
		t.Fatal(err)
	}
	if got := r.trimmed(); len(got) != 1 || got[0].Code != code.RequestTimedOut || got[0].Start != -1 {
		t.Fatalf("answered %+v", got)
	}
	r.trim(3)
	r.facts.Leader, r.facts.LeaderEpoch, r.facts.PartitionEpoch = 2, 5, 2
	r.become()
	if got := r.trimmed(); len(got) != 1 || got[0].Code != code.NotLeaderForPartition {
		t.Fatalf("answered %+v", got)
	}
}

// A follower tells the leader when a log start is on its disk.
func TestFollowerConfirmsItsStart(t *testing.T) {
	r, s := newFollower(t)
	r.tell(responded{reply{part: 7, number: s.number, outcome: started}})
	r.replicate(s.number, 0, 3, 0, r.batches(3, 0, 4))
	outgoing[ack](r)
	r.w.hold = true
	r.replicate(s.number, 3, 3, 0, r.batches(1, 3, 4))
	r.tell(tipped{highEntry{7, s.number, 3, 2}})
	r.w.release(1) // the batch
	r.tell()
	if a := outgoing[ack](r); len(a) != 1 || a[0].start != 0 || a[0].durable != 4 {
		t.Fatalf("acks %+v before the disk has the start", a)
	}
	r.w.release(10)
	r.tell()
	if a := outgoing[ack](r); len(a) != 1 || a[0].start != 2 || a[0].durable != 4 {
		t.Fatalf("acks %+v", a)
	}
	r.tail.Drop(7)
}

// All that a follower lacks may be deleted while it waits for its turn. It subscribes anew, and begins where the log does.
func TestWhatAFollowerLacksIsDeleted(t *testing.T) {
	r := led(t)
	r.follower(2, 9, 2, 4)
	r.trim(5)
	r.tail.Drop(7)
	for range 3 {
		r.tell(granted{r.paths[2], r.carry.Ref()})
	}
	if p := outgoing[*push](r); len(p) != 0 {
		t.Fatalf("sent %+v", p[0])
	}
	var again bool
	for _, x := range outgoing[respond](r) {
		again = again || x.number == 9 && x.outcome == notServed
	}
	if !again || r.p.log.led.stream(2) != nil {
		t.Fatalf("it is not told to subscribe anew")
	}
	r.follower(2, 10, 2, 4)
	if x := outgoing[respond](r); len(x) != 1 || x[0].outcome != outOfLog || x[0].offset != 5 {
		t.Fatalf("answered %+v", x)
	}
}
