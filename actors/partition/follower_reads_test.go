package partition

import (
	"testing"
	"time"

	"troupe/actors/kit"
	kitsim "troupe/actors/kit/sim"
	"troupe/kafka/code"
)

// TestFollowersAnswer asks a follower that has all: what its high watermark covers may be read there by who says so, where its log starts too; the
// rest is the leader's to say.
func TestFollowersAnswer(t *testing.T) {
	s := kitsim.New(1)
	w := newCluster(t, s, "2")
	_ = s.Run(2 * time.Second)
	for range 10 {
		w.produce(w.leader(), -1)
	}
	_ = s.Run(3 * time.Second)
	s.Report(t)
	h := w.hosts[w.leader()%3]
	got := map[uint64]any{}
	probe := s.Probe("reader")
	probe.On = func(m any) { got[m.(kit.Answer).AskSlot()] = m }
	slots := uint64(0)
	ask := func() kit.Ask {
		slots++
		return kit.Ask{ReplyTo: probe.Ref(), Slot: slots - 1}
	}
	for _, m := range []any{
		&Read{Ask: ask(), LeaderEpoch: -1, LastEpoch: -1, Replica: true},
		&Locate{Ask: ask(), Timestamp: earliest, LeaderEpoch: -1, Replica: true},
		&Watch{Ask: ask(), Offset: 9, Replica: true},
		&Read{Ask: ask(), LeaderEpoch: -1, LastEpoch: -1},
		&Locate{Ask: ask(), Timestamp: earliest, LeaderEpoch: -1},
		&Locate{Ask: ask(), Timestamp: latest, LeaderEpoch: -1, Replica: true},
		&ListProducers{Ask: ask()},
	} {
		h.ref.Tell(m)
	}
	_ = s.Run(time.Second)
	codes := func(m any) (code.Code, int64) {
		switch m := m.(type) {
		case Readable:
			return m.Code, m.High
		case Located:
			return m.Code, m.Offset
		case Producers:
			return m.Code, int64(len(m.List))
		case Grown:
			return code.OK, m.Offset
		}
		return -1, 0
	}
	no := code.NotLeaderForPartition
	for i, want := range []struct {
		code code.Code
		at   int64
	}{{code.OK, h.p.log.high}, {code.OK, 0}, {code.OK, 9}, {no, -1}, {no, -1}, {no, -1}, {code.OK, int64(len(h.p.log.active()))}} {
		if e, at := codes(got[uint64(i)]); e != want.code || at != want.at {
			t.Errorf("answer %d: %v %d, want %+v", i, e, at, want)
		}
	}
	if h.p.log.high < 10 {
		t.Errorf("the follower knows of %d", h.p.log.high)
	}
}
