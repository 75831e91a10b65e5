package partition

import (
	"slices"
	"testing"
	"time"

	"troupe/actors/kit"
	kitsim "troupe/actors/kit/sim"
	"troupe/actors/meta"
	"troupe/actors/writer"
	"troupe/kafka/code"
	"troupe/storage"
	"troupe/storage/record"
	"troupe/storage/sim"
)

// replica is one partition of three replicas among fakes: what it wants sent is looked at here.
type replica struct {
	t     *testing.T
	st    *kitsim.Stage
	data  *sim.Data
	tail  *storage.Tail
	w     *fakeWriter
	carry *kitsim.Probe
	conn  *kitsim.Probe
	p     *Partition
	ref   *kit.Ref
	facts meta.Partition
	cfg   Config
	paths map[int32]*path
}

func newReplica(t *testing.T) *replica {
	st := kitsim.NewStage(t)
	r := &replica{t: t, st: st, data: sim.NewData(), tail: storage.NewTail(1 << 20), cfg: plainConfig(), paths: map[int32]*path{}}
	r.cfg.MinISR = 2
	r.facts = meta.Partition{ID: 7, Replicas: []int32{1, 2, 3}, ISR: []int32{1, 2, 3}, Leader: 1, LeaderEpoch: 4, PartitionEpoch: 1}
	r.w, r.conn, r.carry = newFakeWriter(st, r.data), st.Probe("conn"), st.Probe("replicas")
	r.conn.On = func(m any) {
		if d, ok := m.(writer.Done); ok {
			d.Slab.Release()
		}
	}
	r.p = New(Options{PartID: 7, Data: r.data, Tail: r.tail, Writer: r.w.Ref(), Replicas: r.carry.Ref()})
	r.ref = st.Sys.Spawn("p", r.p, kit.Options{})
	r.tell(registered{50})
	for _, id := range []int32{2, 3} {
		r.paths[id] = &path{node: id, session: uint64(id)}
		r.tell(linked{r.paths[id]})
	}
	return r
}

func (r *replica) tell(list ...any) {
	r.t.Helper()
	for _, m := range list {
		r.ref.Tell(m)
	}
	if err := r.st.Settle(0); err != nil {
		r.t.Fatal(err)
	}
}

func (r *replica) become() {
	r.tell(Become{TopicID: topicID, Topic: "t", Partition: r.facts, Config: r.cfg, Self: 1})
}

// batches makes a frame with one record in each batch, as it comes from a producer, or from a leader with offsets and epoch.
func (r *replica) batches(n int, base int64, epoch int32) *writer.Frame {
	b, err := record.Build(record.Plain(), []record.Record{{Value: []byte("value"), Timestamp: kitsim.Epoch.UnixMilli()}})
	if err != nil {
		r.t.Fatal(err)
	}
	f := &writer.Frame{Slab: storage.NewSlab(n * (len(b) + storage.SlabOverhead)), ReplyTo: r.conn.Ref(), Writer: r.w.Ref(), Items: make([]writer.Item, n)}
	for i := range f.Items {
		at, _ := f.Slab.Add(len(b))
		copy(f.Slab.Batch(at), b)
		if epoch >= 0 {
			record.Batch(f.Slab.Batch(at)).SetBaseOffset(base + int64(i))
			record.Batch(f.Slab.Batch(at)).SetLeaderEpoch(epoch)
		}
		f.Items[i] = writer.Item{Frame: f, At: at, LeaderEpoch: -1, Acks: -1, TimeoutMs: 30000}
	}
	f.Begin()
	return f
}

func (r *replica) produce(n int) *writer.Frame {
	f := r.batches(n, 0, -1)
	for i := range f.Items {
		r.tell(Append{&f.Items[i]})
	}
	return f
}

// follower subscribes as another broker does.
func (r *replica) follower(id int32, number uint64, from int64, lastEpoch int32) {
	r.tell(&subscribed{r.carry.Ref(), r.paths[id], subscription{part: 7, topic: topicID, number: number, epoch: r.facts.LeaderEpoch,
		brokerEpoch: 100 + int64(id), from: from, lastEpoch: lastEpoch}})
}

func (r *replica) ack(id int32, number uint64, durable int64) {
	r.tell(acked{r.paths[id], ackEntry{7, number, durable, r.p.log.start}})
}

// sent takes what was wanted of one kind, and gives back what it holds.
func outgoing[T any](r *replica) (list []T) {
	var rest []any
	for _, m := range r.carry.Take() {
		if x, ok := m.(T); ok {
			list = append(list, x)
		} else {
			rest = append(rest, m)
		}
		if x, ok := m.(*push); ok {
			for _, p := range x.parts {
				if p.Slab != nil {
					p.Slab.Release()
				}
			}
			x.held.Release()
		}
	}
	r.carry.Got = rest
	return list
}

// An ack counts only for the subscription that it belongs to: the log may have been cut before the next one.
func TestOldAcks(t *testing.T) {
	r := newReplica(t)
	r.become()
	r.follower(2, 1, 0, -1)
	r.follower(3, 2, 0, -1)
	f := r.produce(1)
	outgoing[*push](r)
	r.follower(2, 9, 0, -1) // again, with nothing
	for range 3 {           // what the new subscription lacks
		r.tell(granted{r.paths[2], r.carry.Ref()})
	}
	outgoing[*push](r)
	r.ack(2, 1, 1)
	r.ack(3, 2, 1)
	if h := r.p.log.high; h != 0 {
		t.Errorf("high watermark %d by an ack of a subscription that has ended", h)
	}
	if f.Items[0].Base != 0 || r.p.log.waiting() != 1 {
		t.Errorf("the append does not wait")
	}
	r.ack(2, 9, 1)
	if h := r.p.log.high; h != 1 || r.p.log.waiting() != 0 {
		t.Errorf("high watermark %d, %d wait", h, r.p.log.waiting())
	}
	r.tail.Drop(7)
}

// Whoever joins is named by the broker epoch that it subscribed with.
func TestWishNamesBrokerEpochs(t *testing.T) {
	r := newReplica(t)
	r.facts.ISR = []int32{1, 2}
	r.become()
	r.follower(2, 1, 0, -1)
	r.follower(3, 2, 0, -1)
	r.ack(2, 1, 0)
	r.ack(3, 2, 0)
	if err := r.st.Run(2 * time.Second); err != nil {
		t.Fatal(err)
	}
	wishes := outgoing[*wish](r)
	want := []meta.ISRMember{{BrokerID: 1, BrokerEpoch: 50}, {BrokerID: 2, BrokerEpoch: 102}, {BrokerID: 3, BrokerEpoch: 103}}
	if len(wishes) != 1 || !slices.Equal(wishes[0].isr.ISR, want) || wishes[0].isr.PartitionEpoch != 1 || wishes[0].isr.LeaderEpoch != 4 {
		t.Fatalf("wishes %+v, want one for %v", wishes, want)
	}
	if !slices.Equal(r.p.log.wanted, []int32{1, 2, 3}) {
		t.Errorf("wanted %v", r.p.log.wanted)
	}
	r.tell(wished{number: wishes[0].number, PartitionResult: meta.PartitionResult{Code: code.IneligibleReplica, Leader: 1, LeaderEpoch: 4, PartitionEpoch: 1, ISR: []int32{1, 2}}})
	if r.p.log.wanted != nil || r.p.log.led.wish != nil {
		t.Errorf("a refused wish is still counted: %v", r.p.log.wanted)
	}
}

// When the ISR shrinks below the minimum, who waits is told, and who comes is refused.
func TestShrunkISR(t *testing.T) {
	r := newReplica(t)
	r.become()
	r.follower(2, 1, 0, -1)
	f := r.produce(1)
	outgoing[*push](r)
	r.facts.ISR, r.facts.ELR, r.facts.PartitionEpoch = []int32{1}, []int32{2, 3}, 2
	r.become()
	if c := f.Items[0].Code; c != code.NotEnoughReplicasAfterAppend {
		t.Errorf("the append was answered %s", c)
	}
	g := r.produce(1)
	if c := g.Items[0].Code; c != code.NotEnoughReplicas {
		t.Errorf("the next one was answered %s", c)
	}
	r.ack(2, 1, 1)
	if h := r.p.log.high; h != 0 {
		t.Errorf("the high watermark moved to %d below the minimum", h)
	}
	r.tail.Drop(7)
}

// newFollower is a replica that follows broker 2, and how it has subscribed.
func newFollower(t *testing.T) (*replica, subscription) {
	t.Helper()
	r := newReplica(t)
	return r, r.follows()
}

// follows makes it a follower of broker 2.
func (r *replica) follows() subscription {
	r.t.Helper()
	r.facts.Leader = 2
	r.become()
	return r.subscription()
}

// subscription is what a follower sent last.
func (r *replica) subscription() subscription {
	r.t.Helper()
	list := outgoing[subscribe](r)
	if len(list) == 0 {
		r.t.Fatal("no subscription was sent")
	}
	return list[len(list)-1].subscription
}

func (r *replica) replicate(number uint64, prev, high, start int64, f *writer.Frame) {
	r.tell(&replicated{appendEntry{part: 7, number: number, epoch: r.facts.LeaderEpoch, prev: prev, high: high, start: start}, f.Items})
}

// A follower appends what continues its log, acknowledges what is on its disk, and serves what the leader's high watermark covers to
// consumers that may read from it.
func TestFollower(t *testing.T) {
	r, s := newFollower(t)
	if s.from != 0 || s.lastEpoch != -1 || s.brokerEpoch != 50 || s.epoch != 4 {
		t.Fatalf("subscribed by %+v", s)
	}
	r.tell(responded{reply{part: 7, number: s.number, outcome: started}})
	if a := outgoing[ack](r); len(a) != 1 || a[0].durable != 0 || a[0].number != s.number {
		t.Fatalf("acks %+v", a)
	}
	r.w.hold = true
	r.replicate(s.number, 0, 1, 0, r.batches(3, 0, 4))
	if a := outgoing[ack](r); len(a) != 0 || r.p.log.high != 0 {
		t.Fatalf("acks %+v and high watermark %d before the disk has it", a, r.p.log.high)
	}
	r.w.release(10)
	r.tell()
	if a := outgoing[ack](r); len(a) == 0 || a[len(a)-1].durable != 3 || r.p.log.high != 1 {
		t.Fatalf("acks %+v, high watermark %d", a, r.p.log.high)
	}
	r.tell(&Read{Ask: kit.Ask{ReplyTo: r.conn.Ref()}, LeaderEpoch: 4, LastEpoch: -1}, &Read{Ask: kit.Ask{ReplyTo: r.conn.Ref()}, LeaderEpoch: 4, LastEpoch: -1, Replica: true},
		&Watch{Ask: kit.Ask{ReplyTo: r.conn.Ref()}, Offset: 1, Replica: true})
	var reads []Readable
	for _, m := range r.conn.Take() {
		if x, ok := m.(Readable); ok {
			reads = append(reads, x)
		}
	}
	if len(reads) != 2 || reads[0].Code != code.NotLeaderForPartition || reads[1].Code != code.OK || reads[1].Limit != 1 {
		t.Fatalf("reads %+v", reads)
	}
	r.tell(tipped{highEntry{7, s.number, 3, 2}})
	if g, ok := kitsim.Last[Grown](r.conn); !ok || g.Cancelled {
		t.Error("the long poll was not answered")
	}
	r.w.release(10)
	r.tell()
	if l := r.p.log; l.high != 3 || l.start != 2 {
		t.Errorf("high watermark %d, start %d", l.high, l.start)
	}
	r.tail.Drop(7)
}

// How far behind a follower is counts from what it has heard last of the leader's high watermark.
func TestFollowerMeasuresItsLag(t *testing.T) {
	r := newReplica(t)
	lag := func() int64 {
		t.Helper()
		r.tell(&Measure{Ask: kit.Ask{ReplyTo: r.conn.Ref()}})
		m, ok := kitsim.Last[Measured](r.conn)
		if !ok {
			t.Fatal("no answer")
		}
		return m.Lag
	}
	if n := lag(); n != 0 {
		t.Errorf("%d behind somebody unknown", n)
	}
	s := r.follows()
	r.tell(responded{reply{part: 7, number: s.number, outcome: started, high: 10}})
	if n := lag(); n != 10 {
		t.Errorf("%d behind, and it lacks 10", n)
	}
	r.replicate(s.number, 0, 10, 0, r.batches(3, 0, 4))
	if n := lag(); n != 7 {
		t.Errorf("%d behind, and it lacks 7", n)
	}
	r.tail.Drop(7)
}

// What does not continue the log is not taken: the follower subscribes anew, from where it is.
func TestFollowerTakesNoGap(t *testing.T) {
	r, s := newFollower(t)
	r.tell(responded{reply{part: 7, number: s.number, outcome: started}})
	for name, send := range map[string]func(number uint64){
		"a gap":            func(n uint64) { r.replicate(n, 5, 0, 0, r.batches(1, 5, 4)) },
		"an earlier batch": func(n uint64) { r.replicate(n, r.p.log.next, 0, 0, r.batches(1, -1, 4)) },
		"a later epoch":    func(n uint64) { r.replicate(n, r.p.log.next, 0, 0, r.batches(1, r.p.log.next, 5)) },
		"damage": func(n uint64) {
			f := r.batches(1, r.p.log.next, 4)
			b := f.Slab.Batch(0)
			b[len(b)-1] ^= 1
			r.replicate(n, r.p.log.next, 0, 0, f)
		},
	} {
		end := r.p.log.next
		send(s.number)
		if err := r.st.Run(askAgain); err != nil {
			t.Fatal(err)
		}
		next := r.subscription()
		if r.p.log.next != end || next.number == s.number || next.from != end {
			t.Errorf("%s: the log ends at %d, then %+v", name, r.p.log.next, next)
		}
		s = next
		r.tell(responded{reply{part: 7, number: s.number, outcome: started}})
	}
	r.replicate(s.number+1, 0, 0, 0, r.batches(1, 0, 4)) // of another subscription
	if r.p.log.next != 0 {
		t.Errorf("batches of another subscription were taken: the log ends at %d", r.p.log.next)
	}
}

// A follower that is sent the same rubbish again waits before it asks for it once more; one that got on in between asks at once.
func TestFollowerIsSentRubbish(t *testing.T) {
	r, s := newFollower(t)
	rubbish := func() (asked int) {
		t.Helper()
		r.tell(responded{reply{part: 7, number: s.number, outcome: started}})
		f := r.batches(1, r.p.log.next, 4)
		b := f.Slab.Batch(0)
		b[len(b)-1] ^= 1
		r.replicate(s.number, r.p.log.next, 0, 0, f)
		list := outgoing[subscribe](r)
		if len(list) > 0 {
			s = list[len(list)-1].subscription
		}
		return len(list)
	}
	if n := rubbish(); n != 1 {
		t.Fatalf("the first time it asked %d times", n)
	}
	if n := rubbish(); n != 0 {
		t.Fatalf("the second time it asked %d times at once", n)
	}
	if err := r.st.Run(askAgain); err != nil {
		t.Fatal(err)
	}
	s = r.subscription()
	r.tell(responded{reply{part: 7, number: s.number, outcome: started}})
	r.replicate(s.number, 0, 0, 0, r.batches(1, 0, 4))
	if n := rubbish(); r.p.log.next != 1 || n != 1 {
		t.Fatalf("the log ends at %d, and it asked %d times", r.p.log.next, n)
	}
	r.tail.Drop(7)
}

// A follower is cut by the epoch and end that the leader says, and subscribes with what is left; one that is no part of the leader's log
// begins anew at its start.
func TestFollowerIsCut(t *testing.T) {
	r, s := newFollower(t)
	r.tell(responded{reply{part: 7, number: s.number, outcome: started}})
	r.replicate(s.number, 0, 2, 0, r.batches(3, 0, 2))
	r.replicate(s.number, 3, 2, 0, r.batches(3, 3, 4))
	r.facts.LeaderEpoch, r.facts.PartitionEpoch, r.facts.Leader = 5, 2, 3
	r.become()
	if s = r.subscription(); s.from != 6 || s.lastEpoch != 4 || s.epoch != 5 {
		t.Fatalf("subscribed by %+v", s)
	}
	r.tell(responded{reply{part: 7, number: s.number, outcome: diverged, epoch: 3, offset: 4}})
	if s = r.subscription(); s.from != 3 || s.lastEpoch != 2 || r.p.log.high != 2 {
		t.Fatalf("cut, and subscribed by %+v with high watermark %d", s, r.p.log.high)
	}
	if l := r.data.Durable(7); l.End != 3 || len(l.Epochs) != 1 {
		t.Errorf("on the disk is %+v", l)
	}
	r.w.Take()
	r.tell(responded{reply{part: 7, number: s.number, outcome: outOfLog, offset: 40}})
	if _, ok := kitsim.Last[writer.Reclaim](r.w.Probe); !ok {
		t.Error("the space of what was dropped is not given back")
	}
	if s = r.subscription(); s.from != 40 || s.lastEpoch != -1 || r.p.log.start != 40 {
		t.Fatalf("begun anew, and subscribed by %+v from %d", s, r.p.log.start)
	}
	r.tell(responded{reply{part: 7, number: s.number, outcome: started}})
	r.replicate(s.number, 40, 0, 0, r.batches(2, 45, 5)) // compaction has left a gap
	if l := r.data.Durable(7); l.Start != 40 || l.End != 47 || r.p.log.next != 47 {
		t.Errorf("on the disk is %+v", l)
	}
	r.tail.Drop(7)
}

// A follower for whom there is no room is fed in turns until it lacks nothing, and then gets new batches as they come.
func TestNoRoom(t *testing.T) {
	r := newReplica(t)
	r.become()
	r.follower(2, 1, 0, -1)
	r.paths[2].hot.Add(hotWindow)
	r.produce(3)
	if p := outgoing[*push](r); len(p) != 0 {
		t.Fatalf("%d pushes without room", len(p))
	}
	if h := outgoing[hungry](r); len(h) != 1 {
		t.Fatalf("asked for %d turns", len(h))
	}
	r.paths[2].hot.Add(-hotWindow)
	r.produce(1)
	if p := outgoing[*push](r); len(p) != 0 {
		t.Fatal("a batch went ahead of those before it")
	}
	r.tell(granted{r.paths[2], r.carry.Ref()})
	if p := outgoing[*push](r); len(p) != 1 || !p[0].fed || p[0].prev != 0 || len(p[0].parts) != 4 {
		t.Fatalf("fed by %+v", p)
	}
	r.produce(1)
	if p := outgoing[*push](r); len(p) != 1 || p[0].fed || p[0].prev != 4 {
		t.Fatalf("pushed %+v", p)
	}
	r.tell(granted{r.paths[2], r.carry.Ref()}) // a turn that nobody needs any more
	if s := outgoing[sated](r); len(s) != 1 {
		t.Error("a turn was not given back")
	}
	r.tail.Drop(7)
}

// Whoever asks for all replicas waits for them, with flush.policy=os too.
func TestFlushPolicyWaitsForReplicas(t *testing.T) {
	r := newReplica(t)
	r.cfg.FlushOS = true
	r.become()
	r.follower(2, 1, 0, -1)
	r.follower(3, 2, 0, -1)
	r.produce(1)
	outgoing[*push](r)
	if n := r.p.log.waiting(); n != 1 {
		t.Fatalf("%d appends wait for two followers", n)
	}
	r.ack(2, 1, 1)
	r.ack(3, 2, 1)
	if n := r.p.log.waiting(); n != 0 {
		t.Fatalf("%d appends wait for nothing", n)
	}
	r.tail.Drop(7)
}

// What was appended while there was one replica may be moved about in memory by the store until it is durable: who becomes a follower meanwhile is
// told to come again, and is sent it then. With followers nothing is unshared, for they are sent it at once.
func TestFollowersAreNotSentWhatIsUnshared(t *testing.T) {
	r := newReplica(t)
	r.facts.Replicas, r.facts.ISR, r.cfg.MinISR = []int32{1}, []int32{1}, 1
	r.become()
	r.produce(1) // which loads the log
	r.w.hold = true
	if f := r.produce(1); !f.Items[0].Append.Unshared {
		t.Error("a batch of which there is one replica is not unshared")
	}
	r.facts.Replicas, r.facts.PartitionEpoch = []int32{1, 2}, 2
	r.become()
	r.follower(2, 1, 0, -1)
	if x := outgoing[respond](r); len(x) != 1 || x[0].outcome != notServed || len(outgoing[*push](r)) != 0 {
		t.Fatalf("answered %+v", x)
	}
	r.w.hold = false
	r.w.release(len(r.w.held))
	r.tell()
	r.follower(2, 2, 0, -1)
	if x := outgoing[respond](r); len(x) != 1 || x[0].outcome != started {
		t.Fatalf("answered %+v", x)
	}
	if f := r.produce(1); f.Items[0].Append.Unshared {
		t.Error("a batch that followers are sent is unshared")
	}
	outgoing[*push](r)
	r.tail.Drop(7)
}

// A mark may outlive in a crash what it was written for. It goes when the log is loaded: what comes there next may be of another epoch.
func TestMarkThatOutlivedItsRecords(t *testing.T) {
	r := newReplica(t)
	r.facts.ISR = []int32{1}
	r.cfg.MinISR = 1
	r.become()
	r.produce(3)
	r.tail.Drop(7)
	s := &storage.Write{Ops: []storage.Op{{Kind: opEpoch, PartID: 7, Epoch: 9, Offset: 3}}}
	if err := r.data.Apply(s); err != nil {
		t.Fatal(err)
	}
	if err := r.data.Wait(s); err != nil {
		t.Fatal(err)
	}
	if l := r.data.Durable(7); l.End != 3 || len(l.Epochs) != 2 {
		t.Fatalf("on the disk is %+v", l)
	}
	p := r.st.Sys.Spawn("again", New(Options{PartID: 7, Data: r.data, Tail: r.tail, Writer: r.w.Ref(), Replicas: r.carry.Ref()}), kit.Options{})
	p.Tell(Become{TopicID: topicID, Topic: "t", Partition: r.facts, Config: r.cfg, Self: 1})
	r.tell()
	if l := r.data.Durable(7); l.End != 3 || len(l.Epochs) != 1 || l.Epochs[0].Epoch != 4 {
		t.Errorf("on the disk is %+v", l)
	}
}
