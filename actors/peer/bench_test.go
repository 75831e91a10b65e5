package peer

import (
	"slices"
	"testing"
	"time"

	"troupe/actors/kit"
	"troupe/storage"
)

// linked are two hosts whose link is up, in one process, over loopback.
func linked(b *testing.B) (x, y *host, up Up) {
	x, y = newHost(b, 1, nil), newHost(b, 2, nil)
	x.link(y)
	return x, y, next[Up](x)
}

// caller asks again as soon as it is answered.
type caller struct {
	link  *kit.Ref
	left  int
	asked time.Time
	took  []time.Duration
	done  chan struct{}
}

func (a *caller) Receive(c kit.Context, m any) {
	switch m := m.(type) {
	case Answered:
		if m.Reason != OK {
			panic(m.Reason)
		}
		a.took = append(a.took, time.Since(a.asked))
	case kit.Started:
	default:
		return
	}
	if a.left--; a.left < 0 {
		close(a.done)
		return
	}
	a.asked = time.Now()
	a.link.Tell(&Ask{Ask: kit.Ask{ReplyTo: c.Self()}, To: 2, Kind: KindProposal, Head: []byte("0123456789abcdef")})
}

func BenchmarkRoundTrip(b *testing.B) {
	x, _, up := linked(b)
	a := &caller{link: up.Link, left: b.N, done: make(chan struct{})}
	b.ResetTimer()
	x.sys.Spawn("caller", a, kit.Options{})
	<-a.done
	b.StopTimer()
	slices.Sort(a.took)
	b.ReportMetric(float64(a.took[len(a.took)/2].Microseconds()), "p50-µs")
	b.ReportMetric(float64(a.took[len(a.took)*99/100].Microseconds()), "p99-µs")
}

// sink is done with everything at once.
type sink struct {
	left int
	done chan struct{}
}

func (s *sink) Receive(_ kit.Context, m any) {
	if r, ok := m.(*Received); ok {
		r.Done()
		if s.left--; s.left == 0 {
			close(s.done)
		}
	}
}

func benchmarkAppend(b *testing.B, size int) {
	x, y, up := linked(b)
	s := &sink{left: b.N, done: make(chan struct{})}
	y.ref.Tell(Register{Kind: KindReplication, To: y.sys.Spawn("sink", s, kit.Options{})})
	next[Up](y)
	eventually(b, "the sink gets all", func() bool { _, ok := y.sys.Inspect(LinkName(1), time.Second); return ok })
	slab := storage.NewSlab(size + storage.SlabOverhead)
	i, _ := slab.Add(size)
	b.SetBytes(int64(size))
	b.ResetTimer()
	x.sys.Spawn("source", &source{link: up.Link, part: Part{slab.Batch(i), slab}, left: b.N, window: max(8<<20/size, 2)}, kit.Options{})
	<-s.done
	b.StopTimer()
	slab.Release()
}

// source keeps a window of messages on their way.
type source struct {
	link         *kit.Ref
	part         Part
	left, window int
}

func (s *source) Receive(c kit.Context, m any) {
	switch m := m.(type) {
	case kit.Started:
		for range s.window {
			s.send(c)
		}
	case Sent:
		s.send(c)
	case Dropped:
		panic(m.Reason)
	}
}

func (s *source) send(c kit.Context) {
	if s.left--; s.left >= 0 {
		s.part.Slab.Hold()
		s.link.Tell(&Send{To: 2, Lane: Append, Kind: KindReplication, Parts: []Part{s.part}, Confirm: true, From: c.Self()})
	}
}

func BenchmarkAppend64K(b *testing.B) { benchmarkAppend(b, 64<<10) }
func BenchmarkAppend1M(b *testing.B)  { benchmarkAppend(b, 1<<20) }
