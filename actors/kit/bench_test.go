package kit

import (
	"runtime"
	"sync/atomic"
	"testing"

	"github.com/asynkron/protoactor-go/actor"
)

type ping struct{ n int }

// counter counts pings; the others count too rarely to disturb.
type counter struct{ n atomic.Int64 }

func (a *counter) Receive(_ Context, m any) {
	if p, ok := m.(*ping); ok {
		p.n++
		if p.n&63 == 0 {
			a.n.Add(64)
		}
	}
}

// feed sends b.N messages with at most 1024 in flight.
func feed(b *testing.B, n *atomic.Int64, send func()) {
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		if i&63 == 0 {
			for int64(i)-n.Load() > 1024 {
				runtime.Gosched()
			}
		}
		send()
	}
	for n.Load() < int64(b.N&^63) {
		runtime.Gosched()
	}
}

func BenchmarkTell(b *testing.B) {
	b.Run("kit", func(b *testing.B) {
		tr, a := newTroupe(b), &counter{}
		r, m := tr.Spawn("a", a, Options{}), &ping{}
		feed(b, &a.n, func() { r.Tell(m) })
	})
	b.Run("kit-traced", func(b *testing.B) {
		tr, a := newTroupe(b), &counter{}
		tr.SetTracer(NewRing(1024))
		r, m := tr.Spawn("a", a, Options{}), &ping{}
		feed(b, &a.n, func() { r.Tell(m) })
	})
	b.Run("channel", func(b *testing.B) {
		var n atomic.Int64
		c := make(chan any, 1024)
		go func() {
			for m := range c {
				if p := m.(*ping); true {
					p.n++
					if p.n&63 == 0 {
						n.Add(64)
					}
				}
			}
		}()
		m := &ping{}
		feed(b, &n, func() { c <- m })
		close(c)
	})
	b.Run("protoactor", func(b *testing.B) {
		var n atomic.Int64
		sys := actor.NewActorSystem()
		pid := sys.Root.Spawn(actor.PropsFromFunc(func(c actor.Context) {
			if p, ok := c.Message().(*ping); ok {
				p.n++
				if p.n&63 == 0 {
					n.Add(64)
				}
			}
		}))
		m := &ping{}
		feed(b, &n, func() { sys.Root.Send(pid, m) })
	})
}

// BenchmarkPingPong is a round trip between two actors that are idle in between: the cost of waking.
func BenchmarkPingPong(b *testing.B) {
	b.Run("kit", func(b *testing.B) {
		tr := newTroupe(b)
		done := make(chan struct{})
		var x, y *Ref
		left := b.N
		y = tr.Spawn("y", fn(func(_ Context, m any) {
			if _, ok := m.(*ping); ok {
				x.Tell(m)
			}
		}), Options{})
		x = tr.Spawn("x", fn(func(_ Context, m any) {
			if _, ok := m.(*ping); !ok {
				return
			}
			if left--; left <= 0 {
				close(done)
				return
			}
			y.Tell(m)
		}), Options{})
		b.ReportAllocs()
		b.ResetTimer()
		y.Tell(&ping{})
		<-done
	})
	b.Run("channel", func(b *testing.B) {
		x, y := make(chan any, 1024), make(chan any, 1024)
		go func() {
			for m := range y {
				x <- m
			}
		}()
		b.ReportAllocs()
		b.ResetTimer()
		for range b.N {
			y <- &ping{}
			<-x
		}
		close(y)
	})
}

// A hop allocates nothing when tracing is off.
func TestHopAllocatesNothing(t *testing.T) {
	tr, a := newTroupe(t), &counter{}
	r, m, sent := tr.Spawn("a", a, Options{}), &ping{}, int64(0)
	hop := func() {
		for range 64 {
			r.Tell(m)
		}
		for sent += 64; a.n.Load() < sent; {
			runtime.Gosched()
		}
	}
	for range 100 {
		hop()
	}
	if n := testing.AllocsPerRun(500, hop); n != 0 {
		t.Fatalf("%v allocations per 64 messages", n)
	}
}
