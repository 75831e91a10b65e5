package partition

import (
	"slices"
	"testing"
	"time"

	"troupe/actors/kit"
	kitsim "troupe/actors/kit/sim"
	"troupe/actors/peer"
)

// linkStage is the replicas of a broker with partition 7 attached and a link to node 2; all of them but the replicas are probes.
type linkStage struct {
	t         *testing.T
	st        *kitsim.Stage
	one, link *kitsim.Probe
	replicas  *kit.Ref
	up        linked // as partition 7 was told
}

func newLinkStage(t *testing.T) *linkStage {
	t.Helper()
	st := kitsim.NewStage(t)
	x := &linkStage{t: t, st: st, one: st.Probe("partition"), link: st.Probe("link")}
	x.replicas = SpawnReplicas(st.Sys, ReplicasOptions{NodeID: 1, Metadata: st.Probe("metadata").Ref(), Writer: st.Probe("writer").Ref()})
	x.replicas.Tell(Attach{PartID: 7, TopicID: topicID, Ref: x.one.Ref()})
	x.replicas.Tell(peer.Up{Node: 2, Session: 5, Link: x.link.Ref()})
	x.settle(0)
	up, ok := kitsim.Last[linked](x.one)
	if !ok {
		t.Fatal("the partition was not told of the link")
	}
	x.up = up
	return x
}

// settle lets d pass, and all that is under way arrive.
func (x *linkStage) settle(d time.Duration) {
	x.t.Helper()
	x.st.RunUntil(d, func() bool { return false })
	if err := x.st.Settle(0); err != nil {
		x.t.Fatal(err)
	}
}

// When a broker falls, all partitions that it led subscribe elsewhere at once. What others have to say meanwhile is not dropped: nobody would be told,
// and of an ack or batches that were the last of a partition for now nothing would make up for it.
func TestMessagesBehindThoseOfAllPartitions(t *testing.T) {
	x := newLinkStage(t)
	one, replicas, up := x.one, x.replicas, x.up
	for part := range uint32(20_000) {
		replicas.Tell(subscribe{up.path, subscription{part: part, topic: topicID}})
	}
	if !replicas.TryTell(&peer.Received{From: 2, Session: 5, Head: putEntry(nil, wireAcks, ackEntry{part: 7, number: 1, durable: 3})}) {
		t.Fatal("an ack was dropped")
	}
	x.settle(0)
	if a, ok := kitsim.Last[acked](one); !ok || a.durable != 3 {
		t.Errorf("the partition was told %+v", a)
	}
}

// Where epochs began is sent before the answer that it belongs to, in the same lane, and in messages that a link takes, however many partitions are
// subscribed at once.
func TestEpochsBeforeAnswers(t *testing.T) {
	stage := newLinkStage(t)
	one, link, replicas, up, settle := stage.one, stage.link, stage.replicas, stage.up, stage.settle
	var epochs []epochBegin
	for e := range int32(20) {
		epochs = append(epochs, epochBegin{Epoch: e, Start: int64(e)})
	}
	for part := range uint32(5_000) {
		replicas.Tell(respond{up.path, reply{part: part, number: 3, outcome: started, epoch: int32(len(epochs))}, epochs})
	}
	settle(0)
	told := map[uint32]int{}
	answers := 0
	for _, m := range link.Take() {
		s := m.(*peer.Send)
		x, err := takeMessage(s.Head, 0)
		if err != nil || s.Lane != peer.Append || len(s.Head) > 1<<20 {
			t.Fatalf("%d bytes in lane %d: %v", len(s.Head), s.Lane, err)
		}
		for _, e := range x.epochs {
			told[e.part]++
		}
		for _, e := range x.replies {
			if answers++; told[e.part] != len(epochs) {
				t.Fatalf("partition %d is answered after %d epochs", e.part, told[e.part])
			}
		}
		replicas.Tell(&peer.Received{From: 2, Session: 5, Head: s.Head})
	}
	one.Take()
	settle(0)
	got := one.Take()
	if answers != 5_000 || len(got) != len(epochs)+1 {
		t.Fatalf("%d answers, and a partition was told %d messages", answers, len(got))
	}
	if e, ok := got[3].(knows); !ok || e.epoch != 3 || e.start != 3 || e.number != 3 {
		t.Errorf("told %+v", got[3])
	}
	if _, ok := got[20].(responded); !ok {
		t.Errorf("told %+v last", got[20])
	}
}

// Epochs for which a lane had no room go before their answer all the same, and those of an earlier answer not at all.
func TestEpochsForWhichALaneHasNoRoom(t *testing.T) {
	stage := newLinkStage(t)
	link, replicas, up, settle := stage.link, stage.replicas, stage.up, stage.settle
	say := func(number uint64, epochs ...epochBegin) {
		replicas.Tell(respond{up.path, reply{part: 7, number: number, outcome: started, epoch: int32(len(epochs))}, epochs})
		settle(0)
	}
	refuse := func() {
		for _, m := range link.Take() {
			s := m.(*peer.Send)
			replicas.Tell(peer.Dropped{To: 2, Lane: s.Lane, Kind: s.Kind, Slot: s.Slot, Reason: peer.Full})
		}
		settle(0)
	}
	expect := func(number uint64, epochs ...epochBegin) {
		t.Helper()
		replicas.Tell(peer.Drained{Node: 2, Lane: peer.Append})
		settle(0)
		var got []epochBegin
		answered := uint64(0)
		for _, m := range link.Take() {
			x, err := takeMessage(m.(*peer.Send).Head, 0)
			if err != nil || len(x.epochs) > 0 && answered > 0 {
				t.Fatalf("%+v %v", x, err)
			}
			for _, e := range x.epochs {
				if got = append(got, epochBegin{Epoch: e.epoch, Start: e.start}); e.number != number {
					t.Errorf("epoch %d for %d", e.epoch, e.number)
				}
			}
			for _, e := range x.replies {
				answered = e.number
			}
		}
		if answered != number || !slices.Equal(got, epochs) {
			t.Errorf("%d is answered, with %v", answered, got)
		}
	}
	a, b, c := epochBegin{Epoch: 1, Start: 0}, epochBegin{Epoch: 3, Start: 7}, epochBegin{Epoch: 4, Start: 9}
	say(1, a, b, c)
	refuse()
	expect(1, a, b, c)
	say(2, a, b)
	refuse()
	say(3, c)
	expect(3, c)
	say(4, a, b)
	refuse()
	say(5)
	expect(5)
}

// A lane that has no room for a message without parts hears of it again when it has said that there is room, not every few milliseconds; what is said
// meanwhile is gathered, the newest of each partition. What concerns very many partitions goes in messages that a lane takes.
func TestMessagesForWhichALaneHasNoRoom(t *testing.T) {
	stage := newLinkStage(t)
	link, replicas, up, settle := stage.link, stage.replicas, stage.up, stage.settle
	sent := func() (out []*peer.Send) {
		for _, m := range link.Take() {
			out = append(out, m.(*peer.Send))
		}
		return out
	}
	refuse := func(list []*peer.Send, why peer.Reason) {
		for _, m := range list {
			replicas.Tell(peer.Dropped{To: 2, Lane: m.Lane, Kind: m.Kind, Slot: m.Slot, Reason: why})
		}
	}
	const parts = 10_000
	say := func(n uint64) {
		for part := range uint32(parts) {
			replicas.Tell(respond{path: up.path, reply: reply{part: part, number: n, outcome: started, epoch: -1}})
			replicas.Tell(tip{up.path, highEntry{part: part, number: n, high: int64(n)}})
			replicas.Tell(subscribe{up.path, subscription{part: part, topic: topicID, number: n}})
			replicas.Tell(ack{up.path, ackEntry{part: part, number: n, durable: int64(n)}})
		}
		settle(10 * time.Millisecond)
	}
	say(1)
	first := sent()
	for _, m := range first {
		if len(m.Head) > 2*headBytes {
			t.Fatalf("a message of %d bytes", len(m.Head))
		}
	}
	refuse(first, peer.Full)
	settle(0)
	sent()
	say(2)
	settle(time.Second)
	if again := sent(); len(again) != 0 {
		t.Fatalf("%d messages were sent where there is no room", len(again))
	}
	replicas.Tell(peer.Drained{Node: 2, Lane: peer.Append})
	replicas.Tell(peer.Drained{Node: 2, Lane: peer.Control})
	settle(time.Second)
	said := map[wireKind]int{}
	for _, m := range sent() {
		x, err := takeMessage(m.Head, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range x.subs {
			said[x.kind] += int(e.number)
		}
		for _, e := range x.replies {
			said[x.kind] += int(e.number)
		}
		for _, e := range x.acks {
			said[x.kind] += int(e.number)
		}
		for _, e := range x.highs {
			said[x.kind] += int(e.number)
		}
	}
	for _, kind := range []wireKind{wireSubscribe, wireReply, wireAcks, wireHighs} {
		if said[kind] != 2*parts {
			t.Errorf("kind %d: said %d, want the newest of each partition, %d", kind, said[kind], 2*parts)
		}
	}
}
