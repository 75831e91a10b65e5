package sim

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"

	"troupe/actors/kit"
)

// lender lends one thing at a time; who asks meanwhile waits, for two seconds at most.
type lender struct {
	next    *kit.Ref
	lent    bool
	waiting []*question
}

type back struct{}

// overdue is q's time-out; it must not be an ask itself, so q is a field.
type overdue struct{ q *question }

func (a *lender) Receive(c kit.Context, m any) {
	switch m := m.(type) {
	case *question:
		if a.lent {
			a.waiting = append(a.waiting, m)
			c.After(c.Self(), 2*time.Second, overdue{m})
			return
		}
		a.lent = true
		c.Log().Info("lent", "to", m.N)
		a.next.Tell(note{fmt.Sprint("lent to ", m.N)})
		m.Reply(reply{m, true})
	case back:
		a.lent = false
		if len(a.waiting) > 0 {
			first := a.waiting[0]
			a.waiting = a.waiting[1:]
			a.Receive(c, first)
		}
	case overdue:
		if i := slices.Index(a.waiting, m.q); i >= 0 {
			a.waiting = slices.Delete(a.waiting, i, i+1)
			m.q.Refuse()
		}
	case *kit.Inspect:
		m.Reply(kit.Inspected{Inspect: m, State: "open", Fields: []kit.Field{{Name: "waiting", Value: len(a.waiting)}}})
	case kit.Stopping:
		for _, q := range a.waiting {
			q.Refuse()
		}
	case note:
		c.Fatal("told " + m.Text)
	}
}

func TestStories(t *testing.T) {
	Stories(t, "testdata", func(st *Stage) func(d *datadriven.TestData) string {
		asker, next := st.Probe("asker"), st.Probe("next")
		boot := func() *kit.Ref { return st.Sys.Spawn("lender", &lender{next: next.Ref()}, kit.Options{}) }
		r := boot()
		return func(d *datadriven.TestData) string {
			switch d.Cmd {
			case "ask":
				var n int
				d.ScanArgs(t, "n", &n)
				r.Tell(&question{Ask: kit.Ask{ReplyTo: asker.Ref()}, N: n})
			case "back":
				r.Tell(back{})
			case "tell":
				r.Tell(note{d.CmdArgs[0].Key})
			case "boot":
				st.Restart()
				r = boot()
			default:
				d.Fatalf(t, "unknown command %s", d.Cmd)
			}
			return ""
		}
	})
}

type shape struct {
	Text  string
	N     int32
	Empty string
	Raw   []byte
	Long  []byte
	List  []int
	To    *kit.Ref
	Err   error
	D     time.Duration
	At    time.Time
	M     map[string]int
	in    struct{ A, B int }
	F     func()
}

func TestFormat(t *testing.T) {
	p := New(1).Probe("conn/1")
	q := &question{Ask: kit.Ask{ReplyTo: p.Ref(), Slot: 3}, N: 4}
	x := shape{Text: "two words", N: -1, Raw: []byte{0, 1}, Long: []byte(strings.Repeat("x", 100)), List: []int{1, 2, 3, 4, 5, 6, 7, 8, 9},
		To: p.Ref(), Err: errors.New("e"), D: time.Second, At: Epoch, M: map[string]int{"a": 1}, F: func() {}}
	x.in.B = 2
	for _, c := range []struct {
		m    any
		want string
	}{
		{q, "sim.question N=4"},
		{reply{q, true}, "sim.reply OK=true"},
		{kit.Started{}, "kit.Started"},
		{"text", "string text"},
		{7, "int 7"},
		{&x, `sim.shape Text="two words" N=-1 Raw=2:0001 Long=100:"xxxxxxxxxxxxxxxxxxxxxxxx" List=[1 2 3 4 5 6 7 8 … 9] To=@conn/1 ` +
			`Err=e D=1s At=00:00:00.000 M=map(1) in={B=2}`},
	} {
		if got := Format(c.m); got != c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
	}
}

// Without an order in time a stage would run for ever: it notices.
func TestStageNoticesARound(t *testing.T) {
	st := NewStage(t)
	st.Sys.Spawn("a", fn(func(c kit.Context, m any) { c.Self().Tell(tick{}) }), kit.Options{})
	if err := st.Settle(0); err == nil || !strings.Contains(err.Error(), "never come to rest") {
		t.Fatal(err)
	}
}

func TestSeeds(t *testing.T) {
	t.Setenv("SEED", "40")
	t.Setenv("N", "3")
	var seen []uint64
	sum := Seeds(t, 100, func(t *testing.T, s *Sim) {
		seen = append(seen, s.Seed)
		trio(s)
		if _, ok := Ask[reply](s, time.Second, func(to *kit.Ref) {
			s.nodes[0].Life().Lookup("counter").Tell(&question{Ask: kit.Ask{ReplyTo: to}})
		}); !ok {
			t.Error("no answer")
		}
	})
	if fmt.Sprint(seen) != "[40 41 42]" || sum.Crashes != 9 || sum.Messages < 1500 {
		t.Fatalf("%v %+v", seen, sum)
	}
}

// A seed finds what fairness hides: an actor that takes for granted that the pool answers in order.
func TestSeedsFindOrderBugs(t *testing.T) {
	found := 0
	for seed := range uint64(50) {
		s := New(seed)
		last := 0
		s.Node("n1", func(l *Life) {
			l.Spawn("a", fn(func(c kit.Context, m any) {
				switch m := m.(type) {
				case kit.Started:
					c.Go(c.Self(), func() any { return 1 })
					c.Go(c.Self(), func() any { return 2 })
				case int:
					kit.Invariant(m > last, "BUG: %d after %d", m, last)
					last = m
				}
			}), kit.Options{})
		})
		if s.Run(time.Second) != nil {
			found++
		}
	}
	if found == 0 || found == 50 {
		t.Fatalf("%d of 50 seeds found it", found)
	}
}
