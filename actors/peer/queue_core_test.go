package peer

import (
	"fmt"
	"testing"
	"time"
)

func TestOutLane(t *testing.T) {
	o := outLane[string]{max: 100, window: 60}
	f := func(what string, got, want any) {
		t.Helper()
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s: %v, want %v", what, got, want)
		}
	}
	next := func(limit int) string { l, n := o.next(limit); return fmt.Sprint(l, n) }

	f("a", o.push("a", 40), true)
	f("b", o.push("b", 40), true)
	f("c", o.push("c", 40), false) // 120 > 100
	f("d", o.push("d", 20), true)
	f("next", next(1000), "[a] 40") // b goes beyond the credit
	f("next", next(1000), "[] 0")
	o.urge("ping")
	f("next", next(1000), "[ping] 0") // needs no credit
	f("full", o.push("e", 1), false)  // a is with the writer still
	o.written(40)
	f("room", o.push("e", 1), true)
	f("left", o.left(), 20)
	f("too much", o.credit(41), "credit for 41 bytes, of which 40 were sent")
	f("credit", o.credit(10), nil)
	f("next", next(1000), "[] 0") // 30 + 40 > 60
	f("credit", o.credit(20), nil)
	f("older", o.credit(10), nil)
	f("next", next(1000), "[b] 40")
	f("credit", o.credit(80), nil)
	f("left", o.left(), 60)
	f("next", next(20), "[d] 20") // about so many bytes in one write
	f("next", next(20), "[e] 1")
	o.written(61)
	f("bytes", o.bytes, 0)
	f("giant", o.push("giant", 500), true) // the queue is empty
	f("behind", o.push("z", 1), false)
	f("next", next(1000), "[] 0") // 21 are under way
	f("credit", o.credit(101), nil)
	f("next", next(1000), "[giant] 500")
	f("left", o.left(), 0)

	n := outLane[int]{max: 1 << 30}
	for i := range maxFrames {
		if !n.push(i, 1) {
			t.Fatal(i)
		}
	}
	f("frames", n.push(0, 1), false)
}

func TestInLane(t *testing.T) {
	i := inLane{window: 80}
	f := func(got, want any) {
		t.Helper()
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%v, want %v", got, want)
		}
	}
	f(i.take(50), nil)
	f(i.take(30), nil)
	f(i.take(1), "1 bytes beyond its credit")
	f(i.free(5), false) // less than an eighth
	f(i.free(5), true)
	i.given = i.freed
	f(i.take(10), nil)
	f(i.take(1), "1 bytes beyond its credit")
	f(i.free(80), true) // all of it
	i.given = i.freed
	f(i.take(500), nil) // one that is larger than the window
	f(i.take(1), "421 bytes beyond its credit")
}

func TestReplaces(t *testing.T) {
	f := func(incarnation, last uint64, want bool) {
		t.Helper()
		if got := replaces(77, 5, hello{Identity: Identity{Incarnation: incarnation}, last: last}); got != want {
			t.Errorf("%v", got)
		}
	}
	f(5, 0, false)  // dialled before it heard of 77
	f(5, 66, false) // likewise
	f(5, 77, true)  // it has lost 77
	f(6, 0, true)   // another run
	f(4, 0, false)
}

func TestPause(t *testing.T) {
	for n := range 100 {
		want := min(firstPause<<min(n, 20), maxPause)
		for _, chance := range []uint64{0, 1, 1 << 40, 1<<64 - 1} {
			if d := pause(n, chance); d < want/2 || d > want || d > 1500*time.Millisecond {
				t.Errorf("pause %d is %s", n, d)
			}
		}
	}
}
