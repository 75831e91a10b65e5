package kit

import (
	"fmt"
	"testing"
	"time"
)

func TestHistogram(t *testing.T) {
	var h Histogram
	for i := range histBuckets - 1 {
		up := int64(h.Bound(i))
		if bucket(up-1) != i || bucket(up) != i+1 {
			t.Fatalf("bucket %d ends at %d, but %d -> %d, %d -> %d", i, up, up-1, bucket(up-1), up, bucket(up))
		}
	}
	if h.Quantile(.5) != 0 {
		t.Fatal("quantile of nothing")
	}
	for i := range int64(1000) {
		h.Counts[bucket(i*1000)]++
	}
	for q, want := range map[float64]time.Duration{.5: 500_000, .99: 990_000, 1: 999_000} {
		if got := h.Quantile(q); got < want || got > want*125/100 {
			t.Errorf("q%v = %v, want about %v", q, got, want)
		}
	}
}

// A slow actor shows at once, with the message in hand; 10,000 idle ones do not make the answer slow.
func TestActorsFindTheSlowOne(t *testing.T) {
	tr := newTroupe(t)
	for i := range 10_000 {
		tr.Spawn(fmt.Sprintf("idle/%05d", i), fn(func(Context, any) {}), Options{})
	}
	gate := make(chan struct{})
	slow := tr.Spawn("slow/1", fn(func(_ Context, m any) {
		switch m.(type) {
		case *ping:
			time.Sleep(2 * time.Millisecond)
		case *secret:
			<-gate
		}
	}), Options{})
	for range 30 {
		slow.Tell(&ping{})
	}
	slow.Tell(&secret{})
	for range 5 {
		slow.Tell(&ping{})
	}
	until(t, "it hangs in secret", func() bool { i, _ := tr.Actor("slow/1"); return i.Current == "kit.secret" })
	var list []ActorInfo
	took := time.Hour
	for i := 0; i < 10 && took > 200*time.Millisecond; i++ { // the machine may have other work
		start := time.Now()
		list = tr.Actors()
		took = min(took, time.Since(start))
	}
	if len(list) != 10_001 || took > 200*time.Millisecond {
		t.Fatalf("%d actors in %s", len(list), took)
	}
	a := list[len(list)-1]
	if a.Name != "slow/1" || a.Kind != "slow" || a.State != StateRunning || a.Depth != 5 || a.In != 36 {
		t.Fatalf("%+v", a)
	}
	if a.Run99 < 2*time.Millisecond || a.Wait99 < 20*time.Millisecond || a.Busy < 60*time.Millisecond {
		t.Fatalf("times: %+v", a)
	}
	time.Sleep(BlockedAfter + 50*time.Millisecond)
	a, _ = tr.Actor("slow/1")
	if a.State != StateBlocked || a.CurrentSince < BlockedAfter || a.OldestWait < BlockedAfter {
		t.Fatalf("%+v", a)
	}
	if k := kindOf(tr, "slow"); k.Blocked != 1 || k.Depth != 5 {
		t.Fatalf("%+v", k)
	}
	close(gate)
	until(t, "done", func() bool { i, _ := tr.Actor("slow/1"); return i.State == StateIdle })
	a, _ = tr.Actor("slow/1")
	if n := len(a.Last); n != lastCount || a.Last[n-1].Type != "kit.ping" || a.Last[n-6].Type != "kit.secret" {
		t.Fatalf("%v", a.Last)
	}
	if k := kindOf(tr, "idle"); k.Actors != 10_000 || k.Processed != 0 {
		t.Fatalf("%d actors, %d processed", k.Actors, k.Processed)
	}
}

func TestTracerSeesEveryMessage(t *testing.T) {
	tr := newTroupe(t)
	ring := NewRing(64)
	asker, answers := sink(tr, "asker")
	tr.SetTracer(ring)
	r := tr.Spawn("a", fn(func(_ Context, m any) {
		if q, ok := m.(*question); ok {
			q.Reply(reply{q, true})
		}
	}), Options{})
	for i := range 3 {
		r.Tell(&question{Ask: Ask{ReplyTo: asker}, n: i})
	}
	answers.wait(t, "0:true 1:true 2:true")
	asks, replies := 0, 0
	until(t, "six events", func() bool { return len(ring.Events()) == 6 })
	for i, e := range ring.Events() {
		if e.EnqueuedAt == 0 || e.EnqueuedAt > e.StartedAt || e.StartedAt > e.EndedAt {
			t.Errorf("event %d: %+v", i, e)
		}
		switch {
		case e.TypeName() == "kit.question" && e.Actor == r && e.From == "asker":
			asks++
		case e.TypeName() == "kit.reply" && e.Actor == asker && e.From == "" && e.Kind == "asker":
			replies++
		}
	}
	if asks != 3 || replies != 3 {
		t.Fatalf("%d asks, %d replies: %+v", asks, replies, ring.Events())
	}
	tr.SetTracer(nil)
	r.Tell(1)
	until(t, "handled", func() bool { i, _ := tr.Actor("a"); return i.Processed == 4 })
	if len(ring.Events()) != 6 {
		t.Fatal("traced while off")
	}
	tr.SetTracer(ring)
	for range 1000 {
		r.Tell(1)
	}
	until(t, "handled", func() bool { i, _ := tr.Actor("a"); return i.Processed == 1004 })
	if n := len(ring.Events()); n > 64 {
		t.Fatalf("ring of 64 holds %d", n)
	}
}
