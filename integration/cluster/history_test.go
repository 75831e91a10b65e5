package cluster

import (
	"strings"
	"testing"
	"time"
)

// The checker must see each kind of broken promise, or it proves nothing.
func TestChecker(t *testing.T) {
	values := []string{"a 1", "a 2", "a 3", "b 1"}
	told := func() *History {
		h := NewHistory()
		for i, v := range values {
			h.Sent(0, v)
			h.Acked(0, int64(i), v, time.Unix(int64(i), 0))
		}
		return h
	}
	log := func(values ...string) map[int32][]Stored {
		var list []Stored
		for i, v := range values {
			list = append(list, Stored{int64(i), v})
		}
		return map[int32][]Stored{0: list}
	}
	for _, c := range []struct {
		name string
		log  map[int32][]Stored
		want string
	}{
		{"all there", log("a 1", "a 2", "a 3", "b 1"), ""},
		{"the last is lost", log("a 1", "a 2", "a 3"), "is lost"},
		{"nothing is there", nil, "is lost"},
		{"one is changed", log("a 1", "a 2", "a 4", "b 1"), "where \"a 4\" is"},
		{"one is there twice", log("a 1", "a 2", "a 3", "b 1", "a 3"), "at offsets 2 and 4"},
		{"two have changed places", log("a 2", "a 1", "a 3", "b 1"), "comes after number 2"},
		{"one was never sent", log("a 1", "a 2", "a 3", "b 1", "c 1"), "never sent"},
	} {
		got := strings.Join(told().Check(c.log), "\n")
		if lost := told().Lost(c.log); (lost > 0) != (strings.Contains(got, "is lost") || strings.Contains(got, "where")) {
			t.Errorf("%s: %d lost, and it says %q", c.name, lost, got)
		}
		if c.want == "" && got != "" || !strings.Contains(got, c.want) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

// What a consumer was given must stay.
func TestCheckerOfConsumers(t *testing.T) {
	h := NewHistory()
	h.Sent(0, "a 1")
	h.Seen(0, 0, "a 1")
	if got := h.Check(map[int32][]Stored{0: {{0, "a 1"}}}); len(got) > 0 {
		t.Error(got)
	}
	if got := h.Check(map[int32][]Stored{0: nil}); len(got) == 0 {
		t.Error("a record that was consumed is gone, and nothing is said")
	}
	h.Seen(0, 0, "a 2")
	if got := strings.Join(h.Check(map[int32][]Stored{0: {{0, "a 2"}}}), "\n"); !strings.Contains(got, "had been given") {
		t.Errorf("a record changed between two readings: %q", got)
	}
}

func TestGap(t *testing.T) {
	h := NewHistory()
	at := func(s int) time.Time { return time.Unix(int64(s), 0) }
	for _, s := range []int{1, 2, 7, 8} {
		h.Acked(0, 0, "", at(s))
	}
	for _, c := range []struct{ from, to, want int }{{0, 8, 5}, {2, 6, 4}, {7, 20, 12}} {
		if got := h.Gap(0, at(c.from), at(c.to)); got != time.Duration(c.want)*time.Second {
			t.Errorf("from %d to %d: %v, want %d s", c.from, c.to, got, c.want)
		}
	}
}
