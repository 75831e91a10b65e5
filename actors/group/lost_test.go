package group

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"troupe/actors/kit"
	kitsim "troupe/actors/kit/sim"
	"troupe/actors/meta"
	"troupe/actors/partition"
	"troupe/storage/sim"
)

// A write of an earlier term is refused when this shard has been told already that it leads again: that is no news, and it reads the log.
func TestRefusedLate(t *testing.T) {
	st := kitsim.NewStage(t)
	part, conn := st.Probe("partition"), st.Probe("conn")
	var writes []partition.Append
	locates := 0
	part.On = func(m any) {
		switch m := m.(type) {
		case *partition.Locate:
			locates++
			m.Reply(partition.Located{Locate: m})
		case partition.Append:
			writes = append(writes, m)
		}
	}
	s := st.Sys.Spawn(ShardName(0), NewShard(Options{Data: sim.NewData(), Writer: st.Probe("writer").Ref(), Topic: func(string) (meta.TopicID, bool) { return meta.TopicID{1}, true }}), kit.Options{})
	tell := func(m any) {
		t.Helper()
		s.Tell(m)
		if err := st.Settle(0); err != nil {
			t.Fatal(err)
		}
	}
	lead := func(epoch int32) {
		t.Helper()
		tell(Become{Partition: part.Ref(), PartID: simPartID, Leader: true, LeaderEpoch: epoch, Config: plainConfig()})
	}
	lead(1)
	req := kmsg.NewPtrOffsetCommitRequest()
	req.Version, req.Group, req.Generation = 8, "g", -1
	req.Topics = []kmsg.OffsetCommitRequestTopic{{Topic: "t", Partitions: []kmsg.OffsetCommitRequestTopicPartition{{Offset: 5}}}}
	tell(&Commit{Ask: kit.Ask{ReplyTo: conn.Ref()}, Req: req})
	if len(writes) != 1 || locates != 2 {
		t.Fatalf("%d writes, %d looks at the log", len(writes), locates)
	}
	lead(3)
	writes[0].Refuse()
	if err := st.Settle(0); err != nil {
		t.Fatal(err)
	}
	if locates != 4 {
		t.Errorf("%d looks at the log: it waits for news that it has", locates)
	}
}
