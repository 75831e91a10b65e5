package sim

import (
	"testing"
	"time"

	"troupe/actors/kit"
)

// BenchmarkMessages is the cost of one message among 100 actors that pass it round.
func BenchmarkMessages(b *testing.B) {
	s := New(1)
	l := s.Node("n1", nil).Life()
	refs := make([]*kit.Ref, 100)
	for i := range refs {
		refs[i] = l.Spawn("a/"+string(rune('0'+i)), fn(func(c kit.Context, m any) {
			if x, ok := m.(*question); ok {
				x.N++
				refs[(i+x.N)%len(refs)].Tell(m)
			}
		}), kit.Options{})
	}
	to := s.Probe("asker").Ref()
	for i := range 50 {
		refs[i].Tell(&question{Ask: kit.Ask{ReplyTo: to}, N: i})
	}
	s.RunSteps(1000)
	b.ReportAllocs()
	b.ResetTimer()
	s.RunSteps(b.N)
}

// The simulator must do 500,000 messages a second; a tenth of that is asked here, for slow and shared machines.
func TestFastEnough(t *testing.T) {
	start := time.Now()
	r := testing.Benchmark(BenchmarkMessages)
	if perSecond := float64(r.N) / r.T.Seconds(); perSecond < 50_000 {
		t.Fatalf("%.0f messages a second", perSecond)
	} else {
		t.Logf("%.0f messages a second, measured in %s", perSecond, time.Since(start))
	}
}
