package kit

import (
	"fmt"
	"io"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// fn is an actor made of a function.
type fn func(c Context, m any)

func (f fn) Receive(c Context, m any) { f(c, m) }

func newTroupe(t testing.TB) *Troupe {
	tr := New(slog.New(slog.NewTextHandler(io.Discard, nil)), 4)
	tr.SetFatal(func(reason string) { t.Errorf("fatal: %s", reason) })
	t.Cleanup(tr.Close)
	return tr
}

// until waits for a condition that another goroutine brings about.
func until(t testing.TB, what string, cond func() bool) {
	t.Helper()
	for end := time.Now().Add(5 * time.Second); !cond(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("timeout: %s", what)
		}
	}
}

// journal is a list that goroutines append to.
type journal struct {
	mu sync.Mutex
	l  []string
}

func (j *journal) add(format string, a ...any) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.l = append(j.l, fmt.Sprintf(format, a...))
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return strings.Join(j.l, " ")
}

func (j *journal) wait(t testing.TB, want string) {
	t.Helper()
	end := time.Now().Add(5 * time.Second)
	for j.String() != want {
		if time.Now().After(end) {
			t.Fatalf("got  %q\nwant %q", j, want)
		}
		time.Sleep(time.Millisecond)
	}
}

// question is an ask of these tests.
type question struct {
	Ask
	n int
}

type reply struct {
	*question
	ok bool
}

func (q *question) Refuse() { q.Reply(reply{q, false}) }

func (j *journal) actor(c Context, m any) {
	switch m := m.(type) {
	case reply:
		j.add("%d:%v", m.n, m.ok)
	default:
		j.add("%v", m)
	}
}

func sink(tr *Troupe, name string) (*Ref, *journal) {
	j := &journal{}
	return tr.Spawn(name, fn(func(c Context, m any) {
		if _, ok := m.(Started); !ok {
			j.actor(c, m)
		}
	}), Options{}), j
}

func TestOrderOfALife(t *testing.T) {
	tr, j := newTroupe(t), &journal{}
	gate := make(chan struct{})
	r := tr.Spawn("a/1", fn(func(c Context, m any) {
		switch m := m.(type) {
		case Started:
			<-gate
			j.add("started:%s", c.Self().Name())
		case Stopping:
			j.add("stopping")
			c.Self().Tell(99) // goes the way of all leftovers
		default:
			j.add("%v", m)
		}
	}), Options{})
	asker, answers := sink(tr, "asker")
	r.Tell(1)
	r.Tell(2)
	tr.Stop(r, asker, "gone1")
	r.Tell(3)
	r.Tell(&question{Ask: Ask{ReplyTo: asker}, n: 7})
	tr.Stop(r, asker, "gone2")
	close(gate)
	j.wait(t, "started:a/1 1 2 stopping")
	answers.wait(t, "7:false gone1 gone2")
	if tr.Lookup("a/1") != nil {
		t.Fatal("name not freed")
	}
	r.Tell(&question{Ask: Ask{ReplyTo: asker}, n: 8})
	tr.Stop(r, asker, "gone3")
	answers.wait(t, "7:false gone1 gone2 8:false gone3")
	if r.TryTell(1) {
		t.Fatal("TryTell to a stopped actor")
	}
}

// An answer embeds its ask, and so its Refuse. Refusing the answer must not answer the ask again.
func TestAnswerToStoppedAskerIsDropped(t *testing.T) {
	tr := newTroupe(t)
	asker, _ := sink(tr, "asker")
	stopped, done := sink(tr, "stopped")
	tr.Stop(asker, stopped, "x")
	done.wait(t, "x")
	q := &question{Ask: Ask{ReplyTo: asker}}
	q.Reply(reply{q, true})
	defer func() {
		if recover() == nil {
			t.Fatal("a second answer went unnoticed")
		}
	}()
	q.Reply(reply{q, true})
}

// The name is free when notify is told: a successor can be spawned at once.
func TestRespawnOnNotify(t *testing.T) {
	tr := newTroupe(t)
	const rounds = 200
	var lives atomic.Int32
	child := fn(func(Context, any) {})
	done := make(chan struct{})
	tr.Spawn("parent", fn(func(c Context, m any) {
		if lives.Add(1) > rounds {
			if lives.Load() == rounds+1 {
				close(done)
			}
			return
		}
		c.Stop(c.Spawn("child", child, Options{}), c.Self(), "again")
	}), Options{})
	select {
	case <-done:
	case <-time.After(5 * time.Second):
		t.Fatalf("stuck after %d lives", lives.Load())
	}
}

// Messages that other goroutines send while the actor is being spawned come after Started and are not lost.
func TestPostsRaceWithSpawn(t *testing.T) {
	tr := newTroupe(t)
	for i := range 100 {
		name := fmt.Sprintf("r/%d", i)
		var sent, got atomic.Int32
		var early atomic.Bool
		stop, ready := make(chan struct{}), make(chan struct{})
		go func() {
			close(ready)
			for {
				select {
				case <-stop:
					return
				default:
				}
				if r := tr.Lookup(name); r != nil && sent.Load() < 50 {
					r.Tell(1)
					sent.Add(1)
				}
				runtime.Gosched()
			}
		}()
		<-ready
		started := false
		tr.Spawn(name, fn(func(_ Context, m any) {
			switch m.(type) {
			case Started:
				started = true
			case int:
				if !started {
					early.Store(true)
				}
				got.Add(1)
			}
		}), Options{})
		until(t, "messages sent", func() bool { return sent.Load() == 50 })
		close(stop)
		until(t, "messages received", func() bool { return got.Load() == 50 })
		if early.Load() {
			t.Fatal("message before Started")
		}
	}
}

func TestManySendersKeepTheirOrder(t *testing.T) {
	tr := newTroupe(t)
	const senders, each = 8, 5000
	var last [senders]int
	var n atomic.Int32
	r := tr.Spawn("a", fn(func(_ Context, m any) {
		if x, ok := m.([2]int); ok {
			if x[1] != last[x[0]]+1 {
				t.Errorf("sender %d: %d after %d", x[0], x[1], last[x[0]])
			}
			last[x[0]] = x[1]
			n.Add(1)
		}
	}), Options{})
	for s := range senders {
		go func() {
			for i := 1; i <= each; i++ {
				r.Tell([2]int{s, i})
			}
		}()
	}
	until(t, "all messages", func() bool { return n.Load() == senders*each })
	tr.Stop(r, nil, nil)
	until(t, "stop", func() bool { return tr.Lookup("a") == nil })
	k := kindOf(tr, "a")
	if k.Actors != 0 || k.Processed != senders*each+1 { // and the stop itself
		t.Fatalf("totals of stopped actors: %d actors, %d processed", k.Actors, k.Processed)
	}
}

func kindOf(tr *Troupe, name string) KindInfo {
	for _, k := range tr.Kinds() {
		if k.Kind == name {
			return k
		}
	}
	return KindInfo{}
}

func TestTryTellIsBounded(t *testing.T) {
	tr := newTroupe(t)
	gate := make(chan struct{})
	r := tr.Spawn("a", fn(func(_ Context, m any) {
		if m == 0 {
			<-gate
		}
	}), Options{Limit: 10})
	r.Tell(0)
	until(t, "actor holds the gate", func() bool { return r.Depth() == 0 })
	for i := range 10 {
		if !r.TryTell(i + 1) {
			t.Fatalf("refused at %d", i)
		}
	}
	if r.TryTell(11) {
		t.Fatal("limit not kept")
	}
	r.Tell(12) // Tell is not bounded
	if d := r.Depth(); d != 11 {
		t.Fatalf("depth %d", d)
	}
	close(gate)
	until(t, "drained", func() bool { return r.Depth() == 0 })
	if i, _ := tr.Actor("a"); i.Full != 1 || i.In != 12 {
		t.Fatalf("%+v", i)
	}
}

func TestSpawnTwiceIsABug(t *testing.T) {
	tr := newTroupe(t)
	sink(tr, "a")
	defer func() {
		if recover() == nil {
			t.Fatal("no invariant failure")
		}
	}()
	sink(tr, "a")
}

func TestTimers(t *testing.T) {
	tr := newTroupe(t)
	r, j := sink(tr, "a")
	tr.After(r, 30*time.Millisecond, "late")
	x := tr.After(r, time.Hour, "never")
	early := tr.After(r, time.Millisecond, "early")
	if first, second := x.Stop(), x.Stop(); !first || !second {
		t.Fatal("Stop of a pending timer must say true, twice")
	}
	j.wait(t, "early late")
	if early.Stop() {
		t.Fatal("Stop after the message was sent")
	}
}

func TestAwait(t *testing.T) {
	tr := newTroupe(t)
	var held atomic.Pointer[question]
	tr.Spawn("a", fn(func(_ Context, m any) {
		switch m := m.(type) {
		case *Inspect:
			m.Reply(Inspected{Inspect: m, State: "well"})
		case *question:
			held.Store(m)
		}
	}), Options{})
	if x, ok := tr.Inspect("a", time.Second); !ok || x.State != "well" {
		t.Fatalf("%v %v", x, ok)
	}
	if _, ok := tr.Inspect("nobody", time.Second); ok {
		t.Fatal("nobody answered")
	}
	_, ok := Await[reply](tr, 20*time.Millisecond, func(to *Ref) { tr.Lookup("a").Tell(&question{Ask: Ask{ReplyTo: to}}) })
	if ok {
		t.Fatal("an answer that nobody gave")
	}
	q := held.Load()
	q.Reply(reply{q, true}) // late: dropped
}
