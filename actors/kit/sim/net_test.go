package sim

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// wire sends 1000 numbers from a to b and returns what arrives.
func wire(seed uint64, f Faults, during func(s *Sim)) (got []int, st Stats) {
	s := New(seed)
	s.Net.Faults = f
	s.Net.Bind(nil, "b", func(_ string, m any) { got = append(got, m.(int)) })
	for i := range 1000 {
		s.At(time.Duration(i)*time.Millisecond, func() { s.Net.Send("a", "b", i) })
	}
	if during != nil {
		during(s)
	}
	s.Run(2 * time.Second)
	return got, s.Stats()
}

func TestNetKeepsOrderUnlessTold(t *testing.T) {
	spread := Faults{Min: time.Millisecond, Max: 20 * time.Millisecond}
	if got, _ := wire(1, spread, nil); len(got) != 1000 || !slices.IsSorted(got) {
		t.Fatal("a link without faults must deliver all, in order")
	}
	spread.Reorder = .2
	if got, _ := wire(1, spread, nil); len(got) != 1000 || slices.IsSorted(got) {
		t.Fatal("no message overtook another")
	}
}

func TestNetDropsAndDoubles(t *testing.T) {
	got, st := wire(1, Faults{Drop: .3}, nil)
	if len(got) < 600 || len(got) > 800 || st.NetDropped != uint64(1000-len(got)) {
		t.Fatalf("%d of 1000 arrived, %+v", len(got), st)
	}
	got, st = wire(1, Faults{Double: .3}, nil)
	if len(got) < 1200 || len(got) > 1400 || st.NetDoubled != uint64(len(got)-1000) {
		t.Fatalf("%d arrived, %+v", len(got), st)
	}
}

func TestNetCutsOneWay(t *testing.T) {
	s := New(1)
	var got []string
	for _, name := range []string{"a", "b"} {
		s.Net.Bind(nil, name, func(from string, m any) { got = append(got, fmt.Sprint(from, ">", name, ":", m)) })
	}
	both := func(what string) {
		s.Net.Send("a", "b", what)
		s.Net.Send("b", "a", what)
		s.Run(time.Second)
	}
	both("1")
	s.Net.Send("a", "b", "under way")
	s.Net.Cut("a", "b")
	both("2")
	s.Net.Split([]string{"a"}, []string{"b"})
	both("3")
	s.Net.Mend("b", "a")
	both("4")
	s.Net.Heal()
	both("5")
	if s := fmt.Sprint(got); s != "[a>b:1 b>a:1 b>a:2 b>a:4 a>b:5 b>a:5]" {
		t.Fatal(s)
	}
}

func TestNetCopiesBytes(t *testing.T) {
	s := New(1)
	var got string
	s.Net.Bind(nil, "b", func(_ string, m any) { got = string(m.([]byte)) })
	b := []byte("frame")
	s.Net.Send("a", "b", b)
	copy(b, "xxxxx")
	s.Run(time.Second)
	if got != "frame" {
		t.Fatal(got)
	}
}

// What was sent to a life that has crashed does not reach the next one.
func TestNetConnectionsEndWithTheirLife(t *testing.T) {
	s := New(1)
	s.Net.Faults.Min = 10 * time.Millisecond
	var got []any
	n := s.Node("n1", func(l *Life) { s.Net.Bind(l, "n1", func(_ string, m any) { got = append(got, m) }) })
	s.Net.Send("n2", "n1", "to the first life")
	s.Run(time.Millisecond)
	n.Crash()
	n.Restart()
	s.Net.Send("n2", "n1", "to the second")
	s.Run(time.Second)
	if fmt.Sprint(got) != "[to the second]" {
		t.Fatal(got)
	}
}
