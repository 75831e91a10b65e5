package kafka

import (
	"sync/atomic"
	"testing"
	"time"
)

// Requests that name many things go one after the other when there is no room for two, however large they are; and who waits can be called off.
func TestGiantsQueue(t *testing.T) {
	m := newMemory(1<<30, 1<<30)
	a, b, c := account{b: m.giants}, account{b: m.giants}, account{b: m.giants}
	if !a.take(maxGiants) {
		t.Fatal("the first one was refused")
	}
	var second, third atomic.Int32
	take := func(x *account, to *atomic.Int32) {
		if x.take(1) {
			to.Store(1)
		} else {
			to.Store(2)
		}
	}
	go take(&b, &second)
	go take(&c, &third)
	time.Sleep(20 * time.Millisecond)
	if second.Load() != 0 || third.Load() != 0 {
		t.Fatal("one began beside a giant")
	}
	c.close()
	waitFor(t, "the one that was called off", func() bool { return third.Load() == 2 })
	m.give(held{giant: a.settle()})
	waitFor(t, "the one that waited", func() bool { return second.Load() == 1 })
}

func waitFor(t *testing.T, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !done(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: nothing happened", what)
		}
	}
}
