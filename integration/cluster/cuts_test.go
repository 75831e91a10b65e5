package cluster

import (
	"testing"
	"time"

	"troupe/integration/harness"
)

// The broker that leads the metadata is cut off from both others, then is not heard by them, then does not hear them. Clients reach all of
// them all the time, so what the lonely one says is told to somebody.
func TestCuts(t *testing.T) {
	c := harness.NewSplitCluster(t, 3)
	c.Start()
	create(t, c, topic, partitions)
	l := startLoad(t, c, topic, partitions)
	l.progress(t, calm)
	for _, cut := range []struct {
		name string
		do   func(one, a, b int)
	}{
		{"cut off", func(one, a, b int) { c.Net.Split([]int{one}, []int{a, b}) }},
		{"not heard", func(one, a, b int) { c.Net.Cut(one, a); c.Net.Cut(one, b) }},
		{"deaf", func(one, a, b int) { c.Net.Cut(a, one); c.Net.Cut(b, one) }},
	} {
		one := leader(t, c)
		led := ledBy(t, c, int32(one+1))
		at := time.Now()
		cut.do(one, (one+1)%3, (one+2)%3)
		l.progress(t, calm)
		var longest time.Duration
		for _, p := range led {
			longest = max(longest, l.Gap(p, at, time.Now()))
		}
		t.Logf("%s: its partitions acknowledged again after %v at most (the client waits 3 s for an answer)", cut.name, longest)
		time.Sleep(max(0, 3*time.Second-time.Since(at))) // longer than a session
		c.Net.Heal()
		l.progress(t, calm)
		inSync(t, c, topic, calm)
	}
	l.check(t, c)
	if t.Failed() {
		for _, b := range c.Brokers {
			t.Logf("log of %s:\n%s", b.KafkaAddr(), tail(b))
		}
	}
}
