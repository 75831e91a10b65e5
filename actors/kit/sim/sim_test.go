package sim

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"troupe/actors/kit"
)

// fn is an actor made of a function.
type fn func(c kit.Context, m any)

func (f fn) Receive(c kit.Context, m any) { f(c, m) }

// question and reply are the ask of these tests.
type question struct {
	kit.Ask
	N int
}

type reply struct {
	*question
	OK bool
}

func (q *question) Refuse() { q.Reply(reply{q, false}) }

type tick struct{}
type note struct{ Text string }
type synced struct{ N int }

// member is an actor that uses all of the System: timers, pool, blocker, chance, network.
type member struct {
	name  string
	peers []string
	disk  kit.Blocker
	n     int
	sum   uint64
}

func (a *member) Receive(c kit.Context, m any) {
	switch m := m.(type) {
	case kit.Started:
		a.disk = c.Blocker(c.Self(), "disk")
		c.After(c.Self(), 10*time.Millisecond, tick{})
	case tick:
		a.n++
		n := a.n
		a.disk.Do(func() any { return synced{n} })
		c.Go(c.Self(), func() any { return note{fmt.Sprint("pool ", n)} })
		c.After(c.Self(), time.Duration(c.Rand()%20)*time.Millisecond, tick{})
		to := a.peers[c.Rand()%uint64(len(a.peers))]
		c.(interface{ Sim() *Sim }).Sim().Net.Send(a.name, to, []byte(fmt.Sprint(n)))
		c.Lookup("counter").Tell(&question{Ask: kit.Ask{ReplyTo: c.Self()}, N: n})
	case synced:
		a.sum += uint64(m.N)
	case reply:
		a.sum ^= uint64(m.N)
	case []byte:
		a.sum = a.sum*31 + uint64(len(m))
	}
}

func counter(c kit.Context, m any) {
	if q, ok := m.(*question); ok {
		q.Reply(reply{q, true})
	}
}

// trio runs three nodes for a while, with a faulty network, cuts, and a crash of each.
func trio(s *Sim) {
	names := []string{"n1", "n2", "n3"}
	s.Net.Faults = Faults{Drop: .05, Double: .05, Reorder: .1, Min: 100 * time.Microsecond, Max: 3 * time.Millisecond}
	for i, name := range names {
		n := s.Node(name, func(l *Life) {
			l.Spawn("counter", fn(counter), kit.Options{})
			r := l.Spawn("member", &member{name: name, peers: names}, kit.Options{})
			s.Net.Bind(l, name, func(_ string, m any) { r.Tell(m) })
		})
		down := time.Duration(100+100*i) * time.Millisecond
		s.At(down, n.Crash)
		s.At(down+50*time.Millisecond, n.Restart)
	}
	s.At(20*time.Millisecond, func() { s.Net.Cut("n1", "n2") })
	s.At(80*time.Millisecond, s.Net.Heal)
	s.Run(time.Second)
}

func TestSameSeedSameTrace(t *testing.T) {
	hashes := map[uint64]uint64{}
	for seed := range uint64(20) {
		var first []string
		var hash uint64
		for run := range 2 {
			s := New(seed)
			s.Trace.Keep(1 << 20)
			trio(s)
			if s.Err() != nil {
				t.Fatal(s.Err())
			}
			lines := s.Trace.Lines()
			if run == 0 {
				first, hash = lines, s.Hash()
				continue
			}
			if s.Hash() != hash || !slices.Equal(first, lines) {
				t.Fatalf("seed %d: two runs differ", seed)
			}
			st := s.Stats()
			if st.Messages < 500 || st.Crashes != 3 || st.Restarts != 3 || st.NetDropped == 0 || st.NetDoubled == 0 || st.Work == 0 || st.Timers == 0 {
				t.Fatalf("seed %d does too little: %+v", seed, st)
			}
			if left := s.Unanswered(500 * time.Millisecond); left != nil {
				t.Fatalf("unanswered: %v", left)
			}
		}
		if other, ok := hashes[hash]; ok {
			t.Fatalf("seeds %d and %d have the same trace", other, seed)
		}
		hashes[hash] = seed
	}
}

// Between one sender and one receiver the order is kept; between several senders each seed has its own.
func TestOrderOfMessages(t *testing.T) {
	orders := map[string]bool{}
	for seed := range uint64(50) {
		s := New(seed)
		var got []string
		n := s.Node("n1", nil).Life()
		to := n.Spawn("to", fn(func(_ kit.Context, m any) {
			if x, ok := m.(string); ok {
				got = append(got, x)
			}
		}), kit.Options{})
		for _, name := range []string{"a", "b", "c"} {
			n.Spawn(name, fn(func(c kit.Context, m any) {
				if _, ok := m.(kit.Started); ok {
					for i := range 3 {
						to.Tell(fmt.Sprint(c.Self().Name(), i))
						c.Self().Tell(i)
					}
				}
			}), kit.Options{})
		}
		s.Run(time.Second)
		if len(got) != 9 {
			t.Fatalf("%d messages", len(got))
		}
		for _, name := range []string{"a", "b", "c"} {
			if slices.Index(got, name+"0") > slices.Index(got, name+"1") || slices.Index(got, name+"1") > slices.Index(got, name+"2") {
				t.Fatalf("seed %d: order of %s lost: %v", seed, name, got)
			}
		}
		orders[strings.Join(got, " ")] = true
	}
	if len(orders) < 5 {
		t.Fatalf("only %d different orders in 50 seeds", len(orders))
	}
}

func TestBlockerIsInOrderAndThePoolIsNot(t *testing.T) {
	shuffled := false
	for seed := range uint64(30) {
		s := New(seed)
		var steps, pool []string
		l := s.Node("n1", nil).Life()
		r := l.Spawn("a", fn(func(_ kit.Context, m any) {
			if x, ok := m.(int); ok {
				steps = append(steps, fmt.Sprint("told", x))
			} else if x, ok := m.(string); ok {
				pool = append(pool, x)
			}
		}), kit.Options{})
		b := l.Blocker(r, "disk")
		for i := range 4 {
			b.Do(func() any { steps = append(steps, fmt.Sprint("ran", i)); return i })
			l.Go(r, func() any { return fmt.Sprint(i) })
		}
		b.Do(func() any { return nil })
		b.Close()
		b.Do(func() any { t.Error("ran after Close"); return nil })
		s.Run(10 * time.Second)
		for i := range 4 {
			if slices.Index(steps, fmt.Sprint("ran", i)) > slices.Index(steps, fmt.Sprint("told", i)) {
				t.Fatal(steps)
			}
		}
		if ran := slices.DeleteFunc(slices.Clone(steps), func(x string) bool { return x[0] == 't' }); !slices.IsSorted(ran) || len(ran) != 4 {
			t.Fatalf("seed %d: %v", seed, steps)
		}
		shuffled = shuffled || !slices.IsSorted(pool)
		if len(pool) != 4 {
			t.Fatal(pool)
		}
	}
	if !shuffled {
		t.Fatal("the pool always kept the order")
	}
}

func TestTimersAndClock(t *testing.T) {
	s := New(1)
	n := s.Node("n1", nil)
	p := s.Probe("p")
	l := n.Life()
	l.After(p.Ref(), time.Second, "late")
	l.After(p.Ref(), time.Millisecond, "early")
	x := l.After(p.Ref(), time.Millisecond, "never")
	if first, second := x.Stop(), x.Stop(); !first || !second {
		t.Fatal("Stop of a pending timer must say true, twice")
	}
	y := l.After(p.Ref(), 0, "now")
	s.Run(10 * time.Millisecond)
	if fmt.Sprint(p.Got) != "[now early]" || y.Stop() {
		t.Fatal(p.Got)
	}
	if l.Now() != Epoch.Add(10*time.Millisecond) {
		t.Fatal(l.Now())
	}
	n.JumpClock(-time.Hour)
	s.Run(2 * time.Second)
	if fmt.Sprint(p.Got) != "[now early late]" || l.Now().After(Epoch) {
		t.Fatal(p.Got, l.Now())
	}
}

func TestStop(t *testing.T) {
	s := New(3)
	l := s.Node("n1", nil).Life()
	p := s.Probe("p")
	say := func(x string) { p.Ref().Tell(x) }
	r := l.Spawn("a", fn(func(c kit.Context, m any) {
		switch m := m.(type) {
		case kit.Stopping:
			say("stopping")
			c.Self().Tell("leftover")
		case kit.Started:
			say("started")
		case string:
			say(m)
		}
	}), kit.Options{})
	r.Tell("one")
	l.Stop(r, p.Ref(), "gone1")
	r.Tell(&question{Ask: kit.Ask{ReplyTo: p.Ref()}, N: 5})
	l.Stop(r, p.Ref(), "gone2")
	s.Run(time.Second)
	r.Tell(&question{Ask: kit.Ask{ReplyTo: p.Ref()}, N: 6})
	l.Stop(r, p.Ref(), "gone3")
	var got []string
	for _, m := range p.Take() {
		got = append(got, strings.TrimPrefix(Format(m), "string "))
	}
	want := "started one stopping sim.reply gone1 gone2 sim.reply gone3"
	if strings.Join(got, " ") != want || l.Lookup("a") != nil || r.TryTell(1) {
		t.Fatalf("got  %s\nwant %s", strings.Join(got, " "), want)
	}
	if left := s.Unanswered(0); left != nil {
		t.Fatal(left)
	}
}

func TestCrashDropsEverything(t *testing.T) {
	for seed := range uint64(20) {
		s := New(seed)
		p := s.Probe("outside")
		var n *Node
		boots := 0
		n = s.Node("n1", func(l *Life) {
			boots++
			life := boots
			r := l.Spawn("a", fn(func(c kit.Context, m any) {
				switch m.(type) {
				case kit.Started:
					c.After(c.Self(), 30*time.Millisecond, tick{})
					c.Blocker(c.Self(), "disk").Do(func() any { return note{} })
				case tick:
					n.Crash() // in the middle of a step: what follows has no effect
					c.Self().Tell(note{})
					p.Ref().Tell("after the crash")
					c.After(p.Ref(), 0, "timer after the crash")
					c.Go(p.Ref(), func() any { return "work after the crash" })
					s.Net.Send("n1", "n1", "frame after the crash")
				case *question: // never answered
				case string:
					p.Ref().Tell(fmt.Sprint("life ", life))
				}
			}), kit.Options{})
			s.Net.Bind(l, "n1", func(_ string, m any) { r.Tell(m) })
			l.After(p.Ref(), time.Hour, "timer of a dead life")
		})
		old := n.Life().Lookup("a")
		old.Tell(&question{Ask: kit.Ask{ReplyTo: p.Ref()}})
		s.Run(5 * time.Millisecond)
		if len(s.Unanswered(0)) != 1 {
			t.Fatal("the open ask is not seen")
		}
		s.Run(time.Second)
		if n.Up() || len(p.Got) != 0 || len(s.Unanswered(0)) != 0 || n.Depth() != 0 {
			t.Fatalf("seed %d: up %v, got %v, unanswered %v", seed, n.Up(), p.Got, s.Unanswered(0))
		}
		old.Tell("x")
		n.Restart()
		old.Tell("x")
		if !old.TryTell("x") {
			t.Fatal("a crashed node must swallow, not refuse")
		}
		s.Net.Send("n2", "n1", "hello")
		s.Run(20 * time.Millisecond)
		if fmt.Sprint(p.Got) != "[life 2]" {
			t.Fatalf("seed %d: %v", seed, p.Got)
		}
	}
}

func TestFailuresNameTheirSeed(t *testing.T) {
	for name, c := range map[string]struct {
		do   func(c kit.Context)
		want string
	}{
		"panic":         {func(kit.Context) { panic("oops") }, "panic in n1 a, message sim.tick: oops"},
		"invariant":     {func(kit.Context) { kit.Invariant(1 > 2, "BUG: %d", 7) }, "BUG: 7"},
		"fatal":         {func(c kit.Context) { c.Fatal("disk is gone", "errno", 5) }, "n1: fatal: disk is gone errno=5"},
		"double answer": {func(c kit.Context) { q := &question{}; q.Reply(reply{q, true}); q.Reply(reply{q, true}) }, "second answer"},
		"in pool":       {func(c kit.Context) { c.Go(c.Self(), func() any { panic("pooled") }) }, "pooled"},
		"spawned twice": {func(c kit.Context) { c.Spawn("a", fn(counter), kit.Options{}) }, "spawned twice"},
	} {
		for _, survives := range []bool{false, true} {
			s := New(77)
			a := fn(func(ctx kit.Context, m any) {
				if _, ok := m.(tick); ok {
					c.do(ctx)
				}
			})
			n := s.Node("n1", func(l *Life) { l.Spawn("a", a, kit.Options{}) })
			reason := ""
			if survives {
				n.OnFatal = func(r string) { reason = r }
			}
			n.Life().Lookup("a").Tell(tick{})
			err := s.Run(time.Second)
			switch {
			case survives && (err != nil || n.Up() || !strings.Contains("n1: "+reason, c.want)):
				t.Errorf("%s: the node must die alone: %v, %q", name, err, reason)
			case !survives && (err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "make sim SEED=77 N=1")):
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

type dies struct{ p *Probe }

func (a dies) Receive(_ kit.Context, m any) {
	switch m.(type) {
	case tick:
		panic("only me")
	case kit.Stopping:
		a.p.Ref().Tell("stopping")
	}
}

func (a dies) Crashed(_ kit.Context, reason any) { a.p.Ref().Tell(fmt.Sprint("crashed: ", reason)) }

func TestMayDie(t *testing.T) {
	s := New(2)
	p := s.Probe("p")
	l := s.Node("n1", nil).Life()
	r := l.Spawn("conn/1", dies{p}, kit.Options{MayDie: true})
	r.Tell(tick{})
	r.Tell(&question{Ask: kit.Ask{ReplyTo: p.Ref()}, N: 1})
	l.Stop(r, p.Ref(), "gone")
	if err := s.Run(time.Second); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(p.Got[0], " ", Format(p.Got[1]), " ", p.Got[2]); got != "crashed: only me sim.reply gone" {
		t.Fatal(got)
	}
}

func TestChecksRunAfterEveryStep(t *testing.T) {
	s := New(5)
	n := 0
	s.Node("n1", func(l *Life) {
		l.Spawn("a", fn(func(c kit.Context, _ any) { n++; c.Self().Tell(tick{}) }), kit.Options{})
	})
	s.Check(func() error {
		if n == 100 {
			return errors.New("a hundred")
		}
		return nil
	})
	var f *Failure
	if err := s.Run(time.Minute); !errors.As(err, &f) || n != 100 || f.Step != 100 || !strings.HasSuffix(err.Error(), "make sim SEED=5 N=1") {
		t.Fatal(n, err)
	}
	if len(f.Trace) < 100 || !strings.Contains(f.Trace[len(f.Trace)-1], "n1 a <- sim.tick") {
		t.Fatalf("%q", f.Trace)
	}
}
