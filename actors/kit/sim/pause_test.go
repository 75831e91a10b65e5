package sim

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"troupe/actors/kit"
)

type ticked struct{}

// diary notes what it is told, and when.
type diary struct {
	s     *Sim
	lines []string
}

func (d *diary) Receive(c kit.Context, m any) {
	switch m := m.(type) {
	case kit.Started:
		c.After(c.Self(), 100*time.Millisecond, ticked{})
	case string, ticked:
		d.lines = append(d.lines, fmt.Sprintf("%v at %d s", m, d.s.Now()/time.Second))
	}
}

// A paused node does nothing, loses nothing, and finds its clock ahead when it goes on; one that is killed meanwhile has lost it all.
func TestPause(t *testing.T) {
	for _, crash := range []bool{false, true} {
		s := New(1)
		d := &diary{s: s}
		var ref *kit.Ref
		n := s.Node("n", func(l *Life) { ref = l.Spawn("diary", d, kit.Options{}) })
		s.Net.Bind(n.Life(), "n", func(_ string, m any) { ref.Tell(m) })
		s.Run(10 * time.Millisecond)
		n.Pause()
		before := n.Life().Now()
		ref.Tell("message")
		s.Net.Send("x", "n", "from afar")
		s.Run(3 * time.Second)
		if len(d.lines) > 0 || !n.Paused() {
			t.Fatalf("a paused node did %q", d.lines)
		}
		if crash {
			n.Crash()
		}
		n.Resume()
		s.Run(time.Second)
		slices.Sort(d.lines)
		want := []string{"from afar at 3 s", "message at 3 s", "{} at 3 s"}
		if crash {
			want = nil
		}
		if !slices.Equal(d.lines, want) {
			t.Errorf("crash %v: it did %q, want %q", crash, d.lines, want)
		}
		if late := n.Life().Now().Sub(before); late < 3*time.Second {
			t.Errorf("its clock went on by %s only", late)
		}
	}
}
