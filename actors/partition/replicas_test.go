package partition

import (
	"testing"

	kitsim "troupe/actors/kit/sim"
	"troupe/actors/peer"
)

// When a broker falls, all partitions that it led subscribe elsewhere at once. What others have to say meanwhile is not dropped: nobody would be told,
// and of an ack or batches that were the last of a partition for now nothing would make up for it.
func TestMessagesBehindThoseOfAllPartitions(t *testing.T) {
	st := kitsim.NewStage(t)
	one := st.Probe("partition")
	replicas := SpawnReplicas(st.Sys, ReplicasOptions{NodeID: 1, Metadata: st.Probe("metadata").Ref(), Writer: st.Probe("writer").Ref()})
	replicas.Tell(Attach{PartID: 7, TopicID: topicID, Ref: one.Ref()})
	replicas.Tell(peer.Up{Node: 2, Session: 5, Link: st.Probe("link").Ref()})
	if err := st.Settle(0); err != nil {
		t.Fatal(err)
	}
	up, ok := kitsim.Last[linked](one)
	if !ok {
		t.Fatal("the partition was not told of the link")
	}
	for part := range uint32(20_000) {
		replicas.Tell(subscribe{up.path, subscription{part: part, topic: topicID}})
	}
	if !replicas.TryTell(&peer.Received{From: 2, Session: 5, Head: putEntry(nil, wireAcks, ackEntry{part: 7, number: 1, durable: 3})}) {
		t.Fatal("an ack was dropped")
	}
	if err := st.Settle(0); err != nil {
		t.Fatal(err)
	}
	if a, ok := kitsim.Last[acked](one); !ok || a.durable != 3 {
		t.Errorf("the partition was told %+v", a)
	}
}

// Where epochs began is sent before the answer that it belongs to, in the same lane, and in messages that a link takes, however many partitions are
// subscribed at once.
func TestEpochsBeforeAnswers(t *testing.T) {
	st := kitsim.NewStage(t)
	one, link := st.Probe("partition"), st.Probe("link")
	replicas := SpawnReplicas(st.Sys, ReplicasOptions{NodeID: 1, Metadata: st.Probe("metadata").Ref(), Writer: st.Probe("writer").Ref()})
	replicas.Tell(Attach{PartID: 7, TopicID: topicID, Ref: one.Ref()})
	replicas.Tell(peer.Up{Node: 2, Session: 5, Link: link.Ref()})
	settle := func() {
		t.Helper()
		if err := st.Settle(0); err != nil {
			t.Fatal(err)
		}
	}
	settle()
	up, _ := kitsim.Last[linked](one)
	var epochs []epochBegin
	for e := range int32(20) {
		epochs = append(epochs, epochBegin{Epoch: e, Start: int64(e)})
	}
	for part := range uint32(5_000) {
		replicas.Tell(respond{up.path, reply{part: part, number: 3, outcome: started, epoch: int32(len(epochs))}, epochs})
	}
	settle()
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
	settle()
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
