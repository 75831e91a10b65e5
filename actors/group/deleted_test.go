package group

import (
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"troupe/actors/kit"
	kitsim "troupe/actors/kit/sim"
	"troupe/kafka/code"
)

// A group that was deleted is neither described nor listed, also while its actor is on its way to the end.
func TestDeletedGroupIsNotThere(t *testing.T) {
	shown := 0
	kitsim.Seeds(t, 200, func(t *testing.T, s *kitsim.Sim) {
		w := newWorld(s, false)
		probe := s.Probe("people")
		ask := kit.Ask{ReplyTo: probe.Ref()}
		deleted := false
		probe.On = func(m any) {
			switch m := m.(type) {
			case Committed:
				w.shard.Tell(&Delete{Ask: ask, Group: simGroup})
			case Deleted:
				deleted = m.Code == code.OK
				for range 3 {
					w.shard.Tell(&Describe{Ask: ask, Group: simGroup, Version: 6})
					w.shard.Tell(&List{Ask: ask})
				}
			case Described:
				if shown++; m.Resp.ErrorCode != int16(code.GroupIdNotFound) {
					t.Fatalf("described as %s after its deletion", m.Resp.State)
				}
			case Listed:
				if len(m.Groups) > 0 {
					t.Fatalf("listed as %s after its deletion", m.Groups[0].GroupState)
				}
			}
		}
		if err := s.Run(time.Second); err != nil {
			t.Fatal(err)
		}
		w.shard.Tell(&Commit{Ask: ask, Req: &kmsg.OffsetCommitRequest{Version: 8, Group: simGroup, Generation: -1,
			Topics: []kmsg.OffsetCommitRequestTopic{{Topic: simTopic, Partitions: []kmsg.OffsetCommitRequestTopicPartition{{Offset: 1}}}}}})
		if err := s.Run(time.Second); err != nil {
			t.Fatal(err)
		}
		if !deleted {
			t.Fatal("it was not deleted")
		}
	})
	if shown == 0 {
		t.Error("nothing was described")
	}
}
