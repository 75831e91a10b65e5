package group

import (
	"errors"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"troupe/actors/kit"
	kitsim "troupe/actors/kit/sim"
	"troupe/actors/meta"
	"troupe/actors/partition"
	"troupe/kafka/code"
	"troupe/storage"
	"troupe/storage/sim"
)

// damagedData cannot read what it has.
type damagedData struct{ storage.Data }

func (damagedData) Read(part uint32, offset, _ int64, _ int, _ bool) (storage.Batches, error) {
	return storage.Batches{}, &storage.CorruptError{PartID: part, Offset: offset, Err: errors.New("the checksum of the batch does not fit")}
}

// A log of groups that cannot be read costs its own groups their coordinator, not the broker its life: another replica in sync may lead instead.
func TestLoadOfDamage(t *testing.T) {
	st := kitsim.NewStage(t)
	conn, replica := st.Probe("conn"), st.Probe("partition/p")
	looks, told := 0, 0
	replica.On = func(m any) {
		switch m := m.(type) {
		case *partition.Locate:
			looks++
			m.Reply(partition.Located{Locate: m, Offset: map[int64]int64{latest: 5}[m.Timestamp]})
		case partition.Unreadable:
			if told++; m.LeaderEpoch != 3 || m.Err == nil {
				t.Errorf("the replica was told %+v", m)
			}
		}
	}
	s := st.Sys.Spawn(ShardName(0), NewShard(Options{Data: damagedData{sim.NewData()}, Writer: st.Probe("writer").Ref(),
		Topic: func(string) (meta.TopicID, bool) { return meta.TopicID{}, false }}), kit.Options{})
	s.Tell(Become{Partition: replica.Ref(), PartID: simPartID, Leader: true, LeaderEpoch: 3, Config: plainConfig()})
	if err := st.Run(time.Second); err != nil {
		t.Fatal(err)
	}
	if told != 1 || looks != 2 {
		t.Fatalf("%d looks at the log, and the replica was told %d times", looks, told)
	}
	s.Tell(&FetchOffsets{Ask: kit.Ask{ReplyTo: conn.Ref()}, Req: &kmsg.OffsetFetchRequestGroup{Group: simGroup}})
	if err := st.Run(damagedRetry); err != nil {
		t.Fatal(err)
	}
	if m, ok := kitsim.Last[FetchedOffsets](conn); !ok || code.Code(m.Resp.ErrorCode) != code.CoordinatorLoadInProgress {
		t.Errorf("answered %+v", m)
	}
	if told != 2 {
		t.Errorf("it was read %d times in six seconds", told)
	}
}
