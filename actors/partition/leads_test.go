package partition

import (
	"testing"

	"troupe/actors/kit"
	kitsim "troupe/actors/kit/sim"
	"troupe/kafka/code"
)

// A broker that restarts hears again what it was once: with news older than its log a replica must not lead, or it forgets the later epochs
// and what it holds of them is never compared with the log of who leads now (seed 1463 of the simulation).
func TestOldNewsDoNotLead(t *testing.T) {
	p := New(Options{PartID: 1})
	p.self, p.facts.Leader = 1, 1
	p.log = newLog(newCore(loadedFacts{End: 4, Epochs: []epochBegin{{Epoch: 1, Start: 0}}}, "t", 0))
	for epoch, want := range []bool{false, true, true} {
		p.facts.LeaderEpoch = int32(epoch)
		if got := p.leads(); got != want {
			t.Errorf("told to lead in epoch %d with a log of epoch 1: leads %v", epoch, got)
		}
	}
}

// A broker that restarts may hear at first of an ISR that is a later one by now. Nothing counts as committed by it before the broker is
// registered anew (seed 91 of the simulation, with trap joiner-stalls).
func TestNothingIsCommittedBeforeRegistration(t *testing.T) {
	s := kitsim.New(1)
	replicas := s.Probe("replicas")
	p := New(Options{PartID: 1, Replicas: replicas.Ref()})
	s.Node("n1", func(l *kitsim.Life) { l.Spawn("partition", p, kit.Options{}) })
	p.self, p.facts.Leader, p.facts.ISR, p.facts.Replicas, p.cfg.MinISR = 1, 1, []int32{1}, []int32{1, 2}, 1
	p.log = newLog(newCore(loadedFacts{End: 4, Epochs: []epochBegin{{Epoch: 0, Start: 0}}}, "t", 0))
	p.log.isr, p.log.self, p.log.replicas, p.state = p.facts.ISR, 1, 2, loaded
	client := s.Probe("client")
	end := func() any {
		p.onLocate(nil, &Locate{Ask: kit.Ask{ReplyTo: client.Ref()}, Timestamp: latest, LeaderEpoch: -1})
		switch r := client.Take()[0].(Located); r.Code {
		case code.OK:
			return r.Offset
		default:
			return r.Code
		}
	}
	p.advance(nil)
	if p.log.high != 0 {
		t.Errorf("before it is registered the high watermark is %d", p.log.high)
	}
	if got := end(); got != code.OffsetNotAvailable { // 0 may be less than what an earlier run told
		t.Errorf("before it is registered the log ends at %v", got)
	}
	p.onRegistered(nil, registered{7})
	if p.log.high != 4 {
		t.Errorf("when it is registered the high watermark is %d", p.log.high)
	}
	if got := end(); got != int64(4) {
		t.Errorf("when it is registered the log ends at %v", got)
	}
}

// The only leader epoch that means none is -1: any other is compared, negative ones too (Kafka's RequestUtils.getLeaderEpoch).
func TestFenceComparesEpochs(t *testing.T) {
	p := New(Options{PartID: 1})
	p.self, p.state, p.facts.LeaderEpoch = 1, loaded, 3 // node 0 leads
	for epoch, want := range map[int32]code.Code{-1: code.NotLeaderForPartition, 3: code.NotLeaderForPartition, -2: code.FencedLeaderEpoch, 2: code.FencedLeaderEpoch,
		4: code.UnknownLeaderEpoch, -1 << 31: code.FencedLeaderEpoch, 1<<31 - 1: code.UnknownLeaderEpoch} {
		if got := p.fence(epoch); got != want {
			t.Errorf("epoch %d: %s, want %s", epoch, got, want)
		}
	}
}
