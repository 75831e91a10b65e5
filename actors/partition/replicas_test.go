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
