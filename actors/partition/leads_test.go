package partition

import "testing"

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
